"""What torch costs: a training step through `eventsim.torch.EventLayer`, beside the same step without torch.

Forward pass, loss, backward pass, Adam; the same networks and samples as in `spike_gradient`.
One thread. The loss is the cross entropy of the first output spikes; in torch with `torch.optim.Adam`, fused,
else `TimeToFirstSpike` and our `Adam`, by `SpikeLearner`, as anybody trains without torch, and by nothing but
`SpikeGradient`; and in torch around a layer that does nothing, which is what torch itself takes.
Rates are 1e-12, so that all go on with the work they began with; they must agree on the loss.
Milliseconds of processor time a step, median over the repeats of a few steps each, in turn, after a warm-up;
a ratio is the median of those of the repeats.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import eventsim as es
from eventsim.benchmarks.spike_gradient import WORKS
from eventsim.models.training import SpikeLearner
from eventsim.models.training.losses.first_spike import TimeToFirstSpike
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.parametrisations import Clip
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(12.0, 4.0)
RATE = 1e-12
AT_LEAST = 0.1  # s that a measurement takes at least, about

Step = Callable[[], float]


def learned(parameters: Mapping[str, Any]) -> list[str]:
    """Return what is learned: weights and delays, where there are any."""
    return [k for k, v in parameters.items() if k.startswith("weight") or (k.startswith("delay") and v.all())]


def native(net: es.Network, inputs: dict[str, Any], until: float, labels: Any) -> Step:
    """Return a step of SpikeLearner with our Adam."""
    learn = learned(es.models.gradients.SpikeGradient(net).parameters)
    # Times count in the unit of the network, here as everywhere else.
    loss, adam = TimeToFirstSpike(xi=1.0 / net.populations["label"].model.tau_syn, alpha=0.0), Adam(RATE)
    learner = SpikeLearner(net, "label", loss, learn=learn, delays=Clip(), until=until)
    return lambda: learner.step(inputs, labels, adam).loss


def by_hand(net: es.Network, inputs: dict[str, Any], until: float, labels: Any) -> Step:
    """Return a step of SpikeGradient with our Adam, and nothing else."""
    grad = es.models.gradients.SpikeGradient(net, time_constants=False)
    values = {key: grad.parameters[key] for key in learned(grad.parameters)}
    loss, adam = TimeToFirstSpike(xi=1.0, alpha=0.0), Adam(RATE)

    def step() -> float:
        run = grad.forward(inputs, until=until)
        losses, errors = loss(run.first_spikes("label"), labels)
        found = grad.backward(run, {"label": errors / len(labels)}).parameters
        adam.update(values, {key: found[key] for key in values})
        return float(losses.mean())

    return step


def in_torch(net: es.Network, inputs: dict[str, Any], until: float, labels: Any) -> Step:
    """Return the same step by EventLayer and torch's Adam."""
    import torch

    from eventsim.torch import EventLayer

    torch.set_num_threads(1)
    learn = learned(es.models.gradients.SpikeGradient(net).parameters)
    layer = EventLayer(net, "label", until=until, learn=learn)
    times = inputs["input"]
    if isinstance(times, np.ndarray):
        times = torch.from_numpy(times)
    else:
        times = [(torch.from_numpy(t), torch.from_numpy(u)) for t, u in times]
    return _step(layer, times, labels)


def torch_alone(net: es.Network, inputs: dict[str, Any], until: float, labels: Any) -> Step:
    """Return the same step around a function that knows its output times and has no derivatives."""
    import torch

    grad = es.models.gradients.SpikeGradient(net)
    known = torch.from_numpy(grad.forward(inputs, until=until).first_spikes("label"))

    class Known(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *parameters: Any) -> Any:
            ctx.save_for_backward(*parameters)
            return known.clone()

        @staticmethod
        def backward(ctx: Any, errors: Any) -> Any:
            return tuple(torch.zeros_like(parameter) for parameter in ctx.saved_tensors)

    class Layer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            values = [torch.tensor(grad.parameters[key]) for key in learned(grad.parameters)]
            self.values = torch.nn.ParameterList(values)

        def forward(self, times: Any) -> Any:
            return Known.apply(*self.values)

    return _step(Layer(), None, labels)


def _step(layer: Any, times: Any, labels: Any) -> Step:
    import torch

    torch.set_num_threads(1)
    adam, target = torch.optim.Adam(layer.parameters(), lr=RATE, fused=True), torch.from_numpy(labels)

    def step() -> float:
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(-layer(times), target)
        loss.backward()
        adam.step()
        return float(loss.detach())

    return step


def run(plan: Plan) -> Rows:
    """Measure steps of each kind in turn; nothing where torch is not installed."""
    if not plan.has("torch"):
        return
    for work, make in list(WORKS.items())[: plan.pick(None, 2)]:
        net, inputs, until, n = make()
        labels = np.arange(n) % net.populations["label"].n
        sides = {"SpikeLearner": native, "SpikeGradient": by_hand, "EventLayer": in_torch}
        sides["torch around nothing"] = torch_alone
        steps = {name: side(net, inputs, until, labels) for name, side in sides.items()}
        taken: dict[str, list[float]] = {name: [] for name in sides}
        n_steps = dict.fromkeys(sides, 1)
        for repeat in range(plan.repeats + 1):
            plan.announce(f"{work}, {repeat + 1} of {plan.repeats + 1}")
            losses = []
            for name, step in steps.items():
                begin = time.process_time()
                for _ in range(n_steps[name]):
                    loss = step()
                seconds = (time.process_time() - begin) / n_steps[name]
                if repeat:
                    taken[name].append(seconds * 1e3)
                else:
                    n_steps[name] = math.ceil(AT_LEAST / seconds)
                losses.append(loss)
            if not np.ptp(losses) <= 1e-6 * abs(losses[0]):
                raise ArithmeticError(f"{work}: losses differ, {losses}")
        row = {"work": work, "n": n}
        for name, each in taken.items():
            ours = "" if name.startswith("torch") else "eventsim, "
            yield row | {"system": ours + name, "value": statistics.median(each), "unit": "ms/step"}
        for name in ("SpikeLearner", "SpikeGradient"):
            pairs = zip(taken[name], taken["EventLayer"], strict=True)
            value = statistics.median(b / a for a, b in pairs)
            yield row | {"system": f"eventsim, EventLayer / {name}", "value": value, "unit": "times"}

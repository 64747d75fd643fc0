"""What torch costs: a training step through `eventsim.torch.EventLayer`, beside the same step without torch.

Forward pass, loss, backward pass, Adam; the same networks and samples as in `spike_gradient`, one thread.
The loss is the cross entropy of the first output spikes; on the one side in torch, with `torch.optim.Adam`
(fused), on the other `TimeToFirstSpike` and our `Adam`. Rates are 1e-6, so that both go on with the work they
began with; they must agree on the loss. Milliseconds of processor time a step, median over the repeats of a
few steps each, both sides in turn, after a warm-up; the ratio is the median of those of the repeats.

    python -m benchmarks.torch_bridge
"""

import statistics
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

import eventsim as es
from eventsim.benchmarks.spike_gradient import WORKS
from eventsim.models.losses import TimeToFirstSpike
from eventsim.models.optimisers import Adam

RATE = 1e-6
BATCHES = 5  # steps of one measurement

Step = Callable[[], float]


def learned(parameters: Mapping[str, Any]) -> list[str]:
    """Return what is learned: weights and delays, where there are any."""
    return [k for k, v in parameters.items() if k.startswith("weight") or (k.startswith("delay") and v.all())]


def native(net: es.Network, inputs: dict[str, Any], until: float, labels: Any) -> Step:
    """Return a step by SpikeGradient and our Adam."""
    grad = es.models.rules.SpikeGradient(net, time_constants=False)
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
    learn = learned(es.models.rules.SpikeGradient(net).parameters)
    layer = EventLayer(net, "label", until=until, learn=learn)
    adam = torch.optim.Adam(layer.parameters(), lr=RATE, fused=True)
    times, target = inputs["input"], torch.from_numpy(labels)
    if isinstance(times, np.ndarray):
        times = torch.from_numpy(times)
    else:
        times = [(torch.from_numpy(t), torch.from_numpy(u)) for t, u in times]

    def step() -> float:
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(-layer(times), target)
        loss.backward()
        adam.step()
        return float(loss.detach())

    return step


def run(repeats: int = 5) -> list[dict[str, Any]]:
    """Measure; rows of work, system, figure, unit."""
    if find_spec("torch") is None:
        return []
    rows = []
    for work, make in WORKS.items():
        net, inputs, until, n = make()
        labels = np.arange(n) % net.populations["label"].n
        steps = [side(net, inputs, until, labels) for side in (native, in_torch)]
        taken: list[list[float]] = [[], []]
        for _ in range(repeats + 1):
            losses = []
            for step, times in zip(steps, taken, strict=True):
                begin = time.process_time()
                for _ in range(BATCHES):
                    loss = step()
                times.append((time.process_time() - begin) / BATCHES * 1e3)
                losses.append(loss)
            if not abs(losses[0] - losses[1]) <= 1e-6 * abs(losses[0]):
                raise RuntimeError(f"{work}: losses differ, {losses[0]} and {losses[1]}")
        ours, theirs = taken[0][1:], taken[1][1:]
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        rows += [
            {"work": f"{work}, {what}", "system": "eventsim", "figure": figure, "unit": unit}
            for what, figure, unit in (
                ("native step", statistics.median(ours), "ms"),
                ("torch step", statistics.median(theirs), "ms"),
                ("torch / native", ratio, ""),
            )
        ]
    return rows


if __name__ == "__main__":
    for row in run():
        print(f"{row['work']:<45} {row['figure']:>10.4f} {row['unit']}")

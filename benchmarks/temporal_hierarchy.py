"""A training step of multi-time-scale XOR beside torch: milliseconds of processor time, on one thread each.

512 samples of 100 steps, two hidden layers of 10 or three of 32 with trained time constants, float32: forward
with normalisation by the batch and dropout, loss at every step, backward, Adam. In torch it is the same
network as its users write it: products and normalisation of all steps at once, a Python loop over time for
the membranes, autograd with the box surrogate. Both begin with the same weights; without dropout their losses
must agree. Steps in turn, medians over the repeats; a run of the paper, 60 epochs of 20 batches, is 1200
steps.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from eventsim.io import datasets
from eventsim.models.training.batches import Batch, seeded
from eventsim.models.training.task import Task
from eventsim.registry import find
from eventsim.scenarios.benchmark import Plan, Rows, Seconds
from eventsim.scenarios.temporal_hierarchy.learner import HierarchyLearner, learner

SECONDS = Seconds(40.0, 6.0)
STEPS_OF_A_RUN = 1200
NETWORKS: dict[str, dict[str, Any]] = {
    "40-10-10-2": {},
    "40-32-32-32-2, time constants trained": {"n_layers": 3, "n_hidden": 32, "tau_mem": 200.0}
    | {"delta_tau": 0.0, "train_tau": True},
}


def in_torch(one: HierarchyLearner, task: Task, dropout: float) -> Callable[[], float]:
    """Return a training step in torch, from the present parameters of the learner."""
    import torch

    class Spike(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, v: Any) -> Any:
            ctx.save_for_backward(v)
            return (v > 1).to(v.dtype)

        @staticmethod
        def backward(ctx: Any, ds: Any) -> Any:
            (v,) = ctx.saved_tensors
            return ds * ((v - 1).abs() < 0.5)

    arrays = one.network.arrays()
    trained = {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}
    hidden = zip(one.network.names, one.network.neurons, strict=True)
    fixed = {f"decay/{name}": torch.tensor(neurons.alpha) for name, neurons in hidden}
    settings = one.network.settings
    alpha_out = float(np.exp(-settings.step / settings.tau_out))
    optimiser = torch.optim.Adam(trained.values(), lr=settings.learning_rate)
    x = torch.tensor(one.shown("train", slice(0, settings.batch)))
    labels = torch.tensor(task.labels("train")[: settings.batch].T)
    names = ["input", *one.network.names, "label"]

    def step() -> float:
        optimiser.zero_grad()
        s = x
        for pre, post in pairwise(names):
            z = s @ trained[f"weight/{pre}->{post}"]
            variance, mean = torch.var_mean(z, (0, 1), correction=0)
            scale = torch.rsqrt(variance + 1e-5) * trained[f"gamma/{post}"]
            current = (z - mean) * scale + trained[f"beta/{post}"]
            v = torch.zeros_like(current[0])
            out = []
            if post == "label":
                for value in current.unbind(0):
                    v = alpha_out * v + (1 - alpha_out) * value
                    out.append(v)
            else:
                alpha = trained.get(f"decay/{post}", fixed[f"decay/{post}"]).clamp(1e-5, 0.98)
                spike = v
                for value in current.unbind(0):
                    v = alpha * v + value - spike
                    spike = Spike.apply(v)
                    out.append(spike)
            s = torch.stack(out)
            if dropout and post != "label":
                s = torch.nn.functional.dropout(s, dropout)
        p = torch.softmax(s, -1).gather(-1, labels[..., None])
        loss = -torch.log(p + 1e-12).mean()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def made(values: dict[str, Any], dropout: float) -> tuple[HierarchyLearner, Task]:
    settings = find("scenario", "temporal-hierarchy")(**values, dropout=dropout)
    samples = datasets.mts_xor(settings.batch, seed=1)
    task = Task("mts-xor", 40, 2, {"train": (samples.spikes, samples.labels)})
    return learner(settings, task, seeded(1)), task


def milliseconds(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return 1e3 * (time.process_time() - began)


def run(plan: Plan) -> Rows:
    """Measure steps."""
    peer = plan.has("torch")
    for name, values in NETWORKS.items():
        one, task = made(values, 0.1)
        batch = Batch(0, 0, 0, np.arange(task.size("train")))
        work = f"training step, {name}"
        plan.announce(work)
        ours = partial(one.step, batch)
        theirs = None
        if peer:
            import torch

            torch.set_num_threads(1)
            theirs = in_torch(one, task, 0.1)
            plain, same = made(values, 0.0)
            expected = in_torch(plain, same, 0.0)()
            found = float(plain.step(batch).means()["train_loss"])
            if abs(found - expected) > 1e-5 * expected:
                raise RuntimeError(f"losses differ: {found} here, {expected} in torch")
        times: dict[str, list[float]] = {"eventsim": [], "torch": []}
        for _ in range(plan.pick(4 * plan.repeats, plan.repeats) + 1):
            times["eventsim"].append(milliseconds(ours))
            if theirs is not None:
                times["torch"].append(milliseconds(theirs))
        for system, seconds in times.items():
            if seconds:
                value = statistics.median(seconds[1:])
                yield {"work": work, "system": system, "n": task.size("train"), "value": value, "unit": "ms"}
        whole = statistics.median(times["eventsim"][1:]) * STEPS_OF_A_RUN / 1e3
        yield {"work": f"run of {STEPS_OF_A_RUN} steps, {name}", "system": "eventsim", "n": 10_240} | {
            "value": whole,
            "unit": "s",
        }

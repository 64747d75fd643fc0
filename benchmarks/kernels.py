"""Gradient kernels beside each other: milliseconds a sample, forward and backward, of every form.

First-spike closed forms, in rows (a layer at a time) and lanes (a target at a time, samples side by side);
and EventProp, the adjoint pass: vectorised over neurons, time-binned, and per neuron. Each network is given
to all forms that take it, and to "auto", which picks the fastest by its own rules:

- Yin-Yang, 5-120-3, one spike a neuron, no delays (150 samples);
- DelGrad, 4-30-3, one spike a neuron, a delay for each synapse (150 samples);
- MNIST, 784-350-10, one spike a neuron, no delays (32 samples);
- recurrent, 700-128-10, 1400 input spikes a sample over 1 s, hidden neurons that spike several times, with
  one delay for each source (axonal) or for each synapse (synaptic) (16 samples).

All output spikes have an error. CPU time on one thread, all forms in turn, the median over the repeats; the
last column is the ratio to "auto". All forms must find the same number of spikes.
"""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import eventsim as es
from eventsim.benchmarks.spike_gradient import delgrad, first_spike, recurrent
from eventsim.errors import ConfigError
from eventsim.models.gradients import ForwardPass, SpikeGradient
from eventsim.scenarios.benchmark import Plan, Row, Rows, Seconds

SECONDS = Seconds(14.0, 3.0)
AT_LEAST = 0.05  # s that a measurement takes at least, about
FORMS = (
    "auto",
    "first-spike-rows",
    "first-spike-lanes",
    "eventprop-vectorised",
    "eventprop-time-binned",
    "eventprop-per-neuron",
)

Problem = tuple[es.Network, dict[str, Any], float, int]  # inputs of n samples, end of the run, n


def yin_yang() -> Problem:
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    model = es.models.LIF(first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 5)
    net.add("hidden", model, 120)
    net.add("label", model, 3)
    net.connect("input", "hidden", weight=rng.normal(1.5, 0.8, (5, 120)))
    net.connect("hidden", "label", weight=rng.normal(0.5, 0.8, (120, 3)))
    return net, {"input": rng.uniform(0.15, 2, (150, 5))}, np.inf, 150


WORKS: dict[str, Callable[[], Problem]] = {
    "Yin-Yang 5-120-3": yin_yang,
    "DelGrad 4-30-3": delgrad,
    "MNIST 784-350-10": first_spike,
    "recurrent 700-128-10 axonal": lambda: recurrent("axonal"),
    "recurrent 700-128-10 synaptic": lambda: recurrent("synaptic"),
}


class Form:
    """A form of a kernel, with a network and its inputs.

    Raises
    ------
    ConfigError
        If it does not take the network.
    """

    def __init__(self, kernel: str, problem: Problem) -> None:
        self.net, self.inputs, self.until, self.n_samples = problem
        self.gradient = SpikeGradient(self.net, time_constants=False, kernel=kernel)
        self.times = 1
        forward, backward = self.seconds()  # loads what is loaded on first use
        self.times = max(1, math.ceil(AT_LEAST / (forward + backward)))
        self.forward: list[float] = []
        self.backward: list[float] = []

    def seconds(self) -> tuple[float, float]:
        """Return CPU seconds of a forward pass and of a backward pass."""
        forward = backward = 0.0
        for _ in range(self.times):
            began = time.process_time()
            run = self.gradient.forward(self.inputs, until=self.until)
            forward += time.process_time() - began
            errors = self.errors(run)
            began = time.process_time()
            self.gradient.backward(run, {"label": errors})
            backward += time.process_time() - began
        self.n_spikes = int(run.counts("label").sum())
        return forward / self.times, backward / self.times

    def errors(self, run: ForwardPass) -> Any:
        """Return the derivatives of a loss in all output spikes, in the shape that is quick to read."""
        label = self.net.populations["label"]
        if label.model.first_spike_only:
            return np.ones((self.n_samples, label.n))
        return [np.ones(len(run.spikes("label", sample))) for sample in range(self.n_samples)]

    def measure(self) -> None:
        """Measure once more, in milliseconds a sample."""
        forward, backward = self.seconds()
        self.forward.append(1e3 * forward / self.n_samples)
        self.backward.append(1e3 * backward / self.n_samples)


def forms(problem: Problem) -> dict[str, Form]:
    """Return all forms that take a network, "auto" first."""
    found = {}
    for kernel in FORMS:
        try:
            found[kernel] = Form(kernel, problem)
        except ConfigError:
            continue
    return found


def fewer(problem: Problem, n: int) -> Problem:
    """Return the network with its first n samples."""
    net, inputs, until, _ = problem
    return net, {name: samples[:n] for name, samples in inputs.items()}, until, n


def run(plan: Plan) -> Rows:
    """Measure all forms of all networks."""
    for work, make in WORKS.items():
        plan.announce(work)
        problem = make()
        found = forms(fewer(problem, problem[3] // plan.pick(1, 4)))
        for repeat in range(plan.repeats):
            plan.announce(f"{work}, {', '.join(found)}, {repeat + 1} of {plan.repeats}")
            for form in found.values():
                form.measure()
        counts = {kernel: form.n_spikes for kernel, form in found.items()}
        if len(set(counts.values())) > 1 or not all(counts.values()):
            raise ArithmeticError(f"{work}: output spikes differ: {counts}")
        for what in ("forward", "backward"):
            auto = statistics.median(getattr(found["auto"], what))
            for kernel, form in found.items():
                yield row(f"{work}, {what}", kernel, statistics.median(getattr(form, what)), auto)


def row(work: str, kernel: str, value: float, auto: float) -> Row:
    """Return the row of one form."""
    found = {"work": work, "system": f"eventsim, {kernel}", "value": value, "unit": "ms/sample"}
    if kernel != "auto":
        found |= {"ratio_to_auto": value / auto, "note": f"{value / auto:.3g} x auto"}
    return found

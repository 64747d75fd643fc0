"""Exact spike-time gradients: milliseconds a sample of the forward and the backward pass, and their ratio.

Three networks, in one thread: `delgrad`, 4-30-3, one spike per neuron, delays per synapse (150 samples);
`first-spike`, 784-350-10, one spike per neuron (32 samples); `recurrent`, 700-128-10, 1400 input spikes a
sample over 1 s, the hidden neurons connected to one another and spiking several times, with one delay for
each source (`axonal`) or each synapse (`synaptic`) (16 samples). All output spikes have an error, so nothing
is left out of the backward pass. Results are CPU time, the median over the repeats, after a warm-up.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(2.0, 1.0)


def delgrad() -> tuple[es.Network, dict[str, Any], float, int]:
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    model = es.models.LIF(tau_mem=2.0, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", model, 30)
    net.add("label", model, 3)
    for pre, post, n in (("input", "hidden", (4, 30)), ("hidden", "label", (30, 3))):
        net.connect(pre, post, weight=rng.normal(1, 1, n), delay=rng.uniform(0.3, 0.7, n))
    return net, {"input": rng.uniform(0.15, 2, (150, 4))}, np.inf, 150


def first_spike() -> tuple[es.Network, dict[str, Any], float, int]:
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    model = es.models.LIF(first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 784)
    net.add("hidden", model, 350)
    net.add("label", model, 10)
    net.connect("input", "hidden", weight=rng.normal(0.05, 0.8, (784, 350)))
    net.connect("hidden", "label", weight=rng.normal(0.15, 0.8, (350, 10)))
    return net, {"input": rng.uniform(0.15, 2, (32, 784))}, np.inf, 32


def recurrent(kind: str) -> tuple[es.Network, dict[str, Any], float, int]:
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 700)
    net.add("hidden", es.models.LIF(tau_mem=20.0, tau_syn=10.0, t_ref=2.0), 128)
    net.add("label", es.models.LIF(tau_mem=20.0, tau_syn=10.0), 10)

    def delay(n_pre: int, n_post: int) -> Any:
        return rng.uniform(5, 15, (n_pre, 1) if kind == "axonal" else (n_pre, n_post))

    net.connect("input", "hidden", weight=rng.normal(0.005, 0.03, (700, 128)), delay=delay(700, 128))
    net.connect("hidden", "hidden", weight=rng.normal(-0.01, 0.02, (128, 128)), delay=delay(128, 128))
    net.connect("hidden", "label", weight=rng.normal(0.02, 0.04, (128, 10)), delay=delay(128, 10))
    samples = [(rng.uniform(0, 1000, 1400), rng.integers(0, 700, 1400)) for _ in range(16)]
    return net, {"input": samples}, 1050.0, 16


WORKS: dict[str, Callable[[], tuple[es.Network, dict[str, Any], float, int]]] = {
    "delgrad 4-30-3 synaptic": delgrad,
    "first-spike 784-350-10": first_spike,
    "recurrent 700-128-10 axonal": lambda: recurrent("axonal"),
    "recurrent 700-128-10 synaptic": lambda: recurrent("synaptic"),
}


def run(plan: Plan) -> Rows:
    """Measure forward and backward passes of all networks."""
    for work, make in WORKS.items():
        plan.announce(work)
        net, inputs, until, n = make()
        grad = es.models.gradients.SpikeGradient(net, time_constants=False)
        forward, backward = [], []
        for repeat in range(plan.repeats + 1):
            start = time.process_time()
            found = grad.forward(inputs, until=until)
            middle = time.process_time()
            errors = [np.ones(len(found.spikes("label", sample))) for sample in range(n)]
            begin = time.process_time()
            grad.backward(found, {"label": errors})
            if repeat:
                forward.append((middle - start) / n * 1e3)
                backward.append((time.process_time() - begin) / n * 1e3)
        there, back = statistics.median(forward), statistics.median(backward)
        if not back or not found.counts("label").any():
            raise ArithmeticError(f"{work}: no output spikes")
        row = {"work": work, "n": n}
        yield row | {"system": "eventsim, forward", "value": there, "unit": "ms/sample"}
        yield row | {"system": "eventsim, backward", "value": back, "unit": "ms/sample"}
        yield row | {"system": "eventsim, backward / forward", "value": back / there, "unit": "times"}

"""The learner's forward pass against the event engine, on the whole Yin-Yang test set."""

import numpy as np
import pytest

import eventsim as es
from eventsim.io import datasets
from eventsim.models.inputs.encoding import latency
from eventsim.models.training import SpikeLearner

N_HIDDEN = 120
BIAS_TIME = 0.9


def network(tau_mem, seed):
    """Return a network with the initial weights of the published Yin-Yang runs."""
    rng = np.random.default_rng(seed)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 4)
    net.add("bias", es.models.SpikeSource(), 1)
    for name, n in (("hidden", N_HIDDEN), ("label", 3)):
        net.add(name, es.models.LIF(tau_mem=tau_mem, first_spike_only=True), n)
    for pre, post, mean in (
        ("input", "hidden", 1.5),
        ("bias", "hidden", 1.5),
        ("hidden", "label", 0.5),
        ("bias", "label", 0.5),
    ):
        shape = net.populations[pre].n, net.populations[post].n
        net.connect(pre, post, weight=rng.normal(mean, 0.8, shape))
    return net


def simulated(net, schedule, times):
    """Return the first spikes of both layers, (n,) each, as a simulation of one sample gives them."""
    sim = es.Simulation(net, schedule=schedule)
    sim.stimulate("input", times, np.arange(4))
    sim.stimulate("bias", [BIAS_TIME])
    sim.run(40.0)
    first = {}
    for name in ("hidden", "label"):
        spikes = sim.spikes(name)
        first[name] = np.full(net.populations[name].n, np.inf)
        first[name][spikes.units] = spikes.times
        assert len(np.unique(spikes.units)) == len(spikes)
    return first


@pytest.mark.parametrize(
    ("tau_mem", "schedule", "n"), [(1.0, "ordered", 1000), (2.0, "ordered", 200), (1.0, "layered", 200)]
)
def test_the_engine_gives_the_learners_first_spikes_on_the_test_set(tau_mem, schedule, n):
    samples, _ = datasets.yin_yang(size=n, seed=40)
    times = latency(samples)
    net = network(tau_mem, seed=1)
    learner = SpikeLearner(net, "label", learn="weight")
    run = learner.forward({"input": times, "bias": [[BIAS_TIME]]})
    learned = {name: run.first_spikes(name) for name in learner.spiking}
    for k in range(n):
        engine = simulated(net, schedule, times[k])
        for name, first in engine.items():
            silent = np.isinf(first)
            assert (silent == np.isinf(learned[name][k])).all()
            np.testing.assert_allclose(learned[name][k][~silent], first[~silent], rtol=0, atol=1e-12)

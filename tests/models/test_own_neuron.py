"""The neuron of examples/adaptive_lif.py: a model outside the package, in Python, exact."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es
from eventsim import registry

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "adaptive_lif.py"


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setitem(registry._parts, "neuron", dict(registry.parts("neuron")))  # registered for one test
    return runpy.run_path(str(EXAMPLE))["AdaptiveLIF"]


def simulation(model, n=1, inputs=((), ()), **parameters):
    net = es.Network(seed=1)
    net.add("in", es.models.SpikeSource(), n)
    net.add("cells", model(**parameters), n)
    net.connect("in", "cells", es.connect.one_to_one(), weight=0.6, delay=0.5)
    sim = es.Simulation(net)
    sim.stimulate("in", *inputs)
    return sim


def integrated(model, inputs, until):
    """Return the spike times of one unit by numerical integration from event to event."""
    v, w, t, spikes = 0.0, 0.0, 0.0, []
    arrivals = [time + 0.5 for time in inputs] + [until]

    def slope(_, y):
        return [(model.i_ext - y[0] - y[1]) / model.tau_mem, -y[1] / model.tau_w]

    def above(_, y):
        return y[0] - 1.0

    above.terminal, above.direction = True, 1.0
    for k, arrival in enumerate(arrivals):
        while True:
            found = solve_ivp(
                slope, (t, arrival), [v, w], events=above, rtol=1e-12, atol=1e-13, method="DOP853"
            )
            t, (v, w) = found.t[-1], found.y[:, -1]
            if not len(found.t_events[0]):
                break
            spikes.append(t)
            v, w = 0.0, w + model.b
        if k < len(inputs):
            v += 0.6
            if v >= 1.0:
                spikes.append(t)
                v, w = 0.0, w + model.b
    return spikes


def test_without_adaptation_the_intervals_are_those_of_a_lif(model):
    sim = simulation(model, b=0.0, i_ext=1.5)
    sim.run(60.0)
    times = sim.spikes("cells").times
    assert times == pytest.approx(10.0 * np.log(3.0) * np.arange(1, 6), rel=1e-14)


def test_spikes_are_those_of_numerical_integration(model):
    rng = np.random.default_rng(1)
    inputs = np.sort(rng.uniform(0, 150, 40))
    sim = simulation(model, inputs=(inputs, np.zeros(40, int)), i_ext=1.2)
    sim.run(150.0)
    times = sim.spikes("cells").times
    assert len(times) > 15
    assert times == pytest.approx(integrated(model(i_ext=1.2), inputs, 150.0), abs=1e-9)


def test_a_restored_simulation_spikes_to_the_bit_as_before(model):
    rng = np.random.default_rng(2)
    sim = simulation(model, 4, (rng.uniform(0, 100, 60), rng.integers(0, 4, 60)), i_ext=1.2)
    sim.record("cells", "w", every=0.7)
    sim.run(40.0)
    state = sim.snapshot()
    sim.run(100.0)
    spikes, samples = sim.spikes("cells"), sim.trace("cells", "w").values.copy()
    sim.restore(state)
    sim.run(100.0)
    assert (sim.spikes("cells").times == spikes.times).all()
    assert (sim.spikes("cells").units == spikes.units).all()
    assert (sim.trace("cells", "w").values == samples).all()


def test_recording_changes_no_spike(model):
    found = []
    for watched in (False, True):
        sim = simulation(model, 2, ([3.0, 8.0], [0, 1]), i_ext=1.3)
        if watched:
            sim.record("cells", "v", every=0.1)
        sim.run(80.0)
        found.append(sim.spikes("cells").times)
    assert (found[0] == found[1]).all()


def test_the_example_is_a_model_and_is_found_by_its_name(model):
    assert isinstance(model(), es.NeuronModel)
    assert es.find("neuron", "adaptive_lif") is model


@pytest.mark.parametrize("hook", ["flow", "time_to_spike", "on_input", "on_spike"])
def test_a_neuron_without_one_of_its_functions_is_refused_by_name(hook):
    names = {"flow", "time_to_spike", "on_input", "on_spike"} - {hook}
    with pytest.raises(TypeError, match=f"Half.*{hook}"):
        type("Half", (es.PythonNeuron,), {name: lambda *_: 0.0 for name in names})()


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_a_spike_in_the_past_is_refused_with_the_population_and_the_unit(model, monkeypatch, wrong):
    monkeypatch.setattr(model, "time_to_spike", lambda self, v, w: wrong)
    with pytest.raises(ValueError, match=r"time_to_spike of 'cells' must be a time >= 0 or inf.*unit 0"):
        simulation(model).run(1.0)

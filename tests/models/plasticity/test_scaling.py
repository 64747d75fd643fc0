"""Synaptic scaling, against scipy's integration of its equations between the spikes of a run."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es
from eventsim.models.plasticity import SynapticScaling

RATE, STEP, TAU = 0.03, 0.05, 40.0
DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 9.0, (8, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 9.0, (8, 8)),
}


def network(rule, delay):
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=400.0), 8)
    net.add("cells", es.models.LIF(v_th=1.0, t_ref=2.0), 8)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=1.2, delay=0.5)
    weight = np.random.default_rng(3).normal(0.05, 0.1, (8, 8))
    net.connect("cells", "cells", weight=weight, delay=delay, name="scaled")
    net.add_plasticity("scaled", rule)
    return net


def integrated(weight, spikes, until):
    """Return a weight at a time, by steps from spike to spike."""
    t, x = 0.0, [weight, 0.0]
    sign = np.sign(weight)
    for stop in [*spikes[spikes < until], until]:
        if stop > t:
            found = solve_ivp(
                lambda _, x: [sign * STEP * (RATE - x[1]) * x[0], -x[1] / TAU],
                (t, stop),
                x,
                "DOP853",
                rtol=1e-12,
                atol=1e-14,
            )
            t, x = stop, found.y[:, -1]
        x = [x[0], x[1] + 1.0 / TAU]
    return x[0]


@pytest.mark.parametrize("schedule", ["ordered", "auto"])
@pytest.mark.parametrize("seen", ["dendritic", "axonal"])
@pytest.mark.parametrize("delays", DELAYS)
def test_weights_are_those_of_the_integrated_equations(delays, seen, schedule):
    rule = SynapticScaling(RATE, STEP, TAU, seen)
    sim = es.Simulation(network(rule, DELAYS[delays]), schedule=schedule)
    before = sim.weights("scaled")[2].copy()
    sim.run(77.7)
    sim.weights("scaled")
    sim.run(200.0)
    spikes = sim.spikes("cells")
    _, post, weight, delay = sim.weights("scaled")
    assert len(spikes) > 50
    assert np.abs(np.log(weight / before)).max() > 0.2
    for k in range(0, len(weight), 3):
        until = 200.0 - (2 * delay[k] if seen == "dendritic" else 0.0)
        wanted = integrated(before[k], spikes.times[spikes.units == post[k]], until)
        assert weight[k] == pytest.approx(wanted, rel=1e-9)


def test_a_spike_acts_with_the_weight_of_two_delays_before():
    net = es.Network()
    net.add("teacher", es.models.SpikeSource(times=[5.0, 9.0, 30.0]), 1)
    net.add("input", es.models.SpikeSource(times=[40.0]), 1)
    net.add("cell", es.models.LIF(v_th=10.0, tau_syn=1.0), 1)
    net.connect("teacher", "cell", weight=1e4, delay=0.0)
    net.connect("input", "cell", weight=2.0, delay=6.0)
    net.add_plasticity("input->cell", SynapticScaling(RATE, STEP, TAU))
    sim = es.Simulation(net, schedule="ordered")
    sim.record("cell", "i_syn", every=1.0)
    sim.run(47.0)
    spikes = sim.spikes("cell").times
    with_input, at = sim.trace("cell", "i_syn").values[46, 0], 46.0
    teacher = sum(1e4 * np.exp(t - at) for t in (5.0, 9.0, 30.0))
    assert with_input - teacher == pytest.approx(integrated(2.0, spikes, 34.0), rel=1e-6)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_snapshots_slices_and_reads_change_no_bit(schedule, tmp_path):
    rule = SynapticScaling(RATE, STEP, TAU)
    whole = es.Simulation(network(rule, 1.5), schedule=schedule)
    whole.run(400.0)
    sliced = es.Simulation(network(rule, 1.5), schedule=schedule)
    for end in (10.1, 77.7, 190.0):
        sliced.run(end)
        sliced.weights("scaled")
    again = es.Simulation(network(rule, 1.5), schedule=schedule)
    again.restore(sliced.snapshot())
    for sim in (sliced, again):
        sim.run(400.0)
        np.testing.assert_array_equal(sim.weights("scaled")[2], whole.weights("scaled")[2])
    np.testing.assert_array_equal(sliced.spikes("cells").times, whole.spikes("cells").times)
    whole.save(tmp_path / "run.h5")
    saved = es.io.load(tmp_path / "run.h5").parameters["weight/scaled"]
    np.testing.assert_array_equal(np.sort(np.ravel(saved)), np.sort(whole.weights("scaled")[2]))


def test_the_schedules_have_the_same_bits_where_spikes_do():
    found = []
    for schedule in ("ordered", "windows"):
        net = es.Network(seed=5)
        net.add("input", es.models.Poisson(rate=300.0), 20)
        net.add("cells", es.models.LIFDelta(v_th=1.0), 5)
        net.connect("input", "cells", weight=0.3, delay=1.0)
        net.add_plasticity("input->cells", SynapticScaling(RATE, 0.002, TAU))
        sim = es.Simulation(net, schedule=schedule)
        sim.run(300.0)
        assert len(sim.spikes("cells")) > 30
        found.append((sim.spikes("cells").times, sim.weights("input->cells")[2]))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=0, atol=1e-11)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-12)


def test_weights_that_are_set_go_on_from_there():
    sim = es.Simulation(network(SynapticScaling(RATE, STEP, TAU), 1.5), schedule="ordered")
    sim.run(50.0)
    new = np.full(64, 0.02)
    sim.set_weights("scaled", new.reshape(8, 8))
    np.testing.assert_allclose(sim.weights("scaled")[2], new, rtol=1e-15)
    sim.run(120.0)
    assert np.ptp(sim.weights("scaled")[2]) > 1e-4


def test_a_weight_that_grows_without_bound_stops_the_run():
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 1e4]), 1)
    net.add("cell", es.models.LIF(v_th=float("inf")), 1)
    net.connect("input", "cell", weight=1.0, delay=1.0)
    net.add_plasticity("input->cell", SynapticScaling(1.0, 1.0))
    with pytest.raises(OverflowError, match=r"weight of synapse 0 of 'input->cell' inf before 10001\.0"):
        es.Simulation(net).run(2e4)


def test_bad_parameters_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"tau must be positive, got 0"):
        SynapticScaling(tau=0)
    with pytest.raises(ValueError, match="target_rate"):
        SynapticScaling(target_rate=-1.0)
    with pytest.raises(ValueError, match="delay must be one of dendritic, axonal, got 'none'"):
        SynapticScaling(delay="none")

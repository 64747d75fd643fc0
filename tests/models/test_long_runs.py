"""However long a run goes on after the last input, it has the spikes of the run that ended early."""

import numpy as np
import pytest

import eventsim as es

CELLS = {
    "at 0": es.models.LIF(),
    "once": es.models.LIF(first_spike_only=True),
    "in millivolts": es.models.LIF(v_leak=-65.0, v_reset=-65.0, v_th=-50.0, tau_mem=10.0, tau_syn=5.0),
    "slow current": es.models.LIF(v_leak=-65.0, v_reset=-65.0, v_th=-50.0, tau_mem=5.0, tau_syn=20.0),
    "equal": es.models.LIF(v_leak=-65.0, v_reset=-65.0, v_th=-50.0, tau_mem=5.0, tau_syn=5.0),
}


@pytest.mark.parametrize("schedule", ["ordered", "layered", "windows"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_long_run_has_the_spikes_of_a_short_one(cell, schedule):
    def spikes(until):
        net = es.Network(seed=1)
        net.add("input", es.models.SpikeSource(times=[1.0, 1.5]), 1)
        net.add("cells", CELLS[cell], 3)
        weight = [[10.0, 20.0, 40.0]] if CELLS[cell].v_leak else [[2.0, 3.0, 5.0]]
        net.connect("input", "cells", weight=np.array(weight), delay=1.0)
        sim = es.Simulation(net, schedule=schedule)
        sim.run(until)
        return sim.spikes("cells").times

    short = spikes(200.0)
    assert len(short) >= 2
    assert short[-1] < 150.0
    for until in (350.0, 400.0, 700.0, 1e3, 1e4):
        np.testing.assert_allclose(spikes(until), short, rtol=1e-12)


@pytest.mark.parametrize("schedule", ["ordered", "layered", "windows"])
@pytest.mark.parametrize("ratio", [0.3, 0.5, 1.0, 1.7, 2.0])
@pytest.mark.parametrize("v_leak", [0.0, -65.0])
def test_a_driven_neuron_goes_on_long_after_its_last_input(schedule, ratio, v_leak):
    net = es.Network(seed=1, time_unit="1")
    net.add("input", es.models.SpikeSource(times=[0.5]), 1)
    cell = es.models.LIF(i_ext=2.0 / ratio, tau_mem=ratio, v_leak=v_leak, v_reset=v_leak, v_th=v_leak + 1.0)
    net.add("cell", cell, 1)
    net.connect("input", "cell", weight=1.0, delay=1.0)
    sim = es.Simulation(net, schedule=schedule)
    sim.run(1500.0)
    times = sim.spikes("cell").times
    period = ratio * np.log(2.0)  # from v_leak to half of the way to v_leak + 2
    assert 1500.0 - times[-1] < period * (1.0 + 1e-9)
    np.testing.assert_allclose(np.diff(times[times > 100.0]), period, rtol=1e-9)

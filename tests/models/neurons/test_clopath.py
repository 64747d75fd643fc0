"""The neuron of Clopath et al. 2010, against scipy's integration of its equations."""

import copy
import pickle

import numpy as np
import pytest

import eventsim as es
from reference.clopath import integrated

KINDS = {
    "as published": {},
    "refractory": {"t_ref": 3.0, "i_ext": 400.0, "v_init": -66.0},
    "no clamp": {"t_clamp": 0.0, "v_peak": 0.0, "i_ext": 700.0, "i_sp": 100.0, "v_t_max": -20.0},
    "fast filters": {"tau_u_bar_plus": 2.0, "tau_u_bar_bar": 30.0, "u_init": -60.0, "w_init": 50.0},
}  # fmt: skip


def simulation(model, times, weights, n=1, **options):
    net = es.Network(seed=2)
    net.add("input", es.models.SpikeSource(times=[list(times)]), 1)
    net.add("cells", model, n)
    net.connect("input", "cells", weight=np.broadcast_to(weights, (1, n)), delay=1.0)
    return es.Simulation(net, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_spikes_and_state_are_those_of_the_integrated_equations(kind):
    model, until = es.models.ClopathAdEx(**KINDS[kind]), 120.0
    times = np.sort(np.random.default_rng(4).uniform(5.0, until, 25))
    sim = simulation(model, times, 12.0)
    for variable in model.variables:
        sim.record("cells", variable, every=until)
    sim.run(until, inclusive=True)
    rule = es.models.plasticity.VoltageSTDP()
    inputs = [(time + 1.0, 0) for time in times if time + 1.0 < until]
    spikes, _, state = integrated(model, rule, inputs, ([], [12.0]), until)
    assert len(spikes) >= 2
    np.testing.assert_allclose(sim.spikes("cells").times, spikes, rtol=0, atol=1e-7)
    ours = [sim.trace("cells", variable).values[-1, 0] for variable in model.variables]
    np.testing.assert_allclose(ours, state, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("v_init", [-30.0, -42.0, -44.0])
@pytest.mark.parametrize("delta_t", [0.5, 2.0])
def test_a_spike_soon_after_the_beginning_is_found(v_init, delta_t):
    """Where the clock resolves times that are too short for the terms of a series."""
    model = es.models.ClopathAdEx(v_init=v_init, delta_t=delta_t)
    sim = simulation(model, [50.0], 1.0)
    sim.run(5.0)
    rule = es.models.plasticity.VoltageSTDP()
    spikes, *_ = integrated(model, rule, [], ([], [1.0]), 5.0)
    assert len(spikes) == 1
    np.testing.assert_allclose(sim.spikes("cells").times, spikes, rtol=0, atol=1e-9)  # tolerance 1e-10


def test_the_membrane_is_clamped_then_reset_then_held_and_inputs_are_lost():
    model = es.models.ClopathAdEx(t_clamp=2.0, t_ref=1.5, v_clamp=20.0)
    sim = simulation(model, [10.0, 11.0, 12.2, 13.0, 13.1], 40.0)
    sim.record("cells", "v", every=0.25)
    sim.run(16.0)
    (spike,) = sim.spikes("cells").times
    trace = sim.trace("cells", "v")
    v = {part: trace.values[(trace.times > spike + low) & (trace.times < spike + high), 0]
         for part, low, high in (("clamp", 0.0, 2.0), ("held", 2.0, 3.5), ("free", 3.5, 4.0))}  # fmt: skip
    assert (v["clamp"] == 20.0).all()
    assert (v["held"] == -60.0).all()
    assert (v["free"] != -60.0).all()
    assert v["free"].max() < -50.0


def test_parameters_per_unit_equal_cells_of_their_own():
    times, peaks = np.arange(5.0, 90.0, 7.0), np.array([-20.0, 0.0, 33.0])
    together = simulation(es.models.ClopathAdEx(v_peak=peaks, b=80.0 * peaks / 33.0), times, 15.0, 3)
    together.run(100.0)
    found = together.spikes("cells")
    assert len(found) >= 3
    for k, peak in enumerate(peaks):
        alone = simulation(es.models.ClopathAdEx(v_peak=peak, b=80.0 * peak / 33.0), times, 15.0)
        alone.run(100.0)
        np.testing.assert_array_equal(found.times[found.units == k], alone.spikes("cells").times)


def test_slices_reads_snapshots_copies_and_pickles_change_no_bit(tmp_path):
    times = np.sort(np.random.default_rng(1).uniform(0.0, 200.0, 60))
    model = es.models.ClopathAdEx(t_ref=1.0)
    whole = simulation(model, times, [12.0, 9.0, 14.0], 3)
    whole.run(200.0)
    sliced = simulation(model, times, [12.0, 9.0, 14.0], 3)
    sliced.record("cells", "u_bar_plus", every=0.37)
    spike = whole.spikes("cells").times[0]
    for end in (0.1, spike - 1e-9, spike, spike + 1.0, spike + 2.0, 77.7):
        sliced.run(end)
    other = simulation(model, times, [12.0, 9.0, 14.0], 3)
    other.record("cells", "u_bar_plus", every=0.37)
    other.restore(sliced.snapshot())
    for sim in (pickle.loads(pickle.dumps(sliced)), copy.deepcopy(sliced), other, sliced):
        sim.run(200.0)
        late = whole.spikes("cells").times > 77.7
        found = sim.spikes("cells").times
        np.testing.assert_array_equal(found[found > 77.7], whole.spikes("cells").times[late])
    whole.save(tmp_path / "run.h5")
    again = es.Simulation(es.io.load(tmp_path / "run.h5").network())
    again.run(200.0)
    np.testing.assert_array_equal(again.spikes("cells").times, whole.spikes("cells").times)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tau_z": 0.0}, "tau_z of 'cells' must be positive, got 0"),
        ({"tau_u_bar_plus": -1.0}, "tau_u_bar_plus of 'cells' must be positive, got -1"),
        ({"t_clamp": -1.0}, "t_clamp of 'cells' must not be negative|t_clamp of 'cells' must be"),
        ({"v_reset": 40.0}, "v_reset of 'cells' must be below v_peak"),
        ({"i_sp": float("nan")}, "i_sp of 'cells' must be finite"),
        ({"tolerance": 1.0}, "tolerance of 'cells'"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as error:
        simulation(es.models.ClopathAdEx(**wrong), [1.0], 1.0).run(1.0)
    assert "\n" not in str(error.value)


def test_it_runs_on_the_ordered_schedule_only():
    with pytest.raises(es.ConfigError, match="'cells' runs on the ordered schedule only"):
        simulation(es.models.ClopathAdEx(), [1.0], 1.0, schedule="windows").run(1.0)

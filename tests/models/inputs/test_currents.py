"""Currents over time, against dense integration, closed forms, and the same steps set by hand."""

import numpy as np
import pytest

import eventsim as es
from reference.linear_neuron import Receptor, spikes

M = es.models
TAU = 2.0 * np.pi

# A current, the same as a function, and where it jumps or bends.
CASES = {
    "steps": (
        lambda: M.StepCurrent([10.0, 40.0, 70.0], [0.2, 0.05, 0.3]),
        lambda t: 0.0 if t < 10.0 else 0.2 if t < 40.0 else 0.05 if t < 70.0 else 0.3,
        (10.0, 40.0, 70.0),
    ),
    "square wave": (
        lambda: M.StepCurrent([0.0, 6.0], [0.3, -0.1], period=10.0),
        lambda t: 0.3 if (t + 1e-12) % 10.0 < 6.0 else -0.1,
        tuple(float(t) for k in range(10) for t in (10 * k, 10 * k + 6)),
    ),
    "lines": (
        lambda: M.LinearCurrent([20.0, 60.0, 80.0], [0.1, 0.4, 0.0]),
        lambda t: float(np.interp(t, [20.0, 60.0, 80.0], [0.1, 0.4, 0.0])),
        (20.0, 60.0, 80.0),
    ),
    "saw teeth": (
        lambda: M.LinearCurrent([0.0, 8.0], [0.0, 0.4], period=16.0),
        lambda t: 0.4 * (1.0 - abs(t % 16.0 - 8.0) / 8.0),
        tuple(8.0 * k for k in range(13)),
    ),
    "sine": (
        lambda: M.SineCurrent(0.25, 30.0, phase=0.4) + 0.06,
        lambda t: 0.06 + 0.25 * np.sin(TAU * 0.03 * t + 0.4),
        (),
    ),
    "fast sine": (
        lambda: M.SineCurrent(1.5, 300.0) + 0.085,
        lambda t: 0.085 + 1.5 * np.sin(TAU * 0.3 * t),
        (),
    ),
    "all": (
        lambda: (
            M.SineCurrent(0.1, 50.0)
            + M.SineCurrent(0.1, 17.0, 1.0)
            + M.StepCurrent([30.0], [0.1])
            + M.LinearCurrent([0.0, 90.0], [0.0, 0.1])
        ),
        lambda t: (
            0.1 * np.sin(TAU * 0.05 * t)
            + 0.1 * np.sin(TAU * 0.017 * t + 1.0)
            + (0.1 if t >= 30.0 else 0.0)
            + 0.1 * min(t, 90.0) / 90.0
        ),
        (30.0, 90.0),
    ),
}


def simulation(model, arrivals, schedule="ordered", n=1):
    net = es.Network(seed=2)
    net.add("in", M.SpikeSource(times=arrivals[0], units=np.arange(len(arrivals[0]))), len(arrivals[0]))
    net.add("cell", model, n)
    net.connect("in", "cell", weight=np.tile(np.asarray(arrivals[1])[:, None], (1, n)))
    if schedule == "windows":  # which needs a delay
        net.add("far", M.LIF(), 1)
        net.connect("cell", "far", weight=0.0, delay=0.7)
    return es.Simulation(net, schedule=schedule)


def inputs(seed=1, n=25):
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0.0, 100.0, n)), rng.normal(0.03, 0.15, n)


@pytest.mark.parametrize("kind", ["lif", "delta"])
@pytest.mark.parametrize("name", CASES)
def test_spikes_are_those_of_dense_integration(name, kind):
    current, function, jumps = CASES[name]
    common = {"tau_mem": 10.0, "t_ref": 1.0, "i_ext": current()}
    times, weights = inputs()
    receptor = Receptor("exponential", 3.0) if kind == "lif" else Receptor("delta")
    arrivals = [(float(t), 0, float(w)) for t, w in zip(times, weights, strict=True)]
    expected = spikes([receptor], arrivals, 100.0, t_ref=1.0, i_ext=function, jumps=jumps, step=0.25)
    assert len(expected) > 2
    model = M.LIF(tau_syn=3.0, **common) if kind == "lif" else M.LIFDelta(**common)
    found = []
    for schedule in ("ordered", "windows", "layered"):
        sim = simulation(model, (times, weights), schedule)
        sim.run(100.0)
        found.append(sim.spikes("cell").times)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_steps_are_changes_of_i_ext_at_their_times():
    times, weights = inputs(3)
    declared = simulation(
        M.LIF(tau_mem=10.0, tau_syn=3.0, i_ext=M.StepCurrent([0.0, 33.0], [0.12, 0.2])), (times, weights)
    )
    by_hand = simulation(M.LIF(tau_mem=10.0, tau_syn=3.0, i_ext=0.12), (times, weights))
    by_hand.at(33.0, lambda sim: sim.set("cell", i_ext=0.2))
    for sim in (declared, by_hand):
        sim.run(100.0)
    assert len(declared.spikes("cell")) > 5
    np.testing.assert_allclose(declared.spikes("cell").times, by_hand.spikes("cell").times, rtol=1e-12)


def test_a_step_and_a_ramp_spike_at_their_closed_forms():
    net = es.Network()
    net.add("step", M.LIF(tau_mem=10.0, i_ext=M.StepCurrent([5.0], [0.2])), 1)
    net.add("ramp", M.LIF(tau_mem=1e9, i_ext=M.LinearCurrent([0.0, 10.0], [0.0, 1.0])), 1)
    sim = es.Simulation(net)
    sim.run(14.0)
    assert sim.spikes("step").times[0] == pytest.approx(5.0 + 10.0 * np.log(2.0), rel=1e-15)
    # Without leak v = t^2 / 20 while the ramp goes on.
    assert sim.spikes("ramp").times[0] == pytest.approx(np.sqrt(20.0), rel=1e-8)


def test_each_unit_may_have_its_own():
    values = np.array([[0.1, 0.0, 0.3], [0.3, 0.2, 0.0]])
    net = es.Network()
    net.add("cells", M.LIF(tau_mem=10.0, i_ext=M.StepCurrent([0.0, 50.0], values)), 3)
    waves = M.SineCurrent(np.array([0.3, 0.2, 0.0]), np.array([10.0, 20.0, 30.0]))
    net.add("waves", M.LIF(tau_mem=10.0, i_ext=waves), 3)
    whole = es.Simulation(net)
    whole.run(100.0)
    for name, alone in (
        ("cells", lambda k: M.StepCurrent([0.0, 50.0], values[:, k])),
        ("waves", lambda k: M.SineCurrent([0.3, 0.2, 0.0][k], [10.0, 20.0, 30.0][k])),
    ):
        for unit in range(3):
            net = es.Network()
            net.add(name, M.LIF(tau_mem=10.0, i_ext=alone(unit)), 1)
            sim = es.Simulation(net)
            sim.run(100.0)
            spikes_of = whole.spikes(name)
            np.testing.assert_array_equal(spikes_of.times[spikes_of.units == unit], sim.spikes(name).times)


def noisy(schedule="ordered", trial=0, **noise):
    net = es.Network(seed=4)
    current = M.NoiseCurrent(**({"mean": 0.1, "std": 0.1, "dt": 0.5, "tau": 5.0} | noise))
    net.add("cells", M.AdaptiveLIF(tau_mem=10.0, i_ext=current), 4)
    if schedule == "windows":  # which needs a delay
        net.add("far", M.LIF(), 1)
        net.connect("cells", "far", weight=0.0, delay=0.7)
    return es.Simulation(net, schedule=schedule, trial=trial)


def test_noise_is_held_and_has_the_moments_that_it_says():
    sim = noisy()
    sim.record("cells", "i_ext", every=0.5)
    sim.run(20_000.0)
    x = sim.trace("cells", "i_ext").values
    keep = np.exp(-0.5 / 5.0)
    n_free = x.size * (1 - keep) / (1 + keep)
    assert x.mean() == pytest.approx(0.1, abs=4 * 0.1 / np.sqrt(n_free))
    assert x.std() == pytest.approx(0.1, rel=4 / np.sqrt(n_free))
    for lag in (1, 4, 10):
        d = x - 0.1
        found = (d[:-lag] * d[lag:]).mean() / d.var()
        assert found == pytest.approx(keep**lag, abs=4 / np.sqrt(n_free))
    assert abs(np.corrcoef(x.T)[0, 1]) < 4 / np.sqrt(n_free / 4)


def test_noise_is_a_step_current_with_these_values():
    sim = noisy()
    sim.record("cells", "i_ext", every=0.5)
    sim.run(100.0)
    trace = sim.trace("cells", "i_ext")
    net = es.Network()
    net.add("cells", M.AdaptiveLIF(tau_mem=10.0, i_ext=M.StepCurrent(trace.times, trace.values)), 4)
    again = es.Simulation(net)
    again.run(100.0)
    assert len(sim.spikes("cells")) > 10
    np.testing.assert_allclose(again.spikes("cells").times, sim.spikes("cells").times, rtol=1e-12)


def test_noise_is_the_same_on_any_slicing_and_another_in_another_trial():
    whole = noisy()
    whole.run(200.0)
    expected = whole.spikes("cells").times
    for schedule in ("ordered", "windows", "layered"):
        sim = noisy(schedule)
        for until in (0.3, 50.0, 50.1):
            sim.run(until)
        state = sim.snapshot()
        sim.run(200.0)
        np.testing.assert_array_equal(sim.spikes("cells").times, expected)
        sim.restore(state)
        sim.run(200.0)
        np.testing.assert_array_equal(sim.spikes("cells").times, expected)
    other = noisy(trial=1)
    other.run(200.0)
    assert not np.array_equal(other.spikes("cells").times[:5], expected[:5])


@pytest.mark.parametrize(
    ("current", "error", "message"),
    [
        (lambda: M.StepCurrent([5, 2], [1, 2]), ValueError, r"times of i_ext of 'cells' must rise from 0"),
        (
            lambda: M.StepCurrent([0, 2], [1, 2, 3]),
            ValueError,
            r"values of i_ext of 'cells' have shape \(3,\), expected \(2,\) or \(2, 3\)",
        ),
        (
            lambda: M.StepCurrent([0, 2], [1, np.nan]),
            ValueError,
            r"values of i_ext of 'cells' must be finite",
        ),
        (lambda: M.StepCurrent([0, 2], ["a", "b"]), TypeError, r"values of i_ext of 'cells' must be real"),
        (
            lambda: M.StepCurrent([0, 2], [1, 2], period=2.0),
            ValueError,
            r"period of i_ext of 'cells' must be later than the last time 2.0, got 2.0",
        ),
        (
            lambda: M.LinearCurrent([1, 2], [1, 2], period=5.0),
            ValueError,
            r"times of i_ext of 'cells' must start at 0 in a LinearCurrent with a period, got 1.0",
        ),
        (
            lambda: M.SineCurrent(1.0, 0.0),
            ValueError,
            r"frequency of i_ext of 'cells' must be positive, got 0.0",
        ),
        (lambda: M.NoiseCurrent(dt=0.0), ValueError, r"dt of i_ext of 'cells' must be a time > 0, got 0.0"),
        (lambda: M.NoiseCurrent(std=-1.0), ValueError, r"std of i_ext of 'cells' must not be negative"),
        (lambda: M.StepCurrent([0], [1]) + "x", TypeError, r"i_ext of 'cells' must be a number or one per"),
    ],
)
def test_bad_currents_are_refused_in_one_line(current, error, message):
    with pytest.raises(error, match=message) as refused:
        es.Network().add("cells", M.LIF(i_ext=current()), 3)
    assert "\n" not in str(refused.value)


def test_what_needs_a_constant_says_so():
    net = es.Network()
    net.add("in", M.SpikeSource(), 2)
    net.add("cells", M.LIF(i_ext=M.StepCurrent([0.0], [0.1])), 3)
    net.connect("in", "cells", weight=1.0)
    with pytest.raises(es.ConfigError, match="need a constant i_ext, that of 'cells' changes over time"):
        M.gradients.SpikeGradient(net)
    sim = es.Simulation(net)
    sim.set("cells", v_th=0.5)
    with pytest.raises(es.ConfigError, match=r"'i_ext' of 'cells'.*what can be changed: tau_mem"):
        sim.set("cells", i_ext=1.0)
    constant = es.Simulation(net.change("cells", i_ext=0.0) and net)
    with pytest.raises(es.ConfigError, match=r"i_ext of 'cells' cannot become StepCurrent\(.*while it runs"):
        constant.set("cells", i_ext=M.StepCurrent([0.0], [0.1]))


def test_a_file_builds_the_network_again(tmp_path):
    net = es.Network(seed=1)
    current = M.StepCurrent([0.0, 5.0], [0.3, 0.2]) + M.NoiseCurrent(0.0, 0.1, tau=1.0) + 0.05
    net.add("cells", M.LIF(tau_mem=5.0, i_ext=current), 3)
    first = es.Simulation(net)
    first.run(30.0)
    first.save(tmp_path / "run.h5")
    again = es.Simulation(es.io.load(tmp_path / "run.h5").network())
    again.run(30.0)
    assert len(first.spikes("cells")) > 5
    np.testing.assert_array_equal(first.spikes("cells").times, again.spikes("cells").times)

"""Neurons with several receptors and with adaptation, against dense integration, NEST, and plain LIF."""

import numpy as np
import pytest

import eventsim as es
from reference.linear_neuron import Receptor, spikes

M = es.models
SCHEDULES = ("ordered", "windows", "layered")


def simulation(model, arrivals, names, schedule="ordered"):
    """Return a simulation of one cell that gets `arrivals`, tuples (time, receptor number, weight)."""
    net = es.Network(seed=1)
    n = len(arrivals)
    net.add("in", M.SpikeSource(times=[time for time, *_ in arrivals], units=np.arange(n)), n)
    net.add("cell", model, 1)
    for number, name in enumerate(names):
        pairs = [(k, 0, weight) for k, (_, to, weight) in enumerate(arrivals) if to == number]
        if pairs:
            net.connect("in", "cell", pairs, receptor=name, name=name)
    if schedule == "windows":  # which needs a delay
        net.add("far", M.LIF(), 1)
        net.connect("cell", "far", weight=0.0, delay=0.7)
    return es.Simulation(net, schedule=schedule)


def random_arrivals(seed, n_receptors, n=40, until=100.0, mean=0.1, spread=0.3):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0.0, until, n))
    return [(float(t), int(rng.integers(n_receptors)), float(rng.normal(mean, spread))) for t in times]


@pytest.mark.parametrize("seed", range(4))
def test_spikes_through_four_receptors_are_those_of_dense_integration(seed):
    rng = np.random.default_rng(100 + seed)
    tau = [float(t) for t in rng.uniform(0.5, 20.0, 3)]
    rise = float(rng.uniform(0.2, 0.9) * tau[2])
    tau_mem, t_ref = float(rng.uniform(2.0, 20.0)), float(rng.choice([0.0, 1.5]))
    synapses = {
        "exponential": tau[0],
        "alpha": M.AlphaSynapse(tau[1]),
        "double": M.DoubleExponentialSynapse(rise, tau[2]),
        "delta": M.DeltaSynapse(),
    }
    reference = [
        Receptor("exponential", tau[0]),
        Receptor("alpha", tau[1]),
        Receptor("double-exponential", tau[2], rise),
        Receptor("delta"),
    ]
    arrivals = random_arrivals(seed, 4)
    expected = spikes(reference, arrivals, 100.0, tau_mem=tau_mem, t_ref=t_ref)
    assert len(expected) > 3
    model = M.MultiSynapseLIF(synapses, tau_mem=tau_mem, t_ref=t_ref)
    for schedule in SCHEDULES:
        sim = simulation(model, arrivals, list(synapses), schedule)
        sim.run(100.0)
        np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("ratio", [1.0, 1.0 + 1e-12, 1.0 + 1e-7, 0.999, 1.05, 2.0])
@pytest.mark.parametrize("shape", ["exponential", "alpha"])
def test_close_time_constants_lose_no_digits(shape, ratio):
    synapse = M.AlphaSynapse(5.0 * ratio) if shape == "alpha" else 5.0 * ratio
    arrivals = random_arrivals(7, 1, mean=0.3)
    expected = spikes([Receptor(shape, 5.0 * ratio)], arrivals, 100.0, tau_mem=5.0, t_ref=0.5)
    assert len(expected) > 10
    sim = simulation(M.MultiSynapseLIF({"s": synapse}, tau_mem=5.0, t_ref=0.5), arrivals, ["s"])
    sim.run(100.0)
    np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-9)


def test_a_maximum_just_above_threshold_spikes_and_one_just_below_does_not():
    # v = s^2 e^(-s) e / 2 for tau_mem = tau_syn = 1 and an alpha synapse of weight 1: at most 2 / e at s = 2.
    peak = 2.0 / np.e
    for margin, number in ((1e-9, 0), (-1e-9, 1)):
        model = M.MultiSynapseLIF({"s": M.AlphaSynapse(1.0)}, v_th=peak * (1.0 + margin), v_reset=-10.0)
        sim = simulation(model, [(1.0, 0, 1.0)], ["s"])
        sim.run(20.0)
        assert len(sim.spikes("cell")) == number
    # Near the maximum v = peak (1 - (s - 2)^2 / 4 ...), crossed sqrt(4e-9) before, up to 1e-9.
    assert sim.spikes("cell").times[0] == pytest.approx(3.0 - 2.0 * np.sqrt(1e-9), abs=1e-8)


def test_one_exponential_receptor_is_lif_to_rounding():
    arrivals = random_arrivals(3, 1, n=80, mean=0.2)
    common = {"tau_mem": 8.0, "t_ref": 1.0, "i_ext": 0.05, "v_reset": -0.3, "c_mem": 1.4}
    plain = simulation(M.LIF(tau_syn=3.0, **common), arrivals, ["input"])
    general = simulation(M.MultiSynapseLIF({"input": 3.0}, **common), arrivals, ["input"])
    delta = simulation(M.LIFDelta(**common), arrivals, ["input"])
    jumps = simulation(M.MultiSynapseLIF({"input": M.DeltaSynapse()}, **common), arrivals, ["input"])
    for one, other in ((plain, general), (delta, jumps)):
        one.run(100.0)
        other.run(100.0)
        assert len(one.spikes("cell")) > 5
        np.testing.assert_allclose(one.spikes("cell").times, other.spikes("cell").times, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_adaptive_neurons_spike_as_dense_integration_says(seed):
    rng = np.random.default_rng(seed)
    adaptation = {
        "tau_w": float(rng.uniform(10.0, 60.0)),
        "b": float(rng.uniform(0.01, 0.05)),
        "tau_theta": float(rng.uniform(5.0, 40.0)),
        "theta_jump": float(rng.uniform(0.05, 0.4)),
    }
    arrivals = random_arrivals(seed, 1)
    expected = spikes(
        [Receptor("exponential", 4.0)], arrivals, 100.0, t_ref=0.5, i_ext=lambda t: 0.2, **adaptation
    )
    assert len(expected) > 5
    model = M.AdaptiveLIF(tau_mem=10.0, tau_syn=4.0, t_ref=0.5, i_ext=0.2, **adaptation)
    for schedule in SCHEDULES:
        sim = simulation(model, arrivals, ["input"], schedule)
        sim.run(100.0)
        np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-9)


def test_an_adapted_neuron_settles_at_the_period_that_its_equations_have():
    # Periodic firing: after each spike w = b / (1 - e^(-T / tau_w)), v from 0 to 1 under i_ext - w.
    b, tau_w, tau, drive = 0.02, 40.0, 10.0, 0.2
    sim = es.Simulation(_network(M.AdaptiveLIF(tau_mem=tau, tau_w=tau_w, b=b, i_ext=drive)))
    sim.run(2000.0)
    period = np.diff(sim.spikes("cell").times)[-1]
    w = b / (1.0 - np.exp(-period / tau_w))
    k = tau * tau_w / (tau_w - tau)
    v = drive * tau * (1.0 - np.exp(-period / tau)) - w * k * (
        np.exp(-period / tau_w) - np.exp(-period / tau)
    )
    assert v == pytest.approx(1.0, abs=1e-12)


def _network(model, n=1):
    net = es.Network(seed=3)
    net.add("cell", model, n)
    return net


def recurrent(schedule="auto", per_unit=False):
    """Return a simulation of a random recurrent network of all that there is here."""
    net = es.Network(seed=5)
    n = 20
    synapses = {"fast": np.linspace(1.0, 3.0, n) if per_unit else 2.0, "slow": M.AlphaSynapse(8.0)}
    net.add("in", M.Poisson(rate=80.0), 15)
    net.add("multi", M.MultiSynapseLIF(synapses, tau_mem=10.0, t_ref=1.0), n)
    drive = M.SineCurrent(0.05, 30.0) + M.NoiseCurrent(0.05, 0.05, dt=0.7, tau=3.0)
    adaptive = M.AdaptiveLIF(tau_mem=8.0, tau_syn=2.0, b=0.02, tau_w=30.0, theta_jump=0.1, i_ext=drive)
    net.add("adaptive", adaptive, n)
    net.connect("in", "multi", es.connect.fixed_probability(0.5), weight=0.25, delay=0.5, receptor="fast")
    net.connect("multi", "adaptive", es.connect.fixed_probability(0.4), weight=0.2, delay=0.8)
    net.connect(
        "adaptive", "multi", es.connect.fixed_probability(0.4), weight=-0.1, delay=1.1, receptor="slow"
    )
    net.connect("multi", "multi", es.connect.fixed_probability(0.3), weight=0.1, delay=1.3, receptor="slow")
    sim = es.Simulation(net, schedule=schedule)
    for variable in ("v", "i_slow"):
        sim.record("multi", variable, every=0.7)
    for variable in ("v", "w", "theta", "i_ext"):
        sim.record("adaptive", variable, every=0.9)
    return sim


def outcome(sim):
    found = [sim.spikes(name) for name in ("multi", "adaptive")]
    traces = [sim.trace("multi", "v"), sim.trace("multi", "i_slow"), sim.trace("adaptive", "v")]
    traces += [sim.trace("adaptive", name) for name in ("w", "theta", "i_ext")]
    return [s.times for s in found] + [s.units for s in found] + [trace.values for trace in traces]


@pytest.mark.parametrize("per_unit", [False, True])
def test_schedules_slices_and_snapshots_give_the_same_run(per_unit, tmp_path):
    whole = recurrent("ordered", per_unit)
    whole.run(80.0)
    expected = outcome(whole)
    assert min(len(each) for each in expected[:2]) > 30
    for schedule in ("ordered", "windows"):
        sliced = recurrent(schedule, per_unit)
        for until in (0.01, 3.0, 37.5, 60.0):
            sliced.run(until)
        state = sliced.snapshot()
        sliced.run(80.0)
        for one, other in zip(outcome(sliced), expected, strict=True):
            np.testing.assert_array_equal(one, other)
        sliced.restore(state)
        sliced.run(80.0)
        for one, other in zip(outcome(sliced), expected, strict=True):
            np.testing.assert_array_equal(one, other)
        sliced.reset()
        sliced.run(80.0)
        np.testing.assert_array_equal(sliced.spikes("multi").times, expected[0])
    whole.save(tmp_path / "run.h5")
    np.testing.assert_array_equal(es.io.load(tmp_path / "run.h5").spikes["multi"].times, expected[0])


def test_traces_solve_the_equations():
    sim = simulation(
        M.AdaptiveLIF(
            tau_mem=10.0, tau_syn=4.0, b=0.05, tau_w=20.0, v_th=5.0, i_ext=M.SineCurrent(0.1, 40.0)
        ),
        [(1.0, 0, 0.7)],
        ["input"],
    )
    step = 1e-3
    for variable in ("v", "i_syn", "w", "i_ext"):
        sim.record("cell", variable, every=step)
    sim.run(30.0)
    v, i, w, drive = (sim.trace("cell", name).values[:, 0] for name in ("v", "i_syn", "w", "i_ext"))
    later = slice(1100, None)
    slope = np.gradient(v, step)[later][1:-1]
    expected = (-v / 10.0 + i - w + drive)[later][1:-1]
    np.testing.assert_allclose(slope, expected, atol=1e-6)  # central differences: step^2 v''' / 6
    times = sim.trace("cell", "v").times
    np.testing.assert_allclose(drive, 0.1 * np.sin(2 * np.pi * 0.04 * times), atol=1e-14)
    np.testing.assert_allclose(i[later], 0.7 * np.exp(-(times[later] - 1.0) / 4.0), rtol=1e-12)


def test_changes_while_it_goes_on_are_those_of_a_fresh_start():
    net = _network(M.AdaptiveLIF(tau_mem=10.0, i_ext=0.15), 2)
    found = {}
    for schedule in ("ordered", "layered"):
        sim = es.Simulation(net, schedule=schedule)
        sim.run(20.0)
        sim.set("cell", i_ext=0.3, units=[1])
        sim.set("cell", v_th=0.5)
        sim.run(40.0)
        found[schedule] = sim.spikes("cell")
    np.testing.assert_array_equal(found["ordered"].times, found["layered"].times)
    late = found["ordered"].times[(found["ordered"].units == 1) & (found["ordered"].times > 20.0)]
    # From there on periods of 10 ln(3 / 2.5).
    np.testing.assert_allclose(np.diff(late), 10.0 * np.log(3.0 / 2.5), rtol=1e-12)
    assert 20.0 in found["ordered"].times  # unit 0 stands above its new threshold


def test_spikes_are_those_of_nests_precise_alpha_neuron():
    nest = pytest.importorskip("nest", reason="NEST is not installed")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = 0.125
    rng = np.random.default_rng(2)
    n_in, n, until = 30, 8, 90.0
    times = [np.sort(np.round(rng.uniform(1.0, 80.0, 25) * 2**30)) / 2**30 for _ in range(n_in)]
    weights = rng.normal(150.0, 300.0, (n_in, n))
    common = {"tau_mem": 10.0, "c_mem": 250.0, "v_th": 15.0, "v_reset": -2.0, "t_ref": 1.75}
    cells = nest.Create(
        "iaf_psc_alpha_ps",
        n,
        params={
            "tau_m": 10.0,
            "C_m": 250.0,
            "E_L": 0.0,
            "V_m": 0.0,
            "V_th": 15.0,
            "V_reset": -2.0,
            "t_ref": 1.75,
            "tau_syn_ex": 2.0,
            "tau_syn_in": 6.0,
            "I_e": 200.0,
        },
    )
    sources = nest.Create("spike_generator", n_in, params={"precise_times": True})
    for k in range(n_in):
        sources[k].spike_times = times[k]
    nest.Connect(sources, cells, "all_to_all", {"weight": weights.T, "delay": 1.0})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(until)
    events = recorder.events
    senders = np.asarray(events["senders"]) - min(cells.tolist())
    net = es.Network()
    net.add("in", M.SpikeSource(times), n_in)
    synapses = {"excitatory": M.AlphaSynapse(2.0), "inhibitory": M.AlphaSynapse(6.0)}
    net.add("cells", M.MultiSynapseLIF(synapses, i_ext=200.0, **common), n)
    for name, sign in (("excitatory", 1.0), ("inhibitory", -1.0)):
        part = np.maximum(sign * weights, 0.0) * sign
        net.connect("in", "cells", weight=part, delay=1.0, receptor=name, name=name)
    sim = es.Simulation(net)
    sim.run(until - 1.0)
    ours = sim.spikes("cells")
    compared = 0
    for unit in range(n):
        mine = ours.times[ours.units == unit]
        nests = np.sort(np.asarray(events["times"])[senders == unit])[: len(mine)]
        compared += len(mine)
        # NEST interpolates a crossing within a step until it is right to 1e-14 or so of the step.
        np.testing.assert_allclose(mine, nests, rtol=0, atol=1e-7)
    assert compared > 20


def test_spikes_through_several_receptors_approach_nests_on_its_grid():
    nest = pytest.importorskip("nest", reason="NEST is not installed")
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = 0.001
    rng = np.random.default_rng(4)
    tau = [1.0, 4.0, 20.0]
    arrivals = [
        (float(np.round(t, 3)), int(rng.integers(3)), float(rng.normal(0.1, 0.3)))
        for t in np.sort(rng.uniform(1, 60, 30))
    ]
    cell = nest.Create(
        "iaf_psc_exp_multisynapse",
        params={
            "tau_m": 10.0,
            "C_m": 1.0,
            "E_L": 0.0,
            "V_m": 0.0,
            "V_th": 1.0,
            "V_reset": 0.0,
            "t_ref": 2.0,
            "tau_syn": tau,
        },
    )
    for time, to, weight in arrivals:
        source = nest.Create("spike_generator", params={"spike_times": [time]})
        nest.Connect(source, cell, syn_spec={"weight": weight, "delay": 1.0, "receptor_type": to + 1})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cell, recorder)
    nest.Simulate(70.0)
    theirs = np.asarray(recorder.events["times"])
    delayed = [(time + 1.0, to, weight) for time, to, weight in arrivals]
    model = M.MultiSynapseLIF(dict(zip("abc", tau, strict=True)), tau_mem=10.0, t_ref=2.0)
    sim = simulation(model, delayed, "abc")
    sim.run(70.0)
    assert len(theirs) > 5
    # NEST's crossings lie on the grid; each shifts the resets after it by up to a step.
    np.testing.assert_allclose(sim.spikes("cell").times, theirs, rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: M.MultiSynapseLIF({}), TypeError, r"synapses of 'cell' must map names to .*, got \{\}"),
        (
            lambda: M.MultiSynapseLIF({"a": -1.0}),
            ValueError,
            r"tau of receptor 'a' of 'cell' must be positive",
        ),
        (
            lambda: M.MultiSynapseLIF({"a": "x"}),
            TypeError,
            r"receptor 'a' of 'cell' must be a time constant or a synapse",
        ),
        (
            lambda: M.MultiSynapseLIF({"a": M.DoubleExponentialSynapse(2.0, 1.0)}),
            ValueError,
            r"tau_decay of receptor 'a' of 'cell' must exceed tau_rise by 1 % at least, got tau_rise = 2.0",
        ),
        (
            lambda: M.MultiSynapseLIF({"a": 1.0}, i_init={"b": 1.0}),
            ValueError,
            r"i_init of 'cell' names 'b', which is no receptor; known: a",
        ),
        (
            lambda: M.MultiSynapseLIF({f"r{k}": 1.0 for k in range(40)}),
            ValueError,
            r"'cell' needs 40 decaying currents and 0 sines a unit, at most 32 and 8 are possible",
        ),
        (lambda: M.AdaptiveLIF(theta_jump=-1.0), ValueError, r"theta_jump of 'cell' must not be negative"),
        (lambda: M.AdaptiveLIF(tau_w=0.0), ValueError, r"tau_w of 'cell' must be positive, got 0.0"),
        (lambda: M.AdaptiveLIF(v_reset=1.5), ValueError, r"v_reset of 'cell' must be below v_th"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(model, error, message):
    with pytest.raises(error, match=message) as refused:
        es.Simulation(_network(model())).run(1.0)
    assert "\n" not in str(refused.value)


def test_a_receptor_that_is_not_there_is_named():
    net = _network(M.MultiSynapseLIF({"fast": 1.0, "slow": 5.0}))
    net.add("in", M.SpikeSource(), 1)
    with pytest.raises(es.UnknownPart, match=r"'cell' has no receptor 'slw'; known: fast, slow"):
        net.connect("in", "cell", weight=1.0, receptor="slw")

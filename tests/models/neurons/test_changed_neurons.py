"""Parameters of solved neurons that change while they run, against scipy piece by piece."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es

M = es.models
CHANGES, UNTIL = (13.7, 31.2), 60.0
ARRIVALS = np.array([2.0, 9.5, 14.1, 15.0, 22.0, 33.3, 34.0, 47.7])


def exponential_slope(x, p):
    rise = p["g_leak"] * p["delta_t"] * np.exp(min((x[0] - p["v_t"]) / p["delta_t"], 50.0))  # beyond v_peak
    return (p["g_leak"] * (p["v_leak"] - x[0]) + rise + x[1] + p["i_ext"]) / p["c_mem"], -x[1] / p["tau_syn"]


def adex_slope(x, p):
    dv, di = exponential_slope(x, p)
    return dv - x[2] / p["c_mem"], di, (p["a"] * (x[0] - p["v_leak"]) - x[2]) / p["tau_w"]


def quadratic_slope(x, p):
    dv = (p["k"] * (x[0] - p["v_leak"]) * (x[0] - p["v_t"]) + x[1] + p["i_ext"]) / p["c_mem"]
    return dv, -x[1] / p["tau_syn"]


def izhikevich_slope(x, p):
    dv = 0.04 * x[0] ** 2 + 5.0 * x[0] + 140.0 - x[2] + x[1] + p["i_ext"]
    return dv, -x[1] / p["tau_syn"], p["a"] * (p["b"] * x[0] - x[2])


def conductance_slope(x, p):
    # Of the alpha conductance h rises the other; its weight is the peak.
    i = x[1] * (p["e_rev_fast"] - x[0]) + x[2] * (p["e_rev_slow"] - x[0]) + p["i_ext"]
    tau = p["tau_syn_slow"]
    dv = (p["g_leak"] * (p["v_leak"] - x[0]) + i) / p["c_mem"]
    return dv, -x[1] / p["tau_syn_fast"], x[3] - x[2] / tau, -x[3] / tau


def egru_slope(x, p):
    dv = (np.tanh(x[1]) - x[0]) / ((1.0 + np.exp(-x[3])) * p["tau_mem"])
    return dv, *((p[b] - each) / p["tau_syn"] for b, each in zip(("b_z", "b_r", "b_u"), x[1:], strict=True))


def leaky_slope(x, p):
    return ((p["drive"] - x[0] + x[1]) / p["tau"], -x[1] / 4.0)


def leaky():
    return M.CustomNeuron(
        state={"v": 0.0, "s": 0.0},
        parameters={"tau": 10.0, "drive": 1.5, "v_th": 1.0},
        f=lambda t, x, p: [(p.drive - x.v + x.s) / p.tau, -x.s / 4.0],
        g=lambda x, p: x.v - p.v_th,
        reset=lambda x, p: [0.0, x.s],
        arrive=lambda x, p, weight, receptor: [x.v, x.s + weight],
        t_ref=1.0,
        tolerance=1e-12,
    )


def jump(k, size=1.0):
    def arrive(x, p, weight):
        x[k] += size * weight

    return arrive


SOLVED = {"tolerance": 1e-12, "t_ref": 1.0}
SYNAPSES = {"fast": M.Conductance(2.0, 0.0), "slow": M.Conductance(M.AlphaSynapse(5.0), -20.0)}
# model, slope, first state, reset, arrival, threshold, weight, two changes
CASES = {
    "adex": (
        M.AdEx(i_ext=800.0, **SOLVED),
        adex_slope,
        [-70.6, 0.0, 0.0],
        lambda x, p: [p["v_reset"], x[1], x[2] + p["b"]],
        jump(1),
        "v_peak",
        300.0,
        (
            {"i_ext": 1200.0, "tau_w": 60.0, "b": 30.0},
            {"v_leak": -65.0, "v_t": -52.0, "tau_syn": 2.0, "t_ref": 3.0},
        ),
    ),
    "exponential-if": (
        M.ExponentialIF(v_peak=-25.0, i_ext=1000.0, **SOLVED),
        exponential_slope,
        [-70.6, 0.0],
        lambda x, p: [p["v_reset"], x[1]],
        jump(1),
        "v_peak",
        300.0,
        (
            {"i_ext": 900.0, "delta_t": 1.5, "c_mem": 200.0},
            {"v_peak": -30.0, "v_reset": -68.0, "g_leak": 25.0},
        ),
    ),
    "quadratic-if": (
        M.QuadraticIF(i_ext=350.0, **SOLVED),
        quadratic_slope,
        [-60.0, 0.0],
        lambda x, p: [p["v_reset"], x[1]],
        jump(1),
        "v_peak",
        80.0,
        ({"i_ext": 200.0, "k": 0.6}, {"v_t": -42.0, "tau_syn": 9.0}),
    ),
    "izhikevich": (
        M.Izhikevich(i_ext=8.0, **SOLVED),
        izhikevich_slope,
        [-65.0, 0.0, -13.0],
        lambda x, p: [p["c"], x[1], x[2] + p["d"]],
        jump(1),
        "v_peak",
        4.0,
        ({"i_ext": 12.0, "d": 3.0}, {"a": 0.05, "b": 0.22, "c": -60.0}),
    ),
    "lif-conductance": (
        M.ConductanceLIF(SYNAPSES, i_ext=260.0, **SOLVED),
        conductance_slope,
        [-70.0, 0.0, 0.0, 0.0],
        lambda x, p: [p["v_reset"], *x[1:]],
        lambda x, p, weight: x.__setitem__(3, x[3] + np.e / p["tau_syn_slow"] * weight),
        "v_th",
        6.0,
        ({"i_ext": 300.0, "tau_syn_slow": 3.0}, {"e_rev_slow": 10.0, "v_th": -57.0, "tau_syn_slow": 8.0}),
    ),
    "egru": (
        M.EGRU(tau_mem=3.0, b_z=1.5, b_u=0.5, **SOLVED),
        egru_slope,
        [0.0, 0.0, 0.0, 0.0],
        lambda x, p: [x[0] - p["v_th"], *x[1:]],
        lambda x, p, weight: x.__setitem__(1, x[1] + weight / (1.0 + np.exp(-x[2]))),
        "v_th",
        0.5,
        ({"b_z": 1.0, "tau_mem": 2.0}, {"v_th": 0.4, "tau_syn": 2.0}),
    ),
    "custom": (
        leaky(),
        leaky_slope,
        [0.0, 0.0],
        lambda x, p: [0.0, x[1]],
        jump(1),
        "v_th",
        1.0,
        ({"drive": 1.2, "tau": 5.0}, {"v_th": 0.8, "t_ref": 2.0}),
    ),
}


def parameters_of(model):
    return {
        key: model.value_of(key) if hasattr(model, "value_of") else getattr(model, key)
        for key in model.changeable
    }


def integrated(case):
    model, slope, x, reset, arrive, level, weight, changes = case
    p, x, t, ready, spikes = parameters_of(model), list(x), 0.0, -1.0, []
    ends = sorted({*CHANGES, *ARRIVALS, UNTIL})

    def peak(t, x):
        return x[0] - p[level]

    peak.terminal, peak.direction = True, 1.0
    while t < UNTIL:
        if t in CHANGES:
            p |= changes[CHANGES.index(t)]
        if t in ARRIVALS:
            arrive(x, p, weight)
        held = t < ready
        if not held and x[0] >= p[level]:
            spikes.append(t)
            x, ready = list(reset(x, p)), t + p["t_ref"]
            held = True
        stop = min(each for each in (*ends, ready) if each > t)

        def slopes(_, x, held=held, p=p):
            found = list(slope(x, p))
            return [0.0, *found[1:]] if held else found

        options = {"rtol": 1e-12, "atol": 1e-12, "max_step": 0.5, "events": None if held else peak}
        found = solve_ivp(slopes, (t, stop), x, "DOP853", **options)
        t, x = found.t[-1], list(found.y[:, -1])
        if found.status == 1:
            spikes.append(t)
            x, ready = list(reset(x, p)), t + p["t_ref"]
        else:
            t = stop
    return np.array(spikes)


def network(model, weight, n=1):
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(times=ARRIVALS, units=np.zeros(len(ARRIVALS), int)), 1)
    net.add("cells", model, n)
    slow = {"receptor": "slow"} if "slow" in getattr(model, "receptors", {}) else {}
    net.connect("in", "cells", weight=weight, **slow)
    return net


def changing(sim, changes, slices=(), at=False):
    for time, change in zip(CHANGES, changes, strict=True):
        if at:
            sim.at(time, lambda sim, change=change: sim.set("cells", **change))
        else:
            for each in slices:
                if sim.now < each < time:
                    sim.run(each)
            sim.run(time)
            sim.set("cells", **change)
    sim.run(UNTIL)
    return sim.spikes("cells")


@pytest.mark.parametrize("name", CASES)
def test_spikes_after_changes_are_those_of_scipy(name):
    model, *_, weight, changes = CASES[name]
    wanted = integrated(CASES[name])
    assert np.histogram(wanted, [0.0, *CHANGES, UNTIL])[0].min() > 0
    found = changing(es.Simulation(network(model, weight)), changes)
    np.testing.assert_allclose(found.times, wanted, rtol=0, atol=1e-7)


QIFS = {
    "qif": (
        M.QIF(tau_mem=8.0, t_ref=1.0),
        4.0,
        ({"tau_mem": 5.0, "v_leak": -0.3}, {"v_t": 0.6, "c_mem": 0.8}),
    ),
    "qif-delta": (
        M.QIF(tau_mem=8.0, i_ext=0.2, synapse="delta", v_reset=-0.5),
        0.3,
        ({"i_ext": 0.24, "v_t": 0.8}, {"v_leak": 0.1, "v_reset": -2.0}),
    ),
}


@pytest.mark.parametrize("name", QIFS)
def test_spikes_of_qif_after_changes_are_those_of_scipy(name):
    model, weight, changes = QIFS[name]
    p = parameters_of(model)
    delta = model.synapse == "delta"
    t, ready, spikes, i, v = 0.0, -1.0, [], 0.0, p["v_leak"]
    while t < UNTIL:
        if t in CHANGES:
            p |= changes[CHANGES.index(t)]
        if t in ARRIVALS and delta:
            v += weight
        elif t in ARRIVALS:
            i += weight
        held = t < ready
        stop = min(each for each in (*CHANGES, *ARRIVALS, UNTIL, ready) if each > t)
        span, tau = p["v_t"] - p["v_leak"], p["tau_mem"]
        if held:
            i, t = i * np.exp(-2.0 * (stop - t) / tau), stop
            continue

        def slopes(time, x, i=i, start=t, span=span, tau=tau, p=p):
            drive = p["i_ext"] + i * np.exp(-2.0 * (time - start) / tau)  # i is 0 for delta synapses
            s, c = np.sin(0.5 * x[0]), np.cos(0.5 * x[0])  # u = tan(x / 2), infinite at pi
            return [2.0 * (s * s - s * c + drive * tau / (p["c_mem"] * span) * c * c) / tau]

        def top(_, x):
            return x[0] - np.pi

        top.terminal, top.direction = True, 1.0
        angle = -np.pi if np.isinf(v) else 2.0 * np.arctan((v - p["v_leak"]) / span)
        found = solve_ivp(
            slopes, (t, stop), [angle], "DOP853", rtol=1e-12, atol=1e-13, max_step=0.5, events=top
        )
        end = found.t[-1]
        i *= np.exp(-2.0 * (end - t) / tau)
        t, v = (end if found.status == 1 else stop), p["v_leak"] + span * np.tan(0.5 * found.y[0, -1])
        if found.status == 1:
            spikes.append(t)
            v, ready = p["v_reset"], t + p["t_ref"]
    assert np.histogram(spikes, [0.0, *CHANGES, UNTIL])[0].min() > 0
    found = changing(es.Simulation(network(model, weight)), changes)
    np.testing.assert_allclose(found.times, spikes, rtol=0, atol=1e-8)


ALL = {**{name: (case[0], case[-2], case[-1]) for name, case in CASES.items()}, **QIFS}
ALL["adex-driven"] = (
    M.AdEx(i_ext=M.SineCurrent(300.0, 50.0) + 700.0, **SOLVED),
    300.0,
    ({"tau_w": 60.0}, {"v_leak": -65.0, "v_reset": -63.0}),
)


@pytest.mark.parametrize("name", ALL)
def test_changes_keep_their_bits_over_slices_schedules_snapshots_and_files(name, tmp_path):
    model, weight, changes = ALL[name]
    net = network(model, weight, 3)
    changes = tuple(
        {key: np.array([1.0, 0.99, 1.01]) * value for key, value in each.items()} for each in changes
    )
    wanted = changing(es.Simulation(net), changes)
    assert len(wanted) > 6
    scheduled = es.Simulation(net)
    for found in (changing(scheduled, changes, at=True), changing(es.Simulation(net), changes, (5.0, 20.0))):
        np.testing.assert_array_equal(found.times, wanted.times)
        np.testing.assert_array_equal(found.units, wanted.units)
    half = es.Simulation(net)
    half.run(CHANGES[0])
    half.set("cells", **changes[0])
    half.run(22.5)
    again = es.Simulation(net)
    again.restore(half.snapshot())
    for key, value in changes[0].items():
        np.testing.assert_array_equal(again.get("cells", key), value)
    again.run(CHANGES[1])
    again.set("cells", **changes[1])
    again.run(UNTIL)
    late = wanted.times >= 22.5
    np.testing.assert_array_equal(again.spikes("cells").times[-late.sum() :], wanted.times[late])
    if name != "custom":  # its functions are in no file
        half.save(tmp_path / "run.h5")
        (line,) = es.io.load(tmp_path / "run.h5").provenance["changes"]
        assert line.startswith("13.7 ms: cells: ")


def test_some_units_alone_change():
    net = network(M.AdEx(i_ext=800.0), 0.0, 2)
    sim = es.Simulation(net)
    sim.run(20.0)
    sim.set("cells", i_ext=0.0, units=[1])
    sim.run(60.0)
    late = sim.spikes("cells").times > 20.0
    assert set(sim.spikes("cells").units[late]) == {0}
    np.testing.assert_array_equal(sim.get("cells", "i_ext"), [800.0, 0.0])


@pytest.mark.parametrize(
    ("model", "change", "error", "message"),
    [
        (
            M.AdEx(),
            {"tolerance": 1e-6},
            es.ConfigError,
            "'tolerance' of 'cells' acts at the start of a run only; what",
        ),
        (M.AdEx(), {"v_reset": 10.0}, ValueError, "v_reset of 'cells' must be below v_peak"),
        (M.AdEx(), {"tau_m": 1.0}, es.UnknownPart, "AdEx, which has no parameter 'tau_m'"),
        (
            M.AdEx(i_ext=M.StepCurrent([0.0], [1.0])),
            {"i_ext": 1.0},
            es.ConfigError,
            "'i_ext' of 'cells' acts at",
        ),
        (
            M.ConductanceLIF(),
            {"synapses": {}},
            es.ConfigError,
            "what can be changed: .* e_rev_excitatory, tau_syn_ex",
        ),
        (M.ConductanceLIF(), {"tau_syn_excitatory": -1.0}, ValueError, "must be positive"),
        (M.QIF(), {"i_ext": 1.0}, ValueError, "i_ext of 'cells' must be 0 with synapse='exponential'"),
        (M.EGRU(), {"tau_mem": [1.0, 2.0]}, ValueError, "tau_mem"),
        (
            leaky(),
            {"f": None},
            es.ConfigError,
            "'f' of 'cells' acts at the start of a run only; .* tau, drive, v_th, t_ref",
        ),
        (
            leaky(),
            {"drift": 1.0},
            es.UnknownPart,
            "CustomNeuron, which has no parameter 'drift'; known: tau, drive",
        ),
        (
            M.MultiCompartment(),
            {"soma": 1.0},
            es.ConfigError,
            "MultiCompartment, stay as declared; LIF, AdEx and",
        ),
    ],
)
def test_what_cannot_change_is_refused_in_one_line(model, change, error, message):
    net = es.Network()
    net.add("cells", model, 1)
    sim = es.Simulation(net)
    sim.run(1.0)
    with pytest.raises(error, match=message) as refused:
        sim.set("cells", **change)
    assert "\n" not in str(refused.value)

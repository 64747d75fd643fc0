"""Membranes that are read at given times, and their derivatives."""

import math

import mpmath as mp
import numpy as np
import pytest

import eventsim as es
from eventsim.errors import UnknownPart
from eventsim.models.gradients import SpikeGradient
from reference.gradient_differences import (
    central_differences,
    inputs,
    loss_errors,
    membrane_errors,
    random_network,
)

M = es.models
UPSTROKE = {"v_leak": 0.0, "v_t": 1.0, "v_init": 0.0, "delta_t": 0.3, "v_peak": 4.0, "v_reset": -0.2}


def lif(rng, n):
    return M.LIF(
        tau_mem=rng.uniform(0.8, 3.0, n),
        tau_syn=rng.uniform(0.4, 1.2, n),
        v_th=rng.uniform(0.5, 0.9, n),
        t_ref=0.15,
    )


def first_only(rng, n):
    return M.LIF(tau_mem=rng.uniform(0.8, 3.0, n), v_th=0.6, v_reset=-0.1, first_spike_only=True)


def lif_delta(rng, n):
    return M.LIFDelta(tau_mem=rng.uniform(0.8, 3.0, n), v_th=rng.uniform(0.5, 0.9, n), t_ref=0.15)


def adaptive(rng, n):
    return M.AdaptiveLIF(
        tau_mem=rng.uniform(0.8, 3.0, n), v_th=0.6, b=0.2, tau_w=2.0, theta_jump=0.1, t_ref=0.1
    )


def qif(rng, n):
    return M.QIF(tau_mem=rng.uniform(0.8, 2.0, n), c_mem=rng.uniform(0.3, 0.6, n), t_ref=0.05)


def qif_delta(rng, n):
    return M.QIF(
        tau_mem=rng.uniform(0.8, 2.0, n), i_ext=rng.uniform(0.1, 0.7, n), synapse="delta", t_ref=0.05
    )


def eif(rng, n):
    g_leak = rng.uniform(0.3, 0.6, n)
    return M.ExponentialIF(c_mem=1.0, g_leak=g_leak, tau_syn=0.5, t_ref=0.1, tolerance=1e-13, **UPSTROKE)


def own(rng, n):
    return M.CustomNeuron(
        state={"v": 0.0, "w": 0.0},
        parameters={"tau": rng.uniform(1.0, 2.0, n), "tau_w": 4.0, "b": 0.3, "v_th": 1.0},
        f=lambda t, x, p: [(math.sin(x.v) - 1.5 * x.v - x.w) / p.tau, -x.w / p.tau_w],
        g=lambda x, p: x.v - p.v_th,
        reset=lambda x, p: [0.0, x.w + p.b],
        arrive=lambda x, p, weight, receptor: [x.v + weight * (1 - 0.2 * x.v), x.w],
        t_ref=0.2,
        tolerance=1e-12,
    )


CLOSED = {
    "lif": (lif, 0.6),
    "lif of one spike": (first_only, 0.8),
    "lif with delta synapses": (lif_delta, 0.3),
    "adaptive lif": (adaptive, 0.8),
    "qif": (qif, 1.5),
    "qif with delta synapses": (qif_delta, 0.3),
}
SOLVED = {"exponential-if": (eif, 1.5), "a neuron of one's own": (own, 0.3)}


def probe_times(rng, n_samples, until):
    """Return times by population, for all units or for each; some at the ends, some never."""
    shared = np.sort(rng.uniform(0, until, (n_samples, 6)), axis=1)[:, ::-1].copy()
    shared[0, :2] = 0.0, until
    each = rng.uniform(0, until, (n_samples, 4, 3))
    each[-1, 2] = np.inf
    return {"a": shared, "b": each}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
def test_derivatives_are_central_differences(name, kind):
    make, weight = CLOSED[name]
    rng = np.random.default_rng([len(name), len(kind)])
    net, given = random_network(rng, make, kind, weight), inputs(rng, 2)
    assert SpikeGradient(net, kernel="adjoint").forward(given, 4.0).counts("a").sum() > 4
    probes = probe_times(rng, 2, 4.0)
    assert central_differences(net, given, 4.0, ("a", "b"), probes=probes, noise=1e-8) > 15


@pytest.mark.parametrize("name", SOLVED)
def test_derivatives_of_solved_membranes_are_central_differences(name):
    make, weight = SOLVED[name]
    rng = np.random.default_rng(len(name))
    net, given = random_network(rng, make, "synaptic", weight, n=2), inputs(rng, 1, end=2.0)
    probes = {"a": rng.uniform(0, 2.5, (1, 5)), "b": rng.uniform(0, 2.5, (1, 4, 3))}
    assert SpikeGradient(net).forward(given, 2.5).counts("a").sum() > 1
    settings = {"noise": 2e-8, "steps": (3e-4, 1e-4), "most": 1, "probes": probes, "highest": 1.2}
    if name != "exponential-if":  # Python takes its time
        settings["keys"] = {"weight/in->a", "weight/a->b", "delay/b->a", "tau/a", "b/b"}
    assert central_differences(net, given, 2.5, ("a", "b"), **settings) > 4


@pytest.mark.parametrize("name", CLOSED | SOLVED)
def test_reading_changes_no_spike_and_agrees_with_recordings_of_the_engine(name):
    make, weight = (CLOSED | SOLVED)[name]
    rng = np.random.default_rng(len(name))
    net, (times, units) = random_network(rng, make, "synaptic", weight), inputs(rng, 1)["in"][0]
    at = 0.125 * np.arange(1, 24)
    gradient = SpikeGradient(net, kernel="adjoint")
    run = gradient.forward({"in": [(times, units)]}, 3.0, probes={"a": at, "b": at[::-1]})
    alone = gradient.forward({"in": [(times, units)]}, 3.0)
    errors = {"b": [np.ones(len(alone.spikes("b", 0)))]}
    one, other = gradient.backward(run, errors), gradient.backward(alone, errors)
    for key, value in one.parameters.items():
        assert np.array_equal(value, other.parameters[key])
    sim = es.Simulation(net)
    for population in ("a", "b"):
        sim.record(population, "v", every=0.125)
    sim.stimulate("in", times, units)
    sim.run(3.0)
    for population in ("a", "b"):
        assert np.array_equal(run.spikes(population, 0).times, alone.spikes(population, 0).times)
        trace = sim.trace(population, "v")
        found = run.membranes(population)[0][:: 1 if population == "a" else -1]
        expected = trace.values[np.searchsorted(trace.times, at - 1e-9)]
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def one_cell(model, weight, delay):
    net = es.Network()
    net.add("in", M.SpikeSource(), 2)
    net.add("cell", model, 1)
    net.connect("in", "cell", weight=np.array(weight)[:, None], delay=np.array(delay)[:, None])
    return net


def test_membranes_of_lif_are_those_of_fifty_digits():
    net = one_cell(M.LIF(tau_mem=1.7, tau_syn=0.9, c_mem=1.3, t_ref=0.4), [2.0, 2.5], [0.3, 0.1])
    at = [0.2, 0.35, 0.6, 1.3, 1.75, 1.9, 2.4, 5.0]
    run = SpikeGradient(net).forward({"in": [[0.0, 0.2]]}, 6.0, probes={"cell": at})
    assert run.counts("cell").tolist() == [[1]]
    with mp.workdps(50):
        tau, syn, c = (mp.mpf(str(value)) for value in (1.7, 0.9, 1.3))
        arrivals = [(mp.mpf(0.0 + 0.3), mp.mpf(2)), (mp.mpf(0.2 + 0.1), mp.mpf("2.5"))]

        def current(t):
            return mp.fsum(w * mp.exp(-(t - s) / syn) for s, w in arrivals if t >= s)

        def kernel(t):  # of a current that begins with 1
            return (mp.exp(-t / tau) - mp.exp(-t / syn)) / (c * (1 / syn - 1 / tau))

        def free(t):
            return mp.fsum(w * kernel(t - s) for s, w in arrivals if t >= s)

        spike = mp.findroot(lambda t: free(t) - 1, 1.0)
        end = spike + mp.mpf("0.4")

        def v(t):
            if t < spike:
                return free(t)
            return mp.mpf(0) if t < end else current(end) * kernel(t - end)

        expected = [float(v(mp.mpf(t))) for t in at]
    np.testing.assert_allclose(run.membranes("cell")[0, :, 0], expected, rtol=1e-13, atol=1e-14)


def test_membranes_of_a_solved_neuron_are_those_of_a_taylor_integration():
    model = M.ExponentialIF(c_mem=1.0, g_leak=0.5, tau_syn=0.5, t_ref=0.1, tolerance=1e-12, **UPSTROKE)
    net = one_cell(model, [1.2, 0.9], [0.3, 0.1])
    at = [0.2, 0.35, 0.7, 0.9, 1.6, 2.0]
    run = SpikeGradient(net).forward({"in": [[0.0, 0.6]]}, 2.0, probes={"cell": at})
    assert run.counts("cell").sum() == 0

    def flow(t, x):
        return [-0.5 * x[0] + 0.15 * mp.exp((x[0] - 1) / mp.mpf("0.3")) + x[1], -2 * x[1]]

    with mp.workdps(25):
        first = mp.odefun(flow, 0, [0, 0])
        x = first(mp.mpf(0.3))
        second = mp.odefun(flow, mp.mpf(0.3), [x[0], x[1] + mp.mpf("1.2")])
        x = second(mp.mpf(0.6 + 0.1))
        third = mp.odefun(flow, mp.mpf(0.6 + 0.1), [x[0], x[1] + mp.mpf("0.9")])
        pieces = [first, second, third, third, third, third]
        expected = [float(piece(mp.mpf(t))[0]) for piece, t in zip(pieces, at, strict=True)]
    np.testing.assert_allclose(run.membranes("cell")[0, :, 0], expected, rtol=1e-10, atol=1e-11)


def test_lif_by_default_and_by_the_adjoint_kernel_agree_and_keep_their_parameters():
    rng = np.random.default_rng(5)
    net, given = random_network(rng, lif, weight=0.6), inputs(rng, 40)
    probes, found = probe_times(rng, 40, 4.0), []
    for options in ({}, {"kernel": "adjoint"}, {"threads": 3}):
        gradient = SpikeGradient(net, **options)
        run = gradient.forward(given, 4.0, probes=probes)
        heights = membrane_errors(run, probes, np.random.default_rng(1))
        errors = loss_errors(run, ("b",), np.random.default_rng(2))
        found.append(gradient.backward(run, errors, membranes=heights).parameters)
    assert set(found[0]) == set(SpikeGradient(net).parameters)
    for key, value in found[0].items():
        assert np.array_equal(value, found[1][key])
        assert np.array_equal(value, found[2][key])


def test_spikes_and_membranes_add_up_in_a_loss():
    rng = np.random.default_rng(7)
    net, given = random_network(rng, qif, weight=1.5), inputs(rng, 2)
    gradient, probes = SpikeGradient(net), probe_times(rng, 2, 4.0)
    run = gradient.forward(given, 4.0, probes=probes)
    heights = membrane_errors(run, probes, np.random.default_rng(1))
    errors = loss_errors(run, ("a", "b"), np.random.default_rng(2))
    both = gradient.backward(run, errors, membranes=heights)
    spikes, membranes = gradient.backward(run, errors), gradient.backward(run, {}, membranes=heights)
    for key, value in both.parameters.items():
        total = spikes.parameters[key] + membranes.parameters[key]
        np.testing.assert_allclose(value, total, rtol=1e-9, atol=1e-9 * np.abs(total).max())


def test_an_infinite_membrane_without_weight_leaves_derivatives_finite():
    net = one_cell(M.QIF(c_mem=0.3, t_ref=0.5), [3.0, 3.0], [0.1, 0.1])
    gradient = SpikeGradient(net)
    spike = gradient.forward({"in": [[0.0, 0.2]]}, 6.0).first_spikes("cell")[0, 0]
    run = gradient.forward({"in": [[0.0, 0.2]]}, 6.0, probes={"cell": [spike + 0.2, 0.5]})
    assert run.membranes("cell")[0, 0, 0] == -np.inf
    g = gradient.backward(run, {}, membranes={"cell": [[[0.0], [1.0]]]})
    assert np.isfinite(g.weight["in->cell"]).all()
    with pytest.raises(OverflowError, match="derivatives overflow"):
        gradient.backward(run, {}, membranes={"cell": [[[1.0], [1.0]]]})


WRONG = {
    "time beyond the run": ({"a": [1.0, 7.0]}, ValueError, r"'a' must lie in the run, from 0 to until = 6"),
    "time before it": ({"a": [-1.0]}, ValueError, r"from 0 to until = 6 \(inf for none\), got -1.0"),
    "nan": ({"a": [np.nan]}, ValueError, r"'a' must be numbers \(inf for none\), got nan"),
    "source": ({"in": [1.0]}, ValueError, "'in' has no membranes, it is a source; neurons are a, b"),
    "unknown": ({"c": [1.0]}, UnknownPart, "no population is named 'c'; known: in, a, b"),
    "units": ({"a": np.ones((2, 3, 7))}, ValueError, r"shape \(2, 3, 7\), expected .* \(2, n_times, 5\)"),
    "samples": ({"a": np.ones((4, 3))}, ValueError, r"shape \(4, 3\), expected \(n_times,\), \(2, n_times\)"),
    "words": ({"a": ["soon"]}, TypeError, "probe times of 'a' must be numbers"),
    "no mapping": ([1.0], TypeError, "probes must be times by population"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_probes_are_refused_in_one_line(case):
    probes, kind, message = WRONG[case]
    rng = np.random.default_rng(0)
    with pytest.raises(kind, match=message) as caught:
        SpikeGradient(random_network(rng, lif)).forward(inputs(rng, 2), 6.0, probes=probes)
    assert "\n" not in str(caught.value)


def test_wrong_errors_of_membranes_are_refused_in_one_line():
    rng = np.random.default_rng(0)
    net, given = random_network(rng, lif), inputs(rng, 2)
    gradient = SpikeGradient(net)
    run = gradient.forward(given, 6.0, probes={"a": [1.0]})
    with pytest.raises(ValueError, match=r"have shape \(2, 1, 3\), expected \(2, 1, 5\)"):
        gradient.backward(run, {}, membranes={"a": np.ones((2, 1, 3))})
    with pytest.raises(ValueError, match="membranes of 'a' must be finite, got inf"):
        gradient.backward(run, {}, membranes={"a": np.full((2, 1, 5), np.inf)})
    with pytest.raises(ValueError, match=r"no membranes of 'b' were read: give times in forward\(probes="):
        gradient.backward(run, {}, membranes={"b": np.ones((2, 1, 3))})
    with pytest.raises(ValueError, match=r"no membranes of 'a' were read"):
        gradient.backward(gradient.forward(given, 6.0), {}, membranes={"a": np.ones((2, 1, 5))})
    with pytest.raises(ValueError, match=r"kernel='adjoint' or 'auto', not with kernel='eventprop'"):
        SpikeGradient(net, kernel="eventprop").forward(given, 6.0, probes={"a": [1.0]})

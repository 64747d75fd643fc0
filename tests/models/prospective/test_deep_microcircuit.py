"""The stack of microcircuits beside its NumPy reference, the size of learned feedback, state, bad input."""

from itertools import pairwise

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity.microcircuit_alignment import MicrocircuitAlignment
from eventsim.models.plasticity.noise import OrnsteinUhlenbeck, feedback_scale, passed_by_membrane
from eventsim.models.prospective.deep_microcircuit import (
    DeepMicrocircuit,
    initial_weights,
    shares,
    unit_ranges,
)
from eventsim.rng import unit_keys
from reference.phaseless_alignment import Microcircuit

DT, SEED = 0.01, 3


def drawn(sizes, seed=0, low=-1.0, high=1.0):
    """Return forward and feedback weights, (n_pre, n_post)."""
    rng = np.random.default_rng(seed)
    forward = [rng.uniform(low, high, pair) for pair in pairwise(sizes)]
    return forward, [rng.uniform(low, high, (above, n)) for n, above in pairwise(sizes[1:])]


def simulation(sizes, weights, rule, u=0.0, dt=DT, **options):
    model = DeepMicrocircuit(sizes, weights, u_init=u, **options)
    net = es.Network(seed=SEED)
    net.add("circuit", model, model.n_units)
    if rule is not None:
        net.add_plasticity("circuit", rule)
    return es.Simulation(net, dt=dt)


def shown(sizes, x):
    """Return inputs (n, n_inputs) as a series for all units."""
    values = np.zeros((len(x), sum(sizes) + sum(sizes[2:])))
    values[:, : sizes[0]] = x
    return values


def noise_numbers(sizes, tick):
    """Return the normal numbers of a tick, by hidden layer."""
    from eventsim.kernels import draws

    cells, inter = unit_ranges(sizes)
    keys = unit_keys(SEED, inter[-1].stop, "alignment noise", "circuit")
    found = draws.normals(keys, tick)
    return [found[here] for here in cells[1:-1]]


RULES = {
    "feedback": {"rate_feedback": 50.0, "rate_from_interneurons": 5.0, "decay": 1e-3},
    "all": {
        "rate_forward": (1.0, 0.5, 0.25),
        "rate_feedback": 20.0,
        "rate_to_interneurons": 2.0,
        "rate_from_interneurons": 0.5,
        "tau_low_pass": 1.0,
        "decay": 1e-2,
    },
    "copied": {"rate_forward": (1.0, 0.5, 0.25), "feedback": "copied", "rate_to_interneurons": 2.0},
    "decaying": {"rate_feedback": 20.0, "feedback": "decaying", "rate_from_interneurons": 0.5, "decay": 1.0},
    "gated": {"rate_feedback": 20.0, "regulariser": "gated", "decay": 1.0},
    "slopes": {"rate_feedback": 20.0, "regulariser": "slopes", "decay": 1.0},
}


@pytest.mark.parametrize("prospective", [1.0, 0.0])
@pytest.mark.parametrize("update", ["euler", "exact"])
@pytest.mark.parametrize("rule", list(RULES))
def test_ticks_are_those_of_the_reference(rule, update, prospective):
    sizes = (4, 11, 9, 3)
    forward, feedback = drawn(sizes)
    rng = np.random.default_rng(1)
    cells, inter = unit_ranges(sizes)
    u = rng.normal(size=inter[-1].stop)
    options = RULES[rule]
    noise = OrnsteinUhlenbeck(0.05, 0.1, update)
    sim = simulation(
        sizes,
        initial_weights(forward, feedback),
        MicrocircuitAlignment(noise, tau_high_pass=0.2, **options),
        u,
        prospective=prospective,
    )
    reference = Microcircuit(
        sizes,
        [w.T for w in forward],
        [b.T for b in feedback],
        DT,
        [u[here].copy() for here in cells[1:]],
        [u[here].copy() for here in inter[1:-1]],
        eta_fw=np.broadcast_to(options.get("rate_forward", 0.0), 3),
        eta_bw=options.get("rate_feedback", 0.0),
        eta_ip=options.get("rate_to_interneurons", 0.0),
        eta_pi=options.get("rate_from_interneurons", 0.0),
        alpha=options.get("decay", 1e-5),
        sigma=0.05,
        tau_xi=0.1,
        tau_hp=0.2,
        tau_lo=options.get("tau_low_pass", 0.0),
        euler=update == "euler",
        prospective=prospective,
        copied=rule == "copied",
        decaying=rule == "decaying",
        regulariser=options.get("regulariser", "decay"),
    )
    x, target = rng.random((60, 4)), rng.normal(size=3)
    sim.set_input("circuit", shown(sizes, x), every=DT)
    for tick in range(60):
        if tick == 30:
            values = np.zeros(inter[-1].stop)
            values[cells[-1]] = target
            sim.nudge("circuit", values, 0.06, kind="voltage")
        reference.step(x[tick], noise_numbers(sizes, tick), target if tick >= 30 else None)
        sim.run_ticks(1)
    for name, theirs in (("rate", reference.r), ("high_passed", reference.rh), ("u", reference.u)):
        ours = sim.array("circuit", name)[0]
        for here, values in list(zip(cells, theirs, strict=True))[1:]:
            np.testing.assert_allclose(ours[here], values, rtol=1e-11, atol=1e-13)
    for kind, theirs in (("up", reference.w_pp), ("down", reference.b_pp), ("from_inter", reference.b_pi),
                         ("to_inter", reference.w_ip)):  # fmt: skip
        for layer, values in enumerate(theirs):
            if values is not None:
                ours = sim.array("circuit", f"{kind}/{layer}")
                np.testing.assert_allclose(ours, values.T, rtol=1e-11, atol=1e-13, err_msg=f"{kind}/{layer}")
    moved = np.abs(sim.array("circuit", "down/1") - feedback[0]).max()
    assert moved > 1e-6, "a rule that changes nothing tests nothing"


def test_a_membrane_passes_the_correlation_that_theory_gives():
    """One cell, driven by its own noise of the tick before, in a long direct simulation."""
    dt, ticks = 0.1, 400_000
    rng = np.random.default_rng(2)
    for tau_noise, tau_mem, p in ((1.0, 5.0, 0.7), (1.0, 5.0, 1.4), (10.0, 5.0, 0.0), (3.0, 20.0, 1.1)):
        noise = OrnsteinUhlenbeck(1.0, tau_noise)
        keep, gain, _ = noise.steps(dt)
        u = xi = 0.0
        products = np.zeros(2)
        for z in rng.normal(size=ticks):
            old, xi = xi, keep * xi + gain * z
            shown = u + p * (old - u)  # of the u before the step
            u += dt / tau_mem * (old - u)
            products += xi * shown, xi * old
        expected = passed_by_membrane(noise, tau_mem, p, dt)
        assert products[0] / products[1] == pytest.approx(expected, abs=0.02 * max(1.0, tau_noise / 3))
    np.testing.assert_array_equal(passed_by_membrane(noise, [1.0, 7.0], 1.0, dt), 1.0)


def test_feedback_of_mismatched_cells_settles_where_theory_says():
    """Membrane and prospective time constants differ from cell to cell: rows and columns have factors."""
    sizes, tau, sigma, decay = (3, 4, 3, 3), 0.1, 0.02, 1e-5
    forward, feedback = drawn(sizes, 5)
    cells, inter = unit_ranges(sizes)
    rng = np.random.default_rng(0)
    tau_factor, ahead = (rng.uniform(0.6, 1.5, inter[-1].stop) for _ in range(2))
    noise = OrnsteinUhlenbeck(sigma, tau)
    rule = MicrocircuitAlignment(noise, rate_feedback=200.0, rate_from_interneurons=20.0, decay=decay)
    weights = initial_weights(forward, feedback)
    sim = simulation(sizes, weights, rule, prospective=ahead, tau_factor=tau_factor)
    x = np.array([0.2, 0.7, 0.4])
    sim.set_input("circuit", shown(sizes, x[None])[0])
    relaxation = round(1 / (200.0 * decay) / DT)
    sim.run_ticks(6 * relaxation)
    mean, n = [0.0, 0.0], 60
    for _ in range(n):
        sim.run_ticks(relaxation // 2)
        mean = [m + sim.array("circuit", f"down/{k}") / n for k, m in enumerate(mean, 1)]
    rates = [x, *(sim.array("circuit", "rate")[0, here] for here in cells[1:])]
    share = shares(False)
    factors = passed_by_membrane(noise, tau_factor / (0.03 + 0.1 + 0.06), ahead, DT)
    for k in (1, 2):
        slopes, above = (rates[layer] * (1 - rates[layer]) for layer in (k, k + 1))
        scale = sigma**2 * feedback_scale(noise, 0.1, decay, 4, DT)
        scale *= share["noise"] * share["output" if k == 2 else "hidden"]
        equal = scale * forward[k].T * np.outer(above, slopes)
        expected = equal * np.outer(factors[cells[k + 1]], factors[cells[k]])
        found = mean[k - 1]
        assert (found * expected).sum() / (expected**2).sum() == pytest.approx(1.0, abs=0.05)
        angles = [
            np.degrees(np.arccos((found * e).sum() / np.linalg.norm(found) / np.linalg.norm(e)))
            for e in (expected, equal)
        ]
        assert angles[0] < 5 < angles[1]


@pytest.mark.parametrize("update", ["exact", "euler"])
def test_feedback_settles_at_the_size_that_theory_gives(update):
    """Angle and size of B, after noise is averaged out; an age wrong by a tick is 10 % of the size."""
    sizes, tau, sigma, decay = (3, 4, 3, 3), 0.1, 0.02, 1e-5
    forward, feedback = drawn(sizes, 5)
    noise = OrnsteinUhlenbeck(sigma, tau, update)
    rule = MicrocircuitAlignment(noise, rate_feedback=200.0, rate_from_interneurons=20.0, decay=decay)
    sim = simulation(sizes, initial_weights(forward, feedback), rule)
    x = np.array([0.4, 0.5, 0.6])
    sim.set_input("circuit", shown(sizes, x[None])[0])
    relaxation = round(1 / (200.0 * decay) / DT)
    sim.run_ticks(8 * relaxation)
    mean = {k: np.zeros((3, sizes[k])) for k in (1, 2)}
    n = 400
    for _ in range(n):
        sim.run_ticks(relaxation // 10)
        for k in mean:
            mean[k] += sim.array("circuit", f"down/{k}") / n
    cells, _ = unit_ranges(sizes)
    rates = sim.array("circuit", "rate")[0]
    slopes = [rates[here] * (1 - rates[here]) for here in cells]
    for k, learned in mean.items():
        share = shares(False)
        scale = sigma**2 * feedback_scale(noise, 0.1, decay, 4, DT)
        scale *= share["noise"] * share["output" if k == 2 else "hidden"]
        expected = scale * slopes[k + 1][:, None] * forward[k].T * slopes[k]
        size = (learned * expected).sum() / (expected**2).sum()
        cosine = (learned * expected).sum() / np.linalg.norm(learned) / np.linalg.norm(expected)
        assert size == pytest.approx(1.0, abs=0.05)
        assert np.degrees(np.arccos(cosine)) < 5


def test_without_prospective_rates_feedback_only_decays():
    """|B| falls as exp(-eta alpha t) within 1 %, for noise is all but lost in membranes."""
    sizes = (5, 20, 10, 20, 5)
    forward, feedback = drawn(sizes, 2)
    rule = MicrocircuitAlignment(
        OrnsteinUhlenbeck(0.05, 0.1), rate_feedback=50.0, rate_from_interneurons=5.0, decay=1e-5
    )
    sim = simulation(sizes, initial_weights(forward, feedback), rule, prospective=0.0)
    sim.set_input("circuit", shown(sizes, np.random.default_rng(0).random((100, 5))), every=1.0, repeat=True)
    sim.run_ticks(100_000)
    for k, start in enumerate(feedback, 1):
        expected = np.linalg.norm(start) * np.exp(-50 * 1e-5 * 1000)
        assert np.linalg.norm(sim.array("circuit", f"down/{k}")) == pytest.approx(expected, rel=0.01)


def test_the_self_predicting_state_has_no_apical_potential():
    sizes = (4, 6, 5, 3)
    forward, feedback = drawn(sizes, 4)
    sim = simulation(sizes, initial_weights(forward, feedback), None)
    sim.set_input("circuit", shown(sizes, np.full((1, 4), 0.5))[0])
    sim.run_ticks(20_000)
    cells, _ = unit_ranges(sizes)
    assert np.abs(sim.array("circuit", "apical")[0, cells[1].start : cells[-1].start]).max() < 1e-10


def test_a_run_that_stops_and_goes_on_has_the_same_bits():
    sizes = (4, 6, 5, 3)
    forward, feedback = drawn(sizes, 4)
    rule = MicrocircuitAlignment(OrnsteinUhlenbeck(0.05, 0.1), **RULES["all"])
    x = np.random.default_rng(0).random((50, 4))

    def fresh():
        sim = simulation(sizes, initial_weights(forward, feedback), rule)
        sim.set_input("circuit", shown(sizes, x), every=DT, start=0.0, repeat=True)
        return sim

    whole, first, second = fresh(), fresh(), fresh()
    whole.run_ticks(437)
    first.run_ticks(203)
    second.restore(first.snapshot())
    second.run_ticks(437 - 203)
    for name in ("rate", "noise", "up/1", "down/2", "from_inter/1", "to_inter/2"):
        assert (second.array("circuit", name) == whole.array("circuit", name)).all(), name


def test_rows_are_padded_by_zeros_that_stay():
    sizes = (3, 5, 9, 2)
    forward, feedback = drawn(sizes, 4)
    sim = simulation(
        sizes,
        initial_weights(forward, feedback),
        MicrocircuitAlignment(OrnsteinUhlenbeck(0.5, 0.1), **RULES["all"]),
    )
    sim.set_input("circuit", shown(sizes, np.full((1, 3), 0.5))[0])
    sim.run_ticks(500)
    state, checked = sim.snapshot(), 0
    for key, stored in flat(state):
        if "weight/" in key:
            n_post = sim.array("circuit", key.split("weight/")[1]).shape[1]
            assert (stored[:, n_post:] == 0).all(), key
            checked += stored[:, n_post:].size
    assert checked


def flat(state, prefix=""):
    """Yield the arrays of a state by path."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, np.ndarray) and value.ndim == 2:
            yield prefix + key, value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau": 0.005}, "tau of the noise = 0.005 is shorter than the tick dt = 0.01"),
        ({"tau_high_pass": 0.002}, "tau_high_pass = 0.002 is shorter than the tick dt = 0.01"),
        ({"tau_low_pass": 0.001}, "tau_low_pass = 0.001 is shorter than the tick dt = 0.01"),
        ({"sigma": (0.1, 0.2)}, "sigma of 'circuit' has 2 values, expected 1 or 11"),
        ({"rate_forward": (1.0, 2.0)}, "rate_forward of 'circuit' has 2 values, expected 1 or 3"),
        ({"rate_feedback": 1e6, "decay": 1.0}, "too fast for ticks"),
    ],
)
def test_bad_rules_are_refused_in_one_line(change, message):
    sizes = (4, 6, 5, 3)
    forward, feedback = drawn(sizes)
    change = {"sigma": 0.05, "tau": 0.1} | change
    noise = OrnsteinUhlenbeck(change.pop("sigma"), change.pop("tau"))
    sim = simulation(sizes, initial_weights(forward, feedback), MicrocircuitAlignment(noise, **change))
    with pytest.raises((ValueError, es.ConfigError), match=message):
        sim.run_ticks(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": -1.0, "tau": 0.1}, "sigma must be numbers of at least 0"),
        ({"sigma": 1.0, "tau": 0.0}, "tau of the noise must be positive"),
        ({"sigma": 1.0, "tau": 0.1, "update": "heun"}, "update of the noise must be one of"),
        ({"sigma": 1.0, "tau": 0.1, "amplitude": "v"}, "amplitude of the noise must be one of"),
    ],
)
def test_bad_noise_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OrnsteinUhlenbeck(**options)


def test_bad_stacks_are_refused():
    sizes = (4, 6, 5, 3)
    weights = initial_weights(*drawn(sizes))
    net = es.Network()
    with pytest.raises(ValueError, match="has 26 units, not 5"):
        net.add("circuit", DeepMicrocircuit(sizes, weights), 5)
    with pytest.raises(ValueError, match="sizes of 'circuit' need an input"):
        net.add("circuit", DeepMicrocircuit((4, 3), weights), 7)
    with pytest.raises(ValueError, match=r"weight up/1 of 'circuit' has shape \(1, 1\), expected \(4, 6\)"):
        net.add("circuit", DeepMicrocircuit(sizes, weights | {"up/1": np.ones((1, 1))}), 26)
    with pytest.raises(es.ConfigError, match="longer than the shortest membrane time constant"):
        simulation(sizes, weights, None, dt=6.0).run_ticks(1)
    model = DeepMicrocircuit(sizes, weights)
    net.add("circuit", model, 26)
    with pytest.raises(es.ConfigError, match="needs batch=1"):
        es.Simulation(net, dt=DT, batch=2).run_ticks(1)


@pytest.mark.parametrize("amplitude", ["u", "prospective", "apical"])
def test_noise_can_be_in_proportion_to_a_potential(amplitude):
    sizes = (4, 30, 3)
    forward, feedback = drawn(sizes, 1)
    u = np.random.default_rng(0).normal(size=sum(sizes) + 3)
    noise = OrnsteinUhlenbeck(0.1, 0.1, amplitude=amplitude)
    sim = simulation(sizes, initial_weights(forward, feedback), MicrocircuitAlignment(noise), u)
    hidden = unit_ranges(sizes)[0][1]
    sim.run_ticks(1)
    before, potential = sim.array("circuit", "noise")[0, hidden], sim.array("circuit", amplitude)[0, hidden]
    sim.run_ticks(1)
    if amplitude == "prospective":
        potential = sim.array("circuit", "prospective")[0, hidden]
    keep, gain, _ = noise.steps(DT)
    expected = keep * before + gain * 0.1 * noise_numbers(sizes, 1)[0] * np.abs(potential)
    np.testing.assert_allclose(sim.array("circuit", "noise")[0, hidden], expected, rtol=1e-12)
    assert np.abs(expected).max() > 1e-3


def test_held_noise_has_the_variance_of_the_process():
    sizes = (1, 500, 1)
    weights = initial_weights([np.zeros((1, 500)), np.zeros((500, 1))], [np.zeros((1, 500))])
    sim = simulation(sizes, weights, MicrocircuitAlignment(OrnsteinUhlenbeck(0.4, 0.05, "hold")))
    hidden, seen = unit_ranges(sizes)[0][1], []
    for _ in range(60):
        sim.run_ticks(1)
        seen.append(sim.array("circuit", "noise")[0, hidden])
    values = np.array(seen)
    assert (values.reshape(12, 5, 500) == values[::5][:, None]).all()
    assert values.var() == pytest.approx(0.08, rel=0.05)  # 6000 values: 1.8 %


@pytest.mark.parametrize("update", ["exact", "euler"])
def test_noise_has_the_variance_and_memory_of_its_update(update):
    """Exact: sigma^2 / 2 within 3 % and tau within 5 %. Euler: its own, 5 % away from both."""
    sizes, tau, sigma, ticks = (1, 1000, 1), 0.1, 0.3, 2000
    weights = initial_weights([np.zeros((1, 1000)), np.zeros((1000, 1))], [np.zeros((1, 1000))])
    sim = simulation(sizes, weights, MicrocircuitAlignment(OrnsteinUhlenbeck(sigma, tau, update)))
    sim.run_ticks(100)
    hidden = unit_ranges(sizes)[0][1]
    sim.record("circuit", "noise", every=DT)
    sim.run_ticks(ticks)
    xi = sim.trace("circuit", "noise").values[-ticks:, hidden]
    lag = 10
    memory = -lag * DT / np.log((xi[lag:] * xi[:-lag]).mean() / xi.var())
    if update == "exact":
        assert xi.var() == pytest.approx(sigma**2 / 2, rel=0.03)
        assert memory == pytest.approx(tau, rel=0.05)
    else:
        assert xi.var() == pytest.approx(sigma**2 / (2 - DT / tau), rel=0.03)
        assert memory == pytest.approx(-DT / np.log(1 - DT / tau), rel=0.03)
        assert abs(memory / tau - 1) > 0.03


@pytest.mark.parametrize("update", ["exact", "euler"])
def test_the_high_pass_of_noise_meets_the_noise_as_reckoned(update):
    """E[xi rh] of the filters alone, beside a simulation of the two in NumPy, within 2 %."""
    rng, noise, tau_hp, n = np.random.default_rng(0), OrnsteinUhlenbeck(1.0, 0.1, update), 0.1, 4000
    keep, gain, _ = noise.steps(DT)
    xi, rh = np.sqrt(noise.variance(DT)) * rng.normal(size=n), np.zeros(n)
    sums = []
    for tick in range(1500):
        old, xi = xi, keep * xi + gain * rng.normal(size=n)
        rh += xi - old - DT / tau_hp * rh
        if tick > 200:
            sums.append((xi * rh).mean())
    assert np.mean(sums) == pytest.approx(feedback_scale(noise, tau_hp, 1.0, 0, DT), rel=0.02)
    continuous = 0.5 * tau_hp / (tau_hp + 0.1)
    assert feedback_scale(noise, tau_hp, 1.0, 0, DT) / continuous == pytest.approx(
        {"exact": 1.026, "euler": 1.11}[update], abs=0.005
    )

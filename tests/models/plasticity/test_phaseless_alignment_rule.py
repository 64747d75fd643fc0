"""Feedback weights that learn from noise in LE and GLE networks and in cells written in NumPy."""

from itertools import pairwise

import numpy as np
import pytest

import eventsim as es
from eventsim.kernels import draws
from eventsim.models.plasticity import ErrorTimesRate, OrnsteinUhlenbeck, PhaselessAlignment
from eventsim.models.plasticity.noise import feedback_scale
from eventsim.rng import unit_keys
from reference.latent_equilibrium import tanh
from reference.phaseless_alignment import RateNetwork

DT, SEED, SIZES = 0.1, 3, (4, 6, 5, 3)


def drawn(sizes, seed=0, std=0.4):
    rng = np.random.default_rng(seed)
    forward = [rng.normal(0, std, pair) for pair in pairwise(sizes)]
    return forward, [rng.normal(0, std, (above, n)) for n, above in pairwise(sizes[1:])]


def network(sizes, forward, feedback, rule, *, eta=0.0, activation="tanh", model=None, momentum=0.0):
    net = es.Network(seed=SEED)
    net.add("0", es.models.RateInput(), sizes[0])
    for k, weight in enumerate(forward, 1):
        phi = activation if k < len(forward) else "linear"
        neuron = model(phi) if model else es.models.LatentEquilibrium(10.0, activation=phi, gamma=0.0)
        net.add(str(k), neuron, sizes[k])
        own = {"feedback": feedback[k - 2]} if k > 1 else {}
        projection = net.connect(str(k - 1), str(k), weight=weight, **own)
        if eta:
            options = {"optimiser": "momentum", "momentum": momentum} if momentum else {}
            net.add_plasticity(projection, ErrorTimesRate(eta * (1 - momentum), bias=0.0, **options))
        if k > 1:
            net.add_plasticity(f"{projection.name} feedback", rule)
    return net


@pytest.mark.parametrize("tau_low", [0.0, 1.0])
def test_ticks_of_a_network_that_learns_all_its_weights_are_those_of_the_reference(tau_low):
    forward, feedback = drawn(SIZES)
    noise = OrnsteinUhlenbeck(0.1, 1.0)
    rule = PhaselessAlignment(noise, learning_rate=5.0, decay=0.05, tau_high_pass=2.0)
    momentum = 1 - DT / tau_low if tau_low else 0.0
    net = network(SIZES, forward, feedback, rule, eta=0.5, momentum=momentum)
    sim = es.Simulation(net, dt=DT)
    reference = RateNetwork(
        SIZES, [w.T for w in forward], [b.T for b in feedback], DT, tanh, 5.0, 0.05, 0.1, 1.0, 2.0,
        beta=0.3, eta=0.5, tau_lo=tau_low,
    )  # fmt: skip
    x, target = np.random.default_rng(1).random((80, 4)), np.array([0.5, -0.5, 0.2])
    sim.set_input("0", x, every=DT)
    sim.nudge("3", target, 0.3)
    keys = [unit_keys(SEED, n, "alignment noise", str(k)) for k, n in enumerate(SIZES)]
    for tick in range(80):
        # a nudge is made of the rates of a tick, for the next
        reference.step(x[tick], [draws.normals(keys[k], tick) for k in (1, 2)], target if tick else None)
        sim.run_ticks(1)
    for k in (1, 2, 3):
        np.testing.assert_allclose(sim.array(str(k))[0], reference.r[k], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(sim.weights(f"{k - 1}->{k}"), reference.w[k - 1].T, rtol=1e-10, atol=1e-13)
    for k in (2, 3):
        ours = sim.weights(f"{k - 1}->{k} feedback")
        np.testing.assert_allclose(ours, reference.b[k - 2].T, rtol=1e-9, atol=1e-12)
        assert np.abs(ours - feedback[k - 2]).max() > 1e-3


@pytest.mark.parametrize("update", ["exact", "euler"])
@pytest.mark.parametrize("which", ["latent", "generalized"])
def test_feedback_settles_at_the_size_that_theory_gives(which, update):
    """In a linear net B is kappa W^T, with noise one tick old."""
    sizes, sigma, decay, eta = (3, 8, 5), 0.1, 1e-3, 1.0
    forward, feedback = drawn(sizes, 2, 0.7)
    noise = OrnsteinUhlenbeck(sigma, 1.0, update)
    rule = PhaselessAlignment(noise, learning_rate=eta, decay=decay, tau_high_pass=1.0)

    def generalized(phi):
        return es.models.GeneralizedLatentEquilibrium(1e6, 1e6, phi, errors="instant")

    model = generalized if which == "generalized" else None
    sim = es.Simulation(network(sizes, forward, feedback, rule, activation="linear", model=model), dt=DT)
    sim.set_input("0", [0.3, 0.2, 0.5])
    relaxation = round(1 / (eta * decay) / DT)
    sim.run_ticks(6 * relaxation)
    mean, n = 0.0, 100
    for _ in range(n):
        sim.run_ticks(relaxation // 5)
        mean = mean + sim.weights("1->2 feedback") / n
    expected = sigma**2 * feedback_scale(noise, 1.0, decay, 1, DT) * forward[1].T
    assert (mean * expected).sum() / (expected**2).sum() == pytest.approx(1.0, abs=0.05)
    assert np.linalg.norm(mean - expected) / np.linalg.norm(expected) < 0.08


def test_samples_side_by_side_learn_their_mean():
    forward, feedback = drawn(SIZES)
    rule = PhaselessAlignment(OrnsteinUhlenbeck(0.1, 1.0), 5.0, 0.05, 1.0)
    sim = es.Simulation(network(SIZES, forward, feedback, rule), dt=DT, batch=3)
    sim.set_input("0", np.random.default_rng(0).random((3, 4)))
    sim.run_ticks(5)
    xi, passed = sim.array("1", "noise"), sim.array("2", "high_passed")
    assert np.abs(xi[0] - xi[1]).max() > 1e-3
    before = sim.weights("1->2 feedback")
    sim.run_ticks(1)
    xi, passed = sim.array("1", "noise"), sim.array("2", "high_passed")
    expected = before + DT * 5.0 * (passed.T @ xi / 3 - 0.05 * before)
    np.testing.assert_allclose(sim.weights("1->2 feedback"), expected, rtol=1e-12)


@pytest.mark.parametrize("regulariser", ["gated", "slopes"])
def test_regularisers_take_what_they_should(regulariser):
    forward, feedback = drawn(SIZES)
    rule = PhaselessAlignment(OrnsteinUhlenbeck(0.1, 1.0), 5.0, 0.5, 1.0, regulariser=regulariser)
    sim = es.Simulation(network(SIZES, forward, feedback, rule), dt=DT, batch=2)
    sim.set_input("0", np.random.default_rng(0).random((2, 4)))
    sim.run_ticks(5)
    before = sim.weights("1->2 feedback")
    sim.run_ticks(1)
    xi, passed = sim.array("1", "noise"), sim.array("2", "high_passed")
    if regulariser == "gated":
        share = np.broadcast_to((passed > 0).mean(axis=0)[:, None], before.shape)
    else:
        above, below = (1 - sim.array(k) ** 2 for k in ("2", "1"))
        share = above.T @ below / 2
    expected = before + DT * 5.0 * (passed.T @ xi / 2 - 0.5 * share * before)
    np.testing.assert_allclose(sim.weights("1->2 feedback"), expected, rtol=1e-11)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_that_stops_and_goes_on_has_the_same_bits(dtype):
    forward, feedback = drawn(SIZES)
    rule = PhaselessAlignment(OrnsteinUhlenbeck(0.1, 1.0, "hold"), 5.0, 0.05, 1.0, regulariser="gated")

    def fresh():
        sim = es.Simulation(network(SIZES, forward, feedback, rule, eta=0.5), dt=DT, batch=2, dtype=dtype)
        sim.set_input("0", np.full(4, 0.5))
        sim.nudge("3", np.zeros(3), 0.1)
        return sim

    whole, first, second = fresh(), fresh(), fresh()
    whole.run_ticks(57)
    first.run_ticks(23)
    second.restore(first.snapshot())
    second.run_ticks(34)
    for k in (2, 3):
        name = f"{k - 1}->{k} feedback"
        assert (second.weights(name) == whole.weights(name)).all()
    assert (second.array("1", "noise") == whole.array("1", "noise")).all()


def test_cells_written_in_numpy_learn_their_apical_weights():
    """The microcircuit of single cells: noise enters the apical dendrite, and age is one tick here too."""
    from eventsim.models.prospective.microcircuit import OutputCell, PyramidalCell

    class Above(OutputCell):
        variables = (*OutputCell.variables, "error")

        def begin(self, batch, n, dt, rng):
            super().begin(batch, n, dt, rng)
            self.error = np.zeros((batch, n))

    class Below(PyramidalCell):
        receptors = (*PyramidalCell.receptors, "error")

    net = es.Network(seed=1)
    net.add("0", es.models.RateInput(), 3)
    net.add("1", Below(), 4)
    net.add("2", Above(), 2)
    net.connect("0", "1", weight=np.full((3, 4), 0.2), receptor="basal")
    net.connect("1", "2", weight=np.ones((4, 2)), receptor="basal", feedback=np.zeros((2, 4)))
    net.add_plasticity("1->2 feedback", PhaselessAlignment(OrnsteinUhlenbeck(0.1, 1.0), 50.0, 1e-3, 1.0))
    sim = es.Simulation(net, dt=DT)
    sim.set_input("0", [0.5, 0.5, 0.5])
    sim.run_ticks(6000)
    assert (sim.weights("1->2 feedback") > 0).all()
    assert np.abs(sim.array("1", "noise")).max() > 1e-3


def test_bad_rules_are_refused_in_one_line():
    forward, feedback = drawn(SIZES)
    noise = OrnsteinUhlenbeck(0.1, 1.0)
    good = {"learning_rate": 1.0, "decay": 1e-3, "tau_high_pass": 1.0}
    for rule, message in (
        (PhaselessAlignment(OrnsteinUhlenbeck(0.1, 0.05), **good), "tau of the noise = 0.05 is shorter"),
        (PhaselessAlignment(noise, **good | {"tau_high_pass": 0.01}), "tau_high_pass = 0.01 is shorter than"),
        (PhaselessAlignment(OrnsteinUhlenbeck((0.1, 0.2), 1.0), **good), "sigma of '1' has 2 values"),
        (PhaselessAlignment(noise, **good, receptor="apical"), "'1' has no receptor 'apical'"),
        (PhaselessAlignment(noise, **good | {"learning_rate": 1e5, "decay": 1.0}), "too fast for ticks"),
    ):  # fmt: skip
        with pytest.raises((ValueError, es.ConfigError), match=message):
            es.Simulation(network(SIZES, forward, feedback, rule), dt=DT).run_ticks(1)
    with pytest.raises(ValueError, match="regulariser must be one of"):
        PhaselessAlignment(noise, **good, regulariser="l1")
    net = network(SIZES, forward, feedback, PhaselessAlignment(noise, **good))
    net.add_plasticity("0->1", PhaselessAlignment(noise, **good))
    with pytest.raises(es.ConfigError, match="'1' has noise"):
        es.Simulation(
            _with_other_noise(net, PhaselessAlignment(OrnsteinUhlenbeck(0.2, 1.0), **good)), dt=DT
        ).run_ticks(1)
    with pytest.raises(es.UnknownPart, match="0->1 feedback"):
        net.add_plasticity("0->1 feedback", PhaselessAlignment(noise, **good))


def _with_other_noise(net, rule):
    """Return a network where two projections bring noise of different strength to one layer."""
    net.plasticity = [entry for entry in net.plasticity if entry[0] != "0->1"]
    net.add("4", es.models.LatentEquilibrium(10.0), 2)
    net.connect("1", "4", weight=np.ones((6, 2)), feedback=np.ones((2, 6)))
    net.add_plasticity("1->4 feedback", rule)
    return net

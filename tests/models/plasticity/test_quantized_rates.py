"""Quantized weights of rates: what products take, what learns, gains of a chip, and slices of a run."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import ErrorTimesRate, OrnsteinUhlenbeck, PhaselessAlignment

DT, STEP, LIMIT = 0.1, 0.25, 0.75


def coarse(weight, gain=1.0):
    return gain * np.rint(np.clip(weight, -LIMIT, LIMIT) / STEP) * STEP


def weights(sizes):
    rng = np.random.default_rng(1)
    n_in, n_hidden, n_out = sizes
    return (rng.normal(0, 0.6, (n_in, n_hidden)), rng.normal(0, 0.6, (n_hidden, n_out)),
            rng.normal(0, 0.6, (n_out, n_hidden)), rng.uniform(0.8, 1.2, (n_hidden, n_out)))  # fmt: skip


def simulation(sizes, given, learning=0.0, batch=1, dtype="float64", feedback_learns=False):
    first, second, back, _ = given
    net = es.Network(seed=1)
    net.add("0", es.models.RateInput(), sizes[0])
    for name, n in (("1", sizes[1]), ("2", sizes[2])):
        net.add(name, es.models.LatentEquilibrium(10.0, activation="tanh", gamma=0.0), n)
    net.connect("0", "1", weight=first, bias=0.1)
    net.connect("1", "2", weight=second, bias=0.1, feedback=back)
    if learning:
        for name in ("0->1", "1->2"):
            net.add_plasticity(name, ErrorTimesRate(learning))
    if feedback_learns:
        net.add_plasticity("1->2 feedback", PhaselessAlignment(OrnsteinUhlenbeck(0.1, 1.0), 5.0, 0.05, 1.0))
    sim = es.Simulation(net, dt=DT, batch=batch, dtype=dtype)
    sim.set_input("0", np.random.default_rng(2).random((batch, sizes[0])))
    sim.nudge("2", np.full(sizes[2], 0.5), 0.3)
    return sim


SIZES = [(5, 4, 3), (6, 20, 30), (30, 20, 4)]  # rows of the stored matrix are sources, or targets


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("sizes", SIZES)
def test_rates_and_errors_take_rounded_weights_times_their_gain(sizes, batch, dtype):
    given = weights(sizes)
    first, second, back, gain = given
    sim = simulation(sizes, given, batch=batch, dtype=dtype)
    sim.quantize_weights("0->1", STEP, LIMIT)
    sim.quantize_weights("1->2", STEP, LIMIT, gain)
    sim.quantize_weights("1->2 feedback", STEP, LIMIT)
    rounded = (coarse(first), coarse(second, gain), coarse(back), gain)
    expected = simulation(sizes, rounded, batch=batch, dtype=dtype)
    for each in (sim, expected):
        each.run_ticks(8)
    close = 1e-12 if dtype == "float64" else 1e-5
    for name in ("1", "2"):
        for variable in ("rate", "error"):
            np.testing.assert_allclose(
                sim.array(name, variable), expected.array(name, variable), rtol=close, atol=close
            )
    np.testing.assert_allclose(sim.weights("1->2"), second, rtol=close)
    sim.quantize_weights("1->2", 0.0)  # and back to fine ones
    sim.quantize_weights("0->1", 0.0)
    fine = simulation(sizes, (first, second, coarse(back), gain), batch=batch, dtype=dtype)
    for each in (sim, fine):
        each.run_ticks(8)
    np.testing.assert_allclose(sim.array("2"), fine.array("2"), rtol=close, atol=close)


def test_fine_weights_learn_from_what_coarse_ones_did():
    """A loop in NumPy: rates and errors through rounded weights, changes to fine ones."""
    sizes, eta = (5, 4, 3), 4.0
    given = weights(sizes)
    first, second, back, gain = given
    sim = simulation(sizes, given, learning=eta)
    sim.quantize_weights("0->1", STEP, LIMIT)
    sim.quantize_weights("1->2", STEP, LIMIT, gain)
    sim.quantize_weights("1->2 feedback", STEP, LIMIT)
    bias = [np.full(4, 0.1), np.full(3, 0.1)]
    x, r, slope, e, nudge = (
        np.random.default_rng(2).random(5),
        np.zeros(4),
        np.ones(4),
        np.zeros(3),
        np.zeros(3),
    )
    seen = np.zeros(5)
    for _ in range(60):
        new_r = np.tanh(seen @ coarse(first) + bias[0])
        out = np.tanh(r @ coarse(second, gain) + bias[1])
        error1, error2 = slope * (e @ coarse(back)), nudge
        first, second = first + DT * eta * np.outer(seen, error1), second + DT * eta * np.outer(r, error2)
        bias = [bias[0] + DT * eta * error1, bias[1] + DT * eta * error2]
        slope, e, nudge = 1 - new_r**2, error2, 0.3 * (1 - out**2) * (0.5 - out)
        r, seen = new_r, x
        sim.run_ticks(1)
    np.testing.assert_allclose(sim.array("2")[0], out, rtol=1e-10)
    np.testing.assert_allclose(sim.weights("0->1"), first, rtol=1e-10)
    np.testing.assert_allclose(sim.weights("1->2"), second, rtol=1e-10)
    assert np.abs(first - given[0]).max() > 1e-3
    assert np.abs(second - given[1]).max() > STEP / 2  # enough for another step


def test_a_run_that_stops_and_goes_on_has_the_same_bits():
    sizes = (6, 20, 30)

    def fresh():
        sim = simulation(sizes, weights(sizes), learning=0.5, batch=2, feedback_learns=True)
        sim.quantize_weights("1->2", STEP, LIMIT, weights(sizes)[3])
        sim.quantize_weights("1->2 feedback", STEP, LIMIT)
        return sim

    whole, first, second = fresh(), fresh(), fresh()
    whole.run_ticks(50)
    first.run_ticks(21)
    second.restore(first.snapshot())
    second.run_ticks(29)
    for name in ("0->1", "1->2", "1->2 feedback"):
        assert (second.weights(name) == whole.weights(name)).all()
    assert (second.array("1", "error") == whole.array("1", "error")).all()


def test_a_gain_of_another_shape_is_refused_in_one_line():
    sim = simulation((5, 4, 3), weights((5, 4, 3)))
    with pytest.raises(ValueError, match=r"gain of '1->2' must be finite, of shape \(4, 3\), got \(3, 4\)"):
        sim.quantize_weights("1->2", STEP, LIMIT, np.ones((3, 4)))
    with pytest.raises(es.UnknownPart, match="1->3"):
        sim.quantize_weights("1->3", STEP)

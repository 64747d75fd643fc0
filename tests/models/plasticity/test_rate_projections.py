"""Projections of rates: dense, sparse, delayed, filtered, convolution, pooling, and how weights learn."""

import numpy as np
import pytest
from scipy import sparse
from scipy.signal import correlate

import eventsim as es
from eventsim.errors import ConfigError

DT = 0.1


def two_layers(n_in, n_out, batch=1, dtype="float64", rule=None, **options):
    """Return a simulation of an input, and linear instantaneous neurons behind a projection."""
    net = es.Network(seed=2)
    net.add("x", es.models.RateInput(), n_in)
    net.add("y", es.models.LatentEquilibrium(activation="linear", gamma=0.0), n_out)
    net.connect("x", "y", rule, **options)
    return net, lambda: es.Simulation(net, dt=DT, batch=batch, dtype=dtype)


def with_errors_below(n, n_out, batch, rule=None, **options):
    """Return a simulation in which errors of `y` reach linear neurons `x`, driven by currents."""
    net = es.Network(seed=2)
    net.add("x", es.models.LatentEquilibrium(activation="linear", gamma=0.0), n)
    net.add("y", es.models.LatentEquilibrium(activation="linear", gamma=0.0), n_out)
    net.connect("x", "y", rule, **options)
    net.add_plasticity("x->y", es.models.plasticity.ErrorTimesRate(learning_rate=0.3))
    return es.Simulation(net, dt=DT, batch=batch)


def settle(sim, x, y):
    """Drive to a fixed point of rates and errors; return the errors of y and x, and the weights."""
    sim.set_learning_rate("x->y", 0.0)
    sim.set_input("x", x)
    sim.nudge("y", y, beta=0.2)
    sim.run_ticks(5)
    return sim.array("y", "error"), sim.array("x", "error"), sim.weights("x->y")


SHAPES = [
    (shape, batch)
    for shape in ((3, 5), (5, 3), (40, 2), (2, 40), (17, 33), (50, 30), (300, 20))
    for batch in (1, 2, 7, 23)
] + [((530, 75), 110), ((75, 530), 110), ((101, 97), 300)]  # these do not fit into one block of a product


@pytest.mark.parametrize(("shape", "batch"), SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dense_products_of_all_shapes(shape, batch, dtype):
    rng = np.random.default_rng(0)
    w, x, y = rng.normal(size=shape), rng.normal(size=(batch, shape[0])), rng.normal(size=(batch, shape[1]))
    net = es.Network()
    net.add("x", es.models.LatentEquilibrium(activation="linear", gamma=0.0), shape[0])
    net.add("y", es.models.LatentEquilibrium(activation="linear", gamma=0.0), shape[1])
    net.connect("x", "y", weight=w, bias=0.3)
    net.add_plasticity("x->y", es.models.plasticity.ErrorTimesRate(learning_rate=0.3))
    sim = es.Simulation(net, dt=DT, batch=batch, dtype=dtype)
    error_y, error_x, _ = settle(sim, x, y)
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(sim.array("y"), x @ w + 0.3, tolerance, tolerance * 30)
    np.testing.assert_allclose(error_y, 0.2 * (y - x @ w - 0.3), tolerance, tolerance * 30)
    np.testing.assert_allclose(error_x, error_y @ w.T, tolerance, tolerance * 100)
    sim.set_learning_rate("x->y", 0.3)
    sim.run_ticks(1)
    np.testing.assert_allclose(
        sim.weights("x->y"), w + DT * 0.3 * x.T @ error_y / batch, tolerance, tolerance * 30
    )
    np.testing.assert_allclose(sim.bias("x->y"), 0.3 + DT * 0.3 * error_y.mean(0), tolerance, tolerance)


@pytest.mark.parametrize("batch", [1, 3])
def test_sparse_synapses_are_a_dense_matrix_with_holes(batch):
    rng = np.random.default_rng(1)
    w = sparse.random(12, 9, 0.4, random_state=3, format="csr")
    x, y = rng.normal(size=(batch, 12)), rng.normal(size=(batch, 9))
    sim = with_errors_below(12, 9, batch, weight=w)
    error_y, error_x, _ = settle(sim, x, y)
    np.testing.assert_allclose(sim.array("y"), x @ w.toarray(), 1e-12, 1e-12)
    np.testing.assert_allclose(error_x, error_y @ w.toarray().T, 1e-12, 1e-12)
    sim.set_learning_rate("x->y", 0.3)
    sim.run_ticks(1)
    change = DT * 0.3 * x.T @ error_y / batch * (w.toarray() != 0)
    np.testing.assert_allclose(sim.weights("x->y").toarray(), w.toarray() + change, 1e-12, 1e-12)
    sim.set_weights("x->y", 2 * sim.weights("x->y"))
    np.testing.assert_allclose(sim.weights("x->y").toarray(), 2 * (w.toarray() + change), 1e-12, 1e-12)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.7])
def test_a_delayed_rate_is_exact_at_multiples_of_the_tick(delay):
    x = np.random.default_rng(2).normal(size=(30, 2))
    _, simulation = two_layers(2, 1, weight=np.array([[1.0], [2.0]]), delay=delay)
    sim = simulation()
    sim.set_input("x", x, every=DT)
    sim.record("y", "rate")
    sim.run_ticks(30)
    ticks = max(
        1, round(delay / DT)
    )  # none and one are the same: what is sent at a tick counts from the next
    expected = np.zeros(30)
    expected[ticks:] = (x @ [1.0, 2.0])[:-ticks]
    np.testing.assert_allclose(sim.trace("y", "rate").values[:, 0], expected, 1e-12, 1e-12)


@pytest.mark.parametrize("eta", [0.0, 0.5])
def test_synapses_may_have_delays_of_their_own(eta):
    x = np.random.default_rng(3).normal(size=(40, 3))
    w = np.array([[1.0, -1.0], [0.5, 2.0], [0.3, 0.1]])
    delays = np.array([[0.1, 0.3], [0.5, 0.2], [0.0, 0.4]])
    net, simulation = two_layers(3, 2, weight=w, delay=delays)
    net.add_plasticity("x->y", es.models.plasticity.ErrorTimesRate(learning_rate=eta))
    sim = simulation()
    sim.set_input("x", x, every=DT)
    sim.nudge("y", [0.4, -0.2], beta=0.1)
    sim.record("y", "rate")
    sim.run_ticks(40)
    ticks = np.maximum(1, np.rint(delays / DT).astype(int))
    rate, error, seen, rates = np.zeros(2), np.zeros(2), np.zeros((3, 2)), []
    inst = np.zeros(2)
    for k in range(40):  # the definition, synapse by synapse
        w = w + DT * eta * seen * error
        seen = np.array(
            [[x[k - ticks[i, j], i] if k >= ticks[i, j] else 0.0 for j in range(2)] for i in range(3)]
        )
        rate, error = (seen * w).sum(0), inst
        inst = 0.1 * (np.array([0.4, -0.2]) - rate)
        rates.append(rate)
    np.testing.assert_allclose(sim.trace("y", "rate").values, rates, 1e-11, 1e-11)


def test_a_synaptic_filter_is_a_low_pass_of_the_rate():
    _, simulation = two_layers(1, 1, weight=2.0, tau_syn=1.0)
    sim = simulation()
    sim.set_input("x", [1.0])
    sim.record("y", "rate")
    sim.run_ticks(50)
    k = np.arange(50)
    np.testing.assert_allclose(sim.trace("y", "rate").values[:, 0], 2 * (1 - (1 - DT) ** k), 1e-12, 1e-12)


@pytest.mark.parametrize(("stride", "pad"), [(1, 0), (2, 1)])
def test_a_convolution_is_that_of_scipy(stride, pad):
    rng = np.random.default_rng(4)
    kernels, batch = rng.normal(size=(3, 2, 3, 3)), 2
    images = rng.normal(size=(batch, 2, 7, 6))
    padded = np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    expected = np.array(
        [
            [correlate(image, kernel, "valid")[0][::stride, ::stride] + k for k, kernel in enumerate(kernels)]
            for image in padded
        ]
    )
    rule = es.connect.convolution(kernels, shape=(2, 7, 6), stride=stride, pad=pad)
    n_out = expected[0].size
    sim = with_errors_below(84, n_out, batch, rule, bias=[0.0, 1.0, 2.0])
    y = rng.normal(size=(batch, n_out))
    error_y, error_x, _ = settle(sim, images.reshape(batch, -1), y)
    np.testing.assert_allclose(sim.array("y").reshape(expected.shape), expected, 1e-12, 1e-12)

    def energy(kernels, images):
        """The scalar whose slopes the errors and the changes of weights are."""
        padded = np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        maps = [[correlate(i, k, "valid")[0][::stride, ::stride] for k in kernels] for i in padded]
        return (np.array(maps).reshape(batch, -1) * error_y).sum()

    for at in [(0, 0, 0, 0), (1, 1, 3, 2), (1, 0, 6, 5)]:
        step = np.zeros_like(images)
        step[at] = 1.0
        slope = energy(kernels, images + step) - energy(kernels, images)  # linear: no limit is needed
        assert error_x.reshape(images.shape)[at] == pytest.approx(slope, rel=1e-10, abs=1e-12)
    sim.set_learning_rate("x->y", 0.3)
    sim.run_ticks(1)
    change = sim.weights("x->y") - kernels
    for at in [(0, 0, 0, 0), (2, 1, 2, 1)]:
        step = np.zeros_like(kernels)
        step[at] = 1.0
        slope = energy(kernels + step, images) - energy(kernels, images)
        assert change[at] == pytest.approx(DT * 0.3 / batch * slope, rel=1e-9)
    sums = error_y.reshape(batch, 3, -1).sum((0, 2)) / batch
    np.testing.assert_allclose(sim.bias("x->y"), np.arange(3) + DT * 0.3 * sums, 1e-12)


@pytest.mark.parametrize("largest", [True, False])
def test_pooling_takes_windows_and_sends_errors_back_to_them(largest):
    rng = np.random.default_rng(5)
    images = rng.normal(size=(2, 3, 4, 6))
    pool = es.connect.max_pool if largest else es.connect.mean_pool
    net = es.Network()
    net.add("x", es.models.LatentEquilibrium(activation="linear", gamma=0.0), 72)
    net.add("y", es.models.LatentEquilibrium(activation="linear", gamma=0.0), 18)
    net.connect("x", "y", pool(2, shape=(3, 4, 6)))
    sim = es.Simulation(net, dt=DT, batch=2)
    sim.set_input("x", images.reshape(2, -1))
    sim.nudge("y", rng.normal(size=(2, 18)), beta=0.1)
    sim.run_ticks(5)
    windows = images.reshape(2, 3, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 18, 4)
    expected = windows.max(-1) if largest else windows.mean(-1)
    np.testing.assert_allclose(sim.array("y"), expected, 1e-12)
    back = sim.array("x", "error").reshape(2, 3, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 18, 4)
    share = (windows == windows.max(-1, keepdims=True)) if largest else np.full(windows.shape, 0.25)
    np.testing.assert_allclose(back, share * sim.array("y", "error")[..., None], 1e-12, 1e-15)


def adam_by_hand(w, gradients, step, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        w = w + step * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    return w


def momentum_by_hand(w, gradients, step, momentum=0.9):
    velocity = np.zeros_like(w)
    for g in gradients:
        velocity = momentum * velocity + g
        w = w + step * velocity
    return w


@pytest.mark.parametrize(("optimiser", "by_hand"), [("adam", adam_by_hand), ("momentum", momentum_by_hand)])
@pytest.mark.parametrize("batch", [1, 4])
def test_optimisers_take_one_step_a_tick(optimiser, by_hand, batch):
    rng = np.random.default_rng(6)
    w, x, errors = rng.normal(size=(3, 2)), rng.normal(size=(20, batch, 3)), []
    net, simulation = two_layers(3, 2, batch, weight=w, bias=0.0)
    net.add_plasticity(
        "x->y", es.models.plasticity.ErrorTimesRate(learning_rate=0.2, bias=0.5, optimiser=optimiser)
    )
    sim = simulation()
    sim.set_input("x", x, every=DT)
    sim.nudge("y", [0.3, -0.4], beta=0.5)
    for _ in range(20):
        sim.run_ticks(1)
        errors.append(sim.array("y", "error"))
    before = np.concatenate([np.zeros((1, batch, 3)), x[:-1]])
    gradients = [r.T @ e / batch for r, e in zip(before, errors, strict=True)]
    np.testing.assert_allclose(sim.weights("x->y"), by_hand(w, gradients, DT * 0.2), 1e-9)
    biases = by_hand(np.zeros(2), [e.mean(0) for e in errors], DT * 0.1)
    np.testing.assert_allclose(sim.bias("x->y"), biases, 1e-9)


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_weights_decay(optimiser):
    net, simulation = two_layers(1, 1, weight=1.0)
    net.add_plasticity(
        "x->y", es.models.plasticity.ErrorTimesRate(learning_rate=0.5, decay=0.2, optimiser=optimiser)
    )
    sim = simulation()
    sim.run_ticks(10)
    assert sim.weights("x->y")[0, 0] == pytest.approx((1 - DT * 0.5 * 0.2) ** 10, rel=1e-12)


def test_a_constant_input_learns_as_one_that_is_given_anew():
    rng = np.random.default_rng(7)
    w, x, y = rng.normal(size=(30, 20)) / 5, rng.normal(size=(4, 30)), rng.normal(size=(4, 20))
    found = []
    for nearly in (0.0, 1e-13):  # an input that moves a little is multiplied again at every tick
        net, simulation = two_layers(30, 20, 4, weight=w, bias=0.0)
        net.add_plasticity("x->y", es.models.plasticity.ErrorTimesRate(learning_rate=0.1))
        sim = simulation()
        sim.set_input("x", x + nearly * rng.normal(size=(100, 4, 30)), every=DT)
        sim.nudge("y", y, beta=0.3)
        sim.run_ticks(100)
        found.append((sim.weights("x->y"), sim.array("y", "u"), sim.bias("x->y")))
    for kept, given_anew in zip(*found, strict=True):
        np.testing.assert_allclose(kept, given_anew, 1e-9, 1e-11)


BAD = {
    "a delay between ticks": ({"weight": 1.0, "delay": 0.15}, "must be a multiple of the tick"),
    "an unknown receptor": ({"weight": 1.0, "receptor": "apical"}, "no receptor 'apical'"),
    "an unknown variable": ({"weight": 1.0, "variable": "v"}, "no variable 'v'"),
    "a bias of the wrong size": ({"weight": 1.0, "bias": [1.0, 2.0]}, "has 2 values, expected 3"),
    "feedback of the wrong shape": ({"weight": 1.0, "feedback": np.ones((4, 3))}, r"expected \(3, 4\)"),
    "a fast filter": ({"weight": 1.0, "tau_syn": 0.01}, "longer than tau_syn"),
    "weights of the wrong shape": ({"weight": np.ones((3, 4))}, r"expected \(4, 3\)"),
    "kernels that do not fit": (
        {"rule": es.connect.convolution(np.ones((1, 1, 2, 2)), shape=(1, 2, 2))},
        r"\(1, 1, 1\) = 1 units, it has 3",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_with_a_clear_line(case):
    options, message = BAD[case]
    with pytest.raises((ConfigError, ValueError, KeyError), match=message):
        two_layers(4, 3, **options)[1]().run(1.0)


def test_options_of_rates_are_refused_where_spikes_travel():
    net = es.Network()
    net.add("spikes", es.models.SpikeSource(), 2)
    net.add("cells", es.models.LIF(), 2)
    with pytest.raises(ConfigError, match="bias belongs to projections of rates"):
        net.connect("spikes", "cells", bias=1.0)


def continuous(rule, population=None):
    net = es.Network()
    net.add("a", es.models.RateInput(), 2)
    net.add("b", es.models.LatentEquilibrium(tau_mem=2.0, tau_r=1.0), 2)
    synapses = net.connect("a", "b", weight=np.ones((2, 2)))
    net.add_plasticity("b" if population else synapses, rule)
    return es.Simulation(net, dt=0.1)


def test_a_decay_that_a_tick_cannot_follow_is_refused():
    ErrorTimesRate = es.models.plasticity.ErrorTimesRate
    continuous(ErrorTimesRate(2.0, decay=5.0)).run(1.0)
    with pytest.raises(
        es.ConfigError, match=r"dt = 0\.1, learning_rate = 5 and decay = 5; explicit steps need dt"
    ):
        continuous(ErrorTimesRate(5.0, decay=5.0)).run(1.0)


def test_time_constants_that_may_fall_below_the_tick_are_refused():
    with pytest.raises(
        es.ConfigError, match=r"least = 0\.05, below the tick dt = 0\.1; explicit steps need least >= dt"
    ):
        continuous(es.models.plasticity.TimeConstants(0.1, least=0.05), "b").run(1.0)

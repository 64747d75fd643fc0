"""Prospective neurons against the NumPy twin, closed forms, and the checks of the two papers' sheets."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

import eventsim as es
from reference import latent_equilibrium as twin

DT = 0.1
SIZES = (4, 7, 5, 3)


def random_weights(seed, sizes=SIZES, scale=0.5):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, scale, shape) for shape in pairwise(sizes)]


def pair(
    *,
    model="le",
    activation="tanh",
    batch=1,
    dtype="float64",
    tau_mem=10.0,
    tau_r=None,
    gamma=1.0,
    errors="instant",
    beta=0.1,
    kind="rate",
    eta=0.5,
    feedback=None,
    seed=0,
):
    """Return the same network as a simulation and as the twin."""
    weights = random_weights(seed)
    net = es.Network(seed=1)
    net.add("0", es.models.RateInput(), SIZES[0])
    layers = []
    for k, weight in enumerate(weights):
        phi = "linear" if k == len(weights) - 1 else activation
        if model == "le":
            neuron = es.models.LatentEquilibrium(tau_mem, tau_r, phi, gamma=gamma, errors=errors)
        else:
            neuron = es.models.GeneralizedLatentEquilibrium(tau_mem, tau_r, phi, gamma=gamma, errors=errors)
        net.add(str(k + 1), neuron, SIZES[k + 1])
        random = feedback is not None and k > 0
        back = np.random.default_rng(feedback).normal(0, 1, weight.T.shape) if random else True
        projection = net.connect(str(k), str(k + 1), weight=weight, bias=0.05 * k, feedback=back)
        net.add_plasticity(projection, es.models.plasticity.ErrorTimesRate(learning_rate=eta))
        layers.append(
            twin.Layer(
                weight,
                0.05 * k,
                tau_mem,
                tau_mem if tau_r is None else tau_r,
                phi,
                batch,
                gamma=gamma,
                errors=errors,
                eta=eta,
            )
        )
        if random:
            layers[-1].feedback = back
    return (
        es.Simulation(net, dt=DT, batch=batch, dtype=dtype),
        twin.Layered(layers, batch, SIZES[0], DT, beta, kind),
    )


def run_both(sim, slow, ticks, *, constant=False, seed=3):
    """Run the two on the same inputs and targets."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ticks, slow.batch, SIZES[0]))
    if constant:
        x[:] = x[0]
    y = rng.normal(size=(slow.batch, SIZES[-1]))
    if slow.kind == "cross_entropy":
        y = np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=slow.batch)]
    if constant:
        sim.set_input("0", x[0])
    else:
        sim.set_input("0", x, every=DT)
    sim.nudge("3", y, slow.beta, kind=slow.kind)
    sim.run_ticks(ticks)
    for row in x:
        slow.step(row, y)


def assert_equal(sim, slow, rtol=1e-10):
    for k, layer in enumerate(slow.layers):
        for variable in ("u", "prospective", "rate", "error"):
            np.testing.assert_allclose(sim.array(str(k + 1), variable), getattr(layer, variable), rtol, rtol)
        np.testing.assert_allclose(sim.weights(f"{k}->{k + 1}"), layer.weight, rtol, rtol)
        np.testing.assert_allclose(sim.bias(f"{k}->{k + 1}"), layer.bias, rtol, rtol)


CASES = {
    "LE": {},
    "LE with mismatched constants": {"tau_r": 8.0},
    "errors from the prospective potential": {"tau_r": 8.0, "errors": "prospective"},
    "without prospectivity": {"tau_r": 0.0},
    "GLE": {"model": "gle", "tau_mem": 1.0, "tau_r": 0.3, "gamma": 0.2, "errors": "dynamic"},
    "GLE with instant errors": {"model": "gle", "tau_mem": 1.0, "tau_r": 0.3, "gamma": 0.0},
    "voltage target": {"kind": "voltage"},
    "cross entropy": {"kind": "cross_entropy"},
    "random feedback": {"feedback": 5},
    "no learning": {"eta": 0.0},
}


@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_run_is_that_of_the_numpy_twin(case, constant, batch):
    sim, slow = pair(batch=batch, **CASES[case])
    run_both(sim, slow, 60, constant=constant)
    assert_equal(sim, slow)


@pytest.mark.parametrize("activation", list(twin.ACTIVATIONS))
def test_every_activation_is_that_of_the_twin(activation):
    sim, slow = pair(activation=activation)
    run_both(sim, slow, 40)
    assert_equal(sim, slow)


def test_single_precision_stays_close_to_double():
    sim, slow = pair(batch=5, dtype="float32")
    run_both(sim, slow, 50)
    assert_equal(sim, slow, rtol=2e-5)


def test_looking_at_the_weights_changes_nothing():
    looked, _ = pair()
    quiet, slow = pair()
    run_both(quiet, slow, 30)
    rng = np.random.default_rng(3)
    looked.set_input("0", rng.normal(size=(30, 1, SIZES[0])), every=DT)
    looked.nudge("3", rng.normal(size=(1, SIZES[-1])), 0.1)
    for _ in range(30):
        looked.run_ticks(1)
        looked.weights("0->1")
    assert (looked.weights("0->1") == quiet.weights("0->1")).all()


@pytest.mark.parametrize(("rule", "optimiser"), [("match", "sgd"), ("error", "sgd")])
def test_time_constants_learn_as_in_the_twin(rule, optimiser):
    sim, slow = pair(model="gle", tau_mem=1.0, tau_r=0.5, errors="dynamic", eta=0.0, batch=3)
    for k in range(3):
        sim.net.add_plasticity(
            str(k + 1), es.models.plasticity.TimeConstants(learning_rate=0.05, by=rule, optimiser=optimiser)
        )
    slow.eta_tau, slow.tau_rule = 0.05, rule
    run_both(sim, slow, 60)
    for k, layer in enumerate(slow.layers):
        np.testing.assert_allclose(sim.array(str(k + 1), "tau_mem"), layer.tau_mem, 1e-10)
        assert not np.allclose(layer.tau_mem, 1.0, atol=1e-4)
    assert_equal(sim, slow)


# The sheet of Latent Equilibrium, section (g) ------------------------------------------------------------


def chain(n_layers, tau, tau_r=None, dt=DT):
    """Return a chain of single linear neurons with weight 1."""
    net = es.Network()
    net.add("0", es.models.RateInput(), 1)
    for k in range(n_layers):
        neuron = es.models.LatentEquilibrium(tau_mem=tau, tau_r=tau_r, activation="linear", gamma=0.0)
        net.add(str(k + 1), neuron, 1)
        net.connect(str(k), str(k + 1), weight=1.0, feedback=False)
    return es.Simulation(net, dt=dt)


def time_to_90_percent(sim, n_layers, duration):
    sim.set_input("0", [1.0])
    sim.record(str(n_layers), "rate")
    sim.run(duration)
    samples = sim.trace(str(n_layers), "rate")
    return samples.times[np.argmax(samples.values[:, 0] >= 0.9)]


@pytest.mark.parametrize("tau", [10.0, 100.0])
@pytest.mark.parametrize("n_layers", [1, 2, 4, 8, 16])
def test_the_response_of_a_chain_takes_a_tick_a_layer_however_slow_the_neurons(n_layers, tau):
    found = time_to_90_percent(chain(n_layers, tau), n_layers, 5.0)
    assert found == pytest.approx(n_layers * DT, abs=DT / 2)


def test_without_prospectivity_each_layer_adds_its_lag():
    times = [time_to_90_percent(chain(n, 10.0, tau_r=0.0), n, 400.0) for n in (1, 2, 4, 8, 16)]
    # The sheet's figures read u after its step; here phi is of the u before it, a tick later in each layer.
    late = DT * np.array([1, 2, 4, 8, 16])
    np.testing.assert_allclose(times - late, [23.0, 38.8, 66.7, 117.5, 212.7], atol=0.15)
    assert (np.diff(times) / np.diff([1, 2, 4, 8, 16]) > 10).all()


def gradient_errors(betas):
    """Return the relative errors of dW / (eta beta) against backpropagation by hand, after settling."""
    weights = [np.random.default_rng(5).normal(0, 0.5, s) for s in pairwise((4, 10, 8, 3))]
    x, y = np.random.default_rng(6).normal(size=4), np.random.default_rng(7).normal(size=3)
    rates = [x]
    for weight in weights:
        rates.append(np.tanh(rates[-1] @ weight))
    error = (y - rates[-1]) * (1 - rates[-1] ** 2)
    exact = []
    for k in (2, 1, 0):
        exact.insert(0, np.outer(rates[k], error))
        error = (weights[k] @ error) * (1 - rates[k] ** 2)
    found = []
    for beta in betas:
        net = es.Network()
        net.add("0", es.models.RateInput(), 4)
        for k, weight in enumerate(weights):
            net.add(str(k + 1), es.models.LatentEquilibrium(tau_mem=10.0), weight.shape[1])
            net.connect(str(k), str(k + 1), weight=weight)
        sim = es.Simulation(net, dt=DT)
        sim.set_input("0", x)
        sim.nudge("3", y, beta)
        sim.run_ticks(400)
        changes = [np.outer(sim.array(str(k)), sim.array(str(k + 1), "error")) / beta for k in range(3)]
        distance = sum(((a - b) ** 2).sum() for a, b in zip(changes, exact, strict=True))
        found.append(np.sqrt(distance / sum((b**2).sum() for b in exact)))
    return found


def test_weak_nudging_gives_the_gradient_of_backpropagation():
    at_02, at_01, at_001 = gradient_errors([0.02, 0.01, 0.001])
    assert at_01 < 2e-2
    assert at_001 < 2e-3
    assert at_02 / at_01 == pytest.approx(2.0, rel=0.1)  # proportional to beta


def energy(sim, target=None, beta=0.0):
    """Return E = 1/2 sum over layers |ub - W r - b|^2 + beta L, as of the last tick."""
    total = 0.0
    for k in range(3):
        mismatch = (
            sim.array(str(k + 1), "prospective")
            - sim.array(str(k)) @ sim.weights(f"{k}->{k + 1}")
            - sim.bias(f"{k}->{k + 1}")
        )
        total += 0.5 * (mismatch**2).sum()
    if target is not None:
        total += 0.5 * beta * ((target - sim.array("3")) ** 2).sum()
    return total


def test_the_network_is_in_equilibrium_after_a_tick_a_layer():
    sim, _ = pair(eta=0.0)
    sim.set_input("0", [0.5, -1.0, 0.3, 0.8])
    sim.run_ticks(4)
    assert energy(sim) < 1e-12


def test_plasticity_lowers_the_energy_monotonically():
    sim, _ = pair(eta=0.05)
    y = np.array([0.4, -0.3, 0.6])
    sim.set_input("0", [0.5, -1.0, 0.3, 0.8])
    sim.set_learning_rate("0->1", 0.0)
    sim.nudge("3", y, 0.1)
    sim.run_ticks(200)  # settle
    course = []
    for _ in range(50):
        sim.run_ticks(20)
        course.append(energy(sim, y, 0.1))
    assert (np.diff(course) < 0).all()
    assert course[-1] < 0.9 * course[0]


def test_ticks_converge_to_the_exact_event_driven_solution():
    """Check 9: between jumps of its input u is an exponential, so an exact integrator is at hand."""
    tau, jumps, levels = 10.0, np.array([0.0, 7.0, 11.0, 23.0]), np.array([1.0, -0.5, 2.0, 0.3])
    errors = []
    for dt in (0.2, 0.1, 0.05):
        sim = chain(1, tau, dt=dt)
        sim.set_input("0", lambda t: levels[np.searchsorted(jumps, t + 1e-9, side="right") - 1])
        sim.record("1", "u", every=1.0)
        sim.run(40.0)
        samples = sim.trace("1", "u")
        u, exact = 0.0, []
        for t in samples.times:
            u, start = 0.0, 0.0
            for k, level in enumerate(levels):
                end = min(t, jumps[k + 1] if k + 1 < len(jumps) else np.inf)
                if end > start:
                    u, start = level + (u - level) * np.exp(-(end - start) / tau), end
            exact.append(u)
        errors.append(np.abs(samples.values[:, 0] - exact).max())
    assert errors[2] < 0.02
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2.0, rtol=0.1)  # first order


# The sheet of Generalized Latent Equilibrium, section (g): 1 to 4 are in test_adjoint_dynamics.py ---


def test_halving_the_tick_hardly_changes_what_is_learned():
    """Sheet check 9."""
    found = []
    for dt in (0.02, 0.01):
        net = es.Network(time_unit="1")
        gle = es.models.GeneralizedLatentEquilibrium
        rng = np.random.default_rng(8)
        net.add("x", es.models.RateInput(), 1)
        net.add("h", gle(tau_mem=[1.0, 1.0, 0.5], tau_r=[1.0, 0.1, 0.1]), 3)
        net.add("y", gle(tau_mem=1.0, tau_r=1.0, activation="linear"), 1)
        net.connect("x", "h", weight=rng.normal(0, 1, (1, 3)))
        net.connect("h", "y", weight=rng.normal(0, 1, (3, 1)))
        for projection in net.projections:
            net.add_plasticity(projection, es.models.plasticity.ErrorTimesRate(learning_rate=0.02))
        sim = es.Simulation(net, dt=dt)
        t = dt * np.arange(round(100 / dt))
        sim.set_input("x", (np.sin(0.5 * t) + np.sin(1.1 * t))[:, None], every=dt)
        sim.nudge("y", (0.5 * np.sin(0.5 * t - 0.3))[:, None], 1.0, every=dt)
        sim.run(100.0)
        found.append(np.concatenate([sim.weights("x->h").ravel(), sim.weights("h->y").ravel()]))
    assert np.linalg.norm(found[0] - found[1]) < 0.02 * np.linalg.norm(found[1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_batch_that_learns_has_the_same_bits_in_slices_on_threads_and_after_a_restore(dtype):
    """As in the training on sequences: slow and fast neurons, a batch, Adam at every tick, cross-entropy."""
    x, y = np.random.default_rng(1).normal(size=(90, 20, 2)), np.eye(3)[np.arange(20) % 3]

    def simulation():
        rng, net = np.random.default_rng(0), es.Network(time_unit="1")
        net.add("0", es.models.RateInput(), 2)
        for k, (n_pre, n) in enumerate(pairwise((2, 9, 20, 3))):
            tau_r = np.where(np.arange(n) % 3, 0.2, 1.0)
            net.add(str(k + 1), es.models.GeneralizedLatentEquilibrium(1.0, tau_r), n)
            projection = net.connect(str(k), str(k + 1), weight=rng.normal(0, 0.5, (n_pre, n)), bias=0.0)
            net.add_plasticity(
                projection, es.models.plasticity.ErrorTimesRate(learning_rate=0.01, optimiser="adam")
            )
            net.add_plasticity(
                str(k + 1),
                es.models.plasticity.TimeConstants(learning_rate=0.001, optimiser="adam", least=0.3),
            )
        sim = es.Simulation(net, dt=0.2, batch=20, dtype=dtype)
        sim.nudge("3", y, 1.0, kind="cross_entropy")
        sim.set_input("0", x, every=0.2)
        return sim

    def outcome(sim):
        found = [sim.weights(name).tobytes() for name in ("0->1", "1->2", "2->3")]
        return found + [sim.array(str(k), name).tobytes() for k in (1, 2, 3) for name in ("rate", "tau_mem")]

    def whole(_):
        sim = simulation()
        sim.run_ticks(90)
        return outcome(sim)

    expected = whole(0)
    sliced = simulation()
    for end in (0.1, 1.0, 1.0, 7.77, 18.0):
        sliced.run(end)
    assert outcome(sliced) == expected
    half = simulation()
    half.run_ticks(41)
    state = half.snapshot()
    half.run_ticks(30)
    half.restore(state)
    half.run_ticks(49)
    assert outcome(half) == expected
    other = simulation()
    other.restore(state)
    other.nudge("3", y, 1.0, kind="cross_entropy")
    other.set_input("0", x, every=0.2, start=0.0)
    other.run_ticks(49)
    assert outcome(other) == expected
    with ThreadPoolExecutor(3) as pool:
        assert all(found == expected for found in pool.map(whole, range(3)))


@pytest.mark.parametrize("activation", list(twin.ACTIVATIONS))
@pytest.mark.parametrize(("dtype", "ulps"), [("float64", 4), ("float32", 4)])
def test_activations_are_accurate_to_a_few_units_in_the_last_place(activation, dtype, ulps):
    from mpmath import mp, mpf

    from eventsim.models.prospective.population import activated

    x = np.concatenate(
        [np.linspace(-30, 30, 301), np.geomspace(1e-6, 1e-1, 40), -np.geomspace(1e-6, 1e-1, 40)]
    )
    x = x.astype(dtype)
    rate, _ = activated(activation, x)
    functions = {
        "linear": lambda v: v,
        "tanh": mp.tanh,
        "logistic": lambda v: 1 / (1 + mp.exp(-v)),
        "hard_sigmoid": lambda v: min(max(v, mpf(0)), mpf(1)),
        "softplus": lambda v: mp.log1p(mp.exp(v)),
        "relu": lambda v: max(v, mpf(0)),
    }
    with mp.workdps(40):
        for value, found in zip(x, rate, strict=True):
            exact = functions[activation](mpf(float(value)))
            assert abs(mpf(float(found)) - exact) <= ulps * mpf(float(np.spacing(np.abs(found))))


def test_a_microcircuit_on_ticks_longer_than_its_membrane_allows_is_refused():
    net = es.Network()
    net.add("x", es.models.RateInput(), 1)
    net.add("cell", es.models.PyramidalCell(), 1)
    net.connect("x", "cell", weight=1.0, receptor="basal")
    sim = es.Simulation(net, dt=6.0)  # C / g = 5.26 ms
    with pytest.raises(es.ConfigError, match=r"dt = 6 is longer than C / g = 5\.26.* of PyramidalCell"):
        sim.run_ticks(2)

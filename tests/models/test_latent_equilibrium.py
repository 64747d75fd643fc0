"""Prospective neurons against the NumPy twin, closed forms, and the checks of the two papers' sheets."""

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
        net.learn(projection, es.models.rules.ErrorTimesRate(eta=eta))
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
        sim.drive("0", x[0])
    else:
        sim.drive("0", x, every=DT)
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
    looked.drive("0", rng.normal(size=(30, 1, SIZES[0])), every=DT)
    looked.nudge("3", rng.normal(size=(1, SIZES[-1])), 0.1)
    for _ in range(30):
        looked.run_ticks(1)
        looked.weights("0->1")
    assert (looked.weights("0->1") == quiet.weights("0->1")).all()

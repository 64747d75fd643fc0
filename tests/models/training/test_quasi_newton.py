"""L-BFGS against scipy's minimiser, known minima, and its own states."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from eventsim.models.training.quasi_newton import LBFGS, wolfe_step


def bowl(n, seed):
    """Return parameters, a loss p A p / 2 - b p of them, and its minimum A^-1 b."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    a, b = root @ root.T + np.eye(n), rng.normal(size=n)
    parameters = {"weight/0": np.zeros((2, n // 2)), "bias/0": np.zeros(n - 2 * (n // 2))}

    def measure():
        p = np.concatenate([each.ravel() for each in parameters.values()])
        g = a @ p - b
        n_first = 2 * (n // 2)
        gradients = {"bias/0": g[n_first:], "weight/0": g[:n_first].reshape(2, -1)}  # in another order
        return 0.5 * p @ a @ p - b @ p, gradients

    return parameters, measure, np.linalg.solve(a, b)


def test_the_minimum_of_a_quadratic_is_found():
    parameters, measure, expected = bowl(9, 1)
    optimiser, losses = LBFGS(memory=9), []
    for _ in range(60):
        losses.append(optimiser.step(parameters, measure))
    found = np.concatenate([each.ravel() for each in parameters.values()])
    assert found == pytest.approx(expected, abs=1e-8)
    assert np.diff(losses).max() <= 0


def test_a_curved_valley_takes_about_as_many_measurements_as_scipy_takes():
    start = np.tile([-1.2, 1.0], 5)
    theirs = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"maxcor": 10, "ftol": 0})
    p, calls, optimiser = {"p": start.copy()}, [], LBFGS(memory=10)

    def measure():
        calls.append(1)
        return rosen(p["p"]), {"p": rosen_der(p["p"])}

    while optimiser.step(p, measure) > 1e-12:
        assert len(calls) < 2 * theirs.nfev
    assert p["p"] == pytest.approx(np.ones(10), abs=1e-5)


def test_lengths_fulfil_both_wolfe_conditions():
    rng = np.random.default_rng(3)
    for _ in range(50):
        depth, width, tilt = rng.uniform(0.1, 3, 3)

        def along(a, depth=depth, width=width, tilt=tilt):
            x = a - 4.0
            slope = depth * 2 * x / width * np.exp(-(x**2) / width) + 0.02 * tilt * x
            return -depth * np.exp(-(x**2) / width) + 0.01 * tilt * x**2, slope, np.array([slope])

        loss, slope, _ = along(0.0)
        a, value, gradient = wolfe_step(along, loss, slope, 10.0 ** rng.uniform(-2, 2), 40)
        assert value <= loss + 1e-4 * a * slope
        assert abs(gradient[0]) <= 0.9 * abs(slope)


def test_a_loss_that_is_not_finite_along_the_way_is_stepped_back_from():
    p, optimiser = {"p": np.array([3.0])}, LBFGS()

    def measure():
        x = p["p"][0]
        return (x - np.log(x), {"p": np.array([1 - 1 / x])}) if x > 0 else (np.nan, {"p": np.array([np.nan])})

    for _ in range(30):
        optimiser.step(p, measure)
    assert p["p"] == pytest.approx([1.0], abs=1e-7)


def test_at_a_minimum_nothing_moves():
    p = {"p": np.zeros(3)}
    assert LBFGS().step(p, lambda: (2.5, {"p": np.zeros(3)})) == 2.5
    assert (p["p"] == 0).all()
    assert LBFGS().step(p, lambda: (2.5, {"p": np.ones(3)})) == 2.5  # the gradient is wrong: no step helps
    assert (p["p"] == 0).all()


def test_a_restored_state_goes_on_to_the_same_bits():
    parameters, measure, _ = bowl(9, 2)
    first = LBFGS(memory=4)
    for _ in range(6):
        first.step(parameters, measure)
    kept, state = {name: each.copy() for name, each in parameters.items()}, first.state()
    for _ in range(3):
        first.step(parameters, measure)
    expected = {name: each.copy() for name, each in parameters.items()}
    for name, each in kept.items():
        parameters[name][...] = each
    second = LBFGS(memory=4)
    second.restore(state)
    for _ in range(3):
        second.step(parameters, measure)
    for name, each in expected.items():
        assert (parameters[name] == each).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"memory must be finite and at least 1, got 0"):
        LBFGS(memory=0)
    with pytest.raises(ValueError, match=r"needs parameters of float64, got float32 of 'w'"):
        LBFGS().step({"w": np.zeros(2, np.float32)}, lambda: (0.0, {}))

"""What GLE claims about its errors: phases of the adjoint, reciprocal gains, gradients near those of BPTT."""

from itertools import pairwise

import numpy as np
import pytest

from eventsim.models.prospective import adjoint


@pytest.mark.parametrize("omega", [0.1, 0.3, 1.0, 3.0, 10.0])
def test_errors_have_the_phase_of_the_adjoint_and_the_inverse_of_its_gain(omega):
    tau_mem, tau_r = 1.0, 0.1
    dt = min(tau_r / 50, 0.02 / omega)
    found = adjoint.transfer(omega, tau_mem, tau_r, dt, periods=2)
    forward = (1 + 1j * omega * tau_r) / (1 + 1j * omega * tau_mem)
    inverse = (1 + 1j * omega * tau_mem) / (1 + 1j * omega * tau_r)
    assert abs(found["forward"]) == pytest.approx(abs(forward), rel=0.01)
    assert abs(found["error"]) == pytest.approx(abs(inverse), rel=0.01)
    assert np.degrees(np.angle(found["forward"] / forward)) == pytest.approx(0, abs=2)
    assert np.degrees(np.angle(found["error"] / found["adjoint"])) == pytest.approx(0, abs=2)
    assert abs(found["error"] * found["adjoint"]) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("omega", [0.1, 1.0, 3.0])
@pytest.mark.parametrize(("tau_mem", "tau_r"), [(1.0, 0.1), (1.0, 1.0), (0.5, 1.5)])
def test_a_tick_of_a_tenth_of_tau_r_and_a_thirtieth_of_a_radian_gives_gains_within_a_percent(
    omega, tau_mem, tau_r
):
    """Sheet check 1: neurons that remember, answer at once, and lead their input."""
    found = adjoint.transfer(omega, tau_mem, tau_r, min(tau_r / 10, 0.03 / omega), periods=2)
    forward = (1 + 1j * omega * tau_r) / (1 + 1j * omega * tau_mem)
    assert abs(found["forward"]) == pytest.approx(abs(forward), rel=0.01)
    assert abs(found["error"]) == pytest.approx(1 / abs(forward), rel=0.01)


@pytest.mark.parametrize(("tau_mem", "tau_r"), [(1.0, 0.1), (0.5, 1.5)])
@pytest.mark.parametrize("omega", [1.0, 10.0])
def test_responses_and_errors_converge_with_the_first_order_of_the_tick(omega, tau_mem, tau_r):
    forward = (1 + 1j * omega * tau_r) / (1 + 1j * omega * tau_mem)
    deviations = []
    for dt in (0.008, 0.004, 0.002):
        found = adjoint.transfer(omega, tau_mem, tau_r, dt, periods=2)
        deviations.append([abs(found["forward"] / forward - 1), abs(found["error"] * forward - 1)])
    np.testing.assert_allclose(np.divide(deviations[:-1], deviations[1:]), 2.0, rtol=0.05)


def sines(omegas, dt, ticks, phases=None):
    t = dt * np.arange(ticks)
    phases = np.arange(len(omegas)) if phases is None else phases
    return np.stack([np.sin(w * t + p) for w, p in zip(omegas, phases, strict=True)]).sum(0)[:, None]


@pytest.mark.parametrize("kind", ["rate", "cross_entropy"])
@pytest.mark.parametrize("batch", [1, 3])
def test_bptt_is_the_derivative_of_the_cost(kind, batch):
    rng = np.random.default_rng(0)
    sizes, dt, ticks = (2, 4, 3, 2), 0.1, 60
    weights = [rng.normal(0, 0.7, s) for s in pairwise(sizes)]
    biases = [rng.normal(0, 0.3, n) for n in sizes[1:]]
    x, y = rng.normal(size=(ticks, batch, 2)), rng.uniform(size=(ticks, batch, 2))
    layers = {"tau_mem": [1.0, [0.5, 1.0, 2.0], 1.0], "tau_r": [0.3, 0.1, 1.0]}
    phis = ["tanh", "softplus", "linear"]

    def cost(weights):
        u = [np.zeros((batch, n)) for n in sizes[1:]]
        r = [np.zeros((batch, 2)), np.zeros((batch, 4)), np.full((batch, 3), np.log(2)), np.zeros((batch, 2))]
        total = 0.0
        for k in range(ticks):
            new = [x[k]]
            for m, w in enumerate(weights):
                du = (r[m] @ w + biases[m] - u[m]) / np.array(layers["tau_mem"][m])
                ub = u[m] + np.array(layers["tau_r"][m]) * du
                u[m] = u[m] + dt * du
                new.append([np.tanh, lambda v: np.logaddexp(0, v), lambda v: v][m](ub))
            r = new
            if kind == "rate":
                total += 0.5 * ((y[k] - r[-1]) ** 2).sum()
            else:
                total += (np.logaddexp.reduce(r[-1], axis=1) * y[k].sum(1) - (y[k] * r[-1]).sum(1)).sum()
        return total / batch

    y /= y.sum(axis=2, keepdims=True)
    found = adjoint.bptt(weights, layers["tau_mem"], layers["tau_r"], phis, x, y, dt, 1.0, biases, kind)
    for m, at in [(0, (1, 2)), (1, (3, 0)), (2, (2, 0))]:
        step = [np.zeros_like(w) for w in weights]
        step[m][at] = 1e-6
        up, down = (cost([w + s * d for w, d in zip(weights, step, strict=True)]) for s in (1, -1))
        assert found[m][at] == pytest.approx(-(up - down) / 2e-6, rel=1e-6, abs=1e-7)


def test_gradients_of_a_batch_are_the_mean_of_those_of_its_samples():
    rng = np.random.default_rng(2)
    weights, biases = [rng.normal(0, 0.7, s) for s in [(1, 4), (4, 2)]], [rng.normal(size=n) for n in (4, 2)]
    x, y = rng.normal(size=(50, 3, 1)), np.tile(np.eye(2)[[0, 1, 1]], (50, 1, 1))
    fixed = (weights, [1.0, 1.0], [0.2, 1.0], ["tanh", "linear"])
    options = (0.1, 50, 0.5, biases, "cross_entropy")
    together = adjoint.compare_gradients(*fixed, x, y, *options)
    alone = [adjoint.compare_gradients(*fixed, x[:, k], y[:, k], *options) for k in range(3)]
    for which in ("exact", "gle", "instant"):
        for m, gradient in enumerate(getattr(together, which)):
            mean = np.mean([getattr(one, which)[m] for one in alone], axis=0)
            np.testing.assert_allclose(gradient, mean, 1e-9, 1e-12)


def test_with_equal_constants_the_gradient_is_that_of_bptt():
    """Sheet check 3; slow inputs, so that the ticks on the way through the layers do not count."""
    rng = np.random.default_rng(1)
    dt, ticks = 0.01, 40000
    weights = [rng.normal(0, 0.7, s) for s in [(1, 4), (4, 4), (4, 1)]]
    x, y = sines([0.05, 0.11], dt, ticks), 0.3 * sines([0.07, 0.11], dt, ticks)
    found = adjoint.compare_gradients(
        weights, [1.0] * 3, [1.0] * 3, ["tanh", "tanh", "linear"], x, y, dt, ticks
    )
    for gle, exact in zip(found.gle, found.exact, strict=True):
        assert np.linalg.norm(gle - exact) < 1e-3 * np.linalg.norm(exact)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 4, 4, 1)])
@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_slow_neurons_keep_the_direction_of_the_gradient_where_instant_errors_lose_it(sizes, activation):
    """Sheet check 4."""
    rng = np.random.default_rng(3)
    dt, n = 0.01, len(sizes) - 1
    if n == 2:  # a chain whose gradient is mostly that of the first weight, behind two slow neurons
        weights = [np.array([[0.3]]), np.array([[1.5]])]
    else:
        weights = [np.abs(rng.normal(0.7, 0.3, s)) for s in pairwise(sizes)]
    teacher = [1.3 * w for w in weights]
    phis = [activation] * (n - 1) + ["linear"]

    def run(omegas, ticks):
        x = sines(omegas, dt, ticks, [0.0] * len(omegas)) / len(omegas)
        y = response(teacher, x, dt, phis)
        found = adjoint.compare_gradients(weights, [1.0] * n, [0.1] * n, phis, x, y, dt, ticks)
        return found.cosines()

    medium = run([0.5, 1.1, 2.0], 15000)
    fast = run([3.0, 5.0, 7.0], 8000)
    assert medium["gle"] > 0.9
    assert fast["gle"] > 0.75
    assert fast["instant"] < 0.0


def response(weights, x, dt, phis):
    """Return what a chain with tau_mem = 1, tau_r = 0.1 shows."""
    u = [np.zeros(w.shape[1]) for w in weights]
    r = [np.zeros(w.shape[0]) for w in weights] + [np.zeros(weights[-1].shape[1])]
    out = []
    for row in x:
        new = [row]
        for m, w in enumerate(weights):
            du = r[m] @ w - u[m]
            ub = u[m] + 0.1 * du
            u[m] = u[m] + dt * du
            new.append(np.tanh(ub) if phis[m] == "tanh" else ub)
        r = new
        out.append(r[-1])
    return np.array(out)

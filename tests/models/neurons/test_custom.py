"""A neuron of one's own, in Python and in Cython, against the compiled one and against scipy."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models.neurons import check_neuron, integrated_spikes

M = es.models


def adaptive(**changes):
    """Return an adaptive LIF, which has no closed form in this package."""
    arguments = {
        "state": {"v": 0.0, "w": 0.0},
        "parameters": {"tau": 10.0, "tau_w": 40.0, "drive": 1.6, "b": 0.3},
        "f": lambda t, x, p: [(p.drive - x.v - x.w) / p.tau, -x.w / p.tau_w],
        "g": lambda x, p: x.v - 1.0,
        "reset": lambda x, p: [0.0, x.w + p.b],
    }
    return M.CustomNeuron(**(arguments | changes))


def test_spikes_of_a_python_neuron_are_those_of_scipy():
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0, 100, 30))
    worst = check_neuron(adaptive(tolerance=1e-12, t_ref=1.5), times, rng.normal(0.1, 0.2, 30), 100.0, 1e-9)
    assert worst < 1e-9


def test_the_check_sees_a_neuron_that_is_wrong():
    right, wrong = adaptive(), adaptive(tolerance=1e-3)
    assert check_neuron(right) < 1e-6
    with pytest.raises(AssertionError, match="spike"):
        check_neuron(wrong, tolerance=1e-9)


def test_the_same_equations_in_python_spike_as_the_compiled_ones():
    m = M.ExponentialIF(i_ext=900.0)

    def f(t, x, p):
        leak = p.g * (p.rest - x.v + 2.0 * math.exp((x.v + 50.4) / 2.0))
        return [(leak + x.i + p.drive) / 281.0, -x.i / 5.0]

    own = M.CustomNeuron(
        state={"v": -70.6, "i": 0.0},
        parameters={"g": 30.0, "rest": -70.6, "drive": 900.0},
        f=f,
        g=lambda x, p: x.v,
        reset=lambda x, p: [-60.0, x.i],
        arrive=lambda x, p, weight, receptor: [x.v, x.i + weight * (1 if receptor == 0 else -1)],
        receptors=("excitatory", "inhibitory"),
    )
    found = []
    for model, receptor, sign in ((m, None, -1.0), (own, "inhibitory", 1.0)):
        net = es.Network()
        net.add("in", M.SpikeSource(times=[5.0, 22.0, 31.0], units=[0, 0, 0]), 1)
        net.add("cell", model, 1)
        options = {} if receptor is None else {"receptor": receptor}
        net.connect("in", "cell", weight=150.0 * sign, delay=0.5, **options)
        sim = es.Simulation(net)
        sim.run(80.0)
        found.append(sim.spikes("cell").times)
    assert len(found[0]) > 2
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def test_an_input_that_lifts_the_membrane_over_threshold_spikes_at_once():
    cell = adaptive(parameters={"tau": 10.0, "tau_w": 40.0, "drive": 0.0, "b": 0.3})
    assert check_neuron(cell, [2.0, 3.0], [0.7, 0.7], 10.0, 1e-9) == 0.0
    np.testing.assert_array_equal(integrated_spikes(cell, [2.0, 3.0], [0.7, 0.7], 10.0), [3.0])


def test_snapshots_and_recordings_take_it():
    net = es.Network()
    net.add("cells", adaptive(state={"v": [0.0, 0.4], "w": 0.0}), 2)
    sim = es.Simulation(net)
    sim.record("cells", "w", every=1.0)
    sim.run(20.0)
    state = sim.snapshot()
    sim.run(60.0)
    expected, samples = sim.spikes("cells").times.copy(), sim.trace("cells", "w").values.copy()
    sim.restore(state)
    sim.run(60.0)
    assert len(expected) > 4
    np.testing.assert_array_equal(sim.spikes("cells").times, expected)
    np.testing.assert_array_equal(sim.trace("cells", "w").values, samples)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"f": lambda t, x, p: [0.0]},
            ValueError,
            r"f of a CustomNeuron must return 2 numbers.*v, w, got \[0.0\]",
        ),
        ({"f": lambda t, x, p: 1.0}, ValueError, r"f of a CustomNeuron must return 2 numbers.*got 1.0"),
        (
            {"reset": lambda x, p: [2.0, x.w]},
            RuntimeError,
            r"unit 0 of 'cell' would spike without end at time",
        ),
        ({"g": lambda x, p: math.nan}, RuntimeError, r"g of 'cell' must be a number, got nan for unit 0"),
        (
            {"f": lambda t, x, p: [math.nan, 0.0]},
            RuntimeError,
            r"cannot hold its tolerance of 1e-10 for unit 0",
        ),
        ({"f": lambda t, x, p: [x.v**2 + 1, 0.0], "g": lambda x, p: -1.0}, RuntimeError, r"cannot hold its"),
    ],
)
def test_bad_equations_end_in_one_clear_line(changes, error, message):
    net = es.Network()
    net.add("cell", adaptive(**changes), 1)
    with pytest.raises(error, match=message) as refused:
        es.Simulation(net).run(50.0)
    assert "\n" not in str(refused.value)


def test_a_crossing_function_that_never_crosses_is_no_agreement():
    below = adaptive(g=lambda x, p: x.v - 100.0)
    with pytest.raises(ValueError, match="nothing to compare: g does not rise through 0 before 20; give"):
        check_neuron(below, until=20.0)


def test_what_is_missing_is_named():
    with pytest.raises(TypeError, match=r"needs the functions f, g and reset.*; g is missing"):
        M.CustomNeuron(state={"v": 0.0}, f=lambda t, x, p: [0.0], reset=lambda x, p: [0.0])
    with pytest.raises(ValueError, match="must name one variable at least"):
        M.CustomNeuron(state={})


def test_equations_without_a_reset_spike_where_the_membrane_rises_through_a_level():
    solve_ivp = pytest.importorskip("scipy.integrate").solve_ivp

    def slopes(v, w):
        return v - v**3 / 3 - w + 0.5, (v + 0.7 - 0.8 * w) / 12.5

    def level(_, x):
        return x[0] - 1.0

    level.direction = 1  # type: ignore[attr-defined]
    exact = solve_ivp(
        lambda _, x: slopes(*x), (0, 200), [-1.2, -0.6], "DOP853", rtol=1e-12, atol=1e-13, events=level
    ).t_events[0]
    neuron = M.CustomNeuron(
        state={"v": -1.2, "w": -0.6, "blocked": 0.0},
        f=lambda t, x, p: [*slopes(x.v, x.w), -2.0 * x.blocked if x.v < 0.0 else 0.0],
        g=lambda x, p: x.v - 1.0 - x.blocked,
        reset=lambda x, p: [x.v, x.w, 10.0],
    )
    net = es.Network()
    net.add("cell", neuron, 1)
    sim = es.Simulation(net)
    sim.run(200.0)
    assert len(exact) == 5
    np.testing.assert_allclose(sim.spikes("cell").times, exact, rtol=0, atol=1e-8)


def test_a_reset_that_is_missing_is_answered_with_a_way_to_do_without():
    with pytest.raises(TypeError, match=r"reset is missing; .* see 'Equations without a reset'"):
        adaptive(reset=None)

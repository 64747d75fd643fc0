"""Adam against its definition, its learning rates, its names."""

import numpy as np
import pytest

from eventsim.errors import UnknownPart
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import StepDecay


def test_adam_follows_its_definition():
    rng = np.random.default_rng(1)
    adam, p = Adam(0.005, 0.8, 0.99, 1e-6), {"w": rng.normal(size=(3, 4))}
    w, m, v = p["w"].copy(), 0.0, 0.0
    for step in range(1, 30):
        g = rng.normal(size=(3, 4))
        adam.update(p, {"w": g})
        m, v = 0.8 * m + 0.2 * g, 0.99 * v + 0.01 * g**2
        w -= 0.005 * (m / (1 - 0.8**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-6)
        assert p["w"] == pytest.approx(w, rel=1e-13)


def test_long_gradients_count_as_far_as_the_largest_norm():
    rng = np.random.default_rng(2)
    limited, plain = Adam(0.01, max_norm={"w": 2.0, "d": np.inf}), Adam(0.01)
    p, q = ({"w": np.ones((3, 4)), "d": np.ones(2)} for _ in range(2))
    for length in (0.5, 30.0, 1.9, 2.1, 1e4):
        g = rng.normal(size=(3, 4))
        g *= length / np.sqrt((g**2).sum())
        d = 1e3 * rng.normal(size=2)
        before = g.copy()
        limited.update(p, {"w": g, "d": d})
        plain.update(q, {"w": g * min(1.0, 2.0 / length), "d": d})
        assert (g == before).all()
        for name in p:
            assert p[name] == pytest.approx(q[name], rel=1e-13)


def test_the_first_step_has_the_size_of_the_rate():
    p = {"w": np.zeros(3)}
    Adam(0.1).update(p, {"w": np.array([1e-3, -5.0, 0.0])})
    assert p["w"] == pytest.approx([-0.1, 0.1, 0.0], rel=1e-4)


def test_rates_fall_with_the_epochs():
    p, adam = {"w": np.zeros(1)}, Adam(1.0, epsilon=0.0, schedule=StepDecay(2, 0.5))
    sizes = []
    for _ in range(5):
        before = p["w"][0]
        adam.update(p, {"w": np.ones(1)})
        sizes.append(before - p["w"][0])
        adam.end_epoch()
    assert sizes == pytest.approx([1, 1, 0.5, 0.5, 0.25])


def test_parameters_may_have_rates_of_their_own():
    p = {"w": np.zeros(1), "d": np.zeros(1)}
    adam = Adam({"w": 0.1, "d": 0.2})
    adam.update(p, {"w": np.ones(1), "d": np.ones(1)})
    assert [p["w"][0], p["d"][0]] == pytest.approx([-0.1, -0.2], rel=1e-6)
    with pytest.raises(UnknownPart, match=r"no learning rate for 'x'; there is one for: w, d"):
        adam.update(p | {"x": np.zeros(1)}, {"x": np.ones(1)})


def test_a_kind_of_parameters_may_have_a_rate_of_its_own():
    names = ("weight/a->b", "weight/b->c", "delay/a->b")
    p = {name: np.zeros(1) for name in names}
    adam = Adam({"weight": 0.1, "weight/b->c": 0.3, "delay": 0.2})
    adam.update(p, {name: np.ones(1) for name in names})
    assert [p[name][0] for name in names] == pytest.approx([-0.1, -0.3, -0.2], rel=1e-6)


def test_the_factor_scales_all_rates():
    p = {"w": np.zeros(1), "d": np.zeros(1)}
    adam = Adam({"w": 0.1, "d": 0.2})
    adam.factor = 0.5
    assert adam.learning_rate == 0.1
    adam.update(p, {"w": np.ones(1), "d": np.ones(1)})
    assert [p["w"][0], p["d"][0]] == pytest.approx([-0.05, -0.1], rel=1e-6)


def test_old_names_of_arguments_work_and_misspelt_ones_get_a_hint():
    with pytest.warns(DeprecationWarning, match=r"'rate' is called 'learning_rate' now"):
        assert Adam(rate=0.5).learning_rate == 0.5
    with pytest.raises(TypeError, match=r"Adam has no argument 'learning_rat'; did you mean 'learning_rate'"):
        Adam(learning_rat=0.5)
    with pytest.raises(ValueError, match=r"'learning_rate' is given twice, once as 'rate', its old name"):
        Adam(learning_rate=0.1, rate=0.5)


def test_the_state_is_all_it_remembers():
    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(6, 5))
    one, p = Adam(0.01, schedule=StepDecay(1, 0.9)), {"w": np.zeros(5)}
    two, q = Adam(0.01, schedule=StepDecay(1, 0.9)), {"w": np.zeros(5)}
    for k, g in enumerate(gradients):
        one.update(p, {"w": g})
        one.end_epoch()
        if k == 2:
            two.restore(one.state())
            q["w"][:] = p["w"]
        if k > 2:
            two.update(q, {"w": g})
            two.end_epoch()
    assert np.array_equal(p["w"], q["w"])


@pytest.mark.parametrize(
    "wrong", [{"learning_rate": -1.0}, {"beta1": 1.0}, {"beta2": 2.0}, {"epsilon": -1e-8}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Adam(**wrong)


def test_unknown_parameters_are_named():
    with pytest.raises(UnknownPart, match=r"no parameter named 'v'; known: w"):
        Adam().update({"w": np.zeros(1)}, {"v": np.zeros(1)})


def test_a_parameter_that_lies_in_another_order_is_refused():
    p = {"w": np.zeros((3, 2)).T}
    with pytest.raises(ValueError, match=r"parameter 'w' must be C-contiguous, got strides \(8, 16\)"):
        Adam(0.1).update(p, {"w": np.ones((2, 3))})
    q = {"w": np.zeros((2, 3))}
    Adam(0.1).update(q, {"w": np.ones((3, 2)).T})  # a gradient may lie in any order
    assert q["w"] == pytest.approx(np.full((2, 3), -0.1))

"""Growth: effective dimension, size rule, triggers, new fan-in; each against what shares none of our code."""

import numpy as np
import pytest

from eventsim.models.growth import LayerTest, effective_dimension, new_fan_in, new_units
from eventsim.models.growth.decision import TRIGGERS, size
from eventsim.models.growth.fan_in import INITS
from eventsim.models.growth.saturation import percentile

DOCUMENTED = LayerTest(12, 0.95 * 12, 0.30)  # the one published step: 12 -> 20 units


def with_singular_values(values, n, rng):
    """Return H such that H / sqrt(n) has these singular values."""
    left = np.linalg.qr(rng.normal(size=(n, len(values))))[0]
    right = np.linalg.qr(rng.normal(size=(len(values), len(values))))[0]
    return np.sqrt(n) * (left * values) @ right


@pytest.mark.parametrize("rank", [0, 3, 7, 10])
def test_the_effective_dimension_counts_singular_values_above_epsilon(rank):
    epsilon, m, n = 0.05, 10, 64
    values = np.where(np.arange(m) < rank, 2 * epsilon, epsilon / 2)
    h = with_singular_values(values, n, np.random.default_rng(rank))
    assert effective_dimension(h, epsilon) == rank
    assert effective_dimension(0.4 * h, epsilon) == 0
    assert effective_dimension(3 * h, epsilon) == m
    # divided by the root of the units instead, all values are larger by sqrt(64 / 10) = 2.5
    assert effective_dimension(h, epsilon, "units") == m
    assert effective_dimension(h * np.sqrt(m / n), epsilon, "units") == rank


def test_a_probe_smaller_than_the_layer_is_refused():
    with pytest.raises(ValueError, match=r"a probe of 5 samples cannot show .* of 6 units; take at least 6"):
        effective_dimension(np.ones((5, 6)))


@pytest.mark.parametrize(
    ("m", "ed", "phi_0", "floor", "north"),
    [
        (12, 12, 1.0, 1, 2),
        (8, 8, 1.0, 0, 1),
        (10, 10, 1.0, 1, 1),
        (20, 20, 1.0, 2, 2),
        (30, 30, 1.0, 3, 3),
        (12, 11, 0.3, 7, 8),
        (12, 3, 0.3, 0, 0),
    ],
)
def test_the_number_of_new_units(m, ed, phi_0, floor, north):
    test = LayerTest(m, ed, phi_0)
    assert (size(test, 0.9, "floor"), size(test, 0.9, "north")) == (floor, north)


def test_both_roundings_give_the_documented_step():
    assert size(DOCUMENTED, 0.9, "floor") == size(DOCUMENTED, 0.9, "north") == 8


@pytest.mark.parametrize("plateau", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("rigid", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_the_gates_of_all_triggers(full, rigid, first, plateau):
    test = LayerTest(20, 20 if full else 18, 1.0, 1e-3 if rigid else 0.0, 0.0, plateau, first)
    found = {trigger: new_units(test, trigger, k_fixed=5) for trigger in TRIGGERS}
    assert found == {
        "ed_fisher": 2 * (full and rigid),
        "ed_only": 2 * full,
        "fisher_only": 5 * rigid,
        "loss_plateau": 5 * plateau,
        "fixed_pertask": 5 * first,
    }


def test_a_layer_below_its_own_bound_gets_nothing():
    test = LayerTest(20, 5, 1.0, 1.0, 0.0)
    assert new_units(test, "ed_only") == new_units(test, "ed_only", rule="north") == 0


def test_an_unknown_trigger_is_named():
    with pytest.raises(ValueError, match=r"trigger must be one of ed_fisher, .*, got 'often'"):
        new_units(DOCUMENTED, "often")


@pytest.mark.parametrize(("present", "new"), [(6, 4), (0, 16), (12, 4)])
def test_new_columns_are_orthonormal_before_scaling(present, new):
    weight = np.random.default_rng(1).normal(size=(16, present))
    for init in ("qr_init", "nullspace"):
        columns = new_fan_in(init, weight, new, 3, 0.2, np.random.default_rng(2))
        assert np.abs(columns.T @ columns / 0.04 - np.eye(new)).max() < 1e-10
    assert np.abs(weight.T @ columns).max(initial=0) < 1e-10  # nullspace, with room left


def test_more_columns_than_inputs_come_in_orthonormal_blocks():
    columns = new_fan_in("qr_init", np.zeros((4, 2)), 6, 3, 1.0, np.random.default_rng(2))
    assert columns.shape == (4, 6)
    for block in (columns[:, :4], columns[:, 4:]):
        assert np.abs(block.T @ block - np.eye(block.shape[1])).max() < 1e-12


@pytest.mark.parametrize("init", INITS)
def test_every_initialisation_has_its_spread(init):
    rng = np.random.default_rng(3)
    weight = rng.normal(0, 0.5, (400, 20))
    columns = new_fan_in(init, weight, 100, 200, 0.2, rng)
    norm = float(np.mean(weight**2) * 400) ** 0.5
    expected = {
        "qr_init": 0.2 / 20,
        "nullspace": 0.2 / 20,
        "he_normal": (2 / 400) ** 0.5,
        "xavier": (2 / 600) ** 0.5,
        "random": 1 / 20 / 3**0.5,
        "vp_zfo": norm / 20,
        "zero": 0.0,
    }[init]
    assert np.sqrt(np.mean(columns**2)) == pytest.approx(expected, rel=0.02)


def test_a_percentile_is_locked_by_zeros_unless_only_active_entries_count():
    fisher = np.arange(1.0, 41.0).reshape(4, 10)
    fisher[0] = 0  # an input that is never active: 25 % of the entries
    fisher[:, :2] = 0  # two dead units
    assert percentile(fisher, 25) == (0.0, 0.4)
    assert percentile(fisher, 25, "active") == (pytest.approx(np.percentile(fisher[1:, 2:], 25)), 0.4)
    assert percentile(np.zeros((3, 3)), 25, "active") == (0.0, 1.0)

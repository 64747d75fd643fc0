"""Connection rules: who is connected to whom, and how often."""

import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim as es
from eventsim.connect import Connections
from eventsim.errors import ConfigError

MODEL = SimpleNamespace(variables=("v",), is_source=False)
SIZES = st.integers(1, 30)
SEEDS = st.integers(0, 2**32)


def draw(rule, n_pre, n_post=None, seed=1, **options) -> Connections:
    """Return the synapses of one projection; within one population if `n_post` is not given."""
    net = es.Network(seed=seed)
    net.add("a", MODEL, n_pre)
    if n_post is not None:
        net.add("b", MODEL, n_post)
    return net.connect("a", "a" if n_post is None else "b", rule, **options).resolve(net)


def listed(synapses: Connections) -> list[tuple[int, int]]:
    return list(zip(synapses.sources().tolist(), synapses.targets().tolist(), strict=True))


def counts(indices, n) -> list[int]:
    count = Counter(indices.tolist())
    return [count[k] for k in range(n)]


def distribution_distance(sample, below) -> float:
    """Return sqrt(n) times the Kolmogorov-Smirnov distance, straight from its definition."""
    ordered = np.sort(np.asarray(sample, np.float64))
    expected = np.array([below(x) for x in ordered])
    n = len(ordered)
    steps = np.arange(n)
    return math.sqrt(n) * max((expected - steps / n).max(), ((steps + 1) / n - expected).max())


@given(SIZES, SIZES)
def test_all_to_all_holds_every_pair_once_in_the_order_of_a_matrix(n_pre, n_post):
    synapses = draw(es.connect.all_to_all(), n_pre, n_post)
    assert synapses.dense
    assert listed(synapses) == [(i, j) for i in range(n_pre) for j in range(n_post)]


@given(SIZES)
def test_all_to_all_without_autapses_holds_every_other_pair_once(n):
    synapses = draw(es.connect.all_to_all(), n, autapses=False)
    assert listed(synapses) == [(i, j) for i in range(n) for j in range(n) if i != j]


def test_one_to_one_joins_equal_indices():
    assert listed(draw(es.connect.one_to_one(), 4, 4)) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert draw(es.connect.one_to_one(), 4, autapses=False).n_syn == 0


@given(SIZES, SIZES, st.integers(0, 40), st.booleans(), SEEDS)
def test_fixed_indegree_gives_each_target_exactly_k(n_pre, n_post, k, multapses, seed):
    k = k if multapses else min(k, n_pre)
    synapses = draw(es.connect.fixed_indegree(k), n_pre, n_post, seed, multapses=multapses)
    assert counts(synapses.targets(), n_post) == [k] * n_post
    assert all(0 <= i < n_pre for i in synapses.sources())
    if not multapses:
        assert len(set(listed(synapses))) == synapses.n_syn


@given(SIZES, SIZES, st.integers(0, 40), st.booleans(), SEEDS)
def test_fixed_outdegree_gives_each_source_exactly_k(n_pre, n_post, k, multapses, seed):
    k = k if multapses else min(k, n_post)
    synapses = draw(es.connect.fixed_outdegree(k), n_pre, n_post, seed, multapses=multapses)
    assert counts(synapses.sources(), n_pre) == [k] * n_pre
    assert all(0 <= j < n_post for j in synapses.targets())
    if not multapses:
        assert len(set(listed(synapses))) == synapses.n_syn


@given(st.integers(2, 20), st.integers(0, 19), st.booleans(), SEEDS)
def test_without_autapses_no_unit_reaches_itself(n, k, multapses, seed):
    rules = (
        es.connect.fixed_indegree(min(k, n - 1)),
        es.connect.fixed_outdegree(min(k, n - 1)),
        es.connect.fixed_probability(k / 20),
        es.connect.pairs([0, 0, 1], [0, 1, 1]),
    )
    for rule in rules[:3] if not multapses else rules:
        drawn = listed(draw(rule, n, seed=seed, autapses=False, multapses=multapses))
        assert all(i != j for i, j in drawn)
        assert all(0 <= i < n and 0 <= j < n for i, j in drawn)


@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize(("n", "k"), [(7, 2), (7, 5)])
def test_every_other_unit_is_equally_likely_a_source(n, k, multapses):
    times = 4000
    net = es.Network(seed=3)
    net.add("a", MODEL, n)
    seen = np.zeros((n, n))
    for _ in range(times):
        synapses = net.connect("a", "a", es.connect.fixed_indegree(k), autapses=False, multapses=multapses)
        drawn = synapses.resolve(net)
        np.add.at(seen, (drawn.sources(), drawn.targets()), 1)
        net.projections.clear()
        net.seed += 1
    p = 1 / (n - 1) if multapses else k / (n - 1)
    trials = times * k if multapses else times
    deviation = (seen[~np.eye(n, dtype=bool)] - trials * p) / math.sqrt(trials * p * (1 - p))
    assert abs(deviation).max() < 5


def test_every_set_of_sources_is_equally_likely_without_multapses():
    n_post = 60_000
    for k in (2, 3):  # of 5: by drawing what is in, and by drawing what is left out
        chosen = draw(es.connect.fixed_indegree(k), 5, n_post, multapses=False).sources().reshape(n_post, k)
        sets = Counter(tuple(sorted(row)) for row in chosen.tolist())
        p = 1 / math.comb(5, k)
        assert len(sets) == math.comb(5, k)
        for count in sets.values():
            assert abs(count - n_post * p) < 5 * math.sqrt(n_post * p * (1 - p))


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("autapses", [True, False])
def test_fixed_probability_is_met_within_five_standard_deviations(p, autapses):
    n = 700
    synapses = draw(es.connect.fixed_probability(p), n, autapses=autapses)
    pairs = n * (n if autapses else n - 1)
    assert abs(synapses.n_syn - p * pairs) < 5 * math.sqrt(pairs * p * (1 - p))
    assert len(set(listed(synapses))) == synapses.n_syn
    each = n if autapses else n - 1
    for indices in (synapses.sources(), synapses.targets()):
        deviation = (np.array(counts(indices, n)) - each * p) / math.sqrt(each * p * (1 - p))
        # 6, not 5: the binomial's upper tail at p = 0.001 is heavier than the normal's
        assert deviation.max() < (6 if p > 0.001 else 9)
        assert abs((deviation**2).mean() - 1) < 5 * math.sqrt(3 / n) * (1 + 1 / (each * p))


def test_the_first_and_the_last_pair_are_as_likely_as_any():
    times, p = 4000, 0.3
    ends = np.zeros(2)
    for seed in range(times):
        drawn = listed(draw(es.connect.fixed_probability(p), 3, 4, seed))
        ends += [(0, 0) in drawn, (2, 3) in drawn]
    assert (abs(ends - times * p) < 5 * math.sqrt(times * p * (1 - p))).all()


def test_probabilities_0_and_1_and_nearly_0_are_exact():
    assert draw(es.connect.fixed_probability(0), 5, 6).n_syn == 0
    assert draw(es.connect.fixed_probability(1), 5, 6).n_syn == 30
    assert draw(es.connect.fixed_probability(1e-300), 2**31 - 1, 2**31 - 1).n_syn == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=20))
def test_listed_pairs_stay_as_they_are(rows):
    assert listed(draw(rows, 5, 7)) == rows
    pre, post = [row[0] for row in rows], [row[1] for row in rows]
    assert listed(draw(es.connect.pairs(pre, post), 5, 7)) == rows


def test_tuples_bring_weights_and_delays():
    synapses = draw([(0, 1, 0.5, 2.0), (1, 1, -0.1, 0.0)], 2, 2)
    assert synapses.weight.tolist() == [0.5, -0.1]
    assert synapses.delay.tolist() == [2.0, 0.0]
    assert synapses.delay_kind == "synaptic"
    assert draw([(0, 1, 0.5), (1, 1, -0.1)], 2, 2, delay=3.0).delay == 3.0


@pytest.mark.parametrize(
    "rule",
    [
        es.connect.fixed_probability(0.3),
        es.connect.fixed_indegree(3),
        es.connect.fixed_outdegree(3),
    ],
)
def test_the_same_seed_draws_the_same_and_another_seed_does_not(rule):
    options = {"weight": es.connect.normal(0, 1), "delay": es.connect.uniform(1, 2)}
    first, again, other = (draw(rule, 40, 50, seed, **options) for seed in (5, 5, 6))
    assert listed(first) == listed(again)
    assert first.weight.tobytes() == again.weight.tobytes()
    assert first.delay.tobytes() == again.delay.tobytes()
    assert listed(first) != listed(other)
    assert first.weight.tobytes() != other.weight.tobytes()


def test_other_projections_and_delays_leave_a_draw_as_it_was():
    rule = es.connect.fixed_indegree(3)
    alone = draw(rule, 10, 10, weight=es.connect.normal(0, 1))
    net = es.Network(seed=1)
    net.add("b", MODEL, 10)
    net.add("a", MODEL, 10)
    net.connect("b", "a", es.connect.fixed_probability(0.4), weight=es.connect.normal(0, 1)).resolve(net)
    late = net.connect("a", "b", rule, weight=es.connect.normal(0, 1), delay=es.connect.exponential(1.0))
    assert listed(late.resolve(net)) == listed(alone)
    assert late.resolve(net).weight.tobytes() == alone.weight.tobytes()


def test_two_projections_between_the_same_populations_differ():
    net = es.Network()
    net.add("a", MODEL, 30)
    rule = es.connect.fixed_indegree(5)
    first, second = net.connect("a", "a", rule), net.connect("a", "a", rule, name="a->a")
    assert (first.name, second.name) == ("a->a", "a->a#2")
    assert listed(first.resolve(net)) != listed(second.resolve(net))


def test_ten_thousand_by_a_thousand_takes_four_bytes_a_synapse():
    synapses = draw(es.connect.fixed_indegree(1000), 10_000, weight=0.1, delay=1.5)
    assert synapses.n_syn == 10_000_000
    assert synapses.pre.nbytes == 40_000_000
    assert synapses.post is None
    assert (synapses.weight, synapses.delay) == (0.1, 1.5)


def test_drawing_takes_little_more_memory_than_the_result():
    import tracemalloc

    options = {"weight": es.connect.normal(1, 0.1), "delay": es.connect.uniform(1, 2), "autapses": False}
    for rule in (
        es.connect.fixed_indegree(1000),
        es.connect.fixed_outdegree(1000),
        es.connect.fixed_probability(0.5),
    ):
        tracemalloc.start()
        synapses = draw(rule, 2000, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        parts = (synapses.pre, synapses.post, synapses.weight, synapses.delay)
        size = sum(part.nbytes for part in parts if part is not None)
        assert peak < size * 1.02 + 12e6  # chunks of 2**18 draws in a few temporaries


@pytest.mark.parametrize(
    ("distribution", "below", "mean", "std"),
    [
        (es.connect.normal(2.0, 0.5), lambda x: 0.5 * math.erfc((2 - x) / 0.5 / 2**0.5), 2.0, 0.5),
        (es.connect.uniform(-1, 3), lambda x: (x + 1) / 4, 1.0, 4 / 12**0.5),
        (
            es.connect.lognormal(0.2, 0.7),
            lambda x: 0.5 * math.erfc(-math.log(x / 0.2) / 0.7 / 2**0.5),
            0.2 * math.exp(0.245),
            0.2 * math.exp(0.245) * math.sqrt(math.expm1(0.49)),
        ),
        (
            es.connect.lognormal(-0.2, 0.7),
            lambda x: 0.5 * math.erfc(math.log(-x / 0.2) / 0.7 / 2**0.5),
            -0.2 * math.exp(0.245),
            0.2 * math.exp(0.245) * math.sqrt(math.expm1(0.49)),
        ),
        (es.connect.exponential(1.5, shift=0.1), lambda x: -math.expm1((0.1 - x) / 1.5), 1.6, 1.5),
        # Truncated by redrawing: the shape between the bounds is kept.
        (es.connect.exponential(1.0, high=1.0), lambda x: -math.expm1(-x) / -math.expm1(-1), 0.418, 0.2775),
        (es.connect.normal(0.0, 1.0, low=0.0), lambda x: math.erf(x / 2**0.5), (2 / math.pi) ** 0.5, 0.6028),
    ],
)
def test_distributions_have_the_shape_they_name(distribution, below, mean, std):
    n = 40_000
    drawn = distribution.draw(np.random.default_rng(7), n)
    assert drawn.dtype == np.float32
    assert drawn.min() >= distribution.smallest
    assert abs(drawn.mean(dtype=float) - mean) < 5 * std / math.sqrt(n) + 1e-3 * std
    assert distribution_distance(drawn, below) < 2.2  # beyond this with probability 1e-4


@given(st.floats(-10, 10), st.floats(0.01, 10), st.integers(0, 1000))
def test_no_draw_lies_outside_the_bounds_even_by_rounding(low, width, seed):
    high = low + width
    middle = (low + high) / 2
    rng = np.random.default_rng(seed)
    for distribution in (
        es.connect.uniform(low, high),
        es.connect.normal(middle, width, low=low, high=high),
        es.connect.exponential(width, shift=low, high=high),
    ):
        drawn = distribution.draw(rng, 200).astype(float)
        assert (drawn >= low).all()
        assert (drawn <= high).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: es.connect.fixed_probability(1.5),
            "p of fixed_probability must lie between 0 and 1, got 1.5",
        ),
        (lambda: es.connect.fixed_probability(-0.1), "between 0 and 1, got -0.1"),
        (lambda: es.connect.fixed_probability(math.nan), "between 0 and 1, got nan"),
        (lambda: es.connect.fixed_indegree(-1), "k of fixed_indegree must not be negative, got -1"),
        (lambda: es.connect.fixed_outdegree(-2), "k of fixed_outdegree must not be negative, got -2"),
        (lambda: es.connect.pairs([0, 1], [0]), "as many sources as targets, got 2 and 1"),
        (lambda: es.connect.pairs([2**40], [0]), "beyond 2147483647"),
        (lambda: es.connect.normal(0, -1), "std of normal must be finite and at least 0, got -1"),
        (lambda: es.connect.normal(math.nan, 1), "mean of normal"),
        (lambda: es.connect.normal(0, 1, low=math.nan), "must be a number, got nan"),
        (lambda: es.connect.normal(0, 1, low=2, high=1), "low must be below high, got low=2, high=1"),
        (lambda: es.connect.normal(0, 1, low=20), "fall between its bounds; widen them"),
        (lambda: es.connect.uniform(1, 1), "low must be below high, got low=1, high=1"),
        (lambda: es.connect.lognormal(0, 1), "median of lognormal must not be 0"),
        (lambda: es.connect.exponential(0), "mean of exponential must be positive, got 0"),
        (lambda: es.connect.exponential(-1), "mean of exponential"),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_the_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("k", [1.5, 2.0, "3", None, True])
def test_a_degree_must_be_an_integer(k):
    with pytest.raises(TypeError, match="k of fixed_indegree must be an integer"):
        es.connect.fixed_indegree(k)


@pytest.mark.parametrize("indices", [[0.0], [[0, 1]], ["a"], 3])
def test_indices_must_be_a_list_of_integers(indices):
    with pytest.raises(TypeError, match="list of integers"):
        es.connect.pairs(indices, indices)


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (
            es.connect.fixed_indegree(11),
            {"multapses": False},
            r"'a -> a'.*11 different sources.*there are 10",
        ),
        (
            es.connect.fixed_indegree(10),
            {"multapses": False, "autapses": False},
            r"'a -> a'.*10 different sources.*there are 9 without the unit itself",
        ),
        (
            es.connect.fixed_outdegree(11),
            {"multapses": False},
            r"'a -> a'.*11 different targets.*there are 10",
        ),
        (es.connect.pairs([0, 10], [0, 0]), {}, r"source 10 of pair 1 in 'a -> a'.*units are 0 to 9"),
        ([(0, -1)], {}, r"target -1 of pair 0 in 'a -> a'"),
        ([(3, 4), (1, 2), (3, 4)], {"multapses": False}, r"pair \(3, 4\) occurs more than once in 'a -> a'"),
        ([(3, 4), (1, 2, 0.5)], {}, "must all be"),
        ([[3, 4]], {}, "must all be"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused_when_connecting(rule, options, message):
    with pytest.raises(ConfigError, match=message):
        draw(rule, 10, **options)


def test_fixed_indegree_needs_somebody_to_draw_from():
    with pytest.raises(ConfigError, match="needs 1 sources, but there are 0 without the unit itself"):
        draw(es.connect.fixed_indegree(1), 1, autapses=False)


def test_one_to_one_needs_equal_sizes():
    with pytest.raises(ConfigError, match="equal size, got 3 and 4 in 'a -> b'"):
        draw(es.connect.one_to_one(), 3, 4)


# Numbers of synapses that differ -----------------------------------------------------------------


@given(st.lists(st.integers(0, 7), min_size=1, max_size=12), st.booleans(), st.booleans(), SEEDS)
def test_each_target_and_each_source_has_its_own_number(wanted, autapses, multapses, seed):
    n = len(wanted)
    if not multapses or not autapses:
        wanted = [min(k, n - 1 if not autapses else n) for k in wanted]
    options = {"autapses": autapses, "multapses": multapses, "seed": seed}
    towards = draw(es.connect.fixed_indegree(wanted), n, **options)
    away = draw(es.connect.fixed_outdegree(wanted), n, **options)
    assert counts(towards.targets(), n) == wanted
    assert counts(away.sources(), n) == wanted
    for synapses in (towards, away):
        assert synapses.sources().min(initial=0) >= 0
        assert synapses.targets().max(initial=0) < n
        if not multapses:
            assert len(set(listed(synapses))) == synapses.n_syn
        if not autapses:
            assert not any(i == j for i, j in listed(synapses))


def test_sources_of_uneven_targets_are_drawn_evenly():
    rule = es.connect.fixed_indegree([5, 1, 9] * 400)
    for multapses in (True, False):
        found = np.array(counts(draw(rule, 20, 1200, multapses=multapses).sources(), 20))
        # 6 000 draws among 20: 300 each, variance 300 * 0.95 at most; chi squared of 19 degrees.
        assert ((found - 300) ** 2 / 300).sum() < 43.8  # 0.1 % are above


@pytest.mark.parametrize(
    ("k", "mean", "variance"),
    [
        (es.connect.poisson(8.0), 8.0, 8.0),
        (es.connect.uniform(2.0, 10.0), 6.0, 64.0 / 12.0),
        (es.connect.normal(30.0, 3.0, low=0), 30.0, 9.0 + 1.0 / 12.0),
    ],
    ids=["poisson", "uniform", "normal"],
)
def test_drawn_numbers_of_synapses_follow_the_distribution(k, mean, variance):
    n = 4000
    found = np.array(counts(draw(es.connect.fixed_indegree(k), 50, n).targets(), n))
    error = math.sqrt(variance / n)
    assert found.mean() == pytest.approx(mean, abs=4 * error)
    assert found.var() == pytest.approx(variance, rel=0.12)
    again = np.array(counts(draw(es.connect.fixed_indegree(k), 50, n).targets(), n))
    assert found.tolist() == again.tolist()


def test_the_poisson_distribution_keeps_its_bounds():
    cut = es.connect.poisson(4.0, low=2, high=6)
    values = cut.draw(np.random.default_rng(1), 20_000)
    assert set(values.tolist()) == {2.0, 3.0, 4.0, 5.0, 6.0}
    weights = np.array([math.exp(-4) * 4**k / math.factorial(k) for k in range(2, 7)])
    found = np.array([(values == k).mean() for k in range(2, 7)])
    np.testing.assert_allclose(found, weights / weights.sum(), atol=0.015)
    with pytest.raises(ValueError, match="mean of poisson must lie between 0 and"):
        es.connect.poisson(-1.0)
    with pytest.raises(ValueError, match="fall between its bounds; widen them"):
        es.connect.poisson(4.0, low=60)


@pytest.mark.parametrize("side", ["in", "out"])
def test_weights_and_delays_of_each_synapse_of_a_fixed_number(side, tmp_path):
    n_pre, n_post, k = 9, 7, 3
    rows = n_post if side == "in" else n_pre
    rule = (es.connect.fixed_indegree if side == "in" else es.connect.fixed_outdegree)(k)
    weight = np.arange(rows * k, dtype=float).reshape(rows, k)
    net = es.Network(seed=2)
    net.add("a", es.models.Poisson(rate=3.0), n_pre)
    net.add("b", es.models.LIF(), n_post)
    p = net.connect("a", "b", rule, weight=weight, delay=1.0 + weight)
    c = p.resolve(net)
    units = c.targets() if side == "in" else c.sources()
    for unit in range(rows):
        assert c.weight[units == unit].tolist() == weight[unit].tolist()
        assert c.delay[units == unit].tolist() == (1.0 + weight[unit]).tolist()
    plain = es.Network(seed=2)
    plain.add("a", es.models.Poisson(rate=3.0), n_pre)
    plain.add("b", es.models.LIF(), n_post)
    assert listed(plain.connect("a", "b", rule).resolve(plain)) == listed(
        c
    )  # the pairs are those without weights
    net.change(p.name, weight=2.0 * weight)
    assert net[p.name].resolve(net).weight.tolist() == (2.0 * weight.ravel()).tolist()
    sim = es.Simulation(net)
    sim.run(1.0)
    sim.save(tmp_path / "run.h5")
    again = es.Simulation(es.io.load(tmp_path / "run.h5").network())
    for one, other in zip(sim.weights(p.name), again.weights(p.name), strict=True):
        assert one.tobytes() == other.tobytes()


def test_networks_with_uneven_numbers_go_through_files(tmp_path):
    net = es.Network(seed=2)
    net.add("a", es.models.Poisson(rate=3.0), 9)
    net.add("b", es.models.LIF(), 4)
    net.connect("a", "b", es.connect.fixed_indegree([1, 0, 5, 2]), weight=np.arange(8.0), delay=1.0)
    net.connect("a", "b", es.connect.fixed_outdegree(es.connect.poisson(2.0)), weight=1.0, delay=1.0)
    sim = es.Simulation(net)
    sim.save(tmp_path / "run.h5")
    again = es.io.load(tmp_path / "run.h5").network()
    for one, other in zip(net.projections, again.projections, strict=True):
        assert one.rule == other.rule
        assert listed(one.resolve(net)) == listed(other.resolve(again))
    assert repr(net.projections[0].rule) == "FixedIndegree(k=4 numbers in [0, 5])"
    with pytest.raises(ConfigError, match=r"already|again|twice"):
        net.connect("a", "b", es.connect.fixed_indegree([1, 0, 5, 2]), weight=3.0, delay=1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: es.connect.fixed_indegree([1, -2]), ValueError, "must not be negative, got -2 at 1"),
        (lambda: es.connect.fixed_indegree([1.5, 2.0]), TypeError, "must be integers, shape"),
        (lambda: es.connect.fixed_indegree("3"), TypeError, "must be an integer, got '3'"),
        (
            lambda: es.connect.fixed_outdegree(es.connect.normal(5, 1)),
            ValueError,
            "can be negative; give low=0",
        ),
        (
            lambda: draw(es.connect.fixed_indegree([1, 2]), 5, 3),
            ConfigError,
            "has 2 numbers of sources, expected 3",
        ),
        (
            lambda: draw(es.connect.fixed_indegree([9, 1]), 5, 2, multapses=False),
            ConfigError,
            "needs 9 different sources, but there are 5",
        ),
        (
            lambda: draw(es.connect.fixed_indegree(es.connect.uniform(8, 9)), 5, 2, multapses=False),
            ConfigError,
            "drew [89] different units of 5; give high=5",
        ),
        (
            lambda: draw(es.connect.fixed_outdegree([1, 2, 3]), 3, 4, storage="rows"),
            ConfigError,
            "draws as many targets for each source",
        ),
        (
            lambda: draw(es.connect.fixed_indegree(3), 5, 4, weight=np.ones((4, 2))),
            ValueError,
            r"has shape \(4, 2\), expected .* or \(4, 3\) for each synapse",
        ),
    ],
)
def test_bad_numbers_of_synapses_say_so(make, error, message):
    with pytest.raises(error, match=message):
        make()

"""Declaring networks: names, weights, delays, the order of zero delays, and what is refused."""

import math
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import eventsim as es
from eventsim.errors import ConfigError, UnknownPart
from eventsim.parameters import per_unit


@dataclass(frozen=True)
class Relay:
    """Stands for a neuron: what a network asks of a model."""

    tau_mem: Any = 1.0
    variables: ClassVar[tuple[str, ...]] = ("v",)
    is_source: ClassVar[bool] = False

    def check(self, n, population):
        per_unit(self.tau_mem, n, "tau_mem", population, positive=True)


SOURCE = SimpleNamespace(variables=(), is_source=True)
RULES = st.sampled_from(
    [
        es.connect.all_to_all(),
        es.connect.fixed_probability(0.4),
        es.connect.fixed_indegree(3),
        es.connect.fixed_outdegree(2),
        es.connect.pairs([0, 1, 1, 3], [0, 2, 2, 1]),
    ]
)


def network(seed=0, **sizes) -> es.Network:
    net = es.Network(seed=seed)
    for name, n in (sizes or {"a": 4, "b": 3}).items():
        net.add(name, Relay(), n)
    return net


def expanded(value, synapses) -> list[float]:
    """Return a weight or delay of each synapse, by the written definition of its shape."""
    if isinstance(value, float):
        return [value] * synapses.n_syn
    if value.shape == (synapses.n_pre, synapses.n_post):
        return [float(value[i, j]) for i, j in zip(synapses.sources(), synapses.targets(), strict=True)]
    return value.astype(float).tolist()


def delays(synapses) -> list[float]:
    if synapses.delay_kind == "axonal":
        assert synapses.delay.shape == (synapses.n_pre,)
        return [float(synapses.delay[i]) for i in synapses.sources()]
    return expanded(synapses.delay, synapses)


def test_a_dense_array_is_the_weight_matrix_copied_once():
    net = network()
    weight = np.arange(12.0).reshape(4, 3) / 7
    given_weight = weight.T.copy().T  # Fortran order
    projection = net.connect("a", "b", weight=given_weight, delay=0.1)
    given_weight[:] = 0
    synapses = projection.resolve(net)
    assert synapses.dense
    assert synapses.weight.dtype == np.float64
    assert synapses.weight.flags.c_contiguous
    assert (synapses.weight == weight).all()
    assert (synapses.delay, synapses.delay_kind) == (0.1, "uniform")
    assert synapses.weight is projection.resolve(net).weight
    assert not synapses.weight.flags.writeable


def test_float32_weights_stay_float32_and_other_numbers_become_float64():
    net = network()
    for dtype, expected in [
        ("f4", "f4"),
        ("f2", "f4"),
        ("f8", "f8"),
        ("i8", "f8"),
        ("u1", "f8"),
        ("?", "f8"),
    ]:
        synapses = net.connect("a", "b", weight=np.ones((4, 3), dtype), name=dtype).resolve(net)
        assert synapses.weight.dtype == expected
    listed = net.connect("a", "b", weight=[[1, 2, 3]] * 4, name="list").resolve(net)
    assert listed.weight[3].tolist() == [1, 2, 3]


def test_a_matrix_may_stand_in_the_place_of_the_rule_and_a_rule_in_that_of_the_weight():
    net = network()
    assert net.connect("a", "b", np.full((4, 3), 0.5)).resolve(net).weight[0, 0] == 0.5
    synapses = net.connect("a", "b", weight=es.connect.fixed_indegree(2)).resolve(net)
    assert (synapses.per_post, synapses.weight) == (2, 1.0)


@given(RULES, st.booleans(), st.integers(0, 99))
def test_axonal_dendritic_and_synaptic_values_equal_the_matrix_they_stand_for(rule, same, seed):
    rng = np.random.default_rng(seed)
    net = network(seed, a=4, b=4 if same else 3)
    n_post = net.populations["b"].n
    per_source, per_target = rng.random(4), rng.random(n_post)
    for vector, matrix in (
        (es.connect.axonal(per_source), np.repeat(per_source[:, None], n_post, axis=1)),
        (es.connect.dendritic(per_target), np.repeat(per_target[None, :], 4, axis=0)),
    ):
        short = net.connect("a", "b", rule, weight=vector, delay=vector, name="x").resolve(net)
        net.projections.clear()
        full = net.connect("a", "b", rule, weight=matrix, delay=matrix, name="x").resolve(net)
        net.projections.clear()
        assert delays(short) == delays(full)
        assert expanded(short.weight, short) == expanded(full.weight, full)
        assert delays(full) == [
            float(matrix[i, j]) for i, j in zip(full.sources(), full.targets(), strict=True)
        ]


def test_a_delay_for_each_source_is_kept_as_such():
    net = network()
    synapses = net.connect("a", "b", delay=es.connect.axonal([1, 2, 3, 4])).resolve(net)
    assert synapses.delay_kind == "axonal"
    assert synapses.delay.tolist() == [1, 2, 3, 4]


def test_a_plain_list_belongs_to_the_side_that_has_its_length():
    net = network()
    with pytest.warns(DeprecationWarning, match=r"gives to the sources; write es\.connect\.axonal\(values\)"):
        axonal = net.connect("a", "b", delay=[1, 2, 3, 4]).resolve(net)
    with pytest.warns(DeprecationWarning, match=r"gives to the targets; write es\.connect\.dendritic"):
        dendritic = net.connect("a", "b", delay=[1, 2, 3]).resolve(net)
    assert delays(axonal) == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert delays(dendritic) == [1, 2, 3] * 4
    with pytest.raises(
        ValueError, match=r"delay of 'a -> a' is a list of 4.*axonal\(values\), shape \(4, 1\)"
    ):
        net.connect("a", "a", delay=[1, 2, 3, 4])


def test_values_of_listed_pairs_follow_the_pairs_also_without_autapses():
    net = network()
    synapses = net.connect(
        "a", "a", [(0, 1), (2, 2), (3, 0)], weight=[1, 2, 3], delay=[4, 5, 6], autapses=False
    ).resolve(net)
    assert synapses.sources().tolist() == [0, 3]
    assert synapses.weight.tolist() == [1, 3]
    assert synapses.delay.tolist() == [4, 6]


def test_a_dense_array_without_autapses_loses_its_diagonal():
    net = network()
    weight = np.arange(16.0).reshape(4, 4) + 0.1
    synapses = net.connect("a", "a", weight=weight, delay=weight, autapses=False).resolve(net)
    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    assert list(zip(synapses.sources(), synapses.targets(), strict=True)) == pairs
    assert synapses.weight.tolist() == [weight[i, j] for i, j in pairs]
    assert synapses.delay.tolist() == [weight[i, j] for i, j in pairs]


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_the_stored_entries_of_a_sparse_matrix_are_the_synapses(form):
    rng = np.random.default_rng(1)
    dense = rng.random((40, 30)) * (rng.random((40, 30)) < 0.2)
    matrix = scipy.sparse.coo_array(dense).asformat(form)
    net = network(a=40, b=30)
    synapses = net.connect(
        "a", "b", weight=matrix, delay=scipy.sparse.csc_array(dense + (dense > 0))
    ).resolve(net)
    rebuilt, late = np.zeros((40, 30)), np.zeros((40, 30))
    rebuilt[synapses.sources(), synapses.targets()] = synapses.weight
    late[synapses.sources(), synapses.targets()] = synapses.delay
    assert (rebuilt == dense).all()
    assert (late == dense + (dense > 0)).all()
    assert synapses.n_syn == matrix.tocsr().nnz


def test_a_stored_zero_is_a_synapse_and_repeated_entries_add_up():
    net = network()
    matrix = scipy.sparse.coo_array(([0.0, 1.0, 2.0], ([0, 3, 3], [1, 2, 2])), shape=(4, 3))
    synapses = net.connect("a", "b", matrix).resolve(net)
    assert list(zip(synapses.sources(), synapses.targets(), synapses.weight, strict=True)) == [
        (0, 1, 0),
        (3, 2, 3),
    ]
    assert matrix.nnz == 3  # the caller's matrix is not touched


def test_values_are_kept_in_four_bytes_only_where_nothing_is_lost():
    net = network()
    pairs = [(0, 1), (1, 2)]
    exact = net.connect("a", "b", pairs, weight=[0.5, 2.0], delay=[1.25, 3.0]).resolve(net)
    inexact = net.connect("a", "b", pairs, weight=[0.1, 2.0], delay=[1e-300, 3.0]).resolve(net)
    assert exact.weight.dtype == exact.delay.dtype == np.float32
    assert inexact.weight.dtype == inexact.delay.dtype == np.float64
    assert inexact.weight.tolist() == [0.1, 2.0]
    assert inexact.delay.tolist() == [1e-300, 3.0]


def test_distributions_give_one_value_per_synapse_in_the_shape_of_the_projection():
    net = network()
    spread = {"weight": es.connect.normal(0, 1), "delay": es.connect.uniform(1, 2)}
    dense = net.connect("a", "b", **spread).resolve(net)
    assert dense.weight.shape == (4, 3)
    assert dense.delay.shape == (12,)
    assert len(set(dense.weight.ravel().tolist())) == 12
    sparse = net.connect("a", "b", es.connect.fixed_indegree(2), **spread).resolve(net)
    assert sparse.weight.shape == sparse.delay.shape == (6,)


def test_resolving_twice_gives_the_same_arrays():
    net = network(a=50, b=60)
    projection = net.connect("a", "b", es.connect.fixed_probability(0.2), weight=es.connect.normal(0, 1))
    first, second = projection.resolve(net), projection.resolve(net)
    assert first.pre.tobytes() == second.pre.tobytes()
    assert first.post.tobytes() == second.post.tobytes()
    assert first.weight.tobytes() == second.weight.tobytes()


def test_weights_and_delays_without_saying_are_one_and_nought():
    net = network()
    synapses = net.connect("a", "b").resolve(net)
    assert (synapses.dense, synapses.weight, synapses.delay, synapses.min_delay) == (True, 1.0, 0.0, 0.0)
    assert net.connect("a", "b", []).resolve(net).min_delay == math.inf


def test_populations_may_be_given_themselves():
    net = es.Network()
    a, b = net.add("a", Relay(), 2), net.add("b", Relay(), 2)
    projection = net.connect(a, b)
    assert (projection.pre, projection.post, projection.name) == ("a", "b", "a->b")
    with pytest.raises(UnknownPart, match="no population named 'a' in this network; known: none yet"):
        es.Network().connect(a, b)


def test_names_in_use_are_numbered():
    net = network()
    rules = [None, es.connect.fixed_probability(0.5), es.connect.fixed_probability(0.1)]
    assert [net.connect("a", "b", rule).name for rule in rules] == ["a->b", "a->b#2", "a->b#3"]
    assert [net.connect("a", "b", name="fast").name for _ in range(2)] == ["fast", "fast#2"]


def test_the_table_names_everything():
    net = network()
    net.connect("a", "b", es.connect.fixed_probability(0.1), weight=0.5, delay=es.connect.uniform(1, 2))
    text = net.describe()
    for word in ("'ms'", "a->b", "FixedProbability(p=0.1)", "0.5", "Uniform(low=1, high=2)", "Relay"):
        assert word in text


# --- the order of populations under zero delay


@given(st.data())
def test_zero_delay_puts_senders_first_and_refuses_circles(data):
    names = data.draw(st.permutations("abcdefg"))
    net = es.Network()
    for name in names:
        net.add(name, Relay(), 2)
    links = data.draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names), st.sampled_from([0.0, 1.0])))
    )
    for pre, post, delay in links:
        net.connect(pre, post, delay=delay, name="link")
    instant = {(pre, post) for pre, post, delay in links if delay == 0}
    reach = set(instant)  # transitive closure, by the definition
    for _ in names:
        reach |= {(i, m) for i, j in reach for k, m in instant if j == k}
    if any(i == j for i, j in reach):
        with pytest.raises(ConfigError, match="zero delay all around") as caught:
            net.zero_delay_order()
        circle = str(caught.value).removeprefix("zero delay all around ").split(";")[0].split(" -> ")
        assert circle[0] == circle[-1]
        assert all(step in instant for step in pairwise(circle))
    else:
        order = net.zero_delay_order()
        assert sorted(order) == sorted(names)
        assert all(order.index(pre) < order.index(post) for pre, post in instant)
        if all(names.index(pre) < names.index(post) for pre, post in instant):
            assert order == list(names)


def test_a_circle_is_named_in_the_direction_of_the_spikes():
    net = network(input=2, hidden=2, inhibitory=2)
    net.connect("input", "hidden")
    net.connect("hidden", "inhibitory")
    net.connect("inhibitory", "hidden", delay=[[0.0, 1.0], [1.0, 1.0]])
    with pytest.raises(ConfigError) as caught:
        net.zero_delay_order()
    assert str(caught.value) == (
        "zero delay all around hidden -> inhibitory -> hidden; give one of these projections a delay > 0"
    )


def test_what_counts_is_the_delay_of_synapses_that_exist():
    net = network(a=2, b=2)
    net.connect("a", "b")
    net.connect("b", "a", [(0, 1)], delay=[[0.0, 1.0], [0.0, 0.0]])  # zeros where there is no synapse
    net.connect("b", "a", [], delay=0.0)
    assert net.zero_delay_order() == ["a", "b"]
    assert net.zero_delay_order([p.resolve(net).min_delay for p in net.projections]) == ["a", "b"]


# --- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delay": -1}, r"delay of 'a -> b' must not be negative, got -1.0"),
        ({"delay": math.nan}, r"delay of 'a -> b' must be finite, got nan"),
        ({"delay": math.inf}, r"delay of 'a -> b' must be finite, got inf"),
        ({"delay": [1, 2, -3]}, r"delay of 'a -> b' must be at least 0, got -3.0 at 2"),
        ({"delay": [1, 2, math.nan, 4]}, r"delay of 'a -> b' must be finite, got nan at 2"),
        (
            {"delay": es.connect.normal(1, 1)},
            r"delay of 'a -> b' drawn from Normal.* can be negative; give low=0",
        ),
        ({"delay": es.connect.lognormal(-1, 1)}, "can be negative"),
        (
            {"delay": np.ones((3, 4))},
            r"delay of 'a -> b' has shape \(3, 4\), expected a number, \(4, 1\).*\(4, 3\)",
        ),
        ({"delay": [1, 2, 3, 4, 5]}, r"delay of 'a -> b' has shape \(5,\)"),
        ({"weight": math.nan}, r"weight of 'a -> b' must be finite, got nan"),
        (
            {"weight": [[0.0] * 3] * 3 + [[0, math.nan, 0]]},
            r"weight of 'a -> b' must be finite, got nan at \(3, 1\)",
        ),
        ({"weight": [[0.0] * 3] * 3 + [[0, -math.inf, 0]]}, r"got -inf at \(3, 1\)"),
        ({"weight": np.ones((3, 4))}, r"weight of 'a -> b' has shape \(3, 4\), expected \(4, 3\)"),
        ({"weight": np.ones((4, 1))}, r"weight of 'a -> b' has shape \(4, 1\), expected \(4, 3\)"),
        ({"weight": np.ones(12)}, r"weight of 'a -> b' has shape \(12,\), expected \(4, 3\)"),
        ({"weight": [[1, 2], [3]]}, "weight of 'a -> b' are rows of unequal length"),
        ({"weight": scipy.sparse.eye_array(3)}, r"weight of 'a -> b' has shape \(3, 3\), expected \(4, 3\)"),
        (
            {"weight": scipy.sparse.eye_array(4, 3), "delay": scipy.sparse.eye_array(4, 3, k=1)},
            "the sparse delay of 'a -> b' must have its 3 entries where the weight has them",
        ),
        (
            {"weight": scipy.sparse.eye_array(4, 3) * math.nan},
            "weight of 'a -> b' must be finite, got nan at 0",
        ),
        ({"rule": [(0, 0), (1, 1)], "weight": [1, 2, 3]}, r"weight of 'a -> b' has 3 values, expected 2"),
        ({"rule": [(0, 0, math.nan)]}, r"weight of 'a -> b' must be finite, got nan at 0"),
        ({"rule": [(0, 0, 1.0, -1.0)]}, r"delay of 'a -> b' must be at least 0, got -1.0 at 0"),
        ({"rule": np.ones((4, 3)), "weight": 1.0}, "has its weights twice"),
        ({"rule": [(0, 0, 1.0)], "weight": 1.0}, "has its weight twice"),
        ({"rule": [(0, 0, 1.0, 1.0)], "delay": 1.0}, "has its delay twice"),
        (
            {"rule": es.connect.all_to_all(), "weight": scipy.sparse.eye_array(4, 3)},
            "a rule and a sparse weight",
        ),
        ({"delay": scipy.sparse.eye_array(4, 3)}, "a sparse delay needs a sparse weight"),
        ({"name": "a/b"}, "a projection needs a printable name without '/', got 'a/b'"),
    ],
)
def test_weights_and_delays_that_do_not_do_are_refused_in_one_line(options, message):
    net = network()
    with pytest.raises(ValueError, match=message) as caught:
        net.connect("a", "b", **options)
    assert "\n" not in str(caught.value)
    assert net.projections == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": "strong"}, "weight of 'a -> b' must be a number, an array of numbers or a distribution"),
        ({"weight": np.ones((4, 3), complex)}, "weight of 'a -> b' must be a number"),
        ({"weight": True}, "weight of 'a -> b' must be a number"),
        ({"delay": "1 ms"}, "delay of 'a -> b' must be a number"),
        ({"rule": "all_to_all"}, "the rule of 'a -> b' must come from es.connect or be a list of tuples"),
        ({"rule": es.connect.normal(0, 1)}, "the rule of 'a -> b' must come from es.connect"),
        ({"rule": 0.5}, "the rule of 'a -> b' must come from es.connect"),
    ],
)
def test_what_is_no_number_and_no_rule_is_refused(options, message):
    with pytest.raises(TypeError, match=message):
        network().connect("a", "b", **options)


def test_an_unknown_population_is_refused_with_the_known_ones():
    with pytest.raises(UnknownPart, match="no population named 'c' in this network; known: a, b"):
        network().connect("a", "c")


def test_nothing_leads_into_a_source():
    net = network()
    net.add("noise", SOURCE, 3)
    net.connect("noise", "a")
    with pytest.raises(ConfigError, match="'a -> noise' leads into a source"):
        net.connect("a", "noise")


@pytest.mark.parametrize("name", ["", "  ", "a/b", "/", ".", "..", "a\nb", "a\0b"])
def test_names_that_cannot_be_groups_of_a_file_are_refused(name):
    with pytest.raises(ValueError, match="a population needs a printable name"):
        es.Network().add(name, Relay(), 1)


@pytest.mark.parametrize(
    ("name", "model", "n", "error", "message"),
    [
        ("a", Relay(), 2, ValueError, "there is a population 'a' already"),
        (3, Relay(), 2, TypeError, "the name of a population must be a string, got 3"),
        ("c", Relay(), 0, ValueError, "the size of 'c' must be at least 1, got 0"),
        ("c", Relay(), -1, ValueError, "the size of 'c' must be at least 1, got -1"),
        ("c", Relay(), 2**31, ValueError, "the size of 'c' must be at most 2147483647"),
        ("c", Relay(), 2.0, TypeError, "the size of 'c' must be an integer, got 2.0"),
        ("c", Relay(), True, TypeError, "the size of 'c' must be an integer, got True"),
        ("c", Relay, 2, TypeError, r"got the class; write Relay\(...\)"),
        ("c", 5, Relay(), TypeError, "the model of 'c' must be a neuron"),
        ("c", Relay(tau_mem=-1.0), 2, ValueError, "tau_mem of 'c' must be positive, got -1.0"),
    ],
)
def test_populations_that_do_not_do_are_refused(name, model, n, error, message):
    net = network()
    with pytest.raises(error, match=message):
        net.add(name, model, n)
    assert list(net.populations) == ["a", "b"]


def test_seed_and_time_unit_are_checked():
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        es.Network(seed=-1)
    with pytest.raises(TypeError, match=r"seed must be an integer, got 1\.5"):
        es.Network(seed=1.5)
    with pytest.raises(ValueError, match="time_unit must be one of s, ms, us, ns, 1, got 'sec'"):
        es.Network(time_unit="sec")
    assert es.Network(seed=np.uint32(4), time_unit="us").seed == 4


# --- parameters of units


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ([1.0, 2.0, 3.0, -1.0], {"positive": True}, "tau of 'hidden' must be positive, got -1.0 for unit 3"),
        (-1, {"positive": True}, "tau of 'hidden' must be positive, got -1.0$"),
        (0, {"positive": True}, "must be positive, got 0.0$"),
        ([0, 0, -2, 0], {"nonnegative": True}, "must not be negative, got -2.0 for unit 2"),
        (math.inf, {}, "must be finite, got inf$"),
        ([0, math.nan, 0, 0], {"allow_inf": True}, "must be a number, got nan for unit 1"),
        ([1, 2, 3, 4, 5], {}, "tau of 'hidden' has 5 values, expected 1 or 4"),
        (np.ones((4, 2)), {}, r"tau of 'hidden' has shape \(4, 2\), expected \(\) or \(4,\)"),
        ([[1, 2], [3]], {}, "tau of 'hidden' must be one number or 4"),
    ],
)
def test_parameters_that_do_not_do_are_refused_in_one_line(value, options, message):
    with pytest.raises(ValueError, match=message):
        per_unit(value, 4, "tau", "hidden", **options)


def test_parameters_are_one_number_or_a_copy_of_one_per_unit():
    assert per_unit(np.float32(2), 4, "tau", "hidden") == 2.0
    assert per_unit([3], 4, "tau", "hidden") == 3.0
    assert per_unit(math.inf, 4, "tau", "hidden", positive=True, allow_inf=True) == math.inf
    given_values = np.arange(4)
    kept = per_unit(given_values, 4, "tau", "hidden", nonnegative=True)
    given_values[:] = 9
    assert kept.tolist() == [0, 1, 2, 3]
    assert kept.dtype == np.float64
    for wrong in ("1", None, True, 1j):
        with pytest.raises(TypeError, match="tau of 'hidden' must be a number or one per unit"):
            per_unit(wrong, 4, "tau", "hidden")


def test_a_network_is_declared_without_scipy():
    code = """
import sys
import numpy as np
import eventsim as es
from types import SimpleNamespace
net = es.Network()
net.add("a", SimpleNamespace(variables=(), is_source=False), 4)
net.connect("a", "a", weight=np.ones((4, 4)), delay=es.connect.normal(1, 0.1, low=0)).resolve(net)
print("scipy" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_kind_of_a_delay_follows_from_its_declaration():
    net = network()
    kinds = {
        "uniform": 1.0,
        "axonal": es.connect.axonal([1, 2, 3, 4]),
        "dendritic": es.connect.dendritic([1, 2, 3]),
        "synaptic": np.ones((4, 3)),
    }
    for kind, delay in kinds.items():
        projection = net.connect("a", "b", delay=delay)
        assert projection.delay_kind == kind
        assert kind in repr(projection) or kind == "uniform"
        assert "\n" not in repr(projection)
    assert net.connect("a", "b", delay=es.connect.uniform(1, 2)).delay_kind == "synaptic"


def test_networks_and_simulations_have_one_line():
    net = network()
    net.connect("a", "b", weight=0.5, delay=1.0)
    assert repr(net) == "<Network: 2 populations, 7 units, 1 projection, seed 0, time in ms>"
    sim = es.Simulation(net)
    assert "\n" not in repr(sim)
    assert repr(sim).startswith("<Simulation at 0 ms: ")


def test_with_parameters_leaves_the_network_as_it_is():
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 2)
    net.add("cell", es.models.LIF(tau_mem=2.0), 3)
    net.connect("in", "cell", weight=1.0, delay=0.5)
    other = net.with_parameters({"cell": {"tau_mem": 3.0}}, {"in->cell": {"weight": np.full((2, 3), 2.0)}})
    assert (net.populations["cell"].model.tau_mem, net.projections[0].weight) == (2.0, 1.0)
    assert other.populations["cell"].model.tau_mem == 3.0
    assert other.projections[0].weight.shape == (2, 3)
    assert other.projections[0].delay == 0.5
    for arguments, message in (
        (({"cel": {"tau_mem": 3.0}},), "no population named 'cel'.*did you mean 'cell'"),
        (({"cell": {"tau_men": 3.0}},), "has no parameter 'tau_men'.*did you mean 'tau_mem'"),
        (({}, {"in->cel": {"weight": 1.0}}), "no projection named 'in->cel'.*did you mean 'in->cell'"),
        (({}, {"in->cell": {"wieght": 1.0}}), "no parameter 'wieght' to change.*did you mean 'weight'"),
    ):
        with pytest.raises(es.UnknownPart, match=message):
            net.with_parameters(*arguments)
    with pytest.raises(ValueError, match="must be positive"):
        net.with_parameters({"cell": {"tau_mem": -1.0}})


def test_old_names_work_for_one_release():
    net = es.Network()
    net.add("x", es.models.RateInput(), 1)
    net.add("y", es.models.LatentEquilibrium(tau_mem=5.0), 1)
    with pytest.warns(DeprecationWarning, match="'signal' is called 'variable' now"):
        projection = net.connect("x", "y", signal="rate")
    with pytest.warns(DeprecationWarning, match=r"Network\.learn is called Network\.add_plasticity now"):
        net.learn(projection, es.models.plasticity.ErrorTimesRate(0.1))
    with pytest.warns(DeprecationWarning, match=r"Network\.rules is called Network\.plasticity now"):
        assert net.rules == net.plasticity
    sim = es.Simulation(net, dt=0.1)
    with pytest.warns(DeprecationWarning, match=r"Simulation\.drive is called Simulation\.set_input now"):
        sim.drive("x", [1.0])
    with pytest.raises(TypeError, match="no argument 'prot'"):
        net.connect("x", "y", prot="input")

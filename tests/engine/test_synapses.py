"""Synapses as they are stored: what was declared comes back, sorted by delay, in few bytes."""

import time

import numpy as np
import pytest
import scipy.sparse
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import eventsim as es

RULES = {
    "all": es.connect.all_to_all(),
    "one": es.connect.one_to_one(),
    "probability": es.connect.fixed_probability(0.4),
    "indegree": es.connect.fixed_indegree(3),
    "outdegree": es.connect.fixed_outdegree(2),
    "pairs": es.connect.pairs([3, 0, 1, 1, 3, 3], [0, 2, 2, 1, 0, 2]),
}


def built(projection_of, n_pre=5, n_post=4, seed=0):
    """Return (declared connections, stored synapses) of the projection that `projection_of(net)` makes."""
    net = es.Network(seed=seed)
    net.add("a", es.models.SpikeSource(), n_pre)
    net.add("b", es.models.LIF(), n_post)
    projection = projection_of(net)
    sim = es.Simulation(net, schedule="ordered")
    return projection.resolve(net), sim._compiled.synapses[0]


def declared_edges(connections):
    """Return the synapses as sorted rows (pre, delay, post, weight), by the written meaning of the record."""
    c = connections
    if c.dense:
        pre, post = np.divmod(np.arange(c.n_pre * c.n_post), c.n_post)
    elif c.per_post:
        pre, post = c.pre, np.arange(len(c.pre)) // c.per_post
    elif c.per_pre:
        pre, post = np.arange(len(c.post)) // c.per_pre, c.post
    else:
        pre, post = c.pre, c.post
    weight = np.broadcast_to(np.ravel(c.weight) if np.ndim(c.weight) else c.weight, len(pre))
    delay = c.delay[pre] if c.delay_kind == "axonal" else np.broadcast_to(c.delay, len(pre))
    return sorted(zip(*(np.asarray(x, float).tolist() for x in (pre, delay, post, weight)), strict=True))


def check(connections, synapses):
    pre, post, weight, delay = synapses.edges()
    assert len(pre) == synapses.n == connections.n_syn
    assert sorted(
        zip(pre.tolist(), delay.tolist(), post.tolist(), weight.tolist(), strict=True)
    ) == declared_edges(connections)
    assert np.all(np.diff(pre) >= 0)
    assert np.all((np.diff(pre) > 0) | (np.diff(delay) >= 0)), "each source's synapses are sorted by delay"
    if len(delay) and connections.delay_kind == "axonal":  # where silent sources count too
        assert (synapses.min_delay, synapses.max_delay) == (connections.delay.min(), connections.delay.max())
    elif len(delay):
        assert (synapses.min_delay, synapses.max_delay) == (delay.min(), delay.max())


@pytest.mark.parametrize("delays", ["uniform", "axonal", "dendritic", "synaptic", "drawn", "lattice"])
@pytest.mark.parametrize("weights", ["one", "double", "single", "drawn"])
@pytest.mark.parametrize("rule", RULES)
def test_stored_synapses_are_those_declared(rule, weights, delays):
    rng = np.random.default_rng(1)
    n_pre, n_post = (4, 4) if rule == "one" else (5, 4)
    weight = {
        "one": 0.3,
        "double": rng.normal(size=(n_pre, n_post)),
        "single": rng.normal(size=(n_pre, n_post)).astype(np.float32),
        "drawn": es.connect.normal(1.0, 0.1),
    }[weights]
    delay = {
        "uniform": 1.5,
        "axonal": es.connect.axonal(rng.random(n_pre)),
        "dendritic": es.connect.dendritic(rng.random(n_post)),
        "synaptic": rng.random((n_pre, n_post)),
        "drawn": es.connect.uniform(0.5, 2.0),
        "lattice": rng.integers(0, 3, (n_pre, n_post)) / 4,
    }[delays]
    check(*built(lambda net: net.connect("a", "b", RULES[rule], weight=weight, delay=delay), n_pre, n_post))


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 3), st.floats(-9, 9), st.sampled_from([0.1, 0.5, 1.0])),
        max_size=30,
    )
)
@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.generate])
def test_listed_synapses_round_trip_with_multapses_and_silent_sources(rows):
    check(*built(lambda net: net.connect("a", "b", rows), 7, 4))


def test_sparse_matrices_round_trip():
    matrix = scipy.sparse.random(30, 20, 0.2, random_state=1, format="csr")
    delay = matrix.copy()
    delay.data = 1 + delay.data
    connections, synapses = built(lambda net: net.connect("a", "b", weight=matrix, delay=delay), 30, 20)
    check(connections, synapses)
    pre, post, weight, _ = synapses.edges()
    assert (scipy.sparse.coo_matrix((weight, (pre, post)), (30, 20)) != matrix).nnz == 0


@pytest.mark.parametrize("n_pre", [1, 4])
@pytest.mark.parametrize("n_post", [1, 4])
@pytest.mark.parametrize("kind", [es.connect.axonal, es.connect.dendritic])
def test_populations_of_one_unit_have_the_delays_declared(n_pre, n_post, kind):
    n = n_pre if kind is es.connect.axonal else n_post
    connections, synapses = built(
        lambda net: net.connect("a", "b", delay=kind(1.0 + np.arange(n))), n_pre, n_post
    )
    check(connections, synapses)
    pre, post, _, delay = synapses.edges()
    assert delay.tolist() == (1.0 + (pre if kind is es.connect.axonal else post)).tolist()


@pytest.mark.parametrize(
    ("weight", "delay", "limit"),
    [
        (1.0, 1.0, 4),
        (1.0, es.connect.axonal(np.linspace(1, 2, 1000)), 4),
        (es.connect.normal(1.0, 0.1), 1.0, 8),  # drawn as float32
        (es.connect.normal(1.0, 0.1), es.connect.uniform(1.0, 2.0), 12),
        (np.random.default_rng(0).random((1000, 1000)), 1.0, 12),
    ],
    ids=["scalars", "axonal", "weight32", "weight32-delay32", "weight64"],
)
def test_bytes_a_synapse(weight, delay, limit):
    n, k = 1000, 200
    rule = es.connect.fixed_indegree(k)
    _, synapses = built(lambda net: net.connect("a", "b", rule, weight=weight, delay=delay), n, n)
    overhead = 8 * (n + 1) + 8 * n  # where each source's synapses begin, its axonal delay
    assert synapses.n == n * k
    assert synapses.nbytes <= limit * n * k + overhead
    assert sum(array.nbytes for array in synapses.arrays.values()) == synapses.nbytes


def test_a_dense_projection_stores_no_targets():
    _, synapses = built(lambda net: net.connect("a", "b", weight=np.ones((100, 50)), delay=1.0), 100, 50)
    assert synapses.nbytes == 8 * 100 * 50


def test_ten_million_synapses_are_built_in_seconds():
    net = es.Network(seed=1)
    net.add("cells", es.models.LIF(), 10_000)
    net.connect("cells", "cells", es.connect.fixed_indegree(1000), weight=0.1, delay=1.5)
    started = time.process_time()
    sim = es.Simulation(net, schedule="windows")
    assert time.process_time() - started < 5.0
    (synapses,) = sim._compiled.synapses
    assert synapses.n == 10_000_000
    assert synapses.nbytes <= 4.1 * synapses.n
    assert np.bincount(synapses.arrays["target"], minlength=10_000).tolist() == [1000] * 10_000


def test_simulations_of_one_network_do_not_share_weights():
    net = es.Network()
    net.add("a", es.models.SpikeSource(times=[1.0], units=[0]), 2)
    net.add("b", es.models.LIFDelta(), 2)
    net.connect("a", "b", weight=np.full((2, 2), 0.5))
    one, other = es.Simulation(net, schedule="ordered"), es.Simulation(net, schedule="ordered")
    one._compiled.synapses[0].arrays["weight"][:] = 2.0
    for sim, spikes in ((one, 2), (other, 0)):
        sim.run(2.0)
        assert len(sim.spikes("b")) == spikes

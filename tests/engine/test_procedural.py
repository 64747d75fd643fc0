"""Synapses drawn from a seed at each spike: equal to stored ones, without their memory."""

import pickle

import numpy as np
import pytest

import eventsim as es

RULES = {
    "outdegree": es.connect.fixed_outdegree(20),
    "probability": es.connect.fixed_probability(0.2),
    "everything": es.connect.fixed_probability(1.0),
    "nothing": es.connect.fixed_probability(0.0),
}


def hashed(x):
    """Return splitmix64 of 64 bits, in Python's integers."""
    mask = 2**64 - 1
    x &= mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def number(key, k):
    return hashed(key + (k + 1) * 0x9E3779B97F4A7C15)


def network(storage, rule="outdegree", n=100, delay=1.5, weight=-0.05, seed=3, **options):
    net = es.Network(seed=seed)
    v_init = np.random.default_rng(seed).random(n)
    cells = es.models.LIFDelta(tau_mem=10.0, c_mem=10.0, i_ext=1.5, v_init=v_init)
    net.add("cells", cells, n)
    rule = RULES.get(rule, rule)
    net.connect("cells", "cells", rule, weight=weight, delay=delay, storage=storage, **options)
    return net


def spikes(sim, until=60.0):
    sim.run(until)
    found = sim.spikes("cells")
    return found.times, found.units


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_drawn_and_held_synapses_give_the_same_bits(rule, schedule, autapses):
    runs = [
        spikes(es.Simulation(network(storage, rule, autapses=autapses), schedule=schedule))
        for storage in ("procedural", "rows")
    ]
    assert len(runs[0][0]) > 100
    assert same(*runs)


@pytest.mark.parametrize("rule", ["outdegree", "probability"])
def test_layers_give_the_same_bits(rule):
    def run(storage, schedule):
        net = network("arrays", "nothing")
        net.add("next", es.models.LIF(tau_mem=20.0, c_mem=20.0, tau_syn=5.0, t_ref=1.0), 50)
        net.connect("cells", "next", RULES[rule], weight=0.8, delay=0.5, storage=storage)
        net.remove("cells->cells")
        sim = es.Simulation(net, schedule=schedule)
        sim.run(60.0)
        return sim.spikes("next").times, sim.spikes("next").units

    runs = [
        run(*each) for each in (("procedural", "layered"), ("rows", "layered"), ("procedural", "ordered"))
    ]
    assert len(runs[0][0]) > 20
    assert same(*runs[:2])
    assert same(*runs[1:])


@pytest.mark.parametrize("what", ["weight", "delay"])
@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_one_value_for_each_source(what, schedule):
    values = {"weight": -0.05, "delay": 1.5}
    values[what] = es.connect.axonal(np.linspace(0.5, 1.5, 100) * values[what])
    runs = [
        spikes(es.Simulation(network(storage, **values), schedule=schedule))
        for storage in ("procedural", "rows")
    ]
    assert same(*runs)


def test_targets_are_the_hash_that_is_documented():
    net = network("procedural", es.connect.fixed_outdegree(7), n=1000, autapses=False)
    sim = es.Simulation(net)
    pre, post, weight, delay = sim.weights("cells->cells")
    key = int(es.rng.sequence(3, "connect", "cells->cells", "rows").generate_state(1, np.uint64)[0])
    for source in (0, 1, 500, 999):
        draws = [number(number(key, source), j) * 999 >> 64 for j in range(7)]
        assert post[pre == source].tolist() == [t + (t >= source) for t in draws]
    assert not (pre == post).any()
    assert (weight == -0.05).all()
    assert (delay == 1.5).all()


@pytest.mark.parametrize("rule", [es.connect.fixed_outdegree(100), es.connect.fixed_probability(0.1)])
def test_targets_are_uniform_and_sources_independent(rule):
    net = network("rows", rule, n=1000)
    synapses = net.projections[0].resolve(net)
    counts = np.bincount(synapses.targets(), minlength=1000)
    # 100 draws a target: chi squared of 1000 cells has mean 999 and deviation 45 (times 0.9 for pairs).
    expected = synapses.n_syn / 1000
    spread = 1.0 if isinstance(rule, es.connect.FixedOutdegree) else 0.9
    assert abs(((counts - expected) ** 2 / expected).sum() / spread - 999) < 5 * 45
    matrix = np.zeros((1000, 1000))
    np.add.at(matrix, (synapses.sources(), synapses.targets()), 1)
    shared = (matrix[:-1] * matrix[1:]).sum(axis=1)  # targets that neighbours share: 10 on average
    assert abs(shared.mean() - 10) < 5 * np.sqrt(10 / 999)


def test_the_number_of_targets_of_pairs_is_binomial():
    net = network("rows", es.connect.fixed_probability(0.1), n=1000)
    synapses = net.projections[0].resolve(net)
    counts = np.bincount(synapses.sources(), minlength=1000)
    assert abs(counts.mean() - 100) < 5 * np.sqrt(90 / 1000)
    assert abs(counts.var() / 90 - 1) < 5 * np.sqrt(2 / 1000)
    for source in range(0, 1000, 100):  # rising, so no pair twice
        assert (np.diff(synapses.targets()[synapses.sources() == source]) > 0).all()


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_snapshots_and_copies_go_on_to_the_same_bits(schedule):
    whole = spikes(es.Simulation(network("procedural"), schedule=schedule))
    sim = es.Simulation(network("procedural"), schedule=schedule)
    sim.run(31.2)
    state, copy = sim.snapshot(), pickle.loads(pickle.dumps(sim))
    again = es.Simulation(network("procedural"), schedule=schedule)
    again.restore(state)
    assert same(spikes(sim), whole)
    assert same(spikes(copy), whole)
    late = whole[0] >= 31.2
    assert same(spikes(again), (whole[0][late], whole[1][late]))


def test_a_file_holds_the_declaration(tmp_path):
    sim = es.Simulation(network("procedural"))
    before = spikes(sim)
    sim.save(tmp_path / "run.h5")
    net = es.io.load(tmp_path / "run.h5").network()
    assert net.projections[0].storage == "procedural"
    assert same(spikes(es.Simulation(net)), before)


def test_a_state_is_of_one_storage_only():
    sim = es.Simulation(network("procedural"), schedule="ordered")
    with pytest.raises(es.ConfigError, match="another structure"):
        es.Simulation(network("arrays"), schedule="ordered").restore(sim.snapshot())


def test_memory_does_not_grow_with_the_synapses():
    sizes = []
    for k in (10, 1000):
        sim = es.Simulation(network("procedural", es.connect.fixed_outdegree(k), n=2000, weight=-1e-4))
        sim.run(20.0)
        sizes.append(sim._compiled.synapses[0].nbytes)
    assert sizes[1] < 2000 * 1000  # bytes, for two million synapses: a window's arrivals at most
    ordered = es.Simulation(
        network("procedural", es.connect.fixed_outdegree(1000), n=2000), schedule="ordered"
    )
    ordered.run(5.0)
    assert ordered._compiled.synapses[0].nbytes == 4 * 2**16


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"storage": "virtual"},
            ValueError,
            "storage of 'cells -> cells' must be one of arrays, rows, procedural",
        ),
        (
            {"rule": es.connect.fixed_indegree(3)},
            es.ConfigError,
            "by fixed_outdegree or fixed_probability, got",
        ),
        ({"multapses": False}, es.ConfigError, "fixed_outdegree with repetition; for multapses=False"),
        ({"weight": es.connect.normal(0.0, 1.0)}, es.ConfigError, "holds no weight of a synapse: weight of"),
        ({"delay": es.connect.uniform(1.0, 2.0)}, es.ConfigError, "holds no delay of a synapse: delay of"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(given, error, message):
    with pytest.raises(error, match=message) as caught:
        network(**({"storage": "procedural"} | given))
    assert "\n" not in str(caught.value)


def test_plasticity_and_changes_of_weights_are_refused_in_one_line():
    net = network("procedural")
    net.add_plasticity("cells->cells", es.models.plasticity.PairSTDP())
    with pytest.raises(es.ConfigError, match=r"are drawn at each spike .* keep no weight that could change"):
        es.Simulation(net, schedule="ordered")
    sim = es.Simulation(network("procedural"))
    with pytest.raises(
        es.ConfigError, match=r"are drawn at each spike .*; storage='rows' holds the same ones"
    ):
        sim.set_weights("cells->cells", 0.5)
    sim.run(1.0)


def test_rates_are_not_drawn():
    net = es.Network()
    net.add("a", es.models.LatentEquilibrium(), 3)
    with pytest.raises(es.ConfigError, match="is for projections of spikes"):
        net.connect("a", "a", es.connect.fixed_outdegree(1), storage="procedural")


def test_a_changed_projection_is_checked_again():
    net = network("procedural")
    with pytest.raises(es.ConfigError, match="holds no weight of a synapse"):
        net.change("cells->cells", weight=np.ones((100, 100)))
    net.change("cells->cells", weight=0.0)
    assert net.projections[0].storage == "procedural"

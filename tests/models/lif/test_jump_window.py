"""Windows over neurons without synaptic current: the bits of the general way, in slices and after changes."""

import numpy as np
import pytest

import eventsim as es

END = 120.0


def network(seed):
    """Return a random recurrent network of neurons without synaptic current."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    n = int(rng.choice([1, 63, 64, 65, 200]))
    model = es.models.LIFDelta(
        tau_mem=10.0,
        c_mem=10.0,
        t_ref=rng.choice([0.0, 0.5, 3.0]) if rng.random() < 0.7 else rng.uniform(0.0, 4.0, n),
        v_reset=rng.choice([0.0, -0.4]),
        v_th=rng.uniform(0.8, 1.2, n) if rng.random() < 0.4 else 1.0,
        i_ext=rng.choice([0.0, 0.8, 1.3]),
        v_init=rng.uniform(-0.5, 1.3, n),
    )
    net.add("input", es.models.Poisson(rate=rng.uniform(50.0, 300.0)), 8)
    net.add("cells", model, n)
    net.connect("input", "cells", weight=rng.uniform(-0.1, 0.4, (8, n)), delay=rng.uniform(0.5, 3.0))
    delay = [1.1, es.connect.uniform(0.8, 2.5), es.connect.axonal(rng.uniform(1.0, 2.0, n))]
    weight = [-0.2, 0.1, es.connect.normal(0.0, 0.1)]
    rule = es.connect.fixed_probability(min(1.0, 20.0 / n))
    options = {"weight": weight[rng.integers(3)], "delay": delay[rng.integers(3)]}
    net.connect("cells", "cells", rule, **options)
    if rng.random() < 0.5:
        drawn = {"weight": -0.15, "delay": 1.6, "storage": "procedural"}
        net.connect("cells", "cells", es.connect.fixed_outdegree(3), name="drawn", **drawn)
    return net


def generally(net):
    """Return a simulation that a recording, at time 0 alone, holds to the way for all neurons."""
    sim = es.Simulation(net, schedule="windows")
    sim.record("cells", "v", every=1e6)
    return sim


def assert_same_bits(sim, wanted):
    found, expected = sim.spikes("cells"), wanted.spikes("cells")
    assert len(expected) > 0
    assert np.array_equal(found.units, expected.units)
    assert np.array_equal(found.times, expected.times)


@pytest.mark.parametrize("seed", range(40))
def test_spikes_have_the_bits_of_the_general_way_in_every_slicing(seed):
    net, rng = network(seed), np.random.default_rng(500 + seed)
    wanted = generally(net)
    wanted.run(END)
    whole, sliced = es.Simulation(net, schedule="windows"), es.Simulation(net, schedule="windows")
    whole.run(END)
    for end in (*np.sort(rng.uniform(0.0, END, 7)), END):
        sliced.run(end)
        if rng.random() < 0.5:
            sliced.restore(sliced.snapshot())
    assert_same_bits(whole, wanted)
    assert_same_bits(sliced, wanted)
    state, other = whole.snapshot(), wanted.snapshot()
    for name, values in state["body"]["populations"]["cells"].items():
        assert np.array_equal(values, other["body"]["populations"]["cells"][name]), name


def test_the_general_way_is_another_one():
    net, held = network(3), []
    for sim in (es.Simulation(net, schedule="windows"), generally(net)):
        sim.run(1.0)
        sim.run(20 * sim._compiled.sweeps.width)  # in the middle of a window nothing is held
        held.append(sim._compiled.populations["cells"].jumps.loaded)
    assert held == [True, False]


@pytest.mark.parametrize("seed", range(10))
def test_first_spikes_are_those_of_the_ordered_schedule(seed):
    net = network(seed)
    found = {}
    for schedule in ("windows", "ordered"):
        sim = es.Simulation(net, schedule=schedule)
        sim.run(40.0)
        found[schedule] = sim.spikes("cells")
    order = [np.lexsort((spikes.times, spikes.units)) for spikes in found.values()]
    windows, ordered = (s.times[o] for s, o in zip(found.values(), order, strict=True))
    assert len(windows) > 0
    assert np.array_equal(found["windows"].units[order[0]], found["ordered"].units[order[1]])
    assert np.abs(windows - ordered).max() < 1e-9  # sums in another order; 40 ms let it grow


def test_parameters_may_change_between_runs():
    def run(sim):
        for k in range(4):
            sim.run(25.0 * (k + 1) + 0.3 * k)
            sim.set("cells", v_th=1.0 + 0.05 * k, t_ref=0.4 * k)

    net = network(3)
    sim, wanted = es.Simulation(net, schedule="windows"), generally(net)
    run(sim)
    run(wanted)
    assert_same_bits(sim, wanted)

"""Voltage-based plasticity, against scipy's integration of the neuron and of the weights' equations."""

import copy
import pickle

import numpy as np
import pytest

import eventsim as es
from eventsim.models import ClopathAdEx
from eventsim.models.plasticity import VoltageSTDP
from reference.clopath import integrated

FAST = {"a_ltp": 8e-4, "a_ltd": 14e-4, "w_max": 3.0}
KINDS = {
    "constant": VoltageSTDP(**FAST),
    "homeostatic": VoltageSTDP(**FAST, u_ref_squared=4000.0, theta_minus=-69.0),
    "no delay": VoltageSTDP(**FAST, delay_u_bars=0.0, tau_x=4.0),
    "low threshold": VoltageSTDP(**FAST, theta_plus=-64.0, theta_minus=-68.0, delay_u_bars=1.3),
    "bounds": VoltageSTDP(a_ltp=3e-2, a_ltd=14e-3, w_min=0.3, w_max=2.5),
}


def trains(seed, n, until, n_spikes):
    rng = np.random.default_rng(seed)
    return [np.sort(rng.uniform(2.0, until, n_spikes)) for _ in range(n)]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_of_the_integrated_equations(kind):
    rule, n, until, delay = KINDS[kind], 3, 160.0, 1.5
    model = ClopathAdEx(t_ref=1.0)
    pre, teacher = trains(len(kind), n, until - 10.0, 8), trains(9, 1, until, 14)[0]
    before = np.random.default_rng(3).uniform(0.5, 2.4, n)
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=[list(times) for times in pre]), n)
    net.add("teacher", es.models.SpikeSource(times=[list(teacher)]), 1)
    net.add("cell", model, 1)
    net.connect("input", "cell", weight=before[:, None], delay=delay)
    net.connect("teacher", "cell", weight=22.0, delay=0.5)
    net.add_plasticity("input->cell", rule)
    sim = es.Simulation(net)
    inputs = [(time + delay, k) for k in range(n) for time in pre[k]] + [(time + 0.5, n) for time in teacher]
    inputs = sorted(each for each in inputs if each[0] < until)
    sim.run(until)
    spikes, wanted, _ = integrated(model, rule, inputs, (before, [22.0]), until)
    found = sim.weights("input->cell")[2]
    assert len(spikes) >= 2
    np.testing.assert_allclose(sim.spikes("cell").times, spikes, rtol=0, atol=1e-7)
    assert np.abs(wanted - before).max() > 0.02
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)
    if kind == "bounds":
        assert (found == rule.w_max).any()


def network(rule=None, n=6, delay=1.5):
    """Return a recurrent network of cells that noise drives, all recurrent synapses plastic."""
    rng = np.random.default_rng(5)
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=300.0), n)
    net.add("cells", ClopathAdEx(), n)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=7.0, delay=0.5)
    net.connect("cells", "cells", weight=rng.uniform(0.5, 2.0, (n, n)), delay=delay, name="plastic")
    net.add_plasticity("plastic", rule or VoltageSTDP(**FAST))
    return net


DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 9.0, (6, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 9.0, (6, 6)),
}


@pytest.mark.parametrize("delays", DELAYS)
def test_reading_slices_snapshots_copies_and_pickles_change_no_bit(delays, tmp_path):
    whole = es.Simulation(network(delay=DELAYS[delays]))
    first = whole.weights("plastic")[2]
    whole.run(500.0)
    assert len(whole.spikes("cells")) > 20
    assert np.abs(whole.weights("plastic")[2] - first).max() > 0.02
    sliced = es.Simulation(network(delay=DELAYS[delays]))
    for end in sorted([0.3, 77.7, 140.0, *(whole.spikes("cells").times[5:9] + 0.7), 333.3]):
        sliced.run(end)
        sliced.weights("plastic")
    resumed = es.Simulation(network(delay=DELAYS[delays]))
    resumed.restore(sliced.snapshot())
    for sim in (pickle.loads(pickle.dumps(sliced)), copy.deepcopy(sliced), resumed, sliced):
        sim.run(500.0)
        np.testing.assert_array_equal(sim.weights("plastic")[2], whole.weights("plastic")[2])
    np.testing.assert_array_equal(sliced.spikes("cells").times, whole.spikes("cells").times)
    whole.save(tmp_path / "run.h5")
    loaded = es.io.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(
        np.sort(np.ravel(loaded.parameters["weight/plastic"])), np.sort(whole.weights("plastic")[2])
    )
    again = es.Simulation(loaded.network())
    assert again.net.plasticity[0][1] == VoltageSTDP(**FAST)


def test_a_weight_that_is_read_is_that_of_a_run_that_ends_there():
    """In the middle of a spike, where weights grow all the time."""
    sim = es.Simulation(network())
    sim.run(500.0)
    spike = sim.spikes("cells").times[10]
    fine = es.Simulation(network())
    changes = []
    for end in spike + np.linspace(0.0, 2.0, 9):
        fine.run(end)
        changes.append(fine.weights("plastic")[2])
        coarse = es.Simulation(network())
        coarse.run(end)
        np.testing.assert_array_equal(coarse.weights("plastic")[2], changes[-1])
    assert (np.diff([np.max(each - changes[0]) for each in changes]) > 0).any()


def test_two_rules_with_delays_of_their_own_look_at_one_population():
    def simulation(rules):
        net = es.Network(seed=3)
        net.add("noise", es.models.Poisson(rate=300.0), 4)
        net.add("cells", ClopathAdEx(), 4)
        net.connect("noise", "cells", es.connect.one_to_one(), weight=7.0, delay=0.5)
        for name in "ab":
            net.add(name, es.models.Poisson(rate=40.0), 3)
            net.connect(name, "cells", weight=1e-9, delay=1.0)
            if name in rules:
                net.add_plasticity(
                    f"{name}->cells", VoltageSTDP(1e-12, 1e-11, delay_u_bars=rules[name], w_max=1e-8)
                )
        sim = es.Simulation(net)
        sim.run(400.0)
        return {name: sim.weights(f"{name}->cells")[2] for name in rules}

    both, a, b = simulation({"a": 2.0, "b": 8.0}), simulation({"a": 2.0}), simulation({"b": 8.0})
    np.testing.assert_allclose(both["a"], a["a"], rtol=1e-6)
    np.testing.assert_allclose(both["b"], b["b"], rtol=1e-6)
    assert np.ptp(both["a"]) > 1e-11


def test_weights_that_are_set_go_on_from_there():
    between, scheduled = es.Simulation(network()), es.Simulation(network())
    between.run(150.0)
    between.set_weights("plastic", 1.25)
    np.testing.assert_array_equal(between.weights("plastic")[2], 1.25)
    between.run(300.0)
    scheduled.at(150.0, lambda sim: sim.set_weights("plastic", 1.25))
    scheduled.run(300.0)
    np.testing.assert_array_equal(between.weights("plastic")[2], scheduled.weights("plastic")[2])
    assert np.ptp(between.weights("plastic")[2]) > 1e-4


def test_a_long_silence_leaves_the_trace_and_the_integral_exact():
    """The target's integral begins anew after ten time constants; the weight must not notice."""

    def simulation(extra):
        net = es.Network()
        net.add("input", es.models.SpikeSource(times=[[30.0, 5000.0]]), 1)
        net.add("teacher", es.models.SpikeSource(times=[[20.0, 38.0, *extra]]), 1)
        net.add("cell", ClopathAdEx(), 1)
        net.connect("input", "cell", weight=0.5)
        net.connect("teacher", "cell", weight=40.0)
        net.add_plasticity("input->cell", VoltageSTDP(**FAST))
        return es.Simulation(net)

    sim = simulation([])
    sim.run(100.0)
    early = sim.weights("input->cell")[2]
    sim.run(4000.0)
    np.testing.assert_allclose(sim.weights("input->cell")[2], early, rtol=1e-12)
    other = simulation([1000.0, 2000.0, 3000.0])
    other.run(4000.0)
    np.testing.assert_allclose(other.weights("input->cell")[2], early, rtol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tau_x": 0}, "tau_x must be positive, got 0"),
        ({"tau_x": float("nan")}, "tau_x must be"),
        ({"a_ltp": -1.0}, "a_ltp must be"),
        ({"u_ref_squared": 0.0}, "u_ref_squared must be positive, got 0.0"),
        ({"w_min": 2.0, "w_max": 1.0}, "w_min must be below w_max, got 2.0 and 1.0"),
        ({"w_max": float("nan")}, "w_max must be"),
        ({"delay_u_bars": float("inf")}, "delay_u_bars must be"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as error:
        VoltageSTDP(**wrong)
    assert "\n" not in str(error.value)


def test_other_targets_weights_and_schedules_are_refused_in_one_line():
    net = es.Network()
    net.add("input", es.models.Poisson(rate=100.0), 3)
    net.add("cells", es.models.AdEx(synapse="delta"), 3)
    net.connect("input", "cells", weight=0.5, delay=1.0)
    net.add_plasticity("input->cells", VoltageSTDP())
    with pytest.raises(es.ConfigError, match="needs targets that are ClopathAdEx; 'cells' is not"):
        es.Simulation(net).run(1.0)
    with pytest.raises(es.ConfigError, match="must lie between w_min = 0 and w_max = 1, got 1"):
        es.Simulation(network(VoltageSTDP(w_max=1.0))).run(1.0)
    with pytest.raises(es.ConfigError, match="voltage-based plasticity needs the ordered schedule"):
        es.Simulation(network(), schedule="windows").run(1.0)


def test_a_damaged_state_is_refused():
    sim = es.Simulation(network())
    sim.run(50.0)
    for name, wrong in (("base", 5.0), ("total", np.nan), ("pieces", np.nan), ("n_pieces", 1000)):
        state = sim.snapshot()
        part = next(p for p in state["body"]["handlers"].values() if isinstance(p, dict) and name in p)
        part[name].flat[0] = wrong
        with pytest.raises(ValueError, match=name):
            sim.restore(state)
    state = sim.snapshot()
    part = next(p for p in state["body"]["handlers"].values() if isinstance(p, dict) and "pieces" in p)
    part["pieces"] = part["pieces"][:, :0]
    with pytest.raises(ValueError, match="'pieces' in the state of cells must have shape"):
        sim.restore(state)

"""Resets in place and batches give what new simulations give, to the bit."""

import numpy as np
import pytest

import eventsim as es
from eventsim.population import OutputFilter
from eventsim.simulation.rewinding import Beginning

SCHEDULES = ("ordered", "windows", "layered")


def random_network(seed, schedule):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    n = int(rng.integers(3, 12))
    net.add("input", es.models.SpikeSource(), 4)
    net.add("clock", es.models.Regular(period=float(rng.uniform(0.5, 2.0))), 2)
    net.add("noise", es.models.Poisson(rate=float(rng.uniform(0.1, 0.9))), n)
    tau = rng.uniform(0.5, 3.0, n) if schedule != "windows" else float(rng.uniform(0.5, 3.0))
    net.add("a", es.models.LIF(tau_mem=tau, t_ref=float(rng.uniform(0, 1)), i_ext=0.3), n)
    net.add("b", es.models.LIFDelta(v_init=1.5, first_spike_only=bool(seed % 2)), 3)
    net.connect("input", "a", weight=rng.normal(1.0, 1.0, (4, n)), delay=0.1)
    net.connect("clock", "a", weight=rng.normal(0.5, 0.5, (2, n)), delay=rng.uniform(0.1, 0.4, (2, n)))
    net.connect("noise", "a", es.connect.one_to_one(), weight=0.5, delay=0.2)
    net.connect("a", "b", weight=rng.normal(0.3, 0.3, (n, 3)), delay=0.3)
    if schedule != "layered":
        net.connect("a", "a", weight=rng.normal(0.0, 0.4, (n, n)), delay=0.25)
    return net, rng


def record(sim):
    sim.record("a", "v", every=0.37)
    if sim.schedule == "ordered":
        sim.record("b", "v")


def result(sim):
    found = [np.concatenate([sim.spikes(p).times, sim.spikes(p).units]) for p in sim.net.populations]
    for population, variable in sim._recordings:
        samples = sim.trace(population, variable)
        found += [samples.times, samples.values]
    return found


def same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x, y, equal_nan=True)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("seed", range(6))
def test_a_reset_in_place_equals_a_new_simulation(seed, schedule):
    net, rng = random_network(seed, schedule)
    again = es.Simulation(net, schedule=schedule)
    record(again)
    again.reset()
    built = again._compiled
    for _ in range(4):
        times, units = rng.uniform(0, 6, 9), rng.integers(0, 4, 9)
        until = float(rng.uniform(3, 8))
        fresh = es.Simulation(net, schedule=schedule)
        record(fresh)
        for sim in (fresh, again):
            sim.stimulate("input", times, units)
            sim.run(until / 3)
            sim.stimulate("input", [until / 2], [1])
            sim.run(until)
        same(result(fresh), result(again))
        assert sum(map(len, result(fresh)[:5])) > 0
        again.reset()
        assert again._compiled is built, "it was built again"
        assert again.now == 0.0
        assert not len(again.spikes("a"))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_batch_equals_new_simulations_on_any_number_of_threads(schedule):
    net, rng = random_network(3, schedule)
    first = np.where(rng.random((7, 4)) < 0.2, np.inf, rng.uniform(0, 4, (7, 4)))
    sim = es.Simulation(net, schedule=schedule)
    record(sim)
    found = [sim.run_batch({"input": first}, 5.0, threads=k) for k in (1, 2, 3, 50)]
    for k in range(7):
        fresh = es.Simulation(net, schedule=schedule)
        record(fresh)
        fresh.stimulate("input", first[k], np.arange(4))
        fresh.run(5.0)
        for batch in found:
            assert len(batch) == 7
            for name in net.populations:
                one, other = fresh.spikes(name), batch.spikes(name)[k]
                same([one.times, one.units], [other.times, other.units])
            same([fresh.trace("a", "v").values], [batch.trace("a", "v")[k].values])
    assert sim.now == 0.0


def test_other_recordings_after_a_reset_are_those_of_a_new_simulation():
    net, _ = random_network(2, "ordered")
    again, fresh = (es.Simulation(net, schedule="ordered") for _ in range(2))
    again.run(3.0)
    again.reset()
    for sim in (again, fresh):
        record(sim)
        sim.stimulate("input", [0.5, 1.5], [0, 1])
    fresh.run(4.0)
    again.run(4.0)
    same(result(again), result(fresh))
    again.reset()
    again.stimulate("input", [0.5, 1.5], [0, 1])
    again.run(4.0)
    same(result(again), result(fresh))


def test_what_may_have_been_changed_is_built_again():
    net, _ = random_network(2, "ordered")
    sim = es.Simulation(net, schedule="ordered")
    sim.reset()
    before = sim.engine
    before.schedule(1.0, before.register(lambda engine, event: None))
    sim.reset()
    assert sim.engine is not before
    sim.reset()
    sim.handler("a").add_hook(lambda time, unit: pytest.fail("the hook is still there"))
    sim.reset()
    sim.stimulate("input", [0.5], [0])
    sim.run(3.0)
    assert len(sim.spikes("a"))


class Unknown(OutputFilter):
    bus = None


class OtherWayOut:
    """Hardware whose transmissions say nothing of their state."""

    def transform(self, network, trial=0):
        return network

    def transmissions(self, network, trial=0):
        return {"a": Unknown()}


def test_parts_of_unknown_state_are_built_again():
    plain = es.Network()
    plain.add("input", es.models.SpikeSource(), 1)
    plain.add("a", es.models.LIF(), 1)
    assert Beginning.of(plain, es.Simulation(plain)._build()) is not None
    chip = es.Simulation(plain, hardware=OtherWayOut())
    chip.reset()
    assert chip._beginning is None
    plain.connect("input", "a", weight=1.0)
    compiled = es.Simulation(plain)._build()
    plain.plasticity.append(("input->a", object()))
    assert Beginning.of(plain, compiled) is None


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({}, ValueError, "a batch needs input spikes of at least one source, got none"),
        ({"a": [[1.0]]}, es.UnknownPart, "input spikes are given for 'a'; sources: input"),
        ({"input": np.zeros((0, 4))}, ValueError, "'input' hold no samples"),
        ({"input": np.full((2, 4), -1.0)}, ValueError, "must be at times >= 0 or inf, got -1.0"),
        ([1.0], TypeError, "inputs must be a mapping of sources to their spikes"),
    ],
)
def test_bad_inputs_of_a_batch(inputs, error, message):
    net, _ = random_network(1, "ordered")
    with pytest.raises(error, match=message):
        es.Simulation(net).run_batch(inputs, 1.0)


def test_a_batch_names_what_it_does_not_have():
    net, _ = random_network(1, "ordered")
    sim = es.Simulation(net)
    batch = sim.run_batch({"input": [([0.5, 1.0], [0, 0]), ([], [])]}, 2.0)
    assert batch.spikes("input").counts()[:, 0].tolist() == [2, 0]
    with pytest.raises(es.UnknownPart, match=r"no spikes of 'inputs'; .*did you mean 'input'"):
        batch.spikes("inputs")
    with pytest.raises(es.UnknownPart, match="'v' of 'a' is not recorded in the batch; recorded: nothing"):
        batch.trace("a", "v")
    with pytest.raises(ValueError, match="threads"):
        sim.run_batch({"input": np.zeros((1, 4))}, 2.0, threads=0)
    sim.on_spike("a", print)
    with pytest.raises(es.ConfigError, match="on one thread, got threads=2"):
        sim.run_batch({"input": np.zeros((2, 4))}, 2.0, threads=2)


def changing(sim, rng):
    """Change what can be changed, at random, now and later in the run."""
    n = sim.net.populations["a"].n

    def change(sim):
        sim.set("a", v_th=float(rng.uniform(0.8, 1.2)), units=[0, 1] if sim.schedule != "windows" else None)
        sim.set("noise", rate=float(rng.uniform(0.1, 0.9)))
        sim.set_weights("input->a", rng.normal(1.0, 1.0, (4, n)))
        sim.set_weights("noise->a", float(rng.uniform(0.2, 0.6)))

    change(sim)
    sim.at(1.7, change)
    sim.at(2.9, lambda sim: sim.set_weights("clock->a", 0.25))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("seed", range(4))
def test_changes_are_taken_back_in_place(seed, schedule):
    net, rng = random_network(seed, schedule)
    again = es.Simulation(net, schedule=schedule)
    record(again)
    again.reset()
    built = again._compiled
    for k in range(3):
        times, units = rng.uniform(0, 5, 9), rng.integers(0, 4, 9)
        for changed in (True, False):
            fresh = es.Simulation(net, schedule=schedule)
            record(fresh)
            for sim in (fresh, again):
                if changed:
                    changing(sim, np.random.default_rng(k))
                sim.stimulate("input", times, units)
                sim.run(2.3)
                sim.run(5.0)
            same(result(fresh), result(again))
            assert fresh._changes.lines == again._changes.lines
            again.reset()
            assert again._compiled is built, "it was built again"
            assert not again._changes.lines
            assert not again._agenda.entries
            assert again.get("a", "v_th") == 1.0


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_other_delays_are_taken_back(schedule):
    net, _ = random_network(1, schedule)
    again, fresh = (es.Simulation(net, schedule=schedule) for _ in range(2))
    again.reset()
    again.set_delays("input->a", 0.3)
    again.run(2.0)
    again.reset()
    for sim in (again, fresh):
        sim.stimulate("input", [0.5, 1.5], [0, 1])
        sim.run(4.0)
    same(result(again), result(fresh))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_samples_with_parameters_of_their_own_equal_simulations_with_these(schedule):
    net, rng = random_network(3, schedule)
    first = rng.uniform(0, 4, (7, 4))
    thresholds = rng.uniform(0.8, 1.3, 7)

    def prepare(sim, sample):
        sim.set("a", v_th=float(thresholds[sample]))
        sim.at(2.0, lambda sim: sim.set("a", i_ext=0.1 * sample))

    def after(sim, sample):
        return sample, sim.get("a", "i_ext"), sim.now

    sim = es.Simulation(net, schedule=schedule)
    found = [
        sim.run_batch({"input": first}, 5.0, prepare=prepare, after=after, threads=threads)
        for threads in (1, 3)
    ]
    for k in range(7):
        fresh = es.Simulation(net, schedule=schedule)
        fresh.stimulate("input", first[k], np.arange(4))
        prepare(fresh, k)
        fresh.run(5.0)
        for batch in found:
            for name in net.populations:
                one, other = fresh.spikes(name), batch.spikes(name)[k]
                same([one.times, one.units], [other.times, other.units])
    for batch in found:
        assert batch.results == [(k, 0.1 * k, 5.0) for k in range(7)]
    assert sim.run_batch({"input": first[:1]}, 1.0).results == []


def test_what_is_called_for_each_sample_must_be_a_function():
    net, _ = random_network(1, "ordered")
    with pytest.raises(TypeError, match=r"prepare is called as prepare\(simulation, sample\), got 3"):
        es.Simulation(net).run_batch({"input": np.zeros((1, 4))}, 1.0, prepare=3)


@pytest.mark.parametrize(
    "hardware", ["brainscales2,device_seed=3", "jitter,sigma=0.2", "spike-loss,probability=0.2"]
)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_batch_on_hardware_equals_new_simulations_on_it(schedule, hardware):
    net = es.Network(seed=5)
    rng = np.random.default_rng(5)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("a", es.models.LIF(tau_mem=10.0, tau_syn=10.0, t_ref=1.0), 6)
    net.add("b", es.models.LIF(tau_mem=10.0, tau_syn=10.0), 3)
    net.connect("input", "a", weight=rng.uniform(0.2, 1.0, (4, 6)), delay=20.0)
    net.connect("a", "b", weight=rng.uniform(0.0, 0.5, (6, 3)), delay=20.0)
    first = [(rng.uniform(0, 20, 30), rng.integers(0, 4, 30)) for _ in range(5)]
    sim = es.Simulation(net, hardware, schedule)
    sim.record("b", "v", every=0.7)
    batches = [sim.run_batch({"input": first}, 90.0, threads=threads) for threads in (1, 2)]
    built = sim._compiled
    batches.append(sim.run_batch({"input": first}, 90.0))
    assert sim._compiled is built, "it was built again"
    for k, sample in enumerate(first):
        fresh = es.Simulation(net, hardware, schedule)
        fresh.record("b", "v", every=0.7)
        fresh.stimulate("input", sample)
        fresh.run(90.0)
        assert len(fresh.spikes("b"))
        for batch in batches:
            for name in net.populations:
                one, other = fresh.spikes(name), batch.spikes(name)[k]
                same([one.times, one.units], [other.times, other.units])
            same([fresh.trace("b", "v").values], [batch.trace("b", "v")[k].values])

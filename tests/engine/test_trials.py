"""Trials: each draws its own noise, and everything else of the network stays."""

import copy

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError


class Noise(es.TickModel):
    """A population in Python whose rates are drawn anew in every tick."""

    def begin(self, batch, n, dt, rng):
        self.rng = rng
        self.shape = (batch, n)

    def step(self, t, dt, inputs):
        return self.rng.normal(size=self.shape)


def poisson_network():
    net = es.Network(seed=4)
    net.add("in", es.models.Poisson(rate=300.0), 6)
    net.add("cells", es.models.LIF(), 5)
    net.connect(
        "in",
        "cells",
        es.connect.fixed_indegree(4),
        weight=es.connect.normal(3.0, 1.0),
        delay=es.connect.uniform(0.5, 2),
    )
    return net


def all_spikes(sim):
    return [(s.times.tolist(), s.units.tolist()) for s in (sim.spikes("in"), sim.spikes("cells"))]


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_trials_have_other_poisson_spikes_and_the_same_synapses(schedule):
    seen = []
    for trial in (0, 1, 2, 1):
        sim = es.Simulation(poisson_network(), schedule=schedule, trial=trial)
        sim.run(100.0)
        seen.append(all_spikes(sim))
        assert all(
            np.array_equal(a, b)
            for a, b in zip(
                sim.weights("in->cells"), es.Simulation(poisson_network()).weights("in->cells"), strict=True
            )
        )
    assert seen[1] == seen[3]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not {*seen[first][0][0]} & {*seen[second][0][0]}


def test_trial_0_is_the_run_without_a_trial():
    plain, zero = es.Simulation(poisson_network()), es.Simulation(poisson_network(), trial=0)
    plain.run(100.0)
    zero.run(100.0)
    assert all_spikes(plain) == all_spikes(zero)


def test_trials_of_poisson_counts_are_independent():
    counts = []
    for trial in range(60):
        net = es.Network(seed=1)
        net.add("in", es.models.Poisson(rate=100.0), 20)
        sim = es.Simulation(net, trial=trial)
        sim.run(1000.0)
        counts.append(np.bincount(sim.spikes("in").units, minlength=20))
    counts = np.array(counts)
    # 60 x 20 counts of mean 100 and variance 100: their mean is known to 0.29, their variance to 4 %.
    assert counts.mean() == pytest.approx(100.0, abs=1.2)
    assert counts.var() == pytest.approx(100.0, rel=0.17)
    correlation = np.corrcoef(counts)[np.triu_indices(60, 1)]
    assert abs(correlation.mean()) < 0.03  # 1 / sqrt(20 * 1770) = 0.005


def continuous(kind):
    net = es.Network(seed=2)
    if kind == "rate-spikes":
        net.add("rates", es.models.RateInput(), 3)
        net.add("out", es.models.RateSpikes(scale=0.3), 3)
        net.connect("rates", "out", es.connect.one_to_one(), weight=1.0)
    elif kind == "rate noise":
        net.add("out", es.models.LatentEquilibrium(noise=0.3), 3)
    else:
        net.add("out", Noise(), 3)
    return net


def course(kind, trial):
    sim = es.Simulation(continuous(kind), dt=1.0, trial=trial)
    if kind == "rate-spikes":
        sim.set_input("rates", np.ones(3))
        sim.run(200.0)
        return sim.spikes("out").times.tolist()
    sim.record("out", "rate", every=1.0)
    sim.run(50.0)
    return sim.trace("out", "rate").values.ravel().tolist()


@pytest.mark.parametrize("kind", ["rate-spikes", "rate noise", "tick model"])
def test_whatever_draws_in_a_run_draws_anew_in_a_trial(kind):
    zero, one, again = course(kind, 0), course(kind, 1), course(kind, 1)
    assert len(zero) > 20
    assert one == again
    assert one != zero


def test_kernels_of_plasticity_draw_anew_in_a_trial():
    def kernel(rows):
        drawn.append(rows.random.random())

    for trials, differ in (((0, 0), False), ((0, 1), True)):
        seen = []
        for trial in trials:
            drawn = []
            net = es.Network(seed=3)
            net.add("in", es.models.Regular(period=5.0), 4)
            net.add("cell", es.models.LIF(), 2)
            p = net.connect("in", "cell", [(0, 0, 1.0), (1, 1, 2.0)], delay=1.0)
            net.add_plasticity(p, es.models.plasticity.PlasticityKernel(kernel, period=10.0))
            es.Simulation(net, trial=trial).run(35.0)
            seen.append(drawn)
        assert len(seen[0]) == 3
        assert (seen[0] != seen[1]) is differ


def test_hardware_and_sources_take_the_trial():
    seen = []
    for trial in (0, 1):
        sim = es.Simulation(poisson_network(), hardware="jitter,sigma=0.1", trial=trial)
        sim.run(50.0)
        seen.append(sim.spikes("in").times.tolist())
    assert seen[0] != seen[1]


@pytest.mark.parametrize("trial", [-1, 1.0, "1", None, True, 2**63])
def test_a_trial_is_a_whole_number(trial):
    with pytest.raises(ValueError, match="trial must be a whole number"):
        es.Simulation(poisson_network(), trial=trial)


def test_a_state_goes_on_in_its_trial_only():
    whole = es.Simulation(poisson_network(), trial=3)
    whole.run(100.0)
    half = es.Simulation(poisson_network(), trial=3)
    half.run(40.0)
    state = half.snapshot()
    assert state["trial"] == 3
    again = es.Simulation(poisson_network(), trial=3)
    again.restore(state)
    again.run(100.0)
    late = whole.spikes("cells").times
    assert again.spikes("cells").times.tolist() == late[late >= 40.0].tolist()
    with pytest.raises(
        ConfigError, match="the state is of trial 3, this simulation is trial 0; create it with trial=3"
    ):
        es.Simulation(poisson_network()).restore(state)
    es.Simulation(poisson_network()).restore(state, other_network=True)
    del state["trial"]  # states of earlier versions have none
    again.restore(state)


def test_files_tell_the_trial(tmp_path):
    sim = es.Simulation(poisson_network(), trial=3)
    sim.run(10.0)
    sim.save(tmp_path / "a.h5")
    assert es.io.load(tmp_path / "a.h5").provenance["trial"] == 3
    sim = es.Simulation(poisson_network(), trial=2)
    with es.io.TraceFile.create(tmp_path / "b.h5") as file:
        sim.stream(file)
        sim.run(10.0)
    assert es.io.load(tmp_path / "b.h5").provenance["trial"] == 2


def test_a_reset_simulation_repeats_its_trial():
    sim = es.Simulation(poisson_network(), trial=5)
    sim.run(30.0)
    seen = all_spikes(sim)
    sim.reset()
    sim.run(30.0)
    assert all_spikes(sim) == seen


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("schedule", ["auto", "ordered", "windows"])
def test_trials_are_the_simulations_with_their_numbers(schedule, threads):
    sim = es.Simulation(poisson_network(), schedule=schedule, trial=2)
    sim.record("cells", "v", every=7.0)
    sim.run(20.0)
    before = sim.snapshot()
    records = sim.trials(5, 100.0, threads=threads)
    assert len(records) == 5
    assert records.numbers == [2, 3, 4, 5, 6]
    assert records.results == []
    for k in range(5):
        alone = es.Simulation(poisson_network(), schedule=schedule, trial=2 + k)
        alone.record("cells", "v", every=7.0)
        alone.run(100.0)
        for name in ("in", "cells"):
            one, other = records.spikes(name)[k], alone.spikes(name)
            np.testing.assert_array_equal(one.times, other.times)
            np.testing.assert_array_equal(one.units, other.units)
        np.testing.assert_array_equal(records.trace("cells", "v")[k].values, alone.trace("cells", "v").values)
    assert sim.now == 20.0
    assert sim.snapshot()["body"].keys() == before["body"].keys()


def test_trials_are_prepared_and_looked_at_afterwards():
    def prepare(sim):
        sim.at(50.0, lambda sim: sim.set_weights("in->cells", 0.0))

    records = es.Simulation(poisson_network()).trials(
        3, 100.0, prepare=prepare, after=lambda sim: (sim.trial, sim.weights("in->cells")[2].max())
    )
    assert records.results == [(0, 0.0), (1, 0.0), (2, 0.0)]
    assert repr(records) == "<TrialRecords: 3 trials, spikes of in, cells>"
    for spikes in records.spikes("cells"):
        assert len(spikes) > 0
        assert spikes.times.max() < 60.0  # the membrane may spike once more after the last input


def test_trials_run_on_hardware():
    sim = es.Simulation(poisson_network(), hardware="jitter,sigma=0.1")
    records = sim.trials(2, 50.0)
    alone = es.Simulation(poisson_network(), hardware="jitter,sigma=0.1", trial=1)
    alone.run(50.0)
    np.testing.assert_array_equal(records.spikes("cells")[1].times, alone.spikes("cells").times)


def test_bad_trials_are_refused():
    sim = es.Simulation(poisson_network())
    with pytest.raises(ValueError, match=r"the number of trials must be .* got 0"):
        sim.trials(0, 10.0)
    with pytest.raises(TypeError, match=r"prepare is called as prepare\(simulation\), got 3"):
        sim.trials(1, 10.0, prepare=3)
    sim.at(5.0, print)
    with pytest.raises(ConfigError, match=r"functions of at\(\) belong to this simulation; trials\(prepare="):
        sim.trials(1, 10.0)
    sim = es.Simulation(poisson_network())
    sim.on_spike("cells", print)
    with pytest.raises(ConfigError, match="hooks on spikes belong to this simulation"):
        sim.trials(1, 10.0)
    sim = es.Simulation(poisson_network())
    sim.set_weights("in->cells", 0.0)
    with pytest.raises(ConfigError, match="changes belong to this simulation"):
        sim.trials(1, 10.0)


def held(sim):
    """Return the addresses of the arrays of synapses."""
    return {
        (each.name, what): array.__array_interface__["data"][0]
        for each in sim._build().synapses
        for what, array in each.arrays.items()
    }


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_trials_share_the_synapses_until_one_changes_them(schedule):
    sim = es.Simulation(poisson_network(), schedule=schedule)
    mine = held(sim)
    assert {what for _, what in mine} == {"start", "target", "weight", "delay"}
    found = []

    def prepare(trial):
        found.append(held(trial))
        if trial.trial == 1:
            trial.set_weights("in->cells", 0.5)
            trial.set_delays("in->cells", 3.0)
            found.append(held(trial))

    records = sim.trials(3, 100.0, prepare=prepare, after=lambda trial: trial.weights("in->cells")[2:])
    assert found[0] == found[1] == found[3] == mine
    assert found[2]["in->cells", "weight"] != mine["in->cells", "weight"]
    declared = es.Simulation(poisson_network()).weights("in->cells")[2:]
    for trial in (0, 2):
        for one, other in zip(records.results[trial], declared, strict=True):
            assert one.tobytes() == other.tobytes()
    assert set(records.results[1][0]) == {0.5}
    assert set(records.results[1][1]) == {3.0}
    sim.run(100.0)
    assert sim.spikes("cells").times.tobytes() == records.spikes("cells")[0].times.tobytes()


def test_plastic_synapses_are_each_trials_own():
    net = poisson_network()
    net.add_plasticity("in->cells", es.models.plasticity.PairSTDP(w_max=8.0))
    sim = es.Simulation(net)
    before = sim.weights("in->cells")[2]
    records = sim.trials(2, 200.0, after=lambda trial: trial.weights("in->cells")[2])
    assert sim.weights("in->cells")[2].tobytes() == before.tobytes()
    for trial in range(2):
        alone = es.Simulation(net, trial=trial)
        alone.run(200.0)
        assert alone.weights("in->cells")[2].tobytes() == records.results[trial].tobytes()
        assert np.abs(records.results[trial] - before).max() > 1e-3


def test_copies_share_synapses_but_for_those_that_were_changed():
    sim = es.Simulation(poisson_network())
    sim.run(20.0)
    for way in (copy.copy, copy.deepcopy):
        assert held(way(sim)) == held(sim)
    sim.set_weights("in->cells", 0.5)
    again = copy.deepcopy(sim)
    assert held(again)["in->cells", "weight"] != held(sim)["in->cells", "weight"]
    again.reset()
    declared = es.Simulation(poisson_network()).weights("in->cells")[2]
    assert again.weights("in->cells")[2].tobytes() == declared.tobytes()
    other = copy.copy(es.Simulation(poisson_network()))
    other.run(20.0)
    other.set_weights("in->cells", 0.5)
    for each in (sim, other):
        each.run(60.0)
    assert all_spikes(sim) == all_spikes(other)


def test_a_grown_simulation_says_whose_trials_have_what_was_added():
    net = poisson_network()
    sim = es.Simulation(net)
    sim.run(5.0)
    net.add("more", es.models.LIF(), 2)
    sim.grow()
    with pytest.raises(
        ConfigError, match=r"has grown while it ran.* trials of a new Simulation\(net\)"
    ) as refused:
        sim.trials(2, 5.0)
    assert "\n" not in str(refused.value)
    assert len(es.Simulation(net).trials(2, 5.0).spikes("more")) == 2

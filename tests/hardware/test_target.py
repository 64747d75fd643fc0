"""Records of what a target observes, and the target in this process against the engine."""

from dataclasses import replace

import numpy as np
import pytest

import eventsim as es
from eventsim.hardware import Observed, SimulatedTarget, SpikeTrains, Target
from eventsim.hardware.targets.target import checked_inputs
from eventsim.trace import Spikes


def layers(first_spike_only=True, seed=1, **more):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", es.models.LIF(tau_mem=2.0, first_spike_only=first_spike_only), 9)
    net.add("label", es.models.LIF(tau_mem=2.0, first_spike_only=first_spike_only), 3, **more)
    net.connect("input", "hidden", weight=rng.normal(1.0, 1.0, (4, 9)), delay=rng.uniform(0, 1, (4, 1)))
    net.connect("hidden", "label", weight=rng.normal(1.0, 1.0, (9, 3)), delay=rng.uniform(0, 1, (9, 3)))
    return net


def first_inputs(n_samples=7, seed=2):
    times = np.random.default_rng(seed).uniform(0.1, 2.0, (n_samples, 4))
    times[1] = np.inf
    return {"input": times}


def trains_inputs(n_samples=5, seed=3):
    rng = np.random.default_rng(seed)
    return {"input": [(rng.uniform(0, 3, 12), rng.integers(0, 4, 12)) for _ in range(n_samples)]}


def simulated(net, inputs, until, population):
    """Return the spikes of each sample as the engine computes them, event by event."""
    found = []
    for sample in inputs["input"]:
        simulation = es.Simulation(net, schedule="ordered")
        times, units = (sample, np.arange(len(sample))) if isinstance(sample, np.ndarray) else sample
        simulation.stimulate("input", times, units)
        simulation.run(until)
        found.append(simulation.spikes(population))
    return found


@pytest.mark.parametrize("first_spike_only", [True, False])
@pytest.mark.parametrize("inputs", [first_inputs(), trains_inputs()])
def test_the_spikes_are_those_of_the_engine(first_spike_only, inputs):
    net = layers(first_spike_only)
    target = SimulatedTarget()
    target.configure(net)
    observed = target.run(inputs, until=12.0, trial=0)
    assert len(observed) == len(inputs["input"])
    for name in ("hidden", "label"):
        expected = simulated(net, inputs, 12.0, name)
        assert sum(len(each) for each in expected) > 5
        for one, other in zip(observed.spikes[name], expected, strict=True):
            np.testing.assert_array_equal(one.units, other.units)
            np.testing.assert_allclose(one.times, other.times, rtol=1e-11)  # two ways to round


@pytest.mark.parametrize("first_spike_only", [True, False])
@pytest.mark.parametrize("inputs", [first_inputs(), trains_inputs()])
def test_a_sample_gets_the_same_spikes_whatever_is_asked_for_along_with_it(first_spike_only, inputs):
    target = SimulatedTarget()
    target.configure(layers(first_spike_only))
    whole = target.run(inputs, until=12.0, trial=3)
    n = len(whole)
    parts = [
        target.run({"input": inputs["input"][low:high]}, until=12.0, trial=3, first=low)
        for low, high in ((0, 1), (1, 4), (4, n))
    ]
    joined = Observed.joined(parts)
    for name, trains in whole.spikes.items():
        np.testing.assert_array_equal(trains.times, joined.spikes[name].times)
        np.testing.assert_array_equal(trains.units, joined.spikes[name].units)
        np.testing.assert_array_equal(trains.starts, joined.spikes[name].starts)


def test_a_sample_of_many_spikes_does_not_change_how_others_are_computed():
    target = SimulatedTarget()
    target.configure(layers())
    single = [(np.array([0.3, 0.7]), np.array([0, 2])), (np.array([0.2, 0.9, 1.1]), np.array([1, 2, 3]))]
    double = (np.array([0.2, 0.4, 0.5]), np.array([1, 1, 3]))
    alone = target.run({"input": single}, until=9.0, trial=0)
    among = target.run({"input": [single[0], double, single[1]]}, until=9.0, trial=0)
    for name in ("hidden", "label"):
        times = among.first_spikes(name)
        np.testing.assert_array_equal(alone.first_spikes(name), times[[0, 2]])


def test_spikes_of_its_own_give_way_to_those_that_are_given():
    net = es.Network()
    net.add("input", es.models.SpikeSource([0.2], [0]), 1)
    net.add("cell", es.models.LIF(), 1)
    net.connect("input", "cell", weight=3.0)
    target = SimulatedTarget()
    target.configure(net)
    own = target.run({}, until=5.0, trial=0).first_spikes("cell")
    given = target.run({"input": [[1.2]]}, until=5.0, trial=0).first_spikes("cell")
    assert own == pytest.approx(0.819061286735945, rel=1e-13)  # golden vector C of Göltz et al. 2021
    assert given == pytest.approx(1.819061286735945, rel=1e-13)


def test_populations_that_are_not_recorded_are_not_observed():
    target = SimulatedTarget()
    target.configure(layers(record_spikes=False))
    observed = target.run(first_inputs(), until=9.0, trial=0)
    assert list(observed.spikes) == ["hidden"]
    with pytest.raises(es.UnknownPart, match="spikes of 'label' were not observed; observed: hidden"):
        observed.first_spikes("label")


def test_the_hardware_makes_its_network_first():
    class Weaker:
        def transform(self, network):
            for k, projection in enumerate(network.projections):
                network.projections[k] = replace(projection, weight=0.1 * projection.weight)
            return network

    target = SimulatedTarget(Weaker())
    target.configure(layers())
    assert not np.isfinite(target.run(first_inputs(), until=9.0, trial=0).first_spikes("label")).any()


def test_a_target_says_what_is_wrong():
    target = SimulatedTarget()
    assert isinstance(target, Target)
    with pytest.raises(es.ConfigError, match=r"no network yet: call configure\(network\) first"):
        target.run({}, until=1.0, trial=0)
    net = es.Network()
    net.add("noise", es.models.Poisson(rate=5.0), 2)
    with pytest.raises(es.ConfigError, match="'noise' is Poisson"):
        target.configure(net)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({}, es.UnknownPart, "input spikes of 'input' are missing; given: none"),
        ({"hidden": [[0.1]]}, es.UnknownPart, "input spikes are given for 'hidden'; sources: input"),
        ({"input": []}, ValueError, "input spikes of 'input' hold no samples; a batch needs at least one"),
        ({"input": [[0.1, 0.2]]}, ValueError, r"have shape \(1, 2\), expected \(n_samples, 4\)"),
        ({"input": [[0.1, 0.2, np.nan, 1.0]]}, ValueError, "must be at times >= 0 or inf, got nan"),
        ({"input": [([-1.0], [2])]}, ValueError, "must not be before 0, got -1.0"),
        ({"input": [([1.0], [7])]}, ValueError, r"has units 0\.\.3, got a spike of unit 7"),
        (
            {"input": [([1.0], [2], [3])]},
            ValueError,
            r"must be \(times, units\) or .* got a tuple of 3 things",
        ),
        ({"input": SpikeTrains.of_first(np.ones((2, 3)))}, ValueError, "are of 3 units, it has 4"),
    ],
)
def test_inputs_are_checked_at_the_door(inputs, error, message):
    with pytest.raises(error, match=message):
        checked_inputs(layers(), inputs)


def test_trains_are_a_sequence_of_spikes():
    first = np.array([[0.3, np.inf, 0.1], [np.inf, np.inf, np.inf], [0.2, 0.2, 0.5]])
    trains = SpikeTrains.of_first(first)
    assert len(trains) == 3
    assert [each.units.tolist() for each in trains] == [[2, 0], [], [0, 1, 2]]  # equal times by unit
    assert trains[-1].times.tolist() == [0.2, 0.2, 0.5]
    np.testing.assert_array_equal(trains.first_spikes(), first)
    np.testing.assert_array_equal(trains[1:].first_spikes(), first[1:])
    assert len(trains[2:1]) == 0
    with pytest.raises(IndexError, match="there are 3 samples, got 3"):
        trains[3]
    with pytest.raises(ValueError, match="got step -1"):
        trains[::-1]


def test_the_first_of_several_spikes_is_told_and_all_are_counted():
    samples = [Spikes(np.array([0.1, 0.4, 0.6]), np.array([1, 0, 1])), Spikes(np.empty(0), np.empty(0, int))]
    trains = SpikeTrains.of_lists(samples, 2)
    np.testing.assert_array_equal(trains.first_spikes(), [[0.4, 0.1], [np.inf, np.inf]])
    np.testing.assert_array_equal(trains.counts(), [[1, 2], [0, 0]])


def test_parts_of_a_batch_are_joined_in_order():
    first = np.random.default_rng(0).uniform(0, 1, (6, 3))
    parts = [
        Observed({"a": SpikeTrains.of_first(part)}, {"p": part}, counters, 0.25)
        for part, counters in ((first[:1], {"lost": 2}), (first[1:], {"lost": 1, "late": 4}))
    ]
    whole = Observed.joined(parts)
    np.testing.assert_array_equal(whole.first_spikes("a"), first)
    np.testing.assert_array_equal(whole.arrivals["p"], first)
    assert whole.counters == {"lost": 3, "late": 4}
    assert whole.hardware_seconds == 0.5


def test_a_configured_network_stays_what_it_was():
    net = layers()
    target = SimulatedTarget()
    target.configure(net)
    wanted = target.run(first_inputs(), until=9.0, trial=0)
    net.add("more", es.models.LIF(first_spike_only=True), 2)
    net.connect("hidden", "more", weight=9.0)
    found = target.run(first_inputs(), until=9.0, trial=0)
    assert list(found.spikes) == list(wanted.spikes)
    assert np.array_equal(found.first_spikes("label"), wanted.first_spikes("label"))


def test_inputs_are_not_kept():
    target = SimulatedTarget()
    target.configure(layers())
    inputs = first_inputs()
    wanted = target.run(inputs, until=9.0, trial=0)
    before = wanted.first_spikes("label").copy()
    for times in inputs.values():
        times[:] = 0.0
    assert np.array_equal(wanted.first_spikes("label"), before)

"""Training through a target: an ideal one changes nothing, a failing one loses nothing."""

import numpy as np
import pytest

import eventsim as es
from eventsim.hardware import InTheLoop, Observed, SimulatedTarget, SpikeTrains
from eventsim.models.rules import SpikeLearner


def network(seed=1):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    neuron = es.models.LIF(tau_mem=2.0, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", neuron, 12)
    net.add("label", neuron, 3)
    net.connect("input", "hidden", weight=rng.normal(1.0, 1.0, (4, 12)), delay=rng.uniform(0.2, 0.8, (4, 1)))
    net.connect("hidden", "label", weight=rng.normal(1.0, 1.0, (12, 3)), delay=rng.uniform(0.2, 0.8, (12, 1)))
    return net


def batches(n=8, size=10):
    rng = np.random.default_rng(3)
    for _ in range(n):
        yield {"input": rng.uniform(0.1, 2.0, (size, 4))}, rng.integers(0, 3, size)


def learner(net=None, **more):
    return SpikeLearner(net or network(), "label", until=20.0, **{"max_missing": {"hidden": 0.3}} | more)


def trained(step, n=8):
    adam = es.models.optimisers.Adam(0.02)
    return [step(inputs, labels, adam).loss for inputs, labels in batches(n)]


def test_an_ideal_target_in_the_loop_learns_what_the_simulator_learns():
    alone, looped = learner(), learner()
    loop = InTheLoop(looped, SimulatedTarget(), until=20.0)
    expected, found = trained(alone.step), trained(loop.step)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert expected[0] != expected[-1]
    for name, value in alone.parameters.items():
        np.testing.assert_allclose(looped.parameters[name], value, rtol=1e-7, atol=1e-9)
    inputs, labels = next(batches(1, 50))
    np.testing.assert_array_equal(loop.predict(inputs), alone.predict(inputs))
    assert loop.score(inputs, labels) == alone.score(inputs, labels)
    assert loop.trial == 10  # eight steps, predict, score


class Chip(SimulatedTarget):
    """Spikes that come late by what is drawn for trial and sample; delayed spikes are measured."""

    def run(self, inputs, *, until, trial, first=0):
        seen = super().run(inputs, until=until, trial=trial, first=first)
        spikes, arrivals = {}, {}
        for name in ("hidden", "label"):
            rng = es.rng.stream(5, name, trial)
            times = seen.first_spikes(name)
            late = rng.normal(0.1, 0.03, (first + len(times), times.shape[1]))[first:]
            spikes[name] = SpikeTrains.of_first(times + late)
            if name == "hidden":
                arrivals["hidden->label"] = times + late + 0.4
        return Observed(spikes, arrivals, {"lost": 2}, 0.5)

    def configure(self, network):
        super().configure(network)
        return {"clipped": 1}


def test_what_the_target_measured_is_what_is_learned_from():
    chip, one, other = Chip(), learner(), learner()
    loop = InTheLoop(one, chip, until=20.0)
    adam = es.models.optimisers.Adam(0.02)
    for trial, (inputs, labels) in enumerate(batches(3)):
        chip.configure(other.network())
        seen = chip.run(inputs, until=20.0, trial=trial)
        times = {name: seen.first_spikes(name) for name in ("hidden", "label")}
        expected = other.step(inputs, labels, adam, times=times, arrivals=seen.arrivals)
        assert other.parameters["delay/hidden->label"].any()
        assert expected.loss > 0
    adam = es.models.optimisers.Adam(0.02)
    for inputs, labels in batches(3):
        loop.step(inputs, labels, adam)
    for name, value in other.parameters.items():
        np.testing.assert_array_equal(one.parameters[name], value)
    assert loop.counters == {"clipped": 3, "lost": 6}
    assert loop.hardware_seconds == 1.5


def test_a_loop_goes_on_from_its_state_as_if_nothing_had_been():
    def run(parts):
        loop, adam = InTheLoop(learner(), Chip(), until=20.0), es.models.optimisers.Adam(0.02)
        for k, (inputs, labels) in enumerate(batches(6)):
            if k in parts:
                state, rates = loop.state(), adam.state()
                loop, adam = InTheLoop(learner(), Chip(), until=20.0), es.models.optimisers.Adam(0.02)
                loop.restore(state)
                adam.restore(rates)
            loop.step(inputs, labels, adam)
        return loop

    whole, halves = run(()), run((2, 3))
    for name, value in whole.learner.parameters.items():
        np.testing.assert_array_equal(halves.learner.parameters[name], value)
    assert whole.trial == halves.trial == 6
    assert whole.counters == halves.counters


class Failing(Chip):
    """Fails in every second run."""

    calls = 0

    def run(self, inputs, **more):
        self.calls += 1
        if self.calls % 2:
            raise es.errors.TargetLost("the chip is gone")
        return super().run(inputs, **more)


def test_a_step_that_failed_changes_nothing_and_can_be_tried_again():
    whole = InTheLoop(learner(), Chip(), until=20.0)
    expected = trained(whole.step)
    loop = InTheLoop(learner(), Failing(), until=20.0)

    def stubborn(inputs, labels, optimiser):
        before, rates = loop.state(), optimiser.state()
        with pytest.raises(es.errors.TargetLost):
            loop.step(inputs, labels, optimiser)
        np.testing.assert_equal(loop.state(), before)
        np.testing.assert_equal(optimiser.state(), rates)
        return loop.step(inputs, labels, optimiser)

    assert trained(stubborn) == expected
    for name, value in whole.learner.parameters.items():
        np.testing.assert_array_equal(loop.learner.parameters[name], value)

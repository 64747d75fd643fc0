"""Training through a target: an ideal one changes nothing, a failing one loses nothing."""

import numpy as np
import pytest
from small import UNTIL, Chip, batches, learner, trained

import eventsim as es
from eventsim.hardware import InTheLoop, SimulatedTarget


def test_an_ideal_target_in_the_loop_learns_what_the_simulator_learns():
    alone, adam = learner(), es.models.optimisers.Adam(0.02)
    expected = [alone.step(inputs, labels, adam).loss for inputs, labels in batches()]
    loop, found = trained(SimulatedTarget())
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert expected[0] != expected[-1]
    for name, value in alone.parameters.items():
        np.testing.assert_allclose(loop.learner.parameters[name], value, rtol=1e-7, atol=1e-9)
    inputs, labels = next(batches(1, 50))
    np.testing.assert_array_equal(loop.predict(inputs), alone.predict(inputs))
    assert loop.score(inputs, labels) == alone.score(inputs, labels)
    assert loop.trial == 8  # six steps, predict, score


def test_what_the_target_measured_is_what_is_learned_from():
    chip, other, adam = Chip(), learner(), es.models.optimisers.Adam(0.02)
    for trial, (inputs, labels) in enumerate(batches(3)):
        chip.configure(other.network())
        seen = chip.run(inputs, until=UNTIL, trial=trial)
        times = {name: seen.first_spikes(name) for name in ("hidden", "label")}
        other.step(inputs, labels, adam, times=times, arrivals=seen.arrivals)
    loop, _ = trained(chip, 3)
    for name, value in other.parameters.items():
        np.testing.assert_array_equal(loop.learner.parameters[name], value)
    assert loop.counters == {"clipped": 3, "lost": 60}
    assert loop.hardware_seconds == 15.0


def test_a_loop_goes_on_from_its_state_as_if_nothing_had_been():
    def run(parts):
        loop, adam = InTheLoop(learner(), Chip(), until=UNTIL), es.models.optimisers.Adam(0.02)
        for k, (inputs, labels) in enumerate(batches(6)):
            if k in parts:
                state, rates = loop.state(), adam.state()
                loop, adam = InTheLoop(learner(), Chip(), until=UNTIL), es.models.optimisers.Adam(0.02)
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
    whole, expected = trained(Chip())
    loop, adam = InTheLoop(learner(), Failing(), until=UNTIL), es.models.optimisers.Adam(0.02)
    losses = []
    for inputs, labels in batches():
        before, rates = loop.state(), adam.state()
        with pytest.raises(es.errors.TargetLost):
            loop.step(inputs, labels, adam)
        np.testing.assert_equal(loop.state(), before)
        np.testing.assert_equal(adam.state(), rates)
        losses.append(loop.step(inputs, labels, adam).loss)
    assert losses == expected
    for name, value in whole.learner.parameters.items():
        np.testing.assert_array_equal(loop.learner.parameters[name], value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trial": -1}, "trial must be a whole number, at least 0, got -1"),
        ({"trial": 1.5}, "trial must be a whole number"),
        ({"trial": [1, 2]}, "trial must be a whole number"),
        ({"counters": {"lost": -3}}, "counter 'lost' must be a whole number"),
        ({"counters": 3}, "counters must be numbers by name"),
        ({"hardware_seconds": float("nan")}, "hardware_seconds must be at least 0"),
        ({"more": 1}, "a state of a loop has counters, hardware_seconds, learner, trial, got"),
    ],
)
def test_a_state_that_is_none_changes_nothing(change, message):
    loop, _ = trained(Chip(), 2)
    before = loop.state()
    with pytest.raises(ValueError, match=message):
        loop.restore(before | {"trial": 7, "hardware_seconds": 3.0} | change)
    assert loop.state()["trial"] == before["trial"]
    assert loop.state()["hardware_seconds"] == before["hardware_seconds"]
    with pytest.raises(ValueError, match="a state of a loop has"):
        loop.restore(None)
    loop.restore(before)
    assert loop.trial == 2

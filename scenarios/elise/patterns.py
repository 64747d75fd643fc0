"""The patterns to learn: who is active when, and the potentials that a teacher makes of it.

The published pattern is the opening of "Fuer Elise" in 25 steps of 10 ms, one neuron a pitch, repeated
without a gap. Edges of a note are logistic ramps, which begin a third of a step before its onset and end a
third of a step after its end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.trace import Floats

__all__ = ["FUR_ELISE", "SHORT", "Pattern", "published", "sigmoid"]

E_LEAK, HEIGHT = -70.0, 20.0  # mV
STEP = 10.0  # ms
LEAST_RAMP = 5.0  # ms, of patterns in finer rows
FUR_ELISE = (  # active steps of each neuron; 25 steps
    (1, 3, 5), (2, 4), (7,), (8, 19), (6, 15, 16, 17, 20), (9, 10, 11, 14, 21, 22, 23), (0, 13, 18, 24),
    (12,), (11, 23), (17,), (10, 16, 21), (9, 20), (15,),
)  # fmt: skip
SHORT = (6, 0, 1, 0, 1, 0, 4, 2, 3, 5, 5, 5)  # the active one of 7 neurons in each step
PITCHES = (76, 75, 71, 74, 69, 72, 64, 60, 57, 68, 52, 45, 40)  # MIDI numbers for sound; the paper names none


def sigmoid(u: Floats) -> Floats:
    """Return the rate of a potential in mV."""
    return np.asarray(1.0 / (1.0 + np.exp(0.3 * (-58.0 - np.asarray(u)))))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that repeats.

    Attributes
    ----------
    name : str
    roll : ndarray of bool, shape (steps, neurons)
    step : ms.
    pitches : ndarray of int, shape (neurons,), MIDI numbers.
    """

    name: str
    roll: NDArray[np.bool_]
    step: float
    pitches: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Visible neurons."""
        return int(self.roll.shape[1])

    @property
    def duration(self) -> float:
        """Length of a cycle, ms."""
        return len(self.roll) * self.step

    def ticks(self, dt: float) -> int:
        """Return the ticks of a cycle.

        Raises
        ------
        ConfigError
            If a cycle is no whole number of ticks.
        """
        ticks = round(self.duration / dt)
        if abs(ticks * dt - self.duration) > 1e-9 * self.duration:
            raise ConfigError(
                f"a cycle of {self.duration:g} ms must be a whole number of ticks of dt = {dt:g} ms; "
                "another pattern_step or dt is needed"
            )
        return ticks

    def notes(self) -> list[tuple[int, float, float]]:
        """Return (neuron, onset, end) of every note, ms; the end may lie beyond that of the cycle."""
        found = []
        for neuron, active in enumerate(self.roll.T):
            if active.all():
                found.append((neuron, 0.0, self.duration))
                continue
            starts = np.flatnonzero(active & ~np.roll(active, 1))
            for start in starts:
                length = int(np.argmin(np.roll(active, -start)))
                found.append((neuron, start * self.step, (start + length) * self.step))
        return found

    def potentials(self, dt: float) -> Floats:
        """Return the teacher's potentials, mV, shape (ticks, neurons)."""
        t = np.arange(self.ticks(dt), dtype=np.float64) * dt
        found = np.full((len(t), self.n), E_LEAK)
        for neuron, onset, end in self.notes():
            if end - onset >= self.duration:
                found[:, neuron] = _rise(np.array(STEP))
                continue
            for shift in (-self.duration, 0.0, self.duration):  # over the border of the cycle
                note = _note(
                    np.asarray(t - (onset + shift), np.float64), end - onset, max(self.step, LEAST_RAMP)
                )
                found[:, neuron] = np.maximum(found[:, neuron], note)
        return found

    def rates(self, dt: float) -> Floats:
        """Return the rates of the teacher's potentials, shape (ticks, neurons)."""
        return sigmoid(self.potentials(dt))


def _rise(x: Floats) -> Floats:
    """Return the rising ramp at x ms after the onset, mV."""
    return np.asarray(E_LEAK + HEIGHT / (1.0 + np.exp(-0.7 - x)))


def _note(x: Floats, length: float, ramp: float) -> Floats:
    """Return the potential x ms after the onset of a note, mV; E_LEAK away from it."""
    tolerance = 1e-9
    before, after = ramp / 3, 2 * ramp / 3
    rise, fall = _rise(x), _rise(length - x)
    middle = length / 2
    up_until, down_from = (after, length - after) if length >= 2 * after else (middle, middle)
    found = np.where(x < up_until - tolerance, rise, _rise(np.array(STEP)))
    found = np.where(x >= down_from - tolerance, fall, found)
    return np.where((x >= -before - tolerance) & (x < length + before - tolerance), found, E_LEAK)


def published(name: str, step: float = STEP) -> Pattern:
    """Return the pattern "fur-elise", 25 steps of 13 neurons, or "short", 12 steps of 7."""
    if name == "short":
        roll = np.zeros((len(SHORT), 7), bool)
        roll[np.arange(len(SHORT)), SHORT] = True
    else:
        roll = np.zeros((25, len(FUR_ELISE)), bool)
        for neuron, steps in enumerate(FUR_ELISE):
            roll[list(steps), neuron] = True
    return Pattern(name, roll, step, np.array(PITCHES[: roll.shape[1]]))

"""Digital timing of a chip's dendritic events: refractory counters, clocks, hold-off, six-bit weights and
labels.

A 250 MHz clock is divided by 2^(s + 1), s = 0..15, into two clocks, of which every neuron takes one. An
8-bit counter of its cycles sets the refractory time; the reset ends (31 - 2 h) cycles earlier, h the 4-bit
hold-off, but lasts at least a cycle. Hardware runs 1000 times faster than biology. Numbers of BrainScaleS-2
as its public register descriptions have them (Schemmel et al. 2017 describe the prototype).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.plain import plain_array, real_array
from eventsim.parameters import one_number
from eventsim.trace import Floats, Ints

REFERENCE_CLOCK = 250e6  # Hz
SPEED_UP = 1000.0
MOST_COUNTS = 255
MOST_HOLD_OFF = 15
MOST_WEIGHT = 63
N_LABELS = 64


def clock_frequency(scale: int) -> float:
    """Return the frequency of a divided clock in Hz, for a scale from 0 to 15.

    >>> clock_frequency(0), round(clock_frequency(15))
    (125000000.0, 3815)
    """
    if not 0 <= scale <= 15:
        raise ValueError(f"the scale of a clock must lie between 0 and 15, got {scale!r}")
    return float(REFERENCE_CLOCK / 2 ** (scale + 1))


def cycle_ms(scale: int) -> float:
    """Return how long a cycle of a clock is, in ms of biological time.

    >>> cycle_ms(4)
    0.128
    """
    return float(1e3 * SPEED_UP / clock_frequency(scale))


def hold_off_cycles(hold_off: ArrayLike) -> Ints:
    """Return by how many cycles the reset is shorter than the refractory time, for 4-bit settings.

    >>> hold_off_cycles([0, 15]).tolist()
    [31, 1]
    """
    setting = plain_array(hold_off, "hold_off")
    if np.any((setting < 0) | (setting > MOST_HOLD_OFF)):
        raise ValueError(f"a hold-off setting must lie between 0 and {MOST_HOLD_OFF}, got {hold_off!r}")
    return np.asarray(0x1F - 2 * setting, np.int64)


@dataclass(frozen=True, slots=True)
class EventTiming:
    """How the counters of a chip time an event.

    Attributes
    ----------
    scale : of the clock that the neuron takes.
    count : of the refractory counter, 1 to 255.
    hold_off : 4-bit setting.
    """

    scale: int
    count: int
    hold_off: int

    @property
    def t_ref(self) -> float:
        """Refractory time, ms of biological time."""
        return self.count * cycle_ms(self.scale)

    @property
    def t_rst(self) -> float:
        """Duration of the reset, ms of biological time; at least one cycle."""
        return max(self.count - int(hold_off_cycles(self.hold_off)), 1) * cycle_ms(self.scale)


def nearest_timing(t_rst: float, hold_off: float) -> EventTiming:
    """Return the settings whose reset and hold-off come nearest to what is wanted, in ms of biological time.

    Every clock is tried; the sum of both relative errors decides, a hold-off of 0 counting as one cycle.

    Raises
    ------
    ValueError
        If the reset is not positive or longer than any clock allows.
    """
    if not one_number(t_rst, "t_rst") > 0:
        raise ValueError(f"t_rst must be positive, got {t_rst!r} ms")
    one_number(hold_off, "hold_off", low=0)
    longest = MOST_COUNTS * cycle_ms(15)
    if t_rst + hold_off > longest:
        raise ValueError(f"t_rst + hold_off must be at most {longest:g} ms, got {t_rst + hold_off:g}")
    best, least = None, np.inf
    for scale in range(16):
        cycle = cycle_ms(scale)
        for setting in range(MOST_HOLD_OFF + 1):
            short = int(hold_off_cycles(setting))
            count = int(np.clip(round(t_rst / cycle) + short, short + 1, MOST_COUNTS))
            timing = EventTiming(scale, count, setting)
            error = abs(timing.t_rst / t_rst - 1) + abs(timing.t_ref - timing.t_rst - hold_off) / max(
                hold_off, cycle
            )
            if error < least:
                best, least = timing, error
    assert best is not None
    return best


def quantized_weights(weights: ArrayLike, step: float) -> Floats:
    """Return weights as a row of six-bit synapses holds them: multiples of `step`, up to 63, of one sign.

    Raises
    ------
    ValueError
        If signs are mixed.
    """
    values = real_array(weights, "weights")
    if np.any(values < 0) and np.any(values > 0):
        raise ValueError("the weights of a row must share one sign")
    if not step > 0:
        raise ValueError(f"step must be positive, got {step!r}")
    return np.asarray(np.sign(values) * np.minimum(np.rint(np.abs(values) / step), MOST_WEIGHT) * step)

"""One network: it learns the pattern, tested in free cycles on the way, then replays it, disturbed or not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim import rng as streams
from eventsim.scenarios.elise import measuring
from eventsim.scenarios.elise.player import EVERY, Player
from eventsim.trace import Floats

__all__ = [
    "DISTURBED",
    "NUDGED",
    "Replay",
    "disrupt",
    "disruptions",
    "learn",
    "replay",
    "replay_metrics",
]

NUDGED = 3  # replay cycles that begin with the teacher
DISTURBED = 4  # the replay cycle in which neurons are clamped: the second free one
FIRST_CYCLE = -1  # of training
PART = (90.0, 150.0)  # ms, of a clamp of 60 ms in a cycle of 250 ms
HIGH = 15.0  # mV above rest
FIRST_CYCLES = 50  # free ones, over which the correlation of a replay is averaged
SILENT = 0.05  # mean rate of the visible neurons below which a network is silent; at rest it is 0.027


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay was.

    Attributes
    ----------
    correlation, shift : of each cycle but the last, shape (cycles - 1,); shift in ms.
    activity : mean rate of the visible neurons in each cycle, shape (cycles,).
    rates : of all neurons in the first cycles, shape (samples, n).
    """

    correlation: Floats
    shift: Floats
    activity: Floats
    rates: Floats

    def free(self) -> Floats:
        """Return the correlations of the free cycles."""
        return self.correlation[NUDGED:]


def blocks(start: int, end: int, every: int) -> Iterator[tuple[int, int, bool]]:
    """Return blocks of training (first cycle, number of cycles, whether they are free), from `start` on."""
    cycle = start
    while cycle < end:
        if cycle % every == 0:
            yield cycle, 1, True
            cycle += 1
        else:
            stop = min(cycle + (-cycle) % every, end)
            yield cycle, stop - cycle, False
            cycle = stop


def learn(
    player: Player, seed: int, cycles: int, start: int = FIRST_CYCLE
) -> Iterator[tuple[int, dict[str, float]]]:
    """Train from cycle `start` on; after each block yield the next cycle, and the metrics of a test."""
    config = player.config
    for first, n, free in blocks(start, cycles, config.test_every):
        found: dict[str, float] = {}
        player.voice = (first - 1) // config.test_every % len(player.voices)  # a test follows its own voice
        if free:
            player.free()
            rates = player.visible()
            found = {
                "cycle": float(first),
                "test_correlation": measuring.correlation(rates, player.target),
                "test_error": float(np.mean((rates - player.target) ** 2)),
            }
        elif config.noise:
            for cycle in range(first, first + n):
                added = noise(config, player.potentials().shape, streams.stream(seed, "noise", cycle))
                player.teach(1, player.potentials() + added)
        else:
            player.teach(n)
        yield first + n, found


def noise(config: Any, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return correlated noise on the targets of one cycle, mV, shape (ticks, neurons).

    It is stationary, with an exponential autocorrelation.
    """
    from scipy.signal import lfilter

    keep = np.exp(-config.dt / config.noise_tau)
    draws = rng.normal(0.0, config.noise, shape)
    draws[1:] *= np.sqrt(1.0 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], draws, axis=0))


def replay(player: Player, cycles: int, kept: int, clamp: tuple[float, float, float] | None = None) -> Replay:
    """Replay for a number of cycles, the first ones with the teacher.

    Parameters
    ----------
    player : Player
    cycles, kept : int
        All cycles, and those whose rates are kept.
    clamp : (potential, start, end), optional
        Potential in mV and times in ms at which the visible somata are set in cycle number `DISTURBED`.
    """
    found = []
    for cycle in range(cycles):
        if cycle < NUDGED:
            player.teach()
        elif clamp is not None and cycle == DISTURBED:
            player.clamp(*clamp)
        else:
            player.free()
        found.append(player.rates())
    rates = np.concatenate(found)
    visible = rates[:, player.columns]
    correlation, shift = measuring.best_shifts(visible, player.target)
    activity = visible.reshape(cycles, -1).mean(axis=1)
    return Replay(correlation, shift * EVERY * player.config.dt, activity, rates[: kept * len(player.target)])


def replay_metrics(found: Replay, duration: float) -> dict[str, float]:
    """Return the metrics of an undisturbed replay."""
    free = found.free()
    cycles = measuring.sustained(free)
    shifts = found.shift[NUDGED:][: max(cycles, 1)]
    return {
        "replay_correlation": float(free[:FIRST_CYCLES].mean()),
        "replay_cycles": float(cycles),
        "drift_ms_per_cycle": measuring.drift(shifts, duration),
    }


def disruptions(duration: float) -> Mapping[str, tuple[float, float, float]]:
    """Return the clamps by name, (potential, start, end), for cycles of a duration in ms."""
    start, end = (time * duration / 250.0 for time in PART)
    rest = -70.0
    return {
        "part-high": (rest + HIGH, start, end),
        "part-silent": (rest, start, end),
        "whole-high": (rest + HIGH, 0.0, duration),
        "whole-silent": (rest, 0.0, duration),
    }


def disrupt(player: Player, name: str, undisturbed: Replay, kept: int) -> tuple[Replay, dict[str, float]]:
    """Replay with a clamp; return the replay and its metrics."""
    cycles = len(undisturbed.activity)
    found = replay(player, cycles, kept, disruptions(player.pattern.duration)[name])
    after = DISTURBED + 1
    cycle = measuring.recovery(found.correlation[after:], undisturbed.correlation[after:])
    return found, {
        "recovery_cycles": float(cycle) if cycle else float("nan"),
        "recovered_within_3": float(0 < cycle <= 3),
        "correlation_after": float(np.mean(found.correlation[after + 2 :]))
        if cycles > after + 3
        else float("nan"),
        "silent": float(found.activity[-1] < SILENT),
    }

"""The trained network on a mixed-signal chip: conductances and delays that differ, weights of a few bits.

Learning changes weights by far less than one of their steps at a tick, so the chip keeps fine weights to
learn with, and multiplies with the nearest ones that it has.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.hardware.parts.mismatch import Mismatch
from eventsim.hardware.substrate import Substrate
from eventsim.scenarios.elise import learning
from eventsim.scenarios.elise.network import Structure
from eventsim.scenarios.elise.player import Player
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

__all__ = ["on_chip"]


def on_chip(player: Player, run: Run, trained: dict[str, Any]) -> None:
    """Replay with quantized weights, then on the chip, before and after training there."""
    player.restore(trained)
    config, weight = player.config, player.weight()
    limit = config.chip_range or float(np.abs(weight).max())
    step = limit / (2 ** (config.chip_bits - 1) - 1) if config.chip_bits else 0.0
    limit = limit if step else np.inf
    run.metric("chip_weight_step_mv", step)
    run.metric("weights_beyond_range", np.mean(np.abs(weight) > limit))
    ideal = _player(player, replace_weight(player.structure, weight), run.seed, None)
    ideal.quantize(step, limit)
    _report(ideal, run, "quantized")
    parts = [Mismatch(name, config.chip_mismatch) for name in ("g_leak", "g_dendrite")]
    device = Substrate(parts, device_seed=run.seed) if config.chip_mismatch else None
    structure = _with_other_delays(replace_weight(player.structure, weight), config.chip_mismatch, run.seed)
    chip = _player(player, structure, run.seed, device)
    chip.quantize(step, limit)
    _report(chip, run, "chip_before")
    chip = _player(player, structure, run.seed, device)
    chip.quantize(step, limit)
    for _, metrics in learning.learn(chip, run.seed, config.chip_cycles):
        for name, value in metrics.items():
            run.series(f"chip_{name}", value)
    _report(chip, run, "chip")
    run.parameter("weight/chip", chip.weight())


def replace_weight(structure: Structure, weight: Floats) -> Structure:
    """Return the structure with other first weights."""
    return replace(structure, weight=weight)


def _player(player: Player, structure: Structure, seed: int, device: Substrate | None) -> Player:
    return Player(player.config, player.voices, structure, seed, device)


def _report(player: Player, run: Run, name: str) -> None:
    """Replay, and keep the metrics."""
    found = learning.replay(player, player.config.replay_cycles, 0)
    for metric, value in learning.replay_metrics(found, player.pattern.duration).items():
        run.metric(f"{metric}_{name}", value)
    run.parameter(f"{name}/correlation", found.correlation)


def _with_other_delays(structure: Structure, sigma: float, seed: int) -> Structure:
    """Return the structure with delays that differ from their nominal ones by a fixed pattern."""

    def changed(which: str, delays: NDArray[np.int64]) -> NDArray[np.int64]:
        x = streams.stream(seed, "chip delay", which).standard_normal(len(delays))
        return np.maximum(np.rint(delays * Mismatch("delay", sigma).factors(x)), 1).astype(np.int64)

    return replace(
        structure,
        dendritic=changed("dendrite", structure.dendritic),
        somatic=changed("soma", structure.somatic),
    )

"""Completion: a silent network is shown the beginning of the pattern, and goes on with it by itself."""

from typing import Any

import numpy as np

from eventsim.scenarios.elise import learning, measuring
from eventsim.scenarios.elise.player import Player
from eventsim.scenarios.scenario import Run

__all__ = ["complete"]

UNCUED = 9  # further cycles in which it has to stay silent without a cue
AFTER = 20  # free cycles after a cue
SETTLED = 2  # of them that do not count yet


def complete(player: Player, run: Run, trained: dict[str, Any]) -> None:
    """Cue the trained network, which begins at rest, with each of the durations; keep how well it goes on.

    Visible somata that are clamped to rest do not silence it: the latent neurons keep the song. So the
    network begins anew, with its learned weights. It is silent if it stays so for ten cycles without a
    teacher.
    """
    player.restore(trained)
    player = player.at_rest()
    player.free(1 + UNCUED)
    run.metric("silent_before_cue", float(player.visible().mean() < learning.SILENT))
    player = player.at_rest()
    player.free()
    silent = player.snapshot()
    found = []
    for cue in player.config.cues:
        player.restore(silent)
        player.cue(cue)
        rates = []
        for _ in range(AFTER):
            player.free()
            rates.append(player.visible())
        correlation, _ = measuring.best_shifts(np.concatenate(rates), player.target)
        found.append(correlation)
        run.metric(f"completion_correlation_{cue:g}_ms", correlation[SETTLED:].mean())
    run.parameter("completion/cue", np.array(player.config.cues))
    run.parameter("completion/correlation", np.stack(found))
    completing = [
        cue
        for cue, each in zip(player.config.cues, found, strict=True)
        if each[SETTLED:].mean() >= measuring.SUSTAINED
    ]
    run.metric("shortest_completing_cue_ms", min(completing, default=np.nan))

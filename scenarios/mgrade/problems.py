"""The problem of a run, by its task."""

from typing import TYPE_CHECKING

from eventsim.scenarios.mgrade.problem import Problem
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["problem"]


def problem(settings: "Settings", run: Run) -> Problem:
    """Return the problem of a run, drawn from its seed where it is generated."""
    if settings.task == "flip-flop":
        from eventsim.scenarios.mgrade import flip_flop

        return flip_flop.problem(settings, run.rng)
    if settings.task in ("lorenz", "combined"):
        from eventsim.scenarios.mgrade import dynamics

        return dynamics.problem(settings, run.rng)
    from eventsim.scenarios.mgrade import images

    return images.problem(settings, run)

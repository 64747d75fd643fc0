"""Search for the point whose runs have the best metric, with optuna; every trial is runs of the sweep.

Trials are asked for in groups of a fixed size, so that what is found does not depend on how many runs go on
at once. A trial is the grid at one draw of the other keys (all seeds, say); the mean of its metric counts.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from eventsim.errors import ConfigError
from eventsim.scenarios.many_runs.work import check_folder
from eventsim.scenarios.sweep import tables
from eventsim.scenarios.sweep.points import Axis, Draw, points_of
from eventsim.scenarios.sweep.sweeping import Sweep, carry_out_points, plan, working_in

GROUP = 4  # trials that are asked for at once
Direction = Literal["maximize", "minimize"]


def search(
    name: str,
    axes: Mapping[str, Axis],
    folder: Path | str,
    metric: str,
    *,
    direction: Direction = "maximize",
    trials: int = 20,
    draw_seed: int = 0,
    preset: str | None = None,
    hardware: str | None = None,
    data: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Sweep:
    """Search the keys that have a `Draw`, with optuna's tree-structured Parzen estimator.

    The same call goes on where an earlier one ended: trials whose runs are finished are read, not repeated.

    Parameters
    ----------
    metric : str
        What the runs report; its mean over the grid counts.
    direction : {"maximize", "minimize"}
    trials : int
        How many trials there are in the end.
    draw_seed : int
        Seed of the search.

    Others are those of `sweep`.

    Raises
    ------
    ImportError
        If optuna is not installed.
    ConfigError
        If nothing is drawn, or no run has the metric.
    """
    try:
        import optuna
    except ImportError:
        raise ImportError("a search needs optuna: pip install 'eventsim[sweep]'") from None
    drawn = {key: axis for key, axis in axes.items() if isinstance(axis, Draw)}
    grid = {key: axis for key, axis in axes.items() if key not in drawn}
    if not drawn:
        raise ConfigError("a search needs keys to draw, such as learning_rate=loguniform(1e-4, 1e-2)")
    if trials < 1:
        raise ConfigError(f"--trials must be at least 1, got {trials}")
    folder = Path(folder)
    check_folder(folder)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=draw_seed))
    common = {"data": data, "jobs": jobs, "scheduler": scheduler, "say": say}
    with working_in(folder):
        for first in range(0, trials, GROUP):
            asked = [study.ask(_distributions(drawn)) for _ in range(min(GROUP, trials - first))]
            planned = [
                plan(name, list(points_of(grid, listed=[trial.params])), preset=preset, hardware=hardware)
                for trial in asked
            ]
            found = carry_out_points(name, folder, [each for runs in planned for each in runs], **common)  # type: ignore[arg-type]
            if found.stopped or found.lost:
                return found
            for trial, runs in zip(asked, planned, strict=True):
                value = _mean(found, [run.hash for run, _ in runs], metric)
                study.tell(trial, value, state=None if value is not None else optuna.trial.TrialState.FAIL)
    best = [trial for trial in study.trials if trial.value is not None]
    if best:
        say(f"best mean of {metric}: {study.best_value:.6g} at {_words(study.best_params)}")
    return found


def _distributions(drawn: Mapping[str, Draw]) -> dict[str, Any]:
    from optuna import distributions as known

    made: dict[str, Any] = {}
    for key, draw in drawn.items():
        if draw.kind == "choice":
            made[key] = known.CategoricalDistribution(draw.values)
        elif draw.kind == "integer":
            made[key] = known.IntDistribution(*draw.values)
        else:
            made[key] = known.FloatDistribution(draw.values[0], draw.values[1], log=draw.kind == "loguniform")
    return made


def _mean(found: Sweep, hashes: list[str], metric: str) -> float | None:
    """Return the mean of a metric over runs; None if one of them failed."""
    rows = found.rows(hashes)
    if any(row["status"] != "finished" for row in rows):
        return None
    missing = [row for row in rows if row.get(metric) is None]
    if missing:
        known = ", ".join(tables.metrics(rows, found.keys))
        raise ConfigError(f"the runs have no metric {metric!r}; they have: {known}")
    mean = math.fsum(float(row[metric]) for row in rows) / len(rows)
    return mean if math.isfinite(mean) else None


def _words(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in values.items()
    )

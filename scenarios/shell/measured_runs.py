"""Runs measured by NeuroBench: what ``eventsim show FILE --neurobench`` prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError
from eventsim.scenarios.earlier_names import todays_values
from eventsim.scenarios.request import available_threads, data_folder, scenario_kind
from eventsim.scenarios.run import Run
from eventsim.scenarios.scenario import Scenario
from eventsim.scenarios.trained_models import Rebuilt

if TYPE_CHECKING:
    from eventsim.io.neurobench import Results

__all__ = ["measure"]


class _NoFile:
    """Takes what a run would write."""

    def put(self, **values: Any) -> None:
        """Forget it."""


def measure(path: Path, *, data: Path | None = None, step: float | None = None) -> "Results":
    """Measure the trained network of a run.

    Parameters
    ----------
    path : Path
        File of a finished run.
    data : Path, optional
        Folder of data sets; the environment variable EVENTSIM_DATA where None.
    step : float, optional
        Step of a grid of time, in the run's unit, to which dense operations and sparsity of event-driven
        networks refer.

    Raises
    ------
    ConfigError
        If the run has trained no network, several, or has not finished.
    """
    from eventsim import io

    trace = io.load(path, recordings=False)
    if not io.hdf5.is_complete(path):
        raise ConfigError(f"{path} is not finished; go on with it first (--resume)")
    values, how = io.config.from_toml(trace.config, f"the configuration in {path}")
    name = str(how.get("scenario"))
    scenario: Scenario = io.config.make(scenario_kind(name), todays_values(name, values, quiet=True))
    replaced = str(trace.provenance.get("replacement_data", ""))
    run = Run(
        file=_NoFile(),  # type: ignore[arg-type]
        seed=int(how.get("seed") or 0),
        threads=available_threads(),
        data=data_folder(data),
    )
    if replaced:
        run.replacement_data = replaced
        run.state = {"dataset": replaced_name(replaced)}
    trained = scenario.trained(Rebuilt(run, trace.parameters, step))
    about = {"Scenario": name, **trained.about}
    if how.get("hardware") not in (None, "ideal"):
        about["Target"] = f"ideal; the run was on {how['hardware']}"
    if replaced:
        about["Data"] = replaced
    return io.neurobench.evaluate(
        trained.model, trained.batches, trained.scores, n_classes=trained.n_classes, about=about
    )


def replaced_name(words: str) -> str:
    """Return the name that a task has in a state, of data that replace a set that was not found."""
    return "sweeps" if "sweeps" in words else "digits"

"""Train a run for more epochs than it was begun with: ``eventsim run NAME -o FILE --resume epochs=N``.

A run that trains one network keeps its last state when it has finished. With a constant learning rate, or
one that falls in steps, it ends with the bits of a run of N epochs from the start. A rate that falls along a
curve to the last epoch goes on along the curve of N epochs, which is another training.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import eventsim
from eventsim.errors import ConfigError
from eventsim.scenarios.earlier_names import todays_values
from eventsim.scenarios.run import Run
from eventsim.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from eventsim.trace import Trace


def begin(
    path: Path, trace: "Trace", wanted: Scenario, how: Mapping[str, Any], common: Mapping[str, Any]
) -> Run:
    """Return a run that goes on from a file's state, in a new file at the same place.

    Parameters
    ----------
    path : Path
        File of the run; it is replaced.
    trace : Trace
        What is in it.
    wanted : Scenario
        Its configuration with more epochs.
    how : mapping
        Its table ``[run]``.
    common : mapping
        Threads, data and quietness of the run.

    Raises
    ------
    ConfigError
        If the file has no state.
    """
    from eventsim import io

    if not trace.state:
        raise ConfigError(
            f"{path} has no state from which its training could go on; "
            f"begin again with epochs={_epochs(wanted)}"
        )
    values, _ = io.config.from_toml(trace.config)
    before = io.config.make(type(wanted), todays_values(str(how["scenario"]), values, quiet=True))
    provenance = {key: value for key, value in trace.provenance.items() if key != "version"}
    file = io.TraceFile.create(
        path,
        time_unit=trace.time_unit,
        config=io.config.to_toml(wanted, **how),
        provenance={**provenance, "version": eventsim.__version__},
        overwrite=True,
    )
    file.put(parameters=dict(trace.parameters))
    run = Run(file=file, seed=int(how.get("seed", 0)), hardware=how.get("hardware"), **common)
    run.go_on(trace.state, trace.provenance)
    run.say(f"going on with {path}")
    run.note(f"trained for {_epochs(before)} epochs, then on to {_epochs(wanted)}")
    run.checkpoint(run.state or {}, force=True)
    return run


def _epochs(wanted: Any) -> int:
    epochs: int = wanted.epochs
    return epochs

"""``eventsim run --sonata config.json``: the simulation of a SONATA configuration as one run."""

from pathlib import Path
from time import perf_counter

from eventsim.errors import ConfigError

__all__ = ["run_circuit"]


def run_circuit(
    config: Path, output: Path | None = None, *, hardware: str | None = None, overwrite: bool = False,
    quiet: bool = False,
) -> Path:  # fmt: skip
    """Build and run the circuit of a configuration, write its file, and return that.

    Parameters
    ----------
    config : Path
        Of a simulation, in JSON.
    output : Path, optional
        HDF5 file; named after the configuration, in the present folder, where None.
    hardware : str, optional
        Target to run on.
    overwrite, quiet : bool
        Whether a file that is there is replaced, and whether nothing is said on the way.

    Raises
    ------
    ConfigError
        If the configuration has no simulation, or a part of it cannot be expressed.
    """
    from eventsim import Simulation, io

    if config.suffix.lower() != ".json":
        raise ConfigError(f"--sonata runs a configuration that ends with .json, got {str(config)!r}")
    trace = io.load(config)
    if trace.duration <= 0:
        raise ConfigError(f"{config} says no end of a simulation; SONATA has it as run, tstop, in ms")
    output = Path(f"{config.stem}.h5") if output is None else output
    sim = Simulation(trace.network(), hardware=hardware)
    for each in trace.declaration["recordings"]:
        sim.record(each["population"], each["variable"], every=each["every"], units=each["units"])
    about = {"scenario": "sonata", "configuration": config.name, "notes": trace.provenance["notes"]}
    with io.TraceFile.create(output, provenance=about, overwrite=overwrite) as file:
        sim.stream(file)
        start = perf_counter()
        sim.run(trace.duration, progress=not quiet)
        file.put(provenance={"wall_seconds": perf_counter() - start})
    return output

"""``eventsim export``: the file of a run in the formats of other programs."""

from collections.abc import Sequence
from pathlib import Path

from eventsim.errors import ConfigError, did_you_mean

FORMATS = {
    "sonata": "a folder",
    "sonata-network": "a folder",
    "csv": "a folder",
    "nwb": "a file that ends with .nwb",
    "nir": "a file that ends with .nir",
}
FILES = ("nwb", "nir")


def export(
    path: Path,
    to: str,
    output: Path | None = None,
    *,
    populations: Sequence[str] | None = None,
    start: float | None = None,
    stop: float | None = None,
    dt: float | None = None,
) -> list[Path]:
    """Write what a run recorded, or its network, in another format, and return the files.

    Parameters
    ----------
    path : Path
        File of a run, or of another program in a layout that `eventsim.io.load` reads.
    to : {"sonata", "sonata-network", "csv", "nwb", "nir"}
        NIR and "sonata-network" have the network, the others have the recordings.
    output : Path, optional
        A folder, or for NWB and NIR a file; beside the run and named after it where None.
    populations, start, stop : optional
        Which part of the recordings is read and written, as `eventsim.io.load` takes them.
    dt : float, optional
        For NIR, the step of the program that is to read the file; see `eventsim.io.nir.to_nir`.

    Raises
    ------
    ConfigError
        If the format is unknown, the run recorded nothing, or the output is of the wrong kind.
    ImportError
        If the package for the format is not installed.
    """
    from eventsim import io

    if to not in FORMATS:
        hint = did_you_mean(to, FORMATS) or ";"
        raise ConfigError(f"no format is called {to!r}{hint} known: {', '.join(FORMATS)}")
    if dt is not None and to != "nir":
        raise ConfigError("--dt is for --to nir")
    if output is None:
        output = path.with_suffix(f".{to}") if to in FILES else path.with_name(f"{path.stem}-{to}")
    if to in FILES and output.suffix.lower() != f".{to}":
        raise ConfigError(f"--to {to} writes {FORMATS[to]}, got {str(output)!r}")
    if to not in FILES and output.is_file():
        raise ConfigError(f"--to {to} writes {FORMATS[to]}, and {str(output)!r} is a file")
    if not output.parent.is_dir():
        raise ConfigError(f"folder {str(output.parent)!r} does not exist; make it first, or export elsewhere")
    if to in ("nir", "sonata-network") and (populations or start is not None or stop is not None):
        raise ConfigError(
            f"--to {to} writes the network; --population, --start and --stop are for recordings"
        )
    trace = io.load(path, recordings=to != "nir", populations=populations or None, start=start, stop=stop)
    if to == "nir":
        return [io.export.to_nir(trace.network(), output, dt=1.0 if dt is None else dt)]
    if to == "sonata-network":
        net = trace.network()
        return io.sonata.write_circuit(net, output, spikes=trace)
    if not trace.spikes and not trace.samples:
        raise ConfigError(f"{path} has neither spikes nor samples to export")
    if to == "nwb":
        return [io.export.to_nwb(trace, output)]
    return io.export.to_csv(trace, output) if to == "csv" else io.export.to_sonata(trace, output)

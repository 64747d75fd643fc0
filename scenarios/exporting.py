"""``eventsim export``: the file of a run in the formats of other programs."""

from pathlib import Path

from eventsim.errors import ConfigError, did_you_mean

FORMATS = {"sonata": "a folder", "csv": "a folder", "nwb": "a file that ends with .nwb"}


def export(path: Path, to: str, output: Path | None = None) -> list[Path]:
    """Write what a run recorded in another format, and return the files.

    Parameters
    ----------
    path : Path
        File of a run, or of another program in a layout that `eventsim.io.load` reads.
    to : {"sonata", "csv", "nwb"}
    output : Path, optional
        A folder, or for NWB a file; beside the run and named after it where None.

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
    if output is None:
        output = path.with_suffix(".nwb") if to == "nwb" else path.with_name(f"{path.stem}-{to}")
    if to == "nwb" and output.suffix.lower() != ".nwb":
        raise ConfigError(f"--to nwb writes {FORMATS[to]}, got {str(output)!r}")
    if to != "nwb" and output.is_file():
        raise ConfigError(f"--to {to} writes {FORMATS[to]}, and {str(output)!r} is a file")
    if not output.parent.is_dir():
        raise ConfigError(f"folder {str(output.parent)!r} does not exist; make it first, or export elsewhere")
    trace = io.load(path)
    if not trace.spikes and not trace.samples:
        raise ConfigError(f"{path} has neither spikes nor samples to export")
    if to == "nwb":
        return [io.export.to_nwb(trace, output)]
    return io.export.to_csv(trace, output) if to == "csv" else io.export.to_sonata(trace, output)

"""Sounds of foreign WAV files, or one clear error."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from eventsim.errors import FileFormatError

__all__ = ["read_wav"]


def read_wav(path: Path) -> tuple[int, NDArray[Any]]:
    """Return the rate in samples a second, and the samples as they are stored.

    Raises
    ------
    FileNotFoundError, FileFormatError
        If the file is missing, or is no WAV file.
    """
    from scipy.io import wavfile

    try:
        rate, sound = wavfile.read(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # the library has no class of its own for what it finds in a foreign file
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise FileFormatError(f"{path} is no WAV file: {line}") from None
    return int(rate), sound

"""Patterns of one's own: piano rolls (.npy), MIDI files, spike trains (.npz)."""

import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.io.numpy_files import read_npy, read_npz
from eventsim.scenarios.elise.patterns import STEP, Pattern, published

__all__ = ["pattern_of"]

FORMS = "'fur-elise', 'short', a piano roll (.npy), a MIDI file (.mid) or spike trains (.npz)"
NUMBERS = ("times", "units", "duration")
MOST_PLACES = 1 << 26  # rows times neurons: an hour in ms of 18 neurons
MIDDLE_C = 60
PENTATONIC = (0, 2, 4, 7, 9)  # semitones, for neurons without a pitch


def pattern_of(name: str, step: float = 0.0) -> Pattern:
    """Return the pattern called `name`, or the one in that file.

    Parameters
    ----------
    name : str
    step : float
        ms of a row, or 0: 10 for published patterns and sixteenth notes, 1 for piano rolls.

    Raises
    ------
    ConfigError
        If there is no such pattern or file, or it has a wrong shape or a silent neuron.
    FileFormatError
        If it is no file of NumPy arrays.
    """
    if name in ("fur-elise", "short"):
        return published(name, step or STEP)
    path = Path(name)
    readers = {".npy": _piano_roll, ".mid": _midi, ".midi": _midi, ".npz": _spikes}
    if path.suffix.lower() not in readers:
        raise ConfigError(f"pattern must be {FORMS}, got {name!r}")
    if not os.path.isfile(path):  # False, too, for a name that no file can have
        raise ConfigError(f"pattern {name!r} does not exist; it must be {FORMS}")
    return readers[path.suffix.lower()](path, step)


def _checked(path: Path, roll: NDArray[np.bool_], step: float, pitches: NDArray[np.int64] | None) -> Pattern:
    """Return the pattern, if every neuron has a note in it and a rest."""
    for kind, wrong in (("is never active", ~roll.any(axis=0)), ("is always active", roll.all(axis=0))):
        if wrong.any():
            raise ConfigError(
                f"neuron {int(np.argmax(wrong))} of the pattern {str(path)!r} {kind}, "
                "so nothing can be learned of it; leave its column out"
            )
    if pitches is None:
        octaves, degree = np.divmod(np.arange(roll.shape[1]), len(PENTATONIC))
        pitches = np.minimum(MIDDLE_C + 12 * octaves + np.array(PENTATONIC)[degree], 127)
    return Pattern(path.stem, roll, step, np.asarray(pitches, np.int64))


def _empty(path: Path, rows: float, n: int) -> NDArray[np.bool_]:
    """Return a roll without notes, if it is no larger than a pattern can be."""
    if rows * n > MOST_PLACES:
        raise ConfigError(
            f"the pattern {str(path)!r} has {rows:.3g} rows of {n:.3g} neurons; together at most "
            f"{MOST_PLACES} places are read"
        )
    return np.zeros((int(rows), n), bool)


def _piano_roll(path: Path, step: float) -> Pattern:
    """Read 0 and 1, shape (rows, neurons)."""
    roll = read_npy(path)
    if roll.ndim != 2 or 0 in roll.shape or roll.shape[0] < 2:
        raise ConfigError(
            f"a piano roll has shape (rows, neurons) with two rows at least, {str(path)!r} has {roll.shape}"
        )
    if roll.dtype.kind not in "fiub" or not np.isin(roll, (0, 1)).all():
        raise ConfigError(f"a piano roll holds 0 and 1 only, {str(path)!r} has other values")
    return _checked(path, roll.astype(bool), step or 1.0, None)


def _spikes(path: Path, step: float) -> Pattern:
    """Read spikes, `times` in ms and `units`; each is a note of 10 ms, `duration` the length of the cycle."""
    found = read_npz(path)
    missing = [name for name in ("times", "units") if name not in found]
    if missing:
        raise ConfigError(
            f"spike trains need the arrays times (ms) and units, {str(path)!r} has no {missing[0]!r}"
        )
    times, units, length = found["times"], found["units"], found.get("duration", np.zeros(()))
    wrong = [name for name, each in found.items() if name in NUMBERS and each.dtype.kind not in "iuf"]
    if wrong:
        raise ConfigError(f"{wrong[0]} of {str(path)!r} must be numbers, got {found[wrong[0]].dtype}")
    if length.size != 1 or not np.isfinite(length).all() or length.item() < 0:
        raise ConfigError(f"duration of {str(path)!r} must be one number of ms, got {str(length)[:60]}")
    if times.ndim != 1 or times.shape != units.shape or not len(times):
        raise ConfigError(
            f"times and units of {str(path)!r} must be two equally long rows of numbers, "
            f"got {times.shape} and {units.shape}"
        )
    if not (np.isfinite(times).all() and np.isfinite(units).all() and times.min() >= 0 and units.min() >= 0):
        raise ConfigError(f"times and units of {str(path)!r} must be finite and not negative")
    row, times = step or 1.0, times.astype(float)
    last = float(length.item()) if "duration" in found else times.max() + 2 * STEP
    with np.errstate(over="ignore"):
        roll = _empty(path, max(np.ceil(last / row), 2.0), int(units.max()) + 1)
    rows = len(roll)
    for time, unit in zip(times, units.astype(int), strict=True):
        first = int(time // row)
        roll[np.arange(first, first + max(round(STEP / row), 1)) % rows, unit] = True
    return _checked(path, roll, row, None)


def _check_chunks(path: Path, content: bytes) -> None:
    """Refuse a MIDI file whose chunks are longer than the file."""
    place = 0
    if len(content) < 14 or not content.startswith(b"MThd"):
        return  # the library says so
    for _ in range(1 + int.from_bytes(content[10:12], "big")):
        size = int.from_bytes(content[place + 4 : place + 8], "big")
        if place + 8 + size > len(content):
            raise ConfigError(
                f"the MIDI file {str(path)!r} is damaged: a chunk at byte {place} declares {size} bytes, but "
                f"{max(len(content) - place - 8, 0)} are left"
            )
        place += 8 + size


def _midi(path: Path, step: float) -> Pattern:
    """Read a MIDI file; a row is a sixteenth note, a neuron is a pitch, the highest first."""
    try:
        import mido
    except ImportError:
        raise ConfigError("MIDI files are read with mido: pip install 'eventsim[midi]'") from None
    content = path.read_bytes()
    _check_chunks(path, content)
    try:
        # From a file the library would reserve what a header declares, from bytes it takes what is there.
        file = mido.MidiFile(file=io.BytesIO(content))
    except Exception as error:  # the library has no class of its own for what it finds in a foreign file
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ConfigError(f"the pattern {str(path)!r} cannot be read as a MIDI file: {line}") from None
    if file.ticks_per_beat <= 0:
        raise ConfigError(
            f"the MIDI file {str(path)!r} counts time by frames, not by beats, which is not read"
        )
    sixteenth = file.ticks_per_beat / 4
    notes: list[tuple[int, int, int]] = []  # pitch, first row, row after the last
    for track in file.tracks:
        now = 0
        open_notes: dict[int, int] = {}
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity > 0:
                open_notes[message.note] = now
            elif message.type in ("note_on", "note_off") and message.note in open_notes:
                first = round(open_notes.pop(message.note) / sixteenth)
                notes.append((message.note, first, max(round(now / sixteenth), first + 1)))
    if not notes:
        raise ConfigError(f"the MIDI file {str(path)!r} has no notes")
    start = min(first for _, first, _ in notes)
    pitches = sorted({pitch for pitch, _, _ in notes}, reverse=True)
    roll = _empty(path, max(end for _, _, end in notes) - start, len(pitches))
    for pitch, first, end in notes:
        roll[first - start : end - start, pitches.index(pitch)] = True
    return _checked(path, roll, step or STEP, np.array(pitches))

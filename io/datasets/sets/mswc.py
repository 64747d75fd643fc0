"""Words in fifteen languages for few-shot learning: NeuroBench's part of MSWC (Mazumder et al. 2021).

In the folder ``MSWC`` lie ``base_train.csv``, ``base_val.csv`` and ``base_test.csv`` with lines "path,word,
language", a folder a language with ``evaluation.csv`` of the same form, and the recordings as
``<language>/clips/<path>``, WAV of 48 kHz. Recordings are read one by one, since all together take gigabytes.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.io.datasets.wav import read_wav
from eventsim.trace import Ints

MSWC = PublishedSet("MSWC", "mlcommons.org/datasets/multilingual-spoken-words", {})
RATE = 48000  # samples a second, and samples of a recording
SESSIONS = ("fa", "eo", "pt", "eu", "pl", "cy", "nl", "ru", "es", "it")

Split = Literal["train", "val", "test"]
Sound = NDArray[np.int16]


@dataclass(frozen=True)
class Recordings(Sequence[Sound]):
    """Recordings of one second, read when they are asked for.

    Attributes
    ----------
    paths : files of the recordings.
    words : what is said in each.
    languages : in which language, two letters.
    """

    paths: tuple[Path, ...]
    words: tuple[str, ...]
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, k: int) -> Sound: ...

    @overload
    def __getitem__(self, k: slice) -> "Recordings": ...

    def __getitem__(self, k: int | slice) -> "Sound | Recordings":
        """Return recording k, shape (48000,): shorter ones end in zeros, longer ones are cut."""
        if isinstance(k, slice):
            return Recordings(self.paths[k], self.words[k], self.languages[k])
        path = self.paths[k]
        rate, sound = read_wav(path)
        if rate != RATE or sound.ndim != 1 or sound.dtype != np.int16:
            raise FileFormatError(
                f"{path} must have one channel of 16 bits at {RATE} Hz, got {sound.dtype} "
                f"of shape {sound.shape} at {rate} Hz"
            )
        whole = np.zeros(RATE, np.int16)
        whole[: len(sound)] = sound[:RATE]
        return whole

    def chosen(self, places: Ints) -> "Recordings":
        """Return the recordings at some places."""
        parts = (tuple(each[k] for k in places) for each in (self.paths, self.words, self.languages))
        return Recordings(*parts)

    def labels(self, vocabulary: Sequence[str]) -> Ints:
        """Return the place of each word in a vocabulary, shape (n,)."""
        place = {word: k for k, word in enumerate(vocabulary)}
        return np.array([place[word] for word in self.words], np.int64)


@hinting
def mswc_base(split: Split = "train", data: Folder = None) -> Recordings:
    """Return the recordings of the hundred base words: 500 each to train, 100 to validate, 100 to test.

    Raises
    ------
    ValueError
        If there is no such split.
    FileNotFoundError, FileFormatError
        If the list is missing, or has another layout.
    """
    if split not in ("train", "val", "test"):
        raise ValueError(f"split must be 'train', 'val' or 'test', got {split!r}")
    return _listed(MSWC.path(f"base_{split}.csv", data), 1)


@hinting
def mswc_session(language: str, data: Folder = None) -> Recordings:
    """Return the recordings of one session: ten words of a language, 200 each.

    The first half of each word's are for shots, the second for queries. Raises as `mswc_base`.
    """
    if language not in SESSIONS:
        raise ValueError(f"language must be one of {', '.join(SESSIONS)}, got {language!r}")
    return _listed(MSWC.path(f"{language}/evaluation.csv", data), 2)


def _listed(path: Path, levels: int) -> Recordings:
    root = path.parents[levels - 1]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path} is no CSV file: {error}") from None
    wrong = next((row for row in rows if len(row) != 3), None)
    if wrong is not None:
        raise FileFormatError(f"{path} must have lines 'path,word,language', got {','.join(wrong)!r}")
    if rows and rows[0][1] == "WORD":
        rows = rows[1:]
    files, words, languages = zip(*rows, strict=True) if rows else ((), (), ())
    paths = tuple(root / language / "clips" / file for file, language in zip(files, languages, strict=True))
    return Recordings(paths, words, languages)

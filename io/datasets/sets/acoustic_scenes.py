"""Sounds of city scenes: the four of NeuroBench from TAU Urban Acoustic Scenes 2020 Mobile (Heittola et al.).

In the folder lie ``meta.csv`` (columns filename, scene_label, identifier, source_label, parted by tabs),
``evaluation_setup/fold1_train.csv`` and ``fold1_evaluate.csv``, and ``audio/*.wav`` of ten seconds.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.io.datasets.wav import read_wav
from eventsim.trace import Ints

ACOUSTIC_SCENES = PublishedSet(
    "TAU-urban-acoustic-scenes-2020-mobile-development", "doi.org/10.5281/zenodo.3670167", {}
)
SCENES = ("airport", "street_traffic", "bus", "park")
LISTS = {"train": "fold1_train.csv", "test": "fold1_evaluate.csv"}


@hinting
def acoustic_scenes(
    split: str = "train", data: Folder = None, device: str = "a"
) -> tuple[list[tuple[Path, int]], Ints]:
    """List the slices of one second of the four scenes that one device has recorded.

    Returns
    -------
    slices : list of (path, second)
        Files of ten seconds, and which of them; `scene` reads one.
    labels : ndarray of int, shape (n,)
        Places in `SCENES`.

    Raises
    ------
    FileNotFoundError, FileFormatError
        If a list is missing, or has another layout.
    """
    name = LISTS[check_split(split)]
    meta = ACOUSTIC_SCENES.path("meta.csv", data)
    rows = {row["filename"]: row for row in _rows(meta, ("filename", "scene_label", "source_label"))}
    chosen = _rows(ACOUSTIC_SCENES.path(f"evaluation_setup/{name}", data), ("filename",))
    slices, labels = [], []
    for each in chosen:
        row = rows.get(each["filename"])
        if row is None:
            raise FileFormatError(f"{name} names {each['filename']}, which is not in {meta}")
        if row["source_label"] == device and row["scene_label"] in SCENES:
            path = meta.parent / row["filename"]
            slices += [(path, second) for second in range(10)]
            labels += [SCENES.index(row["scene_label"])] * 10
    return slices, np.array(labels, np.int64)


def scene(path: Path, second: int) -> tuple[NDArray[np.float32], int]:
    """Read one second of a file: values in -1 to 1, shape (rate,), and the rate in samples a second."""
    rate, sound = read_wav(path)
    part = sound[second * rate : (second + 1) * rate]
    if part.ndim != 1 or len(part) != rate:
        raise FileFormatError(
            f"{path} has no second {second} of one channel: shape {sound.shape} at {rate} Hz"
        )
    # 24 bits are read into the upper bytes of 32, so that the type's range is the sound's.
    scale = 1.0 if part.dtype.kind == "f" else -float(np.iinfo(part.dtype).min)
    return (part / scale).astype(np.float32), rate


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            names, rows = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path} is no table separated by tabs: {error}") from None
    missing = [name for name in needed if name not in names]
    if missing:
        raise FileFormatError(f"{path} has no column {missing[0]!r}; columns: {names}")
    short = next((k for k, row in enumerate(rows) if any(row[name] is None for name in needed)), None)
    if short is not None:
        raise FileFormatError(f"row {short + 1} of {path} has fewer fields than there are columns")
    return rows

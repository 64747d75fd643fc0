"""Events and boxes of a driving car: the 1-megapixel automotive set of Prophesee (Perot et al. 2020).

A sequence is two files: ``<name>_td.dat``, events of 8 bytes behind a header in text, and
``<name>_bbox.npy``, one record a box. A split is a folder (train, val, test) of the folder ``gen4``.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.io.numpy_files import read_npy
from eventsim.trace import Floats

EVENT_CAMERA = PublishedSet("gen4", "prophesee.ai (1 Megapixel Automotive Detection Dataset)", {})
WIDTH, HEIGHT = 1280, 720
CLASSES = {0: "pedestrian", 1: "two wheeler", 2: "car"}
EVENT = np.dtype([("t", "<u4"), ("word", "<u4")])
FEW_WINDOWS, LEAST_EVENTS = 64, 16
"""Events of a window, on average, below which a longer file cannot be one of this sensor."""
FIELDS = ("x", "y", "w", "h", "class_id")


@hinting
def event_camera(split: str = "test", data: Folder = None) -> list[tuple[Path, Path]]:
    """Return the files of a split: events and boxes of each sequence, by name.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such split, or no sequence of it.
    """
    if split not in ("train", "val", "test"):
        raise ValueError(f"split must be 'train', 'val' or 'test', got {split!r}")
    given = os.environ.get("EVENTSIM_DATA") if data is None else data
    root = Path(given or ".")
    for folder in (root / EVENT_CAMERA.folder / split, root / split):
        found = sorted(folder.glob("*_td.dat")) if given else []
        pairs = [(path, path.with_name(path.name.replace("_td.dat", "_bbox.npy"))) for path in found]
        if pairs:
            missing = [boxes for _, boxes in pairs if not boxes.is_file()]
            if missing:
                raise FileNotFoundError(
                    f"{missing[0]} is missing, the boxes of {missing[0].name[:-9]}_td.dat"
                )
            return pairs
    where = (
        str(root / EVENT_CAMERA.folder)
        if given
        else "a folder that is named by --data, data= or EVENTSIM_DATA"
    )
    raise FileNotFoundError(
        f"data set 'gen4' (published at {EVENT_CAMERA.origin}) needs {split}/*_td.dat, "
        f"which are not in {where}"
    )


@hinting
def read_events(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read the events of a DAT file.

    Returns
    -------
    events : dict
        t (us, int64), x and y (pixels, int64), p (polarity, 0 or 1, int64), shape (n,) each.

    Raises
    ------
    FileFormatError
        If it is no DAT file of events of 8 bytes.
    """
    whole = Path(path).read_bytes()
    start = 0
    while whole[start : start + 1] == b"%":
        end = whole.find(b"\n", start)
        if end < 0:
            raise FileFormatError(f"{path} is no DAT file: its header does not end")
        start = end + 1
    if start == 0 or len(whole) < start + 2 or whole[start + 1] != EVENT.itemsize:
        size = whole[start + 1] if len(whole) >= start + 2 else None
        raise FileFormatError(
            f"{path} is no DAT file of events of {EVENT.itemsize} bytes: header of {start} bytes, size {size}"
        )
    body = whole[start + 2 :]
    if len(body) % EVENT.itemsize:
        raise FileFormatError(f"{path} ends within an event: {len(body)} bytes of events of {EVENT.itemsize}")
    events = np.frombuffer(body, EVENT)
    if (events["t"][1:] < events["t"][:-1]).any():
        k = int(np.argmax(events["t"][1:] < events["t"][:-1])) + 1
        raise FileFormatError(
            f"{path} is damaged: event {k} is at {events['t'][k]} us, before the one before"
        )
    word = events["word"].astype(np.int64)
    return {
        "t": events["t"].astype(np.int64),
        "x": word & 0x3FFF,
        "y": word >> 14 & 0x3FFF,
        "p": word >> 28 & 1,
    }


@hinting
def read_boxes(path: str | Path, scale: float = 0.5, smallest: float = 60.0) -> dict[str, NDArray[Any]]:
    """Read the boxes of the three classes of the task.

    Parameters
    ----------
    scale : float
        Sizes and places are multiplied by it; 0.5 gives the 640 x 360 pixels of the task.
    smallest : float
        Pixels of the sensor; boxes with a shorter diagonal are left out.

    Returns
    -------
    boxes : dict
        t (us), box (n, 4: left, top, width, height), label (n,: key of `CLASSES`).
    """
    found = read_npy(path)
    names = found.dtype.names or ()
    time = "t" if "t" in names else "ts"
    missing = [name for name in (time, *FIELDS) if name not in names]
    if missing:
        raise FileFormatError(
            f"{path} has boxes without {missing[0]!r}; fields: {', '.join(names) or 'none'}"
        )
    wrong = [
        name for name in (time, *FIELDS) if found.dtype[name].kind not in "iuf" or found.dtype[name].shape
    ]
    if found.ndim != 1 or wrong:
        what = f"field {wrong[0]!r} of {found.dtype[wrong[0]]}" if wrong else f"the shape {found.shape}"
        raise FileFormatError(f"{path} should have a row of numbers for each box, but has {what}")
    if not all(np.isfinite(found[name]).all() for name in (time, *FIELDS)):
        raise FileFormatError(f"{path} has a box with a value that is not finite")
    box = np.stack([found[name].astype(np.float64) for name in FIELDS[:4]], axis=1)
    label = found["class_id"].astype(np.int64)
    kept = np.isin(label, list(CLASSES)) & (np.hypot(box[:, 2], box[:, 3]) >= smallest)
    return {"t": found[time].astype(np.int64)[kept], "box": box[kept] * scale, "label": label[kept]}


@hinting
def histograms(events: dict[str, NDArray[Any]], window: int = 50_000, scale: float = 0.5) -> Floats:
    """Count events by window and polarity, shape (windows, 2, height, width): the frames that detectors see.

    Parameters
    ----------
    window : int
        us.
    scale : float
        As for boxes.
    """
    width, height = int(WIDTH * scale), int(HEIGHT * scale)
    if not len(events["t"]):
        return np.zeros((0, 2, height, width))
    frame = events["t"] // window
    x, y = (events["x"] * scale).astype(np.int64), (events["y"] * scale).astype(np.int64)
    outside = (x >= width) | (y >= height)
    if outside.any():
        k = int(np.flatnonzero(outside)[0])
        raise FileFormatError(f"event {k} lies outside the sensor: x {events['x'][k]}, y {events['y'][k]}")
    windows = int(frame.max()) + 1
    if windows > max(FEW_WINDOWS, len(frame) // LEAST_EVENTS):
        raise FileFormatError(
            f"{len(frame)} events span {windows} windows of {window} us; such a sensor has thousands each, "
            "so a time is damaged"
        )
    shape = (windows, 2, height, width)
    place = np.ravel_multi_index((frame, events["p"], y, x), shape)
    return np.bincount(place, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)

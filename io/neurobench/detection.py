"""Mean average precision of boxes as COCO defines it, over sequences with times: `CocoMap` of NeuroBench.

A detection is a hit if it overlaps by at least a threshold with a box of its class at its time that no better
detection has taken; the precision at 101 recalls, interpolated from the right, is averaged over recalls,
classes and ten thresholds from 0.5 to 0.95 (Lin et al. 2014; settings of the camera task: Perot et al. 2020).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["THRESHOLDS", "coco_map", "overlap"]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = 100  # detections of a frame that count, the most confident ones
Floats = NDArray[np.float64]
Boxes = Mapping[str, ArrayLike]


def overlap(one: ArrayLike, other: ArrayLike) -> Floats:
    """Return the area that boxes share over the area that they cover, shape (n, m).

    Parameters
    ----------
    one, other : array_like, shapes (n, 4) and (m, 4)
        Left, top, width, height.
    """
    a, b = np.asarray(one, np.float64)[:, None], np.asarray(other, np.float64)[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - shared
    shares: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares


def coco_map(
    truth: Sequence[Boxes],
    found: Sequence[Boxes],
    *,
    classes: Sequence[int] = (0, 1, 2),
    skipped: int = 500_000,
    tolerance: int = 25_000,
) -> dict[str, float]:
    """Return the mean average precision of detections.

    Parameters
    ----------
    truth, found : sequence of dict, one a sequence
        t (us, shape (n,)), box (n, 4: left, top, width, height), label (n,); of detections score (n,) too.
    classes : sequence of int
        Classes without a box in `truth` are left out.
    skipped : int
        us at the start of a sequence that do not count.
    tolerance : int
        us by which the time of a detection may differ from that of a labelled frame.

    Returns
    -------
    results : dict
        CocoMap, and by threshold CocoMap50 and CocoMap75.

    Raises
    ------
    ValueError
        If shapes do not agree, a number is not finite, or there is no box to detect.
    """
    if len(truth) != len(found):
        raise ValueError(f"there must be detections for each sequence, got {len(found)} for {len(truth)}")
    frames = [
        frame
        for number, (real, seen) in enumerate(zip(truth, found, strict=True))
        for frame in _frames(
            _checked(real, f"boxes of sequence {number}"),
            _checked(seen, f"detections of sequence {number}", scored=True),
            skipped,
            tolerance,
        )
    ]
    by_class = [each for label in classes if (each := _precisions(frames, label)) is not None]
    if not by_class:
        raise ValueError(f"there is no box of the classes {list(classes)} to detect")
    means = np.mean(by_class, axis=0)
    return {"CocoMap": float(means.mean()), "CocoMap50": float(means[0]), "CocoMap75": float(means[5])}


def _checked(boxes: Boxes, what: str, *, scored: bool = False) -> dict[str, NDArray[Any]]:
    arrays = {
        name: np.asarray(boxes[name]) for name in ("t", "box", "label", *(("score",) if scored else ()))
    }
    n = len(arrays["t"])
    if arrays["box"].shape != (n, 4) or any(a.shape != (n,) for k, a in arrays.items() if k != "box"):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{what} need t, label{', score' * scored} (n,) and box (n, 4), got {shapes}")
    for name in ("box", "score")[: 1 + scored]:
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{what} must have finite values of {name!r}")
    return arrays


def _frames(
    real: dict[str, NDArray[Any]], seen: dict[str, NDArray[Any]], skipped: int, tolerance: int
) -> list[tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]]:
    """Return boxes and detections of each labelled time."""
    frames = []
    for t in np.unique(real["t"][real["t"] >= skipped]):
        own = real["t"] == t
        near = np.abs(seen["t"].astype(np.int64) - int(t)) <= tolerance
        frames.append(({k: a[own] for k, a in real.items()}, {k: a[near] for k, a in seen.items()}))
    return frames


def _precisions(frames: Sequence[Any], label: int) -> Floats | None:
    """Return the average precision of one class at each threshold; None without a box."""
    scores, hits, n_boxes = [], [], 0
    for real, seen in frames:
        boxes = real["box"][real["label"] == label]
        n_boxes += len(boxes)
        own = seen["label"] == label
        order = np.argsort(-seen["score"][own], kind="stable")[:MOST]
        detected, score = seen["box"][own][order], seen["score"][own][order]
        scores.append(score)
        hits.append(_hits(overlap(detected, boxes)))
    if not n_boxes:
        return None
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hit = np.concatenate(hits)[order]
    right = hit.cumsum(axis=0)
    recall = right / n_boxes
    precision = right / np.arange(1, len(hit) + 1)[:, None]
    # From the right: the best precision that any later recall still has.
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    means = np.zeros(len(THRESHOLDS))
    for k in range(len(THRESHOLDS)):
        place = np.searchsorted(recall[:, k], RECALLS, side="left")
        means[k] = (
            np.where(place < len(hit), best[np.minimum(place, len(hit) - 1), k], 0).mean() if len(hit) else 0
        )
    return means


def _hits(shares: Floats) -> NDArray[np.bool_]:
    """Return which detections, best first, take a box at each threshold, shape (detections, thresholds)."""
    n, m = shares.shape
    hit = np.zeros((n, len(THRESHOLDS)), bool)
    for k, threshold in enumerate(THRESHOLDS):
        free = np.ones(m, bool)
        for i in range(n):
            open_shares = np.where(free, shares[i], -1.0)
            if m and open_shares.max() >= threshold:
                # As pycocotools does, the last of equal boxes is taken.
                best = m - 1 - int(open_shares[::-1].argmax())
                free[best], hit[i, k] = False, True
    return hit

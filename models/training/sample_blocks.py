"""Inputs of many samples, cut into blocks or filled up where one sample counts for all."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsim.spike_trains import lengths_of

__all__ = ["blocks", "one_row_per_sample"]

BLOCK = 1024  # samples of a prediction that are in memory together


def blocks(inputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the inputs cut into parts of at most BLOCK samples; a sample alone goes into all parts."""
    n = max(lengths_of(inputs).values(), default=1)
    if n <= BLOCK:
        return [inputs]
    return [
        {name: each if len(each) == 1 else each[low : low + BLOCK] for name, each in inputs.items()}
        for low in range(0, n, BLOCK)
    ]


def one_row_per_sample(inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """Return inputs in which a sample alone is repeated for all, and the number of samples."""
    lengths = set(lengths_of(inputs).values())
    n = max(lengths, default=1)
    if lengths != {1, n} or n == 1:
        return inputs, n

    def rows(each: Any) -> Any:
        if len(each) > 1:
            return each
        if isinstance(each, np.ndarray):
            return np.broadcast_to(each, (n, *each.shape[1:]))
        return [each[0]] * n

    return {name: rows(each) for name, each in inputs.items()}, n

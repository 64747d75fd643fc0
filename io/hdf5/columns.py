"""Datasets that grow: rows are collected in a buffer and written as whole chunks.

A column that fits into one chunk is stored contiguously, in its exact size, so that small runs make small
files; a longer column is chunked. Each whole chunk is written directly from the caller's array or from the
buffer, without HDF5's chunk cache, which is as fast as writing a plain file. The buffer holds one chunk.
"""

from collections.abc import Mapping
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.io.hdf5.schema import CHUNK


class Column:
    """An appendable dataset of numbers, one- or two-dimensional.

    Parameters
    ----------
    group, name :
        Where the dataset stands.
    dtype :
        Type of its elements.
    width : int, optional
        Elements of a row; None makes a one-dimensional dataset.
    attributes : mapping
        Attributes of the dataset.
    """

    def __init__(
        self,
        group: h5py.Group,
        name: str,
        dtype: np.dtype[Any],
        width: int | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.group, self.name, self.dtype = group, name, dtype
        self.attributes = dict(attributes or {})
        self._row: tuple[int, ...] = () if width is None else (width,)
        self._rows = max(1, CHUNK // max(1, width or 1))
        self._buffer = np.empty((self._rows, *self._row), dtype)
        self._held = 0  # rows in the buffer, always fewer than a chunk's
        self._written = 0  # rows in whole chunks on file
        self._dataset: h5py.Dataset | None = None  # the chunked dataset, once there is one
        self._changed = True

    @classmethod
    def reopen(cls, group: h5py.Group, name: str, dtype: np.dtype[Any], ndim: int = 1) -> Self:
        """Return a column that goes on where the dataset on file ends.

        Raises
        ------
        ValueError
            If there is no dataset of that type with so many axes.
        """
        dataset = group[name]
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype != dtype or dataset.ndim != ndim:
            raise ValueError(f"{dataset.name} should be an array of {dtype} with {ndim} axes")
        column = cls(
            group, name, dataset.dtype, dataset.shape[1] if dataset.ndim == 2 else None, dict(dataset.attrs)
        )
        if dataset.chunks is not None and dataset.chunks[0] == column._rows:
            column._dataset = dataset
            column._held = len(dataset) % column._rows
            column._written = len(dataset) - column._held
            column._buffer[: column._held] = dataset[column._written :]
        else:
            column.append(dataset[...])
        return column

    def __len__(self) -> int:
        return self._written + self._held

    @property
    def pending(self) -> int:
        """Most bytes that `flush` writes."""
        if not self._changed:
            return 0
        return (self._buffer if self._dataset is not None else self._buffer[: self._held]).nbytes

    def growth(self, n: int) -> int:
        """Return the most bytes that `append` writes for `n` rows; rows that fit the buffer stay there."""
        return 0 if self._held + n < self._rows else (self._held + n) * self._buffer[:1].nbytes

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, shape (k,) or (k, width); converted to the column's type where needed."""
        rows = np.ascontiguousarray(rows, self.dtype)
        n, done = len(rows), 0
        self._changed = self._changed or n > 0
        if self._held:
            done = min(n, self._rows - self._held)
            self._buffer[self._held : self._held + done] = rows[:done]
            self._held += done
            if self._held == self._rows:
                self._held = 0
                self._write_chunk(self._buffer)
        while n - done >= self._rows:
            self._write_chunk(rows[done : done + self._rows])
            done += self._rows
        if done < n:
            self._held = n - done
            self._buffer[: self._held] = rows[done:]

    def flush(self) -> None:
        """Bring the rows in the buffer onto the file too; they stay in the buffer as well."""
        if not self._changed:
            return
        self._changed = False
        if self._dataset is None:
            self._create(data=self._buffer[: self._held])
        elif self._held:
            self._buffer[self._held :] = 0  # the rest of the last chunk: no leftovers on file
            self._dataset.id.set_extent((len(self), *self._row))
            self._dataset.id.write_direct_chunk(self._offset(), self._buffer)

    def _write_chunk(self, chunk: NDArray[Any]) -> None:
        if self._dataset is None:
            self._dataset = self._create(
                shape=(0, *self._row),
                dtype=self.dtype,
                maxshape=(None, *self._row),
                chunks=(self._rows, *self._row),
            )
        self._dataset.id.set_extent((self._written + self._rows, *self._row))
        self._dataset.id.write_direct_chunk(self._offset(), chunk)
        self._written += self._rows

    def _offset(self) -> tuple[int, ...]:
        return (self._written, *(0 for _ in self._row))

    def _create(self, **how: Any) -> h5py.Dataset:
        if self.name in self.group:
            del self.group[self.name]
        dataset = self.group.create_dataset(self.name, **how)
        for key, value in self.attributes.items():
            if isinstance(value, str):
                dataset.attrs.create(key, value, dtype=h5py.string_dtype())
            else:
                dataset.attrs[key] = value
        return dataset

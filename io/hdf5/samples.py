"""Sampled variables in the file: exact samples for us, a SONATA frame report for other tools."""

import math
from typing import Self

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.columns import Column
from eventsim.io.hdf5.schema import encode_name

NO_UNIT = "1"  # models state no physical units; readers insist on the attribute


class Report:
    """Samples of one variable of a population, growing row by row.

    Attributes
    ----------
    n_units : int
    every : float
        Step of the grid; 0 for samples at events, which have no frame report.
    last : float
        Time of the last row.
    """

    def __init__(self, times: Column, values: Column, report: h5py.Group | None, every: float) -> None:
        self.every = every
        self.last = -math.inf
        self.first = math.nan
        self._times, self._values, self._report = times, values, report
        self.n_units = 0
        self._frames: Column | None = None

    @classmethod
    def create(
        cls, file: h5py.File, population: str, variable: str, node_ids: NDArray[np.uint64], every: float
    ) -> Self:
        """Lay out the groups of a new variable."""
        unit = str(file[schema.ROOT].attrs["time_unit"])
        group = file[schema.ROOT]["samples"].require_group(population).create_group(encode_name(variable))
        group.attrs["every"] = every
        group.attrs["NX_class"] = "NXdata"
        group.attrs["signal"] = "values"
        group.attrs["axes"] = np.array(["times", "units"], dtype=object)
        group.create_dataset("units", data=node_ids.view(np.int64))
        self = cls(
            Column(group, "times", schema.TIME, attributes={"units": unit}),
            Column(group, "values", schema.SAMPLE, width=len(node_ids), attributes={"long_name": variable}),
            None,
            every,
        )
        self.n_units = len(node_ids)
        if every > 0:
            self._report = _frame_report(file, population, variable, node_ids, unit)
            group.attrs["report"] = self._report.name
            self._frames = Column(
                self._report, "data", schema.FRAME, width=len(node_ids), attributes={"units": NO_UNIT}
            )
        return self

    @classmethod
    def reopen(cls, file: h5py.File, population: str, variable: str) -> Self:
        """Go on with the samples on file."""
        group = file[schema.ROOT]["samples"][population][encode_name(variable)]
        report = _report_of(file, group)
        self = cls(
            Column.reopen(group, "times", schema.TIME),
            Column.reopen(group, "values", schema.SAMPLE, 2),
            report,
            float(group.attrs["every"]),
        )
        self.n_units = len(group["units"])
        if report is not None:
            self._frames = Column.reopen(report, "data", schema.FRAME, 2)
        if len(group["times"]):
            self.first, self.last = float(group["times"][0]), float(group["times"][-1])
        return self

    @property
    def pending(self) -> int:
        """Most bytes that `flush` writes."""
        columns = (self._times, self._values, self._frames)
        return sum(column.pending for column in columns if column is not None)

    def growth(self, n: int) -> int:
        """Return the most bytes that `append` writes for `n` rows."""
        columns = (self._times, self._values, self._frames)
        return sum(column.growth(n) for column in columns if column is not None)

    def check_grid(self, times: NDArray[np.float64]) -> None:
        """Refuse times that are not the next of the grid, since frames are found by counting.

        Raises
        ------
        ValueError
            Naming the time and where it should have been.
        """
        if self.every == 0:
            return
        first = times[0] if math.isnan(self.first) else self.first
        due = first + self.every * (len(self._times) + np.arange(len(times)))
        wrong = np.abs(times - due) > 1e-6 * self.every
        if wrong.any():
            k = int(np.argmax(wrong))
            raise ValueError(
                f"samples every {self.every} from {first} must include one at {due[k]}, got {times[k]}"
            )

    def append(self, times: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        """Add rows."""
        if math.isnan(self.first):
            self.first = float(times[0])
        self._times.append(times)
        self._values.append(values)
        if self._frames is not None:
            with np.errstate(over="ignore"):  # beyond float32 is infinity there; our samples are exact
                self._frames.append(values.astype(schema.FRAME))
        self.last = float(times[-1])

    def flush(self) -> None:
        """Bring everything onto the file, and say which times the frames have."""
        self._times.flush()
        self._values.flush()
        if self._frames is not None and self._report is not None:
            self._frames.flush()
            start = 0.0 if math.isnan(self.first) else self.first
            self._report["mapping/time"][...] = (start, start + len(self._frames) * self.every, self.every)


def _report_of(file: h5py.File, group: h5py.Group) -> h5py.Group | None:
    """Return the frame report that belongs to samples, None for samples at events."""
    if "report" not in group.attrs:
        return None
    name = str(group.attrs["report"])
    reports = file["report"]
    if name.removeprefix("/report/") not in reports or name.count("/") != 2:
        raise ValueError(f"the report {name!r} of {group.name} is not there")
    report = reports[name.removeprefix("/report/")]
    mapping = report["mapping/time"]
    if not isinstance(mapping, h5py.Dataset) or mapping.shape != (3,):
        raise ValueError(f"{mapping.name} should be three numbers")
    return report


def _frame_report(
    file: h5py.File, population: str, variable: str, node_ids: NDArray[np.uint64], unit: str
) -> h5py.Group:
    """Lay out a SONATA report: one column for each unit, at element 0 of its node."""
    reports = file.require_group("report")
    name = f"{population}.{encode_name(variable)}" if population in reports else population
    if name in reports:
        raise ValueError(f"a report named {name!r} is there already; rename the population or the variable")
    group = reports.create_group(name)
    group.attrs["variable"] = variable
    n = len(node_ids)
    mapping = group.create_group("mapping")
    ids = mapping.create_dataset("node_ids", data=node_ids)
    ids.attrs["sorted"] = np.uint8((node_ids[1:] > node_ids[:-1]).all())
    mapping.create_dataset("index_pointers", data=np.arange(n + 1, dtype=np.uint64))
    mapping["index_pointer"] = h5py.SoftLink("index_pointers")  # the name that bmtk looks for
    mapping.create_dataset("element_ids", data=np.zeros(n, np.uint32))
    mapping.create_dataset("element_pos", data=np.full(n, 0.5, np.float32))
    mapping.create_dataset("time", data=np.zeros(3)).attrs.create("units", unit, dtype=h5py.string_dtype())
    return group

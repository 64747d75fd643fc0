"""A window and a population of a file that is larger than the memory a process may have.

The files are sparse: hundreds of megabytes of spikes at time 0, with real ones at the end.
"""

import json
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from eventsim import io
from eventsim.trace import Samples, Spikes, Trace

N = 40_000_000  # spikes, 640 MB
ROWS, WIDTH = 8_000_000, 10  # of samples, 640 MB
ALLOWED = 150_000_000  # bytes more than at the start
LAST = 1000

READER = textwrap.dedent(
    """
    import json, re, resource, sys
    from eventsim import io

    path, allowed, *parts = sys.argv[1:]
    io.load(path, recordings=False)  # imports what is needed
    used = int(re.search(r"VmData:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + int(allowed),) * 2)
    found = []
    for part in map(json.loads, parts):
        try:
            trace = io.load(path, **part)
        except MemoryError as error:
            found.append(str(error))
        else:
            spikes = {name: [each.times.tolist(), each.units.tolist()] for name, each in trace.spikes.items()}
            samples = {".".join(key): each.values.tolist() for key, each in trace.samples.items()}
            found.append({"spikes": spikes, "samples": samples})
    print(json.dumps(found))
    """
)


def read(path, *parts):
    """Return what a process that may take little memory reads of each part."""
    words = [sys.executable, "-c", READER, path, ALLOWED, *map(json.dumps, parts)]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def enlarge(file, place, shape):
    """Put a sparse dataset of zeros in the place of another, with what the other had at its end."""
    old = file[place]
    values, attributes, dtype = old[...], dict(old.attrs), old.dtype
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    del file[place]
    space = h5py.h5s.create_simple(shape)
    kind = h5py.h5t.py_create(dtype, logical=True)
    new = h5py.Dataset(
        h5py.h5d.create(
            file[place.rpartition("/")[0]].id, place.rpartition("/")[2].encode(), kind, space, properties
        )
    )
    new.attrs.update(attributes)
    new[len(new) - len(values) :] = values
    return new


@pytest.fixture
def trace():
    """A small trace; the files are made large afterwards."""
    rng = np.random.default_rng(1)
    grid = 100.0 + 0.001 * np.arange(LAST)
    return Trace(
        sizes={"large": 50, "small": 2},
        spikes={
            "large": Spikes(np.sort(rng.uniform(100, 101, LAST)), rng.integers(0, 50, LAST)),
            "small": Spikes(np.array([1.0, 100.5]), np.array([0, 1])),
        },
        samples={("large", "v"): Samples(grid, rng.normal(size=(LAST, WIDTH)), np.arange(WIDTH), 0.001)},
        duration=200.0,
        time_unit="s",
    )


def own(trace, path):
    """Enlarge a file of eventsim."""
    io.save(trace, path)
    with h5py.File(path, "r+") as file:
        for name in ("timestamps", "node_ids"):
            enlarge(file, f"spikes/large/{name}", (N,))
        del file["report"]
        enlarge(file, "eventsim/samples/large/v/times", (ROWS,))
        enlarge(file, "eventsim/samples/large/v/values", (ROWS, WIDTH))
    return 1.0


def sonata(trace, path):
    """Enlarge a file of another program in the layout of SONATA, times in ms."""
    folder = path.parent / "sonata"
    spikes, report = io.export.to_sonata(trace, folder)
    with h5py.File(path, "w") as file, h5py.File(spikes) as one, h5py.File(report) as other:
        one.copy("spikes", file)
        other.copy("report", file)
        for name in ("timestamps", "node_ids"):
            enlarge(file, f"spikes/large/{name}", (N,))
        enlarge(file, "report/large/data", (ROWS * 2, WIDTH))  # of float32
        time = file["report/large/mapping/time"]
        time[...] = [101e3 - 2.0 * ROWS, 101e3, 1.0]
    return 1e3


def nwb(trace, path):
    """Enlarge a file of NWB."""
    pytest.importorskip("pynwb")
    io.export.to_nwb(trace, path)
    with h5py.File(path, "r+") as file:
        order = np.argsort(trace.spikes["large"].units, kind="stable")
        small = file["units/spike_times"][LAST:]
        ends = file["units/spike_times_index"][...].astype(np.uint64)
        for name, values in (
            ("spike_times", trace.spikes["large"].times[order]),
            ("spike_times_index", ends),
        ):
            attributes = dict(file[f"units/{name}"].attrs)
            del file[f"units/{name}"]
            file[f"units/{name}"] = values
            file[f"units/{name}"].attrs.update(attributes)
        flat = enlarge(file, "units/spike_times", (2 * N,))  # the first unit has the zeros
        file["units/spike_times_index"][...] = ends + np.uint64(2 * N - LAST - len(small))
        flat[-len(small) - LAST : -len(small)] = trace.spikes["large"].times[order]
        flat[-len(small) :] = small
        enlarge(file, "acquisition/large.v/data", (ROWS, WIDTH))
        file["acquisition/large.v/starting_time"][...] = 101.0 - 0.001 * ROWS
    return 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize("write", [own, sonata, nwb])
def test_a_part_of_a_file_larger_than_memory_is_read(write, trace, tmp_path):
    path = tmp_path / "large.h5"
    scale = write(trace, path)
    assert path.stat().st_size > 8 * ALLOWED
    window = {"start": 100.25 * scale, "stop": 100.5 * scale}
    part, small, whole = read(path, window, {"populations": "small"}, {})
    spikes = trace.spikes["large"]
    inside = (spikes.times >= 100.25) & (spikes.times < 100.5)
    assert np.allclose(part["spikes"]["large"][0], spikes.times[inside] * scale, rtol=1e-15)
    assert part["spikes"]["large"][1] == spikes.units[inside].tolist()
    assert len(part["spikes"]["large"][0]) > 100
    (values,) = part["samples"].values()
    assert np.allclose(values, trace.samples["large", "v"].values[250:500], rtol=1e-6)
    assert small["spikes"] == {"small": [[1.0 * scale, 100.5 * scale], [0, 1]]}
    assert whole == f"{path} needs more memory than there is; populations=, start= and stop= read a part"

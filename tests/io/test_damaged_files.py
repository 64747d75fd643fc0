"""Damaged files are read, or refused in one line, within limits of time and memory.

Kinds of files: runs, networks of runs, trained classifiers, labelled spikes in the layout of SHD, sessions of
primate reaching, and what other programs write: SONATA spikes and reports, nodes and edges of circuits, NIR
graphs, NWB. Each file is read in another process, which is ended if it takes too long: the HDF5 library may
hang on a damaged file. By default some hundred files are read; ``pytest --mutations 5000`` reads all.
"""

import contextlib
import copy
import json
import random
import select
import shutil
import subprocess
import sys
import textwrap
from typing import Any

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim.io import load, save
from eventsim.models import SpikingClassifier
from eventsim.network.declaration import declaration_of
from eventsim.trace import Trace

LONGEST = 60.0  # s for one file; most take 10 ms
MOST_MEMORY = 400e6  # bytes more than at the start

READER = textwrap.dedent(
    """
    import json, resource, sys
    from pathlib import Path
    from eventsim.errors import ConfigError, FileFormatError
    from eventsim.io import TraceFile, load
    from eventsim.io.datasets import read_recordings
    from eventsim.io.datasets.sets.primate_reaching import read_session
    from eventsim.models import SpikingClassifier

    def read_run(path):
        TraceFile.resume(path).discard()
        load(path)

    def read_classifier(path):
        SpikingClassifier.load(path).predict([[0.1, 0.9], [0.7, float("inf")]])

    def read_network(path):
        load(path).network()

    def read_circuit(which, path):
        config = Path(path).parent / "circuit" / "config.json"
        tree = json.loads(config.with_name("good.json").read_text())
        tree["networks"][which][0][which + "_file"] = path
        config.write_text(json.dumps(tree))
        load(config).network()

    READERS = {
        "run": read_run, "classifier": read_classifier, "labelled": read_recordings, "sonata": load,
        "network": read_network, "nir": read_network, "config": read_network,
        "packed": read_recordings, "session": read_session, "nwb": load,
        "nodes": lambda path: read_circuit("nodes", path), "edges": lambda path: read_circuit("edges", path),
    }
    # What a file of others names and cannot be expressed is refused by another class.
    OTHERS = ("network", "nir", "config", "nodes", "edges", "sonata")

    for line in sys.stdin:
        kind, path = line.strip().split(" ", 1)
        try:
            READERS[kind](Path(path) if kind == "session" else path)
            outcome = "read"
        except (ConfigError, FileFormatError, FileNotFoundError, IsADirectoryError) as error:
            if not isinstance(error, FileFormatError) and kind not in OTHERS:
                raise
            outcome = "refused" if len(str(error).splitlines()) == 1 else f"several lines: {error}"
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}"
        print(json.dumps([outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]), flush=True)
    """
)


class Reader:
    """A process that reads files and can be ended."""

    def __init__(self):
        self.process = None
        self.memory = 0.0

    def read(self, kind, path) -> str:
        """Return how reading a file of a kind ended."""
        if self.process is None:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(
                [sys.executable, "-c", READER], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
            )
        self.process.stdin.write(f"{kind} {path}\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], LONGEST)[0]:
            self.end()
            return f"no end after {LONGEST} s"
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.process = None
            return f"the process ended with status {status}"
        outcome, memory = json.loads(line)
        grown, self.memory = memory - (self.memory or memory), self.memory or memory
        return outcome if grown < MOST_MEMORY else f"{grown / 1e6:.0f} MB"

    def end(self) -> None:
        """End the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def reader():
    """A process that is ended after the test."""
    reader = Reader()
    yield reader
    reader.end()


def write_run(path, run) -> None:
    """Write the file of a run."""
    save(run, path)


def write_classifier(path, run) -> None:
    """Write a trained classifier."""
    times = np.random.default_rng(1).uniform(0, 1, (20, 2))
    labels = np.where(times[:, 0] < times[:, 1], "left", "right")
    SpikingClassifier(hidden=(3,), epochs=1, random_state=1, progress=False).fit(times, labels).save(path)


def write_labelled(path, run, **storage) -> None:
    """Write labelled spikes in the layout of SHD, in one piece or as `storage` says."""
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file["labels"] = np.arange(6, dtype=np.uint16) % 3
        for name, dtype in (("times", "f2"), ("units", "u2")):
            rows = file.create_dataset(f"spikes/{name}", (6,), h5py.vlen_dtype(np.dtype(dtype)), **storage)
            for k in range(6):
                rows[k] = np.sort(rng.integers(0, 50, 4 + k)).astype(dtype)


def write_packed(path, run) -> None:
    """Write labelled spikes whose references are compressed in chunks."""
    write_labelled(path, run, chunks=(4,), compression="gzip", shuffle=True)


def write_session(path, run) -> None:
    """Write a session of primate reaching, a file of MATLAB: references, and a block of the user in front."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["t"] = 5 + 0.004 * np.arange(40)[None]
        file["cursor_pos"], file["target_pos"] = rng.normal(size=(2, 40)), rng.integers(0, 2, (2, 40))
        table = file.create_dataset("spikes", (2, 3), dtype=h5py.ref_dtype)
        for unit in range(2):
            for channel in range(3):
                file[f"refs/{unit}{channel}"] = np.sort(rng.uniform(4.9, 5.2, 9))[None]
                file[f"refs/{unit}{channel}"].attrs["MATLAB_class"] = "double"
                table[unit, channel] = file[f"refs/{unit}{channel}"].ref


def small_network() -> es.Network:
    """Return a network with rules, arrays, lists and a plasticity rule."""
    rng = np.random.default_rng(1)
    net = es.Network(seed=3)
    net.add("input", es.models.SpikeSource(times=[[1.0, 2.0], np.array([3.0])]), 2)
    net.add("cells", es.models.LIF(tau_mem=rng.uniform(8, 12, 5), v_th=15.0), 5)
    net.add("jumps", es.models.LIFDelta(tau_mem=10.0), 3)
    net.connect("input", "cells", weight=rng.normal(size=(2, 5)), delay=1.0)
    net.connect("cells", "cells", es.connect.fixed_probability(0.5), weight=es.connect.normal(1.0, 0.1))
    net.connect("cells", "jumps", [(0, 1, 0.5, 1.0), (2, 2, 0.25, 2.0)])
    return net


def write_network(path, run) -> None:
    """Write a run that holds its network."""
    save(Trace(sizes={"cells": 5}, declaration=declaration_of(small_network())), path)


def write_graph(path, run) -> None:
    """Write a NIR graph."""
    pytest.importorskip("nir")
    es.io.export.to_nir(small_network(), path)


def write_sonata(path, run) -> None:
    """Write spikes and a report as SONATA, in one file."""
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file["spikes/a/timestamps"], file["spikes/a/node_ids"] = rng.uniform(0, 9, 50), rng.integers(0, 5, 50)
        file["spikes/a/timestamps"].attrs["units"] = "ms"
        file["report/a/data"] = rng.normal(size=(30, 4)).astype(np.float32)
        file["report/a/data"].attrs["units"] = "mV"
        file["report/a/mapping/time"] = [0.0, 3.0, 0.1]
        file["report/a/mapping/node_ids"] = np.arange(4, dtype=np.uint64)
        file["report/a/mapping/index_pointers"] = np.arange(5, dtype=np.uint64)


def write_nwb(path, run) -> None:
    """Write spikes and series as NWB."""
    pytest.importorskip("pynwb")
    run.time_unit = "s"
    es.io.export.to_nwb(run, path)


def write_part_of_circuit(which, path) -> None:
    """Write a circuit beside the file of its nodes or edges."""
    folder = path.parent / "circuit"
    files = {file.name: file for file in es.io.sonata.write_circuit(small_network(), folder, duration=9.0)}
    files["config.json"].rename(folder / "good.json")
    shutil.copy(files[f"{which}.h5"], path)


KINDS = {
    "run": write_run,
    "classifier": write_classifier,
    "labelled": write_labelled,
    "packed": write_packed,
    "session": write_session,
    "network": write_network,
    "nir": write_graph,
    "sonata": write_sonata,
    "nwb": write_nwb,
    "nodes": lambda path, run: write_part_of_circuit("nodes", path),
    "edges": lambda path, run: write_part_of_circuit("edges", path),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def original(kind, run, tmp_path):
    """The path of a good file."""
    KINDS[kind](tmp_path / "good.h5", run)
    return tmp_path / "good.h5"


def n_mutations(request, kind):
    """Return how many damaged files of a kind are read: all kinds the same number if all are asked for."""
    asked = request.config.getoption("--mutations")
    return asked if kind == "run" or asked >= 5000 else asked // 4


def with_changed_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return the content of a file with one to four damages."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed))
        kind = rng.randrange(6)
        if kind == 0:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            width = rng.choice((2, 4, 8, 16))
            changed[place : place + width] = bytes([rng.choice((0, 0xFF))]) * len(
                changed[place : place + width]
            )
        elif kind == 3:
            start = rng.randrange(len(changed))
            block = changed[start : start + rng.choice((8, 64, 512))]
            changed[place : place + len(block)] = block
        elif kind == 4:
            del changed[place : place + rng.randint(1, 64)]
        else:  # where names and heaps are
            marks = [
                b"GCOL",
                b"TREE",
                b"SNOD",
                b"HEAP",
                b"OHDR",
                b"OCHK",
                b"FRHP",
                b"BTHD",
                b"kind",
                b"units",
            ]
            start = changed.find(rng.choice(marks), rng.randrange(len(changed)))
            if start >= 0:
                changed[min(start + rng.randrange(64), len(changed) - 1)] = rng.randrange(256)
    return bytes(changed)


def change_structure(file: h5py.File, rng: random.Random) -> None:
    """Do something to an open file that a run would not do."""
    places: list[str] = []
    file.visit(places.append)
    places = sorted(place for place in places if place in file)
    place = rng.choice(places)
    other = rng.choice(places)
    values = [
        np.arange(3.0),
        np.arange(3, dtype=np.uint64),
        np.array([]),
        np.float64("nan"),
        "text",
        h5py.Empty("f8"),
        np.zeros(2, "f4,i8"),
        np.array([b"a", b"bc"]),
        -1,
        2**63,
        [[1, 2], [3, 4]],
        True,
    ]
    value = rng.choice(values)
    kind = rng.randrange(10)
    attributes = dict(file[place].attrs)
    if kind == 0:
        del file[place]
    elif kind == 1:
        del file[place]
        file[place] = value
    elif kind == 2:
        del file[place]
        file[place] = value
        file[place].attrs.update(attributes)
    elif kind == 3:
        del file[place]
        file.create_group(place)
    elif kind == 4 and attributes:
        del file[place].attrs[rng.choice(sorted(attributes))]
    elif kind == 5 and attributes:
        file[place].attrs[rng.choice(sorted(attributes))] = value
    elif kind == 6:
        file[place].attrs[rng.choice(["kind", "index", "every", "format_version", "x"])] = value
    elif kind == 7:
        link = rng.choice(
            [h5py.SoftLink("/" + other), h5py.SoftLink("."), h5py.ExternalLink("good.h5", other)]
        )
        file[f"{place}/new" if isinstance(file[place], h5py.Group) else f"{place}.new"] = link
    elif kind == 8 and isinstance(file[place], h5py.Group):
        file[f"{place}/again"] = file[other]
    else:
        shape = rng.choice([(10**9,), (10**5, 10**5), (0, 3), (2**40,)])
        dtype = rng.choice(["f8", "u8", "f4", h5py.string_dtype(), h5py.vlen_dtype("f8")])
        del file[place]
        chunks = tuple(min(n, 64) or 1 for n in shape) if rng.random() < 0.5 else None
        file.create_dataset(place, shape, dtype, chunks=chunks)
        file[place].attrs.update(attributes)


@kinds
def test_a_good_file_is_read(kind, original, reader):
    assert reader.read(kind, original) == "read"


@kinds
def test_changed_bytes_are_read_or_refused(kind, original, reader, tmp_path, request):
    content, path = original.read_bytes(), tmp_path / "changed.h5"
    seen = {"read": 0, "refused": 0}
    for k in range(n_mutations(request, kind) * 4 // 5):
        path.write_bytes(with_changed_bytes(content, random.Random(k)))
        outcome = reader.read(kind, path)
        assert outcome in seen, f"mutation {k}: {outcome}"
        seen[outcome] += 1
    assert min(seen.values()) > 0


@kinds
def test_changed_structures_are_read_or_refused(kind, original, reader, tmp_path, request):
    content, path = original.read_bytes(), tmp_path / "changed.h5"
    seen = {"read": 0, "refused": 0}
    for k in range(n_mutations(request, kind) // 5):
        path.write_bytes(content)
        rng = random.Random(k)
        with h5py.File(path, "r+") as file:
            for _ in range(rng.randint(1, 2)):
                with contextlib.suppress(LookupError, ValueError, OSError, TypeError, RuntimeError):
                    change_structure(file, rng)
        outcome = reader.read(kind, path)
        assert outcome in seen, f"mutation {k}: {outcome}"
        seen[outcome] += 1
    assert min(seen.values()) > 0


@pytest.mark.parametrize("name", ["good.json", "node_types.csv", "edge_types.csv"])
def test_changed_texts_of_circuits_are_read_or_refused(name, reader, tmp_path, request):
    write_part_of_circuit("nodes", tmp_path / "good.h5")
    folder = tmp_path / "circuit"
    shutil.copy(folder / "good.json", folder / "config.json")
    changed = folder / ("config.json" if name == "good.json" else name)
    content, seen = changed.read_bytes(), {"read": 0, "refused": 0}
    for k in range(n_mutations(request, "config") // 2):
        changed.write_bytes(with_changed_bytes(content, random.Random(k)))
        outcome = reader.read("config", folder / "config.json")
        assert outcome in seen, f"mutation {k}: {outcome}"
        seen[outcome] += 1
    assert min(seen.values()) > 0


def test_changed_declarations_of_networks_are_read_or_refused(reader, tmp_path, request):
    path, good = tmp_path / "changed.h5", declaration_of(small_network())
    seen = {"read": 0, "refused": 0}
    for k in range(n_mutations(request, "network")):
        plain, rng = copy.deepcopy(good), random.Random(k)
        places = [plain, *plain["populations"], *plain["projections"]]
        places += [each["model"]["values"] for each in plain["populations"]]
        change_tree(rng.choice(places), rng)
        try:
            save(Trace(sizes={"cells": 5}, declaration=plain), path, overwrite=True)
        except (TypeError, ValueError):
            continue  # nothing that a file can hold
        outcome = reader.read("network", path)
        assert outcome in seen, f"mutation {k}: {outcome}"
        seen[outcome] += 1
    assert min(seen.values()) > 0


def change_tree(tree, rng: random.Random) -> None:
    """Change one value somewhere in a state."""
    places = []

    def visit(group) -> None:
        for key, value in group.items():
            places.append((group, key))
            if isinstance(value, dict):
                visit(value)

    visit(tree)
    group, key = rng.choice(places)
    values: list[Any] = [
        None,
        -1,
        0,
        2**62,
        1e300,
        np.nan,
        np.inf,
        "text",
        "",
        [],
        ["a"],
        {},
        {"a": 1},
        np.zeros((0, 3)),
    ]
    values += [np.full((3, 2), np.nan), np.array(["a", "b"]), True, [1, "a"], np.arange(5)]
    if rng.random() < 0.15:
        del group[key]
    else:
        group[key] = rng.choice(values)


def test_changed_states_of_classifiers_are_read_or_refused(reader, tmp_path, request):
    good, path = tmp_path / "good.h5", tmp_path / "changed.h5"
    write_classifier(good, None)
    seen = {"read": 0, "refused": 0}
    for k in range(n_mutations(request, "classifier")):
        trace, rng = load(good), random.Random(k)
        change_tree(trace.state, rng)
        try:
            save(trace, path, overwrite=True)
        except (TypeError, ValueError):
            continue  # nothing that a file can hold
        outcome = reader.read("classifier", path)
        assert outcome in seen, f"mutation {k}: {outcome}"
        seen[outcome] += 1
    assert min(seen.values()) > 0

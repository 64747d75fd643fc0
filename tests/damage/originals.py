"""Good files of each kind, as small as they can be with something in every place.

A function takes an empty folder and returns the file that is damaged and the file that is read, which are
the same but for files that another one names.
"""

import gzip
import json
import pickle
from pathlib import Path

import h5py
import numpy as np

import eventsim as es
from eventsim.network.declaration import declaration_of
from eventsim.trace import Samples, Spikes, Trace

Files = tuple[Path, Path]


def whole_trace() -> Trace:
    """Return a trace with something in every place."""
    rng = np.random.default_rng(1)
    times, grid = np.sort(rng.uniform(0, 50, 300)), 0.1 * np.arange(40)
    return Trace(
        sizes={"input": 5, "hidden": 30, "silent": 2, "unrecorded": 7},
        spikes={
            "input": Spikes(np.array([1 / 3]), np.array([4])),
            "hidden": Spikes(times, rng.integers(0, 30, 300)),
            "silent": Spikes(np.empty(0), np.empty(0, np.int64)),
        },
        samples={
            ("hidden", "v"): Samples(grid, rng.normal(size=(40, 3)), np.array([7, 0, 29]), 0.1),
            ("silent", "v"): Samples(
                np.array([0.2, 0.7]), np.array([[np.nan, 1e-300], [2.0, np.nan]]), np.arange(2)
            ),
        },
        parameters={
            "weight/input->hidden": rng.normal(size=(5, 30)),
            "mask": np.array([True, False]),
            "names": np.array(["tau", "Göltz"]),
        },
        training={"train_loss": rng.uniform(size=4), "test_accuracy": np.array([0.3, 0.5, np.nan, 0.9])},
        metrics={"test_accuracy": 0.9, "missing": float("nan")},
        config='n_hidden = 30\nname = "µ"\n',
        provenance={"scenario": "demo", "seed": 2**63, "data": None, "tags": ["a", "b"], "wall_seconds": 1.5},
        state={
            "epoch": 3,
            "name": "adam",
            "none": None,
            "generator": {"state": 2**127 + 1, "bits": np.arange(4, dtype=np.uint32)},
            "a/b": {"": 1, ".": 2.0, "%": "x"},
            "order": [3, (1.5, "s"), []],
            "zero": np.zeros((0, 3)),
        },
        duration=50.0,
        time_unit="us",
    )


def small_network() -> es.Network:
    """Return a network with rules, arrays and lists."""
    rng = np.random.default_rng(1)
    net = es.Network(seed=3)
    net.add("input", es.models.SpikeSource(times=[[1.0, 2.0], np.array([3.0])]), 2)
    net.add("cells", es.models.LIF(tau_mem=rng.uniform(8, 12, 5), v_th=15.0), 5)
    net.add("jumps", es.models.LIFDelta(tau_mem=10.0), 3)
    net.connect("input", "cells", weight=rng.normal(size=(2, 5)), delay=1.0)
    net.connect(
        "cells", "cells", es.connect.fixed_probability(0.5), weight=es.connect.normal(1.0, 0.1), delay=0.5
    )
    net.connect("cells", "jumps", [(0, 1, 0.5, 1.0), (2, 2, 0.25, 2.0)])
    return net


def learning_network() -> es.Network:
    """Return a network with a plasticity rule, which formats of others have no place for."""
    net = small_network()
    net.add_plasticity("cells->jumps", es.models.plasticity.PairSTDP())
    return net


# Files of ours -----------------------------------------------------------------------------------------


def run(folder: Path) -> Files:
    """A trace with something in every place, as a run."""
    es.io.save(whole_trace(), folder / "good.h5")
    return folder / "good.h5", folder / "good.h5"


def scenario(folder: Path) -> Files:
    """A run of a scenario that trained, with everything from which it goes on."""
    path = folder / "good.h5"
    es.scenarios.execute(
        es.scenarios.Request(name="delgrad", preset="quick", seed=1, output=path, quiet=True, threads=1)
    )
    return path, path


def streamed(folder: Path) -> Files:
    """A simulation whose spikes and samples went into the file as it ran, and which was not closed."""
    path, net = folder / "good.h5", learning_network()
    net.add("noise", es.models.Poisson(rate=2000.0), 20)
    sim = es.Simulation(net)
    sim.record("cells", "v", every=0.5)
    with es.io.TraceFile.create(path) as file:
        sim.stream(file)
        for end in (20.0, 40.0):
            sim.run(end)
            file.checkpoint()
        file.put(state={"epoch": 2, "w": np.arange(6.0)}, training={"loss": np.array([2.0, 1.0])})
        file.checkpoint()
        content = path.read_bytes()
    path.write_bytes(content)  # as it was before it was closed
    return path, path


def network(folder: Path) -> Files:
    """A run that holds its network."""
    path = folder / "good.h5"
    es.io.save(Trace(sizes={"cells": 5}, declaration=declaration_of(learning_network())), path)
    return path, path


def classifier(folder: Path) -> Files:
    """A trained classifier."""
    path, times = folder / "good.h5", np.random.default_rng(1).uniform(0, 1, (20, 2))
    labels = np.where(times[:, 0] < times[:, 1], "left", "right")
    model = es.models.SpikingClassifier(hidden=(3,), epochs=1, random_state=1, progress=False)
    model.fit(times, labels).save(path)
    return path, path


def estimator(folder: Path) -> Files:
    """A trained classifier of sequences, of layers of four kinds."""
    rng, path, layers = np.random.default_rng(0), folder / "good.h5", es.models.layers
    labels = rng.integers(0, 2, 16)
    x = (rng.random((16, 8, 4)) < 0.2 + 0.4 * labels[:, None, None]).astype(np.float32)
    own = [
        layers.Linear(5),
        layers.LIF([3.0] * 5),
        layers.S4D(4),
        layers.DelayConv(2, 6),
        layers.Dropout(0.1),
    ]
    es.models.SequenceClassifier(own, epochs=1, progress=False).fit(x, labels).save(path)
    return path, path


def calibration(folder: Path) -> Files:
    """Trims of a chip, as TOML."""
    path = folder / "good.toml"
    table = {"tau_mem": np.array([0.9, 1.1, 1.05]), "v_th": np.array([1.0, 0.97, 1.2])}
    es.hardware.Calibration(7, table, table, table).save(path)
    return path, path


def configuration(folder: Path) -> Files:
    """A whole run as TOML."""
    from eventsim.scenarios.whole_runs import template

    path = folder / "good.toml"
    path.write_text(template("delgrad", "quick"), encoding="utf-8")
    return path, path


def points(folder: Path) -> Files:
    """The points of a sweep, as CSV."""
    path = folder / "good.csv"
    path.write_text('n_hidden,seed,learning_rate,layers\n30,0,1e-3,"[10, 20]"\n60,1,,"[5]"\n,2,0.5,\n')
    return path, path


def sweep(folder: Path) -> Files:
    """What is known of the runs of a sweep."""
    run_of = {"point": {"n_hidden": 30, "seed": 0}, "title": "n_hidden=30 seed=0", "file": "a.h5"}
    failed = run_of | {"error": "it failed", "title": "n_hidden=60 seed=0", "file": "b.h5"}
    path = folder / "sweep.json"
    es.io.save(Trace(sizes={"cells": 2}, metrics={"accuracy": 0.9}), folder / "a.h5")
    path.write_text(json.dumps({"scenario": "delgrad", "runs": {"0a": run_of, "1b": failed}}, indent=1))
    return path, path


def spikes_csv(folder: Path) -> Files:
    """Spikes as CSV, as `to_csv` writes them."""
    es.io.export.to_csv(whole_trace(), folder)
    return folder / "spikes.csv", folder / "spikes.csv"


# Files of other programs -------------------------------------------------------------------------------


def sonata_spikes(folder: Path) -> Files:
    """Spikes as SONATA, in the standard layout and in that of 2018."""
    rng, path = np.random.default_rng(1), folder / "good.h5"
    with h5py.File(path, "w") as file:
        for name in ("a", "b"):
            group = file.create_group(f"spikes/{name}")
            group["timestamps"], group["node_ids"] = rng.uniform(0, 9, 50), rng.integers(0, 5, 50)
            group["timestamps"].attrs["units"] = "ms"
            group.attrs["sorting"] = "none"
        file["spikes/gids"], file["spikes/timestamps"] = rng.integers(0, 5, 20), rng.uniform(0, 9, 20)
    return path, path


def sonata_reports(folder: Path) -> Files:
    """Reports as SONATA, with one element a node and with several."""
    rng, path = np.random.default_rng(1), folder / "good.h5"
    with h5py.File(path, "w") as file:
        for name, pointers in (("a", np.arange(5)), ("b", np.array([0, 1, 3, 4, 4]))):
            group = file.create_group(f"report/{name}")
            group["data"] = rng.normal(size=(30, 4)).astype(np.float32)
            group["data"].attrs["units"], group["data"].attrs["variable"] = "mV", "v"
            group["mapping/time"] = [0.0, 3.0, 0.1]
            group["mapping/time"].attrs["units"] = "ms"
            group["mapping/node_ids"] = np.arange(4, dtype=np.uint64)
            group["mapping/index_pointers"] = pointers.astype(np.uint64)
            group["mapping/element_ids"] = np.arange(4, dtype=np.uint32)
    return path, path


def recurrent_network() -> es.Network:
    """Return a network whose circuit is read fast, beside the one text of it that is damaged."""
    net = es.Network(seed=3)
    net.add("input", es.models.SpikeSource(times=[[1.0, 2.0], np.array([3.0])]), 2)
    net.add("cells", es.models.LIF(tau_mem=10.0, v_th=15.0), 2)
    net.connect("input", "cells", weight=0.5, delay=1.0)
    net.connect("cells", "cells", [(0, 1, 0.5, 1.0), (1, 0, -0.25, 2.0)])
    return net


def _circuit(name: str, folder: Path, net: es.Network | None = None) -> Files:
    es.io.sonata.write_circuit(net or small_network(), folder / "circuit", duration=9.0)
    return folder / "circuit" / name, folder / "circuit" / "config.json"


def nodes(folder: Path) -> Files:
    """The nodes of a circuit."""
    return _circuit("nodes.h5", folder)


def edges(folder: Path) -> Files:
    """The edges of a circuit."""
    return _circuit("edges.h5", folder)


def node_types(folder: Path) -> Files:
    """The table of the types of nodes."""
    return _circuit("node_types.csv", folder, recurrent_network())


def edge_types(folder: Path) -> Files:
    """The table of the types of edges."""
    return _circuit("edge_types.csv", folder, recurrent_network())


def circuit(folder: Path) -> Files:
    """The configuration of a circuit and its simulation."""
    return _circuit("config.json", folder, recurrent_network())


def nir(folder: Path) -> Files:
    """A NIR graph."""
    es.io.export.to_nir(small_network(), folder / "good.nir")
    return folder / "good.nir", folder / "good.nir"


def nwb(folder: Path) -> Files:
    """Spikes and series as NWB."""
    trace, path, whole = whole_trace(), folder / "good.nwb", folder / "whole.nwb"
    trace.time_unit = "s"
    es.io.export.to_nwb(trace, whole)
    with h5py.File(whole) as old, h5py.File(path, "w") as new:  # nine tenths are texts that nobody reads here
        new.attrs.update(old.attrs)
        for name in old:
            if name != "specifications":
                old.copy(name, new)
    whole.unlink()
    return path, path


def neo(folder: Path) -> Files:
    """What a Neo block is made of, as JSON: the reader makes the block and reads that."""
    trains = [
        {"times": [1.0, 4.5], "units": "ms", "t_stop": 10.0, "annotations": {"source_population": "a"}},
        {"times": [0.002], "units": "s", "t_stop": 1.0, "annotations": {"source_population": "a"}},
        {"times": [], "units": "ms", "t_stop": 5.0, "annotations": {"node_id": 3}},
    ]
    for k, train in enumerate(trains[:2]):
        train["annotations"]["node_id"] = k  # type: ignore[index]
    signals = [
        {
            "values": [[1.0, 2.0], [3.0, 4.0]],
            "units": "mV",
            "name": "membrane",
            "annotations": {"variable": "v", "source_population": "a"},
            "array_annotations": {"node_id": [0, 1]},
            "sampling_period": 0.5,
            "t_start": 0.0,
            "t_units": "ms",
        },
        {
            "values": [[1.0], [3.0]],
            "units": "nA",
            "name": "current",
            "annotations": {},
            "array_annotations": {},
            "times": [0.5, 1.5],
            "t_units": "ms",
        },
    ]
    path = folder / "good.json"
    path.write_text(json.dumps({"segment": 0, "trains": trains, "signals": signals}, indent=1))
    return path, path


# Data sets ---------------------------------------------------------------------------------------------


def _labelled(path: Path, **storage: object) -> Files:
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file["labels"] = np.arange(6, dtype=np.uint16) % 3
        for name, dtype in (("times", "f2"), ("units", "u2")):
            rows = file.create_dataset(f"spikes/{name}", (6,), h5py.vlen_dtype(np.dtype(dtype)), **storage)
            for k in range(6):
                rows[k] = np.sort(rng.integers(0, 50, 4 + k)).astype(dtype)
    return path, path


def labelled(folder: Path) -> Files:
    """Labelled spikes in the layout of SHD."""
    return _labelled(folder / "good.h5")


def packed(folder: Path) -> Files:
    """Labelled spikes whose references are compressed in chunks."""
    return _labelled(folder / "good.h5", chunks=(4,), compression="gzip", shuffle=True)


def session(folder: Path) -> Files:
    """A session of primate reaching, a file of MATLAB: references, and a block of the user in front."""
    rng, path = np.random.default_rng(0), folder / "good.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["t"] = 5 + 0.004 * np.arange(40)[None]
        file["cursor_pos"], file["target_pos"] = rng.normal(size=(2, 40)), rng.integers(0, 2, (2, 40))
        table = file.create_dataset("spikes", (2, 3), dtype=h5py.ref_dtype)
        for unit in range(2):
            for channel in range(3):
                file[f"refs/{unit}{channel}"] = np.sort(rng.uniform(4.9, 5.2, 9))[None]
                file[f"refs/{unit}{channel}"].attrs["MATLAB_class"] = "double"
                table[unit, channel] = file[f"refs/{unit}{channel}"].ref
    return path, path


def idx(folder: Path) -> Files:
    """Images in the layout of MNIST, compressed."""
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    path = folder / "train-images-idx3-ubyte.gz"
    content = bytes((0, 0, 8, 3)) + np.array(images.shape, ">i4").tobytes() + images.tobytes()
    path.write_bytes(gzip.compress(content, mtime=0))
    return path, path


def keras(folder: Path) -> Files:
    """Images in the layout of Keras."""
    rng, path = np.random.default_rng(1), folder / "mnist.npz"
    x, y = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8), rng.integers(0, 10, 5, dtype=np.uint8)
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    return path, path


def images(folder: Path) -> Files:
    """A batch of CIFAR-10, a pickle."""
    path = folder / "data_batch_1"
    values = np.random.default_rng(1).integers(0, 256, (4, 3072), dtype=np.uint8)
    path.write_bytes(pickle.dumps({b"data": values, b"labels": [1, 2, 3, 4]}, protocol=2))
    return path, path


def sound(folder: Path) -> Files:
    """A second of sound."""
    from scipy.io import wavfile

    path = folder / "good.wav"
    wavfile.write(path, 48000, (1000 * np.sin(np.arange(48000))).astype(np.int16))
    return path, path


def events(folder: Path) -> Files:
    """Events of a camera."""
    rng, path = np.random.default_rng(1), folder / "good_td.dat"
    words = np.zeros(200, [("t", "<u4"), ("word", "<u4")])
    words["t"] = np.sort(rng.integers(0, 200_000, 200))
    words["word"] = (
        rng.integers(0, 1280, 200) | rng.integers(0, 720, 200) << 14 | rng.integers(0, 2, 200) << 28
    )
    path.write_bytes(b"% Date 2020-01-01\n% Height 720\n% Width 1280\n" + bytes((0, 8)) + words.tobytes())
    return path, path


def boxes(folder: Path) -> Files:
    """Boxes of an event camera, an array of records."""
    path = folder / "good_bbox.npy"
    kinds = [("ts", "<u8"), *((name, "<f4") for name in "xywh"), ("class_id", "|u1"), ("track_id", "<u4")]
    table = np.zeros(6, kinds)
    table["w"], table["h"], table["ts"], table["class_id"] = 80, 70, np.arange(6), [0, 1, 2, 0, 5, 1]
    np.save(path, table)
    return path, path


# Patterns ----------------------------------------------------------------------------------------------


def piano_roll(folder: Path) -> Files:
    """A pattern as an array of 0 and 1."""
    path = folder / "good.npy"
    np.save(path, np.eye(8, 4, dtype=np.float64) + np.eye(8, 4, -4))
    return path, path


def trains(folder: Path) -> Files:
    """A pattern as spike trains."""
    path = folder / "good.npz"
    np.savez(path, times=np.array([1.0, 12.0, 25.0, 40.0]), units=np.array([0, 1, 2, 1]), duration=60.0)
    return path, path


def midi(folder: Path) -> Files:
    """A pattern as a MIDI file."""
    import mido

    file, track = mido.MidiFile(), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=500_000, time=0))
    track.append(mido.Message("program_change", program=12, time=0))
    for note in (60, 64, 67, 64, 60):
        track.append(mido.Message("note_on", note=note, velocity=64, time=0))
        track.append(mido.Message("note_off", note=note, velocity=64, time=240))
    file.save(folder / "good.mid")
    return folder / "good.mid", folder / "good.mid"

"""Files of the versions before open today, are drawn, and unfinished runs go on to the same end.

What a file says is compared with what h5py finds in it, not with our reader. See files/README.md.
"""

import gzip
import json
import shutil
import socket
import struct
import threading
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim.hardware import RemoteTarget, SimulatedTarget
from eventsim.hardware.parts.trims import Calibration
from eventsim.hardware.remote.serve import TargetServer
from eventsim.io import config
from eventsim.scenarios import cli, running
from eventsim.scenarios.shell import results

FILES = Path(__file__).with_name("files")
FINISHED = sorted(path.name.removesuffix("-finished.h5.gz") for path in FILES.glob("*-finished.h5.gz"))
STOPPED = sorted(path.name.removesuffix("-stopped.h5.gz") for path in FILES.glob("*-stopped.h5.gz"))
CLASSIFIERS = sorted(path.name.removesuffix(".h5.gz") for path in FILES.glob("classifier-*.h5.gz"))
CONFIGS = sorted(path.stem for path in (FILES / "configs").glob("*.toml"))
PRESETS = tomllib.loads((FILES / "presets.toml").read_text("utf-8"))
N_PLOTS = {  # ways to draw the file, when it was written, without matrices drawn as weights that are none
    "balanced-network": 2,
    "delgrad": 7,
    "delgrad-sweep": 1,
    "fast-and-deep": 4,
    "fast-and-deep-in-the-loop": 4,
    "generalized-latent-equilibrium": 3,
    "generalized-latent-equilibrium-gradient": 1,
    "generalized-latent-equilibrium-lag-line": 2,
    "generalized-latent-equilibrium-mackey-glass": 2,
    "latent-equilibrium": 2,
    "latent-equilibrium-bars": 3,
    "latent-equilibrium-fourier": 3,
    "latent-equilibrium-mimic": 2,
    "nonlinear-dendrites": 4,
    "nonlinear-dendrites-bac-firing": 3,
    "nonlinear-dendrites-rewiring": 1,
    "robustness": 1,
    "spoken-digits": 4,
}
# The first half of a stopped run was computed on another processor perhaps, which rounds in its own way.
ROUNDING = {"rtol": 1e-6, "atol": 1e-9}
# Systems whose errors go down through the weights before their change since then: the second half of a run
# learns otherwise.
OTHER_TICKS = {
    "generalized-latent-equilibrium",
    "generalized-latent-equilibrium-lag-line",
    "generalized-latent-equilibrium-mackey-glass",
    "latent-equilibrium",
}
# The loss leaves out batches whose weights were raised, and counts them.
OTHER_SERIES = {"train_loss", "bumps"}
# What presets and defaults set otherwise since then, because of measurements.
GLE_INPUT = {"interpolation", "transition_steps", "weight_scale"}
OTHER_PRESETS = {
    ("fast-and-deep", "quick"): {"learning_rate", "lr_schedule", "decay_every", "decay", "max_missing"},
    ("generalized-latent-equilibrium", "mnist-1d-15k"): {"batch"},
    ("generalized-latent-equilibrium", "mnist-1d-15k-instant-errors"): {"batch"},
    ("generalized-latent-equilibrium", "mnist-1d-15k-instantaneous"): {"batch"},
    ("generalized-latent-equilibrium", "mnist-1d-15k-published"): {"lr_schedule", "epochs"},
    ("generalized-latent-equilibrium", "mnist-1d-42k-published"): {"lr_schedule", "epochs"},
    ("generalized-latent-equilibrium", "mnist-1d-42k"): {"learning_rate", "epochs"},
    ("generalized-latent-equilibrium", "mnist-1d-lag-memory"): {"learning_rate"},
    ("generalized-latent-equilibrium", "spoken-digits"): GLE_INPUT,
    ("generalized-latent-equilibrium", "quick"): {"layers", "epochs"},
    ("generalized-latent-equilibrium", "quick-instant-errors"): {"layers", "epochs"},
    ("generalized-latent-equilibrium", "quick-instantaneous"): {"layers", "epochs"},
}
OTHER_DEFAULTS = {"generalized-latent-equilibrium": GLE_INPUT}


def unpacked(name: str, folder: Path) -> Path:
    """Return the path of a copy of a file, uncompressed."""
    path = folder / f"{name}.h5"
    with gzip.open(FILES / f"{name}.h5.gz") as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return path


def arrays_of(path: Path, room: str) -> dict[str, np.ndarray]:
    """Return what h5py finds in a group of the file, by the path in it."""
    found = {}
    with h5py.File(path) as file:
        file[room].visititems(
            lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    return found


def contents(arrays) -> list[tuple[tuple[int, ...], bytes]]:
    """Return what arrays hold, without their names."""
    plain = (np.asarray(each) for each in arrays)
    plain = (each.astype("S") if each.dtype.kind in "OSU" else each for each in plain)
    return sorted((each.shape, each.tobytes()) for each in plain)


def is_number(item: h5py.Dataset) -> bool:
    return item.shape == () and item.dtype.kind in "if"


def metrics_of(path: Path) -> list[float]:
    with h5py.File(path) as file:
        return sorted(float(value) for value in file["eventsim/metrics"].attrs.values())


def scenario_of(path: Path) -> str:
    with h5py.File(path) as file:
        return str(file["eventsim/provenance"].attrs["scenario"])


@pytest.fixture(autouse=True)
def without_data(monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)


def test_there_are_files():
    assert len(FINISHED) >= 17
    assert len(STOPPED) >= 15
    assert len(CLASSIFIERS) >= 4


# ---------------------------------------------------------------------- runs


@pytest.mark.parametrize("name", FINISHED)
def test_a_finished_run_is_shown(name, tmp_path, capsys):
    path = unpacked(f"{name}-finished", tmp_path)
    assert cli.main(["show", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]
    assert told["seed"] == 3
    assert told["scenario"] == scenario_of(path)
    assert sorted(value for value in told["metrics"].values()) == metrics_of(path)
    assert cli.main(["show", str(path)]) == 0
    assert "finished" in capsys.readouterr().out


@pytest.mark.parametrize("name", FINISHED)
def test_all_of_a_finished_run_is_read(name, tmp_path):
    path = unpacked(f"{name}-finished", tmp_path)
    trace = es.io.load(path)
    for room, read in (("parameters", trace.parameters), ("training", trace.training)):
        assert contents(read.values()) == contents(arrays_of(path, f"eventsim/{room}").values())
    assert sorted(trace.metrics.values()) == metrics_of(path)
    spikes = arrays_of(path, "spikes")
    assert contents(each.times for each in trace.spikes.values()) == contents(
        value for key, value in spikes.items() if key.endswith("timestamps")
    )
    assert contents(each.units for each in trace.spikes.values()) == contents(
        value.astype(np.int64) for key, value in spikes.items() if key.endswith("node_ids")
    )
    samples = arrays_of(path, "eventsim/samples")
    assert contents(each.values for each in trace.samples.values()) == contents(
        value for key, value in samples.items() if key.endswith("values")
    )


@pytest.mark.parametrize("name", FINISHED)
def test_a_finished_run_is_drawn_in_every_way(name, tmp_path):
    path = unpacked(f"{name}-finished", tmp_path)
    trace = es.io.load(path)
    plots = results.available_plots(trace)
    assert len(plots) >= N_PLOTS[name]
    for draw in plots.values():
        assert draw(trace).axes
    assert cli.main(["plot", str(path), "-o", str(tmp_path / "first.png")]) == 0
    assert (tmp_path / "first.png").stat().st_size > 1000


def same_metrics(trace, other):
    """Return the metrics that both traces have and that mean what they meant.

    `cv_isi` leaves out the start and neurons now, and a spread of one network is no longer told.
    """
    return {
        name: value
        for name, value in trace.metrics.items()
        if not name.startswith("cv_isi") and name in other.metrics
    }


@pytest.mark.parametrize("name", STOPPED)
def test_a_stopped_run_goes_on_to_the_same_end(name, tmp_path, capsys):
    path, finished = unpacked(f"{name}-stopped", tmp_path), unpacked(f"{name}-finished", tmp_path)
    assert es.io.load(path).state
    command = ["run", scenario_of(path), "-o", str(path), "--resume", "--threads", "1"]
    assert cli.main(command) == 0, capsys.readouterr().err
    found, wanted = es.io.load(path), es.io.load(finished)
    capsys.readouterr()
    assert cli.main(["show", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["complete"]
    if name in OTHER_TICKS:
        assert {key: value.shape for key, value in found.training.items()} == {
            key: value.shape for key, value in wanted.training.items()
        }
        assert all(np.isfinite(value).all() for value in found.parameters.values())
        return
    old, new = same_metrics(wanted, found), same_metrics(found, wanted)
    assert old
    assert new == pytest.approx(old, rel=1e-6, abs=1e-9, nan_ok=True)
    for room in ("parameters", "training"):
        ours, theirs = getattr(found, room), getattr(wanted, room)
        assert ours.keys() - OTHER_SERIES == theirs.keys() - OTHER_SERIES
        for key, value in theirs.items():
            if key in OTHER_SERIES:
                assert len(ours[key]) == len(value)
                continue
            if name == "robustness":  # a spread of one network was 0 then
                value = np.where(np.isnan(ours[key]) & (value == 0), np.nan, value)
            if value.dtype.kind in "US":
                assert np.array_equal(ours[key], value)
            else:
                np.testing.assert_allclose(ours[key], value, err_msg=f"{room}/{key}", **ROUNDING)
    assert found.spikes.keys() == wanted.spikes.keys()
    for key, spikes in wanted.spikes.items():
        np.testing.assert_allclose(found.spikes[key].times, spikes.times, **ROUNDING)
        np.testing.assert_array_equal(found.spikes[key].units, spikes.units)
    assert found.samples.keys() >= wanted.samples.keys()  # later versions record membranes of labels too
    for key, samples in wanted.samples.items():
        np.testing.assert_allclose(found.samples[key].values, samples.values, **ROUNDING)


# ---------------------------------------------------------------------- simulations and classifiers


def network(seed: int = 5) -> es.Network:
    """Return the network that `simulation` and `snapshot` were made with."""
    rng = np.random.default_rng(4)
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(), 3)
    net.add("noise", es.models.Poisson(rate=60.0), 2, record_spikes=False)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=2.0), 4)
    net.connect("input", "cells", weight=rng.normal(0.3, 0.1, (3, 4)), delay=rng.uniform(0.5, 2.0, (3, 4)))
    net.connect("noise", "cells", weight=0.2)
    net.connect("cells", "cells", weight=-0.05, delay=1.5)
    return net


def simulation() -> es.Simulation:
    sim = es.Simulation(network())
    sim.stimulate("input", np.arange(1.0, 90.0, 3.0), np.arange(30) % 3)
    sim.record("cells", "v", every=1.0)
    sim.record("cells", "i_syn", every=5.0, units=[0, 3])
    return sim


def test_a_saved_simulation_is_read(tmp_path, capsys):
    path = unpacked("simulation", tmp_path)
    trace = es.io.load(path)
    raw = arrays_of(path, "/")
    assert trace.duration == 100.0
    assert trace.time_unit == "ms"
    assert trace.sizes == {"input": 3, "noise": 2, "cells": 4}
    assert {name: len(spikes.times) for name, spikes in trace.spikes.items()} == {"input": 30, "cells": 70}
    np.testing.assert_array_equal(trace.spikes["cells"].times, raw["spikes/cells/timestamps"])
    np.testing.assert_array_equal(trace.spikes["cells"].units, raw["spikes/cells/node_ids"])
    v, i_syn = trace.samples["cells", "v"], trace.samples["cells", "i_syn"]
    np.testing.assert_array_equal(v.values, raw["eventsim/samples/cells/v/values"])
    np.testing.assert_array_equal(v.times, np.arange(100.0))
    np.testing.assert_array_equal(i_syn.units, [0, 3])
    assert i_syn.every == 5.0
    assert results.available_plots(trace)
    assert cli.main(["show", str(path)]) == 0
    assert "input" in capsys.readouterr().out
    assert cli.main(["plot", str(path), "-o", str(tmp_path / "raster.png")]) == 0


def test_a_saved_simulation_is_that_of_today(tmp_path):
    trace = es.io.load(unpacked("simulation", tmp_path))
    sim = simulation()
    sim.run(100.0)
    np.testing.assert_allclose(trace.spikes["cells"].times, sim.spikes("cells").times, **ROUNDING)
    np.testing.assert_array_equal(trace.spikes["cells"].units, sim.spikes("cells").units)
    np.testing.assert_allclose(trace.samples["cells", "v"].values, sim.trace("cells", "v").values, **ROUNDING)


def test_a_simulation_goes_on_from_a_saved_snapshot(tmp_path):
    state = es.io.load(unpacked("snapshot", tmp_path)).state
    assert state["list"] == [1, 2.0, None, "three", True, (4, 1 << 80)]
    sim, whole = simulation(), simulation()
    sim.restore(state["sim"])
    assert sim.now == 100.0
    sim.run(200.0)
    whole.run(200.0)
    late = whole.spikes("cells").times >= 100.0
    assert late.sum() > 10
    np.testing.assert_allclose(sim.spikes("cells").times, whole.spikes("cells").times[late], **ROUNDING)
    np.testing.assert_array_equal(sim.spikes("cells").units, whole.spikes("cells").units[late])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_saved_classifier_answers_as_before(name, tmp_path, capsys):
    path = unpacked(name, tmp_path)
    classifier = es.models.SpikingClassifier.load(path)
    with np.load(FILES / "classifier-answers.npz") as answers:
        np.testing.assert_array_equal(classifier.predict(answers["samples"]), answers[name])
        assert len(np.unique(answers[name])) == 3
    with h5py.File(path) as file:
        stored = file["eventsim/state/settings"].values()
        kept = Counter(
            float(each[()]) for each in stored if isinstance(each, h5py.Dataset) and is_number(each)
        )
        n_epochs = len(file["eventsim/training/loss"])
    settings = classifier.get_params()
    assert sum(kept.values()) >= 8
    assert kept == Counter(float(value) for value in settings.values() if type(value) in (int, float))
    assert {len(series) for series in classifier.history_.values()} == {n_epochs}
    again = tmp_path / "again.h5"
    classifier.save(again)
    same = es.models.SpikingClassifier.load(again)
    assert {k: v for k, v in same.get_params().items() if k != "loss"} == {
        k: v for k, v in settings.items() if k != "loss"
    }
    assert cli.main(["show", str(path)]) == 0
    assert "accuracy" in capsys.readouterr().out


# ---------------------------------------------------------------------- configurations


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_with_the_keys_of_then_is_taken(name):
    values, run = config.read_toml(FILES / "configs" / f"{name}.toml")
    assert run["seed"] == 3
    kind = running.scenario_kind(run["scenario"])
    taken = running.settle(kind, run["scenario"], None, values)
    assert differing(taken, kind()) == OTHER_DEFAULTS.get(name, set())


def differing(one, other) -> set[str]:
    """Return the names of the settings that differ."""
    return {each.name for each in fields(one) if getattr(one, each.name) != getattr(other, each.name)}


@pytest.mark.parametrize(
    ("scenario", "preset"), [(name, preset) for name, presets in PRESETS.items() for preset in presets]
)
def test_what_a_preset_set_then_is_taken_and_is_the_preset_of_today(scenario, preset):
    kind = running.scenario_kind(scenario)
    old = running.settle(kind, scenario, None, PRESETS[scenario][preset])
    today = running.settle(kind, scenario, preset)
    assert differing(old, today) == OTHER_PRESETS.get((scenario, preset), set())


def test_a_configuration_runs_from_the_command(tmp_path, capsys):
    path = tmp_path / "run.h5"
    command = ["run", "delgrad", "epochs=0", "--config", str(FILES / "configs/delgrad.toml"), "-o", str(path)]
    assert cli.main(command) == 0, capsys.readouterr().err
    assert es.io.load(path).metrics["trained_numbers"] == 2 * (4 * 30 + 30 * 3)


def test_a_saved_calibration_is_read():
    path = FILES / "calibration.toml"
    raw, calibration = tomllib.loads(path.read_text("utf-8")), Calibration.load(path)
    assert calibration.device_seed == raw["device"] == 7
    assert {key: value.tolist() for key, value in calibration.trims.items()} == raw["trims"]
    assert {key: value.tolist() for key, value in calibration.before.items()} == raw["before"]


# ---------------------------------------------------------------------- the wire

PREFIX = struct.Struct("<4sIQI")


def frames(path: Path) -> list[bytes]:
    """Return the frames of one side of a conversation."""
    content, found = path.read_bytes(), []
    while content:
        _, header, body, _ = PREFIX.unpack_from(content)
        found.append(content[: 24 + header + body])
        content = content[24 + header + body :]
    return found


def read(sock: socket.socket) -> bytes:
    """Return the next frame that comes, b"" if there is none any more."""
    content = _exactly(sock, 24)
    if not content:
        return b""
    _, header, body, _ = PREFIX.unpack_from(content)
    return content + _exactly(sock, header + body)


def _exactly(sock: socket.socket, n: int) -> bytes:
    content = b""
    while len(content) < n:
        piece = sock.recv(n - len(content))
        if not piece:
            return b""
        content += piece
    return content


def said(frame: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return header and arrays of a frame, by docs/remote-targets.md."""
    _, n_header, _, checksum = PREFIX.unpack_from(frame)
    assert zlib.crc32(frame[24:]) == checksum
    header, body, at = json.loads(frame[24 : 24 + n_header]), frame[24 + n_header :], 0
    arrays = []
    for dtype, shape in header["arrays"]:
        n = int(np.prod(shape))
        arrays.append(np.frombuffer(body, dtype, n, at).reshape(shape))
        at += 8 * n
    return header, arrays


def conversation() -> Iterator[tuple[bytes, bytes]]:
    host, target = (frames(FILES / f"conversation-{side}.bin") for side in ("host", "target"))
    assert len(host) == len(target) == 4
    return zip(host, target, strict=True)


def test_a_host_of_then_gets_the_answers_of_then():
    with (
        TargetServer(SimulatedTarget(), name="chip") as server,
        socket.create_connection(server.address, 20) as host,
    ):
        for request, answer in conversation():
            host.sendall(request)
            (found, arrays), (wanted, expected) = said(read(host)), said(answer)
            assert found == wanted
            for array, other in zip(arrays, expected, strict=True):
                np.testing.assert_allclose(array, other, rtol=1e-12)


def test_a_target_of_then_is_understood():
    asked = []

    def target() -> None:
        visitor, _ = listener.accept()
        with visitor:
            for _, answer in conversation():
                asked.append(said(read(visitor))[0])
                visitor.sendall(answer)

    rng = np.random.default_rng(6)
    net = es.Network(seed=2)
    net.add("input", es.models.SpikeSource(), 3)
    net.add("hidden", es.models.LIF(tau_mem=2.0, first_spike_only=True), 5)
    net.add("label", es.models.LIF(tau_mem=2.0, t_ref=0.5), 2)
    net.add("delta", es.models.LIFDelta(), 2)
    for pre, post in (("input", "hidden"), ("hidden", "label"), ("hidden", "delta")):
        net.connect(pre, post, weight=1.0, delay=0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        with RemoteTarget(listener.getsockname(), timeout=20.0, retries=0) as remote:
            remote.configure(net)
            batch = remote.run({"input": rng.uniform(0.1, 1.0, (3, 3))}, until=8.0, trial=0)
            one = remote.run({"input": [([0.1, 0.4, 0.9], [0, 1, 0])]}, until=8.0, trial=1)
        thread.join(20)
    assert [each["type"] for each in asked] == ["hello", "configure", "run", "run"]
    answers = [said(answer) for _, answer in conversation()][2:]
    for observed, (header, arrays) in zip((batch, one), answers, strict=True):
        for name, told in header["spikes"].items():
            trains = observed.spikes[name]
            if "first" in told:
                np.testing.assert_array_equal(trains.first_spikes(), arrays[told["first"]["array"]])
            else:
                np.testing.assert_array_equal(trains.times, arrays[told["times"]["array"]])
                np.testing.assert_array_equal(trains.units, arrays[told["units"]["array"]])
    assert len(batch.spikes["label"].times) == 12

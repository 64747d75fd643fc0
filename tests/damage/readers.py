"""How each kind of file is read and used, and whether what was read can be true."""

import contextlib
import gzip
import hashlib
import json
import warnings
import zlib
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import eventsim as es
from eventsim.io import TraceFile, load

__all__ = ["READERS", "NotTrue"]


class NotTrue(Exception):
    """What was read contradicts itself."""


def hold(condition: Any, what: str) -> None:
    """Raise `NotTrue` unless a condition holds."""
    if not condition:
        raise NotTrue(what)


def check_trace(trace: Any) -> None:
    """Hold spikes and samples to the sizes of their populations, and to their order."""
    for name, spikes in trace.spikes.items():
        size = trace.sizes.get(name, -1)
        times, units = spikes.times, spikes.units
        hold(times.dtype == np.float64 and units.dtype == np.int64, f"spikes of {name!r} have other types")
        hold(times.shape == units.shape and times.ndim == 1, f"{len(times)} times, {len(units)} units")
        hold(np.isfinite(times).all() and (np.diff(times) >= 0).all(), f"times of {name!r} are not in order")
        hold(not len(units) or (units.min() >= 0 and units.max() < size), f"units of {name!r} beyond {size}")
    for (name, variable), samples in trace.samples.items():
        where, shape = f"{variable!r} of {name!r}", (len(samples.times), len(samples.units))
        hold(samples.values.shape == shape, f"{where}: {samples.values.shape} for {shape}")
        hold(np.isfinite(samples.times).all(), f"{where}: times are not finite")
        hold((np.diff(samples.times) >= 0).all(), f"{where}: times are not in order")
        hold(np.isfinite(samples.every) and samples.every >= 0, f"{where}: step {samples.every}")
        size = trace.sizes.get(name, -1)
        units = samples.units
        hold(not len(units) or (units.min() >= 0 and units.max() < size), f"{where}: units beyond {size}")
    hold(all(size >= 0 for size in trace.sizes.values()), "a negative size")
    hold(np.isfinite(trace.duration), f"duration {trace.duration}")
    repr(trace)


def read_run(path: Path) -> None:
    """Read a run and go on writing it; one in thirty-two as `show` does, with its outline, and in part."""
    from eventsim.scenarios.shell import results

    check_trace(load(path))
    if zlib.crc32(path.read_bytes()) % 32 == 0:
        check_trace(load(path, start=5.0, stop=9.0))
        results.as_text(path)
    TraceFile.resume(path).discard()


def read_network(path: Path) -> None:
    """Build the network of a file."""
    load(path).network()


def read_streamed(path: Path) -> None:
    """Read a run and build its network."""
    read_run(path)
    read_network(path)


def read_classifier(path: Path) -> None:
    """Predict with a trained classifier."""
    found = es.models.SpikingClassifier.load(path).predict([[0.1, 0.9], [0.7, float("inf")]])
    hold(len(found) == 2, "not one class a sample")


def read_estimator(path: Path) -> None:
    """Predict with a trained classifier of sequences."""
    model = es.models.SequenceClassifier.load(path)
    hold(
        len(model.predict(np.zeros((2, 8, model.n_features_in_), np.float32))) == 2, "not one class a sample"
    )


def read_configuration(path: Path) -> None:
    """Settle the configuration that a file describes, as a run does before it begins."""
    from eventsim.scenarios import request, running

    asked = running.requested(name=str(path), quiet=True)
    asked, layers = request.with_file(asked)
    kind = request.scenario_kind(asked.name)
    request.settle(kind, asked.name, asked.preset, *layers)


def read_points(path: Path) -> None:
    """Read the points of a sweep."""
    from eventsim.scenarios.sweep.points import points_of, read_list

    hold(list(points_of({}, listed=read_list(path))), "no points")


def read_sweep(path: Path) -> None:
    """Read a sweep and make its table."""
    from eventsim.scenarios.sweep.sweeping import open_sweep

    found = open_sweep(path.parent)
    found.rows()
    repr(found.failed)


def read_csv(path: Path) -> None:
    """Read the spikes of one population into a source, and use it."""
    source = es.models.SpikeSource.from_csv(path, "hidden")
    source.check(int(np.max(source.units, initial=0)) + 1, "input")


def read_trace(path: Path) -> None:
    """Read a recording of another program, whole and in part."""
    check_trace(load(path))
    if zlib.crc32(path.read_bytes()) % 8 == 0:
        check_trace(load(path, start=2.0, stop=4.0))
        load(path, recordings=False)


def read_neo(path: Path) -> None:
    """Make a Neo block of a description, and read it."""
    import neo
    import quantities as pq

    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        segment, block = neo.Segment(), neo.Block()
        block.segments.append(segment)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for each in said["trains"]:
                times = pq.Quantity(each["times"], each["units"])
                train = neo.SpikeTrain(times, t_stop=each["t_stop"] * pq.Quantity(1, each["units"]))
                train.annotations.update(each["annotations"])
                segment.spiketrains.append(train)
            for each in said["signals"]:
                unit = pq.Quantity(1, each["t_units"])
                how = {"name": each["name"], "units": each["units"]}
                if "times" in each:
                    times = np.asarray(each["times"], float) * unit
                    signal = neo.IrregularlySampledSignal(times, np.asarray(each["values"]), **how)
                    segment.irregularlysampledsignals.append(signal)
                else:
                    step, start = each["sampling_period"] * unit, each["t_start"] * unit
                    signal = neo.AnalogSignal(each["values"], sampling_period=step, t_start=start, **how)
                    segment.analogsignals.append(signal)
                signal.annotations.update(each["annotations"])
                for key, value in each["array_annotations"].items():
                    signal.array_annotations[key] = np.asarray(value)
        number = said["segment"]
    except Exception as error:  # Neo makes no such block
        raise es.errors.ConfigError("Neo refuses it") from error
    check_trace(es.io.from_neo(block, number))


def read_recordings(path: Path) -> None:
    """Read labelled spikes."""
    recordings, labels = es.io.datasets.read_recordings(path)
    hold(len(recordings) == len(labels), "not one label a recording")
    for each in recordings:
        hold(np.isfinite(each.times).all() and (each.units >= 0).all(), "times or units that cannot be")


def read_session(path: Path) -> None:
    """Read a session of reaches."""
    from eventsim.io.datasets.sets.primate_reaching import read_session as read

    counts, velocities, reaches = read(path)
    hold(len(counts) == len(velocities) and reaches.min() >= 0, "steps that do not fit")


def read_idx(path: Path) -> None:
    """Read images. The sum of a short file is the expected one, so that it is looked into."""
    from eventsim.io.datasets.sets import mnist

    name, sums = "train-images-idx3-ubyte", dict(mnist.MNIST.sha256)
    with contextlib.suppress(OSError, EOFError, zlib.error), gzip.open(path) as stream:
        inside = stream.read(1 << 20)
        if len(inside) < 1 << 20:
            sums[name] = hashlib.sha256(inside).hexdigest()
    with _sums(mnist.MNIST, sums):
        mnist._array(mnist.MNIST, name, path.parent)


@contextlib.contextmanager
def _sums(published: Any, sums: dict[str, str]) -> Any:
    """Give a published set other check sums for a while."""
    before = published.sha256
    object.__setattr__(published, "sha256", sums)
    try:
        yield
    finally:
        object.__setattr__(published, "sha256", before)


def read_keras(path: Path) -> None:
    """Read images and labels from an archive of arrays; whatever is in it has the sum that is expected."""
    from eventsim.io.datasets.sets import mnist

    with mock.patch.object(mnist, "_check"):
        for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
            mnist._array(mnist.MNIST, name, path.parent)


def read_images(path: Path) -> None:
    """Read a batch of images."""
    from eventsim.io.datasets.sets.cifar10 import _arrays

    found, labels = _arrays(path.name, path.read_bytes())
    hold(len(found) == len(labels), "not one label an image")


def read_sound(path: Path) -> None:
    """Read a second of sound."""
    from eventsim.io.datasets.sets.acoustic_scenes import scene
    from eventsim.io.datasets.sets.mswc import Recordings

    scene(path, 0)
    hold(len(Recordings((path,), ("x",), ("de",))[0]) == 48000, "no whole second")


def read_events(path: Path) -> None:
    """Read events and count them."""
    from eventsim.io.datasets.sets.event_camera import histograms
    from eventsim.io.datasets.sets.event_camera import read_events as read

    found = read(path)
    hold(len({len(each) for each in found.values()}) == 1, "rows of differing length")
    histograms(found)


def read_boxes(path: Path) -> None:
    """Read boxes."""
    from eventsim.io.datasets.sets.event_camera import read_boxes as read

    hold(len({len(each) for each in read(path).values()}) == 1, "rows of differing length")


def read_pattern(path: Path) -> None:
    """Read a pattern to learn."""
    from eventsim.scenarios.elise.pattern_files import pattern_of

    found = pattern_of(str(path))
    hold(found.roll.any(axis=0).all() and np.isfinite(found.duration), "a neuron without a note")
    found.notes()


def read_script(path: Path) -> None:
    """Carry out a script: the test of the process that reads."""
    import damage.child

    exec(path.read_text(), {"damage": damage})


READERS = {
    "script": read_script,
    "run": read_run,
    "streamed": read_streamed,
    "network": read_network,
    "classifier": read_classifier,
    "estimator": read_estimator,
    "calibration": lambda path: es.hardware.Calibration.load(path),
    "configuration": read_configuration,
    "points": read_points,
    "sweep": read_sweep,
    "csv": read_csv,
    "trace": read_trace,
    "neo": read_neo,
    "recordings": read_recordings,
    "session": read_session,
    "idx": read_idx,
    "keras": read_keras,
    "images": read_images,
    "sound": read_sound,
    "events": read_events,
    "boxes": read_boxes,
    "pattern": read_pattern,
}

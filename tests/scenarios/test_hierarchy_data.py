"""Presets of temporal hierarchies whose data come from files, each on small files of the published layout."""

import h5py
import numpy as np
import pytest

from eventsim import io
from eventsim.io import datasets
from eventsim.registry import find
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "temporal-hierarchy")
FILES = {
    "shd": {"shd_train.h5": 40, "shd_test.h5": 20},
    "ssc": {"ssc_train.h5": 40, "ssc_valid.h5": 10, "ssc_test.h5": 10},
}


def recordings(path, n, classes, rng):
    """Write spikes of 700 channels, times in seconds as half-precision floats, as in SHD and SSC."""
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", n, h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", n, h5py.vlen_dtype(np.uint16))
        labels = rng.permutation(n) % classes
        for k, label in enumerate(labels):
            count = int(rng.integers(200, 400))
            times[k] = np.sort(rng.uniform(0, 1.2, count)).astype(np.float16)
            units[k] = rng.integers(0, 700 - 10 * label, count).astype(np.uint16)
        file["labels"] = labels.astype(np.uint16)


def run(path, preset, data=None, **values):
    settings = SCENARIO.presets[preset] | {"epochs": 1, "samples_recorded": 1} | values
    return execute(
        Request(name="temporal-hierarchy", values=settings, output=path, quiet=True, threads=1, data=data)
    )


@pytest.mark.parametrize("preset", ["shd", "shd-kernels", "shd-emergence", "ssc"])
def test_presets_of_spoken_words_run_where_their_files_are(tmp_path, preset):
    name, rng = preset.partition("-")[0], np.random.default_rng(3)
    (tmp_path / name).mkdir()
    classes = {"shd": 20, "ssc": 35}[name]
    for file, n in FILES[name].items():
        recordings(tmp_path / name / file, n, classes, rng)
    run(tmp_path / "a.h5", preset, tmp_path)
    trace = io.load(tmp_path / "a.h5")
    assert trace.provenance["dataset"] == name
    assert 0 <= trace.metrics["test_accuracy"] <= 1
    assert trace.parameters["weight/input->hidden1"].shape[-2] == 700
    assert trace.parameters["membrane/label"].shape[-1] == classes
    assert np.isfinite(trace.training["train_loss"]).all()


def test_the_preset_of_pixels_runs_on_images(tmp_path, monkeypatch):
    rng = np.random.default_rng(4)
    images, labels = rng.integers(0, 256, (24, 28, 28)).astype(np.uint8), np.arange(24) % 10
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    monkeypatch.setattr(datasets, "mnist", lambda split, data=None: (images, labels))
    run(tmp_path / "a.h5", "smnist", batch=10)
    trace = io.load(tmp_path / "a.h5")
    assert trace.parameters["membrane/label"].shape == (1, 784, 10)
    assert trace.parameters["weight/input->hidden1"].shape == (1, 64)
    assert np.isfinite(trace.training["train_loss"]).all()


@pytest.mark.parametrize(
    ("preset", "missing"), [("ssc", "ssc_valid.h5"), ("ssc", "ssc_test.h5"), ("shd", "shd_test.h5")]
)
def test_a_missing_file_is_named_with_its_folder(tmp_path, preset, missing):
    (tmp_path / preset).mkdir()
    for file in FILES[preset]:
        if file != missing:
            recordings(tmp_path / preset / file, 4, 4, np.random.default_rng(5))
    with pytest.raises((FileNotFoundError, RunFailed), match=f"needs the file {missing}") as found:
        run(tmp_path / "a.h5", preset, tmp_path)
    assert str(tmp_path / preset) in str(found.value)
    assert "\n" not in str(found.value)

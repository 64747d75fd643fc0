"""Calibration: measured on the chip, kept in a file, and better than none."""

import numpy as np
import pytest

import eventsim as es
from eventsim import hardware as hw
from eventsim.errors import ConfigError, FileFormatError
from eventsim.hardware import Calibration, Substrate, Trims, calibrate

SPREADS = {"v_th": 0.1, "tau_mem": 0.1, "tau_syn": 0.1, "delay": 0.08}
RAW = Substrate(
    [
        *(hw.Mismatch(name, sigma) for name, sigma in SPREADS.items()),
        hw.Jitter(0.002),
        hw.ThresholdNoise(run=0.01),
    ],
    device_seed=7,
)


@pytest.fixture(scope="module")
def found():
    return calibrate(RAW, circuits=24, elements=10, repeats=6, steps=9)


def spread_of(substrate, name):
    """Return the relative standard deviation of a parameter, as it is in the device."""
    net = es.Network()
    net.add("input", es.models.SpikeSource(), 10)
    net.add("cells", es.models.LIF(), 24)
    net.connect("input", "cells", weight=1.0, delay=2.0)
    made, _ = substrate.prepared(net).written(net)
    if name == "delay":
        return np.std(np.asarray(made.projections[0].delay) / 2.0)
    return np.std(getattr(made.populations["cells"].model, name))


@pytest.mark.parametrize("name", SPREADS)
def test_circuits_are_more_alike_after_calibration(found, name):
    calibrated = Substrate([*RAW.parts, Trims(found)], device_seed=7)
    before, after = spread_of(RAW, name), spread_of(calibrated, name)
    assert before > 0.5 * SPREADS[name]
    assert after < 0.35 * before  # what noise of six runs leaves of it
    assert np.std(found.after[name]) < 0.35 * np.std(found.before[name])


def test_brainscales2_can_be_calibrated_and_calibrated_again(tmp_path):
    quiet = {"device_seed": 3, "threshold_mismatch": 0.08, "threshold_noise": 0.0, "jitter_us": 0.0}
    first = calibrate(hw.BrainScaleS2(**quiet), ("v_th",), circuits=16, repeats=1)
    # What the clock of 8 ns leaves: spikes of the strong current come after half a microsecond.
    assert np.std(first.after["v_th"]) < 0.2 * np.std(first.before["v_th"])
    assert np.mean(first.before["v_th"]) > 0.03 > np.abs(first.after["v_th"]).max()
    first.save(tmp_path / "device.toml")
    trimmed = hw.BrainScaleS2(**quiet, calibration=str(tmp_path / "device.toml"))
    again = calibrate(trimmed, ("v_th",), circuits=16, repeats=1)
    assert np.array_equal(again.trims["v_th"], first.trims["v_th"])


def test_a_calibration_survives_its_file_to_the_bit(found, tmp_path):
    found.save(tmp_path / "device.toml")
    loaded = Calibration.load(tmp_path / "device.toml")
    assert loaded.device_seed == 7
    for one, other in (
        (loaded.trims, found.trims),
        (loaded.before, found.before),
        (loaded.after, found.after),
    ):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)


def test_trims_of_another_device_or_too_few_are_refused(found):
    net = es.Network()
    net.add("cells", es.models.LIF(), 30)
    with pytest.raises(ConfigError, match="the calibration is of device 7, this is device 8"):
        Substrate([Trims(found)], device_seed=8).transform(net)
    with pytest.raises(ConfigError, match="the calibration has 24 circuits, the network uses 30"):
        Substrate([Trims(found)], device_seed=7).transform(net)


def test_what_is_no_calibration_is_refused(tmp_path):
    path = tmp_path / "x.toml"
    for text, message in (
        ("device = ", "is no calibration"),
        ("device = 1", "is no calibration"),
        ("version = 9\ndevice_seed = 1\n", "of version 9, this reads up to 2"),
        ("version = 1\ndevice = 1\n[trims]\nv_th = [1.0, -2.0]\n", "trims of v_th must be positive"),
    ):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=message):
            Calibration.load(path)
    with pytest.raises(ConfigError, match="'colour' cannot be calibrated"):
        calibrate(RAW, ("colour",))


def test_a_calibration_of_the_first_version_is_read(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("version = 1\ndevice = 7\n[trims]\nv_th = [1.0, 1.25]\n")
    found = Calibration.load(path)
    assert found.device_seed == 7
    assert found.trims["v_th"].tolist() == [1.0, 1.25]


def test_a_chip_takes_its_calibration_from_a_file(found, tmp_path):
    found.save(tmp_path / "device.toml")
    from eventsim.hardware.named import by_name

    net = es.Network()
    net.add("cells", es.models.LIF(), 24)
    path = tmp_path / "device.toml"
    chip = by_name(f"brainscales2,device_seed=7,threshold_offset=0.0,threshold_noise=0.0,calibration={path}")
    v_th = chip.transform(net).populations["cells"].model.v_th
    bare = by_name("brainscales2,device_seed=7,threshold_offset=0.0,threshold_noise=0.0").transform(net)
    np.testing.assert_allclose(v_th / bare.populations["cells"].model.v_th, found.trims["v_th"], rtol=1e-12)

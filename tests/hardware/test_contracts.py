"""What hardware, parts and targets may be given as; what is something else is refused in one clear line."""

import numpy as np
import pytest

import eventsim as es
from eventsim import hardware as hw
from eventsim.hardware_interface import RunsNetworks


def network():
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=[0.2, 0.5, 0.9], units=[0, 1, 2]), 3)
    net.add("cells", es.models.LIF(first_spike_only=True), 4)
    net.connect("input", "cells", weight=np.full((3, 4), 1.51))
    return net


def spikes(hardware):
    sim = es.Simulation(network(), hardware=hardware)
    sim.run(10.0)
    return sim.spikes("cells").times.tolist()


@pytest.mark.parametrize(
    ("name", "chip"),
    [
        ("brainscales2", hw.BrainScaleS2()),
        ("brainscales2,device_seed=7", hw.BrainScaleS2(device_seed=7)),
        ("jitter,sigma=0.1", hw.Jitter(0.1)),
        ("ideal", None),
    ],
)
def test_a_simulation_takes_hardware_by_name(name, chip):
    assert spikes(name) == spikes(chip)
    target = hw.SimulatedTarget(name)
    assert target.hardware == (hw.Ideal() if chip is None else chip)


def test_a_name_that_is_misspelt():
    with pytest.raises(es.errors.UnknownPart, match="did you mean 'brainscales2'"):
        es.Simulation(network(), hardware="brainscale2")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            hw.BrainScaleS2,
            r"hardware must be an object, got the class BrainScaleS2; write BrainScaleS2\(...\)$",
        ),
        (hw.Jitter, r"got the class Jitter; write Jitter\(...\)$"),
        ([hw.Jitter(0.1)], r"a list of parts is es.hardware.Substrate\(\[...\]\)$"),
        (3, r"hardware must be a name such as 'brainscales2' .*, got 3$"),
        (hw.SimulatedTarget(), "is a target, which runs batches by itself"),
    ],
)
def test_what_is_no_hardware(given, message):
    with pytest.raises(TypeError, match=message) as caught:
        es.Simulation(network(), hardware=given)
    assert "\n" not in str(caught.value)


def test_all_registered_hardware_keeps_the_interface():
    for kind in es.registry.parts("hardware").values():
        assert isinstance(kind(), RunsNetworks)
    assert isinstance(hw.Substrate(), RunsNetworks)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([hw.Jitter], r"parts must be objects, got the class Jitter; write Jitter\(...\)"),
        (hw.Jitter(0.1), r"parts must be a sequence such as \[es.hardware.Jitter\(0.1\)\], got Jitter"),
        ("jitter", "parts must be a sequence such as"),
        ([3], "each of the parts must be a Part such as es.hardware.Jitter"),
        (None, "parts must be a sequence such as"),
    ],
)
def test_what_is_no_part(parts, message):
    with pytest.raises(TypeError, match=message):
        hw.Substrate(parts)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (hw.SimulatedTarget, r"got the class SimulatedTarget; write SimulatedTarget\(...\)"),
        (hw.BrainScaleS2(), r"as es.hardware.SimulatedTarget\(chip\) has, got BrainScaleS2\(\)$"),
    ],
)
def test_what_is_no_target(target, message):
    from eventsim.hardware.remote.serve import TargetServer

    with pytest.raises(TypeError, match=message):
        hw.InTheLoop(None, target, until=1.0)
    with pytest.raises(TypeError, match=message):
        TargetServer(target)


def test_parts_and_trims_are_copied():
    parts = [hw.Jitter(0.1)]
    chip = hw.Substrate(parts)
    parts.append(hw.SpikeLoss(1.0))
    assert len(chip.parts_for(network())) == 1
    factors = np.full(8, 2.0)
    trims = hw.Calibration(0, {"v_th": factors})
    factors[:] = 1.0
    assert trims.trims["v_th"].tolist() == [2.0] * 8


def test_a_repr_is_one_line():
    seen = hw.SimulatedTarget(hw.SpikeLoss(1.0))
    seen.configure(network())
    seen = seen.run({}, until=5.0, trial=0)
    for thing, text in (
        (hw.BrainScaleS2(), "BrainScaleS2()"),
        (hw.BrainScaleS2(device_seed=7, loss=0.1), "BrainScaleS2(device_seed=7, loss=0.1)"),
        (hw.Mismatch("tau_mem", 0.1), "Mismatch(parameter='tau_mem', sigma=0.1)"),
        (hw.Substrate([hw.Jitter(0.1)]), "Substrate(parts=(Jitter(sigma=0.1),))"),
        (hw.Trims(hw.Calibration(3, {"v_th": np.ones(600)})),
         "Trims(calibration=<Calibration of device 3: 600 x v_th>)"),
        (hw.SimulatedTarget("brainscales2"), "SimulatedTarget(BrainScaleS2())"),
        (seen, "<Observed: 1 samples; spikes: 0 of 'cells', 4 lost>"),
        (hw.MixedSignal(), "MixedSignal()"),
    ):  # fmt: skip
        assert repr(thing) == text


@pytest.mark.parametrize("closed_forms", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": float("nan")}, "until must be a time after 0, got nan"),
        ({"until": -1.0}, "until must be a time after 0, got -1.0"),
        ({"until": "10"}, "until must be a time, got '10'"),
        ({"until": None}, "until must be a time, got None"),
        ({"trial": -1}, "trial must be a whole number, at least 0, got -1"),
        ({"trial": 1.5}, "trial must be a whole number"),
        ({"trial": 2**70}, "trial must be a whole number, at most 9223372036854775807"),
        ({"trial": True}, "trial must be a whole number"),
        ({"first": -3}, "first must be a whole number"),
        ({"first": 2**63}, "first must be a whole number"),
    ],
)
def test_a_run_with_wrong_numbers_is_refused(change, message, closed_forms):
    target = hw.SimulatedTarget("jitter,sigma=0.1", closed_forms=closed_forms)
    target.configure(network())
    with pytest.raises((TypeError, ValueError), match=message):
        target.run({}, **{"until": 5.0, "trial": 0} | change)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, True])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="device_seed must be a whole number, at least 0, got"):
        es.Simulation(network(), hardware=hw.Substrate([hw.Mismatch("v_th", 0.1)], device_seed=seed))
    with pytest.raises(ValueError, match="seed must be a whole number, at least 0, got"):
        es.Simulation(network(), hardware=hw.Substrate([hw.Jitter(0.1)], seed=seed))


def test_a_trial_that_is_none_is_refused():
    for trial in (-1, 1.5, 2**70):
        with pytest.raises(ValueError, match="trial must be a whole number"):
            es.Simulation(network(), hardware=hw.Jitter(0.1), trial=trial)

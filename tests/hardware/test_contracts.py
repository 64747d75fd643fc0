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

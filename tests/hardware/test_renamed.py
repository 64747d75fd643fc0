"""Names of the version before keep working, and say once what they are called now."""

# mypy: disable-error-code="call-arg"

import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import eventsim as es
from eventsim import hardware as hw
from eventsim import registry

OLD_CLASSES = {
    "Spread": hw.Mismatch,
    "Deviation": hw.Offset,
    "WeightSteps": hw.WeightQuantization,
    "WeightRange": hw.WeightSaturation,
    "TimeStamps": hw.TimestampResolution,
    "SignRows": hw.DaleRows,
    "DelaySteps": hw.DelayQuantization,
    "BehindAddress": hw.RemoteHardware,
}


@pytest.mark.parametrize("name", OLD_CLASSES)
def test_old_names_of_classes(name):
    with pytest.warns(DeprecationWarning, match="is now"):
        assert getattr(hw, name) is OLD_CLASSES[name]
    assert name not in dir(hw)


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ("spread", hw.Mismatch),
        ("weight_steps", hw.WeightQuantization),
        ("weight-range", hw.WeightSaturation),
        ("delay_steps", hw.DelayQuantization),
    ],
)
def test_old_names_of_parts(old, today):
    with pytest.warns(DeprecationWarning, match="is called"):
        assert registry.find("hardware", old) is today


def test_underscores_count_as_hyphens():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.find("hardware", "dead_neurons") is hw.DeadNeurons
        assert registry.find("hardware", "mixed_signal") is hw.MixedSignal


@pytest.mark.parametrize(
    ("make", "today"),
    [
        (lambda: hw.BrainScaleS2(device=7), hw.BrainScaleS2(device_seed=7)),
        (lambda: hw.BrainScaleS2(beyond="refuse"), hw.BrainScaleS2(overflow="refuse")),
        (lambda: hw.BrainScaleS2(threshold_spread=0.1), hw.BrainScaleS2(threshold_mismatch=0.1)),
        (lambda: hw.MixedSignal(bus_room=3), hw.MixedSignal(bus_capacity=3)),
        (lambda: hw.Bus(2.0, room=3), hw.Bus(2.0, capacity=3)),
        (lambda: hw.WeightSaturation(1.0, beyond="refuse"), hw.WeightSaturation(1.0, "refuse")),
        (lambda: hw.DelayQuantization(beyond="clip"), hw.DelayQuantization(overflow="clip")),
        (lambda: hw.Substrate((), room=hw.Layout("x")), hw.Substrate((), capacity=hw.Layout("x"))),
        (lambda: hw.by_name("brainscales2,tau_spread=0.1"), hw.BrainScaleS2(tau_mismatch=0.1)),
        (lambda: hw.by_name("brainscales2", device=3), hw.BrainScaleS2(device_seed=3)),
    ],
)  # fmt: skip
def test_old_arguments(make, today):
    with pytest.warns(DeprecationWarning, match="is called"):
        assert make() == today


def test_an_argument_by_both_names_is_refused():
    with (
        pytest.warns(DeprecationWarning, match="'device' is called 'device_seed' now"),
        pytest.raises(ValueError, match="'device_seed' is given twice, once as 'device', its old name"),
    ):
        hw.BrainScaleS2(device_seed=1, device=1)


def test_the_old_attribute():
    with pytest.warns(DeprecationWarning, match="'device' is called 'device_seed' now"):
        assert hw.BrainScaleS2(device_seed=7).device == 7


def test_a_part_of_ones_own_that_was_written_for_the_version_before():
    with pytest.warns(DeprecationWarning, match="'alter' is called 'transform_parameters' now"):

        @dataclass(frozen=True)
        class Slow(hw.Part):
            def alter(self, draft):
                for name in draft.neurons:
                    draft.multiply(name, "tau_mem", 2.0)

    net = es.Network()
    net.add("cells", es.models.LIF(), 3)
    assert np.all(Slow().transform(net).populations["cells"].model.tau_mem == 2.0)
    with pytest.warns(DeprecationWarning, match="'leave' is called 'transmit' now"):

        @dataclass(frozen=True)
        class Late(hw.Part):
            def leave(self, leaving, placement, trials):
                leaving.latency += 0.5

    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0]), 1)
    sim = es.Simulation(net, hardware=Late())
    sim.run(3.0)
    assert sim.spikes("input").times.tolist() == [1.5]

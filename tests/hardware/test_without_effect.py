"""A part that touches nothing in a network is refused, with the names that could have been meant."""

import numpy as np
import pytest

import eventsim as es
from eventsim import hardware as hw
from eventsim.errors import ConfigError, UnknownPart
from eventsim.hardware.named import by_name


def spiking(delay=0.0):
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=[0.2]), 1)
    net.add("cells", es.models.LIF(), 4)
    net.connect("input", "cells", weight=3.0, delay=delay)
    return net


def rates():
    net = es.Network(seed=1)
    net.add("input", es.models.RateInput(), 2)
    net.add("rates", es.models.LatentEquilibrium(), 4)
    net.connect("input", "rates", weight=0.3)
    return net


def sources():
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=10.0), 2)
    return net


KNOWN = "known: c_mem, delay, i_ext, i_init, t_ref, tau_mem, tau_syn, v_leak, v_reset, v_th, weight"


@pytest.mark.parametrize(
    ("net", "part", "reason"),
    [
        (spiking, hw.Mismatch("v_thresh", 0.1), "have a parameter 'v_thresh'; did you mean 'v_th'?"),
        (spiking, hw.Mismatch("wieght", 0.1), "did you mean 'weight'?"),
        (spiking, hw.Mismatch("xyz", 0.1), "'xyz'; known: c_mem, delay"),
        (spiking, hw.Mismatch("i_ext", 0.1), "i_ext of all neurons is 0"),
        (spiking, hw.Mismatch("first_spike_only", 0.1), "no neurons have a parameter 'first_spike_only'"),
        (spiking, hw.Mismatch("delay", 0.1), "no projection has a delay"),
        (spiking, hw.Offset("tau_men", 1.1), "did you mean 'tau_mem'"),
        (spiking, hw.Offset("weight", 1.1), "no neurons have a parameter 'weight'"),
        (spiking, hw.RateNoise(0.1), "no neurons have a parameter 'noise'"),
        (spiking, hw.Trims(hw.Calibration(0, {"delay": np.ones(4)})), "no projection has a delay"),
        (rates, hw.Jitter(0.1), "no population of neurons spikes"),
        (rates, hw.Jitter(0.1, whose="all"), "no population spikes"),
        (rates, hw.SpikeLoss(0.1, whose="inputs"), "no source of the network spikes"),
        (rates, hw.Latency(0.1), "no population of neurons spikes"),
        (rates, hw.Bus(2.0), "no population of neurons spikes"),
        (rates, hw.DeadNeurons(0.1), "no population of neurons spikes"),
        (rates, hw.TimestampResolution(0.1), "no population spikes"),
        (rates, hw.ThresholdNoise(0.1), "no neurons have a parameter 'v_th'"),
        (rates, hw.StuckNeurons(0.1), "no neurons have a parameter 'i_ext'"),
        (sources, hw.Mismatch("weight", 0.1), "the network has no projections"),
        (sources, hw.WeightQuantization(0.1), "the network has no projections"),
        (sources, hw.WeightSaturation(0.1), "the network has no projections"),
        (sources, hw.DaleRows(1), "the network has no projections"),
        (sources, hw.MissingSynapses(0.1), "the network has no projections"),
        (sources, hw.StuckSynapses(0.1), "the network has no projections"),
        (sources, hw.Mismatch("v_th", 0.1), "no neurons have a parameter 'v_th'"),
    ],
)  # fmt: skip
def test_a_part_that_touches_nothing_is_refused(net, part, reason):
    for hardware in (part, hw.Substrate([part])):
        with pytest.raises(ConfigError) as caught:
            es.Simulation(net(), hardware=hardware)
        assert str(caught.value).startswith(f"{part!r} acts on nothing: ")
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)


def test_one_such_part_among_others_is_refused_too():
    chip = hw.Substrate([hw.Jitter(0.1), hw.Mismatch("v_thresh", 0.1)])
    with pytest.raises(ConfigError, match="'v_thresh'.*did you mean 'v_th'.*" + KNOWN):
        hw.SimulatedTarget(chip).configure(spiking())
    # Names that are right may find nothing in one network and something in the next.
    chip = hw.Substrate([hw.Jitter(0.1), hw.Mismatch("delay", 0.1)])
    with pytest.warns(RuntimeWarning, match="acts on nothing: no projection has a delay"):
        chip.transform(spiking())


def test_parts_that_are_set_to_nothing_are_left_alone():
    nothing = [hw.Mismatch("v_thresh"), hw.Jitter(), hw.RateNoise(), hw.Mismatch("delay", 0.0)]
    net = spiking()
    assert hw.Substrate(nothing).transform(net) is net


def test_a_chip_has_its_parts_whatever_runs_there():
    net = es.Network(seed=1)
    net.add("cells", es.models.LIF(), 4)
    assert es.Simulation(net, hardware=hw.BrainScaleS2(delay_mismatch=0.1))
    assert es.Simulation(rates(), hardware=hw.MixedSignal(us_per_unit=1.0), dt=0.1)


@pytest.mark.parametrize("kind", [name for name, part in es.registry.parts("hardware").items()
                                  if issubclass(part, hw.Part)])  # fmt: skip
def test_a_part_by_name_without_a_value_is_refused(kind):
    message = f"hardware '{kind}' changes nothing with .*set one, as in {kind},"
    if kind == "trims":
        message = "hardware 'trims': trims take one setting, calibration=FILE"
    with pytest.raises(ConfigError, match=message):
        by_name(kind)


def test_trims_by_name(tmp_path):
    hw.Calibration(3, {"v_th": np.ones(4)}).save(tmp_path / "device3.toml")
    part = by_name(f"trims,calibration={tmp_path / 'device3.toml'}")
    assert part.calibration.device_seed == 3


def test_a_part_by_name_with_a_value():
    assert by_name("jitter,sigma=0.1") == hw.Jitter(0.1)
    with pytest.raises(ConfigError, match=r"changes nothing with sigma=0\.0, whose='all'"):
        by_name("jitter,whose=all")
    with pytest.raises(UnknownPart, match="did you mean 'jitter'"):
        by_name("jiter,sigma=0.1")

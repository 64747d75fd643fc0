"""Counters, clocks and hold-off of a chip against the numbers of its register descriptions."""

import numpy as np
import pytest

import eventsim as es
from eventsim.hardware.chips.dendrite_counters import (
    EventTiming,
    clock_frequency,
    cycle_ms,
    hold_off_cycles,
    nearest_timing,
    quantized_weights,
)
from eventsim.scenarios.nonlinear_dendrites.cells import nmda_neuron


def test_clocks_run_from_125_mhz_down_to_about_4_khz():
    assert clock_frequency(0) == 125e6
    assert clock_frequency(15) == pytest.approx(3814.7, abs=0.1)
    with pytest.raises(ValueError, match="between 0 and 15, got 16"):
        clock_frequency(16)


def test_resets_are_31_minus_twice_the_hold_off_cycles_shorter_but_last_a_cycle():
    np.testing.assert_array_equal(hold_off_cycles([0, 1, 15]), [31, 29, 1])
    timing = EventTiming(4, 100, 10)
    assert timing.t_ref == pytest.approx(100 * 0.128)
    assert timing.t_rst == pytest.approx((100 - 11) * 0.128)
    assert EventTiming(4, 5, 0).t_rst == cycle_ms(4)


@pytest.mark.parametrize(
    ("t_rst", "hold_off"), [(2.0, 0.1), (10.0, 5.0), (20.0, 20.0), (50.0, 20.0), (100.0, 12.0)]
)
def test_the_nearest_settings_are_close_to_what_is_wanted(t_rst, hold_off):
    timing = nearest_timing(t_rst, hold_off)
    assert timing.t_rst == pytest.approx(t_rst, abs=max(0.6 * cycle_ms(timing.scale), 0.05 * t_rst))
    assert 0 < timing.count <= 255


def test_plateaus_last_multiples_of_the_clock_period():
    timing = nearest_timing(20.0, 20.0)
    cycle = cycle_ms(timing.scale)
    assert timing.t_rst / cycle == pytest.approx(round(timing.t_rst / cycle))
    net = es.Network()
    net.add("volley", es.models.SpikeSource(times=[5.0]), 1)
    net.add("cell", nmda_neuron(t_rst=[20.0, timing.t_rst], hold_off=[20.0, timing.t_ref - timing.t_rst]), 2)
    net.connect("volley", "cell", weight=24.0, receptor="dendrite")
    sim = es.Simulation(net, dt=0.02)
    sim.record("cell", "dendrite.v", every=0.02)
    sim.run(60.0)
    high = (sim.trace("cell", "dendrite.v").values > -45).sum(axis=0) * 0.02
    assert high[1] - high[0] == pytest.approx(timing.t_rst - 20.0, abs=0.05)


def test_six_bit_weights_change_the_number_of_inputs_at_threshold_by_at_most_one():
    n_inputs = np.arange(1, 9)
    found = []
    for size in (3.0, float(quantized_weights(3.0, 12.0 / 63))):
        net = es.Network()
        net.add("volley", es.models.SpikeSource(times=[5.0]), 1)
        net.add("cell", nmda_neuron(), 8)
        net.connect("volley", "cell", weight=size * n_inputs[None, :], receptor="dendrite")
        sim = es.Simulation(net, dt=0.05)
        sim.run(40.0)
        found.append(n_inputs[np.bincount(sim.spikes("cell.dendrite").units, minlength=8) > 0].min())
    assert found[0] == 5
    assert abs(found[1] - found[0]) <= 1
    with pytest.raises(ValueError, match="share one sign"):
        quantized_weights([1.0, -1.0], 0.1)

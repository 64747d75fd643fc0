"""Chips: capacity, units, presets by name, price."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, UnknownPart
from eventsim.hardware import BrainScaleS2, BrainScaleS2Ideal, SimulatedTarget, Substrate
from eventsim.hardware.named import by_name


def network(n_in=20, n_hidden=30, n_out=3, delay=0.0, tau=1.0, weight=0.5):
    net = es.Network(seed=1)
    cell = es.models.LIF(tau_mem=tau, tau_syn=tau, c_mem=tau, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), n_in)
    net.add("hidden", cell, n_hidden)
    net.add("label", cell, n_out)
    net.connect("input", "hidden", weight=np.full((n_in, n_hidden), weight), delay=delay)
    net.connect("hidden", "label", weight=np.full((n_hidden, n_out), weight), delay=delay)
    return net


def test_the_published_networks_fit():
    chip = BrainScaleS2()
    delays = chip.layout().place(network(20, 30, 3, delay=2.0))
    assert sum(len(elements) for elements in delays.elements.values()) == 50
    mnist = chip.layout().place(network(256, 246, 10))  # all circuits, two for each neuron
    assert mnist.joined == {"hidden": 2, "label": 2}
    assert mnist.circuits["label"][-1] == 510


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (lambda: network(20, 600), r"needs 624 neuron circuits, BrainScaleS-2 has 512$"),
        (lambda: network(256, 250, 10), r"needs 520 neuron circuits, BrainScaleS-2 has 512$"),
        (lambda: network(20, 254, delay=2.0), r"delays 274 lines, BrainScaleS-2 has 128 delay elements"),
        (
            lambda: network(20, 100, 160, delay=2.0),
            r"needs 260 neuron circuits, .* has 256 beside its delay elements",
        ),
        (
            lambda: network(9000, 10),
            r"neurons of 'hidden' have 9000 inputs each, on BrainScaleS-2 they can have 8192",
        ),
        (lambda: network(delay=1.0), r"must lie between 1.375 and 5.54167 ms, .* got 1$"),
        (lambda: mixed(), "differ from target to target"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_count(net, message):
    with pytest.raises(ConfigError, match=message):
        es.Simulation(net(), hardware=BrainScaleS2())


def mixed():
    net = network()
    return with_delay(net, 2.0 + np.random.default_rng(0).random((20, 30)))


def with_delay(net, delay):
    fresh = es.Network(seed=1)
    for population in net.populations.values():
        fresh.add(population.name, population.model, population.n)
    fresh.connect("input", "hidden", weight=0.5, delay=delay)
    fresh.connect("hidden", "label", weight=0.5)
    return fresh


def test_numbers_of_the_chip_are_translated_by_the_time_constant():
    for tau in (1.0, 6.0):
        net = network(delay=2.0 * tau, tau=tau)
        chip = BrainScaleS2Ideal()
        assert chip.scale(net) == pytest.approx(6.0 / tau)
        made = chip.transform(net)
        us = np.asarray(made.projections[0].delay) * 6.0 / tau
        np.testing.assert_allclose((us - 8.25) / 0.125, np.rint((us - 8.25) / 0.125), atol=1e-9)
        assert abs(us - 12.0).max() <= 0.0626
        assert chip.transmissions(net)["hidden"].resolution == pytest.approx(0.008 * tau / 6.0)
    assert BrainScaleS2Ideal(us_per_unit=1.0).scale(network()) == 1.0


def test_networks_of_two_time_constants_must_say_their_scale():
    net = network()
    net.add("slow", es.models.LIF(tau_syn=2.0), 1)
    with pytest.raises(ConfigError, match=r"which must be one, got 1, 2; say us_per_unit"):
        BrainScaleS2().transform(net)
    assert BrainScaleS2(us_per_unit=6.0).transform(net)


def test_published_deviations():
    net = network(20, 500, 3)
    v_th = np.concatenate(
        [
            BrainScaleS2(device_seed=d).prepared(net).written(net)[0].populations["hidden"].model.v_th
            for d in range(8)
        ]
    )
    assert v_th.mean() == pytest.approx(1 + 0.13 / 2.6, abs=0.002)
    assert v_th.std() == pytest.approx(1.05 * 0.08 / 2.6, rel=0.05)


def test_a_perfect_chip_has_weights_delays_and_a_clock_only():
    perfect = BrainScaleS2(threshold_offset=0, threshold_mismatch=0, threshold_noise=0, jitter_us=0)
    net = network(weight=0.51)
    one, other = perfect.transform(net), BrainScaleS2Ideal().transform(net)
    assert np.array_equal(one.projections[0].weight, other.projections[0].weight)
    assert one.projections[0].weight[0, 0] == pytest.approx(15 / 30)
    assert one.populations["hidden"].model == net.populations["hidden"].model


def test_weights_beyond_range_are_clipped_with_a_count_or_refused():
    net = network(weight=3.0)
    with pytest.warns(RuntimeWarning, match=r"690 weights beyond the range of BrainScaleS-2 were clipped"):
        BrainScaleS2().transform(net)
    with pytest.raises(ConfigError, match=r"must not be beyond 2.1, got 3 and 599 more"):
        BrainScaleS2(overflow="refuse").transform(net)


def test_time_and_energy_of_samples():
    cost = BrainScaleS2().cost(network(), 10_000, 8.0)  # slots of 48 us, as the paper's for MNIST
    assert cost.hardware_seconds == pytest.approx(0.48, rel=1e-3)
    assert cost.biological_seconds == pytest.approx(480, rel=1e-3)
    assert cost.energy_joule_estimate / 10_000 == pytest.approx(
        8.4e-6, rel=1e-2
    )  # published: 8.4 uJ an image


def test_parts_of_a_batch_take_as_long_as_the_batch():
    target = SimulatedTarget(BrainScaleS2())
    target.configure(network(weight=0.5))
    inputs = np.full((5, 20), 0.5)
    whole = target.run({"input": inputs}, until=10.0, trial=0).hardware_seconds
    parts = [
        target.run({"input": inputs[low:high]}, until=10.0, trial=0, first=low).hardware_seconds
        for low, high in ((0, 2), (2, 5))
    ]
    assert sum(parts) == pytest.approx(whole, rel=1e-12)
    assert whole == pytest.approx(1e-6 * (100 + 5 * 60))


def test_a_chip_by_name():
    assert by_name("brainscales2") == BrainScaleS2()
    assert by_name("brainscales2", device_seed=4).device_seed == 4
    chip = by_name("brainscales2,device_seed=7,overflow=refuse,jitter_us=0.1", device_seed=4)
    assert (chip.device_seed, chip.overflow, chip.jitter_us) == (7, "refuse", 0.1)
    with pytest.raises(UnknownPart, match="no hardware named 'brainscales3'"):
        by_name("brainscales3")
    with pytest.raises(ConfigError, match="devise"):
        by_name("brainscales2,devise=7")
    with pytest.raises(ConfigError, match="overflow"):
        by_name("brainscales2,overflow=explode")


def test_the_room_of_a_substrate_of_ones_own():
    from eventsim.hardware import Layout

    with pytest.raises(ConfigError, match="needs 33 neuron circuits, my chip has 32"):
        Substrate([], capacity=Layout("my chip", circuits=32)).transform(network())

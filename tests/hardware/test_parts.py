"""Parts of a substrate: what each draws, that it is drawn by place, that order and network do not matter."""

import itertools

import numpy as np
import pytest
from scipy import stats

import eventsim as es
from eventsim import hardware as hw
from eventsim.errors import ConfigError
from eventsim.hardware import Substrate


def layers(n=200, n_in=50, weight=None, delay=0.0, name="cells"):
    rng = np.random.default_rng(5)
    net = es.Network(seed=2)
    net.add("input", es.models.SpikeSource(), n_in)
    net.add(name, es.models.LIF(v_th=1.2, v_leak=0.2, v_reset=0.1), n)
    weight = rng.normal(0.2, 1.0, (n_in, n)) if weight is None else weight
    net.connect("input", name, weight=weight, delay=delay)
    return net


def weights(net):
    return np.asarray(net.projections[0].weight)


def model(net, name="cells"):
    return net.populations[name].model


def test_steps_and_range_of_weights():
    net = layers(weight=np.array([[0.04, -0.06, 2.9, -7.0, 0.05]]), n=5, n_in=1)
    chip = Substrate([hw.WeightSaturation(2.1), hw.WeightQuantization(1 / 30)])
    with pytest.warns(RuntimeWarning, match="2 weights beyond the range"):
        found = weights(chip.transform(net))
    np.testing.assert_allclose(found, [[1 / 30, -2 / 30, 2.1, -2.1, 2 / 30]], rtol=1e-12)
    assert chip.prepared(net).written(net)[1] == {"clipped": 2}
    with pytest.raises(ConfigError, match=r"'input -> cells' must not be beyond 2.1, got 2.9 and 1 more"):
        Substrate([hw.WeightSaturation(2.1, "refuse"), hw.WeightQuantization(1 / 30)]).transform(net)


def test_a_learners_grid_is_the_chips():
    from eventsim.models.training.hardware_noise import WeightGrid

    weight = np.random.default_rng(1).normal(0, 1.5, (30, 40))
    grid = WeightGrid(1 / 30, 2.1).value(weight)
    chip = Substrate([hw.WeightSaturation(63 / 30), hw.WeightQuantization(1 / 30)])
    net = layers(40, 30, weight=grid)
    found, counters = chip.prepared(net).written(net)
    np.testing.assert_allclose(weights(found), grid, rtol=0, atol=1e-15)
    assert counters == {}


def test_rows_of_one_sign_drop_the_weights_of_the_other():
    net = layers(weight=np.array([[1.0, -0.4], [-1.0, 0.4]]), n=2, n_in=2)
    made, counters = Substrate([hw.DaleRows(1)]).prepared(net).written(net)
    assert weights(made).tolist() == [[1.0, 0.0], [-1.0, 0.0]]
    assert counters == {"wrong_sign": 2}
    assert Substrate([hw.DaleRows(2)]).transform(net) is net


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_spread_is_distributed_as_documented(kind):
    net = layers(4000, 1)
    found = model(Substrate([hw.Mismatch("tau_mem", 0.2, kind)], device_seed=1).transform(net)).tau_mem
    if kind == "normal":
        assert stats.kstest((found - 1) / 0.2, "norm").pvalue > 1e-3
        assert found.min() >= 1 - 3 * 0.2 - 1e-12
    else:
        assert stats.kstest(found, stats.lognorm(0.2, scale=np.exp(-0.02)).cdf).pvalue > 1e-3
        assert found.mean() == pytest.approx(1.0, abs=0.01)


def test_a_spread_threshold_keeps_its_rest():
    net = layers(2000, 1)
    found = model(Substrate([hw.Mismatch("v_th", 0.1)]).transform(net)).v_th
    assert (found - 0.2).mean() == pytest.approx(1.0, abs=0.01)
    assert (found - 0.2).std() == pytest.approx(0.1, rel=0.05)
    assert model(Substrate([hw.Offset("v_th", 1.1, 0.05)]).transform(net)).v_th == pytest.approx(1.35)


def test_spread_of_weights_is_one_of_each_synapse():
    net = layers()
    factors = weights(Substrate([hw.Mismatch("weight", 0.1)]).transform(net)) / weights(net)
    assert stats.kstest((factors.ravel() - 1) / 0.1, "norm").pvalue > 1e-3
    # The synapses of the two signs are different ones.
    flipped = layers(weight=-weights(net))
    other = weights(Substrate([hw.Mismatch("weight", 0.1)]).transform(flipped)) / weights(flipped)
    assert abs(np.corrcoef(factors.ravel(), other.ravel())[0, 1]) < 0.05


def test_faults_are_as_many_as_they_should_be():
    net = layers(weight=np.full((50, 200), 0.5))
    missing = weights(Substrate([hw.MissingSynapses(0.1)]).transform(net)) == 0
    assert stats.binomtest(int(missing.sum()), missing.size, 0.1).pvalue > 1e-3
    stuck = weights(Substrate([hw.StuckSynapses(0.1, 3.0)]).transform(net))
    changed = stuck != 0.5
    assert stats.binomtest(int(changed.sum()), changed.size, 0.1).pvalue > 1e-3
    assert stats.kstest(stuck[changed], stats.uniform(0, 3.0).cdf).pvalue > 1e-3


def driven(n):
    net = layers(n, 1, weight=np.full((1, n), 4.0))
    times = [1.0, 2.0, 3.0]
    net.populations["input"] = es.Network().add("input", es.models.SpikeSource(times=times, units=[0] * 3), 1)
    return net


def test_dead_neurons_are_silent_and_the_others_are_not():
    sim = es.Simulation(driven(500), hardware=hw.DeadNeurons(0.3))
    sim.run(10.0)
    spiking = np.unique(sim.spikes("cells").units)
    assert stats.binomtest(500 - len(spiking), 500, 0.3).pvalue > 1e-3
    again = es.Simulation(driven(500), hardware=hw.DeadNeurons(0.3), trial=4)
    again.run(10.0)
    assert np.unique(again.spikes("cells").units).tolist() == spiking.tolist()


def test_stuck_neurons_spike_at_their_period():
    net = layers(300, 1, weight=np.zeros((1, 300)))
    sim = es.Simulation(net, hardware=hw.StuckNeurons(0.1, period=0.7))
    sim.run(20.0)
    spikes = sim.spikes("cells")
    assert stats.binomtest(len(np.unique(spikes.units)), 300, 0.1).pvalue > 1e-3
    one = spikes.times[spikes.units == spikes.units[0]]
    np.testing.assert_allclose(np.diff(one), 0.7, rtol=1e-9)


def test_thresholds_differ_from_run_to_run_and_never_reach_rest():
    net = layers(3000, 1)
    chip = Substrate([hw.ThresholdNoise(run=0.1)])
    one, other = (model(chip.transform(net, trial)).v_th for trial in (0, 1))
    assert stats.kstest((one - 1.2) / 0.1, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.06
    assert (model(Substrate([hw.ThresholdNoise(sample=2.0)]).transform(net)).v_th > 0.2).all()


def test_delays_in_steps():
    delays = np.array([[0.0], [1.0], [1.26], [2.0]])
    net = layers(3, 4, delay=delays)
    chip = Substrate([hw.DelayQuantization(0.5, 1.0, 2.0, overflow="clip")])
    made, counters = chip.prepared(net).written(net)
    assert np.ravel(made.projections[0].delay).tolist() == [1.0, 1.0, 1.5, 2.0]
    assert counters == {"delays_clipped": 1}
    with pytest.raises(ConfigError, match=r"must lie between 1 and 2 ms, the range of the chip, got 0$"):
        Substrate([hw.DelayQuantization(0.5, 1.0, 2.0)]).transform(net)
    with pytest.raises(ConfigError, match="differ from target to target"):
        Substrate([hw.DelayQuantization(0.5, lines=True)]).transform(layers(3, 4, delay=np.ones((4, 3))))
    plain = layers(3, 4)
    assert (
        Substrate([hw.DelayQuantization(0.5, 1.0, 2.0)]).transform(plain) is plain
    )  # no delay needs no element


ALL = [
    hw.WeightQuantization(0.1),
    hw.WeightSaturation(1.0),
    hw.Mismatch("weight", 0.1),
    hw.Mismatch("v_th", 0.1),
    hw.Mismatch("tau_mem", 0.1),
    hw.Mismatch("delay", 0.1),
    hw.Offset("v_th", 1.05),
    hw.MissingSynapses(0.1),
    hw.StuckSynapses(0.1, 2.0),
    hw.ThresholdNoise(run=0.02, sample=0.02),
    hw.Jitter(0.1),
    hw.SpikeLoss(0.1),
    hw.DeadNeurons(0.1),
    hw.Latency(0.1, 0.1),
]


@pytest.mark.filterwarnings("ignore:.*were clipped")
def test_the_order_of_parts_changes_no_number():
    net = layers(delay=es.connect.axonal(np.linspace(1, 2, 50)))
    wanted = Substrate(ALL, device_seed=5).transform(net, trial=2)
    rng = np.random.default_rng(0)
    for _ in range(5):
        parts = [ALL[k] for k in rng.permutation(len(ALL))]
        found = Substrate(parts, device_seed=5).transform(net, trial=2)
        assert np.array_equal(weights(found), weights(wanted))
        assert np.array_equal(found.projections[0].delay, wanted.projections[0].delay)
        for key in ("v_th", "tau_mem"):
            assert np.array_equal(getattr(model(found), key), getattr(model(wanted), key))


def test_a_further_part_leaves_the_numbers_of_the_others_as_they_are():
    net = layers()
    one = Substrate([hw.Mismatch("v_th", 0.1), hw.Mismatch("weight", 0.1)], device_seed=5)
    more = Substrate(
        [hw.Mismatch("v_th", 0.1), hw.Mismatch("weight", 0.1), *ALL[4:6], *ALL[9:12]], device_seed=5
    )
    assert np.array_equal(model(one.transform(net)).v_th, model(more.prepared(net).written(net)[0]).v_th)
    assert np.array_equal(weights(one.transform(net)), weights(more.transform(net)))


def test_a_pattern_belongs_to_places_not_to_networks():
    chip = Substrate(
        [hw.Mismatch("v_th", 0.1), hw.Mismatch("weight", 0.1), hw.MissingSynapses(0.1)], device_seed=5
    )
    small, large = (
        layers(20, 10, weight=np.ones((10, 20))),
        layers(90, 40, weight=np.ones((40, 90)), name="other"),
    )
    a, b = chip.transform(small), chip.transform(large)
    assert np.array_equal(model(a).v_th, model(b, "other").v_th[:20])
    assert np.array_equal(weights(a), weights(b)[:10, :20])
    # Two populations lie one after the other.
    net = layers(8, 10, weight=np.ones((10, 8)))
    net.add("more", es.models.LIF(v_th=1.2, v_leak=0.2, v_reset=0.1), 12)
    made = chip.transform(net)
    both = np.concatenate([model(made).v_th, model(made, "more").v_th])
    assert np.array_equal(both, model(a).v_th)


def test_devices_differ_and_a_device_stays_the_same():
    net = layers()
    v_th = [
        model(Substrate([hw.Mismatch("v_th", 0.1)], device_seed=k).transform(net)).v_th for k in (1, 1, 2)
    ]
    assert np.array_equal(v_th[0], v_th[1])
    assert abs(np.corrcoef(v_th[0], v_th[2])[0, 1]) < 0.2


def test_sparse_projections_have_the_same_synapses_as_dense_ones():
    dense = layers(20, 10, weight=np.ones((10, 20)))
    pairs = [(i, j, 1.0) for i, j in itertools.product(range(10), range(20)) if (i + j) % 3 == 0]
    net = es.Network(seed=2)
    net.add("input", es.models.SpikeSource(), 10)
    net.add("cells", es.models.LIF(), 20)
    net.connect("input", "cells", pairs)
    chip = Substrate([hw.Mismatch("weight", 0.1)], device_seed=3)
    wanted = weights(chip.transform(dense))
    found = chip.transform(net).projections[0].resolve(net)
    np.testing.assert_allclose(np.asarray(found.weight), wanted[found.sources(), found.targets()], rtol=1e-6)


def test_parts_act_on_tick_models_too():
    net = es.Network(time_unit="1")
    net.add("input", es.models.RateInput(), 3)
    net.add("rates", es.models.LatentEquilibrium(tau_mem=1.0), 40)
    net.connect("input", "rates", weight=np.full((3, 40), 0.33))
    parts = [hw.Mismatch("tau_mem", 0.1), hw.WeightQuantization(0.25), hw.RateNoise(0.05)]
    made = Substrate(parts, device_seed=1).transform(net)
    assert made.populations["rates"].model.tau_mem.std() == pytest.approx(0.1, rel=0.4)
    assert made.populations["rates"].model.noise == pytest.approx(0.05)
    assert (np.asarray(made.projections[0].weight) == 0.25).all()
    sim = es.Simulation(net, hardware=Substrate(parts, device_seed=1), dt=0.1)
    sim.set_input("input", np.ones(3))
    sim.run(5.0)
    assert sim.array("rates").std() > 0.01


def test_wrong_numbers_are_refused():
    for make, message in (
        (lambda: hw.Jitter(-0.1), "sigma"),
        (lambda: hw.Jitter(0.1, whose="nobody"), "whose must be"),
        (lambda: hw.SpikeLoss(1.5), "probability"),
        (lambda: hw.Mismatch("v_th", 0.5), "kind='lognormal'"),
        (lambda: hw.Offset("tau_mem", 0.0), "factor must be positive"),
        (lambda: hw.Bus(0.0), "rate must be positive"),
        (lambda: hw.WeightSaturation(0.0), "limit must be positive"),
        (lambda: hw.DelayQuantization(0.1, 2.0, 1.0), "longest must be at least shortest"),
        (lambda: hw.MissingSynapses(-0.1), "fraction"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(
        ConfigError, match=r"Jitter\(sigma=0.1\) and Jitter\(sigma=0.2\) draw from the same stream, 'Jitter'"
    ):
        Substrate([hw.Jitter(0.1), hw.Jitter(0.2)]).transform(layers())

"""A simulated chip behind `Target`: closed forms and event by event draw the same; ideal means ideal."""

from collections import Counter

import numpy as np
import pytest

import eventsim as es
from eventsim import hardware as hw
from eventsim.hardware import BrainScaleS2, InTheLoop, SimulatedTarget, Substrate
from eventsim.hardware.device import transmissions_of, with_thresholds
from eventsim.hardware.transmission import Trials
from eventsim.models.gradients import Noise, SpikeGradient
from eventsim.models.training import SpikeLearner

UNTIL = 12.0


def network(delay=False, n_hidden=40, seed=3, v_th=1.0):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed, time_unit="1")
    cell = es.models.LIF(first_spike_only=True, v_th=v_th)
    net.add("input", es.models.SpikeSource(), 10)
    net.add("hidden", cell, n_hidden)
    net.add("label", cell, 3)
    for pre, post, n, m, mean in (
        ("input", "hidden", 10, n_hidden, 0.6),
        ("hidden", "label", n_hidden, 3, 0.25),
    ):
        lag = es.connect.axonal(rng.uniform(1.5, 3.0, n)) if delay else 0.0
        net.connect(pre, post, weight=rng.normal(mean, 0.4, (n, m)), delay=lag)
    return net


def inputs(n=60, seed=1):
    rng = np.random.default_rng(seed)
    times = rng.uniform(0.1, 2.0, (n, 10))
    times[rng.random(times.shape) < 0.1] = np.inf
    return {"input": times}


SUBSTRATES = {
    "thresholds": [hw.Mismatch("v_th", 0.05), hw.ThresholdNoise(run=0.03)],
    "samples": [hw.ThresholdNoise(run=0.02, sample=0.03)],
    "spikes": [hw.Jitter(0.05, whose="all"), hw.Latency(0.1, 0.05), hw.SpikeLoss(0.1)],
    "clock": [hw.TimestampResolution(0.1), hw.Jitter(0.1)],
    "constants": [hw.Mismatch("tau_mem", 0.1), hw.Mismatch("tau_syn", 0.1), hw.Mismatch("weight", 0.1)],
    "one constant": [hw.Offset("tau_mem", 1.3), hw.Mismatch("tau_syn", 0.2)],
    "broken": [hw.DeadNeurons(0.1), hw.MissingSynapses(0.1), hw.StuckSynapses(0.05, 2.0)],
    "mismatched delays": [hw.Mismatch("delay", 0.1), hw.Mismatch("tau_mem", 0.1)],
    "delays": [hw.Mismatch("delay", 0.1), hw.DelayQuantization(0.25), hw.Jitter(0.02, whose="all")],
}


def observed(parts, net, closed_forms, **options):
    target = SimulatedTarget(Substrate(parts, device_seed=5, seed=2), closed_forms=closed_forms)
    target.configure(net)
    return target.run(inputs(), until=UNTIL, trial=3, **options)


@pytest.mark.parametrize("name", SUBSTRATES)
def test_closed_forms_and_events_agree(name):
    net = network(delay="delays" in name)
    fast, slow = (observed(SUBSTRATES[name], net, closed) for closed in (True, False))
    for population in ("hidden", "label"):
        a, b = fast.first_spikes(population), slow.first_spikes(population)
        assert np.array_equal(np.isinf(a), np.isinf(b))
        assert np.isfinite(a).mean() > 0.2
        there = np.isfinite(a)
        np.testing.assert_allclose(a[there], b[there], rtol=0, atol=1e-9)
    assert fast.counters == slow.counters
    assert fast.arrivals.keys() == slow.arrivals.keys()
    for projection, times in fast.arrivals.items():
        np.testing.assert_allclose(times, slow.arrivals[projection], rtol=0, atol=1e-9)


@pytest.mark.parametrize("closed", [True, False])
def test_a_sample_gets_the_same_spikes_alone(closed):
    parts = [*SUBSTRATES["spikes"], hw.ThresholdNoise(run=0.02, sample=0.03)]
    net = network()
    target = SimulatedTarget(Substrate(parts, device_seed=5, seed=2), closed_forms=closed)
    target.configure(net)
    whole = target.run(inputs(12), until=UNTIL, trial=3)
    for last in (8, 9):
        part = {"input": inputs(12)["input"][7:last]}
        alone = target.run(part, until=UNTIL, trial=3, first=7)
        for name in ("hidden", "label"):
            assert np.array_equal(whole.first_spikes(name)[7:last], alone.first_spikes(name))
    other = target.run(part, until=UNTIL, trial=4, first=7)
    assert not np.array_equal(other.first_spikes("hidden"), alone.first_spikes("hidden"))


def recurrent(seed=4):
    """Return neurons that spike again and again, connected with delays, of two kinds."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed, time_unit="1")
    net.add("input", es.models.SpikeSource(), 10)
    net.add("hidden", es.models.LIF(t_ref=0.3), 12)
    net.add("label", es.models.LIF(tau_mem=2.0, i_ext=es.models.StepCurrent([3.0], [0.2])), 3)
    net.connect("input", "hidden", weight=rng.normal(0.8, 0.4, (10, 12)), delay=0.5)
    net.connect("hidden", "hidden", weight=rng.normal(0.0, 0.3, (12, 12)), delay=0.7)
    net.connect("hidden", "label", weight=rng.normal(0.25, 0.2, (12, 3)), delay=rng.uniform(0.4, 1, (12, 1)))
    return net


def each_by_itself(hardware, net, given, trial):
    """Return the spikes and counters of each sample, from a simulation that is built for it."""
    written, _ = (prepared := hardware.prepared(net)).written(net)
    found = []
    for k, sample in enumerate(given["input"]):
        trials = Trials(hardware.device_seed, hardware.seed, trial, np.array([k]))

        class OneSample:
            def transform(self, network, trial=0, trials=trials):
                return with_thresholds(network, prepared.threshold_shares(network, trials))

            def transmissions(self, network, trial=0, trials=trials):
                return transmissions_of(prepared.transmission_parameters(network, trials), 0)

        sim = es.Simulation(written, OneSample())
        sim.stimulate("input", *(sample if isinstance(sample, tuple) else (sample, np.arange(10))))
        sim.run(UNTIL)
        found.append(({name: sim.spikes(name) for name in ("hidden", "label")}, sim.counters()))
    return found


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("kind", ["layers", "recurrent"])
@pytest.mark.parametrize("name", [*SUBSTRATES, "nothing", "bus", "all"])
def test_one_simulation_for_all_samples_gives_the_bits_of_one_for_each(name, kind, watched):
    more = {"bus": [hw.Bus(8.0, 3), hw.Jitter(0.1)], "nothing": []}
    more["all"] = [*SUBSTRATES["samples"], *SUBSTRATES["spikes"], *SUBSTRATES["constants"]]
    hardware = Substrate({**SUBSTRATES, **more}[name], device_seed=5, seed=2)
    net = recurrent() if kind == "recurrent" else network(delay="delays" in name, n_hidden=12)
    rows = [(np.sort(row[:8]), np.array([0, 0, 1, 2, 3, 3, 3, 9])) for row in inputs(9)["input"]]
    target = SimulatedTarget(hardware, closed_forms=False)
    seen = []
    if watched:
        target.on_progress = seen.append
    target.configure(net)
    found = target.run({"input": rows}, until=UNTIL, trial=3)
    apart = each_by_itself(hardware, net, {"input": rows}, 3)
    counted = Counter()
    for k, (spikes, counters) in enumerate(apart):
        counted.update(counters)
        for population, one in spikes.items():
            other = found.spikes[population][k]
            assert one.times.tobytes() == other.times.tobytes()
            assert one.units.tolist() == other.units.tolist()
    assert sum(len(spikes["label"]) for spikes, _ in apart) > (3 if name != "broken" else 0)
    assert found.counters == {name: n for name, n in counted.items() if n}
    assert bool(seen) == watched
    for projection, times in found.arrivals.items():
        pre = projection.partition("->")[0]
        delay = np.asarray(next(p for p in target._network.projections if p.name == projection).delay)
        if pre != "input":
            assert np.array_equal(times, found.first_spikes(pre) + delay.reshape(-1))


def test_samples_for_closed_forms_and_for_events_keep_their_places():
    net = network(n_hidden=12)
    parts = [*SUBSTRATES["spikes"], *SUBSTRATES["samples"]]
    rows = [(row, np.arange(10)) for row in inputs(8)["input"]]
    for k in (1, 2, 5):  # input 3 spikes twice
        rows[k] = (np.append(rows[k][0], 1.9), np.append(rows[k][1], 3))
    target = SimulatedTarget(Substrate(parts, device_seed=5, seed=2))
    target.configure(net)
    whole = target.run({"input": rows}, until=UNTIL, trial=3)
    alone = [target.run({"input": rows[k : k + 1]}, until=UNTIL, trial=3, first=k) for k in range(8)]
    for name in ("hidden", "label"):
        assert np.array_equal(
            whole.first_spikes(name), np.concatenate([each.first_spikes(name) for each in alone])
        )
    counted = Counter()
    for each in alone:
        counted.update(each.counters)
    assert whole.counters == counted
    assert whole.counters["lost"] > 0


def test_neurons_that_take_no_other_thresholds_are_built_for_each_sample():
    net = es.Network(seed=1, time_unit="1")
    net.add("input", es.models.SpikeSource(), 10)
    net.add("hidden", es.models.AdaptiveLIF(), 4)
    net.add("label", es.models.LIF(), 3)
    net.connect("input", "hidden", weight=0.8, delay=0.5)
    net.connect("hidden", "label", weight=0.5, delay=0.5)
    hardware = Substrate([hw.ThresholdNoise(sample=0.05)], device_seed=5, seed=2)
    target = SimulatedTarget(hardware, closed_forms=False)
    target.configure(net)
    found = target.run(inputs(4), until=UNTIL, trial=3)
    for k, (spikes, _) in enumerate(each_by_itself(hardware, net, inputs(4), 3)):
        assert len(spikes["hidden"])
        assert spikes["label"].times.tobytes() == found.spikes["label"][k].times.tobytes()


def test_a_sample_whose_threshold_falls_below_reset_is_refused_in_one_line():
    net = network(n_hidden=4)
    net = net.with_parameters({"hidden": {"v_reset": 0.9}})
    target = SimulatedTarget(Substrate([hw.ThresholdNoise(sample=0.1)], seed=2), closed_forms=False)
    target.configure(net)
    with pytest.raises(ValueError, match=r"v_reset of 'hidden' must be below v_th, got v_reset = 0\.9"):
        target.run(inputs(9), until=UNTIL, trial=3)


def test_without_imperfections_the_chip_is_the_ideal_one_to_the_bit():
    nothing = [
        hw.Jitter(),
        hw.Mismatch("v_th"),
        hw.Latency(),
        hw.SpikeLoss(),
        hw.ThresholdNoise(),
        hw.WeightQuantization(),
    ]
    net = network()
    ideal = SpikeGradient(net, time_constants=False).forward(inputs(), UNTIL)
    target = SimulatedTarget(Substrate(nothing, device_seed=9))
    target.configure(net)
    found = target.run(inputs(), until=UNTIL, trial=0)
    for name in ("hidden", "label"):
        assert np.array_equal(found.first_spikes(name), ideal.first_spikes(name))
    assert found.counters == {}


def test_configuring_again_is_as_configuring_anew():
    chip = BrainScaleS2(device_seed=3)
    nets = [network(seed=seed, v_th=2.0) for seed in (1, 2, 1)]
    target = SimulatedTarget(chip)
    for net in nets:
        target.configure(net)
        fresh = SimulatedTarget(chip)
        fresh.configure(net)
        one, other = (each.run(inputs(), until=UNTIL, trial=5) for each in (target, fresh))
        assert np.array_equal(one.first_spikes("label"), other.first_spikes("label"))
    more = network(n_hidden=50)
    target.configure(more)
    assert target.run(inputs(), until=UNTIL, trial=5).first_spikes("hidden").shape == (60, 50)


def test_a_shared_bus_is_simulated():
    target = SimulatedTarget(Substrate([hw.Bus(20.0, 2)]))
    target.configure(network())
    found = target.run(inputs(10), until=UNTIL, trial=0)
    assert found.counters["delayed_on_bus"] > 0
    assert found.counters["lost_on_bus"] > 0


def test_delayed_spikes_are_measured_where_they_arrive():
    net = network(delay=True)
    parts = [hw.Mismatch("delay", 0.1), hw.Jitter(0.02, whose="all")]
    found = observed(parts, net, True)
    nominal = np.asarray(net.projections[1].delay).ravel()
    late = found.arrivals["hidden->label"] - found.first_spikes("hidden")
    there = np.isfinite(late)
    share = np.nanmean(np.where(there, late, np.nan), axis=0) / nominal - 1
    assert 0.05 < np.nanstd(share) < 0.2
    assert np.nanstd(np.where(there, late, np.nan), axis=0).max() < 1e-12  # a delay is fixed in the device


def test_time_on_the_chip():
    target = SimulatedTarget(BrainScaleS2())
    target.configure(network())
    assert target.run(inputs(50), until=30.0, trial=0).hardware_seconds == pytest.approx(100e-6 + 50 * 180e-6)


def test_learning_on_a_chip_that_deviates():
    """Trained in the loop a network gets used to a chip on which the one trained without it fails."""
    rng = np.random.default_rng(0)
    x = rng.random((300, 2))
    labels = (x[:, 0] > x[:, 1]).astype(np.int64)
    times = {"input": 0.15 + 1.85 * np.tile(np.concatenate([x, 1 - x], axis=1), (1, 2))}
    chip = Substrate([hw.Mismatch("v_th", 0.25), hw.Mismatch("weight", 0.25), hw.Jitter(0.02)], device_seed=1)

    def net():
        net = es.Network(seed=0)
        cell = es.models.LIF(first_spike_only=True)
        net.add("input", es.models.SpikeSource(), 8)
        net.add("hidden", cell, 12)
        net.add("label", cell, 2)
        draw = np.random.default_rng(4)
        net.connect("input", "hidden", weight=draw.normal(0.6, 0.4, (8, 12)))
        net.connect("hidden", "label", weight=draw.normal(0.5, 0.4, (12, 2)))
        return net

    scores = {}
    for trained_on in ("ideal", "chip"):
        learner = SpikeLearner(net(), "label", learn="weight", max_missing={"hidden": 0.3, "label": 0.05})
        chosen = SimulatedTarget(chip if trained_on == "chip" else None)
        loop = InTheLoop(learner, chosen, until=20.0)
        adam = es.models.optimisers.Adam(0.02)
        for epoch in range(12):
            for k in range(0, 300, 50):
                part = np.random.default_rng(epoch).permutation(300)[k : k + 50]
                loop.step({"input": times["input"][part]}, labels[part], adam)
        scores[trained_on] = InTheLoop(learner, SimulatedTarget(chip), until=20.0).score(times, labels)
    assert scores["chip"] > 0.85  # a quarter of spread is a lot
    assert scores["chip"] > scores["ideal"] + 0.02


def test_layers_with_time_constants_of_each_neuron():
    """The first-spike kernel against EventProp, which knows nothing of layers: times and all derivatives."""
    rng = np.random.default_rng(7)
    net = network()
    made = Substrate(SUBSTRATES["constants"] + [hw.Mismatch("v_th", 0.1)], device_seed=2).transform(net)
    errors = {"label": rng.normal(size=(20, 3))}
    found = {}
    for kernel in ("first-spike", "eventprop"):
        rule = SpikeGradient(made, kernel=kernel)
        run = rule.forward({"input": inputs(20)["input"]}, UNTIL)
        found[kernel] = run.first_spikes("label"), rule.backward(run, errors).parameters
    (times, one), (other_times, other) = found["first-spike"], found["eventprop"]
    np.testing.assert_allclose(times, other_times, rtol=0, atol=1e-10)
    assert one["tau_mem/hidden"].shape == (40,)
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], rtol=1e-6, atol=1e-8, err_msg=name)


def test_spikes_that_noise_loses_or_stamps():
    net = network()
    rule = SpikeGradient(net)
    plain = rule.forward(inputs(), UNTIL).first_spikes("hidden")
    late = np.zeros((60, 40))
    late[:, :10] = np.inf
    run = rule.forward(inputs(), UNTIL, Noise(spikes={"hidden": late}, clocks={"hidden": 0.1}))
    first = run.first_spikes("hidden")
    assert np.isinf(first[:, :10]).all()
    rest = plain[:, 10:]
    np.testing.assert_allclose(
        first[:, 10:],
        np.ceil(np.where(rest < np.inf, rest, 0) / 0.1) * 0.1 + np.where(rest < np.inf, 0, np.inf),
        atol=1e-9,
    )
    np.testing.assert_allclose(run.crossings("hidden"), plain, atol=1e-12)
    with pytest.raises(ValueError, match="without derivatives"):
        rule.backward(rule.forward(inputs(), UNTIL, derivatives=False), {"label": np.zeros((60, 3))})

"""The record of one run is cut into samples and laid in a row again, in memory and from a file."""

import copy
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from eventsim.simulation.batch_records import BatchRecords
from eventsim.spike_trains import SpikeTrains

EXACT = st.integers(0, 4000).map(lambda k: k / 16)  # sums and differences have no rounding
ANY = st.floats(0, 1e6, allow_nan=False)


def record_of(spikes, duration, **parts):
    spikes = sorted(spikes)
    times, units = np.array([t for t, _ in spikes], float), np.array([u for _, u in spikes], np.int64)
    return es.Trace(sizes={"a": 3}, spikes={"a": es.Spikes(times, units)}, duration=duration, **parts)


def pairs(spikes):
    return list(zip(spikes.times.tolist(), spikes.units.tolist(), strict=True))


def records_of(samples, lengths):
    trains = SpikeTrains.of([([t for t, _ in s], [u for _, u in s]) for s in samples], 3, "a")
    return BatchRecords({"a": trains}, {}, np.array(lengths, float), "ms")


def network():
    net = es.Network(seed=2)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("cells", es.models.LIF(tau_mem=10.0), 3)
    net.connect("input", "cells", weight=2.0, delay=0.5)
    return net


INPUT = np.random.default_rng(0).uniform(0, 5, (3, 4))
OFFSETS = np.array([0.0, 50.0, 100.0])


def stimulated(**options):
    sim = es.Simulation(network(), **options)
    sim.record("cells", "v", every=0.5)
    sim.stimulate("input", INPUT, offsets=OFFSETS)
    return sim


def same(a, b):
    assert len(a) == len(b)
    assert np.array_equal(a.lengths, b.lengths)
    for name in ("input", "cells"):
        assert list(map(pairs, a.spikes(name))) == list(map(pairs, b.spikes(name)))
    for one, other in zip(a.trace("cells", "v"), b.trace("cells", "v"), strict=True):
        assert np.array_equal(one.times, other.times)
        assert np.array_equal(one.values, other.values)


@given(
    st.lists(st.tuples(EXACT, st.integers(0, 2)), max_size=30),
    st.lists(EXACT, min_size=1, max_size=8, unique=True).map(sorted),
)
def test_each_spike_is_in_the_last_sample_that_has_begun(spikes, offsets):
    found = record_of(spikes, 250.0).by_sample(offsets)
    ends = [*offsets[1:], np.inf]
    for k, (start, end) in enumerate(zip(offsets, ends, strict=True)):
        assert pairs(found.spikes("a")[k]) == sorted((t - start, u) for t, u in spikes if start <= t < end)
    assert found.lengths.tolist() == np.diff([*offsets, 250.0]).tolist()


@given(
    st.lists(st.lists(st.tuples(EXACT, st.integers(0, 2)), max_size=5), min_size=1, max_size=6),
    st.lists(EXACT, min_size=6, max_size=6),
)
def test_what_is_laid_in_a_row_is_cut_into_the_same_samples(samples, gaps):
    records = records_of(samples, [260.0] * len(samples))
    offsets = np.cumsum([gap + 260.0 for gap in gaps])[: len(samples)]
    for laid in (records.in_a_row(), records.in_a_row(offsets)):
        assert list(map(pairs, laid.by_sample().spikes("a"))) == [sorted(each) for each in samples]
    again = records.in_a_row().by_sample().in_a_row()
    assert pairs(again.spikes["a"]) == pairs(records.in_a_row().spikes["a"])
    assert again.duration == 260.0 * len(samples)


@given(st.lists(st.lists(ANY, max_size=5), min_size=1, max_size=6), st.floats(1e6, 1e9), st.floats(0, 1e15))
def test_no_spike_leaves_its_sample_by_rounding(samples, length, begin):
    length = np.nextafter(length, np.inf)  # a spike may be the last number before the end
    samples = [[*times, np.nextafter(length, 0)] for times in samples]
    records = records_of([[(t, 0) for t in times] for times in samples], [length] * len(samples))
    offsets = begin + np.ceil(length) * np.arange(len(samples))
    found = records.in_a_row(offsets).by_sample().spikes("a")
    for times, spikes in zip(samples, found, strict=True):
        assert np.allclose(spikes.times, sorted(times), rtol=0, atol=2 * np.spacing(offsets[-1] + length))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.tuples(EXACT, st.integers(0, 2)), max_size=5), min_size=1, max_size=6))
def test_a_file_has_the_same_samples(samples):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "row.h5"
        es.io.save(records_of(samples, [250.5] * len(samples)).in_a_row(), path)
        found = es.io.load(path).by_sample()
    assert list(map(pairs, found.spikes("a"))) == [sorted(each) for each in samples]
    assert found.lengths.tolist() == [250.5] * len(samples)


def test_edges():
    found = record_of([(1.0, 2), (50.0, 0), (49.5, 1), (100.0, 1)], 120.0).by_sample(
        [10.0, 50.0, 60.0, 100.0]
    )
    assert [pairs(each) for each in found.spikes("a")] == [[(39.5, 1)], [(0.0, 0)], [], [(0.0, 1)]]
    assert found.lengths.tolist() == [40.0, 10.0, 40.0, 20.0]
    assert found.spikes("a").n == 3


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_one_run_is_cut_as_a_batch_of_samples_that_have_forgotten_each_other(schedule):
    sim = stimulated(schedule=schedule)
    sim.run(150.0)
    records = sim.by_sample()
    batch = es.Simulation(network(), schedule=schedule)
    batch.record("cells", "v", every=0.5)
    wanted = batch.run_batch({"input": INPUT}, until=50.0)
    assert np.allclose(records.spikes("input").times, wanted.spikes("input").times, rtol=0, atol=1e-13)
    assert np.array_equal(records.spikes("cells").counts(), wanted.spikes("cells").counts())
    assert np.allclose(records.spikes("cells").times, wanted.spikes("cells").times, rtol=0, atol=0.03)
    first, other = records.trace("cells", "v")[0], wanted.trace("cells", "v")[0]
    assert np.array_equal(first.values, other.values)
    assert [each.times.tolist() for each in records.trace("cells", "v")] == [
        each.times.tolist() for each in wanted.trace("cells", "v")
    ]
    laid = wanted.in_a_row()
    assert laid.samples["cells", "v"].every == 0.5
    assert wanted.in_a_row([0.0, 50.25, 101.0]).samples["cells", "v"].every == 0.0
    same(laid.by_sample(), wanted.in_a_row(OFFSETS).by_sample())


def test_memory_file_stream_copy_and_state_have_the_same_samples(tmp_path):
    sim = stimulated()
    sim.run(60.0)
    assert len(sim.by_sample()) == 2  # the third has not begun
    halfway = sim.snapshot()
    copies = [copy.copy(sim), copy.deepcopy(sim), pickle.loads(pickle.dumps(sim))]
    for each in (sim, *copies):
        each.run(150.0)
        same(each.by_sample(), sim.by_sample())
    wanted = sim.by_sample()
    same(sim.record_of_run().by_sample(), wanted)
    sim.save(tmp_path / "run.h5")
    same(es.io.load(tmp_path / "run.h5").by_sample(), wanted)
    same(es.io.load(tmp_path / "run.h5").by_sample(OFFSETS), wanted)
    with es.io.TraceFile.create(tmp_path / "stream.h5") as file:
        sim = stimulated()
        sim.stream(file)
        sim.run(70.0)
        with pytest.raises(es.errors.ConfigError, match="read it there"):
            sim.by_sample()
        sim.run(150.0)
    same(es.io.load(tmp_path / "stream.h5").by_sample(), wanted)
    sim = stimulated()
    sim.stimulate("input", INPUT[:1], offsets=[300.0])
    sim.restore(halfway)
    sim.run(150.0)
    same(sim.by_sample(OFFSETS), sim.by_sample())
    sim.reset()
    sim.run(10.0)
    with pytest.raises(es.errors.ConfigError, match="no offsets of samples are known"):
        sim.by_sample()


def test_offsets_of_several_calls_and_sources():
    net = network()
    net.add("other", es.models.SpikeSource(), 1)
    sim = es.Simulation(net)
    for k, offset in enumerate(OFFSETS):  # sample by sample
        sim.stimulate("input", INPUT[k : k + 1], offsets=[offset])
        sim.run(offset + 50.0)
    whole = stimulated()
    whole.run(150.0)
    assert np.array_equal(sim.by_sample().spikes("cells").times, whole.by_sample().spikes("cells").times)
    sim = es.Simulation(net)
    sim.stimulate("input", INPUT, offsets=OFFSETS)
    sim.stimulate("input", INPUT + 1, offsets=OFFSETS)  # further spikes of the same samples
    sim.stimulate("other", INPUT[:, :1], offsets=OFFSETS)
    sim.run(150.0)
    assert sim.by_sample().spikes("input").counts().tolist() == [[2] * 4] * 3
    sim.reset()
    sim.stimulate("input", INPUT, offsets=OFFSETS)
    sim.stimulate("other", INPUT[:, :1], offsets=OFFSETS + 5)
    sim.run(150.0)
    with pytest.raises(
        es.errors.ConfigError, match="begin at different times in 'offsets/input' and 'offsets/o"
    ):
        sim.by_sample()
    assert len(sim.by_sample(OFFSETS)) == 3
    sim.reset()
    sim.stimulate("input", INPUT, offsets=[50.0, 0.0, 100.0])
    sim.run(150.0)
    with pytest.raises(
        ValueError, match=r"offsets must rise, got 0\.0 for sample 1 after 50\.0 for sample 0"
    ):
        sim.by_sample()


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0.0, 50.0, 20.0], r"offsets must rise, got 20\.0 for sample 2 after 50\.0 for sample 1"),
        ([0.0, 0.0], r"offsets must rise, got 0\.0 for sample 1 after 0\.0"),
        ([-1.0, 5.0], r"offsets must not be negative, got -1\.0"),
        ([0.0, np.nan], "offsets must be finite, got nan"),
        ([0.0, 120.5], r"must not be behind the end of the record at 120\.0, got 120\.5 for sample 1"),
        ([], "offsets must be of one sample or more, got none"),
        (50.0, r"offsets must be numbers, one for each sample, got float64 of shape \(\)"),
        (["a"], "offsets must be numbers, one for each sample"),
        ([[0.0, 1.0]], r"one for each sample, got float64 of shape \(1, 2\)"),
    ],
)
def test_bad_offsets_say_so(offsets, message):
    with pytest.raises(ValueError, match=message) as caught:
        record_of([(1.0, 0)], 120.0).by_sample(offsets)
    assert "\n" not in str(caught.value)


def test_offsets_that_leave_a_sample_no_time_say_so():
    records = records_of([[(1.0, 0)], []], [30.0, 30.0])
    with pytest.raises(ValueError, match=r"got 20\.0 for sample 1, before sample 0 ends at 30\.0"):
        records.in_a_row([0.0, 20.0])
    with pytest.raises(ValueError, match="one for each of 2 samples"):
        records.in_a_row([0.0])


def test_a_state_with_damaged_offsets_is_refused_and_nothing_has_changed():
    sim = stimulated()
    sim.run(60.0)
    state = sim.snapshot()
    for bad in (3, {"input": np.array([np.nan])}, {"input": "x"}):
        with pytest.raises(ValueError, match="offsets"):
            sim.restore({**state, "offsets": bad})
    sim.restore(state)
    assert len(sim.by_sample()) == 2


def test_trials_are_laid_in_a_row():
    net = es.Network(seed=1)
    net.add("noise", es.models.Poisson(rate=50.0), 3)
    trials = es.Simulation(net).trials(3, 100.0)
    found = trials.in_a_row().by_sample().spikes("noise")
    assert np.array_equal(found.counts(), trials.spikes("noise").counts())
    assert np.allclose(found.times, trials.spikes("noise").times, rtol=0, atol=1e-13)


def test_the_spikes_of_another_programs_file_are_cut_too(tmp_path):
    path = tmp_path / "theirs.h5"
    es.io.save(record_of([(1.0, 0), (50.0, 2), (70.0, 1)], 90.0), path)
    with h5py.File(path, "a") as file:
        del file["eventsim"]  # what stays is SONATA
    found = es.io.load(path).by_sample([0.0, 50.0]).spikes("a")
    assert list(map(pairs, found)) == [[(1.0, 0)], [(0.0, 2), (20.0, 1)]]
    with pytest.raises(es.errors.ConfigError, match="no offsets of samples are known"):
        es.io.load(path).by_sample()

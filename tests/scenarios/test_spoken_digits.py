"""Spoken digits from the command line: data, what is learned, and going on after a stop."""

import numpy as np
import pytest

from eventsim import io
from eventsim.io.plots.decisions import shown_samples
from eventsim.models.training import Trainer
from eventsim.scenarios.running import Request, execute
from eventsim.scenarios.spoken_digits import data as spoken_data
from eventsim.trace import Spikes

SMALL = {"dataset": "sweeps", "group": 20, "n_hidden": 16, "epochs": 2, "batch": 64}


def trained(path, threads=1, resume=False, **values):
    request = Request(name="spoken-digits", values=SMALL | values, seed=1, output=path, quiet=True,
                      threads=threads, resume=resume)  # fmt: skip
    return execute(request)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    path = tmp_path_factory.mktemp("spoken") / "a.h5"
    return trained(path), io.load(path), path


def results(trace):
    found = {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
             for k, v in getattr(trace, room).items()}  # fmt: skip
    return found | {name: s.times.tobytes() + s.units.tobytes() for name, s in trace.spikes.items()}


def test_it_learns(once):
    _, trace, _ = once
    losses = trace.training["train_loss"]
    assert len(losses) == 2
    assert losses[1] < losses[0]
    assert trace.metrics["test_accuracy"] > 0.3  # chance is 0.1


def test_the_membranes_of_the_outputs_are_kept_and_decide_as_the_run_did(once):
    _, trace, _ = once
    membranes = trace.samples["label", "v"]
    labels = trace.parameters["recorded_labels"]
    decided = [each.unit for each in shown_samples(trace)]
    assert len(membranes.times) == 250 * len(labels)
    assert decided == trace.parameters["test_predicted"][: len(labels)].tolist()


def test_delays_are_learned_and_stay_within_their_bounds(once):
    _, trace, _ = once
    for name, least in (("input->hidden", 0.0), ("hidden->hidden", 4.0), ("hidden->label", 0.0)):
        delay = trace.parameters[f"delay/{name}"]
        assert np.abs(delay - trace.parameters[f"initial/delay/{name}"]).max() > 1e-3
        assert delay.min() >= least
        assert delay.max() <= 60.0


def test_without_trained_delays_they_stay(tmp_path):
    trained(tmp_path / "a.h5", train_delays=False, epochs=1, test_samples_recorded=0)
    trace = io.load(tmp_path / "a.h5")
    for name in ("input->hidden", "hidden->hidden", "hidden->label"):
        np.testing.assert_array_equal(
            trace.parameters[f"delay/{name}"], trace.parameters[f"initial/delay/{name}"]
        )


def test_the_event_engine_emits_the_spikes_that_were_learned_with(once):
    outcome, trace, _ = once
    scenario = outcome.scenario
    task = scenario.task(outcome.run)
    learner = scenario.learner(scenario.network(outcome.run, task), task, 1)
    for name, value in learner.spike_gradient.parameters.items():
        if name in trace.parameters:
            value[:] = trace.parameters[name]
    samples = task.sets["test"][0][: scenario.test_samples_recorded]
    slot = scenario.until(task)
    run = learner.spike_gradient.forward(scenario.inputs(task, samples), slot)
    for k in range(len(samples)):
        expected = run.spikes("hidden", k)
        found = io.analysis.window(trace.spikes["hidden"], k * slot, (k + 1) * slot)
        assert len(expected) > 0
        np.testing.assert_array_equal(found.units, expected.units)
        np.testing.assert_allclose(found.times - k * slot, expected.times, atol=1e-9)


def test_a_stopped_run_goes_on_to_the_same_bits_with_any_number_of_threads(once, tmp_path, monkeypatch):
    _, whole, _ = once
    advance, calls = Trainer.advance, []

    def stopping(self):
        calls.append(self)
        if len(calls) in (20, 50):
            self.learner.rng.__self__.interrupted = True
        return advance(self)

    monkeypatch.setattr(Trainer, "advance", stopping)
    assert not trained(tmp_path / "b.h5").complete
    assert not trained(tmp_path / "b.h5", threads=2, resume=True).complete
    assert trained(tmp_path / "b.h5", resume=True).complete
    assert results(io.load(tmp_path / "b.h5")) == results(whole)


def test_without_the_recordings_it_takes_generated_ones_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    trained(tmp_path / "a.h5", dataset="fsdd-spikes", epochs=1, test_samples_recorded=0)
    trace = io.load(tmp_path / "a.h5")
    assert "synthetic sweeps of spikes instead" in trace.provenance["notes"]


def test_synthetic_digits_are_told_apart_by_their_channels_and_times():
    recordings, labels = spoken_data.sweeps(400, 5)
    again, _ = spoken_data.sweeps(400, 5)
    assert all(np.array_equal(a.times, b.times) for a, b in zip(recordings, again, strict=True))
    assert 1200 < np.mean([len(r) for r in recordings]) < 1600
    assert all((r.units >= 0).all() and (r.units < 700).all() and (r.times >= 0).all() for r in recordings)
    counts = np.array(
        [np.histogram2d(r.units, r.times, (20, 6), ((0, 700), (0, 600)))[0].ravel() for r in recordings]
    )
    means = np.stack([counts[:300][labels[:300] == k].mean(axis=0) for k in range(10)])
    nearest = ((counts[300:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == labels[300:]).mean() > 0.6


def test_variations_do_what_they_say():
    rng = np.random.default_rng(0)
    sample = Spikes(rng.uniform(0, 500, 4000), rng.integers(100, 600, 4000))
    moved = spoken_data.Variation(shift=30)(sample, rng)
    steps = np.unique(moved.units - sample.units)
    assert len(steps) == 1
    assert 0 < abs(steps[0]) <= 30
    jittered = spoken_data.Variation(jitter=3.0)(sample, rng)
    assert (jittered.times - sample.times).std() == pytest.approx(3.0, rel=0.1)
    stretched = spoken_data.Variation(stretch=0.2)(sample, rng)
    factors = stretched.times / sample.times
    assert np.ptp(factors) < 1e-12
    assert np.exp(-0.2) <= factors[0] <= np.exp(0.2)
    dropped = [len(spoken_data.Variation(drop=0.5)(sample, rng)) / 4000 for _ in range(40)]
    assert 0.48 < min(dropped) < 0.6
    assert 0.9 < max(dropped) <= 1.0
    low = spoken_data.Variation(shift=300)(sample, np.random.default_rng(3))
    assert low.units.min() >= 0
    assert low.units.max() < 700

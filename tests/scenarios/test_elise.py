"""Songs: scaffold, pattern, metrics, learning, replay, and what is refused."""

import struct
import wave

import numpy as np
import pytest

from eventsim import io
from eventsim.scenarios.elise import learning, measuring, sound
from eventsim.scenarios.elise.pattern_files import pattern_of
from eventsim.scenarios.elise.patterns import FUR_ELISE, Pattern, published, sigmoid
from eventsim.scenarios.elise.scaffold import Scaffold, check_step, grow
from eventsim.scenarios.running import Request, RunFailed, execute

SMALL = {"pattern": "short", "latent": 12, "cycles": 40, "replay_cycles": 8}


def run(tmp_path, name="run", seed=1, preset=None, **values):
    path = tmp_path / f"{name}.h5"
    execute(Request(name="elise", preset=preset, values=values, seed=seed, output=path, quiet=True))
    return io.load(path)


# Scaffold -----------------------------------------------------------------------------------------------


def test_scaffolds_have_the_statistics_of_the_published_growth():
    found = [grow(13, 50, 0.2, 0.15, 0.04, np.random.default_rng(seed)) for seed in range(1000)]
    edges = np.array([len(each.pre) for each in found])
    coverage = np.array([each.coverage() for each in found])
    # Neurons that never grew have no choice of their own: count those that were in the queue.
    out = np.concatenate(
        [each.out_degree()[np.r_[np.ones(13, bool), each.in_degree() > 0]] for each in found]
    )
    assert np.mean(out == 0) == pytest.approx(0.04, abs=0.003)  # 62 000 draws: 0.0008
    expected = 1 + sum(0.2 ** (n * (n + 1) / 2) for n in range(1, 6))  # 1.208: p^1, p^(1+2), ...
    assert out[out > 0].mean() == pytest.approx(expected, abs=0.01)
    assert edges.mean() == pytest.approx(72.0, abs=1.0)
    assert coverage.mean() == pytest.approx(0.987, abs=0.005)
    assert max(each.in_degree().max() for each in found) <= 5
    assert np.mean([(each.in_degree() >= 4).mean() for each in found]) < 0.01
    for each in found[:50]:
        assert not np.any(each.pre == each.post)
        assert np.all(each.post >= 13)


def test_a_scaffold_that_reaches_nobody_is_refused():
    with pytest.raises(
        Exception, match="the scaffold reaches no latent neuron: 3 visible and 5 latent ones, p0 = 1"
    ):
        grow(3, 5, 0.2, 0.15, 1.0, np.random.default_rng(0))


def test_more_parents_than_the_step_stands_are_named_with_a_smaller_step():
    few = Scaffold(np.array([0, 1, 2, 3, 0]), np.array([4, 4, 4, 4, 5]), 4, 7)
    remark = check_step(few, 0.1, 2.1, 6.3)
    assert remark.startswith("neuron 4 has 4 scaffold parents")
    assert remark.endswith("dt=0.05")
    assert check_step(few, 0.05, 2.1, 6.3) == ""
    many = Scaffold(np.tile(np.arange(4), 3), np.repeat([4, 5, 6], 4), 4, 7)
    with pytest.raises(Exception, match=r"latent neurons have 4 scaffold parents.*write dt=0.05"):
        check_step(many, 0.1, 2.1, 6.3)


# Pattern ------------------------------------------------------------------------------------------------


def test_the_published_pattern_has_the_published_ramps():
    pattern = published("fur-elise")
    u = pattern.potentials(0.1)
    assert u.shape == (2500, 13)
    assert [tuple(np.flatnonzero(row)) for row in pattern.roll.T] == [
        tuple(sorted(steps)) for steps in FUR_ELISE
    ]
    rising = lambda x: -70 + 20 / (1 + np.exp(-0.7 - x))  # noqa: E731
    falling = lambda x: -70 + 20 / (1 + np.exp(-0.7 + x))  # noqa: E731
    # Neuron 5 plays in steps 9 to 11: on at 90 ms, off at 120 ms.
    at = {86.6: -70.0, 86.7: rising(-3.3), 90.0: -56.6, 96.6: rising(6.6), 100.0: rising(10.0)}
    at |= {113.3: rising(10.0), 113.4: falling(-6.6), 120.0: -56.6, 123.3: falling(3.3), 123.4: -70.0}
    for time, potential in at.items():
        assert u[round(time * 10), 5] == pytest.approx(potential, abs=0.05), time
    # Neuron 2 plays in step 7 only: the rising ramp in its first half, the falling one in its second.
    assert u[749, 2] == pytest.approx(rising(4.9), abs=1e-9)
    assert u[750, 2] == pytest.approx(falling(-5.0), abs=1e-9)
    # Neuron 6 goes on from step 24 to step 0.
    assert u[0, 6] == u[2499, 6] == pytest.approx(rising(10.0))
    assert sigmoid(-70.0) == pytest.approx(0.0266, abs=1e-4)
    assert sigmoid(-50.0) == pytest.approx(0.917, abs=1e-3)


def test_a_pattern_in_finer_rows_is_the_same_pattern():
    coarse = published("fur-elise")
    fine = Pattern("fine", np.repeat(coarse.roll, 5, axis=0), 2.0, coarse.pitches)
    assert [(n, a, b) for n, a, b in coarse.notes()] == [(n, a, b) for n, a, b in fine.notes()]


def test_piano_rolls_spike_trains_and_midi_files_are_patterns(tmp_path):
    roll = np.zeros((60, 3), int)
    roll[0:20, 0] = roll[20:40, 1] = roll[40:50, 2] = 1
    np.save(tmp_path / "song.npy", roll)
    pattern = pattern_of(str(tmp_path / "song.npy"))
    assert (pattern.duration, pattern.n, pattern.step) == (60.0, 3, 1.0)
    assert pattern.notes() == [(0, 0.0, 20.0), (1, 20.0, 40.0), (2, 40.0, 50.0)]
    assert pattern_of(str(tmp_path / "song.npy"), 2.0).duration == 120.0
    np.savez(tmp_path / "song.npz", times=[0.0, 20.0, 40.0], units=[0, 1, 2], duration=60.0)
    assert pattern_of(str(tmp_path / "song.npz")).notes() == [
        (0, 0.0, 10.0),
        (1, 20.0, 30.0),
        (2, 40.0, 50.0),
    ]


def test_midi_goes_out_and_comes_back(tmp_path):
    mido = pytest.importorskip("mido")
    pattern = published("short")
    notes = [(neuron, on, off) for neuron, on, off in pattern.notes()]
    sound.write_midi(tmp_path / "song.mid", sorted(notes, key=lambda note: note[1]), pattern.pitches)
    back = pattern_of(str(tmp_path / "song.mid"))
    order = np.argsort(-pattern.pitches)
    assert np.array_equal(back.roll, pattern.roll[:, order])
    empty = mido.MidiFile()
    empty.tracks.append(mido.MidiTrack())
    empty.save(tmp_path / "empty.mid")
    with pytest.raises(Exception, match="has no notes"):
        pattern_of(str(tmp_path / "empty.mid"))
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    with pytest.raises(Exception, match="cannot be read as a MIDI file"):
        pattern_of(str(tmp_path / "broken.mid"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.ones(5), r"has shape \(rows, neurons\)"),
        (np.full((5, 2), 0.5), "holds 0 and 1 only"),
        (np.array([[1, 0], [0, 0]]), "neuron 1 of the pattern .* is never active"),
        (np.array([[1, 1], [0, 1]]), "neuron 1 of the pattern .* is always active"),
    ],
)
def test_a_pattern_that_cannot_be_learned_is_refused_in_one_line(content, message, tmp_path):
    np.save(tmp_path / "wrong.npy", content)
    with pytest.raises(Exception, match=message) as found:
        pattern_of(str(tmp_path / "wrong.npy"))
    assert "\n" not in str(found.value)


def test_other_wrong_patterns_are_refused(tmp_path):
    with pytest.raises(Exception, match=r"pattern must be 'fur-elise', 'short', a piano roll"):
        pattern_of("song.txt")
    with pytest.raises(Exception, match="does not exist"):
        pattern_of("nowhere.npy")
    np.savez(tmp_path / "wrong.npz", times=[1.0])
    with pytest.raises(Exception, match="has no 'units'"):
        pattern_of(str(tmp_path / "wrong.npz"))
    with pytest.raises(RunFailed, match="a whole number of ticks"):
        run(tmp_path, **SMALL | {"dt": 0.07})
    with pytest.raises(RunFailed, match="largest_delay must be at least least_delay = 20"):
        run(tmp_path, **SMALL | {"least_delay": 20.0})
    with pytest.raises(RunFailed, match=r"noise_tau must be at least the tick dt = 0\.1 ms, got 0\.05"):
        run(tmp_path, **SMALL | {"noise": 1.0, "noise_tau": 0.05})


# Metrics ------------------------------------------------------------------------------------------------


def test_the_best_shift_finds_a_drifting_replay():
    target = published("fur-elise").rates(0.1)[1::2]
    shifted = np.concatenate([np.roll(target, 7 * cycle, axis=0) for cycle in range(12)])
    correlation, shift = measuring.best_shifts(shifted, target)
    assert len(correlation) == 11
    # A window over two cycles that differ by 7 samples is not quite the pattern.
    assert np.all(correlation > 0.97)
    assert measuring.drift(shift, len(target)) == pytest.approx(7.0, abs=0.5)
    direct = max(measuring.correlation(shifted[s : s + len(target)], target) for s in range(len(target)))
    assert correlation[0] == pytest.approx(direct, abs=1e-9)
    silent, _ = measuring.best_shifts(np.full_like(shifted, 0.03), target)
    assert np.all(silent == 0.0)
    assert measuring.sustained(np.array([0.9, 0.85, 0.7, 0.9])) == 2
    assert measuring.recovery(np.array([0.4, 0.95, 0.95, 0.95]), np.full(4, 0.96)) == 2
    assert measuring.recovery(np.array([0.4, 0.5, 0.5]), np.full(3, 0.96)) == 0


def test_noise_has_its_size_and_its_memory():
    class Config:
        dt, noise, noise_tau = 0.1, 2.0, 20.0

    x = learning.noise(Config, (200_000, 4), np.random.default_rng(0))
    assert x.std() == pytest.approx(2.0, rel=0.05)  # some 1000 independent times 4
    lagged = np.mean(x[200:] * x[:-200]) / np.mean(x * x)
    assert lagged == pytest.approx(np.exp(-1.0), abs=0.05)


def test_blocks_of_training_are_the_published_ones():
    found = list(learning.blocks(-1, 42, 20))
    last = [(40, 1, True), (41, 1, False)]
    assert found == [(-1, 1, False), (0, 1, True), (1, 19, False), (20, 1, True), (21, 19, False), *last]
    assert next(learning.blocks(7, 42, 20)) == (7, 13, False)


# Runs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Return the trace and the folder of a short song that is learned, replayed, and cued in the end."""
    folder = tmp_path_factory.mktemp("song")
    return run(folder, preset="quick", cues=(5.0, 110.0)), folder


def test_a_short_song_is_learned_and_replayed(song):
    trace, folder = song
    found = trace.metrics
    assert found["test_correlation"] >= 0.9
    assert found["replay_correlation"] >= 0.9
    assert found["replay_cycles"] >= 50
    assert found["drift_ms_per_cycle"] < 2.0
    assert len(trace.training["test_correlation"]) == 100
    with wave.open(str(folder / "run-replay.wav")) as file:
        seconds = file.getnframes() / file.getframerate()
    assert seconds == pytest.approx(7 * 0.12 * sound.SLOWER + 0.6, abs=0.01)
    assert struct.unpack(">4sIHHH", (folder / "run-replay.mid").read_bytes()[:14])[0] == b"MThd"
    # The learned song: its notes are those of the pattern, cycle after cycle.
    rates = trace.parameters["replay/rates"][3 * 600 :, :7]
    notes = sound.notes_of(rates, 0.2)
    pattern = len(published("short").notes())
    assert 0.8 * 7 * pattern <= len(notes) <= 1.2 * 7 * pattern


def test_a_network_that_sings_is_silent_until_a_cue_that_is_long_enough(song):
    trace, _ = song
    found = trace.metrics
    assert found["replay_correlation"] > 0.8
    assert found["silent_part_high"] == 0.0  # the bound of silence tells a song from rest
    assert found["silent_before_cue"] == 1.0
    assert trace.parameters["completion/correlation"].shape == (2, 19)
    assert found["completion_correlation_110_ms"] > 0.8  # nearly the whole song, of 120 ms
    assert found["completion_correlation_5_ms"] < 0.3
    assert found["shortest_completing_cue_ms"] == 110.0


def test_a_reservoir_and_a_network_without_scaffold_do_not_replay(tmp_path):
    short = {"preset": "quick", "cycles": 1000, "replay_cycles": 20, "disruptions": ()}
    reservoir = run(tmp_path, "reservoir", reservoir=True, **short)
    assert reservoir.metrics["replay_correlation"] < 0.3
    before, after = (reservoir.parameters[f"weight/{when}"] for when in ("before", "after"))
    assert np.array_equal(before[:, 7:], after[:, 7:])
    assert not np.array_equal(before[:, :7], after[:, :7])
    without = run(tmp_path, "without", scaffold=False, **short)
    assert without.metrics["scaffold_connections"] == 0
    assert without.metrics["replay_correlation"] < 0.3


def test_latent_neurons_can_lack_dendrites_and_dendrites_synapses(tmp_path):
    soma = run(tmp_path, "soma", soma_only=True, **SMALL)
    assert np.all(soma.parameters["weight/after"][:, 7:] == 0.0)
    sparse = run(tmp_path, "sparse", density=0.3, protected=True, **SMALL)
    weight, edges = sparse.parameters["weight/after"], sparse.parameters["scaffold/edges"].astype(int)
    assert 0.2 < np.mean(weight != 0.0) < 0.5
    assert np.all(weight[edges[0], edges[1]] != 0.0)
    uniform = run(tmp_path, "uniform", uniform_delays=True, **SMALL)
    assert np.all(uniform.parameters["delay/dendrite"] == 10.0)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    from eventsim.scenarios.run import Interrupted, Run

    whole = run(tmp_path, "whole", **SMALL)
    calls, original = [], Run.checkpoint

    def stopping(self, state, *, force=False):
        calls.append(1)
        self.interrupted = len(calls) == 3
        original(self, state, force=force)

    monkeypatch.setattr(Run, "checkpoint", stopping)
    path = tmp_path / "stopped.h5"
    request = {"name": "elise", "seed": 1, "output": path, "quiet": True}
    assert not execute(Request(values=SMALL, **request)).complete
    monkeypatch.setattr(Run, "checkpoint", original)
    assert execute(Request(name="elise", output=path, quiet=True, resume=True)).complete
    assert issubclass(Interrupted, Exception)
    stopped = io.load(path)
    for name, values in whole.parameters.items():
        assert np.array_equal(values, stopped.parameters[name]), name
    assert whole.metrics == stopped.metrics
    for name, values in whole.training.items():
        assert np.array_equal(values, stopped.training[name])


def test_many_networks_are_the_same_on_any_number_of_threads(tmp_path):
    tables = []
    for threads in (1, 3):
        path = tmp_path / f"{threads}.h5"
        values = SMALL | {"varied": "latent", "compared": (10.0, 12.0), "networks": 2}
        execute(Request(name="elise", values=values, seed=3, output=path, quiet=True, threads=threads))
        tables.append(io.load(path))
    assert list(tables[0].parameters["table/seed"]) == [3, 4, 3, 4]
    for name, values in tables[0].parameters.items():
        assert np.array_equal(values, tables[1].parameters[name], equal_nan=True)
    one = run(tmp_path, "one", seed=4, **SMALL)
    assert one.metrics["replay_correlation"] == tables[0].parameters["table/replay_correlation"][3]


def test_two_songs_noise_and_a_chip(tmp_path):
    two = run(tmp_path, "two", voices=2, **SMALL | {"cycles": 60}).metrics
    assert two["replay_correlation"] == min(two["replay_correlation_0"], two["replay_correlation_1"])
    noisy = run(tmp_path, "noisy", noise=2.0, **SMALL)
    assert noisy.metrics["noisy_target_correlation"] < 1.0
    chip = run(tmp_path, "chip", chip_mismatch=0.1, chip_bits=6, chip_cycles=40, **SMALL)
    step = chip.metrics["chip_weight_step_mv"]
    assert step == pytest.approx(np.abs(chip.parameters["weight/after"]).max() / 31)
    assert not np.array_equal(chip.parameters["weight/chip"], chip.parameters["weight/after"])
    assert "replay_correlation_chip_before" in chip.metrics


def test_a_pattern_of_ones_own_scales_the_network_and_says_so(tmp_path):
    roll = np.zeros((100, 4), int)
    for neuron in range(4):
        roll[25 * neuron : 25 * neuron + 20, neuron] = 1
    np.save(tmp_path / "own.npy", roll)
    path = tmp_path / "run.h5"
    values = {"pattern": str(tmp_path / "own.npy"), "cycles": 20, "replay_cycles": 8}
    execute(Request(name="elise", values=values, seed=1, output=path, quiet=True))
    trace = io.load(path)
    assert (
        "own: 100 rows of 1 ms, 4 visible neurons; it takes 20 latent neurons and 20 cycles"
        in trace.provenance["notes"]
    )
    assert trace.parameters["weight/after"].shape == (24, 24)


def test_every_plot_is_drawn_with_a_label_on_each_axis(tmp_path):
    from eventsim.scenarios.elise import Elise

    trace = run(tmp_path, "one", cues=(50.0,), **SMALL)
    table = run(tmp_path, "many", varied="p", compared=(0.1, 0.2), **SMALL)
    drawn = Elise.plots(trace) | Elise.plots(table)
    names = "piano-roll piano-roll-part-high correlation learning scaffold weights completion comparison"
    assert set(drawn) == set(names.split())
    for name, draw in drawn.items():
        figure = draw(table if name == "comparison" else trace)
        figure.savefig(tmp_path / "plot.png")
        assert all(axes.get_ylabel() for axes in figure.axes)
        assert any(axes.get_xlabel() for axes in figure.axes)

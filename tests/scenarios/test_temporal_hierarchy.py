"""Temporal hierarchies from the command line: what is learned and compared, and going on after a stop."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from eventsim import io
from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.models.training import Adam, EarlyStopping, Trainer
from eventsim.registry import find
from eventsim.scenarios.running import Request, RunFailed, execute
from eventsim.scenarios.temporal_hierarchy import data
from eventsim.scenarios.temporal_hierarchy.learner import halvings, trainer_of_run
from eventsim.scenarios.temporal_hierarchy.network import HierarchicalNetwork
from eventsim.scenarios.temporal_hierarchy.penalties import DecayPenalty, RatePenalty, WeightPenalty
from eventsim.trace import Spikes

SMALL = {"train_samples": 1024, "test_samples": 128, "batch": 64, "epochs": 8}
DIGITS = {
    "dataset": "sweeps", "readout": "cum", "group": 20, "steps": 40, "n_hidden": 12, "epochs": 2,
    "batch": 128, "tau_mem": 100.0, "delta_tau": 150.0,
}  # fmt: skip


SCENARIO = find("scenario", "temporal-hierarchy")


def trained(path, threads=1, resume=False, hardware=None, seed=1, base=SMALL, **values):
    request = Request(name="temporal-hierarchy", values=base | values, seed=seed, output=path, quiet=True,
                      threads=threads, resume=resume, hardware=hardware)  # fmt: skip
    return execute(request)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    path = tmp_path_factory.mktemp("hierarchy") / "a.h5"
    trained(path, train_tau=True, frequency_shift=1, rate_penalty=1e-4, weight_penalty=1e-4)
    return io.load(path)


def results(trace):
    found = {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
             for k, v in getattr(trace, room).items()}  # fmt: skip
    return found | {name: s.times.tobytes() + s.units.tobytes() for name, s in trace.spikes.items()}


def test_it_learns_and_keeps_what_it_learned(once):
    losses = once.training["train_loss"]
    assert losses[-1] < losses[0] - 0.02
    assert once.metrics["test_accuracy"] > 0.55  # chance is 0.5
    assert once.parameters["weight/input->hidden1"].shape == (40, 10)
    assert once.training["tau_mem"].shape == (8, 2)
    assert list(SCENARIO.plots(once)) == ["emergence", "sequence"]


def test_spikes_and_membranes_of_test_samples_are_recorded(once):
    spikes, membranes = once.spikes["hidden1"], once.parameters["membrane/hidden1"]
    assert membranes.shape == (3, 100, 4)
    above = {(k * 1000.0 + t * 10.0, unit) for k, t, unit in zip(*np.nonzero(membranes > 1), strict=True)}
    found = {(t, unit) for t, unit in zip(spikes.times, spikes.units, strict=True) if unit < 4}
    assert found == above
    assert once.duration == 3000.0


def test_a_stopped_run_goes_on_to_the_same_bits_with_any_number_of_threads(once, tmp_path, monkeypatch):
    advance, calls = Trainer.advance, []

    def counting(self):
        calls.append(self)
        return advance(self)

    from eventsim.scenarios.run import Run

    checkpoint = Run.checkpoint

    def interrupting(self, state, *, force=False):
        self.interrupted = len(calls) in (40, 90) and not hasattr(calls[-1], "was_stopped")
        if self.interrupted:
            calls[-1].was_stopped = True
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    values = {"train_tau": True, "frequency_shift": 1, "rate_penalty": 1e-4, "weight_penalty": 1e-4}
    assert not trained(tmp_path / "b.h5", **values).complete
    assert not trained(tmp_path / "b.h5", threads=2, resume=True, **values).complete
    assert trained(tmp_path / "b.h5", threads=2, resume=True, **values).complete
    assert results(io.load(tmp_path / "b.h5")) == results(once)


@pytest.mark.parametrize("what", ["emergence", "sequence"])
def test_its_plots_name_their_axes(once, what):
    figure = SCENARIO.plots(once)[what](once)
    labels = [axes.get_xlabel() for axes in figure.axes] + [axes.get_ylabel() for axes in figure.axes]
    wanted = ["epoch", "time constant (ms)"] if what == "emergence" else ["time (ms)", "membrane"]
    assert set(wanted) <= set(labels)
    if what == "sequence":  # the bar below the outputs has the colour of the right class at each step
        bars = figure.axes[-1].patches
        shades = [line.get_color() for line in figure.axes[-1].lines]
        right = once.parameters["recorded_labels"][0][[round(bar.get_x() / 10) for bar in bars]]
        assert len(bars) == 100
        assert [to_hex(bar.get_facecolor()) for bar in bars] == [shades[label] for label in right]


def test_networks_are_compared_and_a_stopped_comparison_goes_on(tmp_path, monkeypatch):
    values = {"epochs": 1, "compared": (-400.0, 0.0, 400.0), "networks": 2}  # of 16 batches each
    trained(tmp_path / "a.h5", **values)
    whole = io.load(tmp_path / "a.h5")
    accuracy = whole.parameters["networks/test_accuracy"]
    assert accuracy.shape == (3, 2)
    assert len(np.unique(accuracy)) > 3
    gains = accuracy[2] - accuracy[1]
    np.testing.assert_array_equal(whole.parameters["networks/gain_400"], gains)
    assert whole.metrics["gain_400"] == pytest.approx(gains.mean())
    assert whole.metrics["best_value"] == [-400, 0, 400][int(accuracy.mean(axis=1).argmax())]
    assert list(SCENARIO.plots(whole)) == ["hierarchy"]
    advance, calls = Trainer.advance, []

    def stopping(self):
        calls.append(self)
        if len(calls) == 40:  # in the third network
            raise KeyboardInterrupt
        return advance(self)

    from eventsim.scenarios.run import Run

    checkpoint = Run.checkpoint
    monkeypatch.setattr(Trainer, "advance", stopping)
    monkeypatch.setattr(
        Run, "checkpoint", lambda self, state, *, force=False: checkpoint(self, state, force=True)
    )
    assert not trained(tmp_path / "b.h5", **values).complete
    assert trained(tmp_path / "b.h5", resume=True, **values).complete
    assert results(io.load(tmp_path / "b.h5")) == results(whole)


def test_one_network_of_a_comparison_is_that_of_a_run_of_its_own(tmp_path):
    trained(tmp_path / "a.h5", epochs=1, compared=(0.0, 400.0), networks=2, seed=3)
    trained(tmp_path / "b.h5", epochs=1, delta_tau=400.0, seed=4)
    table = io.load(tmp_path / "a.h5").parameters["networks/test_accuracy"]
    assert table[1, 1] == io.load(tmp_path / "b.h5").metrics["test_accuracy"]


@pytest.mark.parametrize("kernel", [1, 3])
def test_digits_are_learned_from_counts_of_spikes(tmp_path, kernel):
    trained(tmp_path / "a.h5", base=DIGITS, kernel=kernel, dilation=2, delta_dilation=2)
    trace = io.load(tmp_path / "a.h5")
    assert trace.metrics["test_accuracy"] > 0.3  # chance is 0.1
    assert trace.metrics["test_accuracy_frozen"] > 0.3
    axes = SCENARIO.plots(trace)["sequence"](trace).axes[-1]
    label = trace.parameters["recorded_labels"][0]
    assert axes.get_title(loc="left") == f"outputs: membranes; class {label} is right"
    assert [line.get_linewidth() > 1 for line in axes.lines].index(True) == label
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 10


def test_without_recordings_it_takes_generated_ones_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    trained(tmp_path / "a.h5", base=DIGITS, dataset="fsdd-spikes", epochs=0, samples_recorded=0)
    assert "synthetic sweeps of spikes instead" in io.load(tmp_path / "a.h5").provenance["notes"]


@pytest.mark.parametrize("hardware", ["brainscales2", "mixed-signal", "mismatch,parameter=tau_mem,sigma=0.2"])
def test_a_chip_runs_the_trained_network_and_says_what_it_cannot(tmp_path, hardware):
    trained(tmp_path / "a.h5", hardware=hardware)
    trace = io.load(tmp_path / "a.h5")
    assert trace.metrics["hardware_test_accuracy"] != trace.metrics["test_accuracy_frozen"]
    assert "the chip cannot do, and the simulation does: resets one step late" in trace.provenance["notes"]


def test_hardware_that_changes_nothing_leaves_the_accuracy(tmp_path):
    trained(tmp_path / "a.h5", hardware="weight-saturation,limit=5.0", precision="float64")
    trace = io.load(tmp_path / "a.h5")
    assert trace.metrics["hardware_test_accuracy"] == trace.metrics["test_accuracy_frozen"]


@pytest.mark.parametrize(
    ("values", "hardware", "text"),
    [
        ({"readout": "cum"}, None, "readout of mts-xor must be 'steps', got 'cum'"),
        ({"dataset": "sweeps"}, None, "readout of sweeps must be 'cum', got 'steps'"),
        ({"compared": (0.0,)}, "brainscales2", "many networks are compared on the ideal target only"),
        ({"kernel": 3, "epochs": 0}, "brainscales2", "a chip runs layers without convolution, got kernel=3"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(tmp_path, values, hardware, text):
    with pytest.raises((ConfigError, RunFailed), match=text):
        trained(tmp_path / "a.h5", hardware=hardware, **values)


def test_a_loss_that_is_no_number_is_named():
    config = SCENARIO(**SMALL)
    trainer, _ = trainer_of_run(config, SimpleNamespace(state=None, data=None, threads=1), 1)
    trainer.learner.network.arrays()["gamma/label"][:] = np.nan
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 0, batch 0; lower the learning"):
        trainer.advance()


# ---------------------------------------------------------------------------- data


def test_spikes_are_counted_in_bins_of_which_the_first_stays_empty():
    encode = data.Binned(steps=5, duration=100.0, group=2, dtype="float32", n_channels=4)
    samples = np.empty(2, object)
    samples[0] = Spikes(np.array([0.0, 24.9, 25.0, 99.9, 100.0]), np.array([0, 1, 2, 3, 3]))
    samples[1] = Spikes(np.array([60.0, 60.0]), np.array([3, 3]))
    counts = encode(encode.places(samples))
    assert counts.shape == (2, 5, 2)
    counts = counts.swapaxes(0, 1)
    expected = np.zeros((5, 2, 2))
    expected[1, 0, 0] = 2
    expected[2, 0, 1] = expected[4, 0, 1] = 1
    expected[3, 1, 1] = 2
    np.testing.assert_array_equal(counts, expected)
    samples[1] = Spikes(np.array([1.0]), np.array([4]))
    with pytest.raises(ValueError, match="channels must be from 0 to 3, got 4 to 4"):
        encode.places(samples)


def test_a_shift_moves_each_sample_up_or_down_by_the_same():
    x = np.zeros((2, 40, 11), np.float32)
    x[:, :, 5] = 1
    for seed in range(5):
        moved = data.shifted(x, np.random.default_rng(seed), 2)
        by = max(0, int(3 * np.random.default_rng(seed).normal() + 2))
        if by > 5:
            assert (moved == 0).all()
            continue
        assert (moved.sum(axis=2) == 1).all()
        assert set(moved.argmax(axis=2).ravel()) == {5 - by, 5 + by}
    assert (data.shifted(x, np.random.default_rng(0), 100) == 0).all()


# ---------------------------------------------------------------------------- penalties and optimiser


def model(**values):
    """Return layers after a forward pass."""
    config = SCENARIO(**{"train_tau": True, "precision": "float64", "spread_width": 0.5} | values)
    network = HierarchicalNetwork(config, 6, 2, partial(streams.stream, 0))
    rng = np.random.default_rng(0)
    network.layers.forward((rng.random((20, 3, 6)) < 0.4).astype(float), training=True, rng=rng)
    return network.layers


@pytest.mark.parametrize("decay_out", [0.8, 0.97])
@pytest.mark.parametrize("kind", ["decays", "weights"])
def test_penalties_on_parameters_have_the_gradients_of_finite_differences(kind, decay_out):
    layers = model()
    penalty = WeightPenalty(0.3) if kind == "weights" else DecayPenalty(0.3, decay_out)
    exact = penalty(layers)
    names = [n for n in layers.parameters if n.startswith("alpha/") == (kind == "decays")]
    assert set(exact.parameters) == set(names)
    for name in names:
        array = layers.parameters[name].reshape(-1)
        for k in range(array.size):
            before = array[k]
            found = []
            for step in (1e-6, -1e-6):
                array[k] = before + step
                found.append(penalty(layers).loss)
            array[k] = before
            expected = exact.parameters[name].reshape(-1)[k]
            assert expected == pytest.approx((found[0] - found[1]) / 2e-6, abs=1e-7)


def test_the_gradient_of_a_norm_is_zero_where_the_norm_is():
    layers = model(spread="none", tau_mem=100.0, delta_tau=0.0)
    found = DecayPenalty(0.3, 0.8)(layers)
    assert found.loss == pytest.approx(0, abs=1e-15)
    for gradient in found.parameters.values():
        assert np.isfinite(gradient).all()
        np.testing.assert_allclose(gradient, 0.0, atol=0.3)
    for array in layers.parameters.values():
        array[...] = 0
    zero = WeightPenalty(0.3)(layers)
    assert zero.loss == 0
    assert all((gradient == 0).all() for gradient in zero.parameters.values())


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_penalty_on_firing_has_the_gradient_of_the_squared_distance(dropout):
    layers = model(dropout=dropout)
    penalty = RatePenalty(0.3, 12.0)
    exact = penalty(layers)
    assert len(exact.outputs) == 2
    for place, gradient in exact.outputs.items():
        layers.outputs[place] = layers.outputs[place].copy()
        layers.outputs[place][5, 2, 1] += 1e-6
        above = penalty(layers).loss
        layers.outputs[place][5, 2, 1] -= 1e-6
        assert float(gradient) == pytest.approx((above - exact.loss) / 1e-6, rel=1e-4)
    spikes = [layers.outputs[place].sum(axis=0).mean() for place in exact.outputs]
    assert exact.loss == pytest.approx(0.3 * (12.0 - np.mean(spikes)) ** 2)


def test_padded_steps_stay_out_of_the_count_of_spikes():
    layers, lengths = model(), np.array([20, 7, 1])
    padding = np.arange(20)[:, None] >= lengths
    penalty = RatePenalty(0.3, 12.0)
    exact = penalty(layers, lengths)
    for place, gradient in exact.outputs.items():
        spikes = layers.outputs[place] = layers.outputs[place].copy()
        assert spikes[padding].any()
        assert (np.broadcast_to(gradient, spikes.shape)[padding] == 0).all()
        assert (np.broadcast_to(gradient, spikes.shape)[~padding] != 0).all()
        spikes[padding] = 7.0
    assert penalty(layers, lengths).loss == exact.loss
    for place in exact.outputs:
        layers.outputs[place][padding] = 0.0
    assert penalty(layers).loss == pytest.approx(exact.loss)


def test_the_rate_is_halved_from_epoch_26_on_in_long_runs_only():
    rate = halvings(60, 26, 5)
    assert [rate(e) for e in (25, 26, 30, 31, 36, 59)] == [1.0, 0.5, 0.5, 0.25, 0.125, 1 / 128]
    assert {halvings(30, 26, 5)(e) for e in range(30)} == {1.0}
    assert halvings(31, 26, 5)(26) == 0.5


@pytest.mark.parametrize(("epoch", "k"), [(0, 1), (0, 20), (4, 100), (10, 220), (30, 620)])
def test_counting_epochs_changes_adams_step_by_the_published_factor(epoch, k):
    """The moments are those of a constant gradient after k steps; only the correction differs."""
    steps = {}
    for kind in ("step", "epoch"):
        adam, parameters = Adam(1.0, epsilon=0.0, counter=kind), {"p": np.zeros(1)}
        adam.epoch = epoch
        for _ in range(k):
            before = parameters["p"].copy()
            adam.update(parameters, {"p": np.full(1, 0.7)})
        steps[kind] = float((parameters["p"] - before)[0])
    factor = (1 - 0.9**k) / (1 - 0.9 ** (epoch + 1)) * np.sqrt((1 - 0.999 ** (epoch + 1)) / (1 - 0.999**k))
    assert steps["epoch"] / steps["step"] == pytest.approx(factor, rel=1e-9)


def test_of_equal_epochs_the_first_or_the_latest_is_the_best():
    for ties, best in (("first", 1), ("latest", 3)):
        stopping = EarlyStopping(ties=ties)
        for epoch, value in enumerate((0.5, 0.8, 0.7, 0.8, 0.6)):
            stopping.observe(epoch, {"validation_accuracy": value}, dict)
        assert stopping.best_epoch == best
    with pytest.raises(ValueError, match="ties must be 'first' or 'latest', got 'last'"):
        EarlyStopping(ties="last")

"""Growing networks from the command line: streams, growth, baselines, resume, bad settings."""

import re

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.models.training import Trainer
from eventsim.models.training.batches import seeded
from eventsim.registry import find
from eventsim.scenarios.noracl import streams
from eventsim.scenarios.noracl.network import even_plan
from eventsim.scenarios.run import Run
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "noracl")
SMALL = {"tasks": 3, "epochs": 6, "first_epochs": 5, "cooldown": 1}


def trained(path, *, resume=False, threads=1, **values):
    request = Request(name="noracl", values=SMALL | values, seed=1, output=path, quiet=True,
                      threads=threads, resume=resume)  # fmt: skip
    return execute(request)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    path = tmp_path_factory.mktemp("noracl") / "a.h5"
    trained(path, trigger="ed_only", static_widths=(4, 16))
    return io.load(path)


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


def test_a_run_has_the_metrics_of_a_stream(once):
    matrix = once.parameters["accuracy_matrix/main"]
    assert matrix.shape == (3, 3)
    assert np.isnan(matrix[0, 1:]).all()
    assert once.metrics["test_accuracy"] == pytest.approx(matrix[-1].mean())
    assert once.metrics["learning_accuracy"] == pytest.approx(np.diag(matrix).mean())
    assert once.metrics["learning_accuracy"] > 0.8
    assert once.metrics["parameter_epochs"] == once.training["parameters"].sum()
    assert once.metrics["static_16_parameter_epochs"] == 17 * once.metrics["static_16_parameters"]
    assert once.metrics["static_16_parameters"] == 64 * 16 + 16 * 16 + 16 * 2


def test_the_log_explains_the_widths(once):
    log = {
        name: once.parameters[f"growth/{name}"]
        for name in ("layer", "width", "added", "zeros", "dead", "full")
    }
    for layer in (0, 1):
        mine = log["layer"] == layer
        assert (log["width"][mine][1:] == (log["width"] + log["added"])[mine][:-1]).all()
        assert once.metrics[f"width_{layer + 1}"] == 12 + log["added"][mine].sum()
    assert ((log["zeros"] >= 0) & (log["zeros"] <= 1) & (log["dead"] >= 0) & (log["dead"] <= 1)).all()
    assert (log["added"][log["full"] == 0] == 0).all()


def test_all_plots_are_drawn(once):
    found = SCENARIO.plots(once)
    assert list(found) == ["matrix", "plasticity", "widths", "occupancy", "sizes"]
    for draw in found.values():
        assert draw(once).axes


def test_a_stopped_run_goes_on_to_the_same_bits(once, tmp_path, monkeypatch):
    advance, calls, checkpoint = Trainer.advance, [], Run.checkpoint

    def counting(self):
        calls.append(self)
        return advance(self)

    def interrupting(self, state, *, force=False):
        self.interrupted = len(calls) in (40, 60) and not hasattr(calls[-1], f"stopped_{len(calls)}")
        if self.interrupted:
            setattr(calls[-1], f"stopped_{len(calls)}", True)
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    path, settings = tmp_path / "b.h5", {"trigger": "ed_only", "static_widths": (4, 16)}
    trained(path, **settings)
    trained(path, resume=True, **settings)
    trained(path, resume=True, **settings)
    assert results(io.load(path)) == results(once)


def test_threads_change_nothing(once, tmp_path):
    trained(tmp_path / "c.h5", threads=2, trigger="ed_only", static_widths=(4, 16))
    assert results(io.load(tmp_path / "c.h5")) == results(once)


def stream_of(kind, **values):
    settings = SCENARIO(stream=kind, **values)
    return streams.tasks(settings, _NoRun(), seeded(1))


class _NoRun:
    state = None
    data = None


def test_a_split_stream_has_pairs_of_classes():
    stream = stream_of("split", inputs="unit")
    sizes = [task.size("train") for task in stream]
    images, labels = stream.sets["train"]
    assert len(stream) == 5
    assert sum(sizes) == len(labels)
    for number, task in enumerate(stream):
        chosen = labels // 2 == number
        assert (task.labels("train") == labels[chosen] - 2 * number).all()
        assert np.array_equal(task.samples("train")[:, 0], images[chosen])


def test_permutations_are_fixed_and_differ_between_tasks():
    stream, again = (stream_of("permuted", inputs="unit") for _ in range(2))
    first, third = stream[0].samples("test")[:, 0], stream[2].samples("test")[:, 0]
    assert np.array_equal(first, stream.sets["test"][0])
    assert np.array_equal(np.sort(first, axis=1), np.sort(third, axis=1))
    assert not np.array_equal(third, stream[3].samples("test")[:, 0])
    assert np.array_equal(third, again[2].samples("test")[:, 0])
    train = stream[2].samples("train")[:, 0]
    order = seeded(1)("permutation", 2).permutation(64)
    assert np.array_equal(train, stream.sets["train"][0][:, order])


def test_a_repeated_stream_has_one_task_again_and_again():
    stream = stream_of("repeated", inputs="unit", tasks=4)
    assert [task.n_classes for task in stream] == [10] * 4
    for task in stream:
        assert np.array_equal(task.samples("train")[:, 0], stream.sets["train"][0])


def test_an_even_plan_adds_up_and_is_even():
    for total in range(40):
        plan = np.array(even_plan((total, 2 * total), 7))
        assert plan.sum(axis=0).tolist() == [total, 2 * total]
        assert (plan.max(axis=0) - plan.min(axis=0) <= 1).all()


def test_controls_have_the_final_size_and_resume_to_the_same_bits(tmp_path, monkeypatch):
    advance, calls, checkpoint, stops = Trainer.advance, [], Run.checkpoint, []

    def counting(self):
        calls.append(self)
        return advance(self)

    def interrupting(self, state, *, force=False):
        self.interrupted = len(calls) in stops
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    settings = {"trigger": "ed_only", "static_widths": (8,), "controls": ("matched", "per_task")}
    trained(tmp_path / "a.h5", **settings)
    whole = io.load(tmp_path / "a.h5")
    assert whole.metrics["units_added"] > 0
    final = whole.metrics["parameters"]
    assert whole.metrics["matched_parameters"] == whole.metrics["per_task_parameters"] == final
    assert whole.metrics["matched_parameter_epochs"] == 17 * final
    units = whole.training["per_task_widths"]
    assert units[0].tolist() == [12, 12]
    assert units[-1].tolist() == [whole.metrics["width_1"], whole.metrics["width_2"]]
    # In every task the units come after its first epoch.
    assert set(np.flatnonzero(np.diff(units.sum(axis=1).astype(int)))) <= {0, 5, 11}
    gain = whole.metrics["test_accuracy"] - whole.metrics["per_task_accuracy"]
    assert whole.metrics["gain_per_task"] == gain

    stops.append(int(0.9 * len(calls)))  # within the last of the four networks
    calls.clear()
    trained(tmp_path / "b.h5", **settings)
    assert len(calls) == stops[0]
    stops.clear()
    trained(tmp_path / "b.h5", resume=True, **settings)
    assert results(io.load(tmp_path / "b.h5")) == results(whole)


@pytest.mark.parametrize("values", [{"activation": "gelu"}, {"first_weights": "lecun_normal"}])
def test_other_units_and_first_weights_learn_and_grow_too(once, tmp_path, values):
    trained(tmp_path / "g.h5", trigger="ed_only", **values)
    found = io.load(tmp_path / "g.h5")
    assert found.metrics["learning_accuracy"] > 0.8
    assert found.metrics["units_added"] > 0
    assert found.metrics["largest_change"] < 1e-5
    assert found.metrics["test_accuracy"] != once.metrics["test_accuracy"]


def test_a_rotation_turns_images():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.zeros((28, 28))
    image[8:20, 11:15] = 1.0
    image[8:11, 11:20] = 0.5
    for degrees in (0.0, 18.0, 90.0, 126.0):
        ours = (image.reshape(1, -1) @ streams.rotation(28, degrees)).reshape(28, 28)
        theirs = ndimage.rotate(image, degrees, reshape=False, order=1)
        assert np.abs(ours - theirs).max() < 1e-5


def test_inputs_are_standardised_by_all_training_pixels():
    stream = stream_of("rotated")
    images, unit = (each[0].samples("train") for each in (stream, stream_of("rotated", inputs="unit")))
    assert abs(images.mean()) < 1e-5
    assert images.std() == pytest.approx(1, abs=1e-5)
    assert (unit.min(), unit.max()) == (0, 1)
    # What a rotation brings in from outside is background, not the mean.
    turned = stream[5].samples("train")
    assert turned.min() == pytest.approx(images.min(), abs=1e-5)
    assert (turned[:, 0, 0] == images.min()).mean() > 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden": (8, 12), "size_rule": "floor"}, "hidden layers must start with at least 12 units, got 8"),
        ({"probe_samples": 11}, "probe_samples must be at least the units of a hidden layer, 12, got 11"),
        ({"model": "static", "controls": ("matched",)}, "controls stand beside a growing network"),
        ({"tasks": 6}, "tasks must be at most 5 of a split stream of ten classes, got 6"),
        ({"train_samples": 30}, "a probe of 6 samples cannot show"),
        ({"train_samples": 4, "model": "static"}, "task 2 holds no samples"),
    ],
)
def test_wrong_settings_end_in_one_line(tmp_path, values, message):
    with pytest.raises((ConfigError, RunFailed), match=re.escape(message)) as error:
        trained(tmp_path / "d.h5", **values)
    assert "\n" not in str(error.value)


def test_a_small_start_is_possible_where_it_can_grow(tmp_path):
    trained(tmp_path / "e.h5", hidden=(8, 8), size_rule="north", trigger="ed_only")
    assert io.load(tmp_path / "e.h5").metrics["units_added"] > 0


def test_synaptic_intelligence_and_no_consolidation_run_too(tmp_path):
    for method in ("si", "none"):
        trained(tmp_path / f"{method}.h5", method=method, tasks=2)
        assert io.load(tmp_path / f"{method}.h5").metrics["learning_accuracy"] > 0.8

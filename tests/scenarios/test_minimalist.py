"""MINIMALIST from the command line: constraints one by one, comparisons, resume, wrong settings."""

import numpy as np
import pytest

from eventsim import io
from eventsim.models.training import Trainer
from eventsim.registry import find
from eventsim.scenarios.minimalist import data, learner, network
from eventsim.scenarios.minimalist.data import Thermometer
from eventsim.scenarios.minimalist.presets import STAGES
from eventsim.scenarios.run import Run
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "minimalist")
SMALL = {"hidden": (16,), "train_samples": 480, "test_samples": 100, "epochs": 4}


def trained(path, *, resume=False, threads=1, **values):
    request = Request(name="minimalist", values=SMALL | values, seed=1, output=path, quiet=True,
                      threads=threads, resume=resume)  # fmt: skip
    return execute(request)


class _NoRun:
    state = None
    data = None
    threads = 1


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


def test_it_learns_with_all_constraints(tmp_path):
    trained(tmp_path / "a.h5", hidden=(64,), train_samples=0, test_samples=0, epochs=12)
    trace = io.load(tmp_path / "a.h5")
    assert trace.metrics["test_accuracy"] > 0.6  # chance is 0.1
    assert trace.training["train_loss"][-1] < trace.training["train_loss"][0]
    assert 2 <= trace.metrics["gate_codes_used_0"] <= 64


def test_constraints_are_added_one_by_one():
    kinds = []
    for stage in STAGES:
        layer = network.network(SCENARIO(constraints=stage), 32, 10, np.random.default_rng(0)).layers[0]
        kinds.append(
            (layer.output, layer.gate_function, layer.gate_bits, layer.levels is not None, layer.bias_bits)
        )
    assert kinds == [
        ("tanh", "sigmoid", None, False, None),
        ("binary", "sigmoid", None, False, None),
        ("binary", "hard", None, False, None),
        ("binary", "hard", 6, False, None),
        ("binary", "hard", 6, True, None),
        ("binary", "hard", 6, True, 6),
    ]


def test_compared_networks_differ_in_constraints_alone(tmp_path):
    trained(tmp_path / "a.h5", compared=STAGES, networks=2, epochs=1)
    trace = io.load(tmp_path / "a.h5")
    table = trace.parameters["comparison/test_accuracy"]
    assert table.shape == (6, 2)
    assert trace.metrics["drop"] == pytest.approx(table[0].mean() - table[-1].mean())
    assert trace.parameters["networks/test_accuracy_all"] == pytest.approx(table[-1])
    starts = [
        learner.trainer_of(each, data.task(each, _NoRun()), 1, 1).learner.model.state_dict()
        for each in learner.variants_of(SCENARIO(compared=STAGES))
    ]
    for other in starts[1:]:
        for name, array in starts[0].items():
            assert np.array_equal(array, other[name])
    assert "constraints" in SCENARIO.plots(trace)
    SCENARIO.plots(trace)["constraints"](trace)


def test_a_stopped_comparison_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    values = {"compared": ("none", "all"), "networks": 2}
    trained(tmp_path / "a.h5", **values)
    advance, calls, checkpoint = Trainer.advance, [], Run.checkpoint
    stops = [25, 95]

    def counting(self):
        calls.append(self)
        return advance(self)

    def interrupting(self, state, *, force=False):
        self.interrupted = bool(stops) and len(calls) == stops[0]
        if self.interrupted:
            stops.pop(0)
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    trained(tmp_path / "b.h5", **values)
    trained(tmp_path / "b.h5", **values, resume=True)
    trained(tmp_path / "b.h5", **values, resume=True)
    assert not stops
    assert results(io.load(tmp_path / "a.h5")) == results(io.load(tmp_path / "b.h5"))


def test_a_pixel_is_compared_with_thresholds_and_shown_row_by_row():
    image = np.zeros((1, 2, 2))
    image[0, 0, 1], image[0, 1, 0] = 16, 7
    rows = Thermometer(16.0, 2, True)(image)
    assert rows.tolist() == [[[0, 0, 1, 1], [1, 0, 0, 0]]]
    pixels = Thermometer(16.0, 2, False)(image)
    assert pixels.tolist() == [[[0, 0], [1, 1], [1, 0], [0, 0]]]
    assert rows.dtype == np.float32


def test_validation_images_are_not_trained_on():
    task = data.task(SCENARIO(validation_samples=100), _NoRun())
    train, held_out = (
        {image.tobytes() for image in task.samples(split)} for split in ("train", "validation")
    )
    assert len(held_out) > 90
    assert not train & held_out


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"thresholds": 9}, "a core of 64 rows cannot take 72 inputs"),
        ({"hidden": (80, 8)}, "a core of 64 rows cannot take 80 inputs"),
        ({"validation_samples": 5000}, "validation_samples must leave images to train on, got 5000 of 1442"),
    ],
)
def test_wrong_settings_end_in_one_line(values, text, tmp_path):
    with pytest.raises(RunFailed, match=text) as failed:
        trained(tmp_path / "a.h5", **values)
    assert "\n" not in str(failed.value)

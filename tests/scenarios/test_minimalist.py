"""MINIMALIST from the command line: constraints one by one, comparisons, resume, wrong settings."""

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
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


def test_the_circuit_predicts_what_the_software_does(tmp_path):
    trained(tmp_path / "a.h5", networks=2)
    trace = io.load(tmp_path / "a.h5")
    assert trace.metrics["circuit_agreement"] == 1.0
    assert trace.metrics["circuit_test_accuracy"] == trace.metrics["test_accuracy"]
    assert trace.metrics["trace_correlation_ideal"] > 1 - 1e-12
    assert 0.98 <= trace.metrics["trace_correlation_real"] < 1
    own = trace.parameters
    assert own["traces/ideal/states"] == pytest.approx(own["traces/software/states"], abs=1e-12)
    assert np.array_equal(own["traces/ideal/outputs"], own["traces/software/outputs"])
    assert not np.array_equal(own["traces/real/states"], own["traces/software/states"])
    assert 0 < trace.metrics["circuit_lost_fj"] < trace.metrics["circuit_drawn_fj"]
    SCENARIO.plots(trace)["traces"](trace)


def test_a_circuit_with_imperfections_is_the_target_of_the_run(tmp_path):
    values = SMALL | {"circuit_samples": 40}
    for name, hardware in (("a", "minimalist"), ("b", "minimalist,offset=30,mismatch=0.02")):
        request = Request(
            name="minimalist", values=values, seed=1, output=tmp_path / name, hardware=hardware, quiet=True
        )
        execute(request)
    ideal, real = io.load(tmp_path / "a").metrics, io.load(tmp_path / "b").metrics
    assert ideal["hardware_agreement"] == 1.0
    assert real["hardware_agreement"] < 0.9
    assert ideal["test_accuracy"] == real["test_accuracy"]  # the training is that of the software


def test_training_with_the_circuit_in_the_loop_learns_on_it(tmp_path):
    hardware = "minimalist,offset=20"
    accuracies = []
    for in_the_loop in (False, True):
        path = tmp_path / f"{in_the_loop}.h5"
        values = {"hidden": (32,), "epochs": 12, "in_the_loop": in_the_loop}
        execute(Request(name="minimalist", values=values, seed=2, output=path, hardware=hardware, quiet=True))
        accuracies.append(io.load(path).metrics["hardware_test_accuracy"])
    assert accuracies[1] > accuracies[0] + 0.05


def test_imperfections_are_measured_on_several_devices(tmp_path):
    kinds = ("mismatch", "offset_at_output", "offset_at_output_trimmed")
    trained(tmp_path / "a.h5", imperfections=kinds, networks=2, devices=2, circuit_samples=20)
    trace = io.load(tmp_path / "a.h5")
    table = trace.parameters["imperfections/offset_at_output/accuracy"]
    assert table.shape == (3, 2, 2)
    assert trace.metrics["offset_at_output_20"] == pytest.approx(table[2].mean())
    SCENARIO.plots(trace)["imperfections"](trace)


@pytest.mark.parametrize(
    ("values", "hardware", "text"),
    [
        ({}, "jitter,sigma=0.1", "runs on the circuit 'minimalist' only, got --hardware jitter"),
        ({"constraints": "outputs"}, "minimalist", "with constraints='all', got constraints='outputs'"),
        ({"in_the_loop": True}, None, "in_the_loop=true needs a circuit"),
        ({}, "minimalist,mismatch=-1", "mismatch"),
    ],
)
def test_hardware_that_does_not_fit_is_refused_in_one_line(values, hardware, text, tmp_path):
    request = Request(
        name="minimalist", values=SMALL | values, output=tmp_path / "a.h5", hardware=hardware, quiet=True
    )
    with pytest.raises((RunFailed, ConfigError), match=text) as failed:
        execute(request)
    assert "\n" not in str(failed.value)


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

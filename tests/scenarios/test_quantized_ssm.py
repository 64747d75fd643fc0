"""Quantised state-space models from the command line: training, rounding, sweeps, memory, resume."""

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.models.training import Trainer
from eventsim.models.training.batches import seeded
from eventsim.registry import find
from eventsim.scenarios.quantized_ssm import learner, memory, network
from eventsim.scenarios.quantized_ssm.data import Pixels
from eventsim.scenarios.run import Run
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "quantized-ssm")
SMALL = {"n_states": 8, "epochs": 4, "qat_epochs": 1, "calibration_samples": 32}


def trained(path, *, resume=False, threads=1, **values):
    request = Request(name="quantized-ssm", values=SMALL | values, seed=1, output=path, quiet=True,
                      threads=threads, resume=resume)  # fmt: skip
    return execute(request)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    path = tmp_path_factory.mktemp("quantized") / "a.h5"
    trained(path, sweep="parts")
    return io.load(path)


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


def test_it_learns_is_rounded_and_fine_tuned(once):
    assert once.training["train_loss"][-1] < once.training["train_loss"][0] - 0.3
    assert len(once.training["qat_train_loss"]) == 1
    assert once.metrics["test_accuracy_full"] > 0.3  # chance is 0.1
    assert once.metrics["test_accuracy"] > once.metrics["test_accuracy_rounded"] - 0.05
    assert once.parameters["parts/accuracy"].shape == (5, 5)
    assert once.metrics["pole_16"] == pytest.approx(once.metrics["test_accuracy_full"], abs=0.03)
    assert once.parameters["poles/rounded"].shape == (16, 4, 2)
    assert list(SCENARIO.plots(once)) == ["parts", "poles"]
    for draw in SCENARIO.plots(once).values():
        draw(once)


def test_a_stopped_run_goes_on_to_the_same_bits(once, tmp_path, monkeypatch):
    advance, calls, checkpoint = Trainer.advance, [], Run.checkpoint

    def counting(self):
        calls.append(self)
        return advance(self)

    def interrupting(self, state, *, force=False):
        # in pre-training, and in fine-tuning
        self.interrupted = len(calls) in (40, 135) and not hasattr(calls[-1], "was_stopped")
        if self.interrupted:
            calls[-1].was_stopped = True
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    path = tmp_path / "b.h5"
    trained(path, sweep="parts")
    trained(path, sweep="parts", resume=True)
    trained(path, sweep="parts", resume=True)
    assert results(io.load(path)) == results(once)


def test_pixels_are_shown_one_a_step_from_the_top_left():
    shown = Pixels(16.0, 2)(np.array([[0, 8, 16]], np.uint8))
    assert shown[..., 0].tolist() == [[0, 0, 0.5, 0.5, 1, 1]]
    assert shown.dtype == np.float32


def test_the_number_of_parameters_is_that_of_the_paper():
    for heads, number in ((16, 3850), (64, 21514)):
        settings = SCENARIO(n_heads=heads, n_states=64, depth=1)
        net = network.full_precision(settings, 10, np.random.default_rng(0))
        assert memory.trained_numbers(net) == number


def test_memory_is_a_sixth_at_w4a6_with_8_bits_for_poles_and_states():
    settings = SCENARIO(n_heads=64, n_states=64, depth=1, pole_bits=8, state_bits=8)
    full = network.full_precision(settings, 10, np.random.default_rng(0))
    net = network.rounded(settings, 10, full)
    found = memory.report(settings, net, memory.trained_numbers(full))
    assert found["memory_bits"] == 8 * 4096 + 8 * 4096 + 4 * (21514 - 4096 - 64)
    assert found["memory_ratio"] == pytest.approx(6.1, abs=0.05)
    assert found["scales"] > 0


def test_with_bits_for_full_precision_the_rounded_network_is_the_same_map():
    every = {f"{part}_bits": 32 for part in ("pole", "state", "matrix", "weight", "activation")}
    settings = SCENARIO(**SMALL | every, activation="qgelu")
    full = network.full_precision(settings, 10, np.random.default_rng(2))
    net = network.rounded(settings, 10, full)
    x = np.random.default_rng(3).random((64, 5, 1)).astype(np.float32)
    network.calibrate(net, x)
    assert np.array_equal(net.forward(x), full.forward(x))


@pytest.mark.parametrize("parametrisation", ["discrete", "continuous", "frozen"])
def test_fine_tuning_trains_what_the_parametrisation_says(parametrisation):
    settings = SCENARIO(**SMALL, parametrisation=parametrisation)
    full = network.full_precision(settings, 10, np.random.default_rng(2))
    net = network.rounded(settings, 10, full)
    task = pytest.importorskip("eventsim.scenarios.quantized_ssm.data").task(settings, _NoRun())
    network.calibrate(net, learner.shown(task, net, 16))
    trainer = learner.fine_tuning(settings, task, net, seeded(1))
    kinds = {name.partition("/")[0] for name in net.parameters}
    assert ("A_bar" in kinds, "a" in kinds) == (
        parametrisation == "discrete",
        parametrisation == "continuous",
    )
    before = [layer.used()[0].copy() for layer in network.s4d_layers(net)]
    trainer.advance()
    moved = any(
        not np.array_equal(one, layer.discrete()[0])
        for one, layer in zip(before, network.s4d_layers(net), strict=True)
    )
    assert moved


class _NoRun:
    state = None
    data = None


def test_wrong_settings_end_in_one_line(tmp_path):
    with pytest.raises((ConfigError, RunFailed), match="n_states must be even, got 3"):
        trained(tmp_path / "c.h5", n_states=3)
    with pytest.raises((ConfigError, RunFailed), match="symmetric needs 2 to 32 bits, got 1"):
        trained(tmp_path / "d.h5", scheme="symmetric", pole_bits=1, epochs=0)

"""Phaseless alignment behind convolutions: colour images, all algorithms, missing files of CIFAR-10."""

import numpy as np
import pytest

from eventsim import Simulation, io
from eventsim.registry import find
from eventsim.scenarios.phaseless_alignment import colour_images, convolutional
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "phaseless-alignment")
TINY = {"maps": (3, 4), "hidden": (8,), "presentation": 1.2, "batch": 400, "epochs": 1, "recorded_every": 1}


def trace(path, preset="colour-lenet", data=None, **values):
    request = Request(name="phaseless-alignment", preset=preset, values=TINY | values, seed=0, output=path,
                      quiet=True, threads=1, data=data)  # fmt: skip
    assert execute(request).complete
    return io.load(path)


def learner(**values):
    settings = SCENARIO.presets["colour-lenet"] | TINY | values
    config = SCENARIO(**settings)
    return convolutional.ConvolutionalLearner(config, colour_images.gratings(), 0, 12)


def test_generated_images_have_their_colour_and_orientation():
    images, labels = colour_images.drawn(400, "train")
    assert images.shape == (400, 3, 16, 16)
    assert images.dtype == np.uint8
    assert (np.bincount(labels) == 40).all()
    again, _ = colour_images.drawn(400, "train")
    np.testing.assert_array_equal(images, again)
    values = images.astype(float) - images.mean(axis=(2, 3), keepdims=True)
    red_green = (values[:, 0] * values[:, 1]).mean(axis=(1, 2))
    assert (red_green[labels < 5] < 0).all()  # one rises where the other falls
    assert (red_green[labels >= 5] > 0).all()
    upright = values[labels == 0][:, 0]  # waves along x
    assert np.abs(np.diff(upright, axis=1)).mean() < np.abs(np.diff(upright, axis=2)).mean()


@pytest.mark.parametrize("algorithm", ["pal", "bp", "fa", "dfa", "noise"])
def test_some_batches_of_each_algorithm(tmp_path, algorithm):
    found = trace(tmp_path / "a.h5", algorithm=algorithm)
    assert 0 <= found.metrics["test_accuracy"] <= 1
    angles = found.parameters["alignment_degrees"]
    assert angles.shape == (3,)  # of the second convolution and two layers above
    assert (angles == 0).all() == (algorithm == "bp")
    assert found.parameters["weight/image->maps1"].shape == (3, 3, 5, 5)
    assert found.parameters["weight/pooled1->maps2"].shape == (4, 3, 5, 5)


def test_without_files_cifar_is_replaced_and_the_run_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    found = trace(tmp_path / "a.h5", "cifar-lenet")
    assert found.provenance["replacement_data"] == "generated colour gratings of 16x16"
    assert "cifar-10-python.tar.gz" in found.provenance["notes"]
    assert found.parameters["weight/image->maps1"].dtype == np.float32
    with pytest.raises(FileNotFoundError, match=r"needs the file cifar-10-python\.tar\.gz, which is not in"):
        trace(tmp_path / "b.h5", "cifar-lenet", data=tmp_path)


def test_feedback_of_all_layers_aligns_kernels_included():
    """Without errors only feedback learns; kernels of the second convolution turn as the others do."""
    values = {
        "learning_rate": 0.0,
        "rate_feedback": 2.0,
        "decay": 1e-2,
        "batch": 100,
        "activation": "logistic",
    }
    found = learner(**values, weight_std=0.3)
    before = found.angles()
    assert (before > 60).all()
    found.sim.set_input("image", found.task.shown("train", np.arange(100)))
    found.sim.run_ticks(2000)
    assert (found.angles() < (40, 35, 25)).all()
    still = learner(**values | {"rate_feedback": 0.0}, weight_std=0.3)
    still.sim.run_ticks(50)
    np.testing.assert_array_equal(still.angles(), before)


def test_published_settings_leave_the_feedback_of_the_convolution_as_it_was():
    """Its factor is 0, as in the published files; noise enters pooled rates all the same."""
    lenet = SCENARIO.presets["cifar-lenet"]
    factors = {name: lenet[name] for name in ("feedback_factors", "sigma", "rate_feedback", "decay")}
    found = learner(**factors)
    before = {name: found.sim.weights(f"{name} feedback") for name in ("pooled1->maps2", "pooled2->hidden1")}
    found.sim.run_ticks(20)
    name = "pooled1->maps2"
    np.testing.assert_array_equal(found.sim.weights(f"{name} feedback"), before[name])
    assert np.abs(found.sim.array("pooled1", "noise")).max() > 0.01
    name = "pooled2->hidden1"
    assert np.abs(found.sim.weights(f"{name} feedback") - before[name]).max() > 0


def test_errors_with_copied_kernels_are_the_gradient():
    """With BP the errors of a settled network are minus the gradient by potentials: finite differences."""
    found = learner(algorithm="bp", learning_rate=0.0, batch=1)
    sim, target = found.sim, np.eye(10)[3]
    image = np.asarray(found.task.shown("train", np.arange(1)), float)
    beta = found.config.beta
    sim.set_input("image", image)
    sim.nudge("label", target, beta)
    sim.run_ticks(40)
    errors = sim.array("maps1", "error")[0]
    name = "image->maps1"
    weight, bias, step = sim.weights(name), sim.bias(name), 1e-4

    def loss(change):
        fresh = Simulation(found.built(learning=False), dt=0.1)
        fresh.set_weights(name, weight, bias + change)
        fresh.set_input("image", image)
        fresh.run_ticks(20)
        return 0.5 * beta * ((target - fresh.array("label")[0]) ** 2).sum()

    places = 12 * 12
    for channel in range(3):
        moved = step * np.eye(3)[channel]
        slope = (loss(moved) - loss(-moved)) / (2 * step)
        assert errors[channel * places : (channel + 1) * places].sum() == pytest.approx(-slope, rel=1e-5)


def test_maps_are_for_classification(tmp_path):
    with pytest.raises(RunFailed, match="an autoencoder has no maps"):
        trace(tmp_path / "a.h5", task="autoencoder")
    with pytest.raises(RunFailed, match="windows of 5 leave"):
        trace(tmp_path / "b.h5", maps=(3, 4, 5))


def test_layers_of_the_published_network():
    task = colour_images.Task("cifar-10", 3 * 32 * 32, 10, {})
    layers = convolutional.stack(SCENARIO(**SCENARIO.presets["cifar-lenet"]), task)
    assert [layer.n for layer in layers] == [3072, 20 * 28**2, 20 * 14**2, 50 * 100, 50 * 25, 500, 10]
    assert layers[1].shape == (20, 3, 5, 5)
    assert layers[5].shape == (1250, 500)
    assert [layer.activation for layer in layers[1:]] == [
        "logistic", "linear", "logistic", "linear", "logistic", "linear",
    ]  # fmt: skip


def test_learning_rates_are_those_of_the_layers():
    lenet = SCENARIO(**SCENARIO.presets["cifar-lenet"])
    layers = convolutional.stack(lenet, colour_images.gratings())
    rules = dict(convolutional.network(lenet, layers, 0).plasticity)
    names = ["image->maps1", "pooled1->maps2", "pooled2->hidden1", "hidden1->label"]
    assert [rules[name].learning_rate for name in names] == pytest.approx([4.0, 0.8, 1.6, 0.16])
    assert [rules[f"{name} feedback"].learning_rate for name in names[1:]] == [0.0, 8.0, 8.0]

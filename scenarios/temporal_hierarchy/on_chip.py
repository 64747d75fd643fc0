"""A trained network with weights, thresholds and time constants of a chip, and what a chip cannot do.

Normalisation is folded into weights and a constant current, W' = W gamma r and beta - mean gamma r. Each
projection is scaled to the range of the chip's weights; what the chip makes of weights, thresholds and time
constants goes back into the layers, and the test set is shown to them.
"""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.layers import BatchNorm
    from eventsim.scenarios.temporal_hierarchy.learner import HierarchyLearner
    from eventsim.scenarios.temporal_hierarchy.network import HierarchicalNetwork

RANGE = 2.0  # weights of a projection are scaled to it; chips hold about as much
CANNOT = (
    "resets one step late by subtraction of the threshold",
    "a constant current of every neuron (from the normalisation)",
    "outputs that do not spike",
    "the statistics of a batch; those of the training set are used",
    "times of spikes within a step: jitter, latency and time stamps are left out",
)


def evaluate(run: Run, learner: "HierarchyLearner") -> None:
    """Put the accuracy on the chip that the run asks for into the run, with notes of what it cannot do.

    Raises
    ------
    ConfigError
        If the network does not fit, or has convolutions, which need delays that chips do not have.
    """
    from eventsim.errors import ConfigError
    from eventsim.hardware.named import by_name

    if learner.network.settings.kernel > 1:
        raise ConfigError(
            f"a chip runs layers without convolution, got kernel={learner.network.settings.kernel}"
        )
    hardware: Any = by_name(str(run.hardware), device_seed=run.seed)
    if not hasattr(hardware, "transform"):
        raise ConfigError(f"the network is put on a simulated chip only, got --hardware {run.hardware}")
    if hasattr(hardware, "us_per_unit") and hardware.us_per_unit is None:
        step = learner.network.settings.step
        run.note(f"one step ({step:g} ms) stands for the synaptic time constant of the chip")
    before = learner.network.layers.state_dict()
    scales = put(learner, hardware)
    run.metric("hardware_test_accuracy", learner.accuracy("test", frozen=True))
    run.metric("hardware_largest_scale", max(scales))
    learner.network.layers.load_state_dict(before)
    for text in CANNOT:
        run.note(f"the chip cannot do, and the simulation does: {text}")


def put(learner: "HierarchyLearner", hardware: Any) -> list[float]:
    """Write what the hardware makes of the network into the layers, and return the scales of weights."""
    network = learner.network
    folded, scales = fold(network), []
    for weight in folded:
        most = float(np.abs(weight).max())
        scales.append(RANGE / most if most else 1.0)
    declared = declare(
        network, [w * scale for w, scale in zip(folded, scales, strict=True)], learner.network.settings.step
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of single weights that are clipped
        made = hardware.transform(declared)
    for product, norm, projection, scale in zip(
        network.products, network.norms, made.projections, scales, strict=True
    ):
        factors = gain(norm)
        shape = product.parameters["weight"].shape
        weight = np.asarray(projection.resolve(made).weight).reshape(shape) / scale
        product.parameters["weight"][...] = np.divide(
            weight, factors, out=np.zeros_like(weight), where=factors != 0
        )
    for name, neurons in zip(network.names, network.neurons, strict=True):
        model: Any = made.populations[name].model
        arrays = neurons.parameters | neurons.buffers
        arrays["threshold"][...] = model.v_th
        arrays["alpha"][...] = np.exp(-learner.network.settings.step / np.asarray(model.tau_mem))
    return scales


def fold(network: "HierarchicalNetwork") -> list[Floats]:
    """Return the weights of all projections with the normalisation in them, by column."""
    return [
        np.asarray(product.parameters["weight"] * gain(norm), np.float64)
        for product, norm in zip(network.products, network.norms, strict=True)
    ]


def gain(norm: "BatchNorm") -> Floats:
    """Return by what a normalisation multiplies each channel."""
    return np.asarray(norm.parameters["gamma"] / np.sqrt(norm.buffers["variance"] + norm.epsilon))


def declare(network: "HierarchicalNetwork", weights: list[Floats], step: float) -> "Network":
    """Return the network as populations and projections, for the chip to place."""
    from eventsim import Network, models

    net = Network(seed=0)
    net.add("input", models.SpikeSource(), len(weights[0]))
    before = "input"
    for name, neurons, weight in zip(network.names, network.neurons, weights, strict=False):
        net.add(name, models.LIF(tau_mem=neurons.time_constants, tau_syn=step), weight.shape[1])
        net.connect(before, name, weight=weight)
        before = name
    net.add("label", models.LIF(tau_mem=step, tau_syn=step, v_th=np.inf), weights[-1].shape[1])
    net.connect(before, "label", weight=weights[-1])
    return net


__all__ = ["CANNOT", "declare", "evaluate", "fold", "gain", "put"]

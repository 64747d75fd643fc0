"""A trained network event by event: spikes in the engine are those of the layers with frozen statistics.

Every neuron has one tick a step, V <- alpha V + drive + inputs - s_before, and its spikes are events that
reach the next layer within the same step. Normalisation is folded, W' = W gamma r and a constant drive,
beta - mean gamma r; of outputs both carry the factor 1 - alpha_out.
"""

from types import SimpleNamespace

import numpy as np
import pytest

import eventsim as es
from eventsim.registry import find
from eventsim.scenarios.temporal_hierarchy.learner import trainer_of_run
from eventsim.scenarios.temporal_hierarchy.on_chip import fold, gain

SMALL = {"train_samples": 1024, "test_samples": 64, "batch": 64, "epochs": 6, "precision": "float64"}
TICK = -1.0  # value of the event that is a tick; any other is a spike of unit `unit` of the layer below


class EventLayer:
    """A layer as a handler: spikes that reach it add rows of its weights; a tick steps its membranes."""

    def __init__(self, weight, drive, alpha, threshold):
        self.weight, self.drive, self.alpha, self.threshold = weight, drive, alpha, threshold
        self.v, self.s = np.zeros(len(drive)), np.zeros(len(drive))
        self.inputs, self.above, self.membranes, self.spikes = np.zeros(len(drive)), None, [], []

    def __call__(self, engine, event):
        if event.value != TICK:
            self.inputs += self.weight[event.unit]
            return
        self.v = self.alpha * self.v + (self.drive + self.inputs)
        if self.threshold is not None:
            self.v -= self.threshold * self.s
            self.s = (self.v > self.threshold).astype(float)
            for unit in np.flatnonzero(self.s):
                self.spikes.append((event.time, int(unit)))
                engine.schedule(event.time, self.above, int(unit), 1.0)  # before the tick of the layer above
        self.membranes.append(self.v.copy())
        self.inputs[:] = 0


def in_the_engine(network, x, alpha_out):
    """Return all layers after one sample, shape (time, input)."""
    engine, layers = es.Engine(), []
    last = len(network.products) - 1
    for k, (weight, norm) in enumerate(zip(fold(network), network.norms, strict=True)):
        drive = norm.parameters["beta"] - norm.buffers["mean"] * gain(norm)
        if k == last:
            weight, drive = (1 - alpha_out) * weight, (1 - alpha_out) * drive
            layers.append(EventLayer(weight, drive, alpha_out, None))
        else:
            layers.append(EventLayer(weight, drive, network.neurons[k].alpha, 1.0))
    handles = [engine.register(layer) for layer in layers]
    for k, layer in enumerate(layers[:-1]):
        layer.above = handles[k + 1]
    for t, row in enumerate(x):
        for unit in np.flatnonzero(row):
            engine.schedule(10.0 * t, handles[0], int(unit), 1.0)
        for k, handle in enumerate(handles):
            engine.schedule(10.0 * t, handle, 0, TICK, priority=k + 1)
    engine.run(np.inf)
    return layers


@pytest.mark.parametrize("train_tau", [False, True])
def test_a_trained_network_has_the_same_spikes_as_events(train_tau):
    config = find("scenario", "temporal-hierarchy")(**SMALL, train_tau=train_tau)
    trainer, task = trainer_of_run(config, SimpleNamespace(state=None, data=None, threads=1), 2)
    trainer.run()
    learner, network = trainer.learner, trainer.learner.network
    learner.freeze()
    network.use_frozen(True)
    x = learner.shown("test", slice(0, 4))
    u = network.layers.forward(x)
    membranes = [neurons.membrane for neurons in network.neurons]
    spikes = [s for s in network.layers.outputs if set(np.unique(s)) <= {0.0, 1.0}][::2]
    near = sum(int((np.abs(v - 1) < 1e-9).sum()) for v in membranes)
    assert near == 0  # membranes at the threshold, where rounding would decide
    alpha_out = float(np.exp(-config.step / config.tau_out))
    for sample in range(4):
        layers = in_the_engine(network, x[:, sample], alpha_out)
        for layer, s, v in zip(layers[:-1], spikes, membranes, strict=True):
            t, unit = np.nonzero(s[:, sample])
            assert len(t) > 10
            assert sorted(layer.spikes) == [(10.0 * a, int(b)) for a, b in zip(t, unit, strict=True)]
            np.testing.assert_allclose(layer.membranes, v[:, sample], atol=1e-9)
        np.testing.assert_allclose(layers[-1].membranes, u[:, sample], atol=1e-9)
    assert task.name == "mts-xor"


def test_frozen_statistics_are_those_of_the_training_set_layer_by_layer():
    config = find("scenario", "temporal-hierarchy")(**SMALL | {"epochs": 1, "train_samples": 200})
    trainer, task = trainer_of_run(config, SimpleNamespace(state=None, data=None, threads=1), 0)
    trainer.run()
    learner, network = trainer.learner, trainer.learner.network
    learner.freeze()
    x = task.samples("train").astype(float)
    for k, norm in enumerate(network.norms):
        z = x @ network.products[k].parameters["weight"]
        np.testing.assert_allclose(norm.buffers["mean"], z.mean(axis=(0, 1)), atol=1e-12)
        np.testing.assert_allclose(norm.buffers["variance"], z.var(axis=(0, 1)), atol=1e-12)
        if k < len(network.neurons):
            current = (z - z.mean(axis=(0, 1))) * gain(norm) + norm.parameters["beta"]
            x = network.neurons[k].forward(np.ascontiguousarray(current.swapaxes(0, 1))).swapaxes(0, 1).copy()


def test_a_trained_network_streams_as_a_population_to_the_bits_of_the_batch():
    config = find("scenario", "temporal-hierarchy")(**SMALL | {"epochs": 2, "precision": "float32"})
    trainer, _ = trainer_of_run(config, SimpleNamespace(state=None, data=None, threads=1), 3)
    trainer.run()
    learner, network = trainer.learner, trainer.learner.network
    learner.freeze()
    network.use_frozen(True)
    x = learner.shown("test", slice(0, 5))
    wanted = network.layers.forward(x).copy()
    stream = es.models.layers.LayerStream(network.layers, config.step)
    net = es.Network()
    net.add("model", stream, stream.n)
    sim = es.Simulation(net, dt=config.step, batch=5)
    sim.record("model", "rate", every=config.step)
    sim.set_input("model", x.astype(np.float64), every=config.step)
    sim.run_ticks(len(x))
    found = sim.trace("model", "rate").values.reshape(len(x), 5, stream.n)[:, :, :2]
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_array_equal(found, wanted)

"""Models that report themselves: counts against brute force, the event log, dense products, and any split."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest

import eventsim as es
from eventsim.io.neurobench import Convolution, Dense, Synapses, Workload, evaluate
from eventsim.models import layers
from eventsim.models.neurobench import EventDrivenModel, RateModel, SequenceModel, SpikeModel
from eventsim.simulation import simulation as simulation_module
from reference.neurobench_nets import SPIKES, SpikingNet

LOG: list[float] = []


@dataclass(frozen=True)
class Logger(es.PythonNeuron):
    """Keeps the weight of every arrival, and never spikes."""

    state: ClassVar = {"v": 0.0}

    def flow(self, s, v):
        return (v,)

    def time_to_spike(self, v):
        return np.inf

    def on_input(self, weight, receptor, v):
        LOG.append(weight)
        return (v,)

    def on_spike(self, v):
        return (v,)


def classes(y, lengths=None):
    return y.sum(axis=0).argmax(axis=1)


def spiking_layers():
    model = layers.Sequential(
        [
            layers.Linear(4, bias=False),
            layers.LIF(tau=1 / np.log(2)),
            layers.Linear(2, bias=False),
            layers.LIF(tau=1 / np.log(2)),
        ]
    )
    model.build(3, np.random.default_rng(0))
    model.parameters["weight/0"][...] = SpikingNet.W1.T
    model.parameters["weight/2"][...] = SpikingNet.W2.T
    return model


def split(samples, labels, *sizes):
    cuts = np.cumsum([0, *sizes])
    return [(samples[low:high], labels[low:high]) for low, high in pairwise(cuts)]


def test_spiking_layers_give_the_reference_vector():
    labels = np.array([0, 1])
    results = evaluate(SequenceModel(spiking_layers(), classes), [(SPIKES, labels)])
    reference = evaluate(SpikingNet("subtract"), [(SPIKES, labels)])
    for key in set(reference) - {"Footprint", "ActivationSparsityByLayer"}:
        assert results[key] == reference[key], key
    assert list(results["ActivationSparsityByLayer"].values()) == [0.775, 0.9]
    # 20 weights, alpha and threshold of 6 units, and their membranes and spikes, in float32
    assert results["Footprint"] == 4 * (20 + 2 * 6 + 2 * 6)


def random_sequence_model(rng):
    model = layers.Sequential(
        [
            layers.TemporalConv(6, 3, dilation=2),
            layers.MinGRU(5),
            layers.Residual([layers.DelayConv(3, 8), layers.GELU()]),
            layers.Linear(7),
            layers.LIF(tau=3.0, threshold=0.2),
            layers.Linear(4, bias=False),
        ]
    )
    model.build(3, rng, np.float64)
    model.parameters["weight/3"][rng.random((5, 7)) < 0.4] = 0
    return model


def test_any_split_into_batches_gives_the_same_numbers():
    rng = np.random.default_rng(3)
    model = SequenceModel(random_sequence_model(rng), classes)
    x, labels = rng.normal(size=(12, 15, 3)), rng.integers(0, 4, 12)
    whole = evaluate(model, [(x, labels)])
    for sizes in ((5, 7), (1,) * 12, (4, 4, 4)):
        parts = evaluate(model, split(x, labels, *sizes))
        for key, value in whole.items():
            if key == "SynapticOperations":
                assert sum(parts[key].values()) == pytest.approx(sum(value.values()), rel=1e-12)
                assert parts[key]["Dense"] == value["Dense"]
            elif key == "ActivationSparsityByLayer":
                assert parts[key] == pytest.approx(value, rel=1e-12)
            elif key == "NeuronOperations":
                assert parts[key] == value
            else:
                assert parts[key] == pytest.approx(value, rel=1e-12)


def test_the_split_into_macs_and_acs_depends_on_the_batch_and_their_sum_does_not():
    rng = np.random.default_rng(0)
    linear = layers.Sequential([layers.Linear(2, bias=False)])
    linear.build(3, rng)
    x, labels = np.array([[[1, -1, 0]], [[0.5, 0, 0]]], np.float32), np.array([0, 1])
    model = SequenceModel(linear, classes)
    both = evaluate(model, [(x, labels)])["SynapticOperations"]
    single = evaluate(model, split(x, labels, 1, 1))["SynapticOperations"]
    assert both == {"Effective_MACs": 3.0, "Effective_ACs": 0.0, "Dense": 6.0}
    assert single == {"Effective_MACs": 1.0, "Effective_ACs": 2.0, "Dense": 6.0}


def brute_force(weight, x, dilation=1, groups=1):
    """Return effective and dense operations of a causal convolution over time by its definition."""
    n_out, n_group, width = weight.shape
    effective = dense = 0
    for t in range(len(x)):
        for k in range(width):
            past = t - (width - 1 - k) * dilation
            if past < 0:
                continue
            for o in range(n_out):
                first = o // (n_out // groups) * n_group
                for i in range(n_group):
                    dense += x.shape[1]
                    effective += int((x[past, :, first + i] != 0).sum()) * (weight[o, i, k] != 0)
    return effective, dense


def test_convolutions_over_time_count_as_their_definition_does():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(9, 2, 4)) * (rng.random((9, 2, 4)) < 0.6)
    conv = layers.TemporalConv(3, 3, dilation=2)
    delay = layers.DelayConv(2, 6)
    for layer in (conv, delay):
        layer.build(4, rng, np.float64)
    conv.parameters["weight"][rng.random((3, 4, 3)) < 0.3] = 0
    delay.round_positions()
    kernel = np.zeros((4, 1, 6))
    for channel in range(4):
        taps = (delay.parameters[name][channel] for name in ("weight", "position"))
        for value, position in zip(*taps, strict=True):
            kernel[channel, 0, 5 - int(position)] += value
    for layer, weight, options in (
        (conv, conv.parameters["weight"].transpose(2, 1, 0), {"dilation": 2}),
        (delay, kernel, {"groups": 4}),
    ):
        workload = Workload(layer.connections() | {"weight/0": layer.connections()["weight"]})
        layer.report(workload, "0", x, layer.forward(x))
        workload.end_batch(2)
        assert (workload.macs, workload.dense) == brute_force(weight, x, **options)


def test_strided_grouped_convolutions_over_images_agree_with_ones():
    rng = np.random.default_rng(5)
    weight = rng.normal(size=(4, 2, 3, 2)) * (rng.random((4, 2, 3, 2)) < 0.7)
    image = rng.normal(size=(3, 4, 9, 8)) * (rng.random((3, 4, 9, 8)) < 0.5)
    w, x = (weight != 0).astype(int), np.pad(image != 0, ((0, 0), (0, 0), (1, 1), (2, 2))).astype(int)
    ones = np.pad(np.ones((1, 4, 9, 8), int), ((0, 0), (0, 0), (1, 1), (2, 2)))
    expected = dense = 0
    for o in range(4):
        for i in range(2):
            channel = (o // 2) * 2 + i
            for r in range(0, 11 - 3 + 1, 2):
                for c in range(12 - 2 + 1):
                    window = (slice(None), channel, slice(r, r + 3), slice(c, c + 2))
                    expected += int((x[window] * w[o, i]).sum())
                    dense += int(ones[window].sum())
    connection = Convolution(weight, stride=(2, 1), padding=(1, 2), groups=2)
    workload = Workload({"conv": connection})
    workload.connection("conv", image[None])
    assert (workload.macs, workload.dense) == (expected, 3 * dense)


def small_spiking_network(seed=0):
    """Return a network with delays of every synapse, zero weights, and a population that logs arrivals."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(), 6)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 8)
    net.add("log", Logger(), 4)
    into = rng.uniform(0.5, 2.0, (6, 8)) * (rng.random((6, 8)) < 0.7)
    out = rng.normal(size=(8, 4)) * (rng.random((8, 4)) < 0.6)
    net.connect("input", "cells", weight=into, delay=rng.uniform(0.1, 3.0, (6, 8)))
    net.connect("cells", "log", weight=out, delay=rng.uniform(1.0, 9.0, (8, 4)))
    return net, out


def test_operations_are_the_arrivals_on_weights_that_are_not_zero_and_those_still_on_their_way():
    net, out = small_spiking_network()
    until, rng = 20.0, np.random.default_rng(2)
    times = np.sort(rng.uniform(0, 19.0, 60))
    sample = {"input": (times, rng.integers(0, 6, 60))}
    model = EventDrivenModel(net, until, lambda sim: 0)
    LOG.clear()
    alone = Workload({name: each for name, each in model.connections.items()})
    model.infer([sample], alone)
    arrived = np.array(LOG)
    spikes = model.sim.spikes("cells")
    delay = np.asarray(net.projections[1].delay)
    due = spikes.times[:, None] + delay[spikes.units] >= until  # still in the queue at the end
    waiting = int((due & (out[spikes.units] != 0)).sum())
    assert len(spikes.times) > 10
    assert waiting > 0
    assert (out == 0).sum() > 0
    inputs = int((np.asarray(net.projections[0].weight)[sample["input"][1]] != 0).sum())
    assert alone.acs - inputs == int((arrived != 0).sum()) + waiting
    # Our own count has the synapses of weight zero too: every synapse of every spike.
    assert alone.ours["SynapticEvents"] == 60 * 8 + len(spikes.times) * 4
    assert alone.ours["EventsHandled"] == model.sim.engine.processed
    assert alone.dense is None


def test_a_grid_gives_dense_operations_and_sparsity():
    net, _ = small_spiking_network()
    sample = {"input": (np.array([1.0, 1.01, 5.0]), np.array([0, 0, 1]))}
    model = EventDrivenModel(net, 20.0, lambda sim: 0, step=0.5)
    results = evaluate(model, [([sample], np.zeros(1))], ())
    assert results["SynapticOperations"]["Dense"] == 40 * (6 * 8 + 8 * 4)
    spikes = model.sim.spikes("cells")
    once = len({(int(t // 0.5), int(u)) for t, u in zip(spikes.times, spikes.units, strict=True)})
    assert results["ActivationSparsity"] == pytest.approx(1 - once / (40 * (8 + 4)), rel=1e-12)
    without = evaluate(EventDrivenModel(net, 20.0, lambda sim: 0), [([sample], np.zeros(1))], ())
    assert without["ActivationSparsity"] is None
    assert without["SynapticOperations"]["Dense"] is None


def test_samples_go_through_one_network_and_give_what_new_ones_give(monkeypatch):
    rng, until = np.random.default_rng(5), 20.0
    net = es.Network(seed=3)
    net.add("input", es.models.SpikeSource(), 6)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 8)
    net.connect("input", "cells", weight=rng.uniform(0.2, 1.0, (6, 8)), delay=rng.uniform(0.1, 3.0, (6, 8)))
    net.connect("cells", "cells", weight=rng.normal(0.0, 0.2, (8, 8)), delay=1.0)
    samples = [{"input": (np.sort(rng.uniform(0, 9, 20)), rng.integers(0, 6, 20))} for _ in range(5)]
    builds = []
    build = simulation_module.build
    monkeypatch.setattr(simulation_module, "build", lambda *a, **k: builds.append(1) or build(*a, **k))

    def read(sim):
        spikes = sim.spikes("cells")
        found.append((spikes.times, spikes.units, sim.event_counts()))
        return 0

    found: list[Any] = []
    model = EventDrivenModel(net, until, read)
    results = evaluate(model, [(samples, np.zeros(5))], ())
    assert len(builds) == 2  # one is of the first `reset`
    handled = 0
    for sample, (times, units, counts) in zip(samples, found, strict=True):
        alone = es.Simulation(net, schedule="ordered")
        alone.stimulate("input", *sample["input"])
        alone.run(until)
        np.testing.assert_array_equal(alone.spikes("cells").times, times)
        np.testing.assert_array_equal(alone.spikes("cells").units, units)
        assert counts == {"handled": alone.engine.processed, "scheduled": alone.engine.scheduled}
        handled += counts["handled"]
    assert results.ours["EventsHandled"] == handled / 5
    with pytest.raises(
        es.ConfigError, match="events are counted on the ordered schedule, and this simulation runs on"
    ):
        es.Simulation(net, schedule="windows").event_counts()


def test_dendrites_report_like_any_spiking_network():
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 3)
    net.add("cells", es.models.MultiCompartment(), 2)
    weight = np.array([[900.0, 0.0], [900.0, 900.0], [0.0, 900.0]])
    net.connect("input", "cells", weight=weight, delay=1.0)
    sample = {"input": (np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 1, 1, 2]))}
    model = EventDrivenModel(net, 50.0, lambda sim: len(sim.spikes("cells").times))
    results = evaluate(model, [([sample, {}], np.zeros(2, int))], ())
    assert results["SynapticOperations"]["Effective_ACs"] == (1 + 2 + 2 + 1) / 2
    assert results["ConnectionSparsity"] == round(2 / 6, 4)
    assert results.ours["SynapticEvents"] == 4 * 2 / 2


def learner(n_hidden=6):
    rng = np.random.default_rng(4)
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 5)
    neuron = es.models.LIF(tau_mem=2.0, tau_syn=1.0)
    net.add("hidden", neuron, n_hidden)
    net.add("label", neuron, 3)
    into = rng.uniform(0.2, 1.5, (5, n_hidden)) * (rng.random((5, n_hidden)) < 0.8)
    net.connect("input", "hidden", weight=into, delay=0.2)
    net.connect("hidden", "label", weight=rng.uniform(0.2, 1.5, (n_hidden, 3)))
    from eventsim.models.training.spike_learner import SpikeLearner

    return SpikeLearner(net, "label", learn=("weight",), until=10.0)


def test_spikes_of_the_trained_network_and_of_the_engine_cause_the_same_operations():
    trained = learner()
    times = np.random.default_rng(0).uniform(0, 3, (7, 5))
    labels = np.zeros(7, int)
    fast = evaluate(SpikeModel(trained, step=0.1), split_inputs(times, labels, 3, 4), n_classes=3)
    samples = [{"input": (row, np.arange(5))} for row in times]
    slow = evaluate(
        EventDrivenModel(trained.network(), 10.0, lambda sim: 0, step=0.1), [(samples, labels)], ()
    )
    assert fast["SynapticOperations"] == slow["SynapticOperations"]
    assert fast["ConnectionSparsity"] == slow["ConnectionSparsity"] > 0
    assert fast["ActivationSparsity"] == pytest.approx(slow["ActivationSparsity"], rel=1e-12)
    assert fast["ParameterCount"] == 5 * 6 + 6 * 3
    assert fast.ours["SynapticEvents"] == slow.ours["SynapticEvents"]
    assert slow.ours["QueueOperations"] > slow.ours["EventsHandled"] > 0


def split_inputs(times, labels, *sizes):
    return [({"input": x}, y) for x, y in split(times, labels, *sizes)]


@pytest.mark.parametrize("activation", ["relu", "logistic", "tanh"])
def test_rates_count_as_the_products_of_each_tick(activation):
    net = es.Network(seed=2)
    rng = np.random.default_rng(7)
    net.add("image", es.models.RateInput(), 4)
    net.add("hidden", es.models.LatentEquilibrium(10.0, 10.0, activation), 5)
    net.add("label", es.models.LatentEquilibrium(10.0, 10.0, "linear"), 2)
    weight = rng.normal(size=(4, 5))
    weight[rng.random((4, 5)) < 0.3] = 0
    net.connect("image", "hidden", weight=weight, bias=rng.normal(size=5), feedback=False)
    net.connect("hidden", "label", weight=rng.normal(size=(5, 2)), feedback=False)
    x = rng.random((3, 4)) * (rng.random((3, 4)) < 0.5)
    sim = es.Simulation(net, dt=1.0, batch=3)
    model = RateModel(sim, "image", 6, lambda rates: rates[-1].argmax(axis=1))
    results = evaluate(model, [(x, np.zeros(3, int))])
    other = es.Simulation(net, dt=1.0, batch=3)
    for name in net.populations:
        other.record(name, "rate", samples=slice(None))
    other.set_input("image", x)
    effective = zeros = 0
    for _ in range(6):
        before = {name: other.array(name) for name in net.populations}
        effective += int(((before["image"] != 0) @ (weight != 0)).sum())
        effective += int((before["hidden"] != 0).sum()) * 2
        other.run_ticks(1)
        zeros += int((other.array("hidden") == 0).sum())
    operations = results["SynapticOperations"]
    assert operations["Effective_MACs"] + operations["Effective_ACs"] == pytest.approx(effective / 3)
    assert operations["Dense"] == 6 * (4 * 5 + 5 * 2)
    counted = activation in ("relu", "logistic")
    assert results["ActivationSparsity"] == pytest.approx(zeros / (6 * 3 * 5) if counted else 0.0)
    assert results["ParameterCount"] == 4 * 5 + 5 + 5 * 2


# ------------------------------------------------------------------------------------ what is refused


class Model:
    """Predicts zeros and reports what a test wants."""

    parameters: ClassVar[dict[str, Any]] = {}
    buffers = parameters

    def __init__(self, report=lambda workload: None, predicted=(2,), connections=None):
        self.report, self.predicted = report, predicted
        self.connections = {"map": Dense(np.ones((3, 2)))} if connections is None else connections

    def infer(self, samples, workload):
        self.report(workload)
        return np.zeros(self.predicted, int)


class Inconsistent(Synapses):
    """Reports more zeros than weights."""

    def __init__(self):
        super().__init__(2, 2, [0], [1.0])
        self.n_zero = 9


@pytest.mark.parametrize(
    ("model", "batches", "message"),
    [
        (Model(), [], "the task is empty: there is no sample to measure on"),
        (Model(), [(0, np.zeros(0, int))], r"a batch needs at least one target, got shape \(0,\)"),
        (Model(), [(0, np.array([0, 5]))], "labels must lie in 0 to 1, the outputs of the model; got 5"),
        (Model(), [(0, np.array([0.5, 1]))], "labels must be whole numbers, got float64"),
        (Model(predicted=(3,)), [(0, np.zeros(2, int))], r"the shape of the targets, \(2,\), got \(3,\)"),
        (
            Model(lambda w: w.connection("nap", np.ones((1, 2, 3)))),
            [(0, np.zeros(2, int))],
            "reports inputs of 'nap', which is none of its connections: map",
        ),
        (
            Model(lambda w: w.connection("map", np.ones((1, 2, 4)))),
            [(0, np.zeros(2, int))],
            r"connection 'map' takes inputs of shape \(3,\) a sample, the model reports \(4,\)",
        ),
        (
            Model(lambda w: w.connection("map", np.ones((2, 3)))),
            [(0, np.zeros(2, int))],
            r"inputs of 'map' must have the shape \(calls, samples, units\), got shape \(2, 3\)",
        ),
        (
            Model(connections={"odd": Inconsistent()}),
            [(0, np.zeros(2, int))],
            "connection 'odd' reports 9 zeros among 4 weights",
        ),
    ],
)
def test_mistakes_are_one_clear_line(model, batches, message):
    with pytest.raises(ValueError, match=message) as told:
        evaluate(model, batches, n_classes=2)
    assert "\n" not in str(told.value)


def test_synapses_of_sources_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="sources of synapses must lie in 0 to 1, got 4"):
        Synapses(2, 2, [0, 4], 1.0)
    with pytest.raises(ValueError, match="no score is named 'F1'"):
        evaluate(Model(), [], ("F1",))

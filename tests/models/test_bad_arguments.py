"""What a new user gets wrong is told in one line of our own, in Python."""

import warnings

import numpy as np
import pytest

import eventsim as es
from eventsim.io import analysis
from eventsim.models.gradients import SpikeGradient
from eventsim.models.training import Adam, Batches, SpikeLearner, Task

M = es.models
TIMES = np.random.default_rng(1).uniform(0, 1, (20, 2))
LABELS = (TIMES[:, 0] > TIMES[:, 1]).astype(int)


def network():
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(), 2)
    net.add("cells", M.LIF(), 3)
    net.connect("in", "cells", weight=2.0, delay=1.0)
    return net


def sim(**options):
    return es.Simulation(network(), **options)


def fit(times=TIMES, labels=LABELS, settings=None, **options):
    return M.SpikingClassifier(**({"hidden": (3,), "epochs": 1} | (settings or {}))).fit(
        times, labels, **options
    )


def learner(**options):
    return SpikeLearner(network(), "cells", until=9.0, **options)


def forward(**options):
    return SpikeGradient(network()).forward(**({"inputs": {"in": [[0.1, 0.2]]}, "until": 9.0} | options))


def backward(errors):
    grad = SpikeGradient(network())
    return grad.backward(grad.forward({"in": [[0.1, 0.2]]}, 9.0), errors)


BAD = {
    "a seed that is no whole number": (lambda: es.Network(seed=1.5), "seed must be an integer"),
    "no network": (lambda: es.Simulation(None), "a simulation runs a Network, got None"),
    "a name for a network": (lambda: es.Simulation("net"), "a simulation runs a Network, got 'net'"),
    "an end as text": (lambda: sim().run("10"), "the end of a run must be a number, got '10'"),
    "no end": (lambda: sim().run(None), "the end of a run must be a number, got None"),
    "two ends": (lambda: sim().run(np.array([1.0, 2.0])), "the end of a run must be a number, got array"),
    "an end of nan": (lambda: sim().run(float("nan")), "cannot run until nan ms|must be a number, got nan"),
    "progress as text": (lambda: sim().run(1.0, progress="yes"), "must be True or False, got 'yes'"),
    "a step as text": (lambda: sim().record("cells", "v", every="1"), "every must be a number, got '1'"),
    "a step of 0": (lambda: sim().record("cells", "v", every=0), "every must be a positive time, got 0"),
    "spikes of nothing": (lambda: sim().spikes(None), "no population named None"),
    "a hook that cannot be called": (
        lambda: sim().on_spike("cells", 5),
        r"called as hook\(time, unit\), got 5",
    ),
    "a stream into a name": (
        lambda: sim().stream("a.h5"),
        "stream needs an open file, es.io.TraceFile.create",
    ),
    "autapses as text": (
        lambda: network().connect("in", "cells", autapses="no"),
        "autapses must be True or False",
    ),
    "parameters as text": (lambda: network().with_parameters("cells"), "models must be a mapping by name"),
    "a compartment alone": (
        lambda: M.MultiCompartment(M.Compartment("soma")),
        r"MultiCompartment\(\(soma,\)\)",
    ),
    "no labels": (lambda: fit(labels=None), "fit requires y to be passed, but the target y is None"),
    "labels as text": (
        lambda: fit(labels="ab"),
        "labels must be a list or an array, one class for each sample",
    ),
    "no samples": (lambda: fit(None), "spike times of 'times' must be"),
    "a number of samples": (lambda: fit(5), "input spikes of 'times' have shape"),
    "validation that is a number": (
        lambda: fit(validation=5),
        r"validation must be \(times, labels\), got 5",
    ),
    "classes that are a number": (lambda: fit(classes=5), "classes must be a list of all classes, got 5"),
    "a callback that cannot be called": (
        lambda: fit(settings={"callbacks": [5]}),
        "callbacks must be a list of call",
    ),
    "a callback alone": (lambda: fit(settings={"callbacks": print}), "callbacks must be a list of callables"),
    "early stopping as text": (
        lambda: fit(settings={"early_stopping": "no"}),
        "early_stopping must be True or False",
    ),
    "complements as text": (
        lambda: fit(settings={"complementary_inputs": "no"}),
        "must be True or False, got 'no'",
    ),
    "a loss by name": (lambda: fit(settings={"loss": "mse"}), "loss"),
    "threads as text": (lambda: fit(settings={"threads": "2"}), "threads must be a whole number"),
    "a learner of nothing": (lambda: SpikeLearner(None, "cells"), "a learner trains a Network, got None"),
    "an end of samples as text": (
        lambda: SpikeLearner(network(), "cells", until="a"),
        "until must be a number",
    ),
    "one fraction for all": (
        lambda: learner(max_missing=0.3),
        "max_missing must be a mapping of populations",
    ),
    "inputs in a list": (lambda: learner().predict([[0.1, 0.2]]), "inputs must be a mapping of sources"),
    "no inputs": (
        lambda: learner().predict(None),
        "inputs must be a mapping of sources to their spikes, got None",
    ),
    "a source of nothing": (
        lambda: learner().predict({"in": None}),
        "of 'in' must be an array or a list, got None",
    ),
    "an optimiser by name": (
        lambda: learner().step({"in": [[0.1, 0.2]]}, [0], "adam"),
        "an optimiser has update",
    ),
    "a state of nothing": (
        lambda: learner().restore({}),
        "a state of a learner has parameters, bump and bumped",
    ),
    "gradients of text": (lambda: SpikeGradient("net"), "spike gradients are of a Network, got 'net'"),
    "an until as text": (lambda: forward(until="a"), "until must be a number, got 'a'"),
    "inputs that are a number": (
        lambda: forward(inputs={"in": 5}),
        "of 'in' must be an array or a list, got 5",
    ),
    "no errors": (lambda: backward(None), "errors must be a mapping by population, got None"),
    "no forward pass": (
        lambda: SpikeGradient(network()).backward(None, {}),
        "backward needs what forward returned",
    ),
    "batches of text": (lambda: Batches("a", 5), "n_samples of batches must be a whole number"),
    "batches of 2.5": (lambda: Batches(10, 2.5), "size of batches must be a whole number"),
    "a set that is not there": (
        lambda: Task("t", 1, 2, {}).size("train"),
        "'t' has no split 'train'; known: none",
    ),
    "a learning rate as text": (lambda: Adam("a"), "learning_rate"),
    "rates of nothing": (lambda: analysis.rates(None, 2, 1.0), "a measure is of Spikes, or of what"),
    "bins of text": (lambda: analysis.bin_edges("a", 1.0), "duration of bins must be a number, got 'a'"),
}
FOREIGN = (
    "object has no attribute",
    "not subscriptable",
    "not iterable",
    "has no len",
    "not supported between",
)


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_is_told_in_one_line_of_our_own(mistake):
    make, message = BAD[mistake]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            (TypeError, ValueError, LookupError, es.errors.ConfigError), match=message
        ) as told:
            make()
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300
    assert not any(words in str(told.value) for words in FOREIGN)

"""A name that does not exist is answered with those that do, wherever something is looked up by name."""

import copy
import pickle

import numpy as np
import pytest

import eventsim as es
from eventsim.models import LIF, SpikeSource
from eventsim.models.gradients import SpikeGradient
from eventsim.named import Named, NamedList


@pytest.fixture(scope="module")
def net():
    net = es.Network(seed=1)
    net.add("input", SpikeSource(), 2)
    net.add("exc", LIF(tau_mem=10.0), 2)
    net.add("inh", LIF(), 1)
    net.connect("input", "exc", weight=1.0, delay=1.0)
    net.connect("exc", "inh", weight=1.0, delay=1.0)
    return net


@pytest.fixture(scope="module")
def trace(net, tmp_path_factory):
    sim = es.Simulation(net)
    sim.record("exc", "v", every=1.0)
    sim.run(10.0)
    path = tmp_path_factory.mktemp("named") / "run.h5"
    es.io.save(sim, path)
    trace = es.io.load(path)
    trace.parameters["weight/exc->inh"] = np.ones(2)
    trace.metrics = {"test_accuracy": 0.9}
    return trace


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda t: t.spikes["ex"], "'ex' in trace.spikes; known: 'input', 'exc', 'inh'; did you mean 'exc'?"),
        (lambda t: t.spikes[0], "no spikes of 0 in trace.spikes; known: 'input', 'exc', 'inh'"),
        (lambda t: t.sizes["e"], "no population 'e' in trace.sizes"),
        (lambda t: t.samples["exc", "u"], "no samples of 'exc', 'u' in trace.samples; known: 'exc', 'v'"),
        (lambda t: t.samples["exc"], "trace.samples[...] takes 2 names, got 'exc'; known: 'exc', 'v'"),
        (lambda t: t.parameters["weight/exc->in"], "did you mean 'weight/exc->inh'?"),
        (lambda t: t.training["loss"], "no series 'loss' in trace.training; known: none"),
        (lambda t: t.metrics["accuracy"], "known: 'test_accuracy'; did you mean 'test_accuracy'?"),
        (lambda t: t.provenance["sed"], "did you mean 'seed'?"),
        (lambda t: t.network().populations["exec"], "no population 'exec' in net.populations"),
        (lambda t: t.network().projections["exc-inh"], "did you mean 'exc->inh'?"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_exist_is_answered_with_those_that_do(trace, look, words):
    with pytest.raises(es.UnknownPart) as error:
        look(trace)
    assert isinstance(error.value, KeyError)
    assert words in str(error.value)


def test_parameters_of_gradients_say_which_there_are(net):
    with pytest.raises(es.UnknownPart, match=r"'weight/exc' in parameters; known: .*did you mean"):
        SpikeGradient(net).parameters["weight/exc"]


def test_round_brackets_are_answered_with_square_ones(trace):
    with pytest.raises(TypeError, match=r"write trace.spikes\['exc'\]"):
        trace.spikes("exc")
    with pytest.raises(TypeError, match=r"write trace.samples\['exc', 'v'\]"):
        trace.samples("exc", "v")


def test_projections_are_found_by_place_and_by_name(net):
    assert net.projections["exc->inh"] is net.projections[1]
    assert net.projections[:1] == [net.projections[0]]


def test_a_changed_network_leaves_the_first_as_it_is(net):
    other = net.with_parameters({"exc": {"tau_mem": 20.0}}, projections={"exc->inh": {"weight": 2.0}})
    assert net.populations["exc"].model.tau_mem == 10.0
    assert (net.projections[1].weight, other.projections["exc->inh"].weight) == (1.0, 2.0)
    with pytest.raises(es.UnknownPart, match="known"):
        other.populations["e"]


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_say_it_too(way):
    names = way(Named("population", "net.populations", {"a": 1}))
    assert names == {"a": 1}
    with pytest.raises(es.UnknownPart, match=r"no population 'b' in net\.populations; known: 'a'"):
        names["b"]
    assert way(NamedList("projection", "net.projections", [1])) == [1]


def test_what_is_not_there_can_still_be_asked_for(trace):
    assert trace.spikes.get("e") is None
    assert "e" not in trace.spikes
    assert trace.metrics.setdefault("loss", 1.0) == 1.0

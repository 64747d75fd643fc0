"""Names of other simulators, or misspelt ones, are answered with the name that the thing has here."""

import copy
import inspect
import pickle
import re

import pytest

import eventsim as es
from eventsim.foreign_names import AT, SYNONYMS, THINGS, advice, plain, synonyms
from eventsim.hints import arguments_of
from eventsim.io import config
from eventsim.registry import parts


def network():
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=80.0), 4)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 3)
    net.connect("input", "cells", weight=0.05, delay=1.0)
    return net


def simulation():
    sim = es.Simulation(network())
    sim.run(20.0)
    return sim


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("es.models.iaf_psc_exp", "here it is es.models.LIF"),
        ("es.models.SpikeSourceArray", "here it is es.models.SpikeSource"),
        ("es.models.NeuronGroup", "here it is es.models.CustomNeuron"),
        ("es.models.PairSTDP", "it is es.models.plasticity.PairSTDP"),
        ("es.models.LFI", "did you mean 'LIF'?"),
        ("es.SpikingClassifier", "it is es.models.SpikingClassifier"),
        ("es.Create", "net.add(name, model, n)"),
        ("es.load", "it is es.io.load"),
        ("es.ms", "plain number"),
        ("es.io.datasets.MNIST", "did you mean 'mnist'?"),
        ("es.analysis.firing_rate", "es.analysis.rates"),
        ("es.connect.pairwise_bernoulli", "es.connect.fixed_probability"),
        ("es.models.LIF(tau_m=10.0)", "LIF has no argument 'tau_m'; did you mean 'tau_mem'?"),
        ("es.models.LIF(E_L=-65.0)", "did you mean 'v_leak'?"),
        ("es.models.LIF(beta=0.9)", "exp(-step / tau_mem)"),
        ("es.models.LIF(nonsense=1)", "known: tau_mem, tau_syn, c_mem"),
        ("es.models.plasticity.PairSTDP(Wmax=1.0)", "did you mean 'w_max'?"),
        ("es.models.SpikingClassifier(n_hidden=3)", "did you mean 'hidden'?"),
        ("es.connect.fixed_probability(0.1, allow_self_connections=False)", "autapses=False"),
        ("es.connect.fixed_indegree(indegree=3)", "did you mean 'k'?"),
        ("es.connect.normal(mu=0.0, sigma=1.0)", "did you mean 'mean'?"),
        ("es.Network(rng_seed=1)", "did you mean 'seed'?"),
        ("es.Network(dt=0.1)", "es.Simulation(net, dt=...)"),
        ("net.add('x', es.models.LIF(), size=3)", "Network.add has no argument 'size'; did you mean 'n'?"),
        ("net.add('x', 'iaf_psc_exp', 3)", "'iaf_psc_exp' is es.models.LIF"),
        ("net.add('cells', es.models.LIF(), 3)", "net.remove('cells') first"),
        ("net.add(es.models.LIF(), 3)", "Network.add(name, model, n, record_spikes): missing"),
        ("net.connect('input', 'cells', weights=0.1)", "did you mean 'weight'?"),
        ("net.connect('input', 'cells', 'one_to_one')", "es.connect.one_to_one()"),
        ("net.connect('input', 'cells', p=0.1)", "es.connect.fixed_probability(p) as the rule"),
        ("net.connect('input', 'cells', plasticity=rule)", "net.add_plasticity(projection, rule)"),
        ("net.connect('input', 'cells', rule)", "net.add_plasticity takes it"),
        ("net.connect('input', 'cells', nothing=1)", "known: pre, post, rule"),
        ("net.add_plasticity(rule, 'input->cells')", "the rule last"),
        ("net.add_plasticity('input->cells', type(rule))", "write PairSTDP(...)"),
        ("net.run(10.0)", "a method of a simulation"),
        ("net['cells'].v_th", "the model's"),
        ("es.Simulation(net, seed=3)", "es.Network(seed=...)"),
        ("sim.simulate(10.0)", "sim.run(until) or sim.run_for(duration)"),
        ("sim.run(duration=10.0)", "did you mean 'until'?"),
        ("sim.record('cells', 'V_m', every=0.1)", "did you mean 'v'?"),
        ("sim.record('cells', 'v', dt=0.1)", "Simulation.record has no argument 'dt'; did you mean 'every'?"),
        ("sim.record('cells', ['v', 'i_syn'])", "one variable at a time"),
        ("sim.record('cells', 'spikes')", "sim.spikes('cells')"),
        ("sim.set('cells', I_e=1.0)", "did you mean 'i_ext'?"),
        ("sim.set('cells', {'i_ext': 1.0})", "Simulation.set(population, units, **"),
        ("sim.weights('input', 'cells')", "Simulation.weights(projection): takes 2"),
        ("sim.set_weight('input->cells', 1.0)", "sim.set_weights(projection, weight)"),
        ("sim.schedule(30.0, print)", "sim.at(time, function)"),
        ("sim.time", "here it is sim.now"),
        ("sim.silence('cells', [0])", "sim.set(population, v_th=float('inf'), units=[...])"),
        ("sim.spikes('cells').senders", "did you mean 'units'?"),
        ("sim.spikes('cells').t", "did you mean 'times'?"),
        ("es.io.load('x.h5', population='cells')", "load has no argument 'population'; did you mean"),
        ("es.io.datasets.yin_yang(n_samples=5)", "did you mean 'size'?"),
        ("es.sweep('delgrad', {}, 'x', n_jobs=2)", "did you mean 'jobs'?"),
        ("es.sweep('delgrad', seed=range(3))", "a key of the second argument"),
        ("es.analysis.population_rate(sim.spikes('cells'), bin_size=1.0)", "did you mean 'width'?"),
        ("es.io.plots.raster(sim.spikes('cells'), color='red')", "did you mean 'colour'?"),
        ("es.models.SpikingClassifier(seed=1)", "did you mean 'random_state'?"),
        ("es.Simulation(net, n_threads=2)", "one thread a simulation"),
        ("es.hardware.WeightQuantization(bits=6)", "step, such as"),
        ("sim.peek", "schedule='ordered').engine"),
        ("es.trace.Trace().trace", "trace.samples[population, variable]"),
        ("es.trace.Trace().weights", "trace.parameters['weight/PRE->POST']"),
        ("es.analysis.time_histogram", "es.analysis.psth"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_answered_with_the_right_one_in_one_line(words, says):
    names = {"es": es, "net": network(), "sim": simulation(), "rule": es.models.plasticity.PairSTDP()}
    with pytest.raises((AttributeError, TypeError, ValueError, KeyError)) as caught:
        eval(words, names)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_everything_that_is_advised_exists():
    table = {ours for each in [THINGS, *AT.values()] for ours in each}
    names = {"es": es, "net": network(), "sim": simulation()}
    found = 0
    for text in table:
        for words in re.findall(r"\b(?:es|net|sim)(?:\.\w+)+", text):
            eval(words, names)
            found += 1
    assert found > 80
    assert [place for place in AT if place[0] == "e" and place != "eventsim" and not eval(
        place.replace("eventsim", "es"), names)] == []  # fmt: skip


def test_synonyms_lead_to_arguments_and_variables_that_exist():
    kinds = [kind for which in ("neuron", "plasticity", "hardware") for kind in parts(which).values()]
    ours = {name for kind in kinds for name in arguments_of(kind.__init__)}
    ours |= set(es.models.LIF().variables)
    ours |= {key for kind in parts("scenario").values() for key in config.keys(kind)}
    for thing in (es.Network, es.Simulation, es.models.SpikingClassifier, es.trace.Spikes, es.connect.normal,
                  es.connect.lognormal, es.connect.fixed_indegree, es.models.training.Trainer):  # fmt: skip
        for _, each in [("", thing.__init__), *inspect.getmembers(thing, inspect.isfunction)]:
            ours |= set(inspect.signature(each).parameters)
    for each in (es.sweep, es.io.load, es.io.datasets.yin_yang, es.io.plots.raster, es.io.export.to_csv,
                 es.analysis.select, es.analysis.population_rate):  # fmt: skip
        ours |= set(inspect.signature(each).parameters)
    assert set(SYNONYMS) - ours == set()


def test_our_own_spelling_comes_before_that_of_others():
    assert synonyms("V_TH", ["tau_mem", "v_th"]) == ["v_th"]
    assert synonyms("tau", ["v_th"]) == []
    assert plain("iaf-psc_Exp") == "iafpscexp"
    assert advice("Simulation", "nothing like it") is None


def test_errors_from_inside_a_method_stay_what_they_are():
    sim = simulation()

    def wrong(sim):
        raise TypeError("run() got an unexpected keyword argument 'x'")

    sim.at(25.0, wrong)
    with pytest.raises(TypeError, match=r"^run\(\) got an unexpected keyword argument 'x'$"):
        sim.run(30.0)


def test_a_property_that_fails_says_why():
    from eventsim.hints import named_for_users

    @named_for_users()
    class Thing:
        @property
        def fails(self):
            return None.missing

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'"):
        _ = Thing().fails
    assert not hasattr(Thing(), "else_where")


def test_objects_are_copied_and_pickled_as_before():
    sim = simulation()
    for twin in (copy.deepcopy(sim), pickle.loads(pickle.dumps(sim))):
        twin.run(40.0)
        assert len(twin.spikes("cells")) >= len(sim.spikes("cells"))
    spikes = pickle.loads(pickle.dumps(sim.spikes("cells")))
    assert (spikes.times == sim.spikes("cells").times).all()
    assert str(inspect.signature(es.Simulation.run)).startswith("(self, until: 'float'")

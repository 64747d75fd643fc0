"""What every registered part must do: say what it is, build, repeat under a seed, survive an empty input."""

import inspect
import re
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

import eventsim as es
from eventsim import registry
from eventsim.scenarios.parameters import keys, summary

PARTS = [(kind, name) for kind in registry.KINDS for name in registry.parts(kind)]
CONTINUOUS = [
    name for name, part in registry.parts("neuron").items() if getattr(part, "is_continuous", False)
]
SPIKING = [(name, part) for name, part in registry.parts("neuron").items() if name not in CONTINUOUS]
NEURONS = [name for name, part in SPIKING if not getattr(part, "is_source", False)]
SOURCES = [name for name, part in SPIKING if getattr(part, "is_source", False)]
SCENARIOS = list(registry.parts("scenario"))
CIRCUITS = [name for name, part in registry.parts("hardware").items() if getattr(part, "runs_layers", False)]
HARDWARE = [name for name in registry.parts("hardware") if name not in CIRCUITS]

QUICK = {  # settings with which a scenario ends in a second or two
    "balanced-network": {"duration": 50.0},
    "delgrad": {"epochs": 1, "n_hidden": 8, "test_samples_recorded": 2},
    "elise": {"pattern": "short", "latent": 8, "cycles": 60, "replay_cycles": 10},
    "fast-and-deep": {"epochs": 1, "n_hidden": 20, "test_samples_recorded": 2},
    "generalized-latent-equilibrium": {
        "task": "lag-net",
        "dt": 0.01,
        "gamma": 1e-3,
        "rate": 0.02,
        "ticks": 10_000,
    },
    "latent-equilibrium": {
        "task": "digits",
        "hidden": (10,),
        "dt": 0.1,
        "ticks": 10,
        "batch": 32,
        "rate": 2.0,
        "weight_std": 0.0,
        "epochs": 2,
    },
    "mgrade": {"n_channels": 4, "train_samples": 96, "epochs": 1},
    "minimalist": {"hidden": (8,), "train_samples": 96, "test_samples": 20, "epochs": 1},
    "nonlinear-dendrites": {"task": "network", "neurons": 30, "duration": 200.0, "rate": 40.0},
    "neurobench": {
        "repetitions": 1,
        "network_repetitions": 1,
        "models": ("esn", "lif", "gle"),
        "reservoir": 20,
        "n_units": 6,
        "epochs": 3,
        "refining_steps": 2,
        "spiking_units": 6,
        "spiking_epochs": 3,
    },
    "noracl": {"static_widths": (12,), "epochs": 2, "first_epochs": 2, "tasks": 2},
    "quantized-ssm": {"n_heads": 4, "n_states": 4, "train_samples": 96, "epochs": 1, "qat_epochs": 1},
    "phaseless-alignment": {"hidden": (6, 5), "samples": 10, "epochs": 3},
    "robustness": {"imperfections": ("jitter",), "networks": 1, "n_hidden": 10, "epochs": 1},
    "spoken-digits": {
        "dataset": "sweeps",
        "n_hidden": 8,
        "group": 35,
        "epochs": 1,
        "test_samples_recorded": 1,
    },
    "temporal-hierarchy": {"train_samples": 256, "test_samples": 64, "batch": 64, "epochs": 2},
    "yin-yang": {"epochs": 1, "runs": 2},
}
EMPTY = {  # settings with nothing to do
    "balanced-network": {"duration": 0.0},
    "delgrad": {"epochs": 0, "n_hidden": 5, "test_samples_recorded": 0},
    "elise": {"pattern": "short", "latent": 20, "cycles": 1, "replay_cycles": 8, "cycles_recorded": 0},
    "fast-and-deep": {"epochs": 0, "n_hidden": 5, "test_samples_recorded": 0},
    "generalized-latent-equilibrium": {
        "task": "surrogate",
        "layers": 1,
        "fast": 2,
        "slow": 2,
        "ticks": 5,
        "epochs": 0,
    },
    "latent-equilibrium": {
        "task": "digits",
        "hidden": (10,),
        "dt": 0.1,
        "ticks": 10,
        "batch": 32,
        "rate": 2.0,
        "weight_std": 0.0,
        "epochs": 0,
    },
    "mgrade": {"n_channels": 2, "train_samples": 32, "epochs": 0, "streamed": 0},
    "minimalist": {"hidden": (4,), "train_samples": 32, "test_samples": 10, "epochs": 0},
    "nonlinear-dendrites": {"task": "network", "neurons": 3, "duration": 0.0},
    "neurobench": {
        "repetitions": 1,
        "network_repetitions": 1,
        "models": ("lif",),
        "n_units": 3,
        "epochs": 0,
        "refining_steps": 0,
        "spiking_units": 3,
        "spiking_epochs": 0,
    },
    "noracl": {"epochs": 0, "first_epochs": 0, "tasks": 2},
    "quantized-ssm": {"n_heads": 2, "n_states": 2, "train_samples": 32, "epochs": 0, "qat_epochs": 0},
    "phaseless-alignment": {"hidden": (6, 5), "samples": 10, "epochs": 0},
    "robustness": {"imperfections": ("latency",), "networks": 1, "n_hidden": 5, "epochs": 0},
    "spoken-digits": {
        "dataset": "sweeps",
        "n_hidden": 8,
        "group": 35,
        "epochs": 0,
        "test_samples_recorded": 0,
    },
    "temporal-hierarchy": {"train_samples": 64, "test_samples": 32, "epochs": 0, "samples_recorded": 0},
    "yin-yang": {"epochs": 0, "runs": 1},
}
NEEDS = {
    "adex": {"c_mem": 2.0, "g_leak": 0.1, "v_t": -69.0, "a": 0.0, "b": 0.5},
    "clopath-adex": {"v_t": -67.0, "delta_t": 0.5},
    "egru": {"tau_mem": 1.0, "v_th": 0.2},
    "exponential-if": {"c_mem": 2.0, "g_leak": 0.1, "v_t": -69.0},
    "izhikevich": {"a": 0.02, "tau_syn": 20.0, "v_init": -64.0, "u_init": -14.0},
    "lif-conductance": {"c_mem": 2.0, "g_leak": 0.1},
    "quadratic-if": {"c_mem": 1.0, "k": 0.05},
    "qif": {"c_mem": 0.1},
    "multi-compartment": {  # with as little capacitance as the weights of these tests are small
        "compartments": (
            es.models.Compartment(
                "soma",
                1.0,
                0.1,
                v_th=-69.0,
                event=es.models.ThresholdEvent((es.models.Clamp(-70.0, 1.0, 2.0),)),
            ),
        ),
        "couplings": (),
    },
    "bursts": {"period": 20.0},
    "gamma": {"rate": 500.0},
    "poisson": {"rate": 500.0},
    "poisson-function": {"rate": lambda times: 500.0, "max_rate": 500.0},
    "poisson-rates": {"times": [0.0, 2.0], "rates": [500.0, 100.0]},
    "refractory-poisson": {"rate": 200.0},
    "regular": {"period": 1.5},
    "spike-source": {"times": [1.0, 2.5]},
}


def made(kind, name):
    """Return a part with its defaults, or the least that it asks for."""
    return registry.find(kind, name)(**NEEDS.get(name, {}))


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_part_says_what_it_is(kind, name):
    part = registry.find(kind, name)
    line = summary(part)
    assert len(line) > 15
    assert line[0].isupper()
    assert line.endswith(".")
    assert not line.startswith(part.__name__ + "(")  # what dataclasses write when nobody else does


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_names_are_lower_case_words(kind, name):
    assert re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", name)


@pytest.mark.parametrize(("kind", "name"), [p for p in PARTS if p[0] in ("neuron", "hardware", "scenario")])
def test_a_part_is_a_frozen_dataclass(kind, name):
    part = registry.find(kind, name)
    assert is_dataclass(part)
    assert part.__dataclass_params__.frozen


@pytest.mark.parametrize(("kind", "name"), [p for p in PARTS if p[0] != "scenario"])
def test_every_parameter_is_documented(kind, name):
    part = registry.find(kind, name)
    text = inspect.getdoc(part) or ""
    parameters = [p for p in inspect.signature(part).parameters if p not in ("args", "kwargs")]
    if "as in `LIF`" in text:
        text += inspect.getdoc(es.models.LIF) or ""
    undocumented = [p for p in parameters if not re.search(rf"\b{p}\b", text)]
    assert not undocumented


def spikes_of(neuron, seed, times):
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(times=times, units=[0] * len(times)), 1)
    net.add("cells", neuron, 4)
    net.connect("input", "cells", weight=np.linspace(1.0, 4.0, 4)[None, :], delay=0.5)
    net.connect("cells", "cells", es.connect.fixed_probability(0.5), weight=1.0, delay=1.0)
    sim = es.Simulation(net)
    sim.run(20.0)
    return sim.spikes("cells")


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_builds_and_repeats_under_a_seed(name):
    one, other = (spikes_of(made("neuron", name), 3, [0.5, 1.0, 1.5, 4.0]) for _ in range(2))
    assert len(one) > 0
    np.testing.assert_array_equal(one.times, other.times)
    np.testing.assert_array_equal(one.units, other.units)


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_without_input_is_silent(name):
    assert len(spikes_of(made("neuron", name), 3, [])) == 0


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_repeats_under_a_seed_and_spikes_in_order(name):
    def run(seed):
        net = es.Network(seed=seed)
        net.add("source", made("neuron", name), 1)
        sim = es.Simulation(net)
        sim.run(50.0)
        return sim.spikes("source").times

    assert len(run(3)) > 0
    np.testing.assert_array_equal(run(3), run(3))
    assert (np.diff(run(3)) >= 0).all()


def engine_of(kind, name):
    """Return a simulation that a part belongs to, with its engine."""
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=[0.5]), 1)
    options, hardware = {}, None
    if kind == "hardware":
        net.add("cells", es.models.LIF(), 3)
        hardware = made(kind, name)
    elif name in CONTINUOUS:
        net.add("cells", made(kind, name), 3)
        options["dt"] = 0.1
    elif kind == "plasticity" and name == "plasticity-kernel":
        net.add("cells", es.models.LIF(), 3)
    else:
        net.add("cells", made(kind, name), 3 if name in NEURONS else 1)
    if not getattr(net.populations["cells"].model, "is_source", False):
        synapses = net.connect("input", "cells", weight=1.0)
        if kind == "plasticity":
            net.add_plasticity(
                synapses, es.models.plasticity.PlasticityKernel(lambda rows: None, 5.0, 8.0, 15.0)
            )
    return es.Simulation(net, hardware, "ordered", **options)


RECEIVERS = [
    p
    for p in PARTS
    if p[0] == "neuron" or (p[0] == "hardware" and p[1] in HARDWARE) or p[1] == "plasticity-kernel"
]


@pytest.mark.parametrize(("kind", "name"), RECEIVERS)
def test_events_that_a_part_cannot_take_are_refused_at_the_door(kind, name):
    """A wrong unit or value from outside reaches no array: not in a population, nor in any other handler."""
    sim = engine_of(kind, name)
    engine, cells = sim.engine, sim.handler("cells")
    sim.run(1.0)
    before = engine.pending
    handlers = [each for each in engine.handlers if not isinstance(each, es.PythonHandler)]
    assert cells in handlers
    for handler in handlers:
        for unit in (-(2**31), -7, -2, 1 << 16, 200_000_000, 2**31 - 1):
            if handler.unit_range() is None:
                continue
            with pytest.raises((ValueError, TypeError)) as refused:
                engine.schedule(2.0, handler, unit=unit, value=0.1)
            assert "\n" not in str(refused.value)
            with pytest.raises((ValueError, TypeError)):
                engine.every(1.0, handler, unit=unit, value=0.1)
        for value in (float("nan"), float("inf"), -float("inf")):
            if handler.unit_range() is None:
                continue
            with pytest.raises((ValueError, TypeError)) as refused:
                engine.schedule(2.0, handler, value=value)
            assert "\n" not in str(refused.value)
    for unit in (1.5, "0", None, [0], 2**40):
        with pytest.raises((TypeError, OverflowError, ValueError)):
            engine.schedule(2.0, cells, unit=unit)
    assert engine.pending == before
    sim.run(3.0)


def run_on(target, times, trial=0):
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=times, units=[0] * len(times)), 1)
    net.add("cells", es.models.LIF(), 3)
    net.connect("input", "cells", weight=1.9)
    sim = es.Simulation(net, hardware=target, trial=trial)
    sim.run(20.0)
    return sim.spikes("cells")


@pytest.mark.parametrize("name", HARDWARE)
def test_hardware_repeats_under_its_seeds_and_takes_an_empty_spike_train(name):
    one, other = (run_on(made("hardware", name), [0.5, 0.6, 0.7, 0.8, 4.0, 4.1, 4.2]) for _ in range(2))
    assert len(one) > 0
    np.testing.assert_array_equal(one.times, other.times)
    np.testing.assert_array_equal(one.units, other.units)
    assert len(run_on(made("hardware", name), [])) == 0


@pytest.mark.parametrize("name", HARDWARE)
def test_hardware_leaves_the_network_it_is_given_as_it_is(name):
    net = es.Network(seed=1)
    net.add("cells", es.models.LIF(), 3)
    model = net.populations["cells"].model
    made_of_it = made("hardware", name).transform(net)
    assert made_of_it.populations.keys() == net.populations.keys()
    assert net.populations["cells"].model is model


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_circuit_that_runs_layers_refuses_a_network_of_neurons_in_one_line(name):
    with pytest.raises(es.ConfigError, match="runs layers") as refused:
        run_on(made("hardware", name), [0.5])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_names_its_paper_and_explains_every_key(name):
    part = registry.find("scenario", name)
    assert re.search(r"\b(19|20)\d\d\b", part.paper)
    for key in keys(part):
        assert key.meaning, f"{name}.{key.name} says nothing"
    assert [key.name for key in keys(part)] == [each.name for each in fields(part)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_presets_of_a_scenario_are_valid(name):
    part = registry.find("scenario", name)
    assert "quick" in part.presets
    for preset in part.presets.values():
        es.io.config.make(part, preset)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_survives_its_configuration_as_toml(name):
    part = registry.find("scenario", name)
    for preset in part.presets.values():
        one = es.io.config.make(part, preset)
        values, _ = es.io.config.from_toml(es.io.config.to_toml(one))
        assert es.io.config.make(part, values) == one


def carried_out(name, path, values, seed=5, threads=1):
    from eventsim.scenarios.running import Request, execute

    execute(Request(name=name, values=values, output=path, seed=seed, threads=threads, quiet=True))
    return es.io.load(path)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_repeats_under_a_seed_on_any_number_of_threads(name, tmp_path):
    one = carried_out(name, tmp_path / "a.h5", QUICK[name])
    other = carried_out(name, tmp_path / "b.h5", QUICK[name], threads=3)
    assert one.metrics == other.metrics
    for room in ("parameters", "training"):
        for key, value in getattr(one, room).items():
            np.testing.assert_array_equal(value, getattr(other, room)[key], err_msg=key)
    for key, spikes in one.spikes.items():
        np.testing.assert_array_equal(spikes.times, other.spikes[key].times)
        np.testing.assert_array_equal(spikes.units, other.spikes[key].units)
    another = carried_out(name, tmp_path / "c.h5", QUICK[name], seed=6)
    assert one.metrics != another.metrics


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_with_nothing_to_do_ends_well(name, tmp_path):
    trace = carried_out(name, tmp_path / "a.h5", EMPTY[name])
    assert trace.metrics
    assert es.io.hdf5.is_complete(tmp_path / "a.h5")

"""A saved file holds the network, and the network it builds again gives the same bits."""

import os

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, FileFormatError
from eventsim.network import declaration
from eventsim.network.fingerprint import fingerprint
from eventsim.registry import parts
from reference.random_networks import random_case


def saved(net: es.Network, path, until: float = 50.0, **how) -> es.Simulation:
    """Run a network, write its file, and return the simulation."""
    sim = es.Simulation(net)
    sim.run(until)
    sim.save(path, **how)
    return sim


def test_random_networks_come_back_with_the_same_fingerprint_and_the_same_spikes(tmp_path):
    fired = 0
    for seed in range(40):
        case = random_case(seed)
        path = tmp_path / f"{seed}.h5"
        spikes = []
        for net in (case.net, None):
            again = net or es.io.load(path).network()
            sim = es.Simulation(again)
            times, units = (np.concatenate(each) for each in zip(*case.inputs, strict=True))
            sim.stimulate("input", times, units)
            sim.run(case.until)
            if net is not None:
                sim.save(path)
            assert fingerprint(again) == fingerprint(case.net)
            spikes.append([sim.spikes(name) for name in again.populations])
        for one, other in zip(*spikes, strict=True):
            assert np.array_equal(one.times, other.times)
            assert np.array_equal(one.units, other.units)
        fired += sum(map(len, spikes[0][1:]))
    assert fired > 500


def everything() -> es.Network:
    """Return a network with every kind of rule, value and model that a file can hold."""
    connect = es.connect
    net = es.Network(seed=2**63 + 3)
    net.add("poisson", es.models.Poisson(rate=np.linspace(100.0, 300.0, 12)), 12, record_spikes=False)
    net.add("lists", es.models.SpikeSource(times=[[1.0, 2.5], np.array([3.0]), []]), 3)
    net.add("long", es.models.SpikeSource(times=(0.1 * np.arange(40.0)).tolist()), 1)
    net.add("steps", es.models.PoissonRates(times=(0.0, 20.0), rates=[50.0, 400.0]), 12)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=np.linspace(2.0, 5.0, 12), v_th=0.5, t_ref=2), 12)
    net.add("readout", es.models.LIF(v_th=np.inf), 2)
    net.add("jumps", es.models.LIFDelta(tau_mem=20.0, i_ext=0.06), 12)
    net.add("dendrites", es.models.MultiCompartment(), 2)
    net.add("adex", es.models.AdEx(), 2)
    net.connect("poisson", "cells", connect.one_to_one(), weight=0.4, delay=0.5)
    net.connect("lists", "cells", [(0, 3, 0.5, 1.0), (2, 4, -0.25, 0.1)])
    net.connect("long", "jumps", weight=connect.uniform(0.1, 0.3), delay=1 / 3)
    net.connect("steps", "jumps", connect.fixed_indegree(3), weight=connect.normal(0.3, 0.1, low=0.0))
    net.connect("cells", "cells", connect.fixed_probability(0.4), weight=-0.1, delay=1.5, autapses=False)
    net.connect("cells", "jumps", connect.fixed_outdegree(2), multapses=False, delay=connect.exponential(2.0))
    net.connect("cells", "readout", weight=np.random.default_rng(1).normal(size=(12, 2)))
    net.connect("cells", "dendrites", weight=300.0, receptor="dendrite")
    net.connect(
        "jumps", "adex", weight=connect.lognormal(1.0, 0.1), delay=connect.axonal(np.arange(1.0, 13.0))
    )
    net.add_plasticity("cells->jumps", es.models.plasticity.PairSTDP(w_max=2.0))
    return net


def test_rules_models_and_plasticity_of_every_kind_come_back(tmp_path):
    net = everything()
    sim = saved(net, tmp_path / "run.h5", 60.0)
    again = es.io.load(tmp_path / "run.h5").network()
    assert fingerprint(again) == fingerprint(net)
    assert again.describe() == net.describe()
    other = es.Simulation(again)
    other.run(60.0)
    for name in ("cells", "jumps", "dendrites", "adex"):
        assert np.array_equal(sim.spikes(name).times, other.spikes(name).times), name
    assert np.array_equal(sim.weights("cells->jumps")[2], other.weights("cells->jumps")[2])
    assert len(sim.spikes("jumps")) > 20


def test_a_network_of_rates_comes_back(tmp_path):
    rng = np.random.default_rng(3)
    net = es.Network(seed=1)
    net.add("input", es.models.RateInput(), 9)
    net.add("hidden", es.models.LatentEquilibrium(), 4)
    net.add("out", es.models.LatentEquilibrium(), 2)
    kernels = rng.normal(size=(1, 1, 2, 2))
    net.connect("input", "hidden", es.connect.convolution(kernels, shape=(1, 3, 3)), bias=0.1)
    net.connect(
        "hidden", "out", weight=rng.normal(size=(4, 2)), bias=np.ones(2), feedback=rng.normal(size=(2, 4))
    )
    sim = es.Simulation(net, dt=0.1)
    sim.save(tmp_path / "run.h5")
    assert fingerprint(es.io.load(tmp_path / "run.h5").network()) == fingerprint(net)


def test_every_registered_neuron_that_stands_alone_comes_back(tmp_path):
    made = 0
    for name, kind in parts("neuron").items():
        if not kind.__module__.startswith("eventsim."):
            continue
        net = es.Network()
        try:
            net.add("cells", kind(), 3)
        except TypeError:  # it has parameters without a default
            continue
        plain = declaration.declaration_of(net)
        assert fingerprint(declaration.network_of(plain)) == fingerprint(net), name
        made += 1
    assert made >= 10


def test_a_rule_stays_a_rule_so_that_the_file_stays_small(tmp_path):
    net = es.Network(seed=4)
    net.add("a", es.models.LIF(), 5000)
    net.connect("a", "a", es.connect.fixed_probability(0.1), weight=es.connect.normal(1.0, 0.1))  # 2.5e6
    es.io.save(es.trace.Trace(sizes={"a": 5000}), tmp_path / "without.h5")
    trace = es.trace.Trace(sizes={"a": 5000}, declaration=declaration.declaration_of(net))
    es.io.save(trace, tmp_path / "with.h5")
    sizes = [os.path.getsize(tmp_path / name) for name in ("with.h5", "without.h5")]
    assert sizes[0] - sizes[1] < 20_000


def test_large_weights_are_stored_when_asked_for(tmp_path):
    net = es.Network(seed=4)
    net.add("a", es.models.LIF(i_ext=2.0), 400)
    net.connect("a", "a", weight=np.random.default_rng(1).normal(size=(400, 400)), delay=1.0)
    sim = es.Simulation(net)
    sim.run(1.0)
    sim.save(tmp_path / "small.h5")
    sim.save(tmp_path / "all.h5", network=True)
    sim.save(tmp_path / "none.h5", network=False)
    assert os.path.getsize(tmp_path / "small.h5") < 200_000
    with pytest.raises(ConfigError, match=r"holds no network: it takes 1\.3 MB; save it with network=True"):
        es.io.load(tmp_path / "small.h5").network()
    with pytest.raises(ConfigError, match="it was saved with network=False"):
        es.io.load(tmp_path / "none.h5").network()
    assert fingerprint(es.io.load(tmp_path / "all.h5").network()) == fingerprint(net)


def test_a_network_on_hardware_is_stored_as_it_was_given(tmp_path):
    net = es.Network(seed=4)
    net.add("in", es.models.Regular(period=2.0), 3)
    net.add("cells", es.models.LIF(), 5)
    net.connect("in", "cells", weight=3.0, delay=2.0)
    sim = es.Simulation(net, hardware="brainscales2")
    sim.run(20.0)
    sim.save(tmp_path / "run.h5")
    trace = es.io.load(tmp_path / "run.h5")
    assert fingerprint(trace.network()) == fingerprint(net) != fingerprint(sim.net)
    assert "BrainScaleS2" in trace.provenance["hardware"]


def test_a_streamed_file_holds_the_network_too(tmp_path):
    net = everything()
    sim = es.Simulation(net)
    with es.io.TraceFile.create(tmp_path / "run.h5") as file:
        sim.stream(file)
        sim.run(5.0)
    assert fingerprint(es.io.load(tmp_path / "run.h5").network()) == fingerprint(net)


def test_what_has_no_plain_values_is_refused_by_name(tmp_path):
    net = es.Network()
    net.add(
        "own",
        es.models.CustomNeuron(
            state={"v": 0.0}, f=lambda t, x, p: [1.0], g=lambda x, p: x.v - 1.0, reset=lambda x, p: [0.0]
        ),
        1,
    )
    sim = es.Simulation(net)
    sim.run(2.0)
    with pytest.raises(ConfigError, match=r"f of the model of 'own' is a function"):
        sim.save(tmp_path / "run.h5", network=True)
    sim.save(tmp_path / "run.h5")  # what was recorded is kept all the same
    trace = es.io.load(tmp_path / "run.h5")
    assert len(trace.spikes["own"]) == 1
    with pytest.raises(ConfigError, match="holds no network: f of the model of 'own'"):
        trace.network()
    net = es.Network()
    net.add("in", es.models.PoissonFunction(rate=np.cos, max_rate=1.0), 1)
    with pytest.raises(ConfigError, match=r"rate of the model of 'in' is a function"):
        declaration.declaration_of(net)


def test_a_file_without_a_network_says_so(run, tmp_path):
    es.io.save(run, tmp_path / "run.h5")
    with pytest.raises(ConfigError, match=r"holds no network; sim.save\(FILE, network=True\)"):
        es.io.load(tmp_path / "run.h5").network()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"n": 12', '"n": -1', "cannot be built"),
        ('"seed": ', '"seed": "x", "s": ', "cannot be built"),
        ("neuron/lif-delta", "neuron/lif-dleta", "cannot be built: no neuron named 'lif-dleta'"),
        ("connect/FixedIndegree", "connect/ConnectionRule", "a part 'connect/ConnectionRule'"),
        ("neuron/lif-delta", "models/network", "a part 'models/network', which this version does not know"),
        ("neuron/lif-delta", "os/system", "a part 'os/system', which this version does not know"),
        ('"version": 1', '"version": 7', "newer than 1"),
        ('"version": 1', '"version": [1]', r"should be a number, got \[1\]"),
    ],
)
def test_a_changed_text_ends_in_one_line(tmp_path, old, new, message):
    sim = es.Simulation(everything())
    sim.save(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        group = file["eventsim/network"]
        text = group["text"].asstr()[()]
        assert old in text
        del group["text"]
        group.create_dataset("text", data=text.replace(old, new), dtype=h5py.string_dtype())
    with pytest.raises(FileFormatError, match=message) as caught:
        es.io.load(tmp_path / "run.h5").network()
    assert "\n" not in str(caught.value)


def test_a_text_that_names_elements_that_are_not_there_is_refused(tmp_path):
    es.Simulation(everything()).save(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        arrays = file["eventsim/network/arrays"]
        first = arrays["float64"][:3]
        del arrays["float64"]
        arrays["float64"] = first
    with pytest.raises(FileFormatError, match="elements of 'float64' that are not there"):
        es.io.load(tmp_path / "run.h5")

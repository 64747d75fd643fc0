"""SONATA circuits: that of others runs as in NEST, and ours are read by libsonata and bmtk."""

import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, FileFormatError
from eventsim.scenarios.cli import main

DATA = Path(os.environ.get("EVENTSIM_DATA", "nowhere")) / "exchange" / "sonata" / "ten-cells"
real = pytest.mark.skipif(
    not DATA.is_dir() or "AlphaSynapse" not in dir(es.models),
    reason="needs files of other programs in EVENTSIM_DATA, and alpha currents",
)
HERE = "intfire/ten_cells_spikes_nest/input"


@pytest.fixture
def config(tmp_path):
    """A copy of the circuit of ten cells that may be changed."""
    shutil.copytree(DATA, tmp_path / "circuit")
    return tmp_path / "circuit" / HERE / "config.json"


def louder(config, factor):
    """Multiply the weights of the circuit, so that its cells spike."""
    with h5py.File(config.parent / "network" / "pre_post_edges.h5", "r+") as file:
        file["edges/pre_to_post/0/syn_weight"][...] *= factor


def in_nest(trace, dt, until, model="iaf_psc_alpha"):
    """Run the declared circuit in NEST; return times and units of its spikes, and v of unit 0 by its step."""
    nest = pytest.importorskip("nest")
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = dt
    p = trace.declaration["populations"][1]["model"]["values"]
    names = {"tau_mem": "tau_m", "c_mem": "C_m", "v_th": "V_th", "v_leak": "E_L", "v_reset": "V_reset"}
    own = {theirs: p[ours] for ours, theirs in names.items()} | {"t_ref": p["t_ref"], "I_e": p["i_ext"]}
    cells = nest.Create(model, 5, own)  # V_m and the synapses stay at NEST's defaults
    source = trace.declaration["populations"][0]["model"]["values"]
    exact = model.endswith("_ps")
    generators = []
    for k in range(5):
        spikes = np.sort(source["times"][source["units"] == k])
        spikes = spikes if exact else np.round(spikes / dt) * dt
        generators.append(
            nest.Create("spike_generator", params={"precise_times": exact, "spike_times": spikes})
        )
    (edges,) = trace.declaration["projections"]
    pairs = edges["rule"]["values"]
    for pre, post in zip(pairs["pre"], pairs["post"], strict=True):
        how = {"synapse_model": "static_synapse", "weight": edges["weight"], "delay": edges["delay"]}
        nest.Connect(generators[int(pre)], cells[int(post)], "one_to_one", how)
    recorder, meter = (
        nest.Create("spike_recorder"),
        nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0}),
    )
    nest.Connect(cells, recorder)
    nest.Connect(meter, cells[0])
    nest.Simulate(until)
    events = recorder.events
    return events["times"], events["senders"] - cells[0].global_id, meter.events


@real
@pytest.mark.parametrize("factor", [1, 75])
def test_the_circuit_of_others_gives_the_spikes_of_nest_to_its_step(config, factor):
    louder(config, factor)
    trace = es.io.load(config)
    assert trace.sizes == {"pre": 5, "post": 5}
    assert trace.duration == 400.0
    assert "weight_function 'wmax' is not called" in trace.provenance["notes"]
    net = trace.network()
    sim = es.Simulation(net)
    sim.record("post", "v", every=1.0)
    sim.run(400.0)
    ours = sim.spikes("post")
    for dt in (0.01, 0.001):
        times, units, membrane = in_nest(trace, dt, 400.0)
        for k in range(5):
            mine, theirs = ours.times[ours.units == k], np.sort(times[units == k])
            assert len(mine) == len(theirs)
            # A spike of NEST is at the end of its step, and the next interval begins there.
            assert (np.abs(mine - theirs) <= dt * (2 + np.arange(len(mine)))).all()
        v = sim.trace("post", "v")
        mine = v.values[1:, 0][: len(membrane["V_m"])]
        quiet = np.ones(len(mine), bool)
        for time in ours.times[ours.units == 0]:
            quiet &= np.abs(v.times[1:][: len(mine)] - time) > 5.0
        assert np.abs(mine - membrane["V_m"])[quiet].max() < 15 * dt
    assert (len(ours) >= 5) == (factor > 1)
    times, units, _ = in_nest(trace, 0.1, 400.0, "iaf_psc_alpha_ps")  # which has no grid of spikes either
    for k in range(5):
        mine, theirs = ours.times[ours.units == k], np.sort(times[units == k])
        assert np.abs(mine - theirs).max(initial=0.0) < 1e-6


@real
def test_the_command_runs_the_simulation_of_a_configuration(config, tmp_path, monkeypatch, capsys):
    louder(config, 75)
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--sonata", str(config), "-o", "run.h5"]) == 0
    assert "run.h5" in capsys.readouterr().out
    assert main(["show", "run.h5"]) == 0
    assert "finished, " in (said := capsys.readouterr().out)
    assert "unknown time" not in said
    assert main(["show", str(config)]) == 0  # the circuit, without a run
    assert "SONATA file of another program, 400 ms" in capsys.readouterr().out
    trace = es.io.load("run.h5")
    assert trace.duration == 400.0
    assert len(trace.spikes["post"]) >= 5
    samples = trace.samples["post", "v"]
    assert samples.values.shape == (400_000, 5)
    assert samples.every == 0.001
    again = es.Simulation(trace.network())
    again.run(400.0)
    assert np.array_equal(again.spikes("post").times, trace.spikes["post"].times)
    for words, says in [
        ([str(config)], "exists already"),
        ([str(config), "--preset", "quick", "-o", "b.h5"], "--preset is for scenarios"),
        (["nothing.json", "-o", "b.h5"], "there is no file nothing.json"),
        (["run.h5", "-o", "b.h5"], "a configuration that ends with .json"),
        ([str(config.parent / "circuit_config.json"), "-o", "b.h5"], "says no end of a simulation"),
    ]:
        more = [] if "-o" in words else ["-o", "run.h5"]
        assert main(["run", "--sonata", *words, *more]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1


@real
def test_what_cannot_be_expressed_is_refused_by_name(config):
    network = config.parent / "network"
    types, edges = network / "post_node_types.csv", network / "pre_post_edge_types.csv"
    simulation = config.parent / "simulation_config.json"
    for path, old, new, error, message in [
        (types, "nest:iaf_psc_alpha", "nest:hh_psc_alpha", ConfigError, "has the template 'nest:hh_psc"),
        (types, "point_process", "biophysical", ConfigError, "nodes of model_type 'biophysical'"),
        (types, "472363762_point.json", "gone.json", FileNotFoundError, "there is no file .*gone.json"),
        (types, "node_type_id", "type", FileFormatError, "no table of types with a column 'node_type_id'"),
        (edges, "static_synapse", "stdp_synapse", ConfigError, "have the template 'stdp_synapse'"),
        (edges, " 0.1 ", " soon ", FileFormatError, "delay of type 100 of edges 'pre_to_post'"),
        (simulation, '"spikes"', '"current_clamp"', ConfigError, "'external_spike_trains' is of type 'curr"),
        (simulation, '"pre"', '"prae"', ConfigError, "there is no node set 'prae'; known: point_nodes"),
        (simulation, "external_spike_trains.h5", "gone.h5", FileNotFoundError, "there is no file .*gone.h5"),
        (simulation, "400.0", '"long"', FileFormatError, "tstop should be a time in ms, got 'long'"),
        (simulation, "{", "", FileFormatError, "is no JSON"),
    ]:  # fmt: skip
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(error, match=message) as caught:
            es.io.load(config)
        assert "\n" not in str(caught.value)
        path.write_text(text)
    es.io.load(config).network()


def ours(seed=1) -> es.Network:
    """Return a network with everything that a circuit of SONATA can express without alpha currents."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    times = np.sort(rng.uniform(0, 100, 200))
    net.add("input", es.models.SpikeSource(times=times, units=rng.integers(0, 6, 200)), 6)
    cells = es.models.LIF(
        tau_mem=rng.uniform(8, 12, 9),
        tau_syn=2.0,
        c_mem=250.0,
        v_th=-55.0,
        v_leak=-70.0,
        v_reset=-65.0,
        t_ref=2.0,
    )
    net.add("cells", cells, 9)
    jumps = es.models.LIFDelta(
        tau_mem=10.0, c_mem=250.0, v_th=-50.0, v_leak=-70.0, v_reset=-70.0, i_ext=200.0, v_init=-68.0
    )
    net.add("jumps", jumps, 4)
    net.connect(
        "input",
        "cells",
        es.connect.fixed_probability(0.5),
        weight=es.connect.uniform(800.0, 1500.0),
        delay=1.0,
    )
    net.connect(
        "cells", "cells", es.connect.fixed_indegree(3), weight=-300.0, delay=rng.uniform(1, 2, (9, 1))
    )
    net.connect("cells", "jumps", weight=rng.uniform(2.0, 6.0, (9, 4)), delay=es.connect.uniform(0.5, 1.5))
    return net


def test_our_circuits_come_back_with_the_same_spikes(tmp_path):
    for seed in range(5):
        net = ours(seed)
        (config, *_) = es.io.sonata.write_circuit(net, tmp_path / str(seed), duration=150.0)
        again = es.io.load(config)
        assert again.duration == 150.0
        spikes = []
        for each in (net, again.network()):
            sim = es.Simulation(each, schedule="ordered")
            sim.run(150.0)
            spikes.append([sim.spikes(name) for name in ("input", "cells", "jumps")])
        assert min(map(len, spikes[0])) > 5
        for one, other in zip(*spikes, strict=True):
            assert np.array_equal(one.units, other.units)
            assert np.allclose(one.times, other.times, rtol=0, atol=1e-10)  # sums in another order


def test_times_of_another_unit_are_converted(tmp_path):
    net = es.Network(time_unit="us")
    net.add("input", es.models.SpikeSource(times=[1000.0, 2500.0, 3000.0]), 1)
    net.add("cells", es.models.LIF(tau_mem=1e4, tau_syn=2e3, c_mem=1e4, t_ref=500.0, i_ext=0.3), 1)
    net.connect("input", "cells", weight=5.0, delay=250.0)
    (config, *_) = es.io.sonata.write_circuit(net, tmp_path, duration=2e4)
    spikes = []
    for each, factor in ((net, 1e-3), (es.io.load(config).network(), 1.0)):
        sim = es.Simulation(each)
        sim.run(20.0 / factor)
        spikes.append(sim.spikes("cells").times * factor)
    assert len(spikes[0]) >= 2
    assert np.allclose(*spikes, rtol=1e-12)


def test_libsonata_reads_our_circuits(tmp_path):
    libsonata = pytest.importorskip("libsonata")
    net = ours()
    config, nodes, _, edges, _, *_ = es.io.sonata.write_circuit(net, tmp_path / "out", duration=150.0)
    circuit = libsonata.CircuitConfig.from_file(str(config))
    assert circuit.node_populations == {"input", "cells", "jumps"}
    assert circuit.edge_populations == {"input_to_cells", "cells_to_cells", "cells_to_jumps"}
    storage = libsonata.NodeStorage(str(nodes)).open_population("cells")
    assert storage.size == 9
    tau = storage.get_dynamics_attribute("tau_m", storage.select_all())
    assert np.array_equal(tau, net.populations["cells"].model.tau_mem)
    for projection, name in zip(
        net.projections, ("input_to_cells", "cells_to_cells", "cells_to_jumps"), strict=True
    ):
        population = libsonata.EdgeStorage(str(edges)).open_population(name)
        synapses = projection.resolve(net)
        n = synapses.n_syn
        pre, post = synapses.sources(0, n), synapses.targets(0, n)
        assert population.size == n
        for node in range(net.populations[projection.post].n):
            found = population.afferent_edges([node])
            assert np.array_equal(np.sort(population.source_nodes(found)), np.sort(pre[post == node]))
        for node in range(net.populations[projection.pre].n):
            found = population.efferent_edges([node])
            assert np.array_equal(np.sort(population.target_nodes(found)), np.sort(post[pre == node]))
        weights = population.get_attribute("syn_weight", population.select_all())
        assert np.allclose(np.sort(weights), np.sort(np.broadcast_to(np.ravel(synapses.weight), n)))
    simulation = json.loads(config.read_text())
    assert simulation["run"]["tstop"] == 150.0


def test_bmtk_reads_our_circuits(tmp_path):
    sonata = pytest.importorskip("bmtk.utils.sonata")
    net = ours()
    _, nodes, node_types, edges, edge_types, spikes = es.io.sonata.write_circuit(net, tmp_path / "out")
    file = sonata.File(
        data_files=[str(nodes), str(edges)],
        data_type_files=[str(node_types), str(edge_types)],
        gid_table=None,
    )
    assert set(file.nodes.population_names) == {"input", "cells", "jumps"}
    cells = file.nodes.get_population("cells")
    first = next(iter(cells))
    assert first["model_template"] == "nest:iaf_psc_exp"
    assert first.node_id == 0
    assert first["model_type"] == "point_neuron"  # this reader leaves parameters to its simulators
    population = file.edges.get_population("cells_to_jumps")
    synapses = net.projections[2].resolve(net)
    assert len(list(population)) == synapses.n_syn == 36
    into = list(population.get_target(2))
    expected = np.asarray(synapses.weight).reshape(9, 4)[:, 2]
    assert np.allclose(sorted(edge["syn_weight"] for edge in into), np.sort(expected))
    reports = pytest.importorskip("bmtk.utils.reports.spike_trains")
    trains = reports.SpikeTrains.from_sonata(str(spikes), populations="input")
    assert len(trains.get_times(3, population="input")) == (net.populations["input"].model.units == 3).sum()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (es.models.AdEx(), "'cell' is a AdEx, which SONATA has no template for"),
        (es.models.LIF(v_th=np.inf), "V_th of 'cell' must be finite"),
        (es.models.LIF(i_init=1.0), "i_init of 'cell' has no place in SONATA"),
        (es.models.LIF(first_spike_only=True), "first_spike_only of 'cell'"),
        (es.models.Poisson(rate=1.0), "the spikes of 'cell', a Poisson, are drawn in a run"),
    ],
)
def test_a_network_without_counterpart_is_refused_by_name(tmp_path, model, message):
    net = es.Network()
    net.add("cell", model, 2)
    with pytest.raises(ConfigError, match=message):
        es.io.sonata.write_circuit(net, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_exports_the_network_with_the_spikes_of_its_sources(tmp_path, capsys):
    net = es.Network(seed=2)
    net.add("input", es.models.Poisson(rate=300.0), 10)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=2.0, v_th=15.0), 3)
    net.connect("input", "cells", weight=6.0, delay=1.0)
    sim = es.Simulation(net)
    sim.run(80.0)
    sim.save(tmp_path / "run.h5")
    assert (
        main(["export", str(tmp_path / "run.h5"), "--to", "sonata-network", "-o", str(tmp_path / "out")]) == 0
    )
    assert "config.json" in capsys.readouterr().out
    again = es.io.load(tmp_path / "out" / "config.json")
    other = es.Simulation(again.network())
    other.run(again.duration)
    assert again.duration == 80.0
    assert len(sim.spikes("cells")) > 10
    assert np.allclose(other.spikes("cells").times, sim.spikes("cells").times, rtol=0, atol=1e-10)

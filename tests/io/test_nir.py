"""NIR graphs in and out: what nodes mean, against dense integration and programs that write such files."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, FileFormatError

nir = pytest.importorskip("nir")
DATA = Path(os.environ.get("EVENTSIM_DATA", "nowhere")) / "exchange" / "nir"
real = pytest.mark.skipif(not DATA.is_dir(), reason="needs files of other programs in EVENTSIM_DATA")


def graph_file(path, nodes, edges=None, **metadata):
    """Write a graph; its nodes follow each other unless edges are given."""
    names = list(nodes)
    graph = nir.NIRGraph(nodes, edges or list(itertools.pairwise(names)), metadata=metadata, type_check=False)
    nir.write(path, graph)
    return path


def signal(*shape):
    return nir.Input({"input": np.array(shape)})


def out(*shape):
    return nir.Output({"output": np.array(shape)})


def cuba(n, **changed):
    values = {"tau_mem": 10.0, "tau_syn": 4.0, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    values = {key: np.full(n, changed.pop(key, value)) for key, value in values.items()}
    return nir.CubaLIF(**values, w_in=np.full(n, changed.pop("w_in", 1.0)))


def lif(n, tau=10.0, r=10.0, v_leak=0.0, v_threshold=1.0):
    full = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": v_threshold, "v_reset": 0.0}
    return nir.LIF(**{key: np.full(n, value) for key, value in full.items()})


def run(net, inputs, until, name="input", **how):
    sim = es.Simulation(net, **how)
    sim.stimulate(name, *inputs)
    sim.run(until)
    return sim


# What nodes mean ----------------------------------------------------------------------------------


def test_convolutions_and_pooling_are_those_of_torch():
    torch = pytest.importorskip("torch")
    from eventsim.io.nir.maps import linear_map

    rng = np.random.default_rng(1)
    for trial in range(60):
        groups = int(rng.choice([1, 2]))
        into, each = groups * int(rng.integers(1, 3)), int(rng.integers(1, 3)) * groups
        kernel, dilation, stride = (tuple(int(k) for k in rng.integers(1, 4, 2)) for _ in range(3))
        stride = (1, 1) if trial % 4 == 0 else stride
        padding = (
            "same"
            if trial % 4 == 0
            else "valid"
            if trial % 4 == 1
            else tuple(map(int, rng.integers(0, 3, 2)))
        )
        shape = (into, *(int(k) for k in rng.integers(7, 11, 2)))
        x, bias = rng.normal(size=shape), rng.normal(size=each)
        weight = rng.normal(size=(each, into // groups, *kernel))
        node = nir.Conv2d(shape[1:], weight, stride, padding, dilation, groups, bias)
        matrix, constant, after = linear_map("c", node, shape)
        theirs = torch.nn.functional.conv2d(
            torch.tensor(x)[None], torch.tensor(weight), torch.tensor(bias), stride, padding, dilation, groups
        )[0].numpy()
        assert after == theirs.shape
        assert np.allclose(matrix @ x.reshape(-1) + constant, theirs.reshape(-1), rtol=1e-12, atol=1e-12)
        wide = padding if isinstance(padding, str) else padding[1]
        row = nir.Conv1d(shape[2], weight[:, :, 0], stride[1], wide, dilation[1], groups, bias)
        matrix, constant, after = linear_map("c", row, (into, shape[2]))
        theirs = torch.nn.functional.conv1d(
            torch.tensor(x[:, 0])[None], torch.tensor(weight[:, :, 0]), torch.tensor(bias), stride[1], wide,
            dilation[1], groups,
        )[0].numpy()  # fmt: skip
        assert after == theirs.shape
        assert np.allclose(matrix @ x[:, 0].reshape(-1) + constant, theirs.reshape(-1), atol=1e-12)
    x = rng.normal(size=(2, 6, 7))
    for kind, theirs in ((nir.AvgPool2d, torch.nn.AvgPool2d), (nir.SumPool2d, None)):
        node = kind(np.array([2, 3]), np.array([2, 1]), np.array([1, 1]))
        matrix, _, _ = linear_map("p", node, x.shape)
        expected = torch.nn.AvgPool2d((2, 3), (2, 1), (1, 1))(torch.tensor(x)[None])[0].numpy()
        expected = expected if theirs else 6 * expected
        assert np.allclose(matrix @ x.reshape(-1), expected.reshape(-1), atol=1e-12)


def test_linear_nodes_between_neurons_become_one_projection(tmp_path):
    rng = np.random.default_rng(2)
    w1, w2, scale = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=4)
    delay = np.array([0.5, 1.0, 0.5, 2.0])
    path = graph_file(
        tmp_path / "g.nir",
        {
            "input": signal(3),
            "a": nir.Linear(w1),
            "s": nir.Scale(scale),
            "d": nir.Delay(delay),
            "b": nir.Linear(w2),
            "late": nir.Delay(np.array([0.0, 3.0])),
            "cells": cuba(2, tau_syn=4.0, w_in=2.0, r=-3.0),
            "output": out(2),
        },
    )
    net = es.io.load(path, time_unit="ms", dt=0.1).network()
    (projection,) = net.projections
    synapses = projection.resolve(net)
    n = synapses.n_syn
    pre, post = synapses.sources(0, n), synapses.targets(0, n)
    found = {}
    for k in range(n):
        key = (int(pre[k]), int(post[k]), float(synapses.delay[k]))
        found[key] = found.get(key, 0.0) + float(synapses.weight[k])
    expected = {}
    for i in range(3):
        for k in range(4):
            for j in range(2):
                key = (i, j, delay[k] + 3.0 * j)
                # r < 0 turns the signs round; the spike has area 0.1
                value = -w2[j, k] * scale[k] * w1[k, i] * 2.0 * 0.1 / 4.0
                expected[key] = expected.get(key, 0.0) + value
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-6)
    assert net.populations["cells"].model.c_mem == pytest.approx(10.0 / 3.0)


def euler(node, weight, bias, spikes, h, until, area):
    """Integrate a CubaLIF or LIF by steps of h, pulses of an area as jumps; return times and units."""
    n = len(node.v_leak)
    current, v, times, units = np.zeros(n), node.v_leak.astype(float).copy(), [], []
    t, u = spikes
    step = np.round(t / h).astype(int)
    filtered = hasattr(node, "tau_syn")
    for k in range(round(until / h)):
        arriving = np.bincount(u[step == k], minlength=weight.shape[1])
        drive = area * (weight @ arriving)
        if filtered:
            v += h / node.tau_mem * (node.v_leak - v + node.r * current)
            current += h / node.tau_syn * (node.w_in * bias - current) + node.w_in * drive / node.tau_syn
        else:
            v += h / node.tau * (node.v_leak - v + node.r * bias) + node.r * drive / node.tau
        fired = np.flatnonzero(v > node.v_threshold)
        v[fired] = node.v_reset[fired]
        times += [(k + 1) * h] * len(fired)
        units += fired.tolist()
    return np.array(times), np.array(units)


@pytest.mark.parametrize("kind", ["CubaLIF", "LIF", "CubaLIF above rest", "LIF above rest"])
def test_the_spikes_of_a_node_are_the_limit_of_small_steps_of_its_equations(tmp_path, kind):
    rng = np.random.default_rng(3)
    high = 1.5 if "above" in kind else -0.1
    node = (
        cuba(3, tau_syn=3.0, r=1.3, w_in=0.9, v_leak=high) if "Cuba" in kind else lif(3, r=1.3, v_leak=high)
    )
    if high > 1:
        node.v_leak[0] = 0.2
    weight, bias = rng.uniform(0.5, 2.0, (3, 2)), np.array([0.3, -0.2, 0.1])
    if high > 1:  # the units that fire on their own begin at v_reset
        bias = np.zeros(3)
    path = graph_file(tmp_path / "g.nir", {"input": signal(2), "w": nir.Affine(weight, bias), "c": node})
    h = 2.0**-6
    t = np.round(np.sort(rng.uniform(0, 50, 60)) / h) * h
    u = rng.integers(0, 2, 60)
    net = es.io.load(path, time_unit="ms", dt=1.5).network()
    if high > 1:
        net.change("c", v_init=np.array([0.2, 1.5, 1.5]) * 0 + net["c"].model.v_leak)
    exact = run(net, (t, u), 60.0).spikes("c")
    errors = []
    start = node.v_leak.copy()
    for level in (1, 16):
        other = type(node)(
            **{k: v for k, v in vars(node).items() if k not in ("input_type", "output_type", "metadata")}
        )
        if high > 1:
            begin = np.broadcast_to(net["c"].model.v_leak, 3)
            other.v_leak = start
            times, units = euler_from(other, begin, weight, bias, (t, u), h / level, 60.0, 1.5)
        else:
            times, units = euler(other, weight, bias, (t, u), h / level, 60.0, 1.5)
        both = [np.sort(times[units == k]) for k in range(3)]
        mine = [exact.times[exact.units == k] for k in range(3)]
        assert [len(a) for a in both] == [len(a) for a in mine]
        errors.append(np.abs(np.concatenate(both) - np.concatenate(mine)).mean())
    assert len(exact) >= 6
    assert errors[1] < 5e-3
    assert 8 < errors[0] / errors[1] < 32  # first order, as the steps are


def euler_from(node, begin, *rest):
    """Integrate from another potential than the leak."""

    class Begun(np.ndarray):
        def astype(self, kind):
            return np.array(begin, float)

    node.v_leak = np.asarray(node.v_leak, float).view(Begun)
    return euler(node, *rest)


def test_norse_runs_what_we_write_and_its_steps_approach_our_spikes(tmp_path):
    pytest.importorskip("nirtorch")
    norse = pytest.importorskip("norse.torch")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    net = es.Network(time_unit="s")
    net.add("input", es.models.SpikeSource(), 3)
    net.add("hidden", es.models.LIF(tau_mem=0.02, tau_syn=0.01), 4)
    net.add("out", es.models.LIF(tau_mem=0.03, tau_syn=0.005), 2)
    net.connect("input", "hidden", weight=rng.uniform(60.0, 110.0, (3, 4)))
    net.connect("hidden", "out", weight=rng.uniform(60.0, 140.0, (4, 2)))
    grid = 2.0**-10
    t = np.unique(np.round(rng.uniform(0, 0.2, 40) / grid)) * grid
    u = rng.integers(0, 3, len(t))
    exact = run(net, (t, u), 0.3).spikes("out")
    errors = []
    for level in (8, 32):
        h = grid / level
        path = es.io.export.to_nir(net, tmp_path / f"{level}.nir", dt=h)
        graph = nir.read(path)
        for node in graph.nodes.values():  # Norse has no Linear that fits NIR's shape, but an Affine
            assert type(node).__name__ in ("Input", "Output", "Linear", "CubaLIF")
        nodes = {
            name: nir.Affine(node.weight, np.zeros(len(node.weight)))
            if isinstance(node, nir.Linear)
            else node
            for name, node in graph.nodes.items()
        }
        model = norse.from_nir(nir.NIRGraph(nodes, graph.edges), dt=h, ignore_warnings=True)
        signal_in = torch.zeros(round(0.3 / h), 3)
        signal_in[np.round(t / h).astype(int), u] = 1.0
        state, found = None, []
        with torch.no_grad():
            for k, x in enumerate(signal_in):
                z, state = model(x, state)
                found += [((k + 1) * h, int(unit)) for unit in torch.nonzero(z.reshape(-1)).reshape(-1)]
        theirs = [np.array([time for time, unit in found if unit == k])[:12] for k in range(2)]
        mine = [exact.times[exact.units == k][:12] for k in range(2)]  # steps lose or add a spike later
        assert [len(a) for a in theirs] == [len(a) for a in mine] == [12, 12]
        errors.append(np.abs(np.concatenate(theirs) - np.concatenate(mine)).mean())
        again = es.io.load(path).network()  # the unit and the area of a spike stand in the file
        same = run(again, (t, u), 0.3).spikes("out")
        assert np.allclose(same.times, exact.times, rtol=1e-9)
    assert len(exact) >= 6
    assert 2.5 < errors[0] / errors[1] < 6.5
    assert errors[1] < 5e-4


# Round trips --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_what_we_write_comes_back_with_the_same_spikes(tmp_path, seed):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed, time_unit=str(rng.choice(["ms", "s", "1"])))
    net.add("input", es.models.SpikeSource(), 4)
    kinds = [
        es.models.LIF(tau_mem=2.0, tau_syn=rng.uniform(0.5, 1.5, 5), c_mem=rng.uniform(0.5, 2.0), v_th=0.6),
        es.models.LIFDelta(tau_mem=rng.uniform(1.0, 3.0, 5), v_th=0.8, v_reset=-0.1, i_ext=0.1),
        es.models.LIF(i_ext=np.linspace(0.0, 0.9, 5), tau_mem=2.0, v_leak=-0.1),
        es.models.LIF(i_ext=3.0, tau_mem=2.0),  # fires on its own
    ]
    net.add("a", kinds[seed % 4], 5)
    net.add("b", kinds[(seed + 1) % 4], 5)
    net.add("read", [es.models.LIF(v_th=np.inf), es.models.LIFDelta(v_th=np.inf)][seed % 2], 2)
    delays = [
        0.25,
        rng.uniform(0.1, 1.0, (4, 1)),
        rng.uniform(0.1, 1.0, (1, 5)),
        rng.choice([0.1, 0.2, 0.7], (4, 5)),
        0.0,
    ]
    net.connect("input", "a", weight=rng.normal(0.8, 0.5, (4, 5)), delay=delays[seed % 5])
    net.connect("a", "b", es.connect.fixed_probability(0.6), weight=rng.uniform(0.3, 1.0), delay=0.1)
    net.connect("b", "a", es.connect.fixed_indegree(3), weight=-0.2, delay=0.3)
    net.connect("a", "a", weight=-0.1, delay=0.5)
    net.connect("b", "read", weight=rng.normal(size=(5, 2)))
    path = es.io.export.to_nir(net, tmp_path / "g.nir", dt=float(rng.choice([1.0, 0.01])))
    nir.read(path)  # types are checked by the package
    again = es.io.load(path).network()
    assert again.time_unit == net.time_unit
    t, u = np.sort(rng.uniform(0, 20, 150)), rng.integers(0, 4, 150)
    one, other = (run(each, (t, u), 30.0, schedule="ordered") for each in (net, again))
    assert len(one.spikes("a")) + len(one.spikes("b")) > 10
    for name in ("a", "b"):
        assert np.array_equal(one.spikes(name).units, other.spikes(name).units)
        assert np.allclose(one.spikes(name).times, other.spikes(name).times, rtol=0, atol=1e-9)


def test_seconds_and_milliseconds_are_the_same_simulation(tmp_path):
    weight = np.array([[2.0], [1.5]]).T
    spikes = []
    for unit, factor in (("s", 1e-3), ("ms", 1.0)):
        node = cuba(1, tau_mem=10.0 * factor, tau_syn=4.0 * factor, w_in=4.0)
        path = graph_file(tmp_path / f"{unit}.nir", {"input": signal(2), "w": nir.Linear(weight), "c": node})
        net = es.io.load(path, time_unit=unit, dt=factor).network()
        assert net.time_unit == unit
        times = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0]) * factor
        spikes.append(run(net, (times, np.arange(7) % 2), 40.0 * factor).spikes("c").times / factor)
    assert len(spikes[0]) >= 2
    assert np.allclose(spikes[0], spikes[1], rtol=1e-12)
    assert "taken as s" in es.io.load(path).provenance["notes"]


def test_a_graph_needs_no_file_and_a_network_comes_from_a_simulation_or_a_file(tmp_path):
    nodes = {"input": signal(2), "w": nir.Linear(np.array([[2.0, 1.5]])), "c": cuba(1, w_in=4.0)}
    path = graph_file(tmp_path / "a.nir", nodes)
    spikes = np.array([0.001, 0.002, 0.003]), np.array([0, 1, 0])
    direct = es.io.nir.read_nir(nir.read(path, type_check=False), dt=0.001)
    assert direct.provenance == es.io.load(path, dt=0.001).provenance
    net = direct.network()
    found = run(net, spikes, 0.04).spikes("c").times
    assert np.array_equal(found, run(es.io.load(path, dt=0.001).network(), spikes, 0.04).spikes("c").times)
    sim = es.Simulation(net)
    sim.run(0.01)
    sim.save(tmp_path / "run.h5")
    sources = (net, sim, es.io.load(tmp_path / "run.h5"))
    texts = {es.io.export.to_nir(each, tmp_path / f"{k}.nir").read_bytes() for k, each in enumerate(sources)}
    assert len({len(each) for each in texts}) == 1
    circuits = [es.io.sonata.write_circuit(each, tmp_path / f"c{k}")[0] for k, each in enumerate((net, sim))]
    assert circuits[0].read_bytes() == circuits[1].read_bytes()
    with pytest.raises(TypeError, match=r"^a NIR network is a file or a nir.NIRGraph, got 3$"):
        es.io.nir.read_nir(3)
    with pytest.raises(TypeError, match="read_nir takes a graph"):
        es.io.load(nir.read(path))
    with pytest.raises(TypeError, match="a simulation or a trace with its network is needed"):
        es.io.export.to_nir("net", tmp_path / "b.nir")


def test_a_nested_graph_is_taken_apart(tmp_path):
    inner = nir.NIRGraph(
        {"input": signal(2), "w": nir.Linear(np.eye(2) * 30.0), "c": cuba(2), "output": out(2)},
        [("input", "w"), ("w", "c"), ("c", "output")],
    )
    nodes = {
        "input": signal(2),
        "block": inner,
        "last": nir.Linear(np.ones((1, 2)) * 30.0),
        "r": cuba(1),
        "output": out(1),
    }
    edges = [("input", "block"), ("block", "last"), ("last", "r"), ("r", "output")]
    net = es.io.load(graph_file(tmp_path / "g.nir", nodes, edges), time_unit="ms").network()
    assert list(net.populations) == ["input", "block.c", "r"]
    assert [each.name for each in net.projections] == ["input->block.c", "block.c->r"]
    assert len(run(net, ([1.0, 1.0], [0, 1]), 30.0).spikes("r")) >= 1


# Files of other programs --------------------------------------------------------------------------


@real
def test_the_file_of_norse_is_its_neuron():
    trace = es.io.load(DATA / "lif-norse.nir", dt=1e-4)
    assert (trace.provenance["inputs"], trace.provenance["outputs"]) == (["input"], ["1"])
    net = trace.network()
    tau = float(np.float32(0.0025))
    t = np.array([1.0, 2.0, 3.0, 4.0, 5.0]) * 1e-3
    sim = es.Simulation(net)
    sim.stimulate("input", t, np.zeros(5, int))
    sim.record("1", "v", every=1e-3)
    sim.run(6.5e-3)
    v = sim.trace("1", "v").values[:, 0]
    jumps = [sum(1e-4 / tau * np.exp(-(now - at) / tau) for at in t if at <= now) for now in t[:3]]
    assert np.allclose(v[1:4], jumps, rtol=1e-9)
    assert len(sim.spikes("1")) == 0 or sim.spikes("1").times[0] > 3e-3


@real
def test_the_network_trained_on_braille_agrees_with_steps_to_first_order():
    graph = nir.read(DATA / "braille-recurrent.nir", type_check=False)
    node = graph.nodes
    trace = es.io.load(DATA / "braille-recurrent.nir", time_unit="s", dt=1e-4)
    assert "lif1.lif->lif1.lif" in trace.provenance["notes"]
    net = trace.network()
    grid, area, until = 1e-4 / 8, 1e-4, 0.65e-3
    errors, n_early, n_outputs = {4: [], 16: []}, 0, 0
    for channel in (0, 1, 5, 9):  # those that make many units spike soon
        t = grid * np.arange(32, 1000, 32)
        u = np.full(len(t), channel)
        sim = run(net, (t, u), 0.012)
        hidden = sim.spikes("lif1.lif")
        n_outputs += len(sim.spikes("lif2"))
        first = np.full(38, np.inf)
        np.minimum.at(first, hidden.units, hidden.times)
        early = np.flatnonzero(first < 0.6e-3)  # the loop amplifies differences later
        n_early += len(early)
        for level, found in errors.items():
            times, units = braille_by_steps(node, t, u, grid / level, until, area)
            theirs = np.full(38, np.inf)
            np.minimum.at(theirs, units, times)
            found.append(np.abs(theirs - first)[early])
    coarse, fine = (np.concatenate(errors[level]).mean() for level in (4, 16))
    assert n_early >= 12
    assert n_outputs > 100
    assert fine < 2e-6  # s
    assert 2.5 < coarse / fine < 6.5


def braille_by_steps(node, t, u, h, until, area):
    """Integrate the hidden layer by steps; spikes come back after the area, one step of the training."""
    cell, into, back = node["lif1.lif"], node["fc1"], node["lif1.w_rec"]
    w_in, w_back = into.weight.astype(float), back.weight.astype(float)
    bias = into.bias.astype(float) + back.bias
    n, lag = 38, round(area / h)
    current, v = np.zeros(n), np.zeros(n)
    arriving = np.round(t / h).astype(int)
    sent, times, units = {}, [], []
    for k in range(round(until / h)):
        drive = area * (w_in @ np.bincount(u[arriving == k], minlength=12))
        if k in sent:
            drive = drive + area * w_back[:, sent[k]].sum(axis=1)
        v += h / cell.tau_mem * (cell.r * current - v)
        current += h / cell.tau_syn * (cell.w_in * bias - current) + cell.w_in * drive / cell.tau_syn
        fired = np.flatnonzero(v > cell.v_threshold)
        v[fired] = 0.0
        if len(fired):
            sent[k + 1 + lag] = fired
            times += [(k + 1) * h] * len(fired)
            units += fired.tolist()
    return np.array(times), np.array(units, int)


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"i": signal(2), "th": nir.Threshold(np.ones(2)), "o": out(2)}, "node 'th' is of kind Threshold"),
        ({"i": signal(2), "w": nir.Linear(np.ones((2, 2))), "if": nir.IF(np.ones(2), np.ones(2))},
         "node 'if' is of kind IF, which cannot be expressed; known: LIF"),
        ({"i": signal(2), "int": nir.I(np.ones(2))}, "node 'int' is of kind I"),
        ({"i": signal(2), "li": nir.LI(np.ones(2), np.ones(2), np.zeros(2)), "w": nir.Linear(np.ones((2, 2))),
          "c": cuba(2)}, "node 'li' of kind LI sends its membrane, not spikes, to 'w'"),
        ({"i": signal(3), "w": nir.Linear(np.ones((2, 2))), "c": cuba(2)}, r"'w' \(Linear\) has 2 inputs"),
        ({"i": signal(3), "c": cuba(2)}, r"node 'i' \(Input\) sends 3 signals, but 'c' takes 2"),
        ({"i": signal(2), "c": cuba(2), "w": nir.Linear(np.ones((2, 2))), "o": out(2)},
         "only neurons can be read out"),
        ({"i": signal(2), "c": cuba(2, tau_mem=-1.0)}, "tau_mem of node 'c' of kind CubaLIF must"),
        ({"i": signal(2), "c": cuba(2, r=0.0)}, "r of node 'c' of kind CubaLIF must not be 0"),
        ({"i": signal(2), "d": nir.Delay(np.array([-1.0, 0.0])), "c": cuba(2)}, "delays of node 'd' of kind"),
        ({"i": signal(2), "w": nir.Affine(np.eye(2), np.ones(2)), "d": nir.Delay(np.ones(2)), "c": cuba(2)},
         "the bias of node 'w' of kind Affine would pass a delay"),
    ],
)  # fmt: skip
def test_a_node_that_cannot_be_expressed_is_refused_by_its_name_and_kind(tmp_path, nodes, message):
    path = graph_file(tmp_path / "g.nir", nodes)
    with pytest.raises(ConfigError, match=message) as caught:
        es.io.load(path, time_unit="ms")
    assert "\n" not in str(caught.value)


def test_bad_arguments_and_files_end_in_one_line(tmp_path, run):
    path = graph_file(tmp_path / "g.nir", {"i": signal(1), "c": cuba(1)})
    with pytest.raises(ConfigError, match="time_unit must be one of s, ms, us, ns, 1, got 'min'"):
        es.io.load(path, time_unit="min")
    with pytest.raises(ConfigError, match=r"dt must be a positive time, got -1\.0"):
        es.io.load(path, dt=-1.0)
    es.io.save(run, tmp_path / "run.h5")
    with pytest.raises(ConfigError, match="time_unit and dt are for NIR files"):
        es.io.load(tmp_path / "run.h5", time_unit="s")
    text = tmp_path / "text.nir"
    text.write_text("no graph")
    with pytest.raises(FileFormatError, match="not an HDF5 file"):
        es.io.load(text)


def one_cell(model, **options):
    net = es.Network()
    net.add("input", es.models.SpikeSource(), 1)
    net.add("cell", model, 1)
    net.connect("input", "cell", **options)
    return net


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (es.models.AdEx(), {}, "'cell' is a AdEx, which NIR has no node for"),
        (es.models.LIF(t_ref=1.0), {}, "the refractory time of 'cell' has no place in NIR"),
        (es.models.LIF(first_spike_only=True), {}, "first_spike_only of 'cell'"),
        (es.models.LIF(v_init=0.5), {}, "v_init of 'cell' has no place in NIR"),
        (es.models.LIF(i_init=0.5), {}, "i_init of 'cell' has no place in NIR"),
    ],
)
def test_what_nir_has_no_place_for_is_refused_by_name(tmp_path, model, options, message):
    with pytest.raises(ConfigError, match=message):
        es.io.export.to_nir(one_cell(model, **options), tmp_path / "g.nir")
    assert not (tmp_path / "g.nir").exists()


def test_a_synapse_of_many_delays_is_refused(tmp_path):
    net = es.Network(seed=1)
    net.add("a", es.models.LIF(), 20)
    net.connect("a", "a", weight=1.0, delay=es.connect.uniform(1.0, 2.0))
    with pytest.raises(ConfigError, match="'a->a' has 400 different delays"):
        es.io.export.to_nir(net, tmp_path / "g.nir")


def test_the_command_writes_the_network_of_a_run(tmp_path, capsys):
    from eventsim.scenarios.cli import main

    net = one_cell(es.models.LIF(tau_mem=2.0), weight=1.5, delay=0.5)
    sim = run(net, ([1.0, 2.0], [0, 0]), 5.0)
    sim.save(tmp_path / "run.h5")
    assert main(["export", str(tmp_path / "run.h5"), "--to", "nir", "--dt", "0.1"]) == 0
    assert "run.nir" in capsys.readouterr().out
    again = es.io.load(tmp_path / "run.nir").network()
    assert np.allclose(run(again, ([1.0, 2.0], [0, 0]), 5.0).spikes("cell").times, sim.spikes("cell").times)
    sim.save(tmp_path / "none.h5", network=False)
    for words, message in [
        (["none.h5", "--to", "nir"], "holds no network: it was saved with network=False"),
        (["run.h5", "--to", "csv", "--dt", "0.1"], "--dt is for --to nir"),
        (["run.h5", "--to", "nir", "-o", "a.txt"], "--to nir writes a file that ends with .nir"),
    ]:
        assert main(["export", str(tmp_path / words[0]), *words[1:]]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1

"""Copies by pickle and copy go on to the same bits, and what cannot be copied says why."""

import copy
import gc
import pickle
import subprocess
import sys

import numpy as np
import pytest

import eventsim as es


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


HOW = {"pickle": pickled, "deepcopy": copy.deepcopy, "copy": copy.copy}
ways = pytest.mark.parametrize("way", HOW.values(), ids=HOW)


def network(**options):
    net = es.Network(seed=4)
    net.add("noise", es.models.Poisson(rate=400.0), 5)
    net.add("given", es.models.SpikeSource(times=[1.0, 30.0], units=[0, 1]), 2)
    net.add("cells", es.models.LIF(), 4)
    net.add("out", es.models.LIF(), 2)
    net.connect("noise", "cells", weight=es.connect.normal(1.5, 0.5), delay=es.connect.uniform(0.5, 2.0))
    net.connect("given", "cells", weight=3.0, delay=1.0)
    net.connect("cells", "out", weight=2.0, delay=1.5)
    if options.get("loop"):
        net.connect("out", "cells", weight=-1.0, delay=1.0)
    return net


def everything(sim):
    """All records, as bytes."""
    trace = sim.record_of_run()
    found = {name: (s.times.tobytes(), s.units.tobytes()) for name, s in trace.spikes.items()}
    return found | {key: (s.times.tobytes(), s.values.tobytes()) for key, s in trace.samples.items()}


@ways
@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_a_copy_goes_on_to_the_same_bits_and_shares_nothing(way, schedule):
    sim = es.Simulation(network(loop=schedule == "windows"), schedule=schedule, trial=1)
    sim.record("cells", "v", every=0.5)
    sim.stimulate("given", [12.5, 55.0], [0, 1])
    sim.run(40.0)
    before = everything(sim)
    again = way(sim)
    assert everything(again) == before
    assert (again.now, again.schedule, again.trial) == (40.0, schedule, 1)
    again.run(60.0)
    assert everything(sim) == before
    sim.run(60.0)
    assert everything(again) == everything(sim)
    assert len(sim.spikes("out")) > 3
    again.stimulate("given", [61.0], [0])
    again.run(80.0)
    sim.run(80.0)
    assert len(sim.spikes("given")) + 1 == len(again.spikes("given"))


@ways
def test_samples_at_events_and_snapshots_go_on_in_a_copy(way):
    sim = es.Simulation(network())
    sim.record("cells", "v", units=[1, 3])
    sim.run(20.0)
    state = sim.snapshot()
    sim.run(30.0)
    again = way(sim)
    assert everything(again) == everything(sim)
    for each in (sim, again):
        each.restore(state)
        each.run(50.0)
    assert everything(again) == everything(sim)


@ways
def test_a_simulation_that_has_not_begun_is_copied(way):
    for built in (False, True):
        sim = es.Simulation(network())
        sim.record("cells", "v", every=1.0)
        if built:
            sim.stimulate("given", [2.0], [1])
        again = way(sim)
        for each in (sim, again):
            each.run(30.0)
        assert everything(again) == everything(sim)
        assert len(again.trace("cells", "v").times) == 30


@ways
def test_continuous_populations_keep_inputs_weights_and_learning_rates(way):
    net = es.Network(seed=3)
    net.add("in", es.models.RateInput(), 2)
    net.add("out", es.models.LatentEquilibrium(noise=0.1), 3)
    p = net.connect("in", "out", weight=es.connect.normal(0.5, 0.2))
    net.add_plasticity(p, es.models.plasticity.ErrorTimesRate(learning_rate=0.01))
    sim = es.Simulation(net, dt=1.0)
    sim.record("out", "rate", every=1.0)
    sim.set_input("in", np.random.default_rng(1).uniform(0, 1, (40, 2)), every=2.0, repeat=True)
    sim.nudge("out", [0.1, 0.5, 0.9], beta=0.5)
    sim.run(15.0)
    sim.set_learning_rate(p.name, 0.05)
    sim.run(31.0)
    again = way(sim)
    for each in (sim, again):
        each.run(90.0)
    assert everything(again) == everything(sim)
    assert again.weights(p.name).tobytes() == sim.weights(p.name).tobytes()
    assert again.weights(p.name).tobytes() != es.Simulation(net, dt=1.0).weights(p.name).tobytes()


class Noise(es.TickModel):
    """Rates that are drawn in every tick."""

    def begin(self, batch, n, dt, rng):
        self.rng, self.rate = rng, np.zeros((batch, n))

    def step(self, t, dt, inputs):
        self.rate = self.rng.normal(size=self.rate.shape)
        return self.rate


@ways
def test_generators_of_tick_models_go_on(way):
    net = es.Network(seed=3)
    net.add("out", Noise(), 3)
    sim = es.Simulation(net, dt=1.0)
    sim.record("out", "rate", every=1.0)
    sim.run(10.0)
    again, state = way(sim), sim.snapshot()
    for each in (sim, again):
        each.run(20.0)
    assert everything(again) == everything(sim)
    sim.restore(state)
    sim.run(20.0)
    assert everything(again) == everything(sim)


@ways
def test_hardware_goes_on(way):
    sim = es.Simulation(network(), hardware="jitter,sigma=0.2", trial=2)
    sim.run(25.0)
    again = way(sim)
    for each in (sim, again):
        each.run(60.0)
    assert everything(again) == everything(sim)
    assert again.counters() == sim.counters()


def test_a_pickle_goes_on_in_another_process(tmp_path):
    sim = es.Simulation(network())
    sim.run(20.0)
    (tmp_path / "sim").write_bytes(pickle.dumps(sim))
    code = (
        "import pickle, sys; sim = pickle.load(open(sys.argv[1], 'rb')); sim.run(50.0); "
        "print(sim.spikes('out').times.tobytes().hex())"
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code, tmp_path / "sim"], capture_output=True, text=True
    )
    assert found.stderr == ""
    sim.run(50.0)
    assert found.stdout.strip() == sim.spikes("out").times.tobytes().hex()


@ways
@pytest.mark.parametrize("grown", [False, True])
def test_networks_are_copied_with_their_parameters(way, grown):
    net = network()
    again = way(net)
    if grown:
        again.add("more", es.models.LIF(), 1)
    sims = [es.Simulation(each) for each in (net, again)]
    for sim in sims:
        sim.run(30.0)
    assert sims[0].spikes("out").times.tobytes() == sims[1].spikes("out").times.tobytes()


@ways
def test_spikes_samples_and_traces_are_copied(way):
    sim = es.Simulation(network())
    sim.record("cells", "v", every=1.0)
    sim.run(30.0)
    spikes, trace = way(sim.spikes("out")), way(sim.record_of_run())
    assert spikes.times.tobytes() == sim.spikes("out").times.tobytes()
    assert trace.samples["cells", "v"].values.tobytes() == sim.trace("cells", "v").values.tobytes()
    trains = way(es.SpikeTrains.of([[0.5, np.inf], [0.1, 0.2]], 2, "x"))
    assert trains.first_spikes().tolist() == [[0.5, np.inf], [0.1, 0.2]]


REFUSED = {
    "own": "with 2 handlers of your own on its engine cannot be pickled or copied; keep sim.snapshot()",
    "stream": "b.h5 cannot be pickled or copied; keep sim.snapshot(), which the file can hold",
    "engine": "an engine cannot be pickled or copied, since its handlers are not its own; keep snapshot()",
    "population": "LIFPopulation belongs to its engine and cannot be pickled or copied; pickle the Sim",
    "handler": "Mine belongs to its engine and cannot be pickled or copied; pickle the Simulation",
}


class Mine(es.PythonHandler):
    """A handler of one's own."""

    def on_event(self, engine, time, unit, value):
        pass


@ways
@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_copied_says_what_to_do_and_nothing_is_printed(way, kind, tmp_path, capfd):
    sim = es.Simulation(network(), schedule="ordered")
    thing: object = sim
    if kind == "own":
        sim.engine.register(print)
        thing = sim
        sim.engine.schedule(3.0, sim.engine.register(Mine()))
    elif kind == "stream":
        sim.stream(es.io.TraceFile.create(tmp_path / "b.h5"))
    else:
        thing = {"engine": sim.engine, "population": sim.handler("out"), "handler": Mine()}[kind]
    with pytest.raises(TypeError) as told:
        way(thing)
    assert REFUSED[kind] in str(told.value)
    assert "\n" not in str(told.value)
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_a_compiled_network_that_was_never_filled_is_freed_without_a_word(capfd):
    from eventsim.simulation.build import CompiledNetwork

    CompiledNetwork.__new__(CompiledNetwork)
    gc.collect()
    assert capfd.readouterr().err == ""


def test_a_handler_that_was_given_up_does_not_hinder_a_copy():
    sim = es.Simulation(network(), schedule="ordered")
    handler = sim.engine.register(Mine())
    sim.engine.unregister(handler)
    sim.run(20.0)
    again = copy.deepcopy(sim)
    for each in (sim, again):
        each.run(40.0)
    assert everything(again) == everything(sim)


SEEN: list[object] = []


def see(time, unit):
    """A hook with a name."""
    SEEN.append((time, unit))


def stronger(sim):
    """Change something at a time."""
    sim.set("out", i_ext=0.7)
    SEEN.append((sim.now, "stronger"))


@ways
def test_hooks_and_functions_of_at_go_along(way):
    sim = es.Simulation(network(), schedule="ordered")
    sim.on_spike("out", see)
    sim.at(10.0, stronger)
    sim.at(30.0, stronger)
    sim.run(20.0)
    again = way(sim)
    seen = []
    for each in (sim, again):
        SEEN.clear()
        each.run(60.0)
        seen.append(list(SEEN))
    assert seen[0] == seen[1]
    assert [time for time, what in seen[0] if what == "stronger"] == [30.0]
    assert len(seen[0]) > 2
    assert everything(again) == everything(sim)


@pytest.fixture
def plain_pickle(monkeypatch):
    """What a program without dask or joblib has."""
    monkeypatch.delitem(sys.modules, "cloudpickle", raising=False)


@pytest.mark.usefixtures("plain_pickle")
def test_functions_without_a_name_are_shared_by_copies_and_refused_by_pickle():
    def hook(time, unit):
        seen.append(time)

    seen: list[float] = []
    sim = es.Simulation(network(), schedule="ordered")
    sim.on_spike("out", hook)
    sim.at(5.0, lambda sim: seen.append("at"))
    again = copy.deepcopy(sim)
    again.run(60.0)
    assert seen.count("at") == 1
    assert len(seen) > 2
    with pytest.raises(
        TypeError, match=r"the hook on spikes of 'out' is 'hook', defined in a function \(line"
    ):
        pickle.dumps(sim)
    sim = es.Simulation(network())
    sim.at(5.0, lambda sim: None)
    with pytest.raises(
        TypeError, match=r"what at\(\) calls at 5.0 is a lambda \(line \d+\), which cannot be"
    ):
        pickle.dumps(sim)
    sim.run(6.0)
    assert len(pickled(sim).spikes("cells")) == len(sim.spikes("cells"))  # it has been called


@pytest.mark.usefixtures("plain_pickle")
def test_a_model_with_a_lambda_is_refused_by_name():
    net = network()
    net.add("waves", es.models.PoissonFunction(lambda t: 5.0 + 0.0 * t, max_rate=10.0), 2)
    with pytest.raises(TypeError, match=r"rate of 'waves' \(PoissonFunction\) is a lambda \(line"):
        pickle.dumps(net)
    with pytest.raises(TypeError, match=r"rate of 'waves' \(PoissonFunction\) is a lambda \(line"):
        pickle.dumps(es.Simulation(net))
    assert copy.deepcopy(net).populations["waves"].n == 2


SCRIPT = """
from multiprocessing import get_context

import eventsim as es


def loud(sim):
    sim.set("cells", i_ext=1.5)


def run_on(sim):
    sim.run(60.0)
    return sim


if __name__ == "__main__":
    net = es.Network(seed=4)
    net.add("noise", es.models.Poisson(rate=400.0), 5)
    net.add("cells", es.models.LIF(), 4)
    net.connect("noise", "cells", weight=1.5, delay=1.0)
    sims = [es.Simulation(net, trial=trial) for trial in range(2)]
    for sim in sims:
        sim.at(30.0, loud)
        sim.run(10.0)
    with get_context("spawn").Pool(2) as pool:
        there = pool.map(run_on, sims)
    for sim, other in zip(sims, there):
        sim.run(60.0)
        assert other.spikes("cells").times.tobytes() == sim.spikes("cells").times.tobytes()
        assert other.get("cells", "i_ext") == 1.5
    print("same")
"""


def test_simulations_go_on_in_worker_processes_and_come_back(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    found = subprocess.run(
        [sys.executable, "-P", str(tmp_path / "script.py")], capture_output=True, text=True, cwd=tmp_path
    )
    assert (found.stdout, found.stderr) == ("same\n", "")


def test_a_simulation_goes_through_dask():
    serialize = pytest.importorskip("distributed.protocol").serialize
    from distributed.protocol import deserialize

    net = network()
    net.add("waves", es.models.PoissonFunction(lambda t: 500.0 + 0.0 * t, max_rate=510.0), 2)
    sim = es.Simulation(net)
    sim.run(20.0)
    again = deserialize(*serialize(sim))
    for each in (sim, again):
        each.run(50.0)
    assert everything(again) == everything(sim)


def test_a_copy_that_was_kept_before_there_was_growth_goes_on():
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=500.0), 3)
    sim = es.Simulation(net)
    sim.run(10.0)
    state = {name: value for name, value in sim.__getstate__().items() if name not in ("_cleared", "_given")}
    old = es.Simulation.__new__(es.Simulation)
    old.__setstate__(state)
    old.clear()
    net.add("more", es.models.Poisson(rate=500.0), 3)
    old.grow(net)
    old.run(20.0)
    assert all(len(old.spikes(name).times) for name in ("input", "more"))

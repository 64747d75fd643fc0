"""Simulations grow on hardware, with populations on ticks, and while they stream into a file."""

import copy

import numpy as np
import pytest

import eventsim as es

END = 60.0
NOW = 21.3
SCHEDULES = ("ordered", "windows", "layered")
DEVICES = [
    "jitter,sigma=0.2",
    "spike-loss,probability=0.2",
    es.hardware.Substrate(
        [
            es.hardware.Mismatch("v_th", 0.1),
            es.hardware.Mismatch("weight", 0.1),
            es.hardware.ThresholdNoise(run=0.05),
            es.hardware.Latency(0.3, 0.1),
            es.hardware.TimestampResolution(0.01),
        ],
        device_seed=3,
    ),
]


def small(schedule="ordered"):
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=300.0), 6)
    net.add("cells", es.models.LIF(tau_mem=10.0, t_ref=0.5), 8)
    net.connect("noise", "cells", es.connect.fixed_probability(0.7), weight=0.6, delay=1.2)
    if schedule != "layered":
        net.connect("cells", "cells", es.connect.fixed_indegree(3), weight=-0.2, delay=1.2)
    return net


def add_silent(net):
    """Add what is silent until now, and then drives what was there."""
    net.add("late", es.models.SpikeSource(times=np.arange(NOW + 1.0, END, 0.7), units=np.arange(54) % 2), 2)
    net.add("more", es.models.LIF(tau_mem=20.0), 5)
    net.connect("late", "more", weight=1.2, delay=1.3)
    net.connect("more", "cells", weight=0.3, delay=1.4)


def same_spikes(one, other, exact):
    assert one.units.tolist() == other.units.tolist()
    if exact:
        assert one.times.tobytes() == other.times.tobytes()
    else:
        np.testing.assert_allclose(one.times, other.times, rtol=0, atol=1e-9)


@pytest.mark.parametrize("device", [None, *DEVICES])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_grown_network_is_one_with_silent_parts_from_the_start(schedule, device):
    net = small(schedule)
    sim = es.Simulation(net, device, schedule)
    sim.run(NOW)
    add_silent(net)
    sim.grow()
    sim.run(40.0)
    twin = copy.copy(sim)
    state = sim.snapshot()
    whole = small(schedule)
    add_silent(whole)
    start = es.Simulation(whole, device, schedule)
    restored = es.Simulation(net, device, schedule)
    restored.restore(state)
    for each in (sim, twin, start, restored):
        each.run(END)
    assert len(start.spikes("more")) > 3
    for name in whole.populations:
        same_spikes(sim.spikes(name), start.spikes(name), schedule == "ordered")
        same_spikes(twin.spikes(name), sim.spikes(name), True)
        late = sim.spikes(name).times >= 40.0
        assert restored.spikes(name).times.tobytes() == sim.spikes(name).times[late].tobytes()
    if device is not None:
        assert sim.counters() == start.counters()


@pytest.mark.parametrize("device", [None, *DEVICES])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_growth_by_what_is_not_connected_changes_no_bit(schedule, device):
    net = small(schedule)
    plain, sim = (es.Simulation(net, device, schedule) for _ in range(2))
    for each in (plain, sim):
        each.run(NOW)
    net.add("alone", es.models.LIF(i_ext=1.5), 2)
    sim.grow()
    for each in (plain, sim):
        each.run(END)
    assert len(sim.spikes("alone")) > 5
    for name in ("noise", "cells"):
        same_spikes(sim.spikes(name), plain.spikes(name), schedule != "windows")


def test_a_device_that_would_place_it_elsewhere_refuses_and_the_simulation_goes_on():
    def network():
        net = es.Network(seed=3)
        net.add("input", es.models.Poisson(rate=300.0), 60)
        net.add("cells", es.models.LIF(tau_mem=10.0), 4)
        net.add("last", es.models.LIF(tau_mem=10.0), 2)
        net.connect("input", "cells", weight=0.1)
        net.connect("cells", "last", weight=0.1)
        return net

    net = network()
    chip = es.hardware.Substrate([es.hardware.Mismatch("v_th", 0.1)], device_seed=1)
    sim, plain = es.Simulation(net, Rows(chip)), es.Simulation(network(), Rows(chip))
    sim.run(5.0)
    net.add("more", es.models.Poisson(rate=10.0), 120)
    net.connect("more", "cells", weight=0.1)
    with pytest.raises(es.ConfigError, match="'last' would lie elsewhere in the larger network"):
        sim.grow()
    for each in (sim, plain):
        each.run(20.0)
    same_spikes(sim.spikes("cells"), plain.spikes("cells"), True)

    net = small()
    shared = es.Simulation(net, es.hardware.Substrate([es.hardware.Bus(5.0, 3)]))
    shared.run(3.0)
    net.add("more", es.models.LIF(), 2)
    net.connect("cells", "more", weight=0.1)
    with pytest.raises(es.ConfigError, match="share a bus, which those that are added would have shared"):
        shared.grow()


class Rows:
    """A device that moves the last neurons where there are more inputs."""

    def __init__(self, chip):
        self.chip = chip

    def transform(self, network, trial=0):
        made = self.chip.transform(network, trial)
        n = sum(p.n for p in network.populations.values())
        return made.with_parameters({"last": {"v_reset": -0.001 * n}})

    def transmissions(self, network, trial=0):
        return self.chip.transmissions(network, trial)


DT = 0.1


def rates(seed=1):
    """Return continuous populations that learn, with delays and spikes both ways."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    gle = es.models.GeneralizedLatentEquilibrium
    net.add("in", es.models.RateInput(), 3)
    net.add("poisson", es.models.Poisson(rate=400.0), 4)
    net.add("trace", es.models.SpikeTrace(tau_syn=2.0), 4)
    net.add("a", gle(tau_mem=np.linspace(1, 3, 6), tau_r=0.5, noise=0.01, gamma=0.1), 6)
    net.add("b", es.models.LatentEquilibrium(tau_mem=5.0, tau_syn=1.0, activation="softplus"), 3)
    net.add("cells", es.models.LIF(tau_mem=4.0, tau_syn=2.0), 2)
    net.connect("in", "a", weight=rng.normal(0, 0.5, (3, 6)), bias=0.1)
    net.connect("poisson", "trace", es.connect.one_to_one(), weight=0.5)
    net.connect("trace", "a", weight=rng.normal(0, 0.3, (4, 6)), delay=0.3)
    net.connect("a", "b", weight=rng.normal(0, 0.5, (6, 3)), feedback=rng.normal(0, 0.5, (3, 6)))
    net.connect(
        "b", "a", es.connect.fixed_probability(0.5), weight=0.1, delay=0.5, feedback=False, tau_syn=0.4
    )
    net.connect("b", "cells", weight=2.0, delay=0.25)
    net.connect("cells", "b", weight=-0.2, delay=0.77)
    rule = es.models.plasticity.ErrorTimesRate
    net.add_plasticity("in->a", rule(learning_rate=0.1))
    net.add_plasticity("a->b", rule(learning_rate=0.1, optimiser="momentum", decay=0.1))
    net.add_plasticity("a", es.models.plasticity.TimeConstants(learning_rate=0.05))
    return net


TO_B = np.array([[0.3, -0.2, 0.1], [0.0, 0.2, -0.3]])


def add_rates(net, weight=1.0):
    """Add noisy rates with a rule of their own, neurons, and a way to and from what is there."""
    net.add("c", es.models.GeneralizedLatentEquilibrium(tau_mem=2.0, tau_r=0.5, noise=0.3), 2)
    net.add("d", es.models.LatentEquilibrium(tau_mem=3.0), 2)
    net.add("more", es.models.LIF(tau_mem=4.0, i_ext=0.4), 3)
    net.connect("c", "d", weight=np.array([[0.5, 0.2], [-0.3, 0.4]]))
    net.connect("d", "more", weight=0.7, delay=0.2)
    net.add_plasticity("c->d", es.models.plasticity.ErrorTimesRate(learning_rate=0.05))
    net.connect("c", "b", weight=weight * TO_B, feedback=False)
    net.connect("b", "c", es.connect.fixed_probability(0.8), weight=weight * 0.2, delay=0.3, feedback=False)


def ticking(net, **options):
    sim = es.Simulation(net, dt=DT, **options)
    sim.set_input("in", np.sin(np.arange(2400).reshape(800, 3) / 30), every=0.2)
    sim.nudge("b", [0.5, 1.0, 0.2], beta=0.2)
    sim.record("a", "u", every=0.5)
    sim.record("b", "rate")
    return sim


def found(sim, continuous, spiking=("poisson", "cells")):
    each = [sim.array(name) for name in continuous]
    each += [sim.trace("a", "u").values, sim.trace("b", "rate").values]
    each += [sim.weights(name) for name in ("in->a", "a->b")]
    return each + [sim.spikes(name).times for name in spiking]


@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}])
@pytest.mark.parametrize("now", [10.0, 12.34])
def test_populations_on_ticks_grow_as_if_connections_were_switched_on(now, options):
    net = rates()
    sim = ticking(net, **options)
    sim.run(now)
    add_rates(net)
    sim.grow()
    sim.record("c", "rate", every=0.5)
    sim.run(20.0)
    state, twin = sim.snapshot(), copy.deepcopy(sim)
    restored = ticking(net, **options)
    restored.record("c", "rate", every=0.5)
    restored.restore(state)

    whole = rates()
    add_rates(whole)
    weights = {name: es.Simulation(whole, dt=DT).weights(name) for name in ("c->b", "b->c")}
    start = ticking(whole, **options)
    start.record("c", "rate", every=0.5)
    for name, weight in weights.items():
        start.set_weights(name, 0 * weight)
    start.run(now)
    for name, weight in weights.items():
        start.set_weights(name, weight)
    for each in (sim, twin, restored, start):
        each.run(40.0)
    assert len(sim.spikes("more")) > 10
    assert np.abs(sim.array("c")).max() > 0.01
    names = ("a", "b", "c", "d")
    rtol = 1e-4 if "dtype" in options else 1e-9
    for one, other in zip(found(sim, names), found(start, names), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)
    late = start.spikes("more").times >= now
    np.testing.assert_allclose(sim.spikes("more").times, start.spikes("more").times[late], rtol=rtol)
    np.testing.assert_allclose(sim.weights("c->d"), start.weights("c->d"), rtol=rtol, atol=rtol)
    for one, other in zip(found(sim, names), found(twin, names), strict=True):
        assert one.tobytes() == other.tobytes()
    for name in names:
        assert sim.array(name).tobytes() == restored.array(name).tobytes()


def test_samples_side_by_side_grow():
    rng = np.random.default_rng(2)

    def network(weight):
        net = es.Network(seed=1)
        net.add("in", es.models.RateInput(), 3)
        net.add("a", es.models.LatentEquilibrium(tau_mem=3.0), 4)
        net.connect("in", "a", weight=np.arange(12.0).reshape(3, 4) / 12, delay=0.3)
        return net, weight

    values = rng.normal(size=(300, 5, 3))
    results = []
    for grows in (True, False):
        net, weight = network(np.full((4, 2), 0.4))
        sims = []
        if grows:
            sims = [es.Simulation(net, dt=DT, batch=5)]
            sims[0].set_input("in", values, every=DT)
            sims[0].record("a", "rate", every=0.5, samples=[1, 3])
            sims[0].run(12.0)
        net.add("b", es.models.LatentEquilibrium(tau_mem=5.0), 2)
        net.connect("a", "b", weight=weight if grows else 0 * weight)
        if grows:
            sims[0].grow()
        else:
            sims = [es.Simulation(net, dt=DT, batch=5)]
            sims[0].set_input("in", values, every=DT)
            sims[0].record("a", "rate", every=0.5, samples=[1, 3])
            sims[0].run(12.0)
            sims[0].set_weights("a->b", weight)
        sims[0].run(25.0)
        results.append((sims[0].array("a"), sims[0].array("b"), sims[0].trace("a", "rate").values))
    assert results[0][2].shape[1:] == (2, 4)
    for one, other in zip(*results, strict=True):
        assert np.abs(one).max() > 0.01
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_dendrites_on_ticks_grow():
    def network():
        net = es.Network(seed=1)
        net.add("input", es.models.SpikeSource(times=np.arange(0.5, 40.0, 1.7), units=np.arange(24) % 2), 2)
        net.add("cells", es.models.MultiCompartment(solver="ticks"), 2)
        net.connect("input", "cells", weight=2.0)
        return net

    net, whole = network(), network()
    sim = es.Simulation(net, dt=0.05)
    sim.record("cells", "v", every=0.5)
    sim.run(12.34)
    for each in (net, whole):
        each.add("late", es.models.SpikeSource(times=[13.0, 14.0, 15.0], units=[0, 0, 0]), 1)
        each.add("more", es.models.MultiCompartment(solver="ticks"), 2)
        each.connect("late", "more", weight=2.0)
        each.connect("late", "cells", weight=1.0)
    sim.grow()
    start = es.Simulation(whole, dt=0.05)
    start.record("cells", "v", every=0.5)
    sim.record("more", "v", every=0.5)
    start.record("more", "v", every=0.5)
    for each in (sim, start):
        each.run(40.0)
    one, other = (each.trace("cells", "v").values for each in (sim, start))
    assert one.tobytes() == other.tobytes()
    late = start.trace("more", "v").values[-len(sim.trace("more", "v").times) :]
    assert np.ptp(late) > 0.0
    assert sim.trace("more", "v").values.tobytes() == late.tobytes()


def test_rates_grow_by_neurons_and_by_nothing_connected_to_the_same_bits():
    plain = ticking(rates())
    net = rates()
    sim = ticking(net)
    sim.run(11.0, inclusive=True)
    net.add("cells alone", es.models.LIF(i_ext=1.5), 2)
    sim.grow()
    sim.run(15.0, inclusive=True)
    net.add("rates alone", es.models.LatentEquilibrium(tau_mem=3.0), 2)
    sim.grow()
    for each in (plain, sim):
        each.run(30.0)
    for one, other in zip(found(sim, ("a", "b")), found(plain, ("a", "b")), strict=True):
        assert one.tobytes() == other.tobytes()
    assert len(sim.spikes("cells alone")) > 3
    sim.reset()
    assert sim.now == 0.0


def test_what_rates_did_before_they_were_kept_is_asked_for_in_one_line():
    net = rates()
    sim = ticking(net)
    sim.run(5.0)
    net.add("c", es.models.LatentEquilibrium(), 2)
    net.connect("b", "c", weight=0.2, delay=3.0, feedback=False)
    with pytest.raises(
        es.ConfigError, match=r"rates of 'b' of the last \d+ ticks, and those of \d+ were kept"
    ):
        sim.grow()
    sim.run(6.0)
    net.remove("c")
    spiking = es.Simulation(small())
    with pytest.raises(es.ConfigError, match="'in' runs on ticks, and this simulation was made without any"):
        spiking.grow(joined(small(), rates()))


def joined(net, other):
    """Return a network with the populations of another too."""
    for population in other.populations.values():
        if population.name not in net.populations:
            net.add(population.name, population.model, population.n)
    return net


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_file_that_is_written_while_it_runs_grows_too(schedule, tmp_path):
    def run(stream):
        net = small(schedule)
        sim = es.Simulation(net, schedule=schedule)
        sim.record("cells", "v", every=1.0)
        file = es.io.TraceFile.create(tmp_path / f"{stream}.h5") if stream else None
        if stream:
            sim.stream(file)
        sim.run(NOW)
        add_silent(net)
        sim.grow()
        sim.record("more", "v", every=1.0)
        sim.run(40.0)
        sim.set("more", i_ext=0.01)
        sim.run(END)
        if stream:
            file.close()
        else:
            sim.save(tmp_path / "False.h5")
        return es.io.load(tmp_path / f"{stream}.h5")

    streamed, saved = run(True), run(False)
    for name in ("noise", "cells", "late", "more"):
        assert len(saved.spikes[name]) > 3
        same_spikes(streamed.spikes[name], saved.spikes[name], True)
    for name in ("cells", "more"):
        one, other = streamed.samples[name, "v"], saved.samples[name, "v"]
        assert one.times.tolist() == other.times.tolist()
        assert one.values.tobytes() == other.values.tobytes()
    assert list(streamed.network().populations) == ["noise", "cells", "late", "more"]
    assert list(streamed.provenance["changes"]) == list(saved.provenance["changes"])
    assert "grown by late, more" in streamed.provenance["changes"][0]
    assert "more: i_ext = 0.01" in streamed.provenance["changes"][1]

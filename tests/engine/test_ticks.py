"""Ticks on the event queue: order, state that goes on to the bit, users' own models, spikes beside rates."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, UnknownPart

DT = 0.1


def rich(seed=1):
    """Return a network with everything: learning, delays, filters, noise, feedback, spikes both ways."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    gle = es.models.GeneralizedLatentEquilibrium
    net.add("in", es.models.RateInput(), 3)
    net.add("poisson", es.models.Poisson(rate=400.0), 4)
    net.add("trace", es.models.SpikeTrace(tau_syn=2.0), 4)
    net.add("a", gle(tau_mem=np.linspace(1, 3, 6), tau_r=0.5, noise=0.01, gamma=0.1), 6)
    net.add("b", es.models.LatentEquilibrium(tau_mem=5.0, tau_syn=1.0, activation="softplus"), 3)
    net.add("cells", es.models.LIF(tau_mem=4.0, tau_syn=2.0), 2)
    net.add("drawn", es.models.RateSpikes(scale=0.5), 2)
    net.connect("in", "a", weight=rng.normal(0, 0.5, (3, 6)), bias=0.1)
    net.connect("poisson", "trace", es.connect.one_to_one(), weight=0.5)
    net.connect("trace", "a", weight=rng.normal(0, 0.3, (4, 6)), delay=0.3)
    net.connect("a", "b", weight=rng.normal(0, 0.5, (6, 3)), feedback=rng.normal(0, 0.5, (3, 6)))
    net.connect(
        "b", "a", es.connect.fixed_probability(0.5), weight=0.1, delay=0.5, feedback=False, tau_syn=0.4
    )
    net.connect("b", "cells", weight=2.0, delay=0.25)
    net.connect("cells", "b", weight=-0.2, delay=0.77)
    net.connect("b", "drawn", weight=0.5)
    net.connect("drawn", "cells", weight=0.5, delay=0.1)
    net.add_plasticity("in->a", es.models.plasticity.ErrorTimesRate(learning_rate=0.1))
    net.add_plasticity("trace->a", es.models.plasticity.ErrorTimesRate(learning_rate=0.01, optimiser="adam"))
    net.add_plasticity(
        "a->b", es.models.plasticity.ErrorTimesRate(learning_rate=0.1, optimiser="momentum", decay=0.1)
    )
    net.add_plasticity("a", es.models.plasticity.TimeConstants(learning_rate=0.05))
    return net


def simulation(**options):
    sim = es.Simulation(rich(), dt=DT, **options)
    sim.set_input("in", np.sin(np.arange(2400).reshape(800, 3) / 30), every=0.2)
    sim.nudge("b", [0.5, 1.0, 0.2], beta=0.2)
    for population, variable in (("a", "u"), ("b", "error"), ("cells", "v")):
        sim.record(population, variable, every=0.5)
    return sim


def everything(sim):
    """Return all that a run leaves behind, to be compared to the bit."""
    found = [sim.spikes(name).times.tobytes() for name in ("poisson", "cells", "drawn")]
    found += [sim.trace(*key).values.tobytes() for key in (("a", "u"), ("b", "error"), ("cells", "v"))]
    found += [sim.weights(name).tobytes() for name in ("in->a", "trace->a", "a->b")]
    found.append(sim.array("a", "tau_mem").tobytes())
    return found


def test_the_rich_network_is_alive():
    sim = simulation()
    sim.run(40.0)
    assert len(sim.spikes("cells").times) > 3
    assert len(sim.spikes("drawn").times) > 3
    assert np.ptp(sim.trace("b", "error").values) > 0.01


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_slices_give_the_bits_of_one_run(dtype):
    whole, sliced = simulation(dtype=dtype), simulation(dtype=dtype)
    whole.run(40.0)
    for end in (0.05, 0.1, 3.33, 3.33, 17.0, 17.3, 40.0):
        sliced.run(end)
    assert everything(whole) == everything(sliced)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_restored_run_goes_on_to_the_bit(dtype):
    sim = simulation(dtype=dtype)
    sim.run(13.37)
    state = sim.snapshot()
    sim.run(40.0)
    expected = everything(sim)[:1]
    weights, u = sim.weights("a->b"), sim.array("a", "u")
    late = sim.spikes("cells").times
    sim.restore(state)
    sim.run(40.0)
    assert (sim.weights("a->b") == weights).all()
    assert (sim.array("a", "u") == u).all()
    assert everything(sim)[:1] == expected
    other = simulation(dtype=dtype)
    other.restore(state)
    other.set_input("in", np.sin(np.arange(2400).reshape(800, 3) / 30), every=0.2, start=0.0)
    other.run(40.0)
    assert (other.weights("a->b") == weights).all()
    assert (other.spikes("cells").times == late[late >= 13.37]).all()


def test_threads_do_not_matter():
    def run(_):
        sim = simulation()
        sim.run(20.0)
        return everything(sim)

    alone = run(0)
    with ThreadPoolExecutor(4) as pool:
        assert all(found == alone for found in pool.map(run, range(4)))


def test_ticks_are_events_of_the_queue():
    net = es.Network()
    net.add("x", es.models.RateInput(), 1)
    sim = es.Simulation(net, dt=DT)
    engine = sim.engine
    sim.run(1000.0)
    assert engine.processed == 10000
    assert engine.next_event_time == 1000.0  # the product, not a sum of ten thousand steps


def test_run_ticks_counts_exactly():
    net = es.Network()
    net.add("x", es.models.RateInput(), 1)
    for dt in (0.1, 0.7, 1e-3, 1 / 3):
        sim = es.Simulation(net, dt=dt)
        seen = []
        sim.set_input("x", lambda t, seen=seen: seen.append(t) or 0.0)
        for n in (1, 2, 7, 0, 90):
            sim.run_ticks(n)
        assert seen == [k * dt for k in range(100)]


def test_a_sample_is_taken_after_the_tick_of_its_time():
    net = es.Network()
    net.add("x", es.models.RateInput(), 1)
    sim = es.Simulation(net, dt=DT)
    sim.record("x", "rate", every=1.0)
    sim.set_input("x", lambda t: t)
    sim.run(5.05)
    samples = sim.trace("x", "rate")
    assert (samples.values[:, 0] == samples.times).all()


def test_samples_of_a_batch_have_an_axis_of_their_own(tmp_path):
    net = es.Network()
    net.add("x", es.models.RateInput(), 3)
    sim = es.Simulation(net, dt=DT, batch=4)
    values = np.arange(12.0).reshape(4, 3)
    sim.set_input("x", values)
    sim.record("x", "rate", every=0.5, units=[0, 2], samples=[1, 3])
    sim.run(1.0)
    assert (sim.trace("x", "rate").values == values[[1, 3]][:, [0, 2]]).all()
    with pytest.raises(ConfigError, match="samples=0"):
        sim.save(tmp_path / "run.h5")


def test_a_run_with_rates_goes_into_a_file(tmp_path):
    sim = simulation()
    sim.run(5.0)
    sim.save(tmp_path / "run.h5")
    loaded = es.io.load(tmp_path / "run.h5")
    assert (loaded.samples["a", "u"].values == sim.trace("a", "u").values).all()


# Users' own models --------------------------------------------------------------------------------------


class SlowTanh(es.TickModel):
    """The shipped GLE neuron with gamma = 0 and instant errors, written by a user."""

    receptors = ("input", "error")
    variables = ("rate", "error")

    def __init__(self, tau):
        self.tau = tau

    def begin(self, batch, n, dt, rng):
        self.u, self.error, self.slope = np.zeros((batch, n)), np.zeros((batch, n)), np.ones((batch, n))

    def step(self, t, dt, inputs):
        self.error = self.slope * inputs["error"]
        du = (inputs["input"] - self.u) / self.tau
        rate = np.tanh(self.u + self.tau * du)
        self.u = self.u + dt * du
        self.slope = 1 - rate**2
        return rate


def with_hidden(model):
    rng = np.random.default_rng(4)
    net = es.Network()
    net.add("x", es.models.RateInput(), 2)
    net.add("hidden", model, 5)
    net.add("y", es.models.LatentEquilibrium(tau_mem=3.0), 2)
    net.connect("x", "hidden", weight=rng.normal(size=(2, 5)))
    net.connect("hidden", "y", weight=rng.normal(size=(5, 2)))
    for projection in net.projections:
        net.add_plasticity(projection, es.models.plasticity.ErrorTimesRate(learning_rate=0.5))
    sim = es.Simulation(net, dt=DT, batch=3)
    sim.set_input("x", rng.normal(size=(50, 3, 2)), every=DT)
    sim.nudge("y", [0.5, -0.5], beta=0.3)
    return sim


def test_a_model_in_numpy_stands_where_a_compiled_one_does():
    own, shipped = (
        with_hidden(SlowTanh(3.0)),
        with_hidden(es.models.LatentEquilibrium(tau_mem=3.0, gamma=0.0)),
    )
    own.run_ticks(20)
    state = own.snapshot()
    own.run_ticks(30)
    own.restore(state)
    own.run_ticks(30)
    shipped.run_ticks(50)
    for name in ("x->hidden", "hidden->y"):
        np.testing.assert_allclose(own.weights(name), shipped.weights(name), 1e-11)


def test_a_rule_in_python_sees_every_tick():
    seen = []

    class Watch:
        def attach(self, projection):
            class Observer:
                def on_tick(self, time):
                    seen.append((time, round(float(projection.post.arrays["rate"][0, 0]), 9)))

            return Observer()

    net = es.Network()
    net.add("x", es.models.RateInput(), 1)
    net.add("y", es.models.LatentEquilibrium(activation="linear"), 1)
    net.connect("x", "y", weight=2.0)
    net.add_plasticity("x->y", Watch())
    sim = es.Simulation(net, dt=DT)
    sim.set_input("x", [1.5])
    sim.run_ticks(3)
    assert seen == [(0.0, 0.0), (0.1, 3.0), (0.2, 3.0)]


# Spikes and rates ---------------------------------------------------------------------------------------


def test_a_spike_between_ticks_decays_from_its_own_time():
    net = es.Network()
    net.add("s", es.models.SpikeSource(times=[0.23, 0.5]), 1)
    net.add("trace", es.models.SpikeTrace(tau_syn=2.0), 1)
    net.connect("s", "trace", weight=3.0, delay=0.1)
    sim = es.Simulation(net, dt=DT)
    sim.record("trace", "rate")
    sim.run(2.0)
    samples = sim.trace("trace", "rate")
    arrivals = np.array([0.33, 0.6])
    expected = [sum(3 * math.exp(-(t - a) / 2) for a in arrivals if t >= a - 1e-12) for t in samples.times]
    np.testing.assert_allclose(samples.values[:, 0], expected, 1e-12)


def test_a_pulse_has_the_weight_as_its_area():
    net = es.Network()
    net.add("s", es.models.SpikeSource(times=[0.23]), 1)
    net.add("y", es.models.LatentEquilibrium(tau_mem=10.0, tau_r=0.0, activation="linear"), 1)
    net.connect("s", "y", weight=3.0)
    sim = es.Simulation(net, dt=DT)
    sim.run_ticks(4)  # arrives before tick 3
    assert sim.array("y", "u")[0, 0] == pytest.approx(3.0 / 10.0, rel=1e-12)


def test_a_rate_drives_a_spiking_neuron_with_its_mean_current():
    net = es.Network()
    net.add("r", es.models.RateInput(), 2)
    net.add("cell", es.models.LIF(tau_mem=10.0, tau_syn=5.0, v_th=math.inf), 1)
    net.connect("r", "cell", weight=[[0.2], [0.1]], delay=1.23)
    errors = []
    for dt in (0.2, 0.1):
        sim = es.Simulation(net, dt=dt)
        sim.set_input("r", [1.0, 3.0])
        sim.record("cell", "i_syn", every=1.0)
        sim.run(100.0)
        samples = sim.trace("cell", "i_syn")
        current = 0.5 * 5.0 * -np.expm1(-np.maximum(samples.times - 1.23, 0) / 5.0)
        errors.append(np.abs(samples.values[:, 0] - current)[2:].max())
    assert errors[0] < 0.05
    assert errors[1] / errors[0] == pytest.approx(0.5, abs=0.2)  # first order in the tick


def test_drawn_spikes_are_poisson_with_the_rate_they_are_given():
    net = es.Network(seed=3)
    net.add("r", es.models.RateInput(), 1)
    net.add("s", es.models.RateSpikes(scale=2.0), 50)
    net.connect("r", "s", weight=1.0)
    sim = es.Simulation(net, dt=0.5)
    sim.set_input("r", lambda t: 0.1 if t < 500 else 0.4)
    sim.run(1000.0)
    times = sim.spikes("s").times
    for low, high, rate in ((1, 500, 0.2), (501, 1000, 0.8)):
        count, expected = np.sum((times >= low) & (times < high)), (high - low) * rate * 50
        assert abs(count - expected) < 4 * math.sqrt(expected)
    phase = (times / 0.5) % 1.0
    assert abs(phase.mean() - 0.5) < 0.01  # anywhere within a tick
    intervals = np.concatenate([np.diff(times[sim.spikes("s").units == u]) for u in range(50)])
    late = intervals[intervals < 50]
    assert late.std() / late.mean() == pytest.approx(1.0, abs=0.5)


# What is refused ----------------------------------------------------------------------------------------


def test_an_unstable_loop_stops_with_population_and_time():
    net = es.Network()
    net.add("x", es.models.LatentEquilibrium(activation="linear"), 2)
    net.connect("x", "x", weight=3.0)
    sim = es.Simulation(net, dt=DT)
    sim.set_input("x", [1.0, 0.0])
    with pytest.raises(FloatingPointError, match=r"'x' grows without bound: unit 0 has left .* at time 1"):
        sim.run(100.0)


def test_errors_that_grow_without_bound_stop_the_run_though_rates_stay_small():
    net = es.Network(time_unit="1")
    slow = es.models.GeneralizedLatentEquilibrium(tau_mem=1.0, tau_r=0.1, activation="linear", gamma=0.0)
    net.add("x", slow, 2)
    net.connect("x", "x", weight=0.5)  # forward the loop is a low-pass; errors gain by tau_mem / tau_r in it
    sim = es.Simulation(net, dt=DT)
    sim.nudge("x", [0.1, 0.0], beta=1.0)
    with pytest.raises(FloatingPointError, match=r"'x' grows .*: the error of unit 0 has left .* at time \d"):
        sim.run(100.0)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (es.models.LatentEquilibrium(tau_mem=[5.0, 0.05]), "longer than tau_mem = 0.05 of 'x' for unit 1"),
        (es.models.GeneralizedLatentEquilibrium(tau_mem=1.0, tau_r=0.05), "longer than tau_r = 0.05 of 'x'"),
    ],
)
def test_a_tick_longer_than_a_time_constant_is_refused(model, message):
    net = es.Network()
    net.add("x", model, 2)
    with pytest.raises(ConfigError, match=message):
        es.Simulation(net, dt=DT).run(1.0)


def small():
    net = es.Network()
    net.add("x", es.models.RateInput(), 2)
    net.add("y", es.models.LatentEquilibrium(), 3)
    net.add("cells", es.models.LIF(), 1)
    net.connect("x", "y", weight=1.0)
    return net


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda: es.Simulation(small()), "needs a tick"),
        (lambda: es.Simulation(small(), dt=-1.0), "dt must be positive"),
        (lambda: es.Simulation(small(), dt=DT, batch=0), "batch must be an integer"),
        (lambda: es.Simulation(small(), dt=DT, dtype="int32"), "float64 or float32"),
        (lambda: es.Simulation(small(), dt=DT, schedule="windows").run(1.0), "ordered"),
        (
            lambda: es.Simulation(small(), dt=DT).set_input("x", [1.0]),
            r"shape \(1,\), expected \(2\) or \(1, 2\)",
        ),
        (lambda: es.Simulation(small(), dt=DT).set_input("x", [1.0, math.nan]), "must be finite"),
        (
            lambda: es.Simulation(small(), dt=DT).set_input("x", [[1.0, 2.0]], every=0.15),
            "multiple of the tick",
        ),
        (lambda: es.Simulation(small(), dt=DT).set_input("cells", [1.0]), "not continuous"),
        (lambda: es.Simulation(small(), dt=DT).nudge("x", [1.0, 2.0]), "cannot be nudged"),
        (lambda: es.Simulation(small(), dt=DT).nudge("y", [1.0] * 3, kind="hinge"), "kind must be"),
        (lambda: es.Simulation(small(), dt=DT).weights("y->x"), "no projection named 'y->x'"),
        (lambda: es.Simulation(small(), dt=DT).set_learning_rate("x->y", 1.0), "has no plasticity rule"),
        (
            lambda: small().add_plasticity("z", es.models.plasticity.ErrorTimesRate(learning_rate=1.0)),
            "named 'z' in|named 'z'",
        ),
        (
            lambda: small().add_plasticity("x->y", es.models.plasticity.ErrorTimesRate),
            "must come from es.models.plasticity",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_one_line(what, message):
    with pytest.raises((ConfigError, ValueError, UnknownPart, TypeError), match=message) as caught:
        what()
    assert "\n" not in str(caught.value)


def test_spiking_networks_have_no_tick():
    net = es.Network()
    net.add("cells", es.models.LIF(), 1)
    with pytest.raises(ConfigError, match="none"):
        es.Simulation(net, dt=DT)
    with pytest.raises(ConfigError, match="no tick"):
        es.Simulation(net).run_ticks(1)

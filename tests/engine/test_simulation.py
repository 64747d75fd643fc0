"""A simulation from outside: recording, snapshots, streams, hooks, and what is refused."""

import gc
import math

import numpy as np
import pytest
from mpmath import mpf

import eventsim as es
from eventsim.errors import ConfigError, EventOrderError, UnknownPart
from reference import lif as slow

SCHEDULES = ("ordered", "layered", "windows")


def network(loop=True, seed=2, record_input=True):
    """Return a network that is never quiet: Poisson input, two populations, delays of all kinds."""
    net = es.Network(seed=seed)
    net.add("input", es.models.Poisson(rate=300.0), 8, record_spikes=record_input)
    net.add("clock", es.models.Regular(period=1.7), 2)
    net.add("told", es.models.SpikeSource(times=[1.0, 30.0], units=[0, 0]), 1)
    net.add("a", es.models.LIF(tau_mem=4.0, tau_syn=2.0, t_ref=0.5), 8)
    net.add("b", es.models.LIF(tau_mem=3.1, tau_syn=2.0), 5)
    net.connect("input", "a", es.connect.one_to_one(), weight=0.9)
    net.connect(
        "clock", "a", es.connect.fixed_probability(0.5), weight=0.4, delay=es.connect.uniform(0.1, 2.0)
    )
    net.connect("told", "b", weight=2.0, delay=0.3)
    net.connect("a", "b", weight=np.random.default_rng(seed).normal(0.3, 0.2, (8, 5)), delay=1.1)
    if loop:
        net.connect("b", "a", weight=-0.4, delay=es.connect.axonal(np.linspace(0.9, 1.5, 5)))
        net.connect("a", "a", es.connect.fixed_indegree(3), weight=0.2, delay=0.8)
    return net


def simulation(schedule, **changes):
    return es.Simulation(network(loop=schedule != "layered", **changes), schedule=schedule)


def everything(sim, since=0.0):
    """Return all spikes and samples from `since` on as lists, for comparison to the bit."""
    found = {}
    for name, population in sim.net.populations.items():
        if population.record_spikes:
            spikes = sim.spikes(name)
            late = spikes.times >= since
            found[name] = (spikes.times[late].tolist(), spikes.units[late].tolist())
    for key in sim._recordings:
        samples = sim.trace(*key)
        late = samples.times >= since
        found[key] = (samples.times[late].tolist(), samples.values[late].tolist())
    return found


@pytest.fixture(params=SCHEDULES)
def schedule(request):
    return request.param


# Time ---------------------------------------------------------------------------------------------------


def test_a_run_takes_what_comes_before_its_end_and_leaves_the_clock_there(schedule):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 2.0]), 1)
    net.add("cell", es.models.LIFDelta(), 1)
    net.connect("input", "cell", weight=2.0)
    sim = es.Simulation(net, schedule=schedule)
    assert sim.now == 0.0
    sim.run(2.0)
    assert sim.now == 2.0
    assert sim.spikes("cell").times.tolist() == [1.0]
    sim.run(2.0)
    assert sim.spikes("cell").times.tolist() == [1.0]
    sim.run(2.5)
    assert sim.spikes("cell").times.tolist() == [1.0, 2.0]
    if schedule == "ordered":
        sim = es.Simulation(net, schedule=schedule)
        sim.run(2.0, inclusive=True)
        assert sim.spikes("cell").times.tolist() == [1.0, 2.0]
    else:
        with pytest.raises(ConfigError, match="inclusive=True needs schedule='ordered'"):
            sim.run(3.0, inclusive=True)


def test_stimulation_between_slices_equals_the_same_spikes_from_the_start(schedule):
    loop = schedule != "layered"
    times = [0.5, 3.3, 3.3, 7.0, 7.00001, 12.0]
    whole = es.Simulation(network(loop), schedule=schedule)
    whole.stimulate("told", times)
    whole.run(40.0)
    parts = es.Simulation(network(loop), schedule=schedule)
    for end, new in ((3.3, times[:1]), (7.0, times[1:3]), (11.0, times[3:5]), (40.0, times[5:])):
        parts.stimulate("told", new)
        parts.run(end)
    assert everything(parts) == everything(whole)


# Snapshots ----------------------------------------------------------------------------------------------


def test_a_restored_snapshot_goes_on_to_the_same_bits(schedule):
    sim = simulation(schedule)
    for name in "ab":
        sim.record(name, "v", every=0.3)
    sim.run(17.3)
    state = sim.snapshot()
    sim.run(23.1)
    sim.stimulate("told", [24.0])
    sim.run(40.0)
    disturbed = everything(sim, 17.3)
    sim.restore(state)
    assert sim.now == 17.3
    sim.run(40.0)
    undisturbed = simulation(schedule)
    for name in "ab":
        undisturbed.record(name, "v", every=0.3)
    undisturbed.run(40.0)
    assert everything(sim) == everything(undisturbed)
    assert everything(undisturbed, 17.3) != disturbed
    assert len(undisturbed.spikes("b")) > 10


def test_taking_a_snapshot_changes_nothing(schedule):
    watched, plain = simulation(schedule), simulation(schedule)
    for end in np.linspace(0, 30, 31):
        watched.snapshot()
        watched.run(end)
    plain.run(30.0)
    assert everything(watched) == everything(plain)


def test_a_snapshot_continues_in_another_simulation_through_a_file(schedule, tmp_path):
    sim = simulation(schedule)
    sim.record("a", "v", every=0.3)
    sim.run(17.3)
    trace = sim.record_of_run()
    trace.state = {"simulation": sim.snapshot()}
    es.io.save(trace, tmp_path / "run.h5")
    sim.run(40.0)

    loaded = es.io.load(tmp_path / "run.h5")
    assert loaded.duration == 17.3
    other = simulation(schedule)
    other.record("a", "v", every=0.3)
    other.restore(loaded.state["simulation"])
    other.run(40.0)
    assert everything(other, 17.3) == everything(sim, 17.3)
    assert loaded.spikes["a"].times.tolist() == [t for t in sim.spikes("a").times if t < 17.3]


def test_a_snapshot_holds_only_plain_things(schedule):
    sim = simulation(schedule)
    sim.run(10.0)

    def check(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            for inner in value.values():
                check(inner)
        else:
            assert isinstance(value, np.ndarray | np.generic | int | float | str | bool), value

    check(sim.snapshot())


def test_a_snapshot_of_another_schedule_is_refused():
    with pytest.raises(
        ConfigError, match="the state is of the ordered schedule, this simulation runs windows"
    ):
        simulation("windows").restore(simulation("ordered").snapshot())


def test_a_snapshot_with_other_recordings_is_refused():
    sim = simulation("ordered")
    sim.record("a", "v", every=0.5)
    message = "the state is of a simulation that records no variable, this one records a/v"
    refused(ConfigError, message, sim.restore, simulation("ordered").snapshot())


def test_reset_starts_anew_with_the_same_bits(schedule):
    sim = simulation(schedule)
    sim.record("a", "v", every=0.5)
    sim.run(20.0)
    first = everything(sim)
    sim.run(25.0)
    sim.reset()
    assert sim.now == 0.0
    assert len(sim.spikes("a")) == 0
    sim.run(20.0)
    assert everything(sim) == first


def test_two_simulations_of_one_network_do_not_disturb_each_other(schedule):
    net = network(loop=schedule != "layered")
    one, other = es.Simulation(net, schedule=schedule), es.Simulation(net, schedule=schedule)
    for end in (5.0, 10.0, 20.0):
        one.run(end)
        other.run(end / 2)
    other.run(20.0)
    assert everything(one) == everything(other)


# Recording ----------------------------------------------------------------------------------------------


def test_samples_equal_the_closed_form(schedule):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[0.5, 1.25]), 1)
    net.add("cell", es.models.LIF(tau_mem=2.0, v_leak=0.1, v_init=-0.3, i_init=0.2, v_th=9.0), 2)
    net.connect("input", "cell", weight=np.array([[1.0, -2.0]]))
    sim = es.Simulation(net, schedule=schedule)
    sim.record("cell", "v", every=0.25, units=[1])
    sim.record("cell", "i_syn", every=0.5)
    sim.run(3.0)
    cell = slow.Cell(tau_mem=2.0, v_leak=0.1, v_th=9.0)
    trace = sim.trace("cell", "v")
    assert trace.units.tolist() == [1]
    assert trace.every == 0.25
    assert trace.times.tolist() == [0.25 * k for k in range(12)]
    for t, (found,) in zip(trace.times, trace.values, strict=True):
        wanted = slow.flow(cell, -0.3, 0.2, t)[0]
        wanted += sum(-2 * slow.kappa(cell, mpf(t) - s) for s in (0.5, 1.25) if t >= s)
        assert found == pytest.approx(float(wanted), rel=0, abs=1e-15)
    current = sim.trace("cell", "i_syn")
    expected = [
        0.2 * math.exp(-t) + sum(w * math.exp(-(t - s)) for s in (0.5, 1.25) if t >= s)
        for t in current.times
        for w in (1.0, -2.0)
    ]
    assert current.values.ravel() == pytest.approx(expected, rel=0, abs=1e-15)


def test_a_sample_at_the_time_of_an_event_comes_after_it(schedule):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 2.0], units=[0, 1]), 2)
    net.add("cell", es.models.LIFDelta(v_reset=-1.0, t_ref=0.5), 1)
    net.connect("input", "cell", weight=np.array([[0.25], [5.0]]))
    sim = es.Simulation(net, schedule=schedule)
    sim.record("cell", "v", every=1.0)
    sim.run(4.0)
    expected = [0.0, 0.25, -1.0, -math.exp(-0.5)]
    assert sim.trace("cell", "v").values[:, 0] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("every", [0.1, 0.3, 1.1, 1 / 3])
def test_grid_points_are_multiples_of_the_step_whenever_recording_begins(schedule, every):
    rng = np.random.default_rng(0)
    starts = [*rng.uniform(0, 20, 20), *(math.nextafter(k * every, math.inf) for k in range(1, 9)), 7 * every]
    for start in starts:
        sim = simulation(schedule)
        sim.run(start)
        sim.record("a", "v", every=every, units=[0])
        sim.run(25.0)
        k = np.arange(math.ceil(25.0 / every) + 1)
        expected = [t for t in k * every if start <= t < 25.0]
        assert sim.trace("a", "v").times.tolist() == expected


def test_recording_at_events_gives_the_state_after_each_event():
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 1.5, 2.0], units=[0, 1, 1]), 2)
    net.add("cells", es.models.LIFDelta(tau_mem=2.0), 2)
    net.connect("input", "cells", weight=np.array([[0.4, 0.5], [0.0, 0.9]]))
    sim = es.Simulation(net)
    sim.record("cells", "v")
    sim.run(5.0)
    assert sim.schedule == "ordered"
    trace = sim.trace("cells", "v")
    assert trace.every == 0.0
    assert trace.times.tolist() == [1.0, 1.5, 2.0]
    v = 0.4 * np.exp([0.0, -0.25, -0.5])
    assert trace.values[:, 0] == pytest.approx(v, abs=1e-15)
    assert trace.values[:, 1] == pytest.approx([0.5, 0.0, 0.9], abs=1e-15)  # fired at 1.5


def test_long_records_cost_as_much_a_sample_as_short_ones(schedule):
    import time

    def seconds(duration):
        sim = simulation(schedule)
        sim.record("a", "v", every=0.05)
        started = time.process_time()
        sim.run(duration)
        return time.process_time() - started

    seconds(50.0)
    assert seconds(3200.0) < 16 * 6 * max(seconds(200.0), 0.002)


@pytest.mark.parametrize("slices", [False, True])
def test_a_streamed_run_leaves_the_same_in_the_file_and_nothing_in_memory(schedule, slices, tmp_path):
    plain = simulation(schedule)
    plain.record("a", "v", every=0.25, units=[1, 3])
    plain.run(60.0)
    sim = simulation(schedule)
    sim.record("a", "v", every=0.25, units=[1, 3])
    with es.io.TraceFile.create(tmp_path / "run.h5", time_unit="ms", config="", provenance={}) as file:
        sim.stream(file)
        for end in (7.3, 20.0, 60.0) if slices else (60.0,):
            sim.run(end)
            assert len(sim.spikes("a")) == 0
            assert len(sim.trace("a", "v").times) == 0
    trace = es.io.load(tmp_path / "run.h5")
    for name in ("input", "a", "b"):
        assert trace.spikes[name].times.tolist() == plain.spikes(name).times.tolist()
        assert trace.spikes[name].units.tolist() == plain.spikes(name).units.tolist()
    samples = trace.samples["a", "v"]
    assert samples.units.tolist() == [1, 3]
    np.testing.assert_allclose(samples.times, plain.trace("a", "v").times, rtol=0, atol=1e-12)
    # Reports hold float32.
    assert (
        samples.values.astype(np.float32).tolist() == plain.trace("a", "v").values.astype(np.float32).tolist()
    )


def test_recordings_go_with_their_simulation_at_once():
    """Evaluations inside a long training must not pile up until the collector of cycles comes by."""
    gc.collect()
    gc.disable()
    try:
        sim = es.Simulation(network())
        sim.record("a", "v", every=0.1)
        sim.run(1.0)
        del sim
        assert not [found for found in gc.get_objects() if type(found).__name__ == "Recording"]
    finally:
        gc.enable()


def test_save_writes_what_was_recorded(schedule, tmp_path):
    sim = simulation(schedule)
    sim.run(20.0)
    sim.save(tmp_path / "run.h5")
    trace = es.io.load(tmp_path / "run.h5")
    assert trace.spikes["b"].times.tolist() == sim.spikes("b").times.tolist()
    assert trace.sizes["a"] == 8
    assert trace.duration == 20.0
    with pytest.raises(FileExistsError):
        sim.save(tmp_path / "run.h5")


# Hooks and handlers -------------------------------------------------------------------------------------


def test_a_hook_sees_each_spike_within_the_run():
    sim = es.Simulation(network())
    seen = []
    sim.on_spike("b", lambda time, unit: seen.append((time, unit, sim.now)))
    sim.run(30.0)
    spikes = sim.spikes("b")
    assert [(t, u) for t, u, _ in seen] == list(
        zip(spikes.times.tolist(), spikes.units.tolist(), strict=True)
    )
    assert all(now == t for t, _, now in seen)


def test_a_hook_that_raises_stops_at_its_spike_and_the_simulation_goes_on_as_if_it_had_not():
    plain = simulation("ordered")
    plain.run(30.0)
    spikes = plain.spikes("b")
    fail_at = [(spikes.times[k], spikes.units[k]) for k in (3, 9)]
    sim = simulation("ordered")

    def hook(time, unit):
        if (time, unit) in fail_at:
            raise ZeroDivisionError("by the hook")

    sim.on_spike("b", hook)
    for time, _ in fail_at:
        with pytest.raises(ZeroDivisionError, match="by the hook"):
            sim.run(30.0)
        assert sim.now == time
        assert sim.spikes("b").times[-1] == time
    sim.run(30.0)
    assert everything(sim) == everything(plain)


def test_handlers_of_ones_own_reach_neurons_through_the_engine():
    net = es.Network()
    net.add("cell", es.models.LIFDelta(), 2)
    sim = es.Simulation(net)
    engine, cell = sim.engine, sim.handler("cell")
    ticker = engine.register(
        lambda engine, event: engine.schedule(engine.now + 0.25, cell, unit=1, value=2.0)
    )
    engine.every(1.0, ticker, start=1.0)
    sim.run(3.0)
    assert sim.spikes("cell").times.tolist() == [1.25, 2.25]
    assert sim.spikes("cell").units.tolist() == [1, 1]


# What is refused ----------------------------------------------------------------------------------------


def refused(error, message, call, *args, **kwargs):
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    assert str(raised.value) == message
    assert "\n" not in message


def two(**changes):
    net = es.Network()
    net.add("a", es.models.SpikeSource(), 2)
    net.add("b", es.models.LIF(**changes), 3)
    return net


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weight": [[1.0, 2.0]]}, ValueError, "weight of 'a -> b' has shape (1, 2), expected (2, 3)"),
        (
            {"weight": [[1.0, 2.0, 3.0], [1.0, math.nan, 3.0]]},
            ValueError,
            "weight of 'a -> b' must be finite, got nan at (1, 1)",
        ),
        ({"weight": math.inf}, ValueError, "weight of 'a -> b' must be finite, got inf"),
        ({"delay": math.nan}, ValueError, "delay of 'a -> b' must be finite, got nan"),
        ({"delay": math.inf}, ValueError, "delay of 'a -> b' must be finite, got inf"),
        ({"delay": -0.5}, ValueError, "delay of 'a -> b' must not be negative, got -0.5"),
        (
            {"delay": es.connect.axonal([0.1, -0.1])},
            ValueError,
            "delay of 'a -> b' must be at least 0, got -0.1 at (1, 0)",
        ),
        ({"weight": "strong"}, TypeError, None),
    ],
)
def test_bad_weights_and_delays_are_refused_in_one_line(arguments, error, message):
    net = two()
    with pytest.raises(error) as raised:
        net.connect("a", "b", **arguments)
    if message:
        assert str(raised.value) == message
    assert "\n" not in str(raised.value)
    net.connect("a", "b")
    assert len(net.projections) == 1


def test_rest_above_threshold_is_a_current_as_the_refusal_says():
    # tau dv/dt = E - v with E = -49 above the threshold of -50, from the reset: 20 log(11 / 1).
    net = es.Network()
    with pytest.raises(
        ValueError, match=r"v_leak = E and i_ext = c_mem \(-49.0 - E\) / tau_mem are the same"
    ):
        net.add("b", es.models.LIF(tau_mem=20.0, v_leak=-49.0, v_th=-50.0, v_reset=-60.0), 1)
    cell = es.models.LIF(tau_mem=20.0, c_mem=20.0, v_leak=-60.0, i_ext=11.0, v_th=-50.0, v_reset=-60.0)
    net.add("b", cell, 1)
    sim = es.Simulation(net)
    sim.run(100.0)
    np.testing.assert_allclose(sim.spikes("b").times, 20.0 * np.log(11.0) * np.array([1, 2]), rtol=1e-14)


@pytest.mark.parametrize("model", [es.models.LIF, es.models.LIFDelta])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"v_th": -1.0},
            "v_reset of 'b' must be below v_th, got v_reset = 0.0 and v_th = -1.0: "
            "it would spike without end",
        ),
        (
            {"v_leak": 2.0},
            "v_leak of 'b' must be below v_th, got v_leak = 2.0 and v_th = 1.0: "
            "rest must lie below threshold; v_leak = E and i_ext = c_mem (2.0 - E) / tau_mem are the same",
        ),
        (
            {"v_reset": [0.0, 1.0, 0.0]},
            "v_reset of 'b' must be below v_th, got v_reset = 1.0 and v_th = 1.0 for unit 1: "
            "it would spike without end",
        ),
        ({"tau_mem": 0.0}, "tau_mem of 'b' must be positive, got 0.0"),
        ({"c_mem": [1.0, 1.0, -1.0]}, "c_mem of 'b' must be positive, got -1.0 for unit 2"),
        ({"t_ref": -1.0}, "t_ref of 'b' must not be negative, got -1.0"),
        ({"i_ext": math.nan}, "i_ext of 'b' must be finite, got nan"),
        ({"v_init": [1.0, 2.0]}, "v_init of 'b' has 2 values, expected 1 or 3"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(model, changes, message):
    net = es.Network()
    refused(ValueError, message, net.add, "b", model(**changes), 3)
    net.add("b", model(), 3)


def test_unknown_names_are_refused_and_say_what_is_known():
    net = two()
    refused(UnknownPart, "no population named 'c' in this network; known: a, b", net.connect, "a", "c")
    sim = es.Simulation(net)
    sim.run(1.0)
    for call in (sim.spikes, sim.handler):
        with pytest.raises(UnknownPart, match=r"'c'.*known: a, b"):
            call("c")
    refused(UnknownPart, "'b' has no variable 'u'; known: v, i_syn", sim.record, "b", "u", every=1.0)
    refused(UnknownPart, "'a' has no variable 'v'; known: none", sim.record, "a", "v", every=1.0)
    with pytest.raises(UnknownPart, match="is not recorded; call record"):
        sim.trace("b", "v")
    with pytest.raises(TypeError, match="tau_memm"):
        es.models.LIF(tau_memm=1.0)
    sim.run(2.0)


def test_a_loop_without_delay_is_refused_with_its_populations():
    net = two()
    net.add("c", es.models.LIF(), 1)
    net.connect("b", "c", delay=0.0)
    net.connect("c", "b", delay=1.0)
    es.Simulation(net).run(1.0)
    net.connect("c", "b", delay=0.0)
    with pytest.raises(ConfigError, match="b") as raised:
        es.Simulation(net).run(1.0)
    assert "c" in str(raised.value)
    assert "delay" in str(raised.value)


@pytest.mark.parametrize("until", [4.0, -1.0, math.nan, math.inf, -math.inf])
def test_runs_that_cannot_end_are_refused_and_the_simulation_stays_usable(schedule, until):
    sim = simulation(schedule)
    sim.run(5.0)
    message = (
        f"cannot run until {until} ms: the clock is at 5.0, and the end must be finite; "
        "run_for(duration) goes on from now"
    )
    refused(EventOrderError, message, sim.run, until)
    assert sim.now == 5.0
    sim.run(10.0)
    plain = simulation(schedule)
    plain.run(10.0)
    assert everything(sim) == everything(plain)


def test_bad_stimulation_is_refused_and_the_simulation_stays_usable(schedule):
    sim = simulation(schedule)
    sim.run(5.0)
    message = "cannot stimulate 'told' at 4.5 ms: the clock is at 5.0"
    refused(EventOrderError, message, sim.stimulate, "told", [6.0, 4.5], [0, 0])
    for time in (math.nan, -math.inf):
        refused(
            ValueError, f"spike times of 'told' must be numbers, got {time}", sim.stimulate, "told", [time]
        )
    refused(ValueError, "'told' has units 0..0, got a spike of unit 1", sim.stimulate, "told", [6.0], [1])
    refused(ConfigError, "'a' is a LIF, only a SpikeSource takes spikes", sim.stimulate, "a", [6.0], [0])
    sim.run(10.0)
    plain = simulation(schedule)
    plain.run(10.0)
    assert everything(sim) == everything(plain)


def test_bad_recordings_are_refused():
    sim = simulation("windows")
    sim.record("a", "v", every=0.5)
    refused(ConfigError, "'v' of 'a' is recorded already", sim.record, "a", "v", every=0.1)
    for every in (0.0, -1.0, math.nan, math.inf):
        refused(
            ValueError, f"every must be a positive time, got {every!r}", sim.record, "b", "v", every=every
        )
    refused(ValueError, "'b' has units 0..4, got [0, 5]", sim.record, "b", "v", every=1.0, units=[0, 5])
    refused(
        ValueError,
        "units of 'b' to record must differ, got [2, 2]",
        sim.record,
        "b",
        "v",
        every=1.0,
        units=[2, 2],
    )
    sim.run(2.0)
    assert list(sim._recordings) == [("a", "v")]


@pytest.mark.parametrize("forced", ["windows", "layered"])
def test_what_needs_single_events_is_refused_on_other_schedules(forced):
    sim = simulation(forced)
    for call in (
        lambda: sim.record("a", "v"),
        lambda: sim.on_spike("a", print),
        lambda: sim.engine,
    ):
        with pytest.raises(ConfigError, match="ordered"):
            call()
    sim.run(3.0)
    plain = simulation(forced)
    plain.run(3.0)
    assert everything(sim) == everything(plain)


def test_spikes_that_are_not_kept_cannot_be_read():
    sim = simulation("ordered", record_input=False)
    sim.run(1.0)
    message = "spikes of 'input' are not recorded; it was added with record_spikes=False"
    refused(ConfigError, message, sim.spikes, "input")


def test_samples_follow_each_other_at_their_offsets():
    rng = np.random.default_rng(1)
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 3)
    net.add("cell", es.models.LIF(), 1)
    net.connect("in", "cell", weight=1.5)
    samples, offsets = rng.uniform(0, 5, (4, 3)), np.array([30.0, 0.0, 60.0, 62.0])
    samples[2, 1] = np.inf
    found, wanted = es.Simulation(net), es.Simulation(net)
    found.stimulate("in", samples, offsets=offsets)
    for sample, offset in zip(samples, offsets, strict=True):
        wanted.stimulate("in", sample + offset, [0, 1, 2])
    for sim in (found, wanted):
        sim.run(100.0)
    assert len(found.spikes("in")) == 11
    for name in ("in", "cell"):
        assert found.spikes(name).times.tolist() == wanted.spikes(name).times.tolist()
        assert found.spikes(name).units.tolist() == wanted.spikes(name).units.tolist()
    lists = es.Simulation(net)
    lists.stimulate("in", [([0.5, 1.0], [0, 2]), ([], [])], offsets=[1.0, 2.0])
    lists.run(5.0)
    assert lists.spikes("in").times.tolist() == [1.5, 2.0]


def test_bad_offsets_say_so():
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 2)
    sim = es.Simulation(net)
    with pytest.raises(
        ValueError, match=r"offsets of 'in' must be numbers, one for each of 1 samples, got .*\(2,\)"
    ):
        sim.stimulate("in", [[1.0, 2.0]], offsets=[0.0, 1.0])
    with pytest.raises(ValueError, match="offsets of 'in' must be finite, got inf"):
        sim.stimulate("in", [[1.0, 2.0]], offsets=[np.inf])
    with pytest.raises(TypeError, match="leave `units` out"):
        sim.stimulate("in", [[1.0, 2.0]], [0], offsets=[0.0])
    sim.run(5.0)
    with pytest.raises(es.EventOrderError, match="cannot stimulate 'in' at 3"):
        sim.stimulate("in", [[1.0, 9.0]], offsets=[2.0])

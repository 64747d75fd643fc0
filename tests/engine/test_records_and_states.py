"""What is recorded survives states, slices and streams; a state goes back only where it came from."""

import copy

import numpy as np
import pytest

import eventsim as es


def source(times, **options):
    net = es.Network(seed=1)
    net.add("s", es.models.SpikeSource(times), 1)
    return es.Simulation(net, **options)


def poisson(rate=50.0, seed=1, weight=0.5, schedule="auto"):
    net = es.Network(seed=seed)
    net.add("in", es.models.Poisson(rate=rate), 5)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 5)
    net.connect("in", "cells", weight=weight, delay=1.0)
    return es.Simulation(net, schedule=schedule)


def test_a_spike_at_the_time_of_a_snapshot_is_kept():
    sim = source([1.0, 2.0], schedule="ordered")
    sim.run(1.0, inclusive=True)
    state = sim.snapshot()
    for _ in range(3):
        sim.run(5.0)
        sim.restore(state)
        assert sim.spikes("s").times.tolist() == [1.0]
    sim.run(5.0)
    assert sim.spikes("s").times.tolist() == [1.0, 2.0]


def test_a_spike_after_the_snapshot_at_the_same_time_is_forgotten():
    sim = source([1.0], schedule="ordered")
    sim.run(1.0)
    state = sim.snapshot()
    sim.run(1.0, inclusive=True)
    assert sim.spikes("s").times.tolist() == [1.0]
    sim.restore(state)
    assert sim.spikes("s").times.tolist() == []


def test_a_spike_at_which_the_engine_was_stopped_is_kept():
    sim = source([1.0, 2.0], schedule="ordered")
    sim.on_spike("s", lambda time, unit: sim.engine.stop())
    sim.run(5.0)
    assert sim.now == 1.0
    sim.restore(sim.snapshot())
    assert sim.spikes("s").times.tolist() == [1.0]


def test_samples_at_the_time_of_a_snapshot_are_kept():
    sim = poisson(schedule="ordered")
    sim.record("cells", "v", every=1.0)
    sim.run(3.0, inclusive=True)
    state = sim.snapshot()
    whole = sim.trace("cells", "v")
    sim.run(6.0)
    sim.restore(state)
    assert sim.trace("cells", "v").times.tolist() == whole.times.tolist() == [0.0, 1.0, 2.0, 3.0]
    sim.run(6.0)
    assert sim.trace("cells", "v").times.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_stop_ends_a_run_with_progress():
    sim = source(np.arange(1.0, 50.0), schedule="ordered")
    sim.on_spike("s", lambda time, unit: sim.engine.stop() if time >= 5.0 else None)
    sim.run(100.0, progress=lambda now, until: None)
    assert sim.now == 5.0


def test_an_inclusive_run_to_now_handles_its_events_with_progress_too():
    sim = source([1.0], schedule="ordered")
    sim.run(1.0)
    sim.run(1.0, inclusive=True, progress=lambda now, until: None)
    assert len(sim.spikes("s")) == 1


def test_a_stream_cannot_be_taken_back(tmp_path):
    sim = poisson()
    start = sim.snapshot()
    with es.io.TraceFile.create(tmp_path / "a.h5") as file:
        sim.stream(file)
        sim.run(50.0)
        n = sum(file.n_spikes.values())
        with pytest.raises(
            es.ConfigError, match=r"up to 50\.0 ms is in .*a\.h5 already and cannot be taken back"
        ):
            sim.restore(start)
        with pytest.raises(es.ConfigError, match="cannot be taken back"):
            sim.reset()
        with pytest.raises(
            es.ConfigError, match=r"recorded is in .*a\.h5, into which this simulation streams"
        ):
            sim.save(tmp_path / "b.h5")
        sim.restore(sim.snapshot())
        sim.run(100.0)
    kept = es.io.load(tmp_path / "a.h5")
    assert kept.duration == 100.0
    assert kept.provenance["seed"] == 1
    assert kept.provenance["schedule"] == sim.schedule
    whole = poisson()
    whole.run(100.0)
    assert n > 0
    assert np.array_equal(kept.spikes["cells"].times, whole.spikes("cells").times)


def test_a_state_of_another_network_is_refused_unless_asked_for():
    state = poisson(rate=50.0).snapshot()
    other = poisson(rate=0.0)
    with pytest.raises(
        es.ConfigError, match=r"another structure or other parameters; restore.state, other_network"
    ):
        other.restore(state)
    other.restore(state, other_network=True)
    for changed in (poisson(seed=2), poisson(weight=0.6)):
        with pytest.raises(es.ConfigError, match="other parameters"):
            changed.restore(state)
    same = poisson()
    same.restore(state)
    same.run(20.0)


def test_a_network_that_grows_leaves_simulations_as_they_are():
    net = es.Network()
    net.add("a", es.models.SpikeSource([1.0]), 1)
    sim = es.Simulation(net)
    sim.run(2.0)
    net.add("b", es.models.SpikeSource([1.0]), 1)
    with pytest.raises(es.UnknownPart, match="no population named 'b'"):
        sim.spikes("b")
    assert list(sim.record_of_run().spikes) == ["a"]


def test_names_of_populations_do_not_hide_events():
    net = es.Network()
    net.add("cell", es.models.MultiCompartment(), 1)
    net.add("cell.dendrite", es.models.SpikeSource(), 1)
    sim = es.Simulation(net)
    with pytest.raises(es.ConfigError, match=r"'cell\.dendrite' is a population, and the name of the events"):
        sim.run(1.0)


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        ([True, False], ValueError, "a mask of units of 'cells' must have 5 entries, got 2"),
        ([0.5], TypeError, "units of 'cells' must be integers or a mask, got float64"),
        ("0", TypeError, "must be integers or a mask, got <U1"),
        ([], ValueError, "must be at least one, got none"),
        ([-1], ValueError, r"'cells' has units 0\.\.4, got \[-1\]"),
        ([1, 1], ValueError, "must differ"),
        ([[0, 1]], ValueError, "must be a list, got shape"),
    ],
)
def test_selections_of_units_are_masks_or_integers(units, error, message):
    with pytest.raises(error, match=message):
        poisson().record("cells", "v", every=1.0, units=units)


def test_a_mask_selects_as_in_numpy():
    sim = poisson()
    sim.record("cells", "v", every=1.0, units=[False, True, False, False, True])
    sim.run(2.0)
    assert sim.trace("cells", "v").units.tolist() == [1, 4]


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_events_that_a_handler_cannot_take_are_errors_at_once(schedule):
    sim = poisson(schedule=schedule)
    if schedule != "ordered":
        with pytest.raises(es.ConfigError, match="has no event queue"):
            _ = sim.engine
        return
    engine = sim.engine
    with pytest.raises(TypeError, match="'in' is a source, which takes no events"):
        engine.schedule(5.5, sim.handler("in"))
    with pytest.raises(ValueError, match=r"'cells' has units 0\.\.4, got an event for unit 200000000"):
        engine.schedule(5.5, sim.handler("cells"), unit=200_000_000, value=1.0)
    with pytest.raises(ValueError, match=r"got an event for unit -1"):
        engine.every(1.0, sim.handler("cells"), unit=-1)
    with pytest.raises(ValueError, match="value of an event for 'cells' must be finite, got nan"):
        engine.schedule(5.5, sim.handler("cells"), value=float("nan"))
    engine.schedule(5.5, sim.handler("cells"), unit=4, value=1.0)


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
@pytest.mark.parametrize("key", ["position", "ahead", "drawn"])
def test_a_damaged_state_of_a_source_is_refused(schedule, key):
    sim = poisson(schedule=schedule)
    sim.run(10.0)
    state = copy.deepcopy(sim.snapshot())
    parts = state["body"]["handlers" if schedule == "ordered" else "populations"]
    (part,) = (each for each in parts.values() if key in each)
    part[key] = np.array(part[key])[:2] if key != "position" else np.full(5, 1 << 20)
    with pytest.raises(ValueError, match=f"'{key}' in the state"):
        sim.restore(state)


@pytest.mark.parametrize("schedule", ["windows", "layered"])
def test_a_damaged_state_of_spikes_under_way_is_refused(schedule):
    sim = poisson(schedule=schedule)
    sim.run(10.3)
    state = copy.deepcopy(sim.snapshot())
    (flights,) = state["body"]["flights"].values()
    flights["place"] = np.full(3, 1 << 40)
    flights["arrival"] = flights["emitted"] = np.full(3, 11.0)
    with pytest.raises(ValueError, match="'place' in the state of in->cells"):
        sim.restore(state)


def test_a_damaged_event_is_refused():
    sim = poisson(schedule="ordered")
    sim.run(10.3)
    state = copy.deepcopy(sim.snapshot())
    state["body"]["events"]["unit"][:] = 1 << 28
    with pytest.raises(ValueError, match="damaged"):
        sim.restore(state)


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_a_neuron_whose_time_does_not_advance_stops_the_run(schedule):
    net = es.Network()
    net.add("in", es.models.SpikeSource([1.0]), 1)
    net.add("cell", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 1)
    net.connect("in", "cell", weight=1e20, delay=1.0)
    sim = es.Simulation(net, schedule=schedule)
    with pytest.raises(es.EventOrderError, match="time does not advance"):
        sim.run(100.0)


def test_one_simulation_runs_in_one_thread_at_a_time():
    import threading

    sim = poisson(rate=5000.0, schedule="layered")
    errors = []

    def go():
        try:
            sim.run(3000.0)
        except (RuntimeError, es.EventOrderError) as error:
            errors.append(error)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sim.now == 3000.0
    assert all("another thread" in str(error) or "is at 3000" in str(error) for error in errors)


@pytest.mark.parametrize("record", [False, True])
def test_a_long_run_without_arrivals_hears_signals(record):
    import signal

    net = es.Network()
    net.add("cell", es.models.LIF(tau_mem=10.0, tau_syn=5.0, i_ext=5.0), 1, record_spikes=record)
    sim = es.Simulation(net, schedule="layered")
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            sim.run(1e12)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, interrupt)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (es.models.Regular(period=5e-324), "period of 's' must be at least 1e-09"),
        (es.models.Regular(period=1e-12), "period of 's' must be at least 1e-09"),
        (es.models.Poisson(rate=1e12), "rate of 's' must be at most"),
    ],
)
def test_sources_that_would_never_let_time_advance_are_refused(model, message):
    net = es.Network()
    with pytest.raises(ValueError, match=message):
        net.add("s", model, 1)


def test_a_state_with_a_window_far_away_is_refused():
    sim = poisson(schedule="windows")
    sim.run(10.3)
    state = copy.deepcopy(sim.snapshot())
    state["body"]["window"] = 1 << 62
    with pytest.raises(ValueError, match="the state is of window"):
        sim.restore(state)


def test_importing_takes_few_modules():
    import subprocess
    import sys

    program = """
import sys
before = set(sys.modules)
import eventsim as es
first = set(sys.modules) - before
es.models.LIF
heavy = ('numpy', 'inspect', 'difflib', 'email')
print(len(first), sorted(name for name in first if name.split('.')[0] in heavy))
print(sorted(name for name in sys.modules if name.startswith('eventsim.')))
print([name for name in ('scipy', 'h5py', 'importlib.metadata', 'pkgutil') if name in sys.modules])
"""
    lines = subprocess.check_output([sys.executable, "-P", "-c", program], text=True).splitlines()
    count, heavy = lines[0].split(" ", 1)
    assert int(count) <= 20
    assert heavy == "[]"
    assert len(lines[1].split(",")) <= 16


def test_parameters_of_parts_are_copies():
    buffer, periods, weights = np.array([1.0]), [2.0], np.ones((1, 1))
    net = es.Network()
    for trial in range(3):
        buffer[0] = trial + 1.0
        net.add(f"s{trial}", es.models.SpikeSource(buffer), 1)
    regular = es.models.Regular(period=periods)
    periods[0] = 3.0
    net.add("r", regular, 1)
    thresholds = np.array([1.0])
    neuron = es.models.LIF(v_th=thresholds)
    thresholds[:] = 5.0
    net.add("cell", neuron, 1)
    projection = net.connect("r", "cell", weight=weights)
    weights[:] = 7.0
    sim = es.Simulation(net)
    sim.run(5.0)
    assert [sim.spikes(f"s{k}").times.tolist() for k in range(3)] == [[1.0], [2.0], [3.0]]
    assert sim.spikes("r").times.tolist() == [0.0, 2.0, 4.0]
    assert float(neuron.v_th[0]) == 1.0
    assert float(projection.weight if np.isscalar(projection.weight) else projection.weight[0, 0]) == 1.0


def test_priorities_of_compiled_and_python_handlers_are_the_same():
    import re
    from pathlib import Path

    from eventsim.engine.priorities import Priority

    text = (Path(es.__file__).parent / "engine" / "priorities.pxd").read_text(encoding="utf-8")
    compiled = {name: int(value) for name, value in re.findall(r"^    (\w+) = (\d+)$", text, re.M)}
    assert compiled == {name: int(value) for name, value in Priority.__members__.items()}

"""Handlers that are given up are freed; a reset simulation's engine refuses instead of forgetting."""

import gc
import tracemalloc
import weakref

import pytest

import eventsim as es
from eventsim.errors import EventOrderError


class Agent:
    """A process that lives for a few events and then gives itself up."""

    def __init__(self, engine, lives=3):
        self.engine, self.lives = engine, lives
        self.memory = bytearray(4000)
        self.handler = engine.register(self.act)

    def act(self, engine, event):
        self.lives -= 1
        if self.lives:
            engine.schedule(engine.now + 1.0, self.handler)
        else:
            engine.unregister(self.act)


def test_20_000_agents_one_after_another_take_the_memory_of_a_few():
    engine = es.Engine()
    n_alive = 0
    tracemalloc.start()
    try:
        for k in range(20_000):
            agent = Agent(engine)
            engine.schedule(float(k), agent.handler)
            del agent
            engine.run(until=k + 1.0)
            if k == 1000:
                gc.collect()
                n_alive, _ = tracemalloc.get_traced_memory()
        gc.collect()
        at_end, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert at_end - n_alive < 200_000  # 8 bytes for each of some thousand ids; 80 MB if they were kept
    assert peak < 5_000_000
    assert len(engine.handlers) < 4000


def test_a_handler_given_up_is_freed_at_once():
    engine = es.Engine()
    agent = Agent(engine)
    gone = weakref.ref(agent)
    engine.unregister(agent.handler)
    del agent
    gc.collect()
    assert gone() is None


def test_ids_of_handlers_given_up_serve_again_once_no_event_waits_for_them():
    engine = es.Engine()
    seen = []
    token = engine.schedule(1e6, engine.register(Agent(engine).act))
    for k in range(5000):
        handler = engine.register(lambda engine, event, k=k: seen.append(k))
        engine.schedule(engine.now + 0.5, handler)
        engine.run(until=engine.now + 1.0)
        engine.unregister(handler)
    assert len(engine.handlers) < 1100
    assert seen == list(range(5000))
    assert engine.cancel(token)


def test_an_event_for_a_handler_given_up_is_an_error_not_somebody_elses_event():
    engine = es.Engine()
    handler = engine.register(lambda engine, event: None)
    engine.schedule(7.0, handler, unit=3)
    engine.unregister(handler)
    others = []
    for _ in range(3000):  # ids are given out again meanwhile, but not this one
        other = engine.register(lambda engine, event: others.append(event))
        engine.unregister(other)
    with pytest.raises(
        EventOrderError, match=r"an event at 7.0 \(unit 3\) is for a handler that was unregistered;"
    ):
        engine.run()
    assert others == []
    engine.run()


def test_cancelled_events_of_a_handler_given_up_are_nothing():
    engine = es.Engine()
    handler = engine.register(lambda engine, event: None)
    token = engine.every(1.0, handler)
    engine.cancel(token)
    engine.unregister(handler)
    engine.run(until=5.0)
    assert engine.now == 5.0


def test_a_handler_given_up_can_be_registered_again_here_or_elsewhere():
    first, second, seen = es.Engine(), es.Engine(), []

    class Mine(es.PythonHandler):
        def on_event(self, engine, time, unit, value):
            seen.append((engine, time))

    mine = first.register(Mine())
    first.unregister(mine)
    second.schedule(2.0, second.register(mine))
    second.run()
    second.unregister(mine)
    first.schedule(1.0, first.register(mine))
    first.run()
    assert seen == [(second, 2.0), (first, 1.0)]


def test_what_is_not_registered_or_stays_is_refused_in_one_line():
    engine = es.Engine()
    net = es.Network()
    net.add("cells", es.models.LIF(), 2)
    sim = es.Simulation(net, schedule="ordered")
    with pytest.raises(TypeError, match="LIFPopulation stays for the life of its engine"):
        sim.engine.unregister(sim.handler("cells"))
    with pytest.raises(ValueError, match="belongs to another engine"):
        engine.unregister(sim.handler("cells"))
    for never in (print, [], 5):
        with pytest.raises(TypeError, match="expected a handler that Engine"):
            engine.unregister(never)

    class Crosses(es.PythonHandler):
        def on_cross(self, engine, time, unit):
            pass

    crosses = engine.register(Crosses())
    engine.reserve(crosses, 2)
    with pytest.raises(TypeError, match="Crosses stays for the life of its engine"):
        engine.unregister(crosses)


def test_a_handler_that_is_running_may_give_itself_up_and_its_neighbour():
    engine = es.Engine()
    seen = []

    def neighbour(engine, event):
        seen.append("neighbour")

    def leave(engine, event):
        engine.unregister(neighbour)
        engine.unregister(leave)
        seen.append("left")

    engine.register(neighbour)
    engine.schedule(1.0, engine.register(leave))
    engine.run()
    assert seen == ["left"]


# What reset keeps and what it forgets.


def resettable():
    net = es.Network(seed=1)
    net.add("in", es.models.SpikeSource(times=[1.0]), 1)
    net.add("cell", es.models.LIF(), 1)
    net.connect("in", "cell", weight=3.0)
    sim = es.Simulation(net, schedule="ordered")
    sim.record("cell", "v", every=1.0)
    return sim


def test_reset_begins_again_as_a_new_simulation():
    sim, new, hooked = resettable(), resettable(), []
    sim.on_spike("cell", lambda time, unit: hooked.append(time))
    sim.stimulate("in", [5.0])
    called = []
    sim.engine.schedule(2.0, sim.engine.register(lambda engine, event: called.append(event.time)))
    sim.run(10.0)
    assert (len(sim.spikes("in")), len(called), len(hooked)) == (2, 1, 2)
    sim.reset()
    assert sim.now == 0.0
    sim.run(10.0)
    new.run(10.0)
    assert (
        sim.spikes("in").times.tolist() == new.spikes("in").times.tolist() == [1.0]
    )  # stimuli are forgotten
    assert sim.trace("cell", "v").values.tobytes() == new.trace("cell", "v").values.tobytes()
    assert (len(called), len(hooked)) == (1, 3)  # hooks stay, handlers do not


def test_a_loop_over_samples_does_not_add_their_stimuli_up():
    sim = resettable()
    counts = []
    for times in ([2.0, 3.0], [4.0], []):
        sim.reset()
        sim.stimulate("in", times)
        sim.run(10.0)
        counts.append(len(sim.spikes("in")))
    assert counts == [3, 2, 1]


def test_the_engine_of_before_a_reset_refuses_instead_of_losing_events():
    sim = resettable()
    engine, seen = sim.engine, []
    handler = engine.register(lambda engine, event: seen.append(event.time))
    sim.run(3.0)
    sim.reset()
    for ask in (
        lambda: engine.schedule(4.0, handler),
        lambda: engine.every(1.0, handler),
        lambda: engine.register(print),
        lambda: engine.run(5.0),
        lambda: engine.step(),
    ):
        with pytest.raises(RuntimeError, match="this engine is of a simulation that was reset; take sim"):
            ask()
    with pytest.raises(ValueError, match="belongs to another engine"):
        sim.engine.schedule(4.0, handler)
    sim.engine.schedule(4.0, sim.engine.register(lambda engine, event: seen.append(event.time)))
    sim.run(5.0)
    assert seen == [4.0]

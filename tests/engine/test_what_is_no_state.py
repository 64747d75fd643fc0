"""What is no state is refused in one line that says what a state is, and nothing changes."""

import numpy as np
import pytest

import eventsim as es
from eventsim.engine import Engine
from eventsim.engine.reference import ReferenceEngine

NO_STATES = [{}, None, 3, "x", [], [1], (), np.zeros(3), {"time": 1.0}, {"schedule": "ordered"}]


def simulation(schedule="ordered"):
    net = es.Network(seed=1)
    net.add("in", es.models.Poisson(rate=50.0), 5)
    net.add("cells", es.models.LIF(), 5)
    net.connect("in", "cells", weight=0.5, delay=1.0)
    return es.Simulation(net, schedule=schedule)


def refused(restore, state):
    """Return the one line with which `restore` refuses a state."""
    with pytest.raises((ValueError, TypeError)) as caught:
        restore(state)
    said = str(caught.value)
    assert "state" in said or "snapshot" in said
    assert "\n" not in said
    assert len(said) < 250
    assert "ambiguous" not in said
    return said


@pytest.mark.parametrize("state", NO_STATES, ids=repr)
@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_a_simulation_refuses_what_is_no_state(schedule, state):
    sim = simulation(schedule)
    sim.run(5.0)
    before = len(sim.spikes("in"))
    refused(sim.restore, state)
    assert (sim.now, len(sim.spikes("in"))) == (5.0, before)


@pytest.mark.parametrize("make", [Engine, ReferenceEngine])
@pytest.mark.parametrize("state", NO_STATES, ids=repr)
def test_an_engine_refuses_what_is_no_state(make, state):
    made = make()
    made.run(2.0)
    refused(made.restore, state)
    assert made.now == 2.0


@pytest.mark.parametrize("name", ["schedule", "network", "body", "next_samples", "now", "trial"])
@pytest.mark.parametrize("value", [None, np.zeros(2), [], object()], ids=["None", "array", "list", "object"])
def test_a_simulation_refuses_a_state_with_something_else_in_it(name, value):
    sim = simulation()
    sim.run(5.0)
    said = refused(sim.restore, sim.snapshot() | {name: value})
    assert name in said


@pytest.mark.parametrize("make", [Engine, ReferenceEngine])
@pytest.mark.parametrize("value", [None, np.zeros(2), [], object()], ids=["None", "array", "list", "object"])
@pytest.mark.parametrize("name", ["events", "crossings", "handlers", "names"])
def test_an_engine_refuses_a_state_with_something_else_in_it(make, name, value):
    made = make()
    state = made.snapshot()
    if name in state:
        assert name in refused(made.restore, state | {name: value})

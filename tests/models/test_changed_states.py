"""A state that somebody changed is refused in one line before anything is put back, or goes on."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models import Clamp, Compartment, LatentEquilibrium, MultiCompartment, Receptor, ThresholdEvent
from eventsim.models.plasticity import ErrorTimesRate, PlasticityKernel, StructuralPlasticity

ENDED = (ValueError, es.ConfigError, es.EventOrderError, FloatingPointError, RuntimeError, TypeError)


class Leaky(es.TickModel):
    def begin(self, batch, n, dt, rng):
        self.u = np.zeros((batch, n))
        self.ticks = 0

    def step(self, t, dt, inputs):
        self.ticks += 1
        self.u += dt * (inputs["input"] - self.u)
        return np.tanh(self.u)


class Counter(es.PythonNeuron):
    state = {"v": 0.0}  # noqa: RUF012

    def flow(self, duration, v):
        return (v * np.exp(-duration),)

    def time_to_spike(self, v):
        return 0.0 if v >= 1.0 else float("inf")

    def on_input(self, weight, receptor, v):
        return (v + weight,)

    def on_spike(self, v):
        return (0.0,)


def spiking(schedule, *, hardware=None, loop=False, neuron=None):
    """Sources of every kind, delays of every kind, and a sample of the membrane."""
    net = es.Network(seed=3)
    rng = np.random.default_rng(3)
    net.add("given", es.models.SpikeSource(np.arange(1.0, 60.0, 2.5), np.arange(24) % 3), 3)
    net.add("regular", es.models.Regular(period=1.7), 2)
    net.add("poisson", es.models.Poisson(rate=300.0), 4)
    net.add("private", es.models.Poisson(rate=300.0), 5, record_spikes=False)
    net.add("cells", neuron or es.models.LIF(tau_mem=10.0, tau_syn=5.0), 5)
    net.connect("private", "cells", es.connect.one_to_one(), weight=0.1, delay=0.5)
    net.connect("given", "cells", weight=0.4, delay=rng.uniform(1.0, 3.0, (3, 5)))
    net.connect("regular", "cells", weight=0.3, delay=es.connect.axonal([1.5, 4.0]))
    net.connect("poisson", "cells", weight=0.2, delay=7.0)
    if loop:
        net.connect("cells", "cells", weight=-0.1, delay=1.0)
    sim = es.Simulation(net, hardware, schedule)
    if neuron is None:
        sim.record("cells", "v", every=0.7)
    return sim


def dendrites(solver):
    net = es.Network(seed=3)
    net.add("in", es.models.Poisson(rate=40.0), 8)
    plateau = ThresholdEvent((Clamp(-35.0, 40.0, 10.0),), hold_off=15.0)
    dendrite = Compartment("dendrite", 100.0, 5.0, -70.0, -55.0, plateau, {"input": Receptor(3.0)})
    soma = Compartment("soma", v_th=-50.0, event=ThresholdEvent((Clamp(-75.0, 200.0, 2.0),)))
    net.add("cell", MultiCompartment((soma, dendrite), (("soma", "dendrite", 2.0),), solver=solver), 3)
    synapses = net.connect("in", "cell", weight=400.0, delay=1.0, receptor="dendrite")
    net.add_plasticity(synapses, PlasticityKernel(StructuralPlasticity(), 20.0, 8.0, 15.0, weight_step=20.0))
    return es.Simulation(net, **({"dt": 0.1} if solver == "ticks" else {}))


def rates(optimiser, **options):
    net = es.Network(seed=3)
    rng = np.random.default_rng(3)
    net.add("in", es.models.RateInput(), 4)
    net.add("hidden", LatentEquilibrium(tau_mem=2.0, tau_r=1.0, activation="tanh"), 6)
    net.add("out", LatentEquilibrium(tau_mem=2.0, tau_r=1.0, activation="tanh"), 3)
    net.add("own", Leaky(), 3)
    first = net.connect("in", "hidden", weight=rng.normal(0.0, 0.3, (4, 6)), delay=0.3)
    second = net.connect("hidden", "out", weight=rng.normal(0.0, 0.3, (6, 3)))
    net.connect("hidden", "own", weight=0.5, delay=0.1 * rng.integers(1, 5, (6, 3)))
    for each in (first, second):
        net.add_plasticity(each, ErrorTimesRate(0.01, optimiser=optimiser))
    sim = es.Simulation(net, dt=0.1, **options)
    sim.set_input("in", rng.normal(size=4))
    sim.nudge("out", rng.normal(size=3), beta=0.1)
    sim.record("hidden", "rate")
    return sim


def rates_and_spikes():
    net = es.Network(seed=3)
    net.add("poisson", es.models.Poisson(rate=300.0), 4)
    net.add("trace", es.models.SpikeTrace(tau_syn=3.0), 4)
    net.add("spikes", es.models.RateSpikes(scale=0.5), 4)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 3)
    net.connect("poisson", "trace", weight=1.0, delay=0.25)
    net.connect("trace", "spikes", weight=1.0)
    net.connect("spikes", "cells", weight=0.5, delay=0.5)
    net.connect("trace", "cells", weight=0.1, delay=0.5)
    return es.Simulation(net, dt=0.1)


MADE = {
    "ordered": lambda: spiking("ordered"),
    "windows": lambda: spiking("windows", loop=True),
    "layered": lambda: spiking("layered"),
    "delta": lambda: spiking("windows", loop=True, neuron=es.models.LIFDelta(tau_mem=10.0)),
    "common clock": lambda: spiking(
        "windows", loop=True, neuron=es.models.LIFDelta(tau_mem=10.0, clock="common")
    ),
    "own neuron": lambda: spiking("ordered", neuron=Counter()),
    "late ordered": lambda: spiking("ordered", hardware="jitter,sigma=0.5"),
    "late windows": lambda: spiking("windows", hardware="jitter,sigma=0.5", loop=True),
    "bus": lambda: spiking("ordered", hardware="bus,rate=2.0"),
    "exact dendrites": lambda: dendrites("exact"),
    "stepped dendrites": lambda: dendrites("ticks"),
    "sgd": lambda: rates("sgd"),
    "momentum": lambda: rates("momentum", batch=2, dtype="float32"),
    "adam": lambda: rates("adam", batch=2),
    "rates and spikes": rates_and_spikes,
}
OPTIONAL = ("network", "recorded_now")  # states of earlier versions lack them
CURRENTS = ("v", "i_syn", "g", "late", "w", "p", "state", "sums")
REDUNDANT = ("position", "count", "k", "tick", "arrival", "emitted", "next_spike", "due", "slot", "window")


def leaves(state, path=()):
    for name, value in state.items():
        if isinstance(value, dict):
            yield (*path, name)
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def changes(value, rng):
    """Return (what was done, changed value) of a leaf or group of a state."""
    yield "missing", KeyError
    yield "none", None
    yield "text", "text"
    yield "list", [[1.0], [2.0, 3.0]]
    if isinstance(value, dict | str):
        return
    array = np.asarray(value)
    for number in (-1, 1 << 31, 1 << 40, 1 << 62, np.nan, np.inf, -np.inf, 1e300, 0.5):
        changed = array.astype(float)
        if changed.size:
            changed.flat[rng.integers(changed.size)] = number
            yield f"one is {number}", changed
            yield f"all are {number}", np.full_like(changed, number)
    yield "complex", array.astype(complex)
    yield "one more dimension", array[None]
    if array.ndim and array.size:
        yield "shorter", array[:-1]
        yield "longer", np.concatenate([array, array[-1:]])
        yield "empty", array[:0]
        changed = array.copy()
        changed.flat[rng.integers(array.size)] += 1
        yield "one more", changed
        yield "backwards", array[::-1].copy()


def replaced(state, path, value):
    """Return a state with another value at a path; KeyError takes it out."""
    name, *rest = path
    if rest:
        return state | {name: replaced(state[name], rest, value)}
    if value is KeyError:
        return {key: each for key, each in state.items() if key != name}
    return state | {name: value}


def found(state, path):
    for name in path:
        state = state[name]
    return state


def spikes_of(sim):
    return {name: sim.spikes(name) for name, each in sim.net.populations.items() if each.record_spikes}


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")


@pytest.fixture(scope="module", params=MADE)
def made(request):
    sim = MADE[request.param]()
    sim.run(30.33)
    return MADE[request.param], sim.snapshot()


def test_the_state_itself_goes_on(made):
    make, state = made
    whole, again = make(), make()
    whole.run(60.0)
    again.restore(state)
    again.run(60.0)
    for name, spikes in spikes_of(again).items():
        kept = whole.spikes(name).times >= 30.33
        assert np.array_equal(spikes.times, whole.spikes(name).times[kept])


def test_a_changed_state_is_refused_whole_or_goes_on(made, request):
    """Some changes of each network by default, drawn at random; ``pytest --mutations 5000`` tries all."""
    make, state = made
    rng = np.random.default_rng(1)
    cases = [(path, *change) for path in leaves(state) for change in changes(found(state, path), rng)]
    most = request.config.getoption("--mutations")
    if most < 5000:
        cases = [cases[k] for k in rng.permutation(len(cases))[: most // 8]]
    sim = before = None
    n_refused = 0
    for path, what, changed in cases:
        case = f"{'/'.join(path)}: {what}"
        if sim is None:
            sim = make()
            sim.run(2.0)
            before = sim.snapshot()
        try:
            sim.restore(replaced(state, path, changed))
        except (ValueError, es.ConfigError) as error:
            assert "\n" not in str(error), case  # noqa: PT017
            assert same(sim.snapshot(), before), case
            n_refused += 1
            continue
        assert what not in ("missing", "none", "text", "list", "complex") or path[0] in OPTIONAL, case
        if not (path[-1] in CURRENTS and what.startswith(("one is", "all are"))):  # they make endless spikes
            try:
                sim.run(33.0)
            except ENDED as error:
                assert "\n" not in str(error), case  # noqa: PT017
        sim = None
    assert n_refused > len(cases) // 2


def test_numbers_that_follow_from_others_must_agree(made):
    """A spike that was taken out of a source, or a step of the clock, does not pass for a state."""
    make, state = made
    n = 0
    for path in leaves(state):
        value, group = np.asarray(found(state, path)), found(state, path[:-1])
        if path[-1] not in REDUNDANT or (path[-1] == "next_spike" and "populations" in path):
            continue
        if not value.size or not np.isfinite(value.flat[0]):
            continue
        if group.keys() & {"lost", "left", "learning_rate"}:  # what these count is known from nothing else
            continue
        changed = value.copy()
        changed[(0,) * value.ndim] += 1
        try:
            make().restore(replaced(state, path, changed))
        except (ValueError, es.ConfigError):
            n += 1
            continue
        raise AssertionError(f"{'/'.join(path)} may be one more")
    assert n > 0


def test_other_types_that_hold_the_same_numbers_are_the_same_state(made):
    make, state = made
    other = state
    for path in leaves(state):
        value = found(state, path)
        if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and (value < 1 << 50).all():
            other = replaced(other, path, value.astype(np.int64))
    a, b = make(), make()
    a.restore(state)
    b.restore(other)
    a.run(40.0)
    b.run(40.0)
    for (name, x), y in zip(spikes_of(a).items(), spikes_of(b).values(), strict=True):
        assert np.array_equal(x.times, y.times), name


def test_digits_that_were_lost_are_told():
    sim = spiking("ordered")
    sim.run(30.33)
    state = sim.snapshot()
    (part,) = (each for each in state["body"]["handlers"].values() if "next_spike" in each)
    part["v"] = part["v"].astype(np.float32)
    with pytest.raises(ValueError, match="'v' in the state of cells is float32 and does not fit into"):
        sim.restore(state)

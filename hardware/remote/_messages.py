"""What the frames of the protocol say: networks, spikes and observations, as numbers and arrays."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import connect
from eventsim.errors import ConfigError
from eventsim.hardware.remote._frames import Frame, FrameError, TooLarge, table, text, whole
from eventsim.hardware.targets.target import Observed
from eventsim.models.inputs.sources import SpikeSource
from eventsim.models.lif.lif import LIF, LIFDelta
from eventsim.network import Network, Projection
from eventsim.renamed import RENAMED, current
from eventsim.spike_trains import SpikeTrains

__all__ = [
    "VERSIONS",
    "in_version",
    "inputs_from",
    "network_from",
    "observed_from",
    "put_inputs",
    "put_network",
    "put_observed",
]

VERSIONS = (2, 1)  # that are spoken, the preferred one first; 1 had other names for models
MOST_UNITS = 1_000_000  # of all populations together
MODELS: dict[str, type] = {"spike-source": SpikeSource, "lif": LIF, "lif-delta": LIFDelta}

Floats = NDArray[np.float64]


# ---------------------------------------------------------------------- networks


def put_network(frame: Frame, net: Network) -> None:
    """Write a network into a frame.

    Raises
    ------
    ConfigError
        If something of it cannot be sent.
    """
    if net.plasticity:
        raise ConfigError(
            f"a network that is sent cannot learn by itself, {net.plasticity[0][0]!r} has a rule"
        )
    populations = []
    for name, population in net.populations.items():
        kind = next((key for key, model in MODELS.items() if type(population.model) is model), None)
        if kind is None:
            raise ConfigError(
                f"only {', '.join(model.__name__ for model in MODELS.values())} can be sent, "
                f"{name!r} is {type(population.model).__name__}"
            )
        parameters = {
            each.name: _put_value(frame, getattr(population.model, each.name))
            for each in fields(population.model)
            if each.name != "clock"
        }
        if getattr(population.model, "clock", "unit") != "unit":
            parameters["clock"] = population.model.clock  # servers of before know no other than the default
        populations.append(
            {
                "name": name,
                "n": population.n,
                "model": kind,
                "record": population.record_spikes,
                "parameters": parameters,
            }
        )
    frame.header["network"] = {
        "seed": net.seed,
        "time_unit": net.time_unit,
        "populations": populations,
        "projections": [_put_projection(frame, net, projection) for projection in net.projections],
    }


def in_version(frame: Frame, version: int) -> Frame:
    """Return a request with a network as a version of the protocol says it."""
    if version != 1:
        return frame
    old = {today: name for name, today in RENAMED["wire/model"].items()}
    network = frame.header["network"]
    populations = [each | {"model": old.get(each["model"], each["model"])} for each in network["populations"]]
    return Frame(frame.header | {"network": network | {"populations": populations}}, frame.arrays)


def _put_projection(frame: Frame, net: Network, projection: Projection) -> dict[str, Any]:
    synapses = projection.resolve(net)
    shape = (synapses.n_pre, synapses.n_post) if synapses.dense else (synapses.n_syn,)
    sent: dict[str, Any] = {"name": projection.name, "pre": projection.pre, "post": projection.post}
    if not synapses.dense:
        sent["pairs"] = [frame.put(synapses.sources()), frame.put(synapses.targets())]
    sent["weight"] = frame.put(np.broadcast_to(np.asarray(synapses.weight, np.float64), shape))
    delay = projection.delay
    if not isinstance(delay, float | np.ndarray):  # drawn from a distribution
        delay = np.asarray(synapses.delay, np.float64)
        delay = delay.reshape(-1, 1) if synapses.delay_kind == "axonal" else delay.reshape(shape)
    sent["delay"] = _put_value(frame, delay)
    return sent


def _put_value(frame: Frame, value: Any) -> Any:
    """Return what stands for a parameter: a number, "inf", true, null, or an array."""
    if value is None or isinstance(value, bool):
        return value
    array = np.asarray(value)
    if array.ndim:
        return frame.put(np.asarray(array, np.int64 if array.dtype.kind in "iu" else np.float64))
    number = float(array)
    return number if math.isfinite(number) else str(number)


def network_from(frame: Frame) -> Network:
    """Return the network that a frame holds.

    Raises
    ------
    FrameError
        If it holds none.
    UnknownPart, ConfigError, ValueError, TypeError
        If it cannot be declared.
    """
    told = table(frame.header.get("network"), "network")
    net = Network(whole(told.get("seed"), "seed", high=1 << 128), text(told.get("time_unit"), "time_unit"))
    n_units = 0
    for each in _rows(told, "populations"):
        n = whole(each.get("n"), "n", 1)
        n_units += n
        if n_units > MOST_UNITS:
            raise TooLarge(f"a network may have {MOST_UNITS} units")
        name = text(each.get("name"), "name")
        kind = current("wire/model", text(each.get("model"), "model"), quiet=True)
        if kind not in MODELS:
            raise FrameError(f"no model is called {kind!r:.60}; known: {', '.join(MODELS)}")
        known = {part.name for part in fields(MODELS[kind])}
        parameters = table(each.get("parameters"), "parameters")
        for key in parameters:
            if key not in known:
                raise FrameError(f"{kind} has no parameter {key!r:.60}; known: {', '.join(sorted(known))}")
        values = {
            key: text(value, key) if key == "clock" else _value(frame, value)
            for key, value in parameters.items()
        }
        net.add(name, MODELS[kind](**values), n, record_spikes=each.get("record", True) is not False)
    for each in _rows(told, "projections"):
        rule = None
        if "pairs" in each:
            pairs = each["pairs"]
            if not isinstance(pairs, list) or len(pairs) != 2:
                raise FrameError("pairs must be two arrays, of sources and of targets")
            rule = connect.pairs(*(frame.array(units, "<i8", 1) for units in pairs))
        net.connect(
            text(each.get("pre"), "pre"),
            text(each.get("post"), "post"),
            rule,
            weight=frame.array(each.get("weight"), "<f8", 2 if rule is None else 1),
            delay=_value(frame, each.get("delay", 0.0)),
            name=text(each.get("name"), "name"),
        )
    return net


def _rows(told: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = told.get(name)
    if not isinstance(rows, list):
        raise FrameError(f"{name} must be a list, got {rows!r:.60}")
    return [table(row, f"one of the {name}") for row in rows]


def _value(frame: Frame, told: Any) -> Any:
    """Return the parameter that `told` stands for."""
    if told is None or isinstance(told, bool | int | float):
        return told
    if told in ("inf", "-inf"):
        return float(told)
    if not isinstance(told, dict):
        raise FrameError(f"a parameter must be a number, 'inf', null or an array, got {told!r:.60}")
    k = whole(told.get("array"), "the number of an array", high=max(len(frame.arrays) - 1, 0))
    return frame.array(told, frame.arrays[k].dtype.str if frame.arrays else "<f8")


# ---------------------------------------------------------------------- spikes


def put_inputs(frame: Frame, inputs: Mapping[str, SpikeTrains]) -> None:
    """Write the input spikes of every source into a frame."""
    frame.header["inputs"] = {name: _put_trains(frame, trains) for name, trains in inputs.items()}


def inputs_from(frame: Frame, n_samples: int) -> dict[str, SpikeTrains]:
    """Return the input spikes that a frame holds, checked but for the sources they are for.

    Raises
    ------
    FrameError
        If they do not fit together.
    """
    told = table(frame.header.get("inputs"), "inputs")
    return {name: _trains(frame, each, n_samples, f"inputs of {name!r:.60}") for name, each in told.items()}


def put_observed(frame: Frame, observed: Observed) -> None:
    """Write what was observed into a frame."""
    frame.header["spikes"] = {name: _put_trains(frame, trains) for name, trains in observed.spikes.items()}
    frame.header["arrivals"] = {name: frame.put(value) for name, value in observed.arrivals.items()}
    frame.header["counters"] = {name: int(count) for name, count in observed.counters.items()}
    frame.header["hardware_seconds"] = float(observed.hardware_seconds)


def observed_from(frame: Frame, n_samples: int, sizes: Mapping[str, int]) -> Observed:
    """Return the observation of `n_samples` samples that a frame holds.

    Parameters
    ----------
    sizes : units of each population whose spikes are to be there.

    Raises
    ------
    FrameError
        If something is missing or does not fit.
    """
    told = table(frame.header.get("spikes"), "spikes")
    if told.keys() != sizes.keys():
        raise FrameError(f"spikes of {', '.join(sizes)} were expected, got {', '.join(told)}")
    spikes = {name: _trains(frame, each, n_samples, f"spikes of {name!r}") for name, each in told.items()}
    for name, trains in spikes.items():
        if trains.n != sizes[name]:
            raise FrameError(f"spikes of {name!r} are of {trains.n} units, it has {sizes[name]}")
    arrivals: dict[str, Floats] = {}
    for name, reference in table(frame.header.get("arrivals", {}), "arrivals").items():
        times = frame.array(reference, "<f8")
        if times.ndim < 2 or len(times) != n_samples or np.isnan(times).any():
            raise FrameError(f"arrivals of {name!r:.60} must be numbers, a row for each sample")
        arrivals[name] = times
    seconds = frame.header.get("hardware_seconds", 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise FrameError(f"hardware_seconds must be a number >= 0, got {seconds!r:.60}")
    return Observed(spikes, arrivals, counters_from(frame), float(seconds))


def counters_from(frame: Frame) -> dict[str, int]:
    """Return the counters that a frame holds; FrameError if they are none."""
    told = table(frame.header.get("counters", {}), "counters")
    return {name: whole(count, f"counter {name!r:.60}") for name, count in told.items()}


def _put_trains(frame: Frame, trains: SpikeTrains) -> dict[str, Any]:
    if trains.once:
        return {"n": trains.n, "first": frame.put(trains.first_spikes())}
    arrays = {"times": trains.times, "units": trains.units, "starts": trains.starts}
    return {"n": trains.n, **{key: frame.put(value) for key, value in arrays.items()}}


def _trains(frame: Frame, told: Any, n_samples: int, what: str) -> SpikeTrains:
    parts = table(told, what)
    n = whole(parts.get("n"), f"n of {what}", 1, MOST_UNITS)
    if "first" in parts:
        first = frame.array(parts["first"], "<f8", 2)
        if first.shape != (n_samples, n) or not (first >= 0).all():
            raise FrameError(f"{what}: first spikes must be >= 0 or inf, {n_samples} rows of {n}")
        return SpikeTrains.of_first(first)
    times = frame.array(parts.get("times"), "<f8", 1)
    units, starts = (frame.array(parts.get(key), "<i8", 1) for key in ("units", "starts"))
    fits = len(starts) == n_samples + 1 and len(units) == len(times)
    fits = fits and starts[0] == 0 and starts[-1] == len(times) and bool((np.diff(starts) >= 0).all())
    if not fits:
        raise FrameError(f"{what}: times, units and starts do not fit {n_samples} samples")
    if len(times) and not (np.isfinite(times).all() and times.min() >= 0):
        raise FrameError(f"{what}: times must be >= 0 and finite")
    begins = np.zeros(len(times) + 1, np.bool_)
    begins[starts] = True
    if not begins[1:-1][times[1:] < times[:-1]].all():
        raise FrameError(f"{what}: times of a sample must be sorted")
    if len(units) and not 0 <= units.min() <= units.max() < n:
        raise FrameError(f"{what}: units must be 0..{n - 1}")
    return SpikeTrains(times, units, starts, n)

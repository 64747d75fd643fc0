"""From declared projections of rates and learning rules to what takes part in ticks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.connect.rules import Distribution
from eventsim.contracts import SpikingPlasticityRule
from eventsim.engine.engine import Engine
from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.network.network import Network, Projection, is_continuous, sends_rates
from eventsim.rates.axonal import Axonal
from eventsim.rates.convolution import Convolution, ConvolutionFeedback, Pooling
from eventsim.rates.deliveries import RateDelivery
from eventsim.rates.dense import Dense, RateProjection
from eventsim.rates.images import Convolve, Pool
from eventsim.rates.sparse import Sparse
from eventsim.rates.ticks import Continuous, TickPart, Ticks


def ticks_of(
    net: Network, populations: dict[str, Any], engine: Engine, dt: float
) -> tuple[Ticks, dict[str, Any]]:
    """Return the tick of a network, registered with the engine, and its projections of rates by name.

    Raises
    ------
    ConfigError, UnknownPart, ValueError
        For a delay, receptor, variable or rule that does not do.
    """
    parts: dict[str, Any] = {}
    for projection in net.projections:
        if not sends_rates(net.populations[projection.pre].model):
            continue
        if not is_continuous(net.populations[projection.post].model):
            parts[projection.name] = rate_delivery(net, projection, populations)
            continue
        parts[projection.name] = rate_projection(net, projection, populations, dt)
        if projection.rates is not None and not isinstance(projection.rates.feedback, bool):
            feedback = feedback_projection(projection, populations)
            parts[feedback.name] = feedback
    observers = []
    for name, rule in net.plasticity:
        if isinstance(rule, SpikingPlasticityRule):
            continue
        target = parts.get(name, populations.get(name))
        if not isinstance(target, RateProjection | Continuous):
            raise ConfigError(
                f"{name!r} carries spikes; its plasticity rule acts on projections of rates and on "
                "continuous populations"
            )
        attached = rule.attach(target)
        for observer in attached if isinstance(attached, list) else [attached]:
            if observer is not None:
                observers.append(observer if isinstance(observer, TickPart) else _observer(observer))
    continuous = [populations[name] for name, p in net.populations.items() if is_continuous(p.model)]
    ticks = Ticks(dt, continuous, [*parts.values(), *observers])
    for part in (*parts.values(), *observers, ticks):
        engine.register(part)
    return ticks, parts


def delay_in_ticks(delay: float, dt: float, label: str) -> int:
    """Return a delay as a number of ticks.

    Raises
    ------
    ConfigError
        If it is no multiple of the tick, to 1e-9 of it.
    """
    ticks = round(delay / dt)
    if abs(delay - ticks * dt) > 1e-9 * dt * max(ticks, 1):
        raise ConfigError(
            f"the delay of {label} must be a multiple of the tick, got {delay:g} and dt = {dt:g}"
        )
    return ticks


def rate_projection(net: Network, projection: Projection, populations: dict[str, Any], dt: float) -> Any:
    """Return the projection of rates as it runs."""
    pre, post = populations[projection.pre], populations[projection.post]
    options = projection.rates
    assert options is not None
    label = projection.label
    if options.receptor not in post.receptors:
        raise UnknownPart(
            f"{projection.post!r} has no receptor {options.receptor!r}; "
            f"known: {', '.join(post.receptors) or 'none'}{did_you_mean(options.receptor, post.receptors)}"
        )
    if options.variable not in pre.arrays:
        raise UnknownPart(
            f"{projection.pre!r} has no variable {options.variable!r}; known: {', '.join(pre.arrays)}"
            f"{did_you_mean(options.variable, pre.arrays)}"
        )
    if 0 < options.tau_syn < dt:
        raise ConfigError(f"the tick dt = {dt:g} is longer than tau_syn = {options.tau_syn:g} of {label}")
    rule = projection.rule
    arguments: dict[str, Any] = {
        "variable": options.variable,
        "receptor": options.receptor,
        "errors": options.feedback is True and options.variable == "rate",
        "tau_syn": options.tau_syn,
    }
    delays, travels = _delays(projection, net, dt)
    if np.ndim(delays):
        if isinstance(rule, Convolve | Pool) or options.tau_syn > 0:
            raise ConfigError(f"delays that differ need listed synapses without a filter, not so {label}")
    else:
        arguments["ticks"] = int(delays)
    if travels and options.variable != "rate" and not _axonal(projection, net):
        raise ConfigError(
            f"variables other than the rate travel with one delay for all or for each source, not so {label}"
        )
    dtype = np.float64 if pre.is_float64 else np.float32
    n_bias = rule.kernels.shape[0] if isinstance(rule, Convolve) else post.n
    bias = _bias(options.bias, net, projection, n_bias, dtype)
    if isinstance(rule, Convolve):
        placed: dict[str, Any] = {"shape": rule.shape, "stride": rule.stride, "pad": rule.pad}
        return Convolution(projection.name, pre, post, rule.kernels, bias, **placed, **arguments)
    if isinstance(rule, Pool):
        if bias is not None:
            raise ConfigError(f"{label} pools and has no bias")
        windows: dict[str, Any] = {"shape": rule.shape, "window": rule.window}
        windows |= {"stride": rule.stride, "largest": rule.largest}
        return Pooling(projection.name, pre, post, **windows, **arguments)
    connections = projection.resolve(net)
    if connections.dense and not np.ndim(delays):
        weight = np.array(np.broadcast_to(connections.weight, (pre.n, post.n)), dtype)
        return Dense(projection.name, pre, post, weight, bias, **arguments)
    back = arguments["errors"] and "error" in post.arrays and "error" in pre.receptors
    if connections.dense and connections.delay_kind == "axonal" and not back:
        weight = np.array(np.broadcast_to(connections.weight, (pre.n, post.n)), dtype)
        return Axonal(projection.name, pre, post, weight, bias, delays, **arguments)
    shape = (pre.n, post.n) if connections.dense else connections.n_syn
    weight = np.ravel(np.broadcast_to(connections.weight, shape))
    lags = None
    if np.ndim(delays):
        arguments["axonal"] = connections.delay_kind == "axonal"
        lags = delays[connections.sources()] if connections.delay_kind == "axonal" else np.ravel(delays)
    units = connections.sources(), connections.targets()
    return Sparse(projection.name, pre, post, *units, weight, bias, lags, **arguments)


def _axonal(projection: Projection, net: Network) -> bool:
    """Return whether one delay holds for all synapses, or for all of a source."""
    return isinstance(projection.delay, float) or projection.resolve(net).delay_kind in ("uniform", "axonal")


def _delays(projection: Projection, net: Network, dt: float) -> tuple[Any, bool]:
    """Return the delay, or delays, in ticks, and whether any is longer than a tick."""
    label = projection.label
    if isinstance(projection.delay, float):
        ticks = delay_in_ticks(projection.delay, dt, label)
        return ticks, ticks > 1
    if isinstance(projection.rule, Convolve | Pool):
        raise ConfigError(f"a convolution or pooling has one delay for all, not so {label}")
    connections = projection.resolve(net)
    delays = np.asarray(connections.delay)
    if connections.delay_kind == "uniform":
        ticks = delay_in_ticks(float(delays), dt, label)
        return ticks, ticks > 1
    lags = np.array([delay_in_ticks(float(delay), dt, label) for delay in delays.ravel()], np.int32)
    return lags, bool(lags.max(initial=0) > 1)


def rate_delivery(net: Network, projection: Projection, populations: dict[str, Any]) -> RateDelivery:
    """Return a projection from a continuous population to a spiking one as it runs."""
    pre, post = populations[projection.pre], populations[projection.post]
    label = projection.label
    if pre.batch > 1:
        raise ConfigError(
            f"{label} leads to spikes, which have no samples; it needs batch=1, not {pre.batch}"
        )
    connections = projection.resolve(net)
    if connections.delay_kind != "uniform":
        raise ConfigError(f"a projection of rates to spiking neurons has one delay for all, not so {label}")
    weight = np.broadcast_to(connections.weight, (pre.n, post.n) if connections.dense else connections.n_syn)
    units = connections.sources(), connections.targets()
    return RateDelivery(projection.name, pre, post, *units, np.ravel(weight), float(connections.delay))


def feedback_projection(projection: Projection, populations: dict[str, Any]) -> RateProjection:
    """Return the way of errors through weights of their own."""
    pre, post = populations[projection.pre], populations[projection.post]
    assert projection.rates is not None
    if "error" not in post.arrays or "error" not in pre.receptors:
        raise ConfigError(f"no errors can go back along {projection.label}; leave feedback out")
    weight = np.array(projection.rates.feedback, np.float64 if pre.is_float64 else np.float32)
    name, rule = f"{projection.name} feedback", projection.rule
    options: dict[str, Any] = {"variable": "error", "receptor": "error", "errors": False}
    options["tau_syn"] = projection.rates.tau_syn
    if isinstance(rule, Convolve) and weight.ndim == rule.kernels.ndim:
        placed: dict[str, Any] = {"shape": rule.shape, "stride": rule.stride, "pad": rule.pad}
        return ConvolutionFeedback(name, post, pre, weight, **placed, **options)
    return Dense(name, post, pre, weight, **options)


def _bias(bias: Any, net: Network, projection: Projection, n: int, dtype: Any) -> NDArray[Any] | None:
    """Return one value per bias, or None."""
    if bias is None:
        return None
    if isinstance(bias, Distribution):
        return bias.draw(rng.stream(net.seed, "connect", projection.name, "bias"), n).astype(dtype)
    if np.ndim(bias) and np.shape(bias) != (n,):
        raise ValueError(f"bias of {projection.label} has {np.size(bias)} values, expected {n}")
    return np.array(np.broadcast_to(bias, n), dtype)


def _observer(observer: Any) -> TickPart:
    """Return a rule written in Python as part of the tick."""
    from eventsim.rates.ticks import PythonTickPart

    if not callable(getattr(observer, "on_tick", None)):
        raise TypeError(f"attach() must return something with on_tick(time), or None, got {observer!r:.60}")
    return PythonTickPart(observer)

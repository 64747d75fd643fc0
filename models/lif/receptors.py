"""Receptors of neurons with several of them: what current an input of weight 1 gives.

Each rises and decays in a closed form; the current through one receptor is the sum over its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.plain import shown
from eventsim.parameters import one_line, own_arrays, per_unit

__all__ = [
    "AlphaSynapse",
    "DeltaSynapse",
    "DoubleExponentialSynapse",
    "ExponentialSynapse",
    "receptor_keys",
    "receptor_table",
    "with_time_constants",
]

CLOSEST = 1.01  # ratio of the time constants of a double exponential, below which digits would be lost


@own_arrays
@dataclass(frozen=True, slots=True)
class ExponentialSynapse:
    """w e^(-s / tau): the weight is the current at once.

    Attributes
    ----------
    tau : array_like
        Time constant, time, > 0; one number, or an array of shape (n,).
    """

    tau: ArrayLike = 1.0

    shape: ClassVar[str] = "exponential"
    __repr__ = one_line


@own_arrays
@dataclass(frozen=True, slots=True)
class AlphaSynapse:
    """w (s / tau) e^(1 - s / tau): the weight is the largest current, reached after tau.

    Attributes
    ----------
    tau : array_like
        Time constant, time, > 0; one number, or an array of shape (n,).
    """

    tau: ArrayLike = 1.0

    shape: ClassVar[str] = "alpha"
    __repr__ = one_line


@own_arrays
@dataclass(frozen=True, slots=True)
class DoubleExponentialSynapse:
    """w k (e^(-s / tau_decay) - e^(-s / tau_rise)), with k such that the weight is the largest current.

    Attributes
    ----------
    tau_rise, tau_decay : array_like
        Time constants, time, > 0; one number, or an array of shape (n,). tau_decay exceeds tau_rise by 1 % at
        least; an `AlphaSynapse` is the limit of equal ones.
    """

    tau_rise: ArrayLike = 0.5
    tau_decay: ArrayLike = 1.0

    shape: ClassVar[str] = "double-exponential"
    __repr__ = one_line


@dataclass(frozen=True, slots=True)
class DeltaSynapse:
    """A jump of the membrane by the weight; inputs of a refractory unit are lost."""

    shape: ClassVar[str] = "delta"


_SHAPES = (ExponentialSynapse, AlphaSynapse, DoubleExponentialSynapse, DeltaSynapse)


def receptor_table(receptors: Any, n: int, name: str) -> list[tuple[str, str, Any, Any]]:
    """Return (name, shape, tau, tau_rise) of each receptor, checked.

    Raises
    ------
    TypeError, ValueError
        If they are no mapping of names to synapses or time constants, or a time constant is out of range.
    """
    if not isinstance(receptors, Mapping) or not receptors:
        raise TypeError(
            f"synapses of {name!r} must map names to synapses or time constants, such as "
            f"{{'fast': 2.0, 'slow': es.models.AlphaSynapse(30.0)}}, got {shown(receptors)}"
        )
    table: list[tuple[str, str, Any, Any]] = []
    for key, synapse in receptors.items():
        if not isinstance(key, str) or not key:
            raise TypeError(f"a receptor of {name!r} must be named by a text, got {shown(key)}")
        if isinstance(synapse, DeltaSynapse):
            table.append((key, synapse.shape, 1.0, 1.0))
            continue
        label = f"of receptor {key!r}"
        if isinstance(synapse, DoubleExponentialSynapse):
            rise = per_unit(synapse.tau_rise, n, f"tau_rise {label}", name, positive=True)
            decay = per_unit(synapse.tau_decay, n, f"tau_decay {label}", name, positive=True)
            close = np.atleast_1d(np.asarray(decay) < CLOSEST * np.asarray(rise))
            if close.any():
                k = int(np.argmax(close))
                got = [float(np.broadcast_to(each, close.shape)[k]) for each in (rise, decay)]
                raise ValueError(
                    f"tau_decay {label} of {name!r} must exceed tau_rise by 1 % at least, got tau_rise = "
                    f"{got[0]} and tau_decay = {got[1]}; an AlphaSynapse has equal ones"
                )
            table.append((key, synapse.shape, decay, rise))
            continue
        known = isinstance(synapse, _SHAPES)
        tau = synapse.tau if known else synapse
        try:
            tau = per_unit(tau, n, f"tau {label}", name, positive=True)
        except TypeError:
            raise TypeError(
                f"receptor {key!r} of {name!r} must be a time constant or a synapse such as "
                f"es.models.AlphaSynapse(5.0), got {shown(synapse)}"
            ) from None
        table.append((key, synapse.shape if known else "exponential", tau, 1.0))
    return table


def receptor_keys(name: str, shape: str) -> tuple[str, ...]:
    """Return the names of the time constants of a receptor among the parameters of a gradient."""
    decay, rise = f"tau_syn_{name}", f"tau_rise_{name}"
    return {"delta": (), "double-exponential": (decay, rise)}.get(shape, (decay,))


def with_time_constants(synapses: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return receptors with other time constants, by the names of `receptor_keys`."""
    found: dict[str, Any] = {}
    for name, synapse in synapses.items():
        keys = receptor_keys(name, getattr(synapse, "shape", "exponential"))
        taus = [values[key] for key in keys if key in values]
        if not taus:
            found[name] = synapse
        elif isinstance(synapse, DoubleExponentialSynapse):
            found[name] = DoubleExponentialSynapse(taus[1], taus[0])
        else:
            found[name] = replace(synapse, tau=taus[0]) if isinstance(synapse, _SHAPES) else taus[0]
    return found

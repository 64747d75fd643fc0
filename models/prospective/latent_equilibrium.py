"""Neurons with prospective rates: Latent Equilibrium, and Generalized Latent Equilibrium.

    tau_mem du/dt = -u + W r + b + gamma e        r = phi(ub),  ub = u + tau_r du/dt

The rate is ahead of the membrane by tau_r. With tau_r = tau_mem that cancels the membrane's lag:
ub = W r + b + gamma e has no memory, and a network answers at once however slow its neurons are
(LE). With tau_r < tau_mem a neuron remembers, with tau_r > tau_mem it leads its input (GLE).

Errors come from the layer above, inst = phi'(ub) * W^T e (and from a target), and are

    LE     e = inst
    GLE    e = v + tau_mem dv/dt,  tau_r dv/dt = inst - v

In GLE the two time constants change places: at every frequency the error has the phase of the exact
adjoint, and the inverse of its gain. The equations are integrated by explicit Euler steps, one per tick;
`population.pyx` gives the order within a tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim import rng
from eventsim.errors import ConfigError
from eventsim.parameters import one_line, one_number, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.rates.ticks import Continuous

ACTIVATIONS = ("linear", "tanh", "logistic", "hard_sigmoid", "softplus", "relu")
_VARIABLES = ("u", "rate", "prospective", "error")


def _one_of(value: str, known: tuple[str, ...], what: str, name: str) -> None:
    if value not in known:
        raise ValueError(f"{what} of {name!r} must be one of {', '.join(known)}, got {value!r}")


def _not_below(values: ArrayLike, dt: float, what: str, name: str) -> None:
    """Refuse time constants that a step of `dt` cannot follow."""
    small = np.less(values, dt * (1 - 1e-9))
    if np.any(small):
        unit = int(np.argmax(small))
        where = f" for unit {unit}" if np.ndim(values) else ""
        raise ConfigError(
            f"the tick dt = {dt:g} is longer than {what} = {np.ravel(values)[unit]:g} of {name!r}{where}; "
            f"explicit steps need dt <= {what}"
        )


@register("neuron", "latent-equilibrium")
@dataclass(frozen=True, slots=True)
class LatentEquilibrium:
    """Prospective neurons whose errors act at once (LE).

    Attributes
    ----------
    tau_mem : membrane time constant, one number or one per unit; at least the tick.
    tau_r : prospective time constant; tau_mem unless given. 0 is the control without prospectivity,
        r = phi(u).
    activation : phi, one of linear, tanh, logistic, hard_sigmoid, softplus, relu.
    gamma : how strongly the error enters the membrane.
    errors : "instant", e = phi' W^T e; or "prospective", where the soma knows its prospective potential
        only, so that the error for learning and for the layer below is u + tau_r du/dt - W r - b.
    noise : standard deviation of Gaussian noise added to the rate, anew at every tick.
    tau_syn : time constant of the current that arriving spikes cause; 0 for a pulse of one tick whose
        area is the weight.
    """

    tau_mem: ArrayLike = 10.0
    tau_r: ArrayLike | None = None
    activation: str = "tanh"
    gamma: float = 1.0
    errors: str = "instant"
    noise: float = 0.0
    tau_syn: float = 0.0

    paper: ClassVar[str] = "Haider et al. 2021, Latent Equilibrium"
    variables: ClassVar[tuple[str, ...]] = _VARIABLES
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        per_unit(self.tau_mem, n, "tau_mem", name, positive=True)
        if self.tau_r is not None:
            per_unit(self.tau_r, n, "tau_r", name, nonnegative=True)
        _one_of(self.activation, ACTIVATIONS, "activation", name)
        _one_of(self.errors, ("instant", "prospective"), "errors", name)
        for what in ("noise", "tau_syn"):
            one_number(getattr(self, what), f"{what} of {name!r}", low=0)
        one_number(self.gamma, f"gamma of {name!r}")

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that computes these neurons."""
        return _population(self, context)


@register("neuron", "generalized-latent-equilibrium")
@dataclass(frozen=True, slots=True)
class GeneralizedLatentEquilibrium:
    """Neurons with separate constants of membrane and prospection, and errors reversed in time (GLE).

    Attributes
    ----------
    tau_mem, tau_r : time constants of membrane and prospective rate, one number or one per unit; at
        least the tick. Equal: the neuron answers at once. tau_r < tau_mem: it remembers.
    activation : phi, one of linear, tanh, logistic, hard_sigmoid, softplus, relu.
    gamma : how strongly the error enters the membrane; 1 in the theory, 0 or little in practice.
    errors : "dynamic", or "instant" for the control whose errors ignore time.
    noise : standard deviation of Gaussian noise added to the rate, anew at every tick.
    tau_syn : time constant of the current that arriving spikes cause; 0 for a pulse of one tick whose
        area is the weight.
    """

    tau_mem: ArrayLike = 1.0
    tau_r: ArrayLike = 0.1
    activation: str = "tanh"
    gamma: float = 0.0
    errors: str = "dynamic"
    noise: float = 0.0
    tau_syn: float = 0.0

    paper: ClassVar[str] = "Ellenberger et al. 2025, Backpropagation through space, time, and the brain"
    variables: ClassVar[tuple[str, ...]] = _VARIABLES
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        per_unit(self.tau_mem, n, "tau_mem", name, positive=True)
        per_unit(self.tau_r, n, "tau_r", name, positive=True)
        _one_of(self.activation, ACTIVATIONS, "activation", name)
        _one_of(self.errors, ("instant", "dynamic"), "errors", name)
        for what in ("noise", "tau_syn"):
            one_number(getattr(self, what), f"{what} of {name!r}", low=0)
        one_number(self.gamma, f"gamma of {name!r}")

    def build(self, context: BuildContext) -> Continuous:
        """Return the population that computes these neurons."""
        _not_below(per_unit(self.tau_r, context.n, "tau_r", context.name), context.dt, "tau_r", context.name)
        return _population(self, context)


def _population(model: LatentEquilibrium | GeneralizedLatentEquilibrium, context: BuildContext) -> Continuous:
    from eventsim.models.prospective.population import ProspectivePopulation

    tau_mem = per_unit(model.tau_mem, context.n, "tau_mem", context.name)
    tau_r = tau_mem if model.tau_r is None else per_unit(model.tau_r, context.n, "tau_r", context.name)
    _not_below(tau_mem, context.dt, "tau_mem", context.name)
    key = int(rng.sequence(context.run_seed, "rate noise", context.name).generate_state(1, np.uint64)[0])
    return ProspectivePopulation(
        context,
        {"tau_mem": tau_mem, "tau_r": tau_r},
        activation=model.activation,
        errors=model.errors,
        gamma=float(model.gamma),
        tau_spike=float(model.tau_syn),
        noise=float(model.noise),
        noise_key=key,
    )

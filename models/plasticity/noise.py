"""Noise with a memory, as feedback learning needs it: an Ornstein-Uhlenbeck process for each neuron.

    tau d xi/dt = -xi + sqrt(tau) sigma n(t)         n white noise of unit intensity

The variance is sigma^2 / 2, the autocorrelation exp(-|t| / tau). A tick of the exact update is

    xi <- rho xi + sigma sqrt((1 - rho^2) / 2) N(0, 1)          rho = exp(-dt / tau)

and one of Euler's, which the published results were made with, has rho = 1 - dt / tau and the gain sigma
sqrt(dt / tau): its variance is sigma^2 / (2 - dt / tau).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError
from eventsim.io.plain import plain_array
from eventsim.parameters import one_line, one_number

Floats = NDArray[np.float64]

UPDATES = ("exact", "euler", "hold")
AMPLITUDES = ("constant", "u", "prospective", "apical")


@dataclass(frozen=True, slots=True)
class OrnsteinUhlenbeck:
    """An Ornstein-Uhlenbeck process, one for each neuron.

    Attributes
    ----------
    sigma : strength, one number or one per neuron; the variance is sigma^2 / 2.
    tau : correlation time; for "hold" the time that a value is kept.
    update : "exact"; "euler"; or "hold", Gaussian values of the same variance, each kept for tau.
    amplitude : what sigma is multiplied with: "constant" for nothing, or the absolute value of a potential
        of the neuron, "u", "prospective" or, in microcircuits, "apical".
    """

    sigma: ArrayLike
    tau: float
    update: str = "exact"
    amplitude: str = "constant"

    paper: ClassVar[str] = "Max et al. 2024, Learning efficient backprojections across cortical hierarchies"
    __repr__ = one_line

    def __post_init__(self) -> None:
        sigma = plain_array(self.sigma, "sigma", "iuf")
        if sigma.ndim > 1 or not (np.isfinite(sigma).all() and (sigma >= 0).all()):
            raise ValueError(f"sigma must be numbers of at least 0, got {self.sigma!r:.60}")
        if not one_number(self.tau, "tau of the noise", low=0) > 0:
            raise ValueError(f"tau of the noise must be positive, got {self.tau!r}")
        for what, known in (("update", UPDATES), ("amplitude", AMPLITUDES)):
            if getattr(self, what) not in known:
                raise ValueError(
                    f"{what} of the noise must be one of {', '.join(known)}, got {getattr(self, what)!r}"
                )

    def steps(self, dt: float) -> tuple[float, float, int]:
        """Return what a tick keeps of the noise, the gain of a normal number, and ticks between new values.

        Raises
        ------
        ConfigError
            If the correlation time is shorter than the tick.
        """
        not_shorter(self.tau, dt, "tau of the noise")
        if self.update == "hold":
            return 0.0, math.sqrt(0.5), max(1, round(self.tau / dt))
        keep = self.keep(dt)
        gain = math.sqrt(dt / self.tau) if self.update == "euler" else math.sqrt((1 - keep * keep) / 2)
        return keep, gain, 0

    def keep(self, dt: float) -> float:
        """Return the correlation of the noise of two ticks, rho."""
        return 1 - dt / self.tau if self.update == "euler" else math.exp(-dt / self.tau)

    def variance(self, dt: float) -> float:
        """Return the stationary variance for sigma = 1."""
        return 1 / (2 - dt / self.tau) if self.update == "euler" else 0.5


def feedback_scale(
    noise: OrnsteinUhlenbeck, tau_high_pass: float, decay: float, age: int, dt: float
) -> float:
    """Return the size of learned feedback weights relative to transposed forward weights, for sigma = 1.

    The noise that returns in high-passed rates is `age` ticks old when it meets itself. Its expected product
    with the present noise, over the decay, is what feedback weights settle at; they also have the slopes of
    both layers, and what a potential loses on its way.

    Notes
    -----
    The noise has the correlation rho^k over k ticks. A high-pass that keeps q = 1 - dt / tau_hp of its value
    in a tick is high_passed(t) = sum over j >= 0 of q^j (r(t - j) - r(t - j - 1)). With r(t) = xi(t - age),
    E[xi(t) high_passed(t)] = C rho^age (1 - rho) sum of (q rho)^j = C rho^age (1 - rho) / (1 - q rho).
    """
    rho, kept = noise.keep(dt), 1 - dt / tau_high_pass
    return noise.variance(dt) * rho**age * (1 - rho) / (1 - rho * kept) / decay


def passed_by_membrane(
    noise: OrnsteinUhlenbeck, tau_mem: ArrayLike, prospection: ArrayLike, dt: float
) -> Floats:
    """Return what membranes leave of the correlation that `feedback_scale` counts; 1 if tau_r = tau_mem.

    Feedback weights from a cell to another settle at `feedback_scale` times the factors of both, besides
    slopes and forward weights.

    Parameters
    ----------
    noise : OrnsteinUhlenbeck
    tau_mem : array_like
        Membrane time constants.
    prospection : array_like
        tau_r / tau_mem: how far rates look ahead, in units of the membrane time constant.
    dt : float

    Notes
    -----
    With a = dt / tau_mem, a membrane makes u(t + 1) = u(t) + a (s(t) - u(t)) of what it is driven by, s, and
    the cell shows ub = u(t) + p (s(t) - u(t)). So ub has p of this s, and (1 - p) a (1 - a)^(j - 1) of that j
    ticks ago. Noise that is k ticks older correlates rho^k times as well with the present one. The sum over j
    is p + (1 - p) a rho / (1 - (1 - a) rho).
    """
    rho, p = noise.keep(dt), np.asarray(prospection, float)
    a = dt / np.asarray(tau_mem, float)
    found: Floats = p + (1 - p) * a * rho / (1 - (1 - a) * rho)
    return found


def not_shorter(tau: float, dt: float, what: str) -> None:
    """Refuse a time constant that ticks cannot follow."""
    if tau < dt * (1 - 1e-9):
        raise ConfigError(
            f"{what} = {tau:g} is shorter than the tick dt = {dt:g}; it must be at least a tick"
        )

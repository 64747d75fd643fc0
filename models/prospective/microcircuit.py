"""Cells of the dendritic microcircuit with prospective rates (Haider et al. 2021).

A pyramidal cell has a soma, a basal dendrite (from below) and an apical dendrite (from above); an
interneuron copies a cell of the layer above, so that the input of the apical dendrite cancels except
for the error. Capacitances are 1, so conductances are in 1/time. With total conductance g and u_ss the
mean of the compartments' potentials weighted by conductance,

    du/dt = g (u_ss - u),    ub = u + du/dt / g,    r = softplus(ub), or softplus(u) as a control

Variables for plasticity: `basal_error`, act(ub) minus what the basal dendrite predicts, and `apical_error`,
-v_a. All are plain NumPy on `TickModel`; connect with ``variable=`` and ``receptor=``, learn with
``ErrorTimesRate(post=...)``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.rates.tick_model import TickModel

Values = NDArray[np.float64]

G_LEAK, G_BASAL, G_APICAL, G_DENDRITE, G_SOMA = 0.03, 0.1, 0.06, 0.1, 0.06  # 1/ms


def softplus(x: Values) -> Values:
    """Return log(1 + e^x)."""
    found: Values = np.logaddexp(0.0, x)
    return found


class _Cell(TickModel):
    """The membrane of the three kinds of cell, pulled to potentials by conductances."""

    def __init__(self, prospective: bool = True) -> None:
        self.prospective_rates = prospective

    def begin(self, batch: int, n: int, dt: float, rng: Generator) -> None:
        """Start at rest."""
        self.u = np.zeros((batch, n))
        self.prospective = np.zeros((batch, n))
        self.basal_error = np.zeros((batch, n))
        self.apical_error = np.zeros((batch, n))

    def _advance(self, dt: float, conductance: Values | float, steady: Values) -> Values:
        """Advance the membrane; return the rate. ub = u + (u_ss - u) = u_ss, of the inputs of this tick."""
        if np.any(dt * np.asarray(conductance) > 1.0):
            raise ConfigError(
                f"the tick dt = {dt:g} is longer than C / g = {1 / np.max(conductance):g} of "
                f"{type(self).__name__}; "
                "explicit steps need dt <= C / g"
            )
        du = conductance * (steady - self.u)
        self.prospective = self.u + du / conductance if self.prospective_rates else self.u.copy()
        self.u = self.u + dt * du
        if not self.prospective_rates:
            self.prospective = self.u.copy()
        return softplus(self.prospective)


class PyramidalCell(_Cell):
    """A hidden cell; receptors basal and apical."""

    receptors = ("basal", "apical")
    variables = ("rate", "u", "prospective", "basal_error", "apical_error")

    def step(self, t: float, dt: float, inputs: Mapping[str, NDArray[Any]]) -> Values:
        """Return the rates after a tick."""
        total = G_LEAK + G_BASAL + G_APICAL
        basal, apical = inputs["basal"], inputs["apical"]
        rate = self._advance(dt, total, (G_BASAL * basal + G_APICAL * apical) / total)
        self.basal_error = rate - softplus(G_BASAL * basal / total)
        self.apical_error = -np.asarray(apical, float)
        return rate


class Interneuron(_Cell):
    """A copy of a cell of the layer above; receptors dendrite (own layer) and soma (that cell)."""

    receptors = ("dendrite", "soma")
    variables = ("rate", "u", "prospective", "basal_error")

    def step(self, t: float, dt: float, inputs: Mapping[str, NDArray[Any]]) -> Values:
        """Return the rates after a tick."""
        total = G_LEAK + G_DENDRITE + G_SOMA
        dendrite, soma = inputs["dendrite"], inputs["soma"]
        rate = self._advance(dt, total, (G_DENDRITE * dendrite + G_SOMA * soma) / total)
        self.basal_error = rate - softplus(G_DENDRITE * dendrite / (G_LEAK + G_DENDRITE))
        return rate


class OutputCell(_Cell):
    """An output cell; receptors basal, target (a potential) and taught (1 with a target, else 0)."""

    receptors = ("basal", "target", "taught")
    variables = ("rate", "u", "prospective", "basal_error")

    def step(self, t: float, dt: float, inputs: Mapping[str, NDArray[Any]]) -> Values:
        """Return the rates after a tick."""
        soma = G_SOMA * np.asarray(inputs["taught"], float)
        total = G_LEAK + G_BASAL + soma
        basal = inputs["basal"]
        rate = self._advance(dt, total, (G_BASAL * basal + soma * inputs["target"]) / total)
        self.basal_error = rate - softplus(G_BASAL * basal / (G_LEAK + G_BASAL))
        return rate


def self_predicting(up: Values, down: Values, next_is_output: bool = True) -> tuple[Values, Values]:
    """Return the weights to and from interneurons with which apical potentials vanish without a target.

    Parameters
    ----------
    up : ndarray, shape (n, n_above), weights to the basal dendrites above.
    down : ndarray, shape (n_above, n), weights from above to apical dendrites.
    next_is_output : bool
        Output cells have no apical dendrite.

    Returns
    -------
    from_interneurons : ndarray, shape (n_above, n)
    to_interneurons : ndarray, shape (n, n_above)
    """
    total = G_LEAK + G_BASAL + (0.0 if next_is_output else G_APICAL)
    return -down, up * (G_BASAL / total * (G_LEAK + G_DENDRITE) / G_DENDRITE)

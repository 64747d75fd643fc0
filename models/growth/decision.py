"""When a layer grows, and by how many units.

    representation full:  phi > gamma phi_0                   phi = ED / M, phi_0: before training
    plasticity full:      percentile_p(F_current) > tau
    ed_fisher             both; k = ED - gamma phi_0 M, rounded
    ed_only               the first; k as above
    fisher_only           the second; k = k_fixed
    loss_plateau          the training loss no longer falls; k = k_fixed
    fixed_pertask         the first test of each task; k = k_fixed

Raghunathan et al. (2026), eq. 6. The rounding is ours ("floor") or that of Maile et al. ("north", up).
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["TRIGGERS", "LayerTest", "SizeRule", "Trigger", "new_units", "size"]

Trigger = Literal["ed_fisher", "ed_only", "fisher_only", "loss_plateau", "fixed_pertask"]
SizeRule = Literal["floor", "north"]
TRIGGERS = get_args(Trigger)
SLACK = 1e-9  # M (1 - gamma) may lie below a whole number by rounding


@dataclass(frozen=True, slots=True)
class LayerTest:
    """What the decision about a hidden layer depends on.

    Attributes
    ----------
    width : M, units.
    dimension : ED, effective dimension; a whole number where it is counted.
    phi_0 : ED / M before training.
    percentile : of the Fisher information of the current task.
    tau : that it must exceed.
    plateau : whether the training loss no longer falls.
    first : whether it is the first test of a task.
    """

    width: int
    dimension: float
    phi_0: float
    percentile: float = 0.0
    tau: float = 0.0
    plateau: bool = False
    first: bool = False

    @property
    def phi(self) -> float:
        """Effective dimension for each unit."""
        return self.dimension / self.width

    def is_full(self, gamma: float) -> bool:
        """Return whether the representation is full."""
        return self.dimension > gamma * self.phi_0 * self.width + SLACK

    @property
    def is_rigid(self) -> bool:
        """Whether even weights of little importance are needed by earlier tasks."""
        return self.percentile > self.tau


def size(test: LayerTest, gamma: float, rule: SizeRule) -> int:
    """Return how many units are missing; from whole numbers, as 12 - 0.9 * 12 has no exact form."""
    bound = gamma * test.phi_0 * test.width
    if rule == "north":
        return max(0, math.floor(test.dimension - math.floor(bound + SLACK)))
    return max(0, math.floor(test.dimension - bound + SLACK))


def new_units(
    test: LayerTest,
    trigger: Trigger = "ed_fisher",
    gamma: float = 0.9,
    rule: SizeRule = "floor",
    k_fixed: int = 2,
) -> int:
    """Return how many units a hidden layer gets.

    Raises
    ------
    ValueError
        If there is no such trigger.
    """
    if trigger not in TRIGGERS:
        raise ValueError(f"trigger must be one of {', '.join(TRIGGERS)}, got {trigger!r}")
    if trigger in ("ed_fisher", "ed_only"):
        opens = test.is_full(gamma) and (trigger == "ed_only" or test.is_rigid)
        return size(test, gamma, rule) if opens else 0
    opens = {"fisher_only": test.is_rigid, "loss_plateau": test.plateau, "fixed_pertask": test.first}[trigger]
    return k_fixed if opens else 0

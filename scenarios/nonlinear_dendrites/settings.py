"""The configuration of `nonlinear-dendrites`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.scenarios.nonlinear_dendrites.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections

TASKS = Literal[
    "plateau",
    "all-or-none",
    "hold-off",
    "synchrony",
    "coincidence-window",
    "bac-firing",
    "monte-carlo",
    "structural-plasticity",
    "network",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; what each key means stands beside it."""

    paper: ClassVar[str] = (
        "Schemmel et al. 2017, An accelerated analog neuromorphic hardware system emulating NMDA- and "
        "calcium-based non-linear dendrites"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "test": ("task", "dt"),
        "network and devices": ("neurons", "inputs", "rate", "duration", "solver", "spread"),
        "structural plasticity": ("periods", "period", "pruning"),
    }

    task: Annotated[TASKS, "which test"] = "all-or-none"
    dt: Annotated[float, *POSITIVE, "ms, tick where synapses are conductances"] = 0.02
    neurons: Annotated[int, Ge(1), Le(10**7), "of the network, and of the Monte Carlo test: a tenth"] = 1000
    inputs: Annotated[int, Ge(1), Le(10**6), "synapses of a neuron of the network"] = 100
    rate: Annotated[float, *NOT_NEGATIVE, "Hz, of each of the network's sources"] = 10.0
    duration: Annotated[float, *NOT_NEGATIVE, "ms, of the network"] = 1000.0
    solver: Annotated[Literal["exact", "ticks"], "of the network"] = "exact"
    spread: Annotated[float, Ge(0), Le(0.5), "relative mismatch of a device's parameters"] = 0.1
    periods: Annotated[int, Ge(0), "runs of the kernel for structural plasticity"] = 500
    period: Annotated[float, *POSITIVE, "ms, between them"] = 4000.0
    pruning: Annotated[bool, "false keeps the sources of all synapses"] = True

"""The configuration of `robustness`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.scenarios.robustness.presets import PRESETS
from eventsim.scenarios.scenario import POSITIVE, Scenario, Sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are those of the first preset."""

    paper: ClassVar[str] = "Göltz, Kriener et al. 2021, Fast and energy-efficient neuromorphic deep learning"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "system": ("system", "preset", "n_hidden"),
        "imperfections": ("imperfections", "weight_limit", "networks"),
        "training": ("epochs", "batch", "learning_rate", "decay_every", "decay", "missing_labels"),
    }

    system: Annotated[Literal["fast-and-deep", "delgrad"], "what is trained"] = "fast-and-deep"
    preset: Annotated[str, "its settings, by name; none for its defaults"] = "quick"
    n_hidden: Annotated[int, Ge(1), Le(10**6), "neurons of the hidden layer"] = 120
    imperfections: Annotated[tuple[str, ...], "which ones; none for all"] = ()
    weight_limit: Annotated[float, *POSITIVE, "largest weight where weights have bits"] = 8.0
    networks: Annotated[int, Ge(1), "seeds of each point"] = 5
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 30
    batch: Annotated[int, Ge(1), "samples a step"] = 100
    learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.02
    decay_every: Annotated[int, Ge(1), "epochs between two reductions of the rate"] = 3
    decay: Annotated[float, *POSITIVE, "factor of each reduction"] = 0.8
    missing_labels: Annotated[float, Ge(0), "fraction of silent label neurons that are not bumped"] = 0.1

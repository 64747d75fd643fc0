"""The configuration of `generalized-latent-equilibrium`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, MinLen

from eventsim.scenarios.generalized_latent_equilibrium.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections

TASKS = Literal["mnist-1d", "synthetic", "spoken-digits", "mackey-glass", "lag-line", "lag-net", "gradient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the published settings unless a preset says otherwise."""

    paper: ClassVar[str] = "Ellenberger et al. 2025, Backpropagation through space, time, and the brain"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("task", "points", "interpolation", "transition_steps", "held_out"),
        "network": ("layers", "fast", "slow", "memory", "weight_scale", "precision"),
        "neurons": ("tau_fast", "tau_slow", "tau_r", "errors", "instantaneous", "gamma"),
        "presentation": ("dt", "ticks", "beta", "staggered", "balanced"),
        "training": ("batch", "learning_rate", "lr_schedule", "patience", "factor", "epochs"),
    }
    time_unit: ClassVar[str] = "1"

    task: Annotated[TASKS, "what is learned or measured"] = "mnist-1d"
    points: Annotated[int, Ge(2), "of a sequence of MNIST-1D; the frozen set is thinned out to 40"] = 72
    interpolation: Annotated[Literal["linear", "cubic"], "between the points of a sequence"] = "linear"
    transition_steps: Annotated[int, Ge(0), "ticks in which input and target pass to the next sequence"] = 0
    held_out: Annotated[int, Ge(0), Le(2000), "training sequences of MNIST-1D to choose settings by"] = 0
    layers: Annotated[int, Ge(1), Le(1000), "hidden layers"] = 6
    fast: Annotated[
        int, Ge(0), Le(10**6), "neurons of a hidden layer that answer at once, tau_r = tau_mem"
    ] = 17
    slow: Annotated[int, Ge(0), Le(10**6), "neurons of a hidden layer that remember, tau_r < tau_mem"] = 36
    memory: Annotated[int, Ge(0), "fixed layers of 10 lagging neurons in front"] = 0
    weight_scale: Annotated[float, *POSITIVE, "first weights: within this / sqrt(number of inputs)"] = 1.0
    precision: Annotated[Literal["float32", "float64"], "of rates and weights"] = "float32"
    tau_fast: Annotated[float, *POSITIVE, "both time constants of the first kind, and of outputs"] = 1.2
    tau_slow: Annotated[
        tuple[Annotated[float, *POSITIVE], ...], MinLen(1), "tau_mem of the second kind, in equal groups"
    ] = (0.6, 1.2)
    tau_r: Annotated[float, *POSITIVE, "tau_r of the second kind"] = 0.2
    errors: Annotated[Literal["dynamic", "instant"], "instant is the control: e = phi' W^T e"] = "dynamic"
    instantaneous: Annotated[bool, "true is the control: tau_r = tau_mem everywhere"] = False
    gamma: Annotated[float, *NOT_NEGATIVE, "how strongly errors enter the membranes"] = 0.0
    dt: Annotated[float, *POSITIVE, "tick"] = 0.2
    ticks: Annotated[int, Ge(1), "of a sequence; of the whole run for the teachers"] = 360
    beta: Annotated[float, Gt(0), Le(10), "strength of nudging"] = 1.0
    staggered: Annotated[bool, "sequences of a batch begin one after the other, not together"] = True
    balanced: Annotated[bool, "each batch has as many sequences of each class"] = True
    batch: Annotated[int, Ge(1), "samples shown side by side"] = 100
    learning_rate: Annotated[float, *POSITIVE, "of Adam per tick; of the teachers' nets as in the paper"] = (
        5e-4
    )
    lr_schedule: Annotated[
        Literal["plateau", "cosine", "published"],
        "of the learning rate; plateau: falls where the loss stays; published: the path of the authors' runs",
    ] = "cosine"
    patience: Annotated[int, Ge(0), "epochs without progress before the rate falls"] = 2
    factor: Annotated[float, Gt(0), Le(1), "by which it falls"] = 0.5
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 40

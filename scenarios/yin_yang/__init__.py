"""The Yin-Yang data set and the perceptrons that say how hard it is.

A linear classifier, a perceptron with one hidden layer, and the same with its lower weights frozen
at their initial values are trained on the 5000 training samples (seed 42) and tested on 1000 others
(seed 40). Kriener, Göltz and Petrovici, NICE 2022, tables 1 and 2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Le

from eventsim.io.analysis import spread
from eventsim.models.training.batches import Batches
from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.trainer import Trainer
from eventsim.registry import register
from eventsim.scenarios.scenario import POSITIVE, Run, Scenario, Sections
from eventsim.scenarios.yin_yang.perceptrons import PerceptronLearner, Perceptrons
from eventsim.scenarios.yin_yang.presets import PRESETS
from eventsim.trace import Floats, Ints, Trace

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel

MODELS = ("linear", "ann", "frozen")


@register("scenario", "yin-yang")
@dataclass(frozen=True, slots=True, kw_only=True)
class YinYang(Scenario):
    """The Yin-Yang data set with its baselines: linear, one hidden layer, lower weights frozen."""

    paper: ClassVar[str] = "Kriener, Göltz, Petrovici 2022, The Yin-Yang dataset"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "network": ("n_hidden", "runs"),
        "training": ("epochs", "batch", "learning_rate"),
    }
    repeated_by: ClassVar[str] = "runs"

    n_hidden: Annotated[int, Ge(1), Le(10**6), "units of the hidden layer"] = 30
    runs: Annotated[int, Ge(1), Le(10**5), "networks of each kind, each with its own initial weights"] = 20
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 300
    batch: Annotated[int, Ge(1), "samples a step"] = 20
    learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.01

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.yin_yang import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Train the three kinds of networks one after the other, all `runs` of a kind side by side."""
        from eventsim.io import datasets

        sets: dict[str, tuple[Floats, Ints]] = {}
        for split, (size, seed) in datasets.YIN_YANG.items():
            sets[split] = datasets.yin_yang(size=size, seed=seed)
            run.parameter(f"{split}_samples", sets[split][0])
            run.parameter(f"{split}_labels", sets[split][1])

        state = run.state or {"model": MODELS[0]}
        for kind in MODELS[MODELS.index(state["model"]) :]:
            network = self.network(run, kind)
            trainer = self.trainer(run, network, sets)
            if kind == state["model"] and (state.get("training") or state.get("network")):
                trainer.restore(current_state(state.get("training", state)))
            trainer.run(
                checkpoint=partial(_checkpoint, run, kind),
                log=partial(_log, run, kind),
                progress=run.progress,
            )
            self._report(run, kind, network, *sets["test"])

    def network(self, run: Run, kind: str) -> Perceptrons:
        """Return untrained networks of a kind; `frozen` starts from the weights that `ann` starts from."""
        sizes = (4, 3) if kind == "linear" else (4, self.n_hidden, 3)
        rngs = [run.rng("init", "linear" if kind == "linear" else "ann", k) for k in range(self.runs)]
        return Perceptrons(sizes, rngs, self.learning_rate, n_frozen=int(kind == "frozen"))

    def trainer(self, run: Run, network: Perceptrons, sets: dict[str, tuple[Floats, Ints]]) -> Trainer:
        """Return the trainer of a stack of networks, each with its own order of the samples."""
        n = len(sets["train"][1])

        def order(epoch: int) -> Ints:
            return np.stack([run.rng("shuffle", k, epoch).permutation(n) for k in range(self.runs)])

        return Trainer(PerceptronLearner(network, sets), Batches(n, self.batch, order), epochs=self.epochs)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the first perceptron with a hidden layer that learned in both layers; see `Scenario`."""
        from eventsim.io import datasets
        from eventsim.scenarios.trained_models import TrainedModel
        from eventsim.scenarios.yin_yang.perceptrons import ReportingPerceptron

        layers = [(rebuilt.array(f"ann/weight_{k}")[0], rebuilt.array(f"ann/bias_{k}")[0]) for k in range(2)]
        size, seed = datasets.YIN_YANG["test"]
        batch = datasets.yin_yang(size=size, seed=seed)
        about = {"Network": f"ann, the first of {self.runs}"}
        return TrainedModel(ReportingPerceptron(layers), iter([batch]), 3, about=about)

    def _report(self, run: Run, kind: str, network: Perceptrons, samples: Floats, labels: Ints) -> None:
        accuracy = network.score(samples, labels)
        run.parameter(f"{kind}/test_accuracy", accuracy)
        run.metric(f"{kind}_test_accuracy", accuracy.mean())
        run.metric(f"{kind}_test_accuracy_std", spread(accuracy))
        for k, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            run.parameter(f"{kind}/weight_{k}", weight)
            run.parameter(f"{kind}/bias_{k}", bias[:, 0])


def _checkpoint(run: Run, kind: str, state: Callable[[], dict[str, Any]]) -> None:
    """Keep the state of the networks that are trained now, and which kind they are."""
    run.checkpoint(lambda: {"model": kind, "training": state()})


def _log(run: Run, kind: str, metric: str, value: Any) -> None:
    """Add a metric of an epoch to the series of a kind; the loss is a mean over networks."""
    run.series(f"{kind}_{metric}", np.mean(value) if metric == "train_loss" else value)

"""The Yin-Yang data set and the perceptrons that say how hard it is.

A linear classifier, a perceptron with one hidden layer, and the same with its lower weights frozen
at their initial values are trained on the 5000 training samples (seed 42) and tested on 1000 others
(seed 40). Kriener, Göltz and Petrovici, NICE 2022, tables 1 and 2.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt

from eventsim.registry import register
from eventsim.scenarios.perceptrons import Perceptrons
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints, Trace

SPLITS = {"train": (5000, 42), "validation": (1000, 41), "test": (1000, 40)}
MODELS = ("linear", "ann", "frozen")
CLASSES = ("yin", "yang", "dot")


@register("scenario", "yin-yang")
@dataclass(frozen=True, slots=True, kw_only=True)
class YinYang:
    """The Yin-Yang data set with its baselines: linear, one hidden layer, lower weights frozen."""

    paper: ClassVar[str] = "Kriener, Göltz, Petrovici 2022, The Yin-Yang dataset"
    presets: ClassVar[dict[str, dict[str, object]]] = {
        "paper": {"n_hidden": 30, "epochs": 300, "batch": 20, "learning_rate": 0.01, "runs": 20},
        "quick": {"epochs": 30, "runs": 5},
    }

    n_hidden: Annotated[int, Ge(1), "units of the hidden layer"] = 30
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 300
    batch: Annotated[int, Ge(1), "samples a step"] = 20
    learning_rate: Annotated[float, Gt(0), "of Adam"] = 0.01
    runs: Annotated[int, Ge(1), "networks of each kind, each with its own initial weights"] = 20

    def published(self) -> dict[str, str]:
        """Return what the paper reports for these settings, by metric."""
        if (self.epochs, self.batch, self.learning_rate) != (300, 20, 0.01):
            return {}
        known = {"linear_test_accuracy": "0.638 ± 0.010"}
        if self.n_hidden == 30:
            known |= {"ann_test_accuracy": "0.976 ± 0.015", "frozen_test_accuracy": "0.855 ± 0.058"}
        elif self.n_hidden == 20:
            known |= {"ann_test_accuracy": "0.970 ± 0.016", "frozen_test_accuracy": "0.783 ± 0.078"}
        return known

    def run(self, run: Run) -> None:
        """Train the three kinds of networks one after the other, all `runs` of a kind side by side."""
        from eventsim.io import datasets

        sets: dict[str, tuple[Floats, Ints]] = {}
        for split, (size, seed) in SPLITS.items():
            sets[split] = datasets.yin_yang(size=size, seed=seed)
            run.parameter(f"{split}_samples", sets[split][0])
            run.parameter(f"{split}_labels", sets[split][1])

        state = run.state or {"model": MODELS[0], "epoch": 0, "network": {}}
        first = MODELS.index(state["model"])
        done = first * self.epochs + int(state["epoch"])
        with run.progress(len(MODELS) * self.epochs, "epoch", done) as bar:
            for kind in MODELS[first:]:
                network = self.network(run, kind)
                begin = 0
                if kind == state["model"] and state["network"]:
                    network.restore(state["network"])
                    begin = int(state["epoch"])
                for epoch in range(begin, self.epochs):
                    run.checkpoint(lambda k=kind, e=epoch, n=network: _state(k, e, n))
                    loss = self._epoch(run, network, *sets["train"], epoch)
                    accuracy = network.score(*sets["validation"])
                    run.series(f"{kind}_train_loss", loss)
                    run.series(f"{kind}_validation_accuracy", accuracy)
                    bar.update(1, validation=float(accuracy.mean()))
                self._keep(run, kind, network, *sets["test"])

    def network(self, run: Run, kind: str) -> Perceptrons:
        """Return untrained networks of a kind; `frozen` starts from the weights that `ann` starts from."""
        sizes = (4, 3) if kind == "linear" else (4, self.n_hidden, 3)
        rngs = [run.rng("init", "linear" if kind == "linear" else "ann", k) for k in range(self.runs)]
        return Perceptrons(sizes, rngs, self.learning_rate, n_frozen=int(kind == "frozen"))

    def _epoch(self, run: Run, network: Perceptrons, samples: Floats, labels: Ints, epoch: int) -> Floats:
        """Show every training sample once, in each network's own order; return their mean losses."""
        n = len(labels)
        order = np.stack([run.rng("shuffle", k, epoch).permutation(n) for k in range(self.runs)])
        loss = np.zeros(self.runs)
        for start in range(0, n, self.batch):
            chosen = order[:, start : start + self.batch]
            loss += network.step(samples[chosen], labels[chosen]) * chosen.shape[1]
        return loss / n

    def _keep(self, run: Run, kind: str, network: Perceptrons, samples: Floats, labels: Ints) -> None:
        accuracy = network.score(samples, labels)
        run.parameter(f"{kind}/test_accuracy", accuracy)
        run.metric(f"{kind}_test_accuracy", accuracy.mean())
        run.metric(f"{kind}_test_accuracy_std", accuracy.std(ddof=1) if self.runs > 1 else 0.0)
        for k, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            run.parameter(f"{kind}/weight_{k}", weight)
            run.parameter(f"{kind}/bias_{k}", bias[:, 0])

    @staticmethod
    def plot_samples(trace: Trace) -> Any:
        """Draw the training samples over the regions that the first trained network decides for."""
        return draw_samples(trace)


def _state(kind: str, epoch: int, network: Perceptrons) -> dict[str, Any]:
    return {"model": kind, "epoch": epoch, "network": network.snapshot()}


def draw_samples(trace: Trace, n_grid: int = 300) -> Any:
    """Return a figure of the training samples and, if there is one, of a perceptron's decisions.

    Parameters
    ----------
    trace : Trace
        Of a run of this scenario.
    n_grid : int
        Points along each side of the map of decisions.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    colours = ("#4477aa", "#ee6677", "#228833")
    figure = Figure(figsize=(5.2, 5.0), layout="constrained")
    axes = figure.subplots()
    parameters = trace.parameters
    if "ann/weight_0" in parameters:
        side = np.linspace(0.0, 1.0, n_grid)
        x, y = np.meshgrid(side, side)
        hidden = np.stack([x, y, 1 - x, 1 - y], axis=-1) @ parameters["ann/weight_0"][0]
        hidden = np.maximum(hidden + parameters["ann/bias_0"][0], 0.0)
        decided = (hidden @ parameters["ann/weight_1"][0] + parameters["ann/bias_1"][0]).argmax(axis=-1)
        inside = np.hypot(x - 0.5, y - 0.5) <= 0.5
        axes.imshow(
            np.ma.masked_where(~inside, decided),
            cmap=ListedColormap(colours),
            vmin=0,
            vmax=2,
            extent=(0, 1, 0, 1),
            origin="lower",
            alpha=0.3,
            interpolation="nearest",
        )
    samples, labels = parameters["train_samples"], parameters["train_labels"]
    for label, (name, colour) in enumerate(zip(CLASSES, colours, strict=True)):
        chosen = labels == label
        axes.plot(samples[chosen, 0], samples[chosen, 1], ".", ms=2.5, color=colour, label=name)
    axes.set(xlabel="x", ylabel="y", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(loc="upper left", markerscale=4, frameon=False)
    axes.set_title(
        "Yin-Yang training samples; shaded: decisions of one 4-30-3 perceptron".replace("30", _n(trace))
    )
    return figure


def _n(trace: Trace) -> str:
    weight = trace.parameters.get("ann/weight_0")
    return str(weight.shape[-1]) if weight is not None else "n"

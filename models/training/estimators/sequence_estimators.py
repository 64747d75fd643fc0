"""Estimators for users' own sequences, with the habits of scikit-learn: fit, predict, score; and `stream`.

Inside are layers of `eventsim.models.layers`, which the one `Trainer` trains. A trained estimator runs as a
population of a network, one step for each tick, to the bits of what it predicts for whole sequences.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.models.layers.delay_conv import keep_positions_inside
from eventsim.models.layers.layer import Layer
from eventsim.models.layers.learner import LayerLearner
from eventsim.models.layers.padded_sequences import PaddedSequences
from eventsim.models.layers.sequential import Sequential
from eventsim.models.training.batches import Batches, shuffled
from eventsim.models.training.early_stopping import EarlyStopping
from eventsim.models.training.estimators._labelled_spikes import classes_of, indices_of
from eventsim.models.training.estimators._layer_presets import head_of, preset
from eventsim.models.training.estimators._sequence_data import are_spikes, binned, checked_sequences
from eventsim.models.training.estimators._trained_sequences import BLOCK, TrainedSequences, span_of
from eventsim.models.training.estimators.base import checked_whole, progress_bar, seed_of
from eventsim.models.training.losses.sequences import SequenceCrossEntropy, SequenceSquaredError
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import CosineDecay
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer
from eventsim.parameters import one_number

__all__ = ["SequenceClassifier", "SequenceRegressor"]

Array = NDArray[Any]
Ints = NDArray[np.int64]
RATES = {"alpha": 0.3, "position": 5.0}  # learning rates of these kinds, relative to that of weights


class _SequenceEstimator(TrainedSequences):
    """What classifier and regressor share."""

    _loss: Any

    def __init__(
        self,
        layers: str | Sequence[Layer] = "lif",
        *,
        hidden: Sequence[int] = (64,),
        head: Sequence[Layer] | None = None,
        tau: float = 20.0,
        dt: float = 1.0,
        readout: str = "mean",
        padding: Literal["end"] | None = None,
        epochs: int = 30,
        batch: int = 64,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        max_norm: float = 10.0,
        early_stopping: bool = False,
        patience: float = 10,
        validation_fraction: float = 0.1,
        callbacks: Sequence[Callable[..., Any]] = (),
        random_state: int | None = 0,
        threads: int = 1,
        dtype: str = "float32",
        progress: bool | None = None,
    ) -> None:
        self.layers, self.hidden, self.head = layers, hidden, head
        self.tau, self.dt, self.readout, self.padding = tau, dt, readout, padding
        self.epochs, self.batch, self.learning_rate = epochs, batch, learning_rate
        self.weight_decay, self.max_norm = weight_decay, max_norm
        self.early_stopping, self.patience = early_stopping, patience
        self.validation_fraction, self.callbacks = validation_fraction, callbacks
        self.random_state, self.threads, self.dtype, self.progress = random_state, threads, dtype, progress

    # ------------------------------------------------------------------ learning

    def _fit(
        self, samples: Any, targets: Array, n_out: int, validation: tuple[Any, Array] | None = None
    ) -> None:
        self._check_settings()
        seed = seed_of(self.random_state)
        model = self._untrained(n_out)
        shown = self._sequences(samples, None, span_of(model), None)
        self._steps, self.n_features_in_ = shown.values.shape[1], shown.values.shape[2]
        model.build(self.n_features_in_, rng.stream(seed, "layers"), np.dtype(self.dtype))
        if model.n_out != n_out:
            raise ValueError(f"the head has {model.n_out} outputs, {n_out} are needed for y")
        sets = {"train": (shown, targets)}
        if validation is not None:
            held_out = self._sequences(validation[0], self.n_features_in_, span_of(model), self._steps)
            sets["validation"] = held_out, validation[1]
        elif self.early_stopping:
            order, n_held = self._order(targets, seed), max(1, round(self.validation_fraction * len(shown)))
            held, learned = order[:n_held], order[n_held:]
            sets = {"train": (shown[learned], targets[learned]), "validation": (shown[held], targets[held])}
        self.model_, stream = model, partial(rng.stream, seed)
        kinds = {name.partition("/")[0] for name in model.parameters}
        learner = LayerLearner(
            model=model,
            optimiser=Adam(
                {kind: self.learning_rate * RATES.get(kind, 1.0) for kind in kinds},
                max_norm=self.max_norm,
                weight_decay={"weight": self.weight_decay},
            ),
            task=Task("sequences", self.n_features_in_, n_out, sets),  # type: ignore[arg-type]
            loss=self._loss,
            rng=stream,
            constraint=keep_positions_inside,
        )
        n = len(sets["train"][1])
        metric = "validation_accuracy" if hasattr(self._loss, "accuracy") else "validation_loss"
        run = Trainer(
            learner,
            Batches(n, min(self.batch, n), shuffled(n, stream), rest="even"),
            epochs=self.epochs,
            schedule=CosineDecay(max(1, self.epochs)),
            early_stopping=EarlyStopping(
                self.patience if self.early_stopping else np.inf,
                metric,
                "max" if metric.endswith("accuracy") else "min",
            )
            if "validation" in sets
            else None,
            callbacks=self.callbacks,
        ).run(progress=progress_bar(self.progress))
        self.history_ = run.history
        model.forget()

    def _order(self, targets: Array, seed: int) -> Ints:
        """Return the samples in the order in which they are held out."""
        order: Ints = rng.stream(seed, "validation").permutation(len(targets))
        return order

    def _check_settings(self) -> None:
        checked_whole(self.epochs, "epochs", 0)
        checked_whole(self.batch, "batch", 1)
        checked_whole(self.threads, "threads", 1)
        for size in self.hidden:
            checked_whole(size, "hidden", 1)
        for name in ("tau", "dt", "learning_rate"):
            if not one_number(getattr(self, name), name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.padding not in (None, "end"):
            raise ValueError(f"padding must be None or 'end', got {self.padding!r}")
        if not 0 < one_number(self.validation_fraction, "validation_fraction") < 1:
            raise ValueError(f"validation_fraction must lie in (0, 1), got {self.validation_fraction!r}")

    def _untrained(self, n_out: int) -> Sequential:
        """Return the layers before they have arrays."""
        if isinstance(self.layers, str):
            name, made = self.layers, preset(self.layers, self.hidden, self.tau, self.dt)
        else:
            name, made = "list", copy.deepcopy(list(self.layers))
        ends = (
            head_of(name, n_out, self.tau, self.dt) if self.head is None else copy.deepcopy(list(self.head))
        )
        model = Sequential([*made, *ends], threads=self.threads)
        for place, layer in model.all_layers():
            dt = getattr(layer, "dt", self.dt)
            if dt != self.dt:
                raise ValueError(f"layer {place} has steps of dt={dt:g}, the estimator of dt={self.dt:g}")
        return model

    def _sequences(
        self, samples: Any, n_channels: int | None, span: int, n_steps: int | None
    ) -> PaddedSequences:
        if are_spikes(samples):
            samples = binned(samples, self.dt, n_channels, n_steps)
        return checked_sequences(samples, n_channels, self.padding, np.dtype(self.dtype), span)

    # ------------------------------------------------------------------ use

    def _outputs(self, samples: Any) -> Iterable[tuple[Array, Ints]]:
        """Yield outputs over time and lengths, block by block."""
        self._check_fitted()
        shown = self._sequences(samples, self.n_features_in_, span_of(self.model_), self._steps)
        for low in range(0, len(shown), BLOCK):
            x, lengths = self._block(shown, low)
            yield self.model_.forward(x, lengths=lengths), lengths

    def _predicted(self, samples: Any) -> Array:
        parts = [self._loss.predict(y, lengths=lengths) for y, lengths in self._outputs(samples)]
        return np.concatenate(parts)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")


class SequenceClassifier(_SequenceEstimator):
    """Learns classes of sequences.

    Parameters
    ----------
    layers : list of Layer, or {"lif", "min_gru", "s4d", "mgrade"}
        Layers up to the head, or the name of a preset. A list is copied, so it can be used again.
    hidden : sequence of int
        Units of each hidden layer of a preset.
    head : list of Layer, optional
        Layers to the outputs, one for each class; a linear map unless given, behind which membranes with time
        constant `tau` integrate for "lif".
    tau : float
        Time constant of the units of "lif", in the unit of `dt`.
    dt : float
        Length of a step; spikes are counted in such steps.
    readout : {"mean", "last", "sum", "max", "cumulative"}
        How outputs over time tell the class; see `eventsim.models.training.losses.sequences`.
    padding : {"end"} or None
        "end" pads sequences of different lengths at their end; padded steps count nowhere. With None they
        must have one length.
    epochs, batch : int
        Passes over the samples; samples of a step.
    learning_rate : float
        Of Adam at the beginning; it falls to 0 along half a cosine. Decays learn at 0.3 times this rate,
        delays at 5 times.
    weight_decay : float
        Of weights, decoupled.
    max_norm : float
        Largest norm of the gradient of a parameter.
    early_stopping, patience, validation_fraction
        Whether to stop when held-out samples have not improved for so many epochs, and to go back to the best
        epoch; the fraction that is held out.
    callbacks : sequence of callable
        As those of `Trainer`.
    random_state : int or None
        Seed: the same seed gives the same bits. None draws one.
    threads : int
        Threads that share a batch. Results do not depend on it.
    dtype : {"float32", "float64"}
    progress : bool or None
        Whether to show a bar; if None, in a terminal only.

    Attributes
    ----------
    model_ : Sequential
        The trained layers.
    classes_ : ndarray
        The classes, in the order of the outputs.
    n_features_in_ : int
        Channels.
    history_ : dict of str to list
        Metrics of each epoch.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> rng = np.random.default_rng(1)
    >>> labels = rng.integers(0, 2, 200)
    >>> x = rng.normal(size=(200, 20, 3)) + labels[:, None, None]
    >>> model = es.models.SequenceClassifier("min_gru", hidden=(8,), epochs=20).fit(x, labels)
    >>> bool(model.score(x, labels) > 0.95)
    True
    """

    _estimator_type = "classifier"

    def fit(self, X: Any, y: Any, *, validation: tuple[Any, Any] | None = None) -> Self:
        """Learn from labelled sequences; what was learned before is forgotten.

        Parameters
        ----------
        X : array_like, shape (n_samples, time, channels), list of arrays (time, channels), or spikes
            Spikes are a `SpikeTrains` or a list of (times, units); they are counted in steps of `dt`.
        y : sequence, length n_samples
            The class of each sample, of any hashable sort.
        validation : (X, y), optional
            Samples that are not learned: the epoch with the best accuracy on them counts. With
            `early_stopping` they take the place of those held out.

        Raises
        ------
        ValueError, TypeError
            If samples, labels or a setting are not possible; the message says what was expected.
        """
        names = classes_of(y, len(X))
        if len(names) < 2:
            raise ValueError(f"labels hold one class only, {names.tolist()[0]!r}; at least two are needed")
        index = indices_of(y, names, len(X))
        self._loss = SequenceCrossEntropy(self.readout)  # type: ignore[arg-type]
        if self.readout == "each_step":
            raise ValueError("readout must give one class for a sequence, got 'each_step'")
        held_out = None
        if validation is not None:
            samples, labels = _pair(validation)
            held_out = samples, indices_of(labels, names, len(samples))
        self._fit(X, index, len(names), held_out)
        self.classes_ = names
        return self

    def _restore(self, known: Any) -> None:
        """Take over what a file holds besides settings and layers: the classes."""
        if not isinstance(known, np.ndarray) or len(known) != self.model_.n_out:
            raise ValueError(f"classes must be as many as outputs, {self.model_.n_out}")
        self.classes_, self._loss = known, SequenceCrossEntropy(self.readout)  # type: ignore[arg-type]

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each sample, shape (n_samples,)."""
        index = self._predicted(X)
        predicted: NDArray[Any] = self.classes_[index]
        return predicted

    def predict_proba(self, X: Any) -> Array:
        """Return the softmax that the loss reads, shape (n_samples, n_classes)."""
        return np.concatenate(
            [self._loss.probabilities(y, lengths=lengths) for y, lengths in self._outputs(X)]
        )

    def score(self, X: Any, y: Any) -> float:
        """Return the fraction of samples whose class is right."""
        index = self._predicted(X)
        return float((index == indices_of(y, self.classes_, len(index), others=-1)).mean())

    def _comment(self) -> str:
        return f"{super()._comment()}; outputs in the order of {self.classes_.tolist()!r:.200}"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=False, three_d_array=True),
        )


class SequenceRegressor(_SequenceEstimator):
    """Learns numbers from sequences: settings as `SequenceClassifier`; `readout` is "mean" or "last".

    With ``readout="each_step"`` there are targets at each step, y (n_samples, time, n).
    """

    _estimator_type = "regressor"

    def fit(self, X: Any, y: Any, *, validation: tuple[Any, Any] | None = None) -> Self:
        """Learn from sequences and their targets, y (n_samples,) or (n_samples, n).

        With validation=(X, y) the epoch with the smallest loss on these samples counts.

        Raises
        ------
        ValueError, TypeError
            If samples, targets or a setting are not possible; the message says what was expected.
        """
        self._flat = np.ndim(y) == 1
        targets = self._targets(X, y)
        self._loss = SequenceSquaredError(self.readout)  # type: ignore[arg-type]
        held_out = None
        if validation is not None:
            samples, values = _pair(validation)
            held_out = samples, self._targets(samples, values)
        self._fit(X, targets, targets.shape[-1], held_out)
        return self

    def _targets(self, X: Any, y: Any) -> Array:
        targets = np.asarray(y, np.dtype(self.dtype))
        if self._flat and targets.ndim == 1:
            targets = targets[:, None]
        wanted = 3 if self.readout == "each_step" else 2
        if targets.ndim != wanted or len(targets) != len(X):
            raise ValueError(f"y has shape {np.shape(y)}, expected targets for each of {len(X)} samples")
        if not np.isfinite(targets).all():
            raise ValueError("y holds values that are no numbers")
        return targets

    def _restore(self, known: Any) -> None:
        """Take over what a file holds besides settings and layers: whether targets had one axis."""
        if not isinstance(known, bool):
            raise ValueError(f"a regressor has no classes, got {known!r:.60}")
        self._flat, self._loss = known, SequenceSquaredError(self.readout)  # type: ignore[arg-type]

    def predict(self, X: Any) -> Array:
        """Return the predicted targets, in the shape of those that were learned."""
        predicted = self._predicted(X)
        return predicted[:, 0] if self._flat else predicted

    def score(self, X: Any, y: Any) -> float:
        """Return the coefficient of determination R^2."""
        y, predicted = np.asarray(y, np.float64), self.predict(X)
        return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(two_d_array=False, three_d_array=True),
        )


def _pair(validation: Any) -> tuple[Any, Any]:
    """Return samples and targets that are given as a pair."""
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise ValueError(f"validation must be a pair (X, y), got {validation!r:.60}")
    return validation[0], validation[1]

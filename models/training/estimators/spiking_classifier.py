"""A classifier for users' own spikes, with the habits of scikit-learn: fit, predict, score, save, load.

Inside is a feed-forward network of neurons that spike at most once. Every output stands for a class, and the
output that spikes first tells the class of a sample. Weights and delays follow exact gradients of the spike
times (Göltz et al. 2025, DelGrad). The network needs more than the samples: a scale of time, for each input a
complementary one that spikes the later the earlier the input does, and a bias, a unit that always spikes.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.io.plain import shown, truth
from eventsim.models.training.batches import Batches, shuffled
from eventsim.models.training.early_stopping import EarlyStopping
from eventsim.models.training.estimators._columns import check_names, feature_names
from eventsim.models.training.estimators._labelled_spikes import (
    as_classes,
    checked_samples,
    classes_of,
    indices_of,
    weights_of,
)
from eventsim.models.training.estimators.base import (
    Estimator,
    NotFittedError,
    checked_whole,
    progress_bar,
    seed_of,
)
from eventsim.models.training.supervised import SupervisedLearner
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Callback as TrainerCallback
from eventsim.models.training.trainer import Trainer
from eventsim.parameters import one_number
from eventsim.renamed import renamed_arguments, suggest_arguments

__all__ = ["SpikingClassifier"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Callback = Callable[["SpikingClassifier", dict[str, float]], Any]

SHARPNESS = 0.2  # tau_syn; of the softmax of output times, as in the published cross entropy
HISTORY = {  # metrics that are kept, by their name in `history_`
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "validation_accuracy": "validation_accuracy",
}
UNTRAINED = "this classifier has not learned anything yet: call fit(times, labels) first"


class SpikingClassifier(Estimator):
    """Learns classes of samples of spikes, by exact gradients of spike times in weights and delays.

    Parameters
    ----------
    hidden : int or sequence of int
        Neurons of each hidden layer.
    delays : {"synaptic", "axonal", "dendritic", "none"}
        What has a delay of its own, which is learned: each synapse, source, target, or nothing.
    epochs : int
        Passes over the samples.
    batch : int or None
        Samples a step; if None, a twentieth of all, but not below 10 or above 50.
    learning_rate, delay_learning_rate : float
        Of Adam, for weights and delays at the beginning; they fall to 0 along half a cosine.
    loss : object or None
        Of first-spike times, see `eventsim.models.training.losses.first_spike`; if None, `TimeInvariant()`.
    latest : float
        Time, in tau_syn, of the latest input spike of the training samples; the earliest is put at 0.15.
    tau_syn : float or None
        Synaptic time constant in the unit of the samples' times, which are then used as they are. If None,
        it follows from `latest`, and the clock of every sample starts shortly before the first spike of all.
    tau_ratio : float
        tau_mem / tau_syn.
    complementary_inputs : bool
        Whether each input gets a complementary one, early where it is late; never if inputs spike several
        times.
    max_missing : float
        Fraction of silent neurons of a hidden layer, over a batch, above which weights into them are raised.
    early_stopping : bool
        Whether to stop once the accuracy on held-out samples has not risen for `patience` epochs, and to go
        back to the best epoch.
    patience : int
        See `early_stopping`.
    validation_fraction : float or None
        Part of the samples of each class that is held out; if None, a tenth with `early_stopping`, else
        none.
    callbacks : sequence of callable
        Called after each epoch with the classifier and the metrics of the epoch; learning ends if one returns
        True.
    random_state : int, None or numpy.random.Generator
        Seed: the same seed gives the same bits. None draws one.
    outside : {"clip", "error"}
        What becomes of times, when it predicts, that lie before the first or after the last spike of the
        training samples: they count as that spike's, which is told once, or they are refused.
    class_weight : "balanced", mapping of classes to numbers, or None
        What the loss of each class is multiplied by; "balanced" makes all classes count alike.
    threads : int
        How many threads share a batch. Results do not depend on it.
    progress : bool or None
        Whether to show a bar; if None, in a terminal only.

    Attributes
    ----------
    classes_ : ndarray
        The classes, in the order of the outputs.
    n_features_in_ : int
        Number of inputs.
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
        Names of the columns, if `fit` got a data frame with names; what is given later must have the same
        in the same order.
    history_ : dict of str to list
        ``loss``, ``accuracy`` and, with held-out samples, ``validation_accuracy`` of each epoch.
    learner_ : SpikeLearner
        The network and its parameters.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> times = np.random.default_rng(1).uniform(0, 1, (60, 2))
    >>> first = np.where(times[:, 0] < times[:, 1], "left", "right")  # which input spikes first
    >>> classifier = es.models.SpikingClassifier(hidden=(10,), epochs=30).fit(times, first)
    >>> classifier.predict([[0.2, 0.9], [0.7, 0.1]])
    array(['left', 'right'], dtype='<U5')

    Notes
    -----
    Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights on spiking
    neuromorphic hardware.
    """

    _estimator_type = "classifier"

    @renamed_arguments("argument/SpikingClassifier")
    @suggest_arguments("SpikingClassifier")
    def __init__(
        self,
        hidden: int | Sequence[int] = (60,),
        delays: Literal["synaptic", "axonal", "dendritic", "none"] = "synaptic",
        *,
        epochs: int = 300,
        batch: int | None = None,
        learning_rate: float = 0.02,
        delay_learning_rate: float = 0.01,
        loss: Any = None,
        latest: float = 2.0,
        tau_syn: float | None = None,
        tau_ratio: float = 2.0,
        complementary_inputs: bool = True,
        max_missing: float = 0.3,
        early_stopping: bool = False,
        patience: int = 20,
        validation_fraction: float | None = None,
        callbacks: Sequence[Callback] = (),
        random_state: Any = 0,
        threads: int = 1,
        progress: bool | None = None,
        outside: Literal["clip", "error"] = "clip",
        class_weight: Any = None,
    ) -> None:
        self.hidden, self.delays = hidden, delays
        self.epochs, self.batch, self.loss = epochs, batch, loss
        self.learning_rate, self.delay_learning_rate = learning_rate, delay_learning_rate
        self.latest, self.tau_syn, self.tau_ratio = latest, tau_syn, tau_ratio
        self.complementary_inputs, self.max_missing = complementary_inputs, max_missing
        self.early_stopping, self.patience = early_stopping, patience
        self.validation_fraction, self.callbacks = validation_fraction, callbacks
        self.random_state, self.threads, self.progress = random_state, threads, progress
        self.outside, self.class_weight = outside, class_weight

    # ------------------------------------------------------------------ learning

    @renamed_arguments("argument/SpikingClassifier.fit")
    def fit(
        self,
        times: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation: tuple[Any, Any] | None = None,
        classes: Iterable[Any] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn from labelled samples; what was learned before is forgotten.

        Parameters
        ----------
        times : array_like, shape (n_samples, n_inputs), or list of (times, units)
            First spikes, `inf` where an input does not spike; or the spikes of each sample, several of an
            input if need be. Times are at least 0, in any unit.
        y : sequence, length n_samples
            The class of each sample, of any hashable sort.
        sample_weight : array_like, shape (n_samples,), optional
            What the loss of each sample is multiplied by, at least 0; divided by its mean. Samples of weight
            0 are left out.
        validation : (times, labels), optional
            Samples that are not learned from, in place of held-out ones.
        classes : sequence, optional
            All classes, each of which must occur; unless given, those that occur.
        callbacks : sequence of callable
            Added to those of the classifier.

        Returns
        -------
        SpikingClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            If samples, labels or a setting are not possible; the message says what was expected.
        """
        sizes = self._checked_settings()
        if validation is not None and not (isinstance(validation, tuple | list) and len(validation) == 2):
            raise TypeError(f"validation must be (times, labels), got {shown(validation)}")
        if classes is not None and (isinstance(classes, str) or not isinstance(classes, Iterable)):
            raise TypeError(f"classes must be a list of all classes, got {shown(classes)}")
        columns = feature_names(times)
        samples, n_inputs = checked_samples(times, None)
        samples, y, sample_weight = _of_some_weight(samples, y, sample_weight)
        names = classes_of(y, len(samples)) if classes is None else as_classes(list(classes))
        index = indices_of(y, names, len(samples))
        weight = weights_of(sample_weight, index, names, self.class_weight)
        counts = np.bincount(index, minlength=len(names))
        if (counts == 0).any():
            raise ValueError(f"class {names.tolist()[int(counts.argmin())]!r} has no sample")
        if len(counts) < 2:
            raise ValueError(f"labels hold one class only, {names.tolist()[0]!r}; at least two are needed")
        seed = seed_of(self.random_state)
        sets: dict[str, tuple[Any, Ints]] = {"train": (samples, index)}
        if validation is not None:
            check_names(validation[0], columns, type(self).__name__)
            held_out, _ = checked_samples(validation[0], n_inputs, negative=True)
            sets["validation"] = held_out, indices_of(validation[1], names, len(held_out))
        elif self.validation_fraction is not None or self.early_stopping:
            from eventsim.models.training.estimators._network import selected

            learned, held = self._divided(index, seed)
            sets = {
                k: (selected(samples, part), index[part])
                for k, part in (("train", learned), ("validation", held))
            }
            weight = None if weight is None else weight[learned]
        self.classes_, self.n_features_in_, self._seed = names, n_inputs, seed
        if columns is not None:
            self.feature_names_in_ = columns
        elif "feature_names_in_" in self.__dict__:
            del self.feature_names_in_
        self._frequencies, self._told_outside = counts / counts.sum(), False
        self._settings = self.get_params() | {"hidden": sizes}  # what was learned with, whatever is set later
        self.history_: dict[str, list[float]] = {}
        self._set_up(sets["train"][0])
        self._learn(sets, [*self.callbacks, *callbacks], weight)
        return self

    def _checked_settings(self) -> tuple[int, ...]:
        """Return the sizes of the hidden layers."""
        from eventsim.models.training.estimators._network import EARLY

        hidden: Any = self.hidden
        sizes = tuple(hidden) if isinstance(hidden, Iterable) else (hidden,)
        for size in sizes:
            checked_whole(size, "hidden", 1)
        checked_whole(self.epochs, "epochs", 0)
        checked_whole(self.patience, "patience", 1)
        if self.batch is not None:
            checked_whole(self.batch, "batch", 1)
        if self.delays not in ("synaptic", "axonal", "dendritic", "none"):
            raise ValueError(
                f"delays must be 'synaptic', 'axonal', 'dendritic' or 'none', got {self.delays!r}"
            )
        self._check_outside()
        for name in ("early_stopping", "complementary_inputs"):
            truth(getattr(self, name), name)
        if not isinstance(self.callbacks, Iterable) or not all(map(callable, self.callbacks)):
            raise TypeError(f"callbacks must be a list of callables, got {shown(self.callbacks)}")
        for name in ("learning_rate", "delay_learning_rate", "latest", "tau_syn", "tau_ratio"):
            value = getattr(self, name)
            if not (name == "tau_syn" and value is None) and not one_number(value, name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
        if not self.latest > EARLY:
            raise ValueError(f"latest must be above {EARLY}, got {self.latest!r}")
        one_number(self.max_missing, "max_missing", low=0, high=1)
        fraction = self.validation_fraction
        if fraction is not None and not 0 < one_number(fraction, "validation_fraction") < 1:
            raise ValueError(f"validation_fraction must lie between 0 and 1, got {fraction!r}")
        return sizes

    def _divided(self, index: Ints, seed: int) -> tuple[Ints, Ints]:
        """Return samples to learn from and held-out ones: the same part of each class, never all."""
        fraction = 0.1 if self.validation_fraction is None else self.validation_fraction
        order = rng.stream(seed, "validation").permutation(len(index))
        held_out = np.zeros(len(index), bool)
        for k in range(int(index.max()) + 1):
            members = order[index[order] == k]
            held_out[members[: min(len(members) - 1, round(fraction * len(members)))]] = True
        if not held_out.any():
            raise ValueError(
                f"validation_fraction={fraction!r} of each class holds none of {len(index)} samples out; "
                "raise it, or give validation=(times, labels)"
            )
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def _set_up(self, samples: Any) -> None:
        """Make the clock for these samples and the untrained network."""
        from eventsim.models.training.estimators._network import Clock

        latest, complementary = float(self.latest), bool(self.complementary_inputs)
        self._clock = Clock.of_samples(samples, latest, self.tau_syn, complementary)
        self._make_learner()

    def _make_learner(self) -> None:
        """Make the untrained network and its learner."""
        from eventsim.models.training.estimators._network import classifier_network
        from eventsim.models.training.losses.first_spike import TimeInvariant
        from eventsim.models.training.spike_learner import SpikeLearner

        settings = self._settings
        net = classifier_network(
            self._n_sources(),
            self._clock.n_spikes,
            settings["hidden"],
            len(self.classes_),
            settings["delays"],
            float(settings["tau_ratio"]),
            self._seed,
        )
        layers = [name for name in net.populations if name.startswith("hidden")]
        self.learner_ = SpikeLearner(
            net,
            "label",
            TimeInvariant() if settings["loss"] is None else settings["loss"],
            max_missing=dict.fromkeys(layers, settings["max_missing"]) | {"label": 0.0},
            threads=settings["threads"],
        )

    def _n_sources(self) -> int:
        """Return the number of input units, those of complementary inputs included."""
        return int(self.n_features_in_) * (1 if np.isnan(self._clock.turn) else 2)

    def _learn(
        self, sets: dict[str, tuple[Any, Ints]], callbacks: Sequence[Callback], weight: Floats | None
    ) -> None:
        from eventsim.models.training.optimisers import Adam
        from eventsim.models.training.schedules import CosineDecay

        n, stream = len(sets["train"][1]), partial(rng.stream, self._seed)
        learner = _Learner(
            network=self.learner_,
            optimiser=Adam({"weight": self.learning_rate, "delay": self.delay_learning_rate}),
            task=self._task(sets),
            encode=lambda spikes, _: self._clock.inputs(spikes),
            rng=stream,
            most_frequent=int(self._frequencies.argmax()),
            sample_weight=weight,
        )
        size = self.batch or min(50, max(10, n // 20))
        Trainer(
            learner,
            Batches(n, min(size, n), shuffled(n, stream), rest="even"),
            epochs=self.epochs,
            schedule=CosineDecay(max(1, self.epochs)),
            early_stopping=EarlyStopping(self.patience) if self.early_stopping else None,
            callbacks=[_Report(self, callbacks)],
        ).run(progress=progress_bar(self.progress))

    def _task(self, sets: dict[str, tuple[Any, Ints]]) -> Task:
        """Return the sets with their input spikes on the clock of the network."""
        within = {
            split: (self._clock.clipped(samples, "clip")[0], index)
            for split, (samples, index) in sets.items()
        }
        shown = {split: (self._clock.spikes(samples), index) for split, (samples, index) in within.items()}
        return Task("samples", self.n_features_in_, len(self.classes_), shown)

    # ------------------------------------------------------------------ use

    def predict(self, times: Any) -> NDArray[Any]:
        """Return the class of each sample, shape (n_samples,).

        Where no output spikes it is the most frequent class of the training samples; see `predict_times`.
        """
        index = self._classes_of(self._output_times(self._checked(times)))
        predicted: NDArray[Any] = self.classes_[index]
        return predicted

    def predict_times(self, times: Any) -> Floats:
        """Return when each output spikes, shape (n_samples, n_classes); `inf` where it does not.

        Columns are in the order of `classes_`, times in the unit and on the clock of the samples.
        """
        return self._clock.to_samples(self._output_times(self._checked(times)))

    def predict_proba(self, times: Any) -> Floats:
        """Return a softmax of the output times, earlier is more probable, shape (n_samples, n_classes).

        Where no output spikes, they are the frequencies of the classes among the training samples. The
        metrics order the classes as `predict` does; they are not calibrated.
        """
        outputs = self._output_times(self._checked(times))
        first = outputs.min(axis=1, keepdims=True)
        spiked = first[:, 0] < np.inf
        probabilities = np.tile(self._frequencies, (len(outputs), 1))
        probabilities[spiked] = np.exp((first[spiked] - outputs[spiked]) / SHARPNESS)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    @renamed_arguments("argument/SpikingClassifier.fit")
    def score(self, times: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the fraction of samples whose class is right, weighted if `sample_weight` is given."""
        samples = self._checked(times, stacklevel=5)
        index = indices_of(y, self.classes_, len(samples), others=-1)
        weight = weights_of(sample_weight, index, self.classes_, None)
        return float(np.average(self._classes_of(self._output_times(samples)) == index, weights=weight))

    def _checked(self, times: Any, stacklevel: int = 3) -> Any:
        """Return the samples that are asked for, with times in the range of the training samples."""
        if not hasattr(self, "learner_"):
            raise NotFittedError(UNTRAINED)
        self._check_outside()
        check_names(times, self.__dict__.get("feature_names_in_"), type(self).__name__)
        shape: tuple[int, ...] = getattr(times, "shape", ())
        if len(shape) == 2 and shape[1] not in (0, self.n_features_in_):
            raise ValueError(
                f"X has {shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                f"features as input: times have shape {shape}, expected (n_samples, {self.n_features_in_})"
            )
        samples, _ = checked_samples(times, self.n_features_in_, negative=True)
        samples, moved = self._clock.clipped(samples, self.outside)
        if moved and not self.__dict__.get("_told_outside"):
            self._told_outside = True
            warnings.warn(
                f"input times outside the range of the training samples, {self._clock.first:g} to "
                f"{self._clock.last:g}, count as its ends ({moved} here); outside='error' refuses them "
                "(said once)",
                stacklevel=stacklevel,
            )
        return samples

    def _check_outside(self) -> None:
        if self.outside not in ("clip", "error"):
            raise ValueError(f"outside must be 'clip' or 'error', got {self.outside!r}")

    def _output_times(self, samples: Any) -> Floats:
        return self.learner_.first_spikes(self._clock.inputs(self._clock.spikes(samples)))

    def _classes_of(self, first_spikes: Floats) -> Ints:
        return _or_most_frequent(self.learner_.classes_of(first_spikes), int(self._frequencies.argmax()))

    # ------------------------------------------------------------------ habits of scikit-learn

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "learner_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(positive_only=True),  # times before 0 do not exist
        )

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if "learner_" in state:
            state["learner_"] = self.learner_.state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "learner_" in state:
            self._make_learner()
            self.learner_.restore(state["learner_"])

    # ------------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the classifier into one HDF5 file, which `load` and `eventsim.io.load` read.

        Callbacks are not kept, nor a loss that is not one of ours.

        Raises
        ------
        FileExistsError, PermissionError, FileNotFoundError
            If the file cannot be written.
        TypeError
            If a class is neither a number nor a string nor a tuple of such.
        """
        from eventsim.models.training.estimators._file import write

        if not hasattr(self, "learner_"):
            raise NotFittedError(UNTRAINED)
        write(self, path, overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the classifier that `save` wrote.

        Raises
        ------
        FileNotFoundError, PermissionError
            If there is no file that can be read.
        FileFormatError
            If it holds no classifier, or is damaged.
        """
        from eventsim.models.training.estimators._file import read

        classifier: Self = read(cls, path)
        return classifier


class _Learner(SupervisedLearner):
    """A learner that takes the most frequent class where no output spikes."""

    def __init__(self, *, most_frequent: int, **options: Any) -> None:
        super().__init__(**options)
        self.most_frequent = most_frequent

    def predict(self, split: str, epoch: int) -> Ints:
        """Return the class of each sample of a set."""
        return _or_most_frequent(super().predict(split, epoch), self.most_frequent)


class _Report(TrainerCallback):
    """Keeps the history of a classifier and calls the callbacks of its user."""

    def __init__(self, classifier: SpikingClassifier, callbacks: Sequence[Callback]) -> None:
        self.classifier, self.callbacks = classifier, callbacks

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, Any]) -> bool:
        """Add to the history; return whether a callback ends training. All of them are called."""
        reported = {name: metrics[key] for name, key in HISTORY.items() if key in metrics}
        for name, value in reported.items():
            self.classifier.history_.setdefault(name, []).append(value)
        reported = {"epoch": trainer.epoch - 1, **reported}
        return any([callback(self.classifier, reported) is True for callback in self.callbacks])


def _of_some_weight(samples: Any, labels: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return samples, labels and weights without the samples of weight 0."""
    from eventsim.models.training.estimators._network import selected

    found = None if weight is None else np.asarray(weight)
    if (
        found is None
        or found.shape != (len(samples),)
        or found.dtype.kind not in "biuf"
        or (found != 0).all()
    ):
        return samples, labels, weight
    chosen = np.flatnonzero(found)
    if not chosen.size:
        raise ValueError("no sample counts: every sample_weight is zero")
    listed = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if len(listed) != len(samples):
        return samples, labels, weight  # refused where labels are checked
    return selected(samples, chosen), [listed[k] for k in chosen], found[chosen]


def _or_most_frequent(classes: Ints, most_frequent: int) -> Ints:
    """Return classes with the most frequent one where no output spikes."""
    classes[classes < 0] = most_frequent
    return classes

"""A classifier for users' own spikes, with the habits of scikit-learn: fit, predict, score, save, load.

Inside is a feed-forward network of neurons that spike at most once. Every output stands for a class, and the
one that spikes first tells it. Weights and delays follow exact gradients of the spike times (Göltz et al.
2025, DelGrad). What the network needs beside the samples is added inside: a scale of time, for each input a
twin that spikes the later the earlier the input does, and a bias, a unit that always spikes.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.models.training.estimators._labelled_spikes import (
    as_classes,
    checked_samples,
    found_classes,
    indices_of,
)
from eventsim.parameters import one_number

__all__ = ["NotFittedError", "SpikingClassifier"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Callback = Callable[["SpikingClassifier", dict[str, float]], Any]

SHARPNESS = 0.2  # tau_syn; of the softmax of output times, as in the published cross entropy


class NotFittedError(ValueError, AttributeError):
    """A classifier is asked before it has learned."""


class SpikingClassifier:
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
    rate, delay_rate : float
        Rates of Adam for weights and delays at the beginning; they fall to 0 along half a cosine.
    loss : object or None
        Of first-spike times, see `eventsim.models.training.losses.first_spike`; if None, `TimeInvariant()`.
    late : float
        Time, in tau_syn, of the latest input spike of the training samples; the earliest is put at 0.15.
    tau_syn : float or None
        Synaptic time constant in the unit of the samples' times, which are then taken as they are. If None,
        it follows from `late`, and the clock of every sample starts shortly before the first spike of all.
    tau_ratio : float
        tau_mem / tau_syn.
    mirror : bool
        Whether each input gets a twin; not if inputs spike several times.
    max_missing : float
        Fraction of silent neurons of a hidden layer, over a batch, above which weights into them are raised.
    early_stopping : bool
        Whether to stop once the accuracy on samples kept apart has not risen for `patience` epochs, and to go
        back to the best epoch.
    patience : int
        See `early_stopping`.
    validation_fraction : float or None
        Part of the samples of each class that is kept apart; if None, a tenth with `early_stopping`, else
        nothing.
    callbacks : sequence of callable
        Called after each epoch with the classifier and the metrics of the epoch; learning ends if one returns
        True.
    random_state : int, None or numpy.random.Generator
        Seed: the same seed gives the same bits. None draws one.
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
    history_ : dict of str to list
        ``loss``, ``accuracy`` and, with samples kept apart, ``validation_accuracy`` of each epoch.
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

    def __init__(
        self,
        hidden: int | Sequence[int] = (60,),
        delays: Literal["synaptic", "axonal", "dendritic", "none"] = "synaptic",
        *,
        epochs: int = 300,
        batch: int | None = None,
        rate: float = 0.02,
        delay_rate: float = 0.01,
        loss: Any = None,
        late: float = 2.0,
        tau_syn: float | None = None,
        tau_ratio: float = 2.0,
        mirror: bool = True,
        max_missing: float = 0.3,
        early_stopping: bool = False,
        patience: int = 20,
        validation_fraction: float | None = None,
        callbacks: Sequence[Callback] = (),
        random_state: Any = 0,
        threads: int = 1,
        progress: bool | None = None,
    ) -> None:
        self.hidden, self.delays = hidden, delays
        self.epochs, self.batch, self.rate, self.delay_rate = epochs, batch, rate, delay_rate
        self.loss, self.late, self.tau_syn, self.tau_ratio = loss, late, tau_syn, tau_ratio
        self.mirror, self.max_missing = mirror, max_missing
        self.early_stopping, self.patience = early_stopping, patience
        self.validation_fraction, self.callbacks = validation_fraction, callbacks
        self.random_state, self.threads, self.progress = random_state, threads, progress

    # ------------------------------------------------------------------ learning

    def fit(
        self,
        times: Any,
        labels: Any,
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
        labels : sequence, length n_samples
            The class of each sample, of any hashable sort.
        validation : (times, labels), optional
            Samples that are not learned from, in place of those kept apart.
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
            If samples, labels or a setting do not do; the message says what was expected.
        """
        sizes = self._checked_settings()
        samples, n_inputs = checked_samples(times, None)
        found = found_classes(labels, len(samples)) if classes is None else as_classes(list(classes))
        index = indices_of(labels, found, len(samples))
        counts = np.bincount(index, minlength=len(found))
        if (counts == 0).any():
            raise ValueError(f"class {found.tolist()[int(counts.argmin())]!r} has no sample")
        if len(counts) < 2:
            raise ValueError(f"labels hold one class only, {found.tolist()[0]!r}; at least two are needed")
        seed = _seed(self.random_state)
        apart = None
        if validation is not None:
            given, _ = checked_samples(validation[0], n_inputs)
            apart = _Apart(given, indices_of(validation[1], found, len(given)))
        elif self.validation_fraction is not None or self.early_stopping:
            samples, index, apart = self._part(samples, index, seed)
        self.classes_, self.n_features_in_, self._seed = found, n_inputs, seed
        self._shares = counts / counts.sum()
        self._settings = self.get_params() | {"hidden": sizes}  # what was learned with, whatever is set later
        self.history_: dict[str, list[float]] = {}
        self._set_up(samples)
        self._learn(samples, index, apart, [*self.callbacks, *callbacks])
        return self

    def _checked_settings(self) -> tuple[int, ...]:
        """Return the sizes of the hidden layers."""
        from eventsim.models.training.estimators._network import EARLY

        hidden: Any = self.hidden
        sizes = tuple(hidden) if isinstance(hidden, Iterable) else (hidden,)
        for size in sizes:
            _whole(size, "hidden", 1)
        _whole(self.epochs, "epochs", 0)
        _whole(self.patience, "patience", 1)
        if self.batch is not None:
            _whole(self.batch, "batch", 1)
        if self.delays not in ("synaptic", "axonal", "dendritic", "none"):
            raise ValueError(
                f"delays must be 'synaptic', 'axonal', 'dendritic' or 'none', got {self.delays!r}"
            )
        for name in ("rate", "delay_rate", "late", "tau_syn", "tau_ratio"):
            value = getattr(self, name)
            if not (name == "tau_syn" and value is None) and not one_number(value, name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
        if not self.late > EARLY:
            raise ValueError(f"late must be above {EARLY}, got {self.late!r}")
        one_number(self.max_missing, "max_missing", low=0, high=1)
        fraction = self.validation_fraction
        if fraction is not None and not 0 < one_number(fraction, "validation_fraction") < 1:
            raise ValueError(f"validation_fraction must lie between 0 and 1, got {fraction!r}")
        return sizes

    def _part(self, samples: Any, index: Ints, seed: int) -> "tuple[Any, Ints, _Apart]":
        """Return the samples to learn from and those kept apart: the same part of each class, never all."""
        from eventsim.models.training.estimators._network import taken

        fraction = 0.1 if self.validation_fraction is None else self.validation_fraction
        order = rng.stream(seed, "validation").permutation(len(index))
        kept = np.zeros(len(index), bool)
        for k in range(int(index.max()) + 1):
            members = order[index[order] == k]
            kept[members[: min(len(members) - 1, round(fraction * len(members)))]] = True
        if not kept.any():
            raise ValueError(
                f"validation_fraction={fraction!r} of each class keeps none of {len(index)} samples apart; "
                "raise it, or give validation=(times, labels)"
            )
        there, here = np.flatnonzero(kept), np.flatnonzero(~kept)
        return taken(samples, here), index[here], _Apart(taken(samples, there), index[there])

    def _set_up(self, samples: Any) -> None:
        """Make the clock for these samples and the untrained network."""
        from eventsim.models.training.estimators._network import Clock

        self._clock = Clock.of_samples(samples, float(self.late), self.tau_syn, bool(self.mirror))
        self._make_learner()

    def _make_learner(self) -> None:
        """Make the untrained network and its learner."""
        from eventsim.models.training.estimators._network import classifier_network
        from eventsim.models.training.losses.first_spike import TimeInvariant
        from eventsim.models.training.spike_learner import SpikeLearner

        settings = self._settings
        n_inputs = self.n_features_in_ * (1 if np.isnan(self._clock.turn) else 2)
        net = classifier_network(
            n_inputs,
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

    def _learn(
        self, samples: Any, index: Ints, apart: "_Apart | None", callbacks: Sequence[Callback]
    ) -> None:
        from eventsim.models.training.estimators._network import taken
        from eventsim.models.training.optimisers import Adam
        from eventsim.models.training.schedules import CosineDecay

        learner, n = self.learner_, len(index)
        rates = {name: self.delay_rate if name[0] == "d" else self.rate for name in learner.parameters}
        optimiser = Adam(rates, schedule=CosineDecay(max(1, self.epochs)))
        batch = self.batch or min(50, max(10, n // 20))
        borders = np.linspace(0, n, -(-n // batch) + 1).astype(int)  # batches of one size, but for one sample
        inputs = self._clock.inputs(samples)
        best, best_state, best_epoch = -1.0, learner.state(), 0
        with _bar(self.epochs, self.progress) as show:
            for epoch in range(self.epochs):
                order = rng.stream(self._seed, "shuffle", epoch).permutation(n)
                shuffled, labels = taken(inputs["input"], order), index[order]
                loss = correct = 0.0
                for low, high in pairwise(borders.tolist()):
                    part = {"input": shuffled[low:high], "bias": inputs["bias"]}
                    step = learner.step(part, labels[low:high], optimiser)
                    loss += step.loss * (high - low)
                    correct += step.correct
                optimiser.end_epoch()
                metrics = {"epoch": epoch, "loss": loss / n, "accuracy": correct / n}
                if apart is not None:
                    predicted = self._classes_of(self._output_times(apart.samples))
                    metrics["validation_accuracy"] = float((predicted == apart.index).mean())
                for name, value in metrics.items():
                    if name != "epoch":
                        self.history_.setdefault(name, []).append(value)
                show(metrics)
                if self.early_stopping and metrics["validation_accuracy"] > best:
                    best, best_state, best_epoch = metrics["validation_accuracy"], learner.state(), epoch
                if any([callback(self, metrics) is True for callback in callbacks]):  # all of them are called
                    break
                if self.early_stopping and epoch - best_epoch >= self.patience:
                    break
        if self.early_stopping and self.epochs:
            learner.restore(best_state)

    # ------------------------------------------------------------------ use

    def predict(self, times: Any) -> NDArray[Any]:
        """Return the class of each sample, shape (n_samples,).

        Where no output spikes it is the most frequent class of the training samples; see `predict_times`.
        """
        index = self._classes_of(self._output_times(self._checked(times)))
        found: NDArray[Any] = self.classes_[index]
        return found

    def predict_times(self, times: Any) -> Floats:
        """Return when each output spikes, shape (n_samples, n_classes); `inf` where it does not.

        Columns are in the order of `classes_`, times in the unit and on the clock of the samples.
        """
        found = self._output_times(self._checked(times))
        return self._clock.to_samples(found)

    def predict_proba(self, times: Any) -> Floats:
        """Return a softmax of the output times, earlier is more probable, shape (n_samples, n_classes).

        The shares of classes among the training samples stand where no output spikes. The metrics order the
        classes as `predict` does; they are not calibrated.
        """
        late = self._output_times(self._checked(times))
        first = late.min(axis=1, keepdims=True)
        spoke = first[:, 0] < np.inf
        shares = np.tile(self._shares, (len(late), 1))
        shares[spoke] = np.exp((first[spoke] - late[spoke]) / SHARPNESS)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def score(self, times: Any, labels: Any) -> float:
        """Return the fraction of samples whose class is right."""
        samples = self._checked(times)
        index = indices_of(labels, self.classes_, len(samples), others=-1)
        return float((self._classes_of(self._output_times(samples)) == index).mean())

    def _checked(self, times: Any) -> Any:
        if not hasattr(self, "learner_"):
            raise NotFittedError(
                "this classifier has not learned anything yet: call fit(times, labels) first"
            )
        return checked_samples(times, self.n_features_in_)[0]

    def _output_times(self, samples: Any) -> Floats:
        return self.learner_.first_spikes(self._clock.inputs(samples))

    def _classes_of(self, late: Floats) -> Ints:
        found: Ints = self.learner_.loss.predict(late)
        found[found < 0] = int(self._shares.argmax())
        return found

    # ------------------------------------------------------------------ habits of scikit-learn

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change settings by name; they count from the next `fit` on.

        Raises
        ------
        ValueError
            If there is no such setting.
        """
        for name in params:
            if name not in self._names():
                raise ValueError(f"no setting is named {name!r}; known: {', '.join(self._names())}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        usual = inspect.signature(type(self)).parameters
        shown = [f"{k}={v!r}" for k, v in self.get_params().items() if v is not usual[k].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "learner_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(),
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
            raise NotFittedError(
                "this classifier has not learned anything yet: call fit(times, labels) first"
            )
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

        found: Self = read(cls, path)
        return found


@dataclass(frozen=True, slots=True)
class _Apart:
    """Samples that are not learned from, and the indices of their classes."""

    samples: Any
    index: Ints


@contextmanager
def _bar(n_epochs: int, progress: bool | None) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Give a function that shows the metrics of an epoch."""
    if progress is False:
        yield lambda metrics: None
        return
    from tqdm import tqdm

    # None: in a terminal only.
    with tqdm(total=n_epochs, unit="epoch", disable=None if progress is None else False, leave=False) as bar:

        def show(metrics: Mapping[str, float]) -> None:
            bar.set_postfix({k: f"{v:.4g}" for k, v in metrics.items() if k != "epoch"}, refresh=False)
            bar.update()

        yield show


def _whole(value: Any, name: str, low: int) -> None:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{name} must be a whole number, at least {low}, got {value!r}")


def _seed(random_state: Any) -> int:
    """Return a seed from what scikit-learn's users give."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    _whole(random_state, "random_state", 0)
    return int(random_state)

"""A classifier that learns one task after the other from a user's own samples, and grows where it must.

Each call of `partial_fit` is a task. Elastic weight consolidation holds what earlier tasks need of the
weights. Hidden layers get units when their activations and their weights are used up (Raghunathan et al.
2026; see `eventsim.models.growth`).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.models.growth.consolidation import EWC, FisherForm
from eventsim.models.growth.decision import TRIGGERS, Trigger
from eventsim.models.growth.learner import GrowingLearner, Growth
from eventsim.models.growth.network import n_parameters, perceptron, widths
from eventsim.models.layers.stream import LayerStream
from eventsim.models.training.batches import Batches, shuffled
from eventsim.models.training.estimators._columns import check_names, feature_names
from eventsim.models.training.estimators._labelled_spikes import classes_of, indices_of
from eventsim.models.training.estimators.base import (
    Estimator,
    NotFittedError,
    checked_whole,
    progress_bar,
    seed_of,
)
from eventsim.models.training.losses.sequences import SequenceCrossEntropy
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer
from eventsim.parameters import one_number

__all__ = ["GrowingClassifier"]

Rows = NDArray[np.float32]


class GrowingClassifier(Estimator):
    """Learns classes task by task, and adds units to its hidden layers when it needs them.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer at the start; 12 or more, so that a full layer can ask for a unit.
    trigger : {"ed_fisher", "ed_only", "fisher_only", "loss_plateau", "fixed_pertask"} or None
        When a layer grows; None for a network of constant size.
    importance : float
        Lambda of elastic weight consolidation, with the Fisher information of samples.
    fisher_form : {"sum", "ema", "per_task"}
        How the information of tasks is put together.
    epochs, batch : int
        Passes over the samples of a task; samples of a step.
    learning_rate : float
        Of Adam, which starts anew with each task and after growth.
    growth : Growth, optional
        All settings of growth; `trigger` counts in place of its own.
    random_state : int or None
        Seed: the same seed gives the same bits. None draws one.
    threads : int
        Threads that share a batch. Results do not depend on it.
    progress : bool or None
        Whether to show a bar; if None, in a terminal only.

    Attributes
    ----------
    model_ : Sequential
        The layers as they are now.
    classes_ : ndarray
        The classes, in the order of the outputs.
    n_features_in_ : int
    widths_ : tuple of int
        Units of each hidden layer.
    n_parameters_ : int
    n_tasks_ : int
        Tasks that have been learned.
    log_ : dict of str to ndarray
        What each test of each hidden layer found; see `eventsim.models.growth.growth_log`.
    history_ : list of dict
        Metrics of the epochs of each task.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> rng = np.random.default_rng(1)
    >>> labels = rng.integers(0, 2, 300)
    >>> means = rng.normal(size=(2, 20))  # of the two classes, in the first task
    >>> x = means[labels] + rng.normal(size=(300, 20)) / 2
    >>> model = es.models.GrowingClassifier(epochs=10).partial_fit(x, labels)
    >>> model = model.partial_fit(x[:, ::-1], labels)  # the next task
    >>> model.n_tasks_, bool(model.score(x[:, ::-1], labels) > 0.9)
    (2, True)
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        hidden: Sequence[int] = (12, 12),
        *,
        trigger: Trigger | None = "ed_fisher",
        importance: float = 20.0,
        fisher_form: FisherForm = "sum",
        epochs: int = 30,
        batch: int = 64,
        learning_rate: float = 0.002,
        growth: Growth | None = None,
        random_state: int | None = 0,
        threads: int = 1,
        progress: bool | None = None,
    ) -> None:
        self.hidden, self.trigger, self.importance, self.fisher_form = (
            hidden,
            trigger,
            importance,
            fisher_form,
        )
        self.epochs, self.batch, self.learning_rate, self.growth = epochs, batch, learning_rate, growth
        self.random_state, self.threads, self.progress = random_state, threads, progress

    # ------------------------------------------------------------------ learning

    def fit(self, X: Any, y: Any) -> Self:
        """Learn one task; what was learned before is forgotten. See `partial_fit`."""
        for name in ("model_", "classes_", "n_features_in_", "feature_names_in_", "_learner"):
            self.__dict__.pop(name, None)
        return self.partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Learn the next task.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
        y : sequence, length n_samples
            The class of each sample, of any hashable sort.
        classes : sequence, optional
            All classes that any task has; those of the first task unless given with it.

        Raises
        ------
        ValueError, TypeError
            If samples, labels or a setting are not possible; the message says what was expected.
        """
        rows = self._rows(X)
        if not hasattr(self, "_learner"):
            self._begin(X, rows, y, classes)
        elif classes is not None and list(classes_of(classes, len(classes))) != list(self.classes_):
            raise ValueError(f"classes were {list(self.classes_)} in the first task, got {list(classes)}")
        index = indices_of(y, self.classes_, len(rows))
        learner, n = self._learner, len(rows)
        learner.begin_task(
            Task("samples", self.n_features_in_, len(self.classes_), {"train": (rows[:, None], index)})
        )
        stream = partial(rng.stream, self._seed, "task", learner.task_number)
        learner.rng = stream
        run = Trainer(
            learner,
            Batches(n, min(self.batch, n), shuffled(n, stream), rest="even"),
            epochs=self.epochs,
            schedule=learner.boost,
            callbacks=[learner],
        ).run(progress=progress_bar(self.progress))
        learner.end_task()
        self.history_.append(run.history)
        self.n_tasks_, self.widths_ = learner.task_number + 1, widths(learner.model)
        self.n_parameters_, self.log_ = n_parameters(learner.model), learner.log.columns()
        learner.model.forget()
        return self

    def _begin(self, X: Any, rows: Rows, y: Any, classes: Any) -> None:
        self._check_settings()
        names = classes_of(y, len(rows)) if classes is None else classes_of(classes, len(classes))
        if len(names) < 2:
            raise ValueError(f"labels hold one class only, {names.tolist()[0]!r}; at least two are needed")
        indices_of(y, names, len(rows))  # refuses labels of other classes before anything is made
        self._seed, self.classes_, self.n_features_in_ = seed_of(self.random_state), names, rows.shape[1]
        if (columns := feature_names(X)) is not None:
            self.feature_names_in_ = columns
        stream = partial(rng.stream, self._seed)
        self.model_ = perceptron(rows.shape[1], self.hidden, len(names), stream("weights"))
        self.model_.threads = self.threads
        self._learner = GrowingLearner(
            model=self.model_,
            optimiser=Adam(self.learning_rate),
            task=Task("samples", rows.shape[1], len(names), {}),
            rng=stream,
            growth=self._growth(len(rows)),
            ewc=EWC(self.importance, self.fisher_form),
        )
        self.history_: list[dict[str, list[Any]]] = []

    def _growth(self, n: int) -> Growth | None:
        if self.trigger is None:
            return None
        if n < max(self.hidden):
            raise ValueError(
                f"the first task has {n} samples, fewer than the {max(self.hidden)} units of a hidden layer: "
                "they cannot show its effective dimension; give more samples, or set trigger=None"
            )
        return replace(self.growth or Growth(size_rule="north", entries="active"), trigger=self.trigger)

    def _check_settings(self) -> None:
        checked_whole(self.epochs, "epochs", 0)
        checked_whole(self.batch, "batch", 1)
        checked_whole(self.threads, "threads", 1)
        if not len(self.hidden):
            raise ValueError("hidden must name at least one hidden layer, got none")
        rule = (self.growth or Growth(size_rule="north")).size_rule
        for size in self.hidden:
            least = 12 if self.trigger is not None and rule == "floor" else 1
            checked_whole(size, "hidden", least)
        if not one_number(self.learning_rate, "learning_rate", low=0) > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate!r}")
        if self.trigger is not None and self.trigger not in TRIGGERS:
            raise ValueError(f"trigger must be None or one of {', '.join(TRIGGERS)}, got {self.trigger!r}")

    def _rows(self, X: Any) -> Rows:
        if hasattr(self, "_learner"):
            check_names(X, getattr(self, "feature_names_in_", None), type(self).__name__)
        rows = np.asarray(X, np.float32)
        if rows.ndim != 2:
            raise ValueError(f"X must have shape (n_samples, n_features), got {rows.shape}")
        if not rows.size:
            raise ValueError(f"X holds no samples or no features, got shape {rows.shape}")
        if hasattr(self, "_learner") and rows.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {rows.shape[1]} features, expected {self.n_features_in_}")
        if not np.isfinite(rows).all():
            sample, feature = (int(place[0]) for place in np.nonzero(~np.isfinite(rows)))
            raise ValueError(
                f"X holds {rows[sample, feature]} in sample {sample}, feature {feature}; "
                "every value must be a number"
            )
        return rows

    # ------------------------------------------------------------------ use

    def _outputs(self, X: Any) -> NDArray[Any]:
        if not hasattr(self, "_learner"):
            raise NotFittedError("this estimator has not learned anything yet: call partial_fit(X, y) first")
        rows = self._rows(X)
        found: NDArray[Any] = self.model_.forward(rows[None])
        return found

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each sample, shape (n_samples,)."""
        index = self._outputs(X)[0].argmax(axis=1)
        predicted: NDArray[Any] = self.classes_[index]
        return predicted

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the softmax of the outputs, shape (n_samples, n_classes)."""
        return SequenceCrossEntropy().probabilities(self._outputs(X))

    def score(self, X: Any, y: Any) -> float:
        """Return the fraction of samples whose class is right."""
        index = self._outputs(X)[0].argmax(axis=1)
        return float((index == indices_of(y, self.classes_, len(index), others=-1)).mean())

    def stream(self, dt: float = 1.0) -> LayerStream:
        """Return the network as it is now as a population: ``net.add(name, stream, stream.n)``."""
        if not hasattr(self, "_learner"):
            raise NotFittedError("this estimator has not learned anything yet: call partial_fit(X, y) first")
        return LayerStream(self.model_, dt)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learner")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=True),
        )

"""A trained classifier in one HDF5 file: settings, classes, clock, parameters; nothing in it is executed."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.models.training.estimators._saved_state import (
    check_sizes,
    classes_of_state,
    clock_of_state,
    feature_names_of_state,
)
from eventsim.models.training.losses.first_spike import TargetTimes, TimeInvariant, TimeToFirstSpike
from eventsim.parameters import whole_number
from eventsim.renamed import with_current_names
from eventsim.trace import Trace

__all__ = ["read", "write"]

KIND = "spiking classifier"
MOST_INPUTS = 2**31 - 1
LOSSES: dict[str, Any] = {each.__name__: each for each in (TimeInvariant, TimeToFirstSpike, TargetTimes)}


def write(classifier: Any, path: str | os.PathLike[str], overwrite: bool) -> None:
    """Write a trained classifier."""
    from eventsim import __version__
    from eventsim.io.hdf5.writing import save

    settings = {k: v for k, v in classifier._settings.items() if k not in ("callbacks", "loss")}
    if isinstance(settings["class_weight"], Mapping):
        raise TypeError("class_weight by class cannot be stored; give sample_weight to fit in its place")
    if not isinstance(settings["random_state"], int | np.integer | None):
        settings["random_state"] = classifier._seed
    learner, names = classifier.learner_, getattr(classifier, "feature_names_in_", None)
    state = {
        "kind": KIND,
        "settings": settings,
        "loss": _loss(classifier._settings["loss"]),
        "classes": classifier.classes_.tolist(),
        "n_features_in": classifier.n_features_in_,
        "feature_names_in": None if names is None else names.tolist(),
        "shares": classifier._frequencies,
        "seed": classifier._seed,
        "clock": asdict(classifier._clock),
        "learner": learner.state(),
    }
    net = learner.network()
    trace = Trace(
        sizes={name: population.n for name, population in net.populations.items()},
        parameters={name: value.copy() for name, value in learner.spike_gradient.parameters.items()},
        training={name: np.array(values) for name, values in classifier.history_.items()},
        metrics={name: values[-1] for name, values in classifier.history_.items() if values},
        provenance={"scenario": KIND, "seed": classifier._seed, "version": __version__},
        state=state,
        time_unit=net.time_unit,
    )
    save(trace, path, overwrite)


def read(cls: Any, path: str | os.PathLike[str]) -> Any:
    """Return the classifier of class `cls` that is in a file."""
    from eventsim.io.hdf5.reading import load

    trace = load(path, recordings=False)
    state = trace.state
    kind = state.get("kind")
    if not isinstance(kind, str) or kind != KIND:
        raise FileFormatError(f"{os.fspath(path)} holds no classifier; SpikingClassifier.save writes one")
    try:
        loss = state["loss"] and LOSSES[state["loss"]["name"]](**state["loss"]["settings"])
        settings = with_current_names("argument/SpikingClassifier", state["settings"], quiet=True)
        classifier = cls(**settings, loss=loss)
        classifier.classes_, classifier._frequencies = classes_of_state(state)
        classifier.n_features_in_ = whole_number(state["n_features_in"], "n_features_in", 1, MOST_INPUTS)
        if (names := feature_names_of_state(state, classifier.n_features_in_)) is not None:
            classifier.feature_names_in_ = names
        classifier._seed = whole_number(state["seed"], "seed")
        classifier._clock = clock_of_state(state)
        classifier.history_ = {name: values.tolist() for name, values in trace.training.items()}
        hidden = classifier._checked_settings()
        classifier._settings = classifier.get_params() | {"hidden": hidden}
        check_sizes(state, classifier._n_sources(), hidden, len(classifier.classes_))
        classifier._make_learner()
        classifier.learner_.restore(state["learner"])
    except Exception as error:  # a state of any form may be in a file
        why = str(error).partition("\n")[0] or type(error).__name__
        raise FileFormatError(f"the classifier in {os.fspath(path)} is damaged: {why}") from error
    return classifier


def _loss(loss: Any) -> dict[str, Any] | None:
    if loss is None:
        return None
    name = type(loss).__name__
    if LOSSES.get(name) is not type(loss):
        raise TypeError(f"loss {loss!r} cannot be stored; these can: {', '.join(LOSSES)}")
    return {"name": name, "settings": asdict(loss)}

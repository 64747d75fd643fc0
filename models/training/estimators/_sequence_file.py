"""A trained estimator of sequences in one HDF5 file: settings, layers, arrays, classes; nothing is run."""

import json
import os
from typing import Any

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.models.layers.descriptions import described, plain, rebuilt, value_of
from eventsim.models.training.estimators._labelled_spikes import as_classes
from eventsim.parameters import whole_number
from eventsim.trace import Trace

__all__ = ["read", "write"]

KIND = "sequence estimator"
MOST = 2**31 - 1


def write(estimator: Any, path: str | os.PathLike[str], overwrite: bool) -> None:
    """Write a trained estimator; callbacks are not kept."""
    from eventsim import __version__
    from eventsim.io.hdf5.writing import save

    settings = {name: value for name, value in estimator.get_params().items() if name != "callbacks"}
    if not isinstance(settings["random_state"], int | np.integer | None):
        settings["random_state"] = 0
    model, name = estimator.model_, type(estimator).__name__
    state = {
        "kind": KIND,
        "estimator": name,
        "settings": json.dumps(plain_settings(settings)),
        "model": json.dumps(described(model)),
        "arrays": model.state_dict(),
        "n_features_in": estimator.n_features_in_,
        "steps": estimator._steps,
    }
    if hasattr(estimator, "classes_"):
        state["classes"] = estimator.classes_.tolist()
    else:
        state["flat"] = estimator._flat
    history = getattr(estimator, "history_", {})
    trace = Trace(
        sizes={},
        parameters=dict(model.parameters),
        training={key: np.array(values) for key, values in history.items()},
        metrics={key: float(values[-1]) for key, values in history.items() if len(values)},
        provenance={"scenario": KIND, "version": __version__},
        state=state,
    )
    save(trace, path, overwrite)


def plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings as plain data."""
    return {name: plain(value) for name, value in settings.items()}


def read(cls: Any, path: str | os.PathLike[str]) -> Any:
    """Return the estimator of class `cls` that is in a file."""
    from eventsim.io.hdf5.reading import load

    trace = load(path, recordings=False)
    state = trace.state
    kind, name = state.get("kind"), state.get("estimator")
    ours = isinstance(kind, str) and kind == KIND and isinstance(name, str)
    if not ours or name != cls.__name__:
        held = name if ours else None
        raise FileFormatError(
            f"{os.fspath(path)} holds no {cls.__name__}" + (f", but a {held}" if held else "")
        )
    try:
        estimator = cls(**{key: value_of(each) for key, each in json.loads(state["settings"]).items()})
        estimator.n_features_in_ = whole_number(state["n_features_in"], "n_features_in", 1, MOST)
        estimator._steps = whole_number(state["steps"], "steps", 1, MOST)
        estimator.model_ = rebuilt(
            json.loads(state["model"]), estimator.n_features_in_, state["arrays"], np.dtype(estimator.dtype)
        )
        estimator._restore(
            as_classes(_listed(state["classes"])) if "classes" in state else bool(state["flat"])
        )
        estimator.history_ = {key: values.tolist() for key, values in trace.training.items()}
    except Exception as error:  # a state of any form may be in a file
        why = str(error).partition("\n")[0] or type(error).__name__
        raise FileFormatError(f"the estimator in {os.fspath(path)} is damaged: {why}") from error
    return estimator


def _listed(classes: Any) -> list[Any]:
    listed = list(classes.tolist() if isinstance(classes, np.ndarray) else classes)
    if len(listed) < 2 or len({*listed}) < len(listed):
        raise ValueError(f"classes must be two or more that differ, got {listed!r:.60}")
    return listed

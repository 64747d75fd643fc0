"""Names of the columns of a data frame, kept and compared as scikit-learn does, in its words."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_names", "feature_names"]

MOST_SHOWN = 5  # names in a message


def feature_names(samples: Any) -> NDArray[Any] | None:
    """Return the names of the columns of a data frame, shape (n_inputs,), or None where there are none.

    Anything with a shape and ``columns`` counts as a data frame. Names that are no strings, such as numbers,
    count as none.

    Raises
    ------
    TypeError
        If some names are strings and others are not.
    """
    columns = getattr(samples, "columns", None)
    if columns is None or callable(columns) or not hasattr(samples, "shape"):
        return None
    names = np.empty(len(columns), object)
    names[:] = list(columns)
    strings = [isinstance(name, str) for name in names]
    if any(strings) and not all(strings):
        kinds = sorted({type(name).__name__ for name in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{kinds} as feature name / column name types; X.columns.astype(str) makes them all strings"
        )
    return names if any(strings) else None


def check_names(samples: Any, fitted: NDArray[Any] | None, estimator: str) -> None:
    """Compare the names of samples with those of the samples that an estimator was fitted with.

    Warns if only one of them has names.

    Raises
    ------
    ValueError
        If names differ, or stand in another order.
    """
    names = feature_names(samples)
    if names is None and fitted is None:
        return
    if fitted is None:
        warnings.warn(f"X has feature names, but {estimator} was fitted without feature names", stacklevel=4)
        return
    if names is None:
        warnings.warn(
            f"X does not have valid feature names, but {estimator} was fitted with feature names",
            stacklevel=4,
        )
        return
    if names.tolist() == fitted.tolist():
        return
    unseen, missing = sorted({*names} - {*fitted}), sorted({*fitted} - {*names})
    told = ["The feature names should match those that were passed during fit."]
    if unseen:
        told.append(f"Feature names unseen at fit time: {_listed(unseen)}.")
    if missing:
        told.append(f"Feature names seen at fit time, yet now missing: {_listed(missing)}.")
    if not unseen and not missing:
        told.append("Feature names must be in the same order as they were in fit.")
    raise ValueError(" ".join(told))


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:MOST_SHOWN], *(["..."] if len(names) > MOST_SHOWN else [])])

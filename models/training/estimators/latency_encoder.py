"""Numbers as spike times: the larger a number, the earlier its input spikes; a missing one never does."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from eventsim.io.plain import truth
from eventsim.models.training.estimators._columns import check_names, feature_names
from eventsim.models.training.estimators.base import Estimator, NotFittedError
from eventsim.parameters import one_number

__all__ = ["LatencyEncoder"]

Floats = NDArray[np.float64]


class LatencyEncoder(Estimator):
    """Turns each column of numbers into the spike times of one input, for `SpikingClassifier` and networks.

        t = earliest + (latest - earliest) (high - x) / (high - low)

    low and high are the smallest and the largest number of the column among the samples of `fit`. A missing
    number (nan) becomes `inf`: the input does not spike.

    Parameters
    ----------
    earliest, latest : float
        Times of the largest and of the smallest number, 0 <= earliest < latest, in any unit.
    largest_first : bool
        Whether the largest number spikes first; else the smallest one does.
    outside : {"clip", "never", "error"}
        What becomes of numbers beyond those of `fit`: they count as the nearest of these, do not spike, or
        are refused.

    Attributes
    ----------
    low_, high_ : ndarray, shape (n_features_in_,)
        Range of each column; nan for a column without a number.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Names of the columns, if `fit` got a data frame with names.

    Notes
    -----
    All numbers of a column that has one value only are at `latest`, as for the smallest number.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> encoder = es.models.LatencyEncoder(latest=10.0).fit([[0.0, 5.0], [2.0, 7.0]])
    >>> encoder.transform([[1.0, 7.0], [np.nan, 100.0]])
    array([[ 5.,  0.],
           [inf,  0.]])
    """

    _estimator_type = None

    def __init__(
        self,
        earliest: float = 0.0,
        latest: float = 1.0,
        *,
        largest_first: bool = True,
        outside: Literal["clip", "never", "error"] = "clip",
    ) -> None:
        self.earliest, self.latest = earliest, latest
        self.largest_first, self.outside = largest_first, outside

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the range of each column.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            Finite numbers, nan where one is missing.
        y : ignored

        Raises
        ------
        ValueError, TypeError
            If a number or a setting is not possible.
        """
        self._check_settings()
        names, values = feature_names(X), _numbers(X, None)
        self.n_features_in_ = values.shape[1]
        if names is not None:
            self.feature_names_in_ = names
        elif "feature_names_in_" in self.__dict__:
            del self.feature_names_in_
        empty = np.isnan(values).all(axis=0)
        filled = np.where(empty, 0.0, values)
        self.low_ = np.where(empty, np.nan, np.nanmin(filled, axis=0))
        self.high_ = np.where(empty, np.nan, np.nanmax(filled, axis=0))
        return self

    def transform(self, X: Any) -> Floats:
        """Return spike times, shape (n_samples, n_features); `inf` where an input does not spike.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If a number lies beyond those of `fit` and `outside` is "error".
        """
        self._check_fitted()
        self._check_settings()
        check_names(X, self.__dict__.get("feature_names_in_"), type(self).__name__)
        values = _numbers(X, self.n_features_in_)
        beyond = (values < self.low_) | (values > self.high_) | (np.isnan(self.low_) & ~np.isnan(values))
        if self.outside == "error" and beyond.any():
            row, column = (int(k) for k in np.argwhere(beyond)[0])
            raise ValueError(
                f"X must lie in the range of the samples of fit, {self.low_[column]:g} to "
                f"{self.high_[column]:g} in column {column}, got {values[row, column]:g} in sample {row}; "
                "outside='clip' takes the ends"
            )
        width = np.where(self.high_ > self.low_, self.high_ - self.low_, 1.0)
        share = np.clip((values - self.low_) / width, 0.0, 1.0)
        if self.largest_first:
            share = 1.0 - share
        times = self.earliest + (self.latest - self.earliest) * share
        never = np.isnan(times) | (beyond if self.outside == "never" else False)
        return np.where(never, np.inf, times)

    def fit_transform(self, X: Any, y: Any = None) -> Floats:
        """Return the spike times of the samples that the ranges are found with."""
        return self.fit(X, y).transform(X)

    def inverse_transform(self, times: Any) -> Floats:
        """Return the numbers that spike at these times, shape (n_samples, n_features); nan for `inf`."""
        self._check_fitted()
        spikes = np.array(times, np.float64)
        if spikes.ndim != 2 or spikes.shape[1] != self.n_features_in_:
            raise ValueError(f"times must have shape (n_samples, {self.n_features_in_}), got {spikes.shape}")
        spikes[spikes == np.inf] = np.nan
        share = (spikes - self.earliest) / (self.latest - self.earliest)
        if self.largest_first:
            share = 1.0 - share
        numbers: Floats = self.low_ + share * (self.high_ - self.low_)
        return numbers

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the columns of the result, which are those of the input."""
        self._check_fitted()
        if input_features is None:
            known = self.__dict__.get("feature_names_in_")
            return np.array([f"x{k}" for k in range(self.n_features_in_)], object) if known is None else known
        names = np.asarray(input_features, object)
        fitted = self.__dict__.get("feature_names_in_")
        if fitted is not None and names.tolist() != fitted.tolist():
            raise ValueError("input_features is not equal to feature_names_in_")
        if len(names) != self.n_features_in_:
            raise ValueError(f"input_features should have length equal to {self.n_features_in_}")
        return names

    def _check_fitted(self) -> None:
        if "low_" not in self.__dict__:
            raise NotFittedError("this encoder knows no ranges yet: call fit(X) first")

    def _check_settings(self) -> None:
        if not 0 <= one_number(self.earliest, "earliest") < one_number(self.latest, "latest"):
            raise ValueError(
                "earliest and latest must be 0 <= earliest < latest, "
                f"got {self.earliest!r} and {self.latest!r}"
            )
        truth(self.largest_first, "largest_first")
        if self.outside not in ("clip", "never", "error"):
            raise ValueError(f"outside must be 'clip', 'never' or 'error', got {self.outside!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return "low_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(allow_nan=True),
        )


def _numbers(samples: Any, n_features: int | None) -> Floats:
    """Return a table of numbers, nan where one is missing, checked."""
    if type(samples).__module__.startswith("scipy.sparse"):
        raise TypeError("Sparse data was passed, but dense data is required: X.toarray() makes it so")
    raw = np.asarray(samples)
    if raw.dtype.kind == "c":
        raise ValueError("Complex data not supported: X must be real numbers")
    try:
        values = np.array(raw, np.float64)
    except TypeError:
        raise TypeError("X must be numbers; argument must be a string or a number") from None
    except ValueError as error:
        raise ValueError(f"X must be numbers: {error}") from None
    if values.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {values.ndim}D array: X must have shape (n_samples, n_features), got "
            f"{values.shape}. Reshape your data with X.reshape(-1, 1) or X.reshape(1, -1)"
        )
    for axis, what in ((0, "sample"), (1, "feature")):
        if values.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={values.shape}) while a minimum of 1 is required "
                "by LatencyEncoder"
            )
    if n_features is not None and values.shape[1] != n_features:
        raise ValueError(
            f"X has {values.shape[1]} features, but LatencyEncoder is expecting {n_features} features "
            "as input"
        )
    if np.isinf(values).any():
        raise ValueError("X must be finite, with nan for missing numbers; Input X contains infinity")
    return values

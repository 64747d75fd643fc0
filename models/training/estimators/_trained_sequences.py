"""What a trained estimator of sequences is used for: streams, memory, few bits, C, files."""

import copy
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers.memory import MemoryReport, memory_report
from eventsim.models.layers.padded_sequences import PaddedSequences
from eventsim.models.layers.post_training import PARTS, calibrate, rounded_model, unstable_poles
from eventsim.models.layers.quantizers import Quantizer
from eventsim.models.layers.rounded_state import RoundingPlan
from eventsim.models.layers.sequential import Sequential
from eventsim.models.layers.stream import LayerStream
from eventsim.models.training.estimators.base import Estimator, NotFittedError, checked_whole

__all__ = ["BLOCK", "TrainedSequences", "span_of"]

Array = NDArray[Any]
Ints = NDArray[np.int64]
BLOCK = 256  # samples that are shown at once


class TrainedSequences(Estimator):
    """An estimator with a trained model, `model_`, steps of length `dt` and a `readout`."""

    model_: Sequential
    dt: float
    readout: str
    n_features_in_: int
    _steps: int

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError("this estimator has not learned anything yet: call fit(X, y) first")

    def _sequences(
        self, samples: Any, n_channels: int | None, span: int, n_steps: int | None
    ) -> PaddedSequences:
        """Return samples of any form as sequences."""
        raise NotImplementedError

    def stream(self) -> LayerStream:
        """Return the trained model as a population: ``net.add(name, stream, stream.n)``."""
        self._check_fitted()
        return LayerStream(self.model_, self.dt)

    # ------------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the trained estimator into one HDF5 file, which `load` and `eventsim.io.load` read.

        Settings, layers, arrays, classes and history are kept, those of a rounded copy too; no callbacks.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        TypeError
            If a layer is one of somebody's own, or a class is neither a number nor a string.
        FileExistsError, PermissionError, FileNotFoundError
            If the file cannot be written.
        """
        self._check_fitted()
        from eventsim.models.training.estimators._sequence_file import write

        write(self, path, overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the estimator that `save` wrote; it predicts the same bits.

        Raises
        ------
        FileNotFoundError, PermissionError
            If there is no file that can be read.
        FileFormatError
            If it holds no such estimator, or is damaged.
        """
        from eventsim.models.training.estimators._sequence_file import read

        estimator: Self = read(cls, path)
        return estimator

    def memory_report(self) -> MemoryReport:
        """Return what the trained model keeps in memory for one stream, layer by layer."""
        self._check_fitted()
        return memory_report(self.model_)

    def quantize(
        self,
        X: Any,
        *,
        bits: int | Mapping[str, int] = 8,
        per: Literal["head", "tensor"] = "head",
        scheme: Literal["asymmetric", "symmetric"] = "asymmetric",
        poles: Literal["asymmetric", "symmetric", "polar", "log_polar"] | None = None,
    ) -> Self:
        """Return a copy whose weights, states and activations are rounded to few bits, without training.

        Parameters
        ----------
        X : as that of `fit`
            Samples from which ranges of activations and states are taken: some hundreds of those learned.
        bits : int, or mapping
            Of all parts, or by part: "weights", "activations", "states", "poles"; parts that are not named
            stay as they are.
        per : {"head", "tensor"}
            Whether each output, channel or head has a range of its own.
        scheme : {"asymmetric", "symmetric"}
        poles : {"asymmetric", "symmetric", "polar", "log_polar"}, optional
            Scheme of the poles of `S4D`; `scheme` unless given. By radius and phase they stay stable.

        Returns
        -------
        SequenceClassifier or SequenceRegressor
            `memory_report`, `stream`, `export_c` and `predict` are those of the rounded model.

        Warns
        -----
        UserWarning
            If a rounded pole is not within the unit circle.

        Raises
        ------
        ValueError
            If nothing was learned yet, X is empty, there are fewer bits than 1 (symmetric: 2), or a layer
            has no form with rounded weights.
        """
        self._check_fitted()
        given = dict(bits) if isinstance(bits, Mapping) else dict.fromkeys(PARTS, bits)
        if unknown := set(given) - set(PARTS):
            raise ValueError(f"bits must be those of {', '.join(PARTS)}, got {', '.join(map(repr, unknown))}")
        grids = {
            part: Quantizer(
                checked_whole(n, f"bits of {part}", 1),
                (poles if part == "poles" else None) or scheme,
                per=per,
            )
            for part, n in given.items()
        }
        made = copy.copy(self)
        made.model_ = rounded_model(self.model_, RoundingPlan(**grids))
        shown = self._sequences(X, self.n_features_in_, span_of(made.model_), self._steps)
        calibrate(made.model_, (self._block(shown, low) for low in range(0, len(shown), BLOCK)))
        for line in unstable_poles(made.model_):
            warnings.warn(line, stacklevel=2)
        return made

    @staticmethod
    def _block(shown: PaddedSequences, low: int) -> tuple[Array, Ints]:
        """Return some sequences as layers read them, (time, batch, channels), and their lengths."""
        some = shown[low : low + BLOCK]
        return np.ascontiguousarray(np.moveaxis(some.values, 1, 0)), some.lengths

    def export_c(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the trained model as one C file, named by its stem; see `eventsim.models.layers.export_c`.

        ``NAME_step`` gives the outputs of a step, ``NAME_readout`` what predictions are read from.

        Raises
        ------
        ValueError
            If nothing was learned yet, the stem is no identifier of C, or a layer cannot be written as C.
        FileExistsError, IsADirectoryError, FileNotFoundError, PermissionError
            If the file cannot be written.
        """
        self._check_fitted()
        from eventsim.models.layers.c_export.export import export_c

        readout = None if self.readout == "each_step" else self.readout
        return export_c(self.model_, path, readout=readout, comment=self._comment(), overwrite=overwrite)

    def _comment(self) -> str:
        """Return a line about the model for its C file."""
        return f"A {type(self).__name__}, readout {self.readout}"


def span_of(model: Sequential) -> int:
    """Return how many steps a sequence needs at least."""
    return max([getattr(layer, "span", 1) for _, layer in model.all_layers()])

"""What a loss is: a function of what the outputs of a network did, with its derivative.

A loss says by `reads` what it is called with:

    "first_spikes"   the first spikes of the outputs, an array (n_samples, n_outputs), `inf` for none
    "forward_pass"   an `Outputs`: all their spikes, or the largest membranes of outputs that do not spike
    "membranes"      membranes of the outputs at the times that its method `probe_times(targets, n)` returns,
                     an array (n_samples, n_times, n_outputs), `nan` where a time is `inf`
    "sequence"       outputs over time, an array (time, n_samples, n_outputs); perhaps with ``lengths=``

It returns the loss of each sample and the derivatives in what it reads; the mean over a batch is taken by the
caller. A loss of classes also returns the class of each sample, by `predict`.
"""

import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Spikes

__all__ = ["ClassLoss", "Loss", "Outputs", "Reads", "as_loss"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Reads = Literal["first_spikes", "forward_pass", "membranes", "sequence"]


class ForwardPass(Protocol):
    """What losses need of a forward pass; see `SpikeGradient.forward`."""

    def __len__(self) -> int: ...
    def spikes(self, population: str, sample: int) -> Spikes: ...
    def first_spikes(self, population: str) -> Floats: ...
    def maxima(self, population: str) -> tuple[Floats, Floats]: ...


class Outputs:
    """The outputs of a network in a forward pass: a sequence with the spikes of each sample.

    Parameters
    ----------
    forward_pass : ForwardPass
    population : str
        Name of the output population.
    """

    __slots__ = ("forward_pass", "population")

    def __init__(self, forward_pass: ForwardPass, population: str) -> None:
        self.forward_pass, self.population = forward_pass, population

    def __len__(self) -> int:
        return len(self.forward_pass)

    def __getitem__(self, sample: int) -> Spikes:
        return self.forward_pass.spikes(self.population, sample)

    def __iter__(self) -> Iterator[Spikes]:
        return (self[sample] for sample in range(len(self)))

    @property
    def n(self) -> int:
        """Number of outputs."""
        return int(self.first_spikes.shape[1])

    @property
    def first_spikes(self) -> Floats:
        """First spike of each output, shape (n_samples, n); `inf` for none."""
        return self.forward_pass.first_spikes(self.population)

    @property
    def maxima(self) -> Floats:
        """Largest membrane of each output that does not spike, shape (n_samples, n)."""
        return self.forward_pass.maxima(self.population)[0]


class Loss(Protocol):
    """A loss with its derivative.

    Attributes
    ----------
    reads : what it is called with; "first_spikes" for a loss without this attribute.
    """

    def __call__(self, outputs: Any, targets: Any, tau_syn: float = 1.0) -> tuple[Floats, Any]:
        """Return losses and derivatives.

        Parameters
        ----------
        outputs : ndarray, shape (n_samples, n_outputs), or Outputs
            What `reads` says.
        targets : sequence, length n_samples
            Of a loss of classes, the index of the correct output of each sample.
        tau_syn : float
            Synaptic time constant of the outputs.

        Returns
        -------
        losses : ndarray, shape (n_samples,)
        errors : ndarray, shape (n_samples, n_outputs), or list of ndarray
            Derivatives in first spikes or membranes; or for each sample those in its spikes, in their order.
        """


@runtime_checkable
class ClassLoss(Loss, Protocol):
    """A loss whose targets are classes."""

    def predict(self, outputs: Any, tau_syn: float = 1.0) -> Ints:
        """Return the class of each sample, shape (n_samples,); -1 if the outputs tell none."""


class ForwardPassLoss:
    """Base of losses that read a whole forward pass; it keeps the method names of earlier versions."""

    __slots__ = ()
    reads: ClassVar[Reads] = "forward_pass"

    def of_run(
        self: Any, run: ForwardPass, output: str, targets: Any, tau_syn: float = 1.0
    ) -> tuple[Floats, Any]:
        """Return ``self(Outputs(run, output), targets, tau_syn)``; deprecated."""
        _warn("of_run(run, output, ...)", "__call__(Outputs(run, output), ...)")
        result: tuple[Floats, Any] = self(Outputs(run, output), targets, tau_syn)
        return result

    def predict_run(self: Any, run: ForwardPass, output: str) -> Ints:
        """Return ``self.predict(Outputs(run, output))``; deprecated."""
        _warn("predict_run(run, output)", "predict(Outputs(run, output))")
        classes: Ints = self.predict(Outputs(run, output))
        return classes


def as_loss(loss: Any) -> Loss:
    """Return a loss in the present form, whether it was written for this version or for the one before.

    Before, a loss of a whole forward pass had methods ``of_run`` and ``predict_run``, and ``predict`` of a
    loss of first spikes took no `tau_syn`.

    Raises
    ------
    TypeError
        If it cannot be called.
    """
    if hasattr(loss, "of_run") and not hasattr(loss, "reads"):
        _warn(f"{type(loss).__name__}.of_run", "__call__ with reads = 'forward_pass'")
        return _ClassLossOfRun(loss) if hasattr(loss, "predict_run") else _LossOfRun(loss)
    if not callable(loss):
        raise TypeError(f"a loss must be callable with outputs, targets and tau_syn, got {loss!r}")
    if isinstance(loss, ClassLoss) and len(inspect.signature(loss.predict).parameters) < 2:
        _warn(f"{type(loss).__name__}.predict(outputs)", "predict(outputs, tau_syn)")
        return _WithoutTau(loss)
    return loss  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _LossOfRun:
    """A loss of the version before, with `of_run`."""

    loss: Any
    reads: ClassVar[Reads] = "forward_pass"

    def __call__(self, outputs: Outputs, targets: Any, tau_syn: float = 1.0) -> tuple[Floats, Any]:
        result: tuple[Floats, Any] = self.loss.of_run(
            outputs.forward_pass, outputs.population, targets, tau_syn
        )
        return result


@dataclass(frozen=True, slots=True)
class _ClassLossOfRun(_LossOfRun):
    """A loss of classes of the version before, with `of_run` and `predict_run`."""

    def predict(self, outputs: Outputs, tau_syn: float = 1.0) -> Ints:
        classes: Ints = self.loss.predict_run(outputs.forward_pass, outputs.population)
        return classes


@dataclass(frozen=True, slots=True)
class _WithoutTau:
    """A loss of first spikes of the version before."""

    loss: Any

    def __call__(self, outputs: Floats, targets: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        result: tuple[Floats, Floats] = self.loss(outputs, targets, tau_syn)
        return result

    def predict(self, outputs: Floats, tau_syn: float = 1.0) -> Ints:
        classes: Ints = self.loss.predict(outputs)
        return classes


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now {new}; the old form goes with the next release", DeprecationWarning, 3)

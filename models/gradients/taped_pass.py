"""A forward pass whose spikes stand on tapes, each of some samples: what its kernels share."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.gradients._input_spikes import in_given_order
from eventsim.models.gradients.forward_pass import ForwardPass, Gradient
from eventsim.models.gradients.network import SpikeNetwork
from eventsim.spike_trains import SpikeTrains
from eventsim.trace import Spikes

__all__ = ["TapedForwardPass"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TapedForwardPass(ForwardPass):
    """Spikes on tapes; all tapes but the last hold the same number of samples.

    Parameters
    ----------
    kernel : what differentiates the pass, by ``kernel.backward(self, errors)``.
    network : SpikeNetwork
    tapes : sequence of Tape or EventTape
        Compiled; a kernel adds the errors of spikes in its own way.
    n_samples : int
        On all tapes together.
    until : float
        End of the pass, in the unit of time of the network.
    given : mapping of str to SpikeTrains
        Input spikes by source.
    """

    def __init__(
        self,
        kernel: Any,
        network: SpikeNetwork,
        tapes: Sequence[Any],
        n_samples: int,
        until: float,
        given: Mapping[str, SpikeTrains],
    ) -> None:
        super().__init__(network, n_samples, until)
        self.kernel = kernel
        self._tapes, self._given = tapes, given
        self._chunk = tapes[0].n_samples

    @property
    def nbytes(self) -> int:
        """Memory that the tapes take."""
        return sum(tape.nbytes for tape in self._tapes)

    def spikes(self, population: str, sample: int) -> Spikes:
        """Return the spikes of a population in one sample."""
        tape, k = self._at(sample)
        return Spikes(*tape.spikes(self._number(population), k))

    def slope_inverses(self, population: str, sample: int) -> Floats:
        """Return 1 / (dg/dt) at each spike of a population in one sample, g the threshold function."""
        tape, k = self._at(sample)
        found: Floats = tape.slopes(self._number(population), k)
        return found

    def first_spikes(self, population: str) -> Floats:
        """Return the first spike of each unit, shape (n_samples, n)."""
        times = np.full((self.n_samples, self._size(population)), np.inf)
        for low, tape in self._pieces():
            tape.first_spikes(self._number(population), times[low : low + tape.n_samples])
        return times

    def counts(self, population: str) -> Ints:
        """Return the number of spikes of each unit, shape (n_samples, n)."""
        counts = np.zeros((self.n_samples, self._size(population)), np.int64)
        for low, tape in self._pieces():
            tape.count_spikes(self._number(population), counts[low : low + tape.n_samples])
        return counts

    def backward(self, errors: Mapping[str, Any], wanted: Collection[str] | None = None) -> Gradient:
        """Differentiate a loss; see `SpikeGradient.backward`."""
        found: Gradient = self.kernel.backward(self, errors)
        return found

    def clear_errors(self) -> None:
        """Set the errors of all spikes to 0."""
        for tape in self._tapes:
            tape.clear_errors()

    def input_errors(self) -> dict[str, Any]:
        """Return dL/dt of the input spikes by source, in the layout they were given in."""
        return {name: self._input_errors(name) for name in self._given}

    def _input_errors(self, name: str) -> Any:
        given, number = self._given[name], self._number(name)
        if given.once:
            errors = np.zeros((self.n_samples, self._size(name)))
            for low, tape in self._pieces():
                tape.first_errors(number, errors[low : low + tape.n_samples])
            return errors
        return [in_given_order(given, sample, self.errors(name, sample)) for sample in range(self.n_samples)]

    def _pieces(self) -> Iterator[tuple[int, Any]]:
        return ((k * self._chunk, tape) for k, tape in enumerate(self._tapes))

    def _at(self, sample: int) -> tuple[Any, int]:
        self._checked(sample)
        return self._tapes[sample // self._chunk], sample % self._chunk

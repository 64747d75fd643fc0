"""The results of a forward and of a backward pass, whatever kernel computed them."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.io.plain import real_array
from eventsim.models.gradients.network import SpikeNetwork
from eventsim.trace import Spikes

__all__ = ["ForwardPass", "Gradient"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ForwardPass(ABC):
    """Spikes of a forward pass, of all samples; made by `SpikeGradient.forward`."""

    def __init__(self, network: SpikeNetwork, n_samples: int, until: float) -> None:
        self._network = network
        self.n_samples = n_samples
        self.until = until

    def __len__(self) -> int:
        return self.n_samples

    def __reduce__(self) -> Any:
        raise TypeError(
            "a forward pass cannot be pickled or copied, since it holds memory of its network; keep what "
            "spikes() or first_spikes() return, or compute it again"
        )

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Memory that the run takes."""

    @abstractmethod
    def spikes(self, population: str, sample: int) -> Spikes:
        """Return the spikes of a population in one sample."""

    @abstractmethod
    def slope_inverses(self, population: str, sample: int) -> Floats:
        """Return 1 / v' at each spike; 0 where no membrane decides (inputs), inf where it grazes."""

    @abstractmethod
    def first_spikes(self, population: str) -> Floats:
        """Return when each unit spikes first, shape (n_samples, n); `inf` where it does not."""

    @abstractmethod
    def counts(self, population: str) -> Ints:
        """Return how often each unit spikes, shape (n_samples, n)."""

    @abstractmethod
    def maxima(self, population: str) -> tuple[Floats, Floats]:
        """Return the largest membrane of each unit in [0, until] and when it is reached, both (n_samples, n).

        Of a population that does not spike, that is of `LIF` with ``v_th = inf``. Where the membrane settles
        from below for ever, without `until`, that is at `inf`.

        Raises
        ------
        ValueError
            If the population has a threshold.
        """

    def membranes(self, population: str) -> Floats:
        """Return membranes at the times of `probes`, (n_samples, n_times, n); nan where a time is inf.

        Raises
        ------
        ValueError
            If none were asked for.
        """
        self._number(population)
        raise ValueError(
            f"no membranes of {population!r} were read: give times in forward(probes={{{population!r}: ...}})"
        )

    @abstractmethod
    def errors(self, population: str, sample: int) -> Floats:
        """Return dL/dT of each spike, with all that follows from it, of the latest backward pass."""

    @abstractmethod
    def backward(self, errors: Mapping[str, Any], wanted: Collection[str] | None = None) -> "Gradient":
        """Differentiate a loss; see `SpikeGradient.backward`."""

    @abstractmethod
    def _add_first_errors(self, population: str, errors: Floats) -> None:
        """Add the errors of first spikes, (n_samples, n), to those of a backward pass about to begin."""

    @abstractmethod
    def _add_spike_errors(self, population: str, sample: int, errors: Floats) -> None:
        """Add the errors of the spikes of one sample."""

    def _n_spikes(self, population: str, sample: int) -> int:
        """Return the number of spikes of a population in one sample."""
        return len(self.spikes(population, sample))

    def _put_errors(self, name: str, value: Any) -> None:
        """Add the errors of a population as `SpikeGradient.backward` takes them."""
        n = self._size(name)
        rows = value if isinstance(value, Sequence) and not isinstance(value, np.ndarray) else ()
        listed = [isinstance(row, np.ndarray) for row in rows]
        if not any(listed) or self._is_readout(name):
            self._add_first_errors(name, self._by_unit(name, value, n))
            return
        if not all(listed):
            raise ValueError(
                f"errors of {name!r} must be one array (n_samples, n), or a list of an array for each sample"
            )
        if len(rows) != self.n_samples:
            raise ValueError(f"errors of {name!r} hold {len(rows)} samples, the run holds {self.n_samples}")
        for sample, row in enumerate(rows):
            errors = real_array(row, f"errors of {name!r} in sample {sample}").reshape(-1)
            count = self._n_spikes(name, sample)
            if len(errors) != count:
                raise ValueError(
                    f"errors of {name!r} in sample {sample} are {len(errors)}, it has {count} spikes"
                )
            self._add_spike_errors(name, sample, _finite(errors, name))

    def _is_readout(self, name: str) -> bool:
        v_th = self._network.parameters.get(f"v_th/{name}")
        return v_th is not None and bool(np.isinf(v_th).all())

    def _by_unit(self, name: str, value: Any, n: int) -> Floats:
        """Return errors of first spikes as a checked array, shape (n_samples, n)."""
        try:
            array = np.ascontiguousarray(real_array(value, f"errors of {name!r}"))
        except ValueError as error:
            raise ValueError(f"{error}; those of each spike are a list of arrays") from None
        if array.shape != (self.n_samples, n):
            raise ValueError(f"errors of {name!r} have shape {array.shape}, expected ({self.n_samples}, {n})")
        return _finite(array, name)

    def _number(self, population: str) -> int:
        if population not in self._network.numbers:
            raise UnknownPart(
                f"no population is named {population!r}; known: {', '.join(self._network.names)}"
            )
        return self._network.numbers[population]

    def _size(self, population: str) -> int:
        self._number(population)
        return self._network.size(population)

    def _checked(self, sample: int) -> int:
        if not 0 <= sample < self.n_samples:
            raise IndexError(f"the run has samples 0..{self.n_samples - 1}, got {sample}")
        return sample


def _finite(errors: Floats, name: str) -> Floats:
    if not np.isfinite(errors).all():
        raise ValueError(f"errors of {name!r} must be finite, got {errors[~np.isfinite(errors)][0]}")
    return errors


@dataclass(slots=True)
class Gradient:
    """Derivatives of a loss, summed over all samples.

    Attributes
    ----------
    weight : by projection, in the shape of its weights: (n_pre, n_post) if dense, else (n_syn,).
    delay : by projection, in the shape of its delays: (1,) uniform, (n_pre, 1) axonal, (1, n_post)
        dendritic, or the shape of the weights.
    tau_mem, tau_syn, v_th : by population, (1,) if all units share it, else (n,).
    times : by source, in the layout of the inputs: (n_samples, n), or a list of arrays.
    others : of all further parameters of neurons, by their names in `parameters`, such as ``c_mem/cells``.
    """

    weight: dict[str, Floats]
    delay: dict[str, Floats]
    tau_mem: dict[str, Floats]
    tau_syn: dict[str, Floats]
    v_th: dict[str, Floats]
    times: dict[str, Any]
    others: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        weight: dict[str, Floats],
        delay: dict[str, Floats],
        units: Mapping[str, Floats],
        times: dict[str, Any],
    ) -> "Gradient":
        """Return a gradient whose derivatives in parameters of neurons are given by name."""
        found = cls(weight, delay, {}, {}, {}, times)
        for key, value in units.items():
            kind, _, name = key.partition("/")
            if kind in ("tau_mem", "tau_syn", "v_th"):
                getattr(found, kind)[name] = value
            else:
                found.others[key] = value
        return found

    @property
    def parameters(self) -> dict[str, Floats]:
        """The derivatives by the names of `SpikeGradient.parameters`."""
        kinds = {"weight": self.weight, "delay": self.delay}
        kinds |= {"tau_mem": self.tau_mem, "tau_syn": self.tau_syn, "v_th": self.v_th}
        named = {
            f"{kind}/{name}": value for kind, by_name in kinds.items() for name, value in by_name.items()
        }
        return named | self.others

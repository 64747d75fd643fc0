"""Learning by first-spike times: exact gradients of the times at which neurons spike first.

A neuron spikes at the first T with v(T) = v_th; what has arrived by then, its causal set, is all that T
depends on. The implicit function theorem gives, for every ratio of the time constants,

    dT/dw_i = - kappa(T - t_i) / v'(T),      dT/dt_i = w_i kappa'(T - t_i) / v'(T)      for t_i <= T, else 0,

with the response kappa of the membrane to an input. The forward pass computes the times layer by layer; the
backward pass walks from the errors of the output times through these derivatives. Silent neurons have no
gradient; if too many are silent, the weights into them are raised instead (Göltz et al. 2021).
"""

import copy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import UnknownPart
from eventsim.models.losses import TimeToFirstSpike
from eventsim.models.rules._first_spike import Kernel
from eventsim.models.rules.feedforward import layer_named, layers_of
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register

__all__ = ["FirstSpike", "Step"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 512  # samples of a forward pass that are in memory together


class Loss(Protocol):
    """What a loss has to offer; see `eventsim.models.losses`."""

    def __call__(self, times: Floats, labels: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]: ...
    def predict(self, times: Floats) -> Ints: ...


class Optimiser(Protocol):
    """What an optimiser has to offer; see `eventsim.models.optimisers`."""

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a learning step saw and did.

    Attributes
    ----------
    loss : mean loss of the batch, before the step.
    correct : number of samples whose class was right.
    missing : fraction of silent neurons, over the batch, by layer.
    bumped : the layer whose weights were raised instead of a gradient step, or None.
    """

    loss: float
    correct: int
    missing: dict[str, float]
    bumped: str | None


@register("rule", "first_spike")
class FirstSpike:
    """Trains the weights of a feed-forward network by its first-spike times.

    Parameters
    ----------
    net : Network
        Sources and layers of `LIF(first_spike_only=True)` with dense projections; several may lead to one
        layer. Delays may be one for a projection or one for each source. It is not changed.
    output : str
        The population whose first spikes tell the class.
    loss : callable
        Of the output times, see `eventsim.models.losses`.
    max_missing : mapping of str to float
        Largest fraction of silent neurons of a layer, over a batch; above it, weights into the neurons that
        were silent in any sample are raised and the gradient step is skipped. Layers not named may be silent.
    bump : float
        By how much; doubled each time the same layer needs it again in the next batch.
    max_dw_norm : float
        A sample's weight gradient of a neuron is dropped if its largest entry exceeds this.
    threads : int
        How many threads share a batch. Results do not depend on it.

    Attributes
    ----------
    weights : mapping of str to ndarray, shape (n_pre, n_post)
        By projection; change them in place.

    Raises
    ------
    ConfigError
        If the network is not of this kind.
    UnknownPart
        If there is no such layer.

    Notes
    -----
    Göltz, Kriener et al. 2021, Fast and energy-efficient neuromorphic deep learning with first-spike times.
    Times are in the network's unit; losses measure them in tau_syn of the output layer.
    """

    paper: ClassVar[str] = "Göltz et al. 2021, Fast and energy-efficient neuromorphic deep learning"

    def __init__(
        self,
        net: Network,
        output: str,
        loss: Loss | None = None,
        *,
        max_missing: Mapping[str, float] | None = None,
        bump: float = 5e-4,
        max_dw_norm: float = 0.2,
        threads: int = 1,
    ) -> None:
        structure = layers_of(net)
        self._net, self._layers, self._sources = net, structure.layers, structure.sources
        self._output = layer_named(structure, output)
        self.loss: Loss = TimeToFirstSpike() if loss is None else loss
        self.max_missing = {
            self._layers[layer_named(structure, name)].name: one_number(
                fraction, f"max_missing of {name!r}", low=0, high=1
            )
            for name, fraction in (max_missing or {}).items()
        }
        self.first_bump = one_number(bump, "bump", low=0)
        if not max_dw_norm > 0:
            raise ValueError(f"max_dw_norm must be positive (inf: no limit), got {max_dw_norm!r}")
        self.max_dw_norm = float(max_dw_norm)
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads must be a whole number, at least 1, got {threads!r}")
        self.threads = threads
        self._bump, self._bumped = self.first_bump, ""
        self.weights: Mapping[str, Floats] = MappingProxyType(
            {link.name: link.weight for layer in self._layers for link in layer.links}
        )
        names = [*self._sources, *(layer.name for layer in self._layers)]
        sizes = [*self._sources.values(), *(layer.n for layer in self._layers)]
        self._populations = dict(zip(names, sizes, strict=True))
        self._kernel = Kernel(
            sizes,
            len(self._sources),
            [
                (
                    (layer.tau_mem, layer.tau_syn, layer.c_mem, layer.threshold),
                    [(names.index(link.source), len(link.weight)) for link in layer.links],
                    np.concatenate([link.delay for link in layer.links]),
                )
                for layer in self._layers
            ],
            threads,
        )
        self._pool = ThreadPoolExecutor(threads - 1, "first-spike") if threads > 1 else None

    def forward(self, inputs: Mapping[str, ArrayLike]) -> dict[str, Floats]:
        """Compute the first-spike times of every layer.

        Parameters
        ----------
        inputs : mapping of str to array_like, shape (n_samples, n)
            Spike times of every source; `inf` where a unit does not spike. A row counts for all samples.

        Returns
        -------
        dict of str to ndarray, shape (n_samples, n)
            By layer; `inf` where a neuron does not spike.

        Raises
        ------
        UnknownPart, ValueError
            If a source is missing or unknown, or its times do not fit.
        """
        given, n_samples = self._checked(inputs, self._sources)
        self._load(False)
        times = {layer.name: np.empty((n_samples, layer.n)) for layer in self._layers}
        for low in range(0, n_samples, BLOCK):
            high = min(low + BLOCK, n_samples)
            part = {name: t if len(t) == 1 else t[low:high] for name, t in given.items()}
            self._forward(part, high - low)
            for layer, t in zip(self._layers, self._times(high - low), strict=True):
                times[layer.name][low:high] = t
        return times

    def predict(self, inputs: Mapping[str, ArrayLike]) -> Ints:
        """Return the class of each sample, shape (n_samples,); -1 if no output spikes."""
        return self.loss.predict(self.forward(inputs)[self._layers[self._output].name])

    def score(self, inputs: Mapping[str, ArrayLike], labels: ArrayLike) -> float:
        """Return the fraction of samples whose class is right."""
        predicted = self.predict(inputs)
        return float((predicted == self._labels(labels, len(predicted))).mean())

    def gradients(
        self,
        inputs: Mapping[str, ArrayLike],
        labels: ArrayLike,
        times: Mapping[str, ArrayLike] | None = None,
    ) -> tuple[float, dict[str, Floats]]:
        """Return the mean loss of a batch and its derivatives in the weights.

        Parameters
        ----------
        inputs : mapping of str to array_like, shape (n_samples, n)
            As for `forward`.
        labels : array_like of int, shape (n_samples,)
            Index of the correct output.
        times : mapping of str to array_like, shape (n_samples, n), optional
            Spike times of every layer as another system measured them, in place of a forward pass. The
            derivatives are those of the ideal neurons with the causal sets of these times, which are put in
            where the closed forms hold the spike time; 0 where an ideal neuron would not spike with that set.

        Returns
        -------
        loss : float
        gradients : dict of str to ndarray, shape (n_pre, n_post)
            By projection, as `weights`.

        Raises
        ------
        UnknownPart, ValueError
            If a population is missing or unknown, or times or labels do not fit.
        """
        n_samples, checked = self._seen(inputs, labels, times)
        losses, errors = self._evaluate(n_samples, checked)
        return float(losses.mean()), self._backward(errors, n_samples, times is not None)

    def step(
        self,
        inputs: Mapping[str, ArrayLike],
        labels: ArrayLike,
        optimiser: Optimiser,
        times: Mapping[str, ArrayLike] | None = None,
    ) -> Step:
        """Learn from one batch: an optimiser's step or, if too many neurons are silent, a bump.

        Parameters are those of `gradients`, and the optimiser that changes the weights.
        """
        n_samples, checked = self._seen(inputs, labels, times)
        losses, errors = self._evaluate(n_samples, checked)
        predicted = self.loss.predict(self._times(n_samples)[self._output])
        silent = [np.isinf(t) for t in self._times(n_samples)]
        missing = {layer.name: float(s.mean()) for layer, s in zip(self._layers, silent, strict=True)}
        bumped = self._bump_if_needed(missing, silent)
        if bumped is None:
            optimiser.update(self.weights, self._backward(errors, n_samples, times is not None))
        return Step(float(losses.mean()), int((predicted == checked).sum()), missing, bumped)

    def network(self) -> Network:
        """Return the network as declared, with the present weights."""
        net = copy.copy(self._net)
        net.projections = [
            replace(projection, weight=self.weights[projection.name].copy()) for projection in net.projections
        ]
        return net

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside the optimiser: weights, and how bumping stands."""
        weights = {name: weight.copy() for name, weight in self.weights.items()}
        return {"weights": weights, "bump": self._bump, "bumped": self._bumped}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name, weight in self.weights.items():
            weight[:] = state["weights"][name]
        self._bump, self._bumped = float(state["bump"]), str(state["bumped"])

    # ------------------------------------------------------------------ what the public methods share

    def _checked(
        self, given: Mapping[str, ArrayLike], expected: Mapping[str, int]
    ) -> tuple[dict[str, Floats], int]:
        """Return spike times by population as arrays of n_samples or 1 rows, and n_samples."""
        if given.keys() != expected.keys():
            for name in given:
                if name not in expected:
                    raise UnknownPart(f"spike times are given for {name!r}; expected: {', '.join(expected)}")
            absent = next(name for name in expected if name not in given)
            raise UnknownPart(f"spike times of {absent!r} are missing; given: {', '.join(given) or 'none'}")
        arrays: dict[str, Floats] = {}
        n_samples = 1
        for name, n in expected.items():
            times = np.asarray(given[name], np.float64)
            if times.ndim == 1:
                times = times[None, :]
            if times.ndim != 2 or times.shape[1] != n or len(times) == 0:
                raise ValueError(
                    f"spike times of {name!r} have shape {np.shape(given[name])}, expected (n_samples, {n})"
                )
            if not (times.min() > -np.inf):  # nan fails too
                bad = float(times[~(times > -np.inf)][0])
                raise ValueError(f"spike times of {name!r} must be numbers or inf, got {bad!r}")
            if len(times) != 1:
                if n_samples not in (1, len(times)):
                    raise ValueError(
                        f"spike times of {name!r} hold {len(times)} samples, others hold {n_samples}"
                    )
                n_samples = len(times)
            arrays[name] = times
        return arrays, n_samples

    def _seen(
        self, inputs: Mapping[str, ArrayLike], labels: ArrayLike, times: Mapping[str, ArrayLike] | None
    ) -> tuple[int, Ints]:
        """Leave the spike times of a batch, computed or measured, in the kernel; return size and labels."""
        given, n_samples = self._checked(inputs, self._sources)
        checked = self._labels(labels, n_samples)
        self._load(times is not None)
        if times is None:
            self._forward(given, n_samples)
        else:
            observed, n_observed = self._checked(times, {layer.name: layer.n for layer in self._layers})
            if n_observed not in (1, n_samples):
                raise ValueError(f"times hold {n_observed} samples, the inputs {n_samples}")
            self._fill({**given, **observed}, n_samples)
        return n_samples, checked

    def _labels(self, labels: ArrayLike, n_samples: int) -> Ints:
        checked = np.asarray(labels)
        n = self._layers[self._output].n
        if checked.shape != (n_samples,) or checked.dtype.kind not in "iu":
            raise ValueError(
                f"labels must be {n_samples} whole numbers, one per sample, "
                f"got shape {checked.shape} of {checked.dtype}"
            )
        if checked.min() < 0 or checked.max() >= n:
            wrong = checked[(checked < 0) | (checked >= n)][0]
            raise ValueError(f"labels must lie in 0 to {n - 1}, got {int(wrong)}")
        return checked.astype(np.int64, copy=False)

    def _load(self, measured: bool) -> None:
        """Give the kernel the weights as they are now."""
        for k, layer in enumerate(self._layers):
            for j, link in enumerate(layer.links):
                self._kernel.load(k, j, link.weight, measured)

    def _fill(self, times: Mapping[str, Floats], n_samples: int) -> None:
        self._kernel.reserve(n_samples)
        for k, (name, n) in enumerate(self._populations.items()):
            if name in times:
                self._kernel.times[k][:n_samples, :n] = times[name]

    def _forward(self, given: Mapping[str, Floats], n_samples: int) -> None:
        self._fill(given, n_samples)
        self._share(n_samples, self._kernel.forward)

    def _times(self, n_samples: int) -> list[Floats]:
        """Return the times of each layer, views into the kernel's memory."""
        kept = self._kernel.times[len(self._sources) :]
        return [t[:n_samples, : layer.n] for t, layer in zip(kept, self._layers, strict=True)]

    def _evaluate(self, n_samples: int, labels: Ints) -> tuple[Floats, Floats]:
        return self.loss(self._times(n_samples)[self._output], labels, self._layers[self._output].tau_syn)

    def _backward(self, errors: Floats, n_samples: int, measured: bool) -> dict[str, Floats]:
        """Return the gradients of the mean loss; `errors` is dL/dt of the outputs for each sample."""
        kernel = self._kernel
        kernel.set_error(n_samples, {self._output: errors / n_samples})
        self._share(
            n_samples,
            partial(kernel.backward, self.max_dw_norm, measured),
        )
        gradients: dict[str, Floats] = {}
        for k, layer in enumerate(self._layers):
            self._share(
                kernel.rows_to_sum(k),
                partial(kernel.sum_gradient, k, n_samples, measured),
                work=n_samples * kernel.gradients[k].size,
            )
            first = 0
            for link in layer.links:
                rows = slice(first, first + len(link.weight))
                gradients[link.name] = kernel.gradients[k][rows].copy()
                first = rows.stop
        return gradients

    def _share(self, n: int, work_on: Callable[[int, int, int], None], work: int | None = None) -> None:
        """Call work_on(thread, low, high) on a share of range(n) in each thread."""
        threads = self.threads if work is None or work > 200_000 else 1
        if self._pool is None or threads == 1 or n == 1:
            work_on(0, 0, n)
            return
        borders = [n * k // threads for k in range(threads + 1)]
        others = [
            self._pool.submit(work_on, thread, borders[thread], borders[thread + 1])
            for thread in range(1, threads)
        ]
        work_on(0, 0, borders[1])
        for other in others:
            other.result()

    def _bump_if_needed(self, missing: Mapping[str, float], silent: list[NDArray[np.bool_]]) -> str | None:
        """Raise the weights into silent neurons of the first layer that misses too many spikes."""
        for layer, quiet in zip(self._layers, silent, strict=True):
            if missing[layer.name] > self.max_missing.get(layer.name, 1.0):
                self._bump = 2 * self._bump if self._bumped == layer.name else self.first_bump
                self._bumped = layer.name
                for link in layer.links:
                    link.weight[:, quiet.any(axis=0)] += self._bump
                return layer.name
        self._bumped = ""
        return None

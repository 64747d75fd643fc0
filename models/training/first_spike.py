"""Learning by first-spike times: exact gradients of the times at which neurons spike first.

A neuron spikes at the first T with v(T) = v_th; what has arrived by then, its causal set, is all that T
depends on. The implicit function theorem gives, for every ratio of the time constants,

    dT/dw_i = - kappa(T - t_i) / v'(T),      dT/dt_i = w_i kappa'(T - t_i) / v'(T)      for t_i <= T, else 0,

with the response kappa of the membrane to an input. The forward pass computes the times layer by layer; the
backward pass walks from the errors of the output times through these derivatives. Silent neurons have no
gradient; if too many are silent, the weights into them are raised instead (Göltz et al. 2021).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import UnknownPart
from eventsim.models.training.feedforward import layer_named, layers_of
from eventsim.models.training.losses.first_spike import TimeToFirstSpike
from eventsim.models.training.spike_learner import Optimiser, SpikeLearner, Step
from eventsim.network import Network
from eventsim.registry import register

__all__ = ["FirstSpike", "Step"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 512  # samples of a forward pass that are in memory together


class Loss(Protocol):
    """What a loss has to offer; see `eventsim.models.training.losses.first_spike`."""

    def __call__(self, times: Floats, labels: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]: ...
    def predict(self, times: Floats) -> Ints: ...


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
        Of the output times, see `eventsim.models.training.losses.first_spike`.
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
        for name in (output, *(max_missing or {})):
            layer_named(structure, name)
        self._learner = SpikeLearner(
            net,
            output,
            TimeToFirstSpike() if loss is None else loss,
            learn=("weight",),
            max_missing=max_missing,
            bump=bump,
            max_dw_norm=max_dw_norm,
            threads=threads,
        )
        self.loss: Loss = self._learner.loss
        self.max_missing, self.first_bump = self._learner.max_missing, self._learner.first_bump
        self.max_dw_norm, self.threads, self.output = float(max_dw_norm), threads, output
        self._sources = structure.sources
        self._layers = {layer.name: layer.n for layer in structure.layers}
        self.weights: Mapping[str, Floats] = MappingProxyType(_by_projection(self._learner.parameters))

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
        given, n_samples, origin = self._checked(inputs)
        times = {name: np.empty((n_samples, n)) for name, n in self._layers.items()}
        for low in range(0, n_samples, BLOCK):
            high = min(low + BLOCK, n_samples)
            run = self._learner.forward(
                {name: t if len(t) == 1 else t[low:high] for name, t in given.items()}
            )
            for name, found in times.items():
                found[low:high] = run.first_spikes(name)
        if origin:
            for found in times.values():
                found += origin
        return times

    def predict(self, inputs: Mapping[str, ArrayLike]) -> Ints:
        """Return the class of each sample, shape (n_samples,); -1 if no output spikes."""
        return self._learner.classes_of(self.forward(inputs)[self.output])

    def score(self, inputs: Mapping[str, ArrayLike], labels: ArrayLike) -> float:
        """Return the fraction of samples whose class is right."""
        predicted = self.predict(inputs)
        return float((predicted == self._learner.checked_labels(labels, len(predicted))).mean())

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
        given, observed = self._seen(inputs, times)
        loss, gradients = self._learner.gradients(given, labels, times=observed)
        return loss, _by_projection(gradients)

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
        given, observed = self._seen(inputs, times)
        return self._learner.step(given, labels, _ByProjection(self.weights, optimiser), times=observed)

    def network(self) -> Network:
        """Return the network as declared, with the present weights."""
        return self._learner.network()

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside the optimiser: weights, and how bumping stands."""
        state = self._learner.state()
        return {"weights": _by_projection(state.pop("parameters")), **state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        parameters = {f"weight/{name}": weight for name, weight in state["weights"].items()}
        self._learner.restore({**state, "parameters": parameters})

    # ------------------------------------------------------------------ what the public methods share

    def _checked(self, inputs: Mapping[str, ArrayLike]) -> tuple[dict[str, Floats], int, float]:
        """Return inputs as arrays of n_samples or 1 rows, n_samples, and what is taken off to have none < 0.

        A shift of all inputs shifts all spikes, so any time may be called 0.
        """
        given, n_samples = _rows(inputs, self._sources)
        origin = min(0.0, min(float(times.min()) for times in given.values()))
        if origin:
            given = {name: times - origin for name, times in given.items()}
        return given, n_samples, origin

    def _seen(
        self, inputs: Mapping[str, ArrayLike], times: Mapping[str, ArrayLike] | None
    ) -> tuple[dict[str, Floats], dict[str, Floats] | None]:
        """Return the inputs and the measured spikes, if there are any, with one row for each sample."""
        given, n_samples, origin = self._checked(inputs)
        if times is None:
            return given, None
        observed, n_observed = _rows(times, self._layers)
        if n_observed not in (1, n_samples):
            raise ValueError(f"times hold {n_observed} samples, the inputs {n_samples}")
        return given, {name: t - origin for name, t in observed.items()}


class _ByProjection:
    """An optimiser that knows weights by the names of their projections."""

    def __init__(self, weights: Mapping[str, Floats], optimiser: Optimiser) -> None:
        self.weights, self.optimiser = weights, optimiser

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None:
        self.optimiser.update(self.weights, _by_projection(gradients))


def _by_projection(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name.removeprefix("weight/"): weight for name, weight in weights.items()}


def _rows(given: Mapping[str, ArrayLike], expected: Mapping[str, int]) -> tuple[dict[str, Floats], int]:
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

"""Trains a network by exact gradients of its spike times: weights, delays, and what else is asked for.

`SpikeGradient` computes the derivatives. Here is what a training step needs beside them: a loss of the output
spikes, parameters as the optimiser sees them (delays through a map that keeps them positive), and a cure for
silent neurons, which have no gradient: if too many are silent in a batch, the weights into them are raised
instead of a gradient step (Göltz et al. 2021).
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.connect import Pairs
from eventsim.errors import ConfigError, UnknownPart
from eventsim.models.gradients.spike_gradient import Run, SpikeGradient
from eventsim.models.training.hardware_noise import HardwareNoise, WeightGrid
from eventsim.models.training.learned import learned
from eventsim.models.training.losses.first_spike import TargetTimes, TimeToFirstSpike
from eventsim.models.training.parametrisations import DelayMap, Sigmoid
from eventsim.network import Network
from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.topological_sort import senders_first

__all__ = ["SpikeLearner", "Step"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLOCK = 1024  # samples of a prediction that are in memory together
LEAST = 0.05  # of its first value, to which a learned time constant or threshold may fall


class Optimiser(Protocol):
    """What an optimiser has to offer; see `eventsim.models.training.optimisers`."""

    def update(self, parameters: Mapping[str, Floats], gradients: Mapping[str, Floats]) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a learning step saw and did.

    Attributes
    ----------
    loss : mean loss of the batch, before the step.
    correct : number of samples whose class was right; 0 if the loss knows no classes.
    missing : fraction of silent neurons, over the batch, by layer.
    bumped : the layer whose weights were raised instead of a gradient step, or None.
    """

    loss: float
    correct: int
    missing: dict[str, float]
    bumped: str | None


@register("rule", "spike_learner")
class SpikeLearner:
    """Trains any network that `SpikeGradient` takes.

    Parameters
    ----------
    net : Network
        Of `LIF` populations and `SpikeSource`; it is not changed.
    output : str
        The population whose spikes the loss looks at.
    loss : object
        Of first spikes, called as the losses of `eventsim.models.training.losses.first_spike`; or with a method ``of_run``, as
        those of `eventsim.models.training.losses.spike_trains`, and for classes ``predict_run``. `TimeToFirstSpike()` unless
        given.
    learn : sequence of str
        What is trained: kinds ("weight", "delay", "tau_mem", "tau_syn", "v_th") or single parameters
        ("delay/input->hidden", "tau_mem/hidden"). "delay" means the projections that were given an array of
        delays; one delay for a whole projection is trained if it is named. Infinite thresholds are left out.
    delays : DelayMap or mapping of str to DelayMap
        How delays stay positive, for all projections or by projection; `Sigmoid()` unless given.
    until : float
        End of a sample; needed if the network has loops.
    max_missing : mapping of str to float
        Largest fraction of silent neurons of a population, over a batch; above it, weights into the neurons
        that were silent in any sample are raised and the gradient step is skipped. Populations not named may
        be silent.
    bump : float
        By how much; doubled each time the same population needs it again in the next batch.
    max_dw_norm : float
        A sample's weight gradient of a neuron is dropped if its largest entry exceeds this.
    threads : int
        How many threads share a batch. Results do not depend on it.
    max_slope_inverse : float
        Spikes whose membrane rose more slowly, 1 / v' above it, pass no gradient on; their derivatives are
        large, and true only for tiny changes.
    noise : HardwareNoise
        How the forward pass deviates from the network; for networks of the same kind. What it draws for every
        pass comes from the `rng` of the methods.
    weights : WeightGrid
        The weights that the network can have; those of the optimiser are between them.

    Attributes
    ----------
    parameters : mapping of str to ndarray
        What the optimiser changes, by name: ``weight/<projection>``, ``delay/<projection>`` (p of the map),
        ``tau_mem/<population>``, ... Change them in place.

    Raises
    ------
    ConfigError
        If the network is not of this kind.
    UnknownPart
        If there is no such population or parameter.

    Notes
    -----
    Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights. Time constants
    are kept above a twentieth of their first value, the distance of thresholds from rest or reset likewise.
    """

    paper: ClassVar[str] = (
        "Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights"
    )

    def __init__(
        self,
        net: Network,
        output: str,
        loss: Any = None,
        *,
        learn: Sequence[str] = ("weight", "delay"),
        delays: DelayMap | Mapping[str, DelayMap] | None = None,
        until: float = math.inf,
        max_missing: Mapping[str, float] | None = None,
        bump: float = 5e-4,
        max_dw_norm: float = math.inf,
        threads: int = 1,
        max_slope_inverse: float = math.inf,
        noise: HardwareNoise | None = None,
        weights: WeightGrid | None = None,
    ) -> None:
        learn = (learn,) if isinstance(learn, str) else tuple(learn)
        constants = any(name.partition("/")[0] in ("tau_mem", "tau_syn") for name in learn)
        self.rule = SpikeGradient(
            net,
            threads=threads,
            time_constants=constants,
            max_slope_inverse=max_slope_inverse,
            max_dw_norm=max_dw_norm,
        )
        self._net = net
        self.threads, self.until = threads, float(until)
        self.loss: Any = TimeToFirstSpike() if loss is None else loss
        self._in_tau_syn = isinstance(self.loss, TargetTimes)  # its classes follow from times in tau_syn
        self._neurons = _spiking(net)
        if output not in net.populations or net.populations[output].model.is_source:
            raise UnknownPart(
                f"no population of neurons is named {output!r}; known: {', '.join(_cells(net))}"
            )
        self.output = output
        self._tau_syn = float(np.mean(np.asarray(net.populations[output].model.tau_syn, np.float64)))
        self.max_missing = {
            self._known(name): one_number(fraction, f"max_missing of {name!r}", low=0, high=1)
            for name, fraction in (max_missing or {}).items()
        }
        self.first_bump = one_number(bump, "bump", low=0)
        self._bump, self._bumped = self.first_bump, ""
        self._warned = False
        names = learned(learn, self.rule.parameters)
        if not names:
            known = ", ".join(self.rule.parameters)
            raise ValueError(f"learn={learn!r} leaves nothing to learn; there are: {known}")
        self._maps = _maps(
            delays, [name.partition("/")[2] for name in names if name.startswith("delay/")], net
        )
        self._parameters: dict[str, Floats] = {}
        for name in names:
            kind, _, part = name.partition("/")
            value = self.rule.parameters[name]
            if kind == "weight" and weights is not None:
                value = value.copy()
            elif kind == "delay":
                try:
                    value = self._maps[part].inverse(value)
                except ValueError as error:
                    raise ValueError(f"delays of {part!r}: {error}") from None
            self._parameters[name] = value
        self._floors = {
            name: self._floor(name, value) for name, value in self._parameters.items() if name[0] in "tv"
        }
        self.parameters: Mapping[str, Floats] = MappingProxyType(self._parameters)
        self.noise, self.weights = noise, weights
        layers = {name: net.populations[name].n for name in self._neurons}
        self._pattern = {} if noise is None else noise.fixed_pattern(layers, net.seed)
        self._shapes = {
            name.partition("/")[2]: (value.shape[0], value.shape[-1])
            for name, value in self.rule.parameters.items()
            if name.startswith("weight/")
        }
        # By population, the weights that lead to it, and the targets of synapses that are not dense.
        self._into: dict[str, list[tuple[str, NDArray[np.int32] | None]]] = {
            name: [] for name in self._neurons
        }
        for projection in self.rule.network().projections:
            key = f"weight/{projection.name}"
            if projection.post in self._into and key in self._parameters:
                rule = projection.rule  # synapse by synapse, unless dense
                self._into[projection.post].append((key, rule.post if isinstance(rule, Pairs) else None))

    # ------------------------------------------------------------------ what a user calls

    def forward(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> Run:
        """Compute the spikes of all populations.

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            Spikes of every source, as `SpikeGradient.forward` takes them; one sample alone counts for all.
        rng : numpy.random.Generator
            For the noise that is drawn anew; without it, only what is fixed deviates.
        """
        self._load()
        inputs, n_samples = _broadcast(inputs)
        if self.noise is None:
            return self.rule.forward(inputs, self.until)
        deviations = self.noise.draw(self._pattern, self._shapes, n_samples, rng)
        return self.rule.forward(inputs, self.until, noise=deviations)

    def first_spikes(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> Floats:
        """Return when each output spikes first, shape (n_samples, n_outputs); `inf` where it does not."""
        found = [self.forward(part, rng).first_spikes(self.output) for part in _blocks(inputs)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def predict(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> Ints:
        """Return the class of each sample, shape (n_samples,); -1 if the outputs tell none."""
        found = [self._predicted(self.forward(part, rng)) for part in _blocks(inputs)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def score(
        self, inputs: Mapping[str, Any], labels: ArrayLike, rng: np.random.Generator | None = None
    ) -> float:
        """Return the fraction of samples whose class is right."""
        predicted = self.predict(inputs, rng)
        return float((predicted == self.checked_labels(labels, len(predicted))).mean())

    def gradients(
        self,
        inputs: Mapping[str, Any],
        labels: Any,
        rng: np.random.Generator | None = None,
        times: Mapping[str, ArrayLike] | None = None,
        arrivals: Mapping[str, ArrayLike] | None = None,
    ) -> tuple[float, dict[str, Floats]]:
        """Return the mean loss of a batch and its derivatives in `parameters`.

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            As for `forward`.
        labels : array_like of int, shape (n_samples,)
            Index of the correct output; for losses of spike trains, the target of each sample.
        rng : numpy.random.Generator
            For the noise, if some is drawn for every pass.
        times : mapping of str to array_like, shape (n_samples, n)
            First spikes of every population of neurons as another system measured them, in place of a forward
            pass; see `SpikeGradient.observed`.
        arrivals : mapping of str to array_like, shape (n_samples, n_pre) or (n_samples, n_pre, n_post)
            With `times`, when spikes arrived after their delay, by projection, where that was measured too.

        Returns
        -------
        loss : float
        gradients : dict of str to ndarray
            By name and in the shape of `parameters`.

        Raises
        ------
        UnknownPart, ValueError
            If inputs or labels do not fit.
        OverflowError
            If the loss or a derivative is no number.
        """
        run = self._seen(inputs, rng, times, arrivals)
        losses, errors, _ = self._evaluate(run, labels)
        return self._mean(losses), self._derivatives(run, errors)

    def step(
        self,
        inputs: Mapping[str, Any],
        labels: Any,
        optimiser: Optimiser,
        rng: np.random.Generator | None = None,
        times: Mapping[str, ArrayLike] | None = None,
        arrivals: Mapping[str, ArrayLike] | None = None,
    ) -> Step:
        """Learn from one batch: an optimiser's step or, if too many neurons are silent, a bump.

        Parameters are those of `gradients`, and the optimiser that changes `parameters`.
        """
        run = self._seen(inputs, rng, times, arrivals)
        losses, errors, correct = self._evaluate(run, labels)
        loss = self._mean(losses)
        silent = {name: run.first_spikes(name) == np.inf for name in self._neurons}
        missing = {name: np.count_nonzero(each) / each.size for name, each in silent.items()}
        bumped = self._bump_if_needed(missing, silent)
        if bumped is None:
            if missing.get(self.output, 0.0) == 1.0:
                self._warn_of_silence()
            optimiser.update(self.parameters, self._derivatives(run, errors))
            self.settle()
        return Step(loss, correct, missing, bumped)

    def settle(self) -> None:
        """Bring delays, time constants and thresholds back to where they are possible, after a change."""
        for name, delay_map in self._maps.items():
            delay_map.settle(self._parameters[f"delay/{name}"])
        if self.weights is not None:
            for name in self._shapes:
                if f"weight/{name}" in self._parameters:
                    self.weights.settle(self._parameters[f"weight/{name}"])
        for name, floor in self._floors.items():
            np.maximum(self._parameters[name], floor, out=self._parameters[name])

    def network(self) -> Network:
        """Return the network with the present parameters."""
        self._load()
        return self.rule.network()

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside the optimiser: parameters, and how bumping stands."""
        parameters = {name: value.copy() for name, value in self._parameters.items()}
        return {"parameters": parameters, "bump": self._bump, "bumped": self._bumped}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        for name, value in self._parameters.items():
            value[:] = state["parameters"][name]
        self._bump, self._bumped = float(state["bump"]), str(state["bumped"])

    # ------------------------------------------------------------------ what the public methods share

    def _seen(
        self,
        inputs: Mapping[str, Any],
        rng: np.random.Generator | None,
        times: Mapping[str, ArrayLike] | None,
        arrivals: Mapping[str, ArrayLike] | None,
    ) -> Run:
        """Return the run to learn from, computed or measured."""
        if times is not None:
            self._load()
            return self.rule.observed(_broadcast(inputs)[0], times, arrivals=arrivals)
        if rng is None and self.noise is not None and self.noise.needs_rng:
            raise ValueError(f"{self.noise} is drawn for every batch: give rng=numpy.random.default_rng(...)")
        return self.forward(inputs, rng)

    def _load(self) -> None:
        """Give `SpikeGradient` what follows from the parameters; the others are the same arrays."""
        for name, delay_map in self._maps.items():
            key = f"delay/{name}"
            self.rule.parameters[key][:] = delay_map.value(self._parameters[key])
        if self.weights is not None:
            for name in self._shapes:
                key = f"weight/{name}"
                if key in self._parameters:
                    self.rule.parameters[key][:] = self.weights.value(self._parameters[key])

    def _evaluate(self, run: Run, labels: Any) -> tuple[Floats, Any, int]:
        """Return the loss of each sample, the errors that follow, and how many classes are right."""
        if hasattr(self.loss, "of_run"):
            tells = hasattr(self.loss, "predict_run")
            if tells:
                labels = self.checked_labels(labels, len(run))
            losses, errors = self.loss.of_run(run, self.output, labels, self._tau_syn)
            right = np.count_nonzero(self.loss.predict_run(run, self.output) == labels) if tells else 0
            return losses, errors, int(right)
        times = run.first_spikes(self.output)
        labels = self.checked_labels(labels, len(times))
        losses, errors = self.loss(times, labels, self._tau_syn)
        return losses, errors, int(np.count_nonzero(self.classes_of(times) == labels))

    def classes_of(self, times: Floats) -> Ints:
        """Return the class that output times tell."""
        found: Ints = self.loss.predict(times / self._tau_syn if self._in_tau_syn else times)
        return found

    def _predicted(self, run: Run) -> Ints:
        if hasattr(self.loss, "predict_run"):
            classes: Ints = self.loss.predict_run(run, self.output)
            return classes
        if not hasattr(self.loss, "predict"):
            raise TypeError(f"{type(self.loss).__name__} is a loss of spike trains and tells no classes")
        return self.classes_of(run.first_spikes(self.output))

    def _derivatives(self, run: Run, errors: Any) -> dict[str, Floats]:
        """Return the derivatives of the mean loss by name; errors are of the output, or by population."""
        n = len(run)
        if not isinstance(errors, Mapping):
            errors = {self.output: errors}
        found = self.rule.backward(
            run,
            {
                name: value / n if isinstance(value, np.ndarray) else [each / n for each in value]
                for name, value in errors.items()
            },
            self._parameters,
        )
        gradients = {}
        for name, value in self._parameters.items():
            kind, _, part = name.partition("/")
            gradient: Floats = getattr(found, kind)[part]
            if kind == "delay":
                gradient = self._maps[part].gradient(value, gradient)
            gradients[name] = gradient
        return gradients

    def _mean(self, losses: Floats) -> float:
        loss = float(losses.mean())
        if not math.isfinite(loss):
            raise OverflowError(f"the loss is {loss}: lower the rate, or start from weaker weights")
        return loss

    def checked_labels(self, labels: Any, n_samples: int) -> Ints:
        """Return labels as an array, checked to be one output for each sample."""
        checked = np.asarray(labels)
        n = self._net.populations[self.output].n
        if checked.shape != (n_samples,) or checked.dtype.kind not in "iu":
            raise ValueError(
                f"labels must be {n_samples} whole numbers, one per sample, "
                f"got shape {checked.shape} of {checked.dtype}"
            )
        if checked.min() < 0 or checked.max() >= n:
            wrong = checked[(checked < 0) | (checked >= n)][0]
            raise ValueError(f"labels must lie in 0 to {n - 1}, got {int(wrong)}")
        return checked.astype(np.int64, copy=False)

    def _bump_if_needed(self, missing: Mapping[str, float], silent: Mapping[str, Bools]) -> str | None:
        """Raise the weights into silent neurons of the first population that misses too many spikes."""
        for name in self._neurons:
            if missing[name] > self.max_missing.get(name, 1.0):
                self._bump = 2 * self._bump if self._bumped == name else self.first_bump
                self._bumped = name
                self._raise(name, np.asarray(silent[name].any(axis=0)), self._bump)
                return name
        self._bumped = ""
        return None

    def _raise(self, name: str, quiet: Bools, by: float) -> None:
        """Raise the weights into some neurons of a population."""
        for key, target in self._into[name]:
            weight = self._parameters[key]
            if target is None:
                weight[:, quiet] += by
            else:
                weight[quiet[target]] += by

    def _warn_of_silence(self) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"no neuron of {self.output!r} spikes in any sample of the batch, nothing is learned: start "
                f"from stronger weights, or have them raised by max_missing={{{self.output!r}: 0.0}}",
                RuntimeWarning,
                stacklevel=3,
            )

    def _known(self, name: str) -> str:
        if name not in self._neurons:
            raise UnknownPart(
                f"no population of spiking neurons is named {name!r}; known: {', '.join(self._neurons)}"
            )
        return name

    def _floor(self, name: str, value: Floats) -> Floats:
        """Return how far a time constant or threshold may fall."""
        kind, _, part = name.partition("/")
        if kind != "v_th":
            return LEAST * value
        model = self._net.populations[part].model
        rest = np.maximum(np.asarray(model.v_leak, np.float64), np.asarray(model.v_reset, np.float64))
        lowest: Floats = rest + LEAST * (value - rest)
        return np.max(lowest, keepdims=True) if lowest.shape != value.shape else lowest


def _cells(net: Network) -> list[str]:
    return [name for name, population in net.populations.items() if not population.model.is_source]


def _spiking(net: Network) -> list[str]:
    """Return the populations that can spike, senders first; where they form loops, as they were added."""
    names = list(net.populations)
    with suppress(ConfigError):
        names = senders_first(names, [(p.pre, p.post) for p in net.projections if p.pre != p.post])
    cells = set(_cells(net))
    return [name for name in names if name in cells and np.isfinite(net.populations[name].model.v_th).any()]


def _maps(
    delays: DelayMap | Mapping[str, DelayMap] | None, trained: list[str], net: Network
) -> dict[str, DelayMap]:
    """Return the map of each projection whose delays are trained."""
    if isinstance(delays, DelayMap) or delays is None:
        return {name: delays or Sigmoid() for name in trained}
    projections = [projection.name for projection in net.projections]
    for name, delay_map in delays.items():
        if name not in projections:
            raise UnknownPart(f"no projection is named {name!r}; known: {', '.join(projections)}")
        if not isinstance(delay_map, DelayMap):
            raise TypeError(f"the delay map of {name!r} must be a DelayMap, got {delay_map!r}")
    return {name: delays.get(name, Sigmoid()) for name in trained}


def _blocks(inputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the inputs cut into parts of BLOCK samples."""
    n = max((len(each) for each in inputs.values()), default=1)
    if n <= BLOCK:
        return [inputs]
    return [
        {name: each if len(each) == 1 else each[low : low + BLOCK] for name, each in inputs.items()}
        for low in range(0, n, BLOCK)
    ]


def _broadcast(inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """Return inputs in which a sample alone is repeated for all, and the number of samples."""
    lengths = {len(each) for each in inputs.values()}
    n = max(lengths, default=1)
    if lengths != {1, n} or n == 1:
        return inputs, n

    def rows(each: Any) -> Any:
        if len(each) > 1:
            return each
        if isinstance(each, np.ndarray):
            return np.broadcast_to(each, (n, *each.shape[1:]))
        return [each[0]] * n

    return {name: rows(each) for name, each in inputs.items()}, n

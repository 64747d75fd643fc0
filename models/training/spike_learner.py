"""Trains a network by exact gradients of its spike times: weights, delays, and what else is asked for.

`SpikeGradient` computes the derivatives. A training step needs more: a loss of the output spikes, parameters
as the optimiser sees them (delays through a map that keeps them positive), and a cure for silent neurons,
which have no gradient.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.connect import Pairs
from eventsim.errors import ConfigError, UnknownPart
from eventsim.io.plain import plain_array, shown
from eventsim.models.gradients.forward_pass import ForwardPass
from eventsim.models.gradients.spike_gradient import SpikeGradient
from eventsim.models.inputs.sources import SpikeSource
from eventsim.models.lif.lif import LIF
from eventsim.models.training.hardware_noise import HardwareNoise, WeightGrid
from eventsim.models.training.losses.first_spike import SILENT_LABEL, TimeToFirstSpike
from eventsim.models.training.losses.loss import ClassLoss, Outputs, as_loss
from eventsim.models.training.optimisers import Optimiser
from eventsim.models.training.parametrisations import DelayMap
from eventsim.models.training.sample_blocks import blocks, one_row_per_sample
from eventsim.models.training.silent_neurons import WeightBump
from eventsim.models.training.silent_outputs import MembranePull, SilentOutputs
from eventsim.models.training.trained_parameters import TrainedParameters
from eventsim.network import Network
from eventsim.network.topological_sort import topological_sort
from eventsim.parameters import one_time
from eventsim.registry import register
from eventsim.renamed import warn_renamed

__all__ = ["SpikeLearner", "Step"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Step:
    """What a learning step saw and did.

    Attributes
    ----------
    loss : mean loss of the batch, before the step.
    correct : number of samples whose class was right; 0 if the loss knows no classes.
    missing : fraction of silent neurons, over the batch, by layer.
    bumped : the layer whose weights were raised instead of a gradient step, or None.
    losses : loss of each sample, before the step.
    """

    loss: float
    correct: int
    missing: dict[str, float]
    bumped: str | None
    losses: Floats = field(repr=False, compare=False)

    @property
    def losses_followed(self) -> Floats:
        """Losses of the samples whose gradient the step followed.

        Those whose loss is a constant because an output was silent are missing; all of a batch that was
        bumped are.
        """
        followed: Floats = self.losses[(self.losses != SILENT_LABEL) & (self.bumped is None)]
        return followed


@register("trainer", "spike-learner")
class SpikeLearner:
    """Trains any network that `SpikeGradient` takes.

    Parameters
    ----------
    net : Network
        Of `SpikeSource` and neurons with derivatives, such as `LIF` and `QIF`; it is not changed.
    output : str
        The population that the loss reads.
    loss : Loss
        See `eventsim.models.training.losses`; `TimeToFirstSpike()` unless given.
    learn : sequence of str
        What is trained: kinds ("weight", "delay", "tau_mem", "tau_syn", "v_th", "i_ext", and the other
        parameters of neurons that are not LIF) or single parameters ("delay/input->hidden",
        "tau_mem/hidden"). "delay" means the projections that were given an array of delays; one delay for a
        whole projection is trained if it is named. Infinite thresholds are left out.
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
    silent : SilentOutputs
        Pulls the membrane of a correct output that is silent towards threshold, for losses of first spikes
        with classes; without it, the loss of such a sample is a constant.

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
        silent: SilentOutputs | None = None,
    ) -> None:
        learn = (learn,) if isinstance(learn, str) else tuple(learn)
        if not isinstance(net, Network):
            raise TypeError(f"a learner trains a Network, got {shown(net)}")
        net = net.with_parameters()  # the caller's may grow
        if max_missing is not None and not isinstance(max_missing, Mapping):
            raise TypeError(
                f"max_missing must be a mapping of populations to fractions, such as {{'hidden': 0.3}}, "
                f"got {shown(max_missing)}"
            )
        until = one_time(until, "until")
        self._arguments: dict[str, Any] = {
            "net": net,
            "output": output,
            "loss": loss,
            "learn": learn,
            "delays": delays,
            "until": until,
            "max_missing": max_missing,
            "bump": bump,
            "max_dw_norm": max_dw_norm,
            "threads": threads,
            "max_slope_inverse": max_slope_inverse,
            "noise": noise,
            "weights": weights,
            "silent": silent,
        }
        kinds = {name.partition("/")[0] for name in learn}
        # The kernels of LIF know no derivative in i_ext; all of them have that in v_th.
        leaky = all(isinstance(each.model, LIF | SpikeSource) for each in net.populations.values())
        self.loss: Any = TimeToFirstSpike() if loss is None else loss
        self._loss: Any = as_loss(self.loss)
        self._reads_membranes = getattr(self._loss, "reads", "first_spikes") == "membranes"
        general = leaky and ("i_ext" in kinds or self._reads_membranes)
        options: dict[str, Any] = {
            "threads": threads,
            "time_constants": bool(
                kinds - {"weight", "delay"} - ({"v_th"} if leaky and not general else set())
            ),
            "max_slope_inverse": max_slope_inverse,
            "max_dw_norm": max_dw_norm,
        }
        self.spike_gradient = SpikeGradient(net, kernel="adjoint" if general else "auto", **options)
        self._net = net
        self.threads, self.until = threads, until
        # Asked once: isinstance of a protocol looks at every attribute, which a small batch would feel.
        self._class_loss = self._loss if isinstance(self._loss, ClassLoss) else None
        self._reads_all = getattr(self._loss, "reads", "first_spikes") == "forward_pass"
        self._neurons = _spiking(net)
        if output not in net.populations or net.populations[output].model.is_source:
            raise UnknownPart(
                f"no population of neurons is named {output!r}; known: {', '.join(_cells(net))}"
            )
        self.output = output
        tau_syn = getattr(net.populations[output].model, "tau_syn", 1.0)
        self._tau_syn = float(np.mean(np.asarray(tau_syn, np.float64)))
        for name in max_missing or {}:
            self._checked_population(name)
        self._bump = WeightBump(max_missing or {}, bump, self._raise)
        self._warned = False
        self._trained = TrainedParameters(net, self.spike_gradient, learn, delays, weights)
        self.parameters: Mapping[str, Floats] = self._trained.values
        self.noise, self.weights = noise, weights
        self._membranes: MembranePull | None = None
        if self._reads_membranes and noise is not None:
            raise ConfigError("a loss of membranes at given times needs a run without noise")
        if silent is not None:
            if noise is not None or self._class_loss is None or self._reads_all or general:
                raise ConfigError(
                    "silent outputs are pulled for losses of first spikes with classes, without noise and "
                    "without i_ext to learn"
                )
            self._membranes = MembranePull(net, output, self.spike_gradient, silent, until, **options)
        sizes = {name: net.populations[name].n for name in self._neurons}
        self._pattern = {} if noise is None else noise.fixed_pattern(sizes, net.seed)
        self._shapes = {
            name.partition("/")[2]: (value.shape[0], value.shape[-1])
            for name, value in self.spike_gradient.parameters.items()
            if name.startswith("weight/")
        }
        # By population, the weights that lead to it, and the targets of synapses that are not dense.
        self._into: dict[str, list[tuple[str, NDArray[np.int32] | None]]] = {
            name: [] for name in self._neurons
        }
        for projection in self.spike_gradient.network().projections:
            key = f"weight/{projection.name}"
            if projection.post in self._into and key in self.parameters:
                rule = projection.rule  # synapse by synapse, unless dense
                self._into[projection.post].append((key, rule.post if isinstance(rule, Pairs) else None))

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of: the arguments, all parameters, and how bumping stands."""
        fixed = {name: value.copy() for name, value in self.spike_gradient.parameters.items()}
        return {"arguments": self._arguments, "fixed": fixed, "state": self.state(), "warned": self._warned}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy, which goes on to the same bits."""
        SpikeLearner.__init__(self, **state["arguments"])
        for name, value in state["fixed"].items():
            self.spike_gradient.parameters[name][...] = value
        self.restore(state["state"])
        self._warned = state["warned"]

    @property
    def spiking(self) -> tuple[str, ...]:
        """The populations of neurons that can spike, senders first."""
        return tuple(self._neurons)

    @property
    def reads_first_spikes(self) -> bool:
        """Whether the loss reads first spikes, not a whole forward pass."""
        return not (self._reads_all or self._reads_membranes)

    # ------------------------------------------------------------------ what a user calls

    def forward(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> ForwardPass:
        """Compute the spikes of all populations.

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            Spikes of every source, as `SpikeGradient.forward` takes them; one sample alone counts for all.
        rng : numpy.random.Generator
            For the noise that is drawn anew; without it, only what is fixed deviates.
        """
        self._trained.load()
        inputs, n_samples = one_row_per_sample(inputs)
        if self.noise is None:
            return self.spike_gradient.forward(inputs, self.until)
        deviations = self.noise.draw(self._pattern, self._shapes, n_samples, rng)
        return self.spike_gradient.forward(inputs, self.until, noise=deviations)

    def first_spikes(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> Floats:
        """Return when each output spikes first, shape (n_samples, n_outputs); `inf` where it does not."""
        passes = self._forward_passes(inputs, rng)
        return np.concatenate([each.first_spikes(self.output) for each in passes])

    def maxima(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> Floats:
        """Return the largest membranes of outputs that do not spike, shape (n_samples, n_outputs)."""
        passes = self._forward_passes(inputs, rng)
        return np.concatenate([each.maxima(self.output)[0] for each in passes])

    def membranes(self, inputs: Mapping[str, Any], times: ArrayLike) -> Floats:
        """Return the membranes of the outputs at `times`, shape (n_samples, n_times, n_outputs).

        `times` has the shape (n_times,), (n_samples, n_times) or (n_samples, n_times, n_outputs).
        """
        return self._with_membranes(inputs, times).membranes(self.output)

    def predict(self, inputs: Mapping[str, Any], rng: np.random.Generator | None = None) -> Ints:
        """Return the class of each sample, shape (n_samples,); -1 if the outputs tell none."""
        passes = self._forward_passes(inputs, rng)
        return np.concatenate([self.classes(each) for each in passes])

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
        run = self._observed(inputs, rng, times, arrivals, labels)
        losses, errors, _ = self._evaluate(run, labels)
        pull = self._pull(inputs, run, labels, losses)
        return self._mean(losses), self._derivatives(run, errors, pull)

    def step(
        self,
        inputs: Mapping[str, Any],
        labels: Any,
        optimiser: Optimiser,
        rng: np.random.Generator | None = None,
        times: Mapping[str, ArrayLike] | None = None,
        arrivals: Mapping[str, ArrayLike] | None = None,
        sample_weight: Floats | None = None,
    ) -> Step:
        """Learn from one batch: an optimiser's step or, if too many neurons are silent, a bump.

        Parameters are those of `gradients`, and the optimiser that changes `parameters`. `sample_weight`,
        shape (n_samples,), multiplies the loss of each sample.
        """
        run = self._observed(inputs, rng, times, arrivals, labels)
        losses, errors, correct = self._evaluate(run, labels)
        if sample_weight is not None:
            errors = _weighted(errors, sample_weight)
        pull = self._pull(inputs, run, labels, losses, sample_weight)
        loss = self._mean(losses)
        silent = {name: run.first_spikes(name) == np.inf for name in self._neurons}
        missing = {name: np.count_nonzero(each) / each.size for name, each in silent.items()}
        bumped = self._bump.raise_if_needed(missing, silent)
        if bumped is None:
            if missing.get(self.output, 0.0) == 1.0 and not self._reads_membranes:
                self._warn_of_silence()
            if not hasattr(optimiser, "update"):
                raise TypeError(f"an optimiser has update(), as Adam(0.01) has; got {shown(optimiser)}")
            optimiser.update(self.parameters, self._derivatives(run, errors, pull))
            self.settle()
        return Step(loss, correct, missing, bumped, losses)

    def settle(self) -> None:
        """Bring delays, time constants and thresholds back to where they are possible, after a change."""
        self._trained.settle()

    def network(self) -> Network:
        """Return the network with the present parameters."""
        self._trained.load()
        return self.spike_gradient.network()

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside the optimiser: parameters, and how bumping stands."""
        return {"parameters": self._trained.copies(), **self._bump.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        if not isinstance(state, Mapping) or not {"parameters", "bump", "bumped"} <= state.keys():
            raise ValueError(f"a state of a learner has parameters, bump and bumped; got {shown(state)}")
        self._trained.restore(state["parameters"])
        self._bump.restore(state)

    def classes(self, run: ForwardPass) -> Ints:
        """Return the class of each sample of a forward pass, shape (n_samples,)."""
        if self._class_loss is None:
            raise TypeError(f"{type(self.loss).__name__} is a loss of spike trains, without classes")
        return self._class_loss.predict(self._outputs(run), self._tau_syn)

    def classes_of(self, first_spikes: Floats) -> Ints:
        """Return the class that the first spikes of the outputs tell, shape (n_samples,)."""
        if not self.reads_first_spikes or self._class_loss is None:
            raise TypeError(f"{type(self.loss).__name__} has no classes of first spikes")
        return self._class_loss.predict(first_spikes, self._tau_syn)

    def checked_labels(self, labels: Any, n_samples: int) -> Ints:
        """Return labels as an array, checked to be one output for each sample."""
        checked = plain_array(labels, "labels")
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

    @property
    def rule(self) -> SpikeGradient:
        """The `SpikeGradient`; deprecated name of `spike_gradient`."""
        warn_renamed("SpikeLearner.rule", "spike_gradient")
        return self.spike_gradient

    # ------------------------------------------------------------------ what the public methods share

    def _forward_passes(
        self, inputs: Mapping[str, Any], rng: np.random.Generator | None
    ) -> Iterator[ForwardPass]:
        """Yield the forward passes of the inputs, block by block."""
        return (self.forward(block, rng) for block in blocks(inputs))

    def _observed(
        self,
        inputs: Mapping[str, Any],
        rng: np.random.Generator | None,
        times: Mapping[str, ArrayLike] | None,
        arrivals: Mapping[str, ArrayLike] | None,
        targets: Any,
    ) -> ForwardPass:
        """Return the forward pass to learn from, computed or observed."""
        if self._reads_membranes:
            if times is not None:
                raise ConfigError("a loss of membranes reads computed passes only, not measured times")
            n = self._net.populations[self.output].n
            return self._with_membranes(inputs, self._loss.probe_times(targets, n))
        if times is not None:
            if self._membranes is not None:
                raise ConfigError("silent outputs are pulled in computed passes only, not at measured times")
            self._trained.load()
            return self.spike_gradient.observed(one_row_per_sample(inputs)[0], times, arrivals=arrivals)
        if rng is None and self.noise is not None and self.noise.needs_rng:
            raise ValueError(f"{self.noise} is drawn for every batch: give rng=numpy.random.default_rng(...)")
        return self.forward(inputs, rng)

    def _with_membranes(self, inputs: Mapping[str, Any], times: ArrayLike) -> ForwardPass:
        """Return a forward pass in which membranes of the outputs are read."""
        self._trained.load()
        inputs, _ = one_row_per_sample(inputs)
        return self.spike_gradient.forward(inputs, self.until, probes={self.output: times})

    def _outputs(self, run: ForwardPass) -> Any:
        """Return what the loss reads of a forward pass."""
        if self._reads_membranes:
            return run.membranes(self.output)
        return Outputs(run, self.output) if self._reads_all else run.first_spikes(self.output)

    def _evaluate(self, run: ForwardPass, targets: Any) -> tuple[Floats, Any, int]:
        """Return the loss of each sample, the errors that follow, and how many classes are right."""
        outputs = self._outputs(run)
        if self._reads_membranes:
            losses, errors = self._loss(outputs, targets, self._tau_syn)
            return losses, _OfMembranes(errors), 0
        if self._class_loss is None:
            return *self._loss(outputs, targets, self._tau_syn), 0
        targets = self.checked_labels(targets, len(run))
        losses, errors = self._loss(outputs, targets, self._tau_syn)
        right = self._class_loss.predict(outputs, self._tau_syn) == targets
        return losses, errors, int(np.count_nonzero(right))

    def _pull(
        self,
        inputs: Mapping[str, Any],
        run: ForwardPass,
        labels: Any,
        losses: Floats,
        weight: Floats | None = None,
    ) -> dict[str, Floats]:
        """Return the derivatives from silent correct outputs; losses of their samples are replaced."""
        if self._membranes is None:
            return {}
        labels = self.checked_labels(labels, len(run))
        rows = np.flatnonzero(np.isinf(run.first_spikes(self.output)[np.arange(len(run)), labels]))
        if not len(rows):
            return {}
        share = (np.ones(len(run)) if weight is None else np.asarray(weight, np.float64))[rows] / len(run)
        found, gradient = self._membranes(one_row_per_sample(inputs)[0], rows, labels[rows], share)
        losses[rows] = found
        return self._trained.derivatives(gradient)

    def _derivatives(
        self, run: ForwardPass, errors: Any, more: Mapping[str, Floats] = MappingProxyType({})
    ) -> dict[str, Floats]:
        """Return the derivatives of the mean loss by name; errors are of the output, or by population."""
        n = len(run)
        if not isinstance(errors, Mapping):
            errors = {self.output: errors}
        membranes = {name: each.values / n for name, each in errors.items() if isinstance(each, _OfMembranes)}
        gradient = self.spike_gradient.backward(
            run,
            {
                name: value / n if isinstance(value, np.ndarray) else [each / n for each in value]
                for name, value in errors.items()
                if name not in membranes
            },
            self.parameters,
            membranes or None,
        )
        found = self._trained.derivatives(gradient)
        return {key: value + more[key] for key, value in found.items()} if more else found

    def _mean(self, losses: Floats) -> float:
        loss = float(losses.mean())
        if not math.isfinite(loss):
            raise OverflowError(f"the loss is {loss}: lower the learning rate, or start from weaker weights")
        return loss

    def _raise(self, name: str, silent: Bools, by: float) -> None:
        """Raise the weights into some neurons of a population."""
        for key, target in self._into[name]:
            weight = self.parameters[key]
            if target is None:
                weight[:, silent] += by
            else:
                weight[silent[target]] += by

    def _warn_of_silence(self) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"no neuron of {self.output!r} spikes in any sample of the batch, nothing is learned: start "
                f"from stronger weights, or have them raised by max_missing={{{self.output!r}: 0.0}}",
                RuntimeWarning,
                stacklevel=3,
            )

    def _checked_population(self, name: str) -> None:
        if name not in self._neurons:
            raise UnknownPart(
                f"no population of spiking neurons is named {name!r}; known: {', '.join(self._neurons)}"
            )


def _cells(net: Network) -> list[str]:
    return [name for name, population in net.populations.items() if not population.model.is_source]


def _spiking(net: Network) -> list[str]:
    """Return the populations that can spike, senders first; where they form loops, as they were added."""
    names = list(net.populations)
    with suppress(ConfigError):
        names = topological_sort(names, [(p.pre, p.post) for p in net.projections if p.pre != p.post])
    cells = set(_cells(net))
    return [name for name in names if name in cells and _has_threshold(net.populations[name].model)]


def _has_threshold(model: Any) -> bool:
    """Return whether a neuron can spike: all but readouts, whose v_th is inf."""
    return bool(np.isfinite(np.asarray(getattr(model, "v_th", 0.0), np.float64)).any())


@dataclass(frozen=True, slots=True)
class _OfMembranes:
    """Errors of membranes at given times, (n_samples, n_times, n); all others are of spikes."""

    values: Floats


def _weighted(errors: Any, weight: Floats) -> Any:
    """Return errors of samples, in whichever form a loss gives them, times the weight of each sample."""
    if isinstance(errors, Mapping):
        return {name: _weighted(each, weight) for name, each in errors.items()}
    if isinstance(errors, _OfMembranes):
        return _OfMembranes(_weighted(errors.values, weight))
    if isinstance(errors, np.ndarray) and errors.dtype != object:
        return errors * weight.reshape(-1, *(1,) * (errors.ndim - 1))
    return [each * factor for each, factor in zip(errors, weight, strict=True)]

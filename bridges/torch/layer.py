"""A spiking network as a torch module: exact spike times forward, their exact derivatives back."""

import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

import eventsim as es
import torch
from eventsim.errors import UnknownPart
from eventsim.models.gradients.forward_pass import ForwardPass
from eventsim.models.training.parameter_names import KINDS, parameter_names
from eventsim.network import Network
from eventsim.torch._function import ALL, Pass, Source, TensorGradient, spikes
from eventsim.torch.values import Positive, Values
from torch import Tensor
from torch.nn.utils import parametrize

__all__ = ["EventLayer"]

DELAYS = ("axonal", "dendritic", "synaptic")  # per input, per output, per synapse

Inputs = Any  # Tensor, sequence of (times, units), or mapping of str to these


class EventLayer(torch.nn.Module):
    """Spike times of a network of LIF neurons, differentiable in its parameters and its input times.

    Parameters
    ----------
    net : Network
        Of `LIF` populations and `SpikeSource`, as `SpikeGradient` takes it; it is not changed.
    output : str or sequence of str, optional
        The population whose spike times are returned; for several names a dictionary is. By default the
        population that was added last. Of a population with ``v_th = inf``, which never spikes, the membrane
        maximum of each unit is returned instead.
    until : float
        End of a run; networks with loops need it.
    learn : sequence of str
        What is a parameter: kinds (``"weight"``, ``"delay"``, ``"tau_mem"``, ``"tau_syn"``, ``"v_th"``)
        or single ones (``"delay/input->hidden"``, ``"tau_mem/hidden"``); the rest are buffers. As in
        `SpikeLearner`, ``"delay"`` means the projections that were given an array of delays, and infinite
        thresholds are left out.
    n_spikes : int or "all", optional
        How many spikes of each unit are returned; "all" is as many as the unit with most has. By default
        the first, without a dimension of its own.
    threads, max_slope_inverse, max_spikes
        As in `SpikeGradient`.

    Attributes
    ----------
    weight, delay : mapping of str to Tensor
        By projection, in the shapes of `SpikeGradient.parameters`: a uniform delay is (1,), axonal delays
        are (n_pre, 1), dendritic ones (1, n_post), synaptic ones have the shape of the weights.
    tau_mem, tau_syn, v_th : mapping of str to Tensor
        By population, (1,) if all units share it, else (n,).

    Raises
    ------
    ConfigError, UnknownPart, ValueError
        If there are other neurons, or a name is unknown.

    Examples
    --------
    >>> import torch, eventsim as es
    >>> from eventsim.torch import EventLayer
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 2)
    >>> _ = net.add("cell", es.models.LIF(), 1)
    >>> _ = net.connect("input", "cell", weight=torch.tensor([[2.0], [1.5]]).numpy(), delay=0.1)
    >>> layer = EventLayer(net, learn=("weight", "delay/input->cell"))
    >>> times = layer(torch.tensor([[0.0, 0.3]], dtype=torch.float64))  # (n_samples, n), inf for no spike
    >>> times.sum().backward()
    >>> round(layer.delay["input->cell"].grad.item(), 12)  # a later input is a later spike
    1.0

    Notes
    -----
    Everything is computed in float64; float32 parameters and times are converted, and spike times are
    returned in the type of the input times. A unit that does not spike has time `inf` and no derivative,
    whatever the loss does with it. The layer runs on the cpu. Derivatives are of first order, and those of
    the branch that the run took, as in `SpikeGradient`.

    Parameters are raw: a delay that becomes negative is an error. Clamp it after each step, or parametrize
    it, for example by `Positive`.
    """

    def __init__(
        self,
        net: Network,
        output: str | Sequence[str] | None = None,
        *,
        until: float = math.inf,
        learn: Iterable[str] = ("weight", "delay"),
        n_spikes: int | str | None = None,
        threads: int = 1,
        max_slope_inverse: float = math.inf,
        max_spikes: int = 10_000_000,
    ) -> None:
        super().__init__()
        self._net = net.with_parameters()  # a copy: gradients may be built again later, from the same parts
        self._options = {
            "threads": threads,
            "max_slope_inverse": max_slope_inverse,
            "max_spikes": max_spikes,
        }
        self._tensor_gradients: dict[bool, TensorGradient] = {}
        self._keys: list[str] = []
        parameters = self._tensor_gradient(False).gradient.parameters
        chosen = parameter_names(learn, parameters)
        for kind in KINDS:
            keys = [key for key in parameters if key.startswith(f"{kind}/")]
            values = {_name(key): torch.from_numpy(parameters[key].copy()) for key in keys}
            self.add_module(kind, Values(values, {_name(key) for key in keys if key in chosen}))
            self._keys += keys
        assert self._keys == list(parameters)  # the order of SpikeGradient
        self.output = next(reversed(net.populations)) if output is None else output
        self._outputs = [self.output] if isinstance(self.output, str) else list(self.output)
        for name in self._outputs:
            self._size(name)
        v_th = {name: parameters.get(f"v_th/{name}", np.zeros(1)) for name in self._outputs}
        self._readouts = {name for name, value in v_th.items() if np.isinf(value).all()}
        whole = isinstance(n_spikes, int) and not isinstance(n_spikes, bool) and n_spikes >= 1
        if n_spikes is not None and n_spikes != ALL and not whole:
            raise ValueError(f"n_spikes must be a whole number from 1, 'all' or None, got {n_spikes!r}")
        self.n_spikes = n_spikes
        self.until = until
        models = {name: p.model for name, p in net.populations.items() if p.model.is_source}
        waiting = [name for name, model in models.items() if not np.size(model.times)]
        self._sources = waiting or list(models)  # those that want spikes

    @classmethod
    def dense(
        cls,
        n_in: int,
        n_out: int,
        *,
        delays: str | None = None,
        recurrent: bool = False,
        tau_mem: Any = 1.0,
        tau_syn: Any = 1.0,
        learn: Iterable[str] = ("weight", "delay"),
        positive: bool = True,
        generator: torch.Generator | None = None,
        until: float = math.inf,
        n_spikes: int | str | None = None,
        threads: int = 1,
        max_slope_inverse: float = math.inf,
        **constants: Any,
    ) -> "EventLayer":
        """Return a layer of LIF neurons, ``input`` to ``output``, all connected to all.

        Weights are drawn from a normal distribution with which most units spike if each input spikes once
        within about two tau_syn; delays uniformly over a span of tau_syn, from 0, in loops from tau_syn / 2.

        Parameters
        ----------
        n_in, n_out : int
            Sizes.
        delays : {"axonal", "dendritic", "synaptic"}, optional
            One delay for each input, each output, or each synapse; none by default.
        recurrent : bool
            Whether the outputs are connected to one another, with delays of the same kind, by default one
            of tau_syn.
        tau_mem, tau_syn
            Time constants, in the unit of the input times.
        learn : sequence of str
            As in `EventLayer`.
        positive : bool
            Whether delays and time constants that are learned are parametrized by `Positive`.
        generator : torch.Generator, optional
            For weights and delays; by default torch's own, see `torch.manual_seed`.
        until, n_spikes, threads, max_slope_inverse
            As in `EventLayer`.
        **constants
            Of `LIF`, such as `v_th` or `t_ref`. Units spike once only, `first_spike_only`, unless the layer
            is recurrent or returns several spikes.
        """
        if delays is not None and delays not in DELAYS:
            raise ValueError(f"delays must be {', '.join(DELAYS)} or None, got {delays!r}")
        constants.setdefault("first_spike_only", n_spikes is None and not recurrent)
        model = es.models.LIF(tau_mem=tau_mem, tau_syn=tau_syn, **constants)
        net = es.Network()
        net.add("input", es.models.SpikeSource(), n_in)
        net.add("output", model, n_out)
        step = float(np.max(model.v_th) * np.max(model.c_mem) / np.max(tau_syn))
        late = float(np.max(tau_syn))

        def connect(pre: str, n_pre: int, mean: float, spread: float, delay: float) -> None:
            normal = torch.randn(n_pre, n_out, dtype=torch.float64, generator=generator).numpy()
            shapes = {"axonal": (n_pre, 1), "dendritic": (1, n_out), "synaptic": (n_pre, n_out)}
            each: Any = delay
            if delays is not None:
                shape = shapes[delays]
                least = max(delay - late / 2, 0.0)  # a short delay in a loop makes short windows
                drawn = torch.rand(shape, dtype=torch.float64, generator=generator).numpy()
                each = least + late * drawn
            net.connect(pre, "output", weight=step * (mean + spread * normal), delay=each)

        connect("input", n_in, 8 / n_in, 1.8 / math.sqrt(n_in), 0.0)
        if recurrent:
            connect("output", n_out, 0.0, 0.5 / math.sqrt(n_out), late)
        layer = cls(
            net,
            until=until,
            learn=learn,
            n_spikes=n_spikes,
            threads=threads,
            max_slope_inverse=max_slope_inverse,
        )
        if positive:
            layer._parametrize(late)
        return layer

    def forward(self, times: Inputs = None, until: float | None = None) -> Any:
        """Return the spike times of the output population.

        Parameters
        ----------
        times : Tensor, or sequence of (times, units), or mapping of str to these
            First spikes (n_samples, n), several of each unit (n_samples, n, k), `inf` for none; or for
            each sample its spikes as (times, units). By source, if there are several. One sample alone may
            be given as (n,).
        until : float, optional
            End of this run.

        Returns
        -------
        Tensor, shape (n_samples, n) or (n_samples, n, n_spikes)
            `inf` for no spike; by name, if the layer has several outputs. An empty batch has an empty result.

        Raises
        ------
        UnknownPart, ValueError, ConfigError, RuntimeError
            As `SpikeGradient.forward`, or if a tensor is not on the cpu.
        """
        sources, given, dtype, alone = self._inputs(times)
        parameters = self._parameters_now()
        wanted = []
        if torch.is_grad_enabled():
            wanted = [k for k, tensor in enumerate(parameters) if tensor.requires_grad]
        if sources and all(source.n_samples == 0 for source in sources):
            empty = self._of_no_samples([*(parameters[k] for k in wanted), *given], dtype)
            return empty[self.output] if isinstance(self.output, str) else empty
        one = Pass(
            self._tensor_gradient(any(self._keys[k].startswith("tau") for k in wanted)),
            [None if k in wanted else tensor for k, tensor in enumerate(parameters)],
            wanted,
            sources,
            self._outputs,
            self.until if until is None else until,
            self.n_spikes,
            self._readouts,
            dtype,
        )
        found = spikes(one, [*(parameters[k] for k in wanted), *given])
        if alone:
            found = tuple(tensor.squeeze(0) for tensor in found)
        return found[0] if isinstance(self.output, str) else dict(zip(self._outputs, found, strict=True))

    def run(self, times: Inputs = None, until: float | None = None) -> ForwardPass:
        """Return all spikes of all populations, without derivatives, as `SpikeGradient.forward` does."""
        sources, given, _, _ = self._inputs(times)
        tensor_gradient = self._tensor_gradient(False)
        rest = iter(given)
        inputs = {s.name: s.spikes(list(itertools.islice(rest, len(s.shapes)))) for s in sources}
        with tensor_gradient.lock:
            self._put(tensor_gradient)
            return tensor_gradient.gradient.forward(inputs, self.until if until is None else until)

    def network(self) -> Network:
        """Return the network with the present parameters, to simulate or to save."""
        tensor_gradient = self._tensor_gradient(False)
        with tensor_gradient.lock:
            self._put(tensor_gradient)
            return tensor_gradient.gradient.network()

    def extra_repr(self) -> str:
        """Return the populations and the outputs."""
        sizes = ", ".join(f"{name}: {p.n}" for name, p in self._net.populations.items())
        several = "" if self.n_spikes is None else f", n_spikes={self.n_spikes!r}"
        return f"{sizes}; output={self.output!r}, until={self.until:g}{several}"

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold; SpikeGradient is built anew when it is needed."""
        return self.__dict__ | {"_tensor_gradients": {}}

    def _of_no_samples(self, tensors: list[Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the spike times of an empty batch by output; the derivatives in all tensors are 0."""
        zero = sum(((tensor * 0).sum() for tensor in tensors if tensor.is_floating_point()), torch.zeros(()))
        found = {}
        for name in self._outputs:
            several = () if self.n_spikes is None or name in self._readouts else (self.n_spikes,)
            shape = (0, self._net.populations[name].n, *(0 if k == ALL else int(k) for k in several))
            found[name] = zero.to(dtype).expand(shape)
        return found

    def _tensor_gradient(self, constants: bool) -> TensorGradient:
        if constants not in self._tensor_gradients:
            self._tensor_gradients[constants] = TensorGradient(self._net, constants, self._options)
        return self._tensor_gradients[constants]

    def _put(self, tensor_gradient: TensorGradient) -> None:
        tensor_gradient.take(self._parameters_now())

    def _parametrize(self, scale: float) -> None:
        """Keep what is learned and must be positive so."""
        for kind in ("delay", "tau_mem", "tau_syn"):
            values = getattr(self, kind)
            for name in values:
                if values[name].requires_grad:
                    parametrize.register_parametrization(values, name, Positive(scale))

    def _parameters_now(self) -> list[Tensor]:
        """Return all tensors, in the order of `SpikeGradient.parameters`."""
        tensors = [tensor for kind in KINDS for tensor in self._modules[kind].tensors()]
        if not all(tensor.is_cpu for tensor in tensors):
            for key, tensor in zip(self._keys, tensors, strict=True):
                _check_device(tensor, f"{key!r} is")
        return tensors

    def _size(self, name: str) -> int:
        if name not in self._net.populations:
            known = ", ".join(self._net.populations)
            raise UnknownPart(f"no population is named {name!r}; known: {known}")
        return self._net.populations[name].n

    def _inputs(self, times: Inputs) -> tuple[list[Source], list[Tensor], torch.dtype, bool]:
        """Return the inputs, their tensors, the type of the times, and whether they are one sample alone."""
        if not isinstance(times, Mapping):
            if times is not None and len(self._sources) != 1:
                raise ValueError(
                    f"the layer has the inputs {', '.join(self._sources) or '(none)'}: give times by name"
                )
            times = {} if times is None else {self._sources[0]: times}
        sources: list[Source] = []
        given: list[Tensor] = []
        alone = False
        for name, value in times.items():
            n = self._size(name)
            if _is_listed(value):
                tensors = [_tensor(t, name) for t, _ in value]
                units = [np.asarray(units) for _, units in value]
                sources.append(Source(name, n, [t.shape for t in tensors], units))
                given += tensors
                continue
            tensor = _tensor(value, name)
            if tensor.ndim == 1:
                tensor, alone = tensor.unsqueeze(0), True
            if tensor.ndim not in (2, 3) or tensor.shape[1] != n:
                raise ValueError(
                    f"times of {name!r} have shape {tuple(tensor.shape)}, "
                    f"expected (n_samples, {n}) or (n_samples, {n}, n_spikes)"
                )
            sources.append(Source(name, n, [tensor.shape]))
            given.append(tensor)
        types = [t.dtype for t in given if t.is_floating_point()]
        return sources, given, functools.reduce(torch.promote_types, types or [torch.float64]), alone


def _name(key: str) -> str:
    return key.split("/", 1)[1]


def _is_listed(value: Any) -> bool:
    """Return whether spikes are given as (times, units) sample by sample."""
    return isinstance(value, list | tuple) and all(isinstance(one, tuple) and len(one) == 2 for one in value)


def _tensor(value: Any, name: str) -> Tensor:
    tensor: Tensor = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    if not tensor.is_cpu:
        _check_device(tensor, f"times of {name!r} are")
    if tensor.is_complex():
        raise TypeError(f"times of {name!r} must be real numbers, got {tensor.dtype}")
    return tensor


def _check_device(tensor: Tensor, what: str) -> None:
    if tensor.device.type != "cpu":
        raise ValueError(f"EventLayer runs on the cpu, but {what} on {tensor.device}; move it there")

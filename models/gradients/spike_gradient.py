"""Exact gradients of spike times: any network of LIF neurons, any number of spikes, every parameter.

A spike at T satisfies v(T) = v_th, so any change x of what came before moves it by dT/dx = -(dv/dx) /
v'(T). Instead of following each x forward, EventProp follows the adjoints l_v = dL/dv and l_i = dL/di
of every neuron back in time (`eventprop/_sensitivities.pxd`). An own spike with error G = dL/dT sets
l_v = -G / v'(T); between events both follow their exact flow; an arrival of weight w adds

    dL/dw = l_i        dL/dt = w (l_i / tau_syn - l_v / c_mem),

where dL/dt is the derivative in the delay, and part of the error of the presynaptic spike. After a spike the
membrane starts again at R = T + t_ref, the refractory end, from a fixed value. So the past acts on the future
through T alone: G gains -l_v(R) v'(R). No step size enters anywhere (Wunderlich & Pehle 2021, EventProp).

Gradients are those of the branch that the run took. They are exact as long as no spike appears or
disappears; where one does, L jumps and has no derivative. A silent neuron has gradient zero. Close to such a
point the membrane grazes threshold, and 1 / v'(T) and the gradient grow without bound; `max_slope_inverse`
stops derivatives at such a spike. Where an arrival and a spike change order, L has a kink; an arrival at the
very time of a spike counts as one before it.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError
from eventsim.io.plain import shown
from eventsim.models.gradients._input_spikes import checked_inputs
from eventsim.models.gradients._probes import checked_probes
from eventsim.models.gradients.adjoint.kernel import AdjointForwardPass, AdjointKernel
from eventsim.models.gradients.eventprop.kernel import EventPropKernel
from eventsim.models.gradients.first_spike.kernel import FirstSpikeKernel
from eventsim.models.gradients.forward_pass import ForwardPass, Gradient
from eventsim.models.gradients.network import Settings, SpikeNetwork
from eventsim.models.gradients.perturbation import Noise
from eventsim.network import Network
from eventsim.parameters import one_time
from eventsim.registry import register
from eventsim.renamed import current
from eventsim.spike_trains import SpikeTrains

__all__ = ["ForwardPass", "Gradient", "SpikeGradient"]

Floats = NDArray[np.float64]
Kernel = FirstSpikeKernel | EventPropKernel | AdjointKernel

KERNELS: dict[str, tuple[type[Kernel], str]] = {  # the fastest first; and the form that is asked for
    "first-spike": (FirstSpikeKernel, ""),
    "first-spike-rows": (FirstSpikeKernel, "rows"),
    "first-spike-lanes": (FirstSpikeKernel, "lanes"),
    "eventprop": (EventPropKernel, ""),
    "eventprop-vectorised": (EventPropKernel, "vectorised"),
    "eventprop-time-binned": (EventPropKernel, "time-binned"),
    "eventprop-per-neuron": (EventPropKernel, "per-neuron"),
    "adjoint": (AdjointKernel, ""),
}
AUTO = ("first-spike", "eventprop")


@register("trainer", "spike-gradient")
class SpikeGradient:
    """Runs a network on many samples, and differentiates a loss of its spike times in all parameters.

    Parameters
    ----------
    net : Network
        Of `SpikeSource` and neurons with derivatives, such as `LIF` and `QIF`; it is not changed.
    threads : int
        How many threads share the samples. Results do not depend on it.
    time_constants : bool
        Whether derivatives in tau_mem and tau_syn are computed; they slow the forward pass down.
    max_slope_inverse : float
        Nothing is passed on through a spike with 1 / v'(T) above it.
    max_dw_norm : float
        A sample's weight gradient of a neuron is dropped if its largest entry exceeds this; derivatives in
        all else are kept.
    kernel : {"auto", "first-spike", "eventprop"} or one of their forms
        "eventprop", the adjoint pass, takes any network. "first-spike" has closed forms for dense
        feed-forward networks of neurons that start at rest and spike at most once, and is much faster. "auto"
        takes "first-spike" where it can. Each picks the fastest of its forms, population by population;
        "first-spike-rows" and "first-spike-lanes", "eventprop-vectorised", "eventprop-time-binned" and
        "eventprop-per-neuron" ask for one. "adjoint" takes any neuron that gives its flow, and is what other
        neurons than LIF are computed with; it has i_ext of LIF among its parameters. Results agree up to
        rounding.
    max_spikes : int
        A sample with more spikes is taken to run away.

    Attributes
    ----------
    parameters : mapping of str to ndarray
        ``weight/<projection>``, ``delay/<projection>``, ``tau_mem/<population>``, ``tau_syn/...`` and
        ``v_th/...``, in the shapes of `Gradient`. Change them in place; the next forward pass uses them.

    Raises
    ------
    ConfigError
        If there are other neurons or sources, or a loop without delay, or if the form of `kernel` that
        was asked for does not take the network.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 2)
    >>> _ = net.add("cell", es.models.LIF(), 1)
    >>> _ = net.connect("input", "cell", weight=np.array([[2.0], [1.5]]), delay=0.1)
    >>> grad = es.models.gradients.SpikeGradient(net)
    >>> run = grad.forward({"input": [[0.0, 0.3]]}, until=5.0)
    >>> g = grad.backward(run, {"cell": np.ones((1, 1))})  # of L = the first spike time
    >>> bool(g.delay["input->cell"][0].round(12) == 1.0)  # a later input is a later spike
    True

    Notes
    -----
    Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights on spiking
    neuromorphic hardware, is the case of one spike per neuron in a feed-forward network.
    """

    paper: ClassVar[str] = (
        "Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights"
    )

    def __init__(
        self,
        net: Network,
        *,
        threads: int = 1,
        time_constants: bool = True,
        max_slope_inverse: float = math.inf,
        max_dw_norm: float = math.inf,
        max_spikes: int = 10_000_000,
        kernel: str = "auto",
    ) -> None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads must be a whole number, at least 1, got {threads!r}")
        for name, limit in (("max_slope_inverse", max_slope_inverse), ("max_dw_norm", max_dw_norm)):
            if not limit > 0:
                raise ValueError(f"{name} must be positive (inf: no limit), got {limit!r}")
        kernel = current("value/SpikeGradient/kernel", kernel)
        if kernel != "auto" and kernel not in KERNELS:
            raise ValueError(f"kernel must be auto, {' or '.join(KERNELS)}, got {kernel!r}")
        if not isinstance(net, Network):
            raise TypeError(f"spike gradients are of a Network, got {shown(net)}")
        self._options = {
            "threads": threads,
            "time_constants": time_constants,
            "max_slope_inverse": max_slope_inverse,
            "max_dw_norm": max_dw_norm,
            "max_spikes": max_spikes,
            "kernel": kernel,
        }
        self._network = SpikeNetwork(net.with_parameters(), kernel == "adjoint")  # the caller's may grow
        names = AUTO if kernel == "auto" else (kernel,)
        if self._network.general:
            if kernel not in ("auto", "adjoint"):
                raise ConfigError(
                    f"kernel {kernel!r} takes LIF neurons only; others need 'adjoint', or 'auto'"
                )
            names = ("adjoint",)
        self._settings = Settings(
            threads, bool(time_constants), float(max_slope_inverse), float(max_dw_norm), max_spikes
        )
        self._waiting = [KERNELS[name] for name in names]
        self._kernels: list[Kernel] = []  # made when they are needed
        self._reading: AdjointKernel | None = None
        self._add_kernel()
        self.threads = threads
        self.time_constants = bool(time_constants)
        self.parameters: Mapping[str, Floats] = self._network.parameters

    def __getstate__(self) -> dict[str, Any]:
        """Return the network and its parameters; a copy makes kernels of its own."""
        return {
            "net": self._network.net,
            "options": self._options,
            "parameters": {name: value.copy() for name, value in self.parameters.items()},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy with these parameters."""
        self.__init__(state["net"], **state["options"])  # type: ignore[misc]
        for name, value in state["parameters"].items():
            self.parameters[name][...] = value

    def forward(
        self,
        inputs: Mapping[str, Any],
        until: float = math.inf,
        noise: Noise | None = None,
        derivatives: bool = True,
        probes: Mapping[str, ArrayLike] | None = None,
    ) -> ForwardPass:
        """Compute all spikes in [0, until), and membranes at given times.

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            By source: first spikes, shape (n_samples, n), `inf` for none; or for each sample its spikes as
            (times, units) or `Spikes`. A SpikeSource with spikes of its own may be left out.
        until : float
            End of the run; it may be left out if the network has no loops.
        noise : Noise
            How the run deviates from the network. Derivatives are then those of the network without noise at
            the spike times of this run, as in `observed`. For the kernel "first-spike" only.
        derivatives : bool
            Whether there may be a backward pass; without, some forward passes are faster.
        probes : mapping of str to array_like
            By population of neurons, the times in [0, until] at which its membranes are read, `inf` for none:
            shape (n_times,), (n_samples, n_times) or, with times for each unit, (n_samples, n_times, n).
            `run.membranes` returns what was read, behind all events of the same time. The spikes do not
            depend on it. Kernel "adjoint" computes such a run.

        Returns
        -------
        ForwardPass

        Raises
        ------
        UnknownPart, ValueError
            If a source or population is missing or unknown, or spikes, times or a parameter are invalid.
        ConfigError
            If the run would not end, or if "eventprop-time-binned" finds nothing to bin.
        RuntimeError
            If a sample has more than `max_spikes` spikes.
        """
        until = one_time(until, "until")
        if not until > 0:
            raise ValueError(f"until must be a time after 0, got {until!r}")
        given, n_samples = checked_inputs(self._network, inputs)
        if probes:
            times = checked_probes(self._network, probes, n_samples, until)
            return self._reading_kernel(noise).forward(given, n_samples, until, probes=times)
        kernel = self._kernel(given, noise is not None)
        if isinstance(kernel, FirstSpikeKernel):
            return kernel.forward(given, n_samples, until, noise, derivatives)
        return kernel.forward(given, n_samples, until, noise)

    def observed(
        self,
        inputs: Mapping[str, Any],
        times: Mapping[str, ArrayLike],
        noise: Noise | None = None,
        arrivals: Mapping[str, ArrayLike] | None = None,
    ) -> ForwardPass:
        """Return a run whose spikes are observed, those of another system, for a backward pass.

        The derivatives are those of the ideal neurons with the causal sets of these times, which replace the
        spike time in the closed forms; 0 where an ideal neuron would not spike with that set
        (Göltz et al. 2021).

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            As for `forward`.
        times : mapping of str to array_like, shape (n_samples, n)
            First spikes of every population of neurons; `inf` for none.
        noise : Noise
            Of delays only: by how much arrivals at each synapse were later than spike time plus delay.
        arrivals : mapping of str to array_like, shape (n_samples, n_pre) or (n_samples, n_pre, n_post)
            Instead of `noise`, when spikes arrived after their delay, by projection; `inf` for never. One
            moves with its spike and its delay, by as much as they (Göltz et al. 2025).

        Raises
        ------
        UnknownPart, ValueError
            If a population is missing or unknown, or spikes or parameters are invalid.
        """
        if noise is not None and arrivals:
            raise ValueError("noise of delays and arrivals say the same: give one of them")
        given, n_samples = checked_inputs(self._network, inputs)
        kernel = self._kernel(given, True)
        assert isinstance(kernel, FirstSpikeKernel)
        return kernel.observed(given, n_samples, times, noise, arrivals)

    def backward(
        self,
        run: ForwardPass,
        errors: Mapping[str, Any],
        wanted: Collection[str] | None = None,
        membranes: Mapping[str, ArrayLike] | None = None,
    ) -> Gradient:
        """Differentiate a loss in all parameters.

        Parameters
        ----------
        run : ForwardPass
            The parameters must have the values it was made with.
        errors : mapping of str to array_like or sequence
            By population, the derivative of the loss in spike times. One array or nested list of
            shape (n_samples, n) holds the errors of first spikes by unit, any number where there is
            no spike. A list of arrays, one for each sample, holds the errors of all spikes in the
            order of `run.spikes`. Of a population with ``v_th = inf``, the derivative in its
            `run.maxima`, shape (n_samples, n).
        wanted : collection of str
            Kinds ("weight", "delay", "tau_mem", "tau_syn", "v_th", "times") or single parameters that are
            needed; others may be missing in the result, which saves time. All of them unless given.
        membranes : mapping of str to array_like, shape (n_samples, n_times, n)
            By population, the derivative of the loss in `run.membranes`; that of a time `inf` is ignored.

        Returns
        -------
        Gradient

        Raises
        ------
        UnknownPart, ValueError
            If a population is unknown, or errors do not fit its spikes.
        OverflowError
            If a derivative is too large for a number.
        """
        if not isinstance(run, ForwardPass):
            raise TypeError(f"backward needs what forward returned, got {shown(run)}")
        if not isinstance(errors, Mapping):
            raise TypeError(f"errors must be a mapping by population, got {shown(errors)}")
        if run._network is not self._network:
            raise ValueError("the run was made by another SpikeGradient")
        if membranes is None:
            return run.backward(errors, wanted)
        if not isinstance(membranes, Mapping):
            raise TypeError(f"errors of membranes must be a mapping by population, got {shown(membranes)}")
        if not isinstance(run, AdjointForwardPass):
            for name in membranes:
                run.membranes(name)  # raises: none were read
            return run.backward(errors, wanted)
        return run.backward(errors, wanted, membranes)

    def network(self) -> Network:
        """Return the network with the present parameters; what is not dense is listed synapse by synapse."""
        return self._network.declared()

    # ------------------------------------------------------------------ what the public methods share

    def _add_kernel(self) -> None:
        """Make the next kernel that takes the network."""
        while True:
            make, form = self._waiting.pop(0)
            try:
                self._kernels.append(make(self._network, replace(self._settings, form=form)))
            except ConfigError:
                if not self._waiting:
                    raise
            else:
                return

    def _reading_kernel(self, noise: Noise | None) -> AdjointKernel:
        """Return the kernel that reads membranes, in a run without noise."""
        asked = self._options["kernel"]
        if asked not in ("auto", "adjoint") or noise is not None:
            reason = f"kernel={asked!r}" if noise is None else "noise"
            raise ValueError(f"probes read membranes with kernel='adjoint' or 'auto', not with {reason}")
        if self._reading is None:
            found = [kernel for kernel in self._kernels if isinstance(kernel, AdjointKernel)]
            self._reading = found[0] if found else AdjointKernel(self._network, self._settings)
        return self._reading

    def _kernel(self, given: Mapping[str, SpikeTrains], deviates: bool) -> Kernel:
        """Return the first kernel that can run these inputs, with deviations from the network or without."""
        k = 0
        while reason := self._kernels[k].refusal(given, deviates):
            k += 1
            if k == len(self._kernels):
                if not self._waiting:
                    raise ValueError(reason)
                self._add_kernel()
        return self._kernels[k]

"""Exact gradients of spike times: any network of LIF neurons, any number of spikes, every parameter.

A spike at T satisfies v(T) = v_th, so any change x of what came before moves it by dT/dx = -(dv/dx) / v'(T).
Instead of following each x forward, the adjoints l_v = dL/dv and l_i = dL/di of every neuron are followed
back in time (see `_walk.pxd`): an own spike with error G = dL/dT sets l_v = -G / v'(T); between events both
follow their exact flow; an arrival of weight w reads off

    dL/dw = l_i        dL/dt = w (l_i / tau_syn - l_v / c_mem),

the latter being the derivative in the delay, and part of the error of the spike that was sent. After a spike
the membrane starts anew at R = T + t_ref from a fixed value, so what came before acts on what follows through
T alone: G gains -l_v(R) v'(R). No step size enters anywhere.

Gradients are those of the branch that the run took. They are exact as long as no spike appears or
disappears; there L jumps, and no derivative tells. A silent neuron has gradient zero. Close to such a point
the membrane grazes threshold, 1 / v'(T) and with it the gradient grows without bound; `max_slope_inverse`
stops what passes through such a spike. Where an arrival and a spike change order, L has a kink; an arrival
at the very time of a spike counts as one before it.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.models.rules._input_spikes import given_spikes
from eventsim.models.rules._spike_network import SpikeNetwork
from eventsim.models.rules._walk_kernel import WalkKernel
from eventsim.models.rules.spike_runs import Gradient, Run
from eventsim.network import Network
from eventsim.registry import register

__all__ = ["Gradient", "Run", "SpikeGradient"]

Floats = NDArray[np.float64]


@register("rule", "spike_gradient")
class SpikeGradient:
    """Runs a network on many samples, and differentiates a loss of its spike times in all parameters.

    Parameters
    ----------
    net : Network
        Of `LIF` populations and `SpikeSource`; it is not changed.
    threads : int
        How many threads share the samples. Results do not depend on it.
    time_constants : bool
        Whether derivatives in tau_mem and tau_syn are computed; they slow the forward pass down.
    max_slope_inverse : float
        Nothing is passed on through a spike with 1 / v'(T) above it.
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
        If there are other neurons or sources, or a loop without delay.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 2)
    >>> _ = net.add("cell", es.models.LIF(), 1)
    >>> _ = net.connect("input", "cell", weight=np.array([[2.0], [1.5]]), delay=0.1)
    >>> grad = es.models.rules.SpikeGradient(net)
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
        max_spikes: int = 10_000_000,
    ) -> None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads must be a whole number, at least 1, got {threads!r}")
        if not max_slope_inverse > 0:
            raise ValueError(f"max_slope_inverse must be positive (inf: no limit), got {max_slope_inverse!r}")
        self._network = SpikeNetwork(net)
        self._kernel = WalkKernel(
            self._network, threads, bool(time_constants), float(max_slope_inverse), max_spikes
        )
        self.threads = threads
        self.time_constants = bool(time_constants)
        self.parameters: Mapping[str, Floats] = self._network.parameters

    def forward(self, inputs: Mapping[str, Any], until: float = math.inf) -> Run:
        """Compute all spikes in [0, until).

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            By source: first spikes, shape (n_samples, n), `inf` for none; or for each sample its spikes as
            (times, units) or `Spikes`. A SpikeSource with spikes of its own may be left out.
        until : float
            End of the run; it may be left out if the network has no loops.

        Returns
        -------
        Run

        Raises
        ------
        UnknownPart, ValueError
            If a source is missing or unknown, or its spikes or a parameter do not do.
        ConfigError
            If the run would not end.
        RuntimeError
            If a sample has more than `max_spikes` spikes.
        """
        until = float(until)
        if not until > 0:
            raise ValueError(f"until must be a time after 0, got {until!r}")
        given, n_samples = given_spikes(self._network, inputs)
        return self._kernel.forward(given, n_samples, until)

    def backward(self, run: Run, errors: Mapping[str, Any]) -> Gradient:
        """Differentiate a loss in all parameters.

        Parameters
        ----------
        run : Run
            The parameters must have the values it was made with.
        errors : mapping of str to array_like or sequence
            By population, the derivative of the loss in spike times: of first spikes, shape (n_samples, n),
            any number where there is no spike; or for each sample an array as long as its `run.spikes`.
            Of a population with ``v_th = inf``, the derivative in its `run.maxima`, shape (n_samples, n).

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
        if run._network is not self._network:
            raise ValueError("the run was made by another SpikeGradient")
        return run.backward(errors)

    def network(self) -> Network:
        """Return the network with the present parameters; what is not dense is listed synapse by synapse."""
        return self._network.declared()

"""Whether a neuron of one's own spikes when its equations say so: scipy's integration as oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from eventsim.models.neurons.custom import CustomNeuron


def integrated_spikes(
    model: CustomNeuron,
    times: ArrayLike = (),
    weights: ArrayLike = (),
    until: float = 100.0,
    receptors: ArrayLike | None = None,
    rtol: float = 1e-12,
    atol: float = 1e-12,
) -> NDArray[np.float64]:
    """Return the spike times of one unit, integrated from event to event by scipy (DOP853).

    Parameters
    ----------
    model : CustomNeuron
        With one number for each parameter.
    times, weights : array_like, shape (n_inputs,)
        Inputs, sorted by time.
    until : float
    receptors : array_like of int, optional
        Numbers of the inputs that are reached; 0 unless given.
    rtol, atol : float
        Tolerances of scipy.

    Returns
    -------
    ndarray
        Spike times before `until`.
    """
    from scipy.integrate import solve_ivp

    dynamics = model.dynamics()
    p = np.array([float(np.asarray(value)) for value in model.parameters.values()])
    x = np.array([float(np.asarray(value)) for value in model.state.values()])
    at, sizes = np.asarray(times, float), np.asarray(weights, float)
    inputs = np.zeros(len(at), int) if receptors is None else np.asarray(receptors, int)
    t, ready, spikes = 0.0, -np.inf, []

    def threshold(_: float, y: Any) -> float:
        return dynamics.margin(y, p)

    threshold.terminal, threshold.direction = True, 1.0  # type: ignore[attr-defined]
    for k, stop in enumerate([*at, until]):
        while t < stop:
            held = t < ready
            end = min(stop, ready) if held else stop
            if not held and dynamics.margin(x, p) >= 0.0:
                fired = True
            else:

                def slope(time: float, y: Any, held: bool = held) -> Any:
                    dx = dynamics.slope(time, y, p)
                    dx[0] *= not held
                    return dx

                events = None if held else threshold
                found = solve_ivp(slope, (t, end), x, "DOP853", events=events, rtol=rtol, atol=atol)
                t, x = float(found.t[-1]), found.y[:, -1]
                fired = not held and len(found.t_events[0]) > 0
            if fired:
                spikes.append(t)
                x = dynamics.after_spike(x, p)
                ready = t + float(np.asarray(model.t_ref))
        if k < len(at):
            v = x[0]
            x = dynamics.after_input(x, p, float(sizes[k]), int(inputs[k]))
            if t < ready:
                x[0] = v
    return np.array(spikes)


def check_neuron(
    model: CustomNeuron,
    times: ArrayLike = (),
    weights: ArrayLike = (),
    until: float = 100.0,
    tolerance: float = 1e-6,
) -> float:
    """Compare the spikes of one unit with those that scipy finds.

    Parameters
    ----------
    model, times, weights, until
        As for `integrated_spikes`; all inputs reach receptor 0.
    tolerance : float
        Largest difference between two spike times.

    Returns
    -------
    float
        Largest difference.

    Raises
    ------
    AssertionError
        If their number differs, or a time differs by more than `tolerance`.
    ValueError
        If there is no spike to compare.

    Examples
    --------
    >>> import eventsim as es
    >>> cell = es.models.CustomNeuron({"v": 0.0}, {}, lambda t, x, p: [1.5 - x.v], lambda x, p: x.v - 1,
    ...                               lambda x, p: [0.0])
    >>> es.models.neurons.check_neuron(cell, [0.3, 4.0], [0.2, 0.4], until=20.0) < 1e-7
    True
    """
    from eventsim.models.inputs.sources import SpikeSource
    from eventsim.network import Network
    from eventsim.simulation import Simulation

    at, sizes = np.asarray(times, float), np.asarray(weights, float)
    net = Network()
    net.add("cell", model, 1)
    if len(at):
        net.add("inputs", SpikeSource(times=at, units=np.arange(len(at))), len(at))
        net.connect("inputs", "cell", weight=sizes[:, None], receptor=next(iter(model.receptors)))
    sim = Simulation(net)
    sim.run(until)
    ours, theirs = sim.spikes("cell").times, integrated_spikes(model, at, sizes, until)
    if not len(ours) and not len(theirs):
        raise ValueError(
            f"nothing to compare: g does not rise through 0 before {until:g}; give stronger inputs, a later "
            "until, or another g"
        )
    if len(ours) != len(theirs):
        raise AssertionError(f"{len(ours)} spikes, but integration by scipy finds {len(theirs)}")
    worst = float(np.abs(ours - theirs).max(initial=0.0))
    if worst > tolerance:
        k = int(np.argmax(np.abs(ours - theirs)))
        raise AssertionError(f"spike {k} differs by {worst:g} from scipy's, allowed is {tolerance:g}")
    return worst

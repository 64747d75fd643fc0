"""Continuous populations written in plain NumPy: the same place in the loop as the compiled ones, slower."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.renamed import warn_renamed
from eventsim.states import state_array

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.rates.ticks import Continuous


class TickModel:
    """A model of continuous units, one step for each tick. Subclass, and override `begin` and `step`.

    Attributes
    ----------
    receptors : names of what projections add to; the first takes spikes and the input signal. With "error"
        among them, errors of the targets arrive there.
    variables : what others read and what can be recorded, "rate" among them; all but
        the rate are attributes that `begin` makes, arrays of shape (batch, n). With "error" among
        them, it is sent back to the sources, and rules learn from it.

    Examples
    --------
    A leaky integrator:

    >>> import numpy as np
    >>> import eventsim as es
    >>> class Leaky(es.TickModel):
    ...     def __init__(self, tau):
    ...         self.tau = tau
    ...     def begin(self, batch, n, dt, rng):
    ...         self.u = np.zeros((batch, n))
    ...     def step(self, t, dt, inputs):
    ...         self.u += dt / self.tau * (inputs["input"] - self.u)
    ...         return np.tanh(self.u)
    >>> net = es.Network()
    >>> _ = net.add("cells", Leaky(tau=5.0), 3)
    >>> sim = es.Simulation(net, dt=0.1)
    >>> sim.set_input("cells", [0.0, 1.0, 2.0])
    >>> sim.run(5.0)
    >>> sim.array("cells").round(3)
    array([[0.   , 0.562, 0.854]])
    """

    receptors: tuple[str, ...] = ("input",)
    variables: tuple[str, ...] = ("rate",)
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "ports" in vars(cls):  # the old name of `receptors`
            warn_renamed(f"{cls.__name__}.ports", "receptors")
            cls.receptors = vars(cls)["ports"]

    def begin(self, batch: int, n: int, dt: float, rng: np.random.Generator) -> None:
        """Make the state, before the first tick.

        `rng` is a stream of this population's own, another one in each trial.
        """

    def step(self, t: float, dt: float, inputs: Mapping[str, NDArray[Any]]) -> Any:
        """Return the rates after a tick at time t, shape (batch, n).

        Parameters
        ----------
        inputs : mapping of receptor to ndarray, shape (batch, n)
            What arrived for this tick; not to be kept, it is overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step(t, dt, inputs)")

    def build(self, context: BuildContext) -> Continuous:
        """Return the population; it works on a copy of this model."""
        from eventsim import rng
        from eventsim.rates.ticks import PythonContinuous

        model = copy.deepcopy(self)
        model.begin(
            context.batch, context.n, context.dt, rng.stream(context.run_seed, "tick model", context.name)
        )
        return PythonContinuous(context, model)

    def snapshot(self) -> dict[str, Any]:
        """Return the state: all attributes that are arrays, numbers or generators of random numbers."""
        state: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, np.random.Generator):
                state[name] = json.dumps(value.bit_generator.state, default=np.ndarray.tolist)
            elif isinstance(value, np.ndarray | float | int) and not isinstance(value, bool):
                state[name] = np.array(value)
        return state

    def check_state(self, state: Mapping[str, Any], of: str) -> None:
        """Raise ValueError if the state does not fit; a model with a `snapshot` of its own checks itself."""
        if type(self).snapshot is not TickModel.snapshot:
            return
        known = self.snapshot()
        if sorted(state) != sorted(known):
            theirs, ours = ", ".join(map(str, state)) or "nothing", ", ".join(known) or "nothing"
            raise ValueError(f"the state of {of} has {theirs}, its model has {ours}")
        for name, value in known.items():
            if isinstance(value, np.ndarray):
                state_array(state, name, value.dtype, value.shape, of=of, nan=True)
                continue
            try:
                copy.deepcopy(getattr(self, name)).bit_generator.state = json.loads(state[name])
            except (TypeError, ValueError, KeyError, OverflowError):
                raise ValueError(
                    f"{name!r} in the state of {of} is no state of a generator: {state[name]!r:.60}"
                ) from None

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state that `snapshot` returned."""
        for name, value in state.items():
            own = getattr(self, name)
            if isinstance(own, np.random.Generator):
                own.bit_generator.state = json.loads(value)
                continue
            kind = type(own)
            setattr(self, name, np.array(value) if kind is np.ndarray else kind(value))

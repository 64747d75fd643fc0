"""A network that is taught a pattern cycle by cycle, replays it, is disturbed, and is looked at."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.scenarios.elise.network import DENDRITES, E_LEAK, NEURONS, Structure, network
from eventsim.scenarios.elise.patterns import Pattern, sigmoid
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim.rates.ticks import History

__all__ = ["EVERY", "Player"]

EVERY = 2  # ticks between two rates that are compared


class Player:
    """A network with its teacher.

    Parameters
    ----------
    config : settings of the scenario
    voices : tuple of Pattern
        Each has visible neurons of its own; all cycles are equally long. One of them is taught at a time,
        number `voice`, while the neurons of the others are taught to rest.
    structure : Structure
    seed : int
    hardware : what the network runs on, or None.
    """

    def __init__(
        self,
        config: Any,
        voices: tuple[Pattern, ...],
        structure: Structure,
        seed: int,
        hardware: Any = None,
    ) -> None:
        import eventsim as es

        self.config, self.voices, self.structure, self.voice = config, voices, structure, 0
        self.seed, self.hardware = seed, hardware
        self.n, self.n_visible = structure.scaffold.n, structure.scaffold.n_visible
        self.sim = es.Simulation(network(config, structure, seed), hardware, dt=config.dt)
        self.ticks = voices[0].ticks(config.dt)
        handler: Any = self.sim.handler(NEURONS)
        self._last: History = handler.remember_variable("u", self.ticks)  # the potentials of the last cycle

    # The pattern ------------------------------------------------------------------------------------

    @property
    def pattern(self) -> Pattern:
        """The pattern that is taught."""
        return self.voices[self.voice]

    @property
    def columns(self) -> slice:
        """Its visible neurons."""
        first = sum(pattern.n for pattern in self.voices[: self.voice])
        return slice(first, first + self.pattern.n)

    @property
    def target(self) -> Floats:
        """Its rates at the ticks that are compared, shape (samples, neurons of the voice)."""
        return self.pattern.rates(self.config.dt)[EVERY - 1 :: EVERY]

    def potentials(self) -> Floats:
        """Return the teacher's potentials of all visible neurons, mV, shape (ticks, n_visible)."""
        found = np.full((self.ticks, self.n_visible), E_LEAK)
        found[:, self.columns] = self.pattern.potentials(self.config.dt)
        return found

    def at_rest(self) -> "Player":
        """Return a player of its own for the network as it is wired now, with all potentials at rest."""
        other = Player(self.config, self.voices, self.structure, self.seed, self.hardware)
        other.sim.set_weights(DENDRITES, self.weight())
        return other

    # Cycles ---------------------------------------------------------------------------------------

    def teach(self, cycles: int = 1, potentials: Floats | None = None) -> None:
        """Run cycles with the teacher, who shows `potentials`, those of the pattern unless given."""
        self._nudge(self.potentials() if potentials is None else potentials)
        self.sim.run_ticks(cycles * self.ticks)

    def free(self, cycles: int = 1) -> None:
        """Run cycles without the teacher."""
        self.sim.nudge(NEURONS, None)
        self.sim.run_ticks(cycles * self.ticks)

    def clamp(self, potential: float, start: float, end: float) -> None:
        """Run one free cycle in which the visible somata are set to `potential` from `start` to `end`, ms."""
        first, last = (round(time / self.config.dt) for time in (start, min(end, self.pattern.duration)))
        self.sim.nudge(NEURONS, None)
        self.sim.run_ticks(first)
        self.sim.nudge(NEURONS, np.full(self.n, potential), 1.0, kind="voltage")
        self.sim.run_ticks(last - first)
        self.sim.nudge(NEURONS, None)
        self.sim.run_ticks(self.ticks - last)

    def cue(self, duration: float) -> None:
        """Run one cycle of which the teacher shows the first `duration` ms."""
        ticks = min(round(duration / self.config.dt), self.ticks)
        self._nudge(self.potentials())
        self.sim.run_ticks(ticks)
        self.sim.nudge(NEURONS, None)
        self.sim.run_ticks(self.ticks - ticks)

    def _nudge(self, potentials: Floats) -> None:
        rows = np.full((len(potentials), self.n), E_LEAK)
        rows[:, : self.n_visible] = potentials
        self.sim.nudge(NEURONS, rows, self.config.strength, kind="voltage", every=self.config.dt, repeat=True)

    # Results ----------------------------------------------------------------------------------------

    def rates(self) -> Floats:
        """Return the rates of all neurons in the last cycle, shape (samples, n)."""
        return sigmoid(self._last.values[EVERY - 1 :: EVERY, 0])

    def visible(self) -> Floats:
        """Return the rates of the neurons of the voice in the last cycle, shape (samples, neurons)."""
        return self.rates()[:, self.columns]

    def weight(self) -> Floats:
        """Return the dendritic weights, mV, shape (n, n)."""
        return np.asarray(self.sim.weights(DENDRITES))

    def quantize(self, step: float, limit: float) -> None:
        """Let dendrites see weights in steps; those that learn stay fine."""
        self.sim.quantize_weights(DENDRITES, step, limit)

    def snapshot(self) -> dict[str, Any]:
        """Return the state between two cycles."""
        return self.sim.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.sim.restore(dict(state))

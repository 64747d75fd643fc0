"""The side of a simulation that faces its states: kept, put back, begun again, grown, and copied."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from eventsim.contracts import SnapshotPart
from eventsim.errors import ConfigError
from eventsim.hints import named_for_users
from eventsim.io.plain import shown
from eventsim.network.network import Network
from eventsim.simulation.changes import Agenda, Changes
from eventsim.simulation.copies import pickled_state_of, put_state, state_of
from eventsim.simulation.growth import grown
from eventsim.simulation.rewinding import Beginning
from eventsim.simulation.trials import TrialsSide
from eventsim.spike_trains import read_offsets
from eventsim.states import LATEST, state_number, state_part
from eventsim.synapses.shared_synapses import shareable

if TYPE_CHECKING:
    from eventsim.population.population import Recording
    from eventsim.population.recorder import SampleLog, SpikeLog
    from eventsim.simulation.build import CompiledNetwork

__all__ = ["StatesSide"]


def _next_sample(next_samples: Mapping[str, Any], key: tuple[str, str], every: float, now: float) -> int:
    """Return the number of the next sample of a recording, as a state of time `now` has it."""
    k = int(state_number(next_samples, "/".join(key), np.int64, 0, LATEST))
    if every > 0 and not (k - 1) * every <= now <= k * every:
        raise ValueError(f"the state has sample {k} of {'/'.join(key)!r} next, but its clock is at {now!r}")
    return k


@named_for_users("Simulation")
class StatesSide(TrialsSide):
    """What `Simulation` offers to keep its state and to go on from another one."""

    _given: Network  # as the user holds it
    _compiled: CompiledNetwork | None
    _n_handlers: int  # on the engine that are this simulation's own
    _begun: bool
    _beginning: Beginning | None  # what `reset` goes back to in place
    _network_hash: str | None
    _streamed_to: float  # what was recorded before this time has left memory

    def _first_sample(self, recording: Recording) -> None:
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        """Return the state as a nested dictionary of arrays and numbers, from which `restore` goes on."""
        compiled = self._build()
        for name, population in compiled.populations.items():
            if not isinstance(population, SnapshotPart):
                raise ConfigError(
                    f"the state of {name!r} cannot be kept: {type(population).__name__} needs the methods "
                    "snapshot() and restore(state)"
                )
        self._begin(compiled)
        body = compiled.engine.snapshot() if compiled.engine else compiled.sweeps.snapshot()  # type: ignore[union-attr]
        return {
            "schedule": compiled.schedule,
            "now": self.now,
            "network": self._fingerprint(),
            "trial": self.trial,
            "body": body,
            "next_samples": {"/".join(key): r.next for key, r in self._recordings.items()},
            "recorded_now": {name: log.count_at(self.now) for name, log in self._logs().items()},
            **self._changes_state(),
            **({"offsets": dict(self._offsets)} if self._offsets else {}),
        }

    def restore(self, state: dict[str, Any], *, other_network: bool = False) -> None:
        """Go back to a state that `snapshot` returned; what was recorded since is forgotten.

        Parameters
        ----------
        state : dict
        other_network : bool
            Whether the state may be of a network with other parameters, or of another trial. What was drawn
            ahead, such as the next spikes of Poisson sources, is part of the state, so it stays as it was.

        Raises
        ------
        ConfigError
            If the state is of another network, schedule or set of recordings, or if what would be forgotten
            has been moved into a file already.
        ValueError
            If the state is damaged; nothing has changed then.
        """
        wanted = state.get("schedule") if isinstance(state, Mapping) else None
        if not isinstance(wanted, str) or wanted not in ("ordered", "windows", "layered"):
            raise ValueError(f"a state is what snapshot() returned, got {state!r:.60}")
        if self._compiled is None:
            self._wanted = wanted
        compiled = self._build()
        if compiled.schedule != state["schedule"]:
            raise ConfigError(
                f"the state is of the {state['schedule']} schedule, this simulation runs {compiled.schedule}"
            )
        body, next_samples = state_part(state, "body"), state_part(state, "next_samples")
        recorded, known = ["/".join(key) for key in self._recordings], list(next_samples)
        if sorted(recorded) != sorted(known):
            raise ConfigError(
                f"the state is of a simulation that records {', '.join(known) or 'no variable'}, "
                f"this one records {', '.join(recorded) or 'none'}"
            )
        now = state_number(state, "now", np.float64, 0.0, np.inf)
        if now != state_number(body, "time" if compiled.engine else "now", np.float64):
            raise ValueError(f"the clock of the state is at {now!r} and at another time")
        self._keep_streamed(now)
        theirs = state.get("network", self._fingerprint())
        if not isinstance(theirs, str):
            raise ValueError(f"'network' in the state must be the digest of a network, got {theirs!r:.60}")
        if theirs != self._fingerprint() and not other_network:
            raise ConfigError(
                "the state is of a network with another structure or other parameters; "
                "restore(state, other_network=True) takes it all the same"
            )
        trial = state_number({"trial": self.trial, **state}, "trial", np.int64)
        if trial != self.trial and not other_network:
            raise ConfigError(
                f"the state is of trial {trial}, this simulation is trial {self.trial}; "
                f"create it with trial={trial}, or restore(state, other_network=True)"
            )
        samples = {key: _next_sample(next_samples, key, r.every, now) for key, r in self._recordings.items()}
        # Records of this very time may have been made before the state was taken, or after it.
        kept = state_part(state, "recorded_now") if "recorded_now" in state else {}
        kept = {name: state_number(kept, name, np.int64, 0, LATEST) for name in self._logs() if name in kept}
        changes, called = self._checked_changes(state)
        offsets = state_part(state, "offsets") if "offsets" in state else {}
        offsets = {
            name: read_offsets(each, f"offsets of {name!r} in the state") for name, each in offsets.items()
        }
        self._begin(compiled)
        self._put_delays(compiled, self._changes, changes)
        try:
            if compiled.engine:
                compiled.engine.restore(dict(body))
            else:
                compiled.sweeps.restore(dict(body))  # type: ignore[union-attr]
        except BaseException:
            self._put_delays(compiled, changes, self._changes)
            raise
        for name, log in self._logs().items():
            log.cut(self.now, kept.get(name, 0))
        for key, recording in self._recordings.items():
            recording.next = samples[key]
        self._put_changes(compiled, changes, called)
        self._offsets = offsets

    def reset(self) -> None:
        """Begin again at time 0, as a new simulation of the same network and trial.

        What is to be recorded, and hooks of `on_spike`, stay. Everything else is forgotten: what was
        recorded, spikes added with `stimulate`, changes, functions of `at`, inputs and nudges,
        and `sim.engine` with the handlers of
        one's own; the engine of before refuses whatever is asked of it.

        Raises
        ------
        ConfigError
            If something recorded has been moved into a file already.
        """
        self._keep_streamed(-math.inf)
        self._cleared = []
        self._offsets = {}
        if self._rewind():
            return
        if self._compiled and self._compiled.engine:
            self._compiled.engine.close(
                "this engine is of a simulation that was reset; take sim.engine again, and register handlers "
                "there"
            )
        self._compiled = None
        self._signals = {}
        self._begun = False
        self._changes, self._agenda = Changes(), Agenda()
        self._first_weights, self._first_delays = {}, {}
        self._recordings = {}
        compiled = self._build()
        self._handed_out = False
        self._beginning = Beginning.of(self.net, compiled)

    def _rewind(self) -> bool:
        """Set the built network back in place, and return whether that was possible.

        It is not where somebody was given the engine or a population, and may have changed them, nor where
        delays have been changed.
        """
        if self._beginning is None or self._handed_out or self._changes.delays:
            return False
        if not self._beginning.put_back():
            return False
        if self._changes.lines:
            self._put_changes(self._build(), Changes(), 0)
        self._agenda = Agenda()
        self._begun = False
        for recording in self._recordings.values():
            recording.log.clear()
            self._first_sample(recording)
        return True

    def grow(self, net: Network | None = None) -> None:
        """Go on with a larger network, which has everything that this one has, and more.

        What is added has been there from time 0, on its own: sources have the spikes they declare, neurons
        stand where they came without input from the rest. From now on spikes travel between the old and the
        new. What is recorded, changed and planned stays; the new is recorded from now on.

        Parameters
        ----------
        net : Network, optional
            The network that this simulation was made of unless given, with what was added to it since.

        Raises
        ------
        ConfigError
            If nothing was added, something of before is missing or declared in another way, a device would
            have it elsewhere in the larger network, or the schedule is one that the larger network cannot
            have; then nothing has changed.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("source", es.models.SpikeSource(times=[1.0, 5.0]), 1)
        >>> _ = net.add("one", es.models.LIFDelta(), 1)
        >>> _ = net.connect("source", "one", weight=2.0)
        >>> sim = es.Simulation(net)
        >>> sim.run(3.0)
        >>> _ = net.add("two", es.models.LIFDelta(), 1)
        >>> _ = net.connect("one", "two", weight=2.0, delay=0.5)
        >>> sim.grow()
        >>> sim.run(10.0)
        >>> print(sim.spikes("one").times, sim.spikes("two").times)
        [1. 5.] [5.5]
        """
        net = self._given if net is None else net
        if not isinstance(net, Network):
            raise TypeError(f"a simulation grows to a Network, got {shown(net)}")
        if self._agenda.busy:
            raise ConfigError("grow() cannot be called by a function of at(); run to that time and grow then")
        whole = grown(self, net)
        if self._compiled and self._compiled.engine:
            self._compiled.engine.close(
                "this engine is of a simulation that grew; take sim.engine again, and register handlers there"
            )
        whole._given = net
        vars(self).update(vars(whole))  # what else somebody has put here stays

    def own_handlers(self) -> int:
        """Return how many handlers of one's own are registered on the engine."""
        engine = self._compiled.engine if self._compiled else None
        registered = (
            sum(handler.id >= 0 for handler in engine.handlers) if engine else 0
        )  # not those given up
        return registered - self._n_handlers if engine else 0

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle is made of: the network, what is recorded, the state and the records."""
        return pickled_state_of(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy, which goes on to the same bits."""
        put_state(self, state)

    def __copy__(self) -> Self:
        """Return a copy, which has the same network and functions and is otherwise on its own."""
        sim = type(self).__new__(type(self))
        put_state(sim, state_of(self), shareable(self))
        return sim

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy on its own; functions are shared."""
        sim = memo[id(self)] = type(self).__new__(type(self))
        put_state(sim, copy.deepcopy(state_of(self), memo), shareable(self))
        return sim

    def _fingerprint(self) -> str:
        """Return the fingerprint of the network as it was when it was compiled."""
        from eventsim.network.fingerprint import fingerprint

        if self._network_hash is None:
            self._network_hash = fingerprint(self.net)
        return self._network_hash

    def _keep_streamed(self, time: float) -> None:
        """Raise ConfigError if going back to `time` would have to take spikes back out of a file."""
        if self._stream is not None and time < self._streamed_to:
            raise ConfigError(
                f"what was recorded up to {self._streamed_to} {self.net.time_unit} is in {self._stream.path} "
                "already and cannot be taken back; restore before stream(), or into a new simulation"
            )

    def _logs(self) -> dict[str, SpikeLog | SampleLog]:
        """Return everything that records are kept in, by a name of its own."""
        logs: dict[str, SpikeLog | SampleLog] = {}
        for name, population in self._build().populations.items():
            logs[f"spikes/{name}"] = population.log
            logs |= {f"events/{name}/{event}": log for event, log in population.event_logs.items()}
        return logs | {f"samples/{'/'.join(key)}": r.log for key, r in self._recordings.items()}

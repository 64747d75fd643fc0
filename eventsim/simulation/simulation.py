"""A network in time: stimulate, record, run, and read what happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.contracts import TakesSpikes
from eventsim.engine.engine import Engine
from eventsim.engine.priorities import Priority
from eventsim.errors import ConfigError, EventOrderError, UnknownPart, did_you_mean
from eventsim.hardware_interface import RunsNetworks, checked_hardware
from eventsim.hints import NameOfSchedule, named_for_users
from eventsim.io.plain import shown, truth
from eventsim.network.declaration import stored_declaration
from eventsim.network.network import Network, is_continuous
from eventsim.parameters import one_time, whole_number
from eventsim.population.population import Population, Recording
from eventsim.selections import selected
from eventsim.simulation.build import CompiledNetwork, build
from eventsim.simulation.changes import Agenda, Changes
from eventsim.simulation.records import RecordingRequest, one_sample
from eventsim.simulation.rewinding import Beginning
from eventsim.simulation.states import StatesSide
from eventsim.simulation.trials import MOST_TRIALS
from eventsim.spike_trains import Forms, continued_offsets, samples_in_a_row, spike_pairs

if TYPE_CHECKING:
    from eventsim.io import TraceFile


def _first_multiple(step: float, time: float) -> int:
    """Return the least k >= 0 with k * step >= time, as these are rounded."""
    k = math.ceil(time / step)
    while k > 0 and (k - 1) * step >= time:
        k -= 1
    while k * step < time:
        k += 1
    return k


@named_for_users("Simulation")
class Simulation(StatesSide):
    """One run of a network.

    Parameters
    ----------
    net : Network
        Stays as it is; several simulations may run the same network.
    hardware : object or str, optional
        What the network runs on: a chip, a substrate or a part of `eventsim.hardware`, or its name as the
        option ``--hardware`` takes it, such as "brainscales2" or "brainscales2,device_seed=7".
    trial : int
        Number of the run: spikes of Poisson sources, noise, and what differs from run to run on hardware are
        drawn from the network's seed and this number. Synapses and parameters stay as they are.
    schedule : {"auto", "ordered", "windows", "layered"}
        How it is advanced. All give the same spikes up to rounding; `auto` takes the fastest that can.
    instant_loops : bool
        Whether loops of projections without delay are allowed, on the ordered schedule. Within one instant
        all deliveries come before the next threshold crossing; crossings come by order of the populations'
        declaration, then by unit. A loop that never ends stops the run with an error.
    dt : float, optional
        Tick of continuous populations and of neurons integrated by steps, in the network's time unit;
        needed if there are any.
    batch : int
        Samples that continuous populations compute side by side.
    dtype : {"float64", "float32"}
        Precision of continuous populations.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(times=[0.2]), 1)
    >>> _ = net.add("cell", es.models.LIF(), 1)
    >>> _ = net.connect("input", "cell", weight=3.0)
    >>> sim = es.Simulation(net)
    >>> sim.run(5.0)
    >>> sim.spikes("cell").times[0]
    np.float64(0.819061286735945)
    """

    instant_loops = False  # of a copy that was kept before the option came
    _stored_network: bool | None = None  # whether the stream holds the network, as it was asked for
    _shared: Mapping[str, Any] = MappingProxyType({})  # synapses that another simulation has laid out

    def __init__(
        self,
        net: Network,
        hardware: RunsNetworks | str | None = None,
        schedule: str = "auto",
        *,
        trial: int = 0,
        instant_loops: bool = False,
        dt: float | None = None,
        batch: int = 1,
        dtype: str = "float64",
    ) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"a simulation runs a Network, got {shown(net)}")
        found: Any = checked_hardware(hardware)
        trial = whole_number(trial, "trial", 0, MOST_TRIALS)
        self._given = self._asked = net
        if found is not None:
            net = found.transform(net, trial)
        self.net = net
        self.hardware, self.trial = found, trial
        self._wanted = schedule
        self.instant_loops = truth(instant_loops, "instant_loops")
        self._needs_order: str | None = None
        self._set_tick(dt, batch, dtype)
        self._recording_requests: list[RecordingRequest] = []
        self._hooks: list[tuple[str, Callable[[float, int], object]]] = []
        self._signals = {}
        self._recordings: dict[tuple[str, str], Recording] = {}
        self._compiled: CompiledNetwork | None = None
        self._n_handlers = 0  # on the engine that are this simulation's own
        self._begun = False
        self._beginning: Beginning | None = None  # what `reset` goes back to in place
        self._handed_out = False  # the engine or a population, to somebody who may change them
        self._changes, self._agenda = Changes(), Agenda()
        self._first_weights, self._first_delays = {}, {}
        self._cleared = []
        self._offsets = {}
        self._network_hash: str | None = None
        self._stream: TraceFile | None = None
        self._streamed_to = -math.inf  # what was recorded before this time has left memory
        if schedule != "auto":
            self._build()

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from eventsim.html import of_simulation

        return of_simulation(self)

    def __repr__(self) -> str:
        compiled = self._compiled
        how = f"{compiled.schedule} schedule" if compiled else f"schedule {self._wanted!r}, not built yet"
        units = sum(population.n for population in self.net.populations.values())
        on = "" if self.hardware is None else f", on {self.hardware!r}"
        return (
            f"<Simulation at {self.now:g} {self.net.time_unit}: {len(self.net.populations)} populations, "
            f"{units} units, {how}{on}>"
        )

    # Setting up -------------------------------------------------------------------------------------

    def record(
        self,
        population: str,
        variable: str,
        every: float | None = None,
        units: ArrayLike | slice | None = None,
        samples: ArrayLike | slice | None = None,
    ) -> None:
        """Record a state variable.

        Parameters
        ----------
        population, variable : str
            Such as ``"hidden", "v"``.
        every : float, optional
            Step of the grid, in the network's time unit: samples at k * every, from the closed form and
            after all events of that time. Without it, at every event of a unit, or at every tick.
        units : array_like of int or of bool, or slice, optional
            Which units, by number or as a mask; all unless given.
        samples : array_like of int, optional
            Which samples of the batch, for continuous populations; all unless given.

        Raises
        ------
        UnknownPart, ValueError, ConfigError
            For an unknown population, variable or unit, a step that is not positive, or a variable that is
            recorded already.
        """
        declared = self._declared(population)
        if isinstance(variable, list | tuple):
            raise TypeError(
                f"record takes one variable at a time, got {variable!r:.60}; call it once for each"
            )
        if variable == "spikes":
            raise UnknownPart(f"spikes are always recorded: sim.spikes({population!r}) has them")
        if variable not in declared.model.variables:
            known = ", ".join(declared.model.variables) or "none"
            raise UnknownPart(
                f"{population!r} has no variable {variable!r}; known: {known}"
                f"{did_you_mean(variable, declared.model.variables)}"
            )
        if every is not None and not isinstance(every, float):
            every = one_time(every, "every")
        if every is not None and not (every > 0 and math.isfinite(every)):
            raise ValueError(f"every must be a positive time, got {every!r}")
        chosen = selected(units, declared.n, "units", repr(population))
        if any(request[:2] == (population, variable) for request in self._recording_requests):
            raise ConfigError(f"{variable!r} of {population!r} is recorded already")
        if is_continuous(declared.model):
            every = self.dt if every is None else every
        elif every is None:
            self._ordered_only(f"recording {variable!r} of {population!r} at every event")
        request = RecordingRequest(population, variable, every, chosen, self._samples(population, samples))
        if self._stream is not None and len(request.samples) > 1:
            raise ConfigError(one_sample(population, variable))
        self._recording_requests.append(request)
        if self._compiled:
            self._attach(request)
        if self._stream is not None:
            self._announce(self._stream)

    def on_spike(self, population: str, hook: Callable[[float, int], object]) -> None:
        """Call ``hook(time, unit)`` at each spike of a population, within the run."""
        self._declared(population)
        if not callable(hook):
            raise TypeError(f"a hook on spikes is called as hook(time, unit), got {shown(hook)}")
        self._ordered_only("a hook on spikes")
        self._hooks.append((population, hook))
        if self._compiled:
            self._compiled.populations[population].add_hook(hook)

    def stimulate(
        self,
        population: str,
        times: Forms,
        units: ArrayLike | None = None,
        *,
        offsets: ArrayLike | None = None,
    ) -> None:
        """Add spikes to a SpikeSource.

        Parameters
        ----------
        population : str
        times : array_like, shape (k,); Spikes; (times, units); or a list of the times of each unit
            Not before now, in the network's time unit or with a unit of their own; inf for a spike that does
            not come. `eventsim.spike_trains` describes the forms.
        units : array_like of int, shape (k,), optional
            May be left out for a source of one unit, and where `times` says it.
        offsets : array_like, shape (n_samples,), optional
            When each sample begins: `times` holds samples then, in the forms of `run_batch`, whose times
            count from there. So samples follow each other in one run, whose records `by_sample` gives back
            sample by sample.

        Raises
        ------
        EventOrderError
            If a time lies in the past.
        ValueError, TypeError
            If units do not exist, or offsets are not one finite number for each sample.
        """
        declared = self._declared(population)
        source = self._build().populations[population]
        if not isinstance(source, TakesSpikes):
            raise ConfigError(
                f"{population!r} is a {type(declared.model).__name__}, only a SpikeSource takes spikes"
            )
        if offsets is None:
            (t, u), start = spike_pairs(times, units, declared.n, population, self.net.time_unit), None
        elif units is not None:
            raise TypeError("with offsets, samples say their units themselves; leave `units` out")
        else:
            t, u, start = samples_in_a_row(times, offsets, declared.n, population, self.net.time_unit)
        if t.size and t.min() < self.now:
            raise EventOrderError(
                f"cannot stimulate {population!r} at {t.min()} {self.net.time_unit}: "
                f"the clock is at {self.now}"
            )
        source.add(t, u)
        if start is not None:
            self._offsets[population] = continued_offsets(self._offsets.get(population), start)
        if self._begun and self._compiled and self._compiled.engine:
            source.prepare(self._compiled.engine)

    def stream(self, file: TraceFile, *, network: bool | None = None) -> None:
        """Move spikes and samples into `file` as the run goes on, so that memory stays bounded.

        What is in the file is no longer here: `spikes`, `trace` and `save` have only what came since, and
        `restore` and `reset` refuse to go back behind it. A file that is resumed knows populations and
        reports already. It holds the network as that of `save` does, by the same argument.
        """
        if not hasattr(file, "add_population"):
            raise TypeError(f"stream needs an open file, es.io.TraceFile.create(path), got {shown(file)}")
        self._build()
        self._announce(file)
        self._stream, self._stored_network = file, network
        known = file.provenance
        ours = {key: value for key, value in self._provenance().items() if key not in known}
        file.put(provenance=ours)
        if not file.has_declaration:
            file.put(declaration=stored_declaration(self._asked, network))

    # Running ----------------------------------------------------------------------------------------

    def run(
        self,
        until: float,
        *,
        inclusive: bool = False,
        progress: bool | Callable[[float, float], object] = False,
    ) -> None:
        """Advance to `until`: handle the events in [now, until) and leave the clock there.

        Parameters
        ----------
        until : float
            Not before now, in the network's time unit.
        inclusive : bool
            Whether events at `until` are handled too (ordered schedule).
        progress : bool or callable
            True shows a bar on a terminal; a callable gets (now, until) several times a second.

        Raises
        ------
        EventOrderError
            If `until` lies in the past or is not a number.
        """
        if not isinstance(until, float | int):
            until = one_time(until, "the end of a run")
        if not callable(progress):
            progress = truth(progress, "progress, unless it is called as progress(now, until),")
        if not until >= self.now or math.isinf(until):
            raise EventOrderError(
                f"cannot run until {until} {self.net.time_unit}: the clock is at {self.now}, "
                "and the end must be finite; run_for(duration) goes on from now"
            )
        if self._agenda.busy:
            raise ConfigError("run() cannot be called by a function of at(), which a run calls")
        compiled = self._build()
        if inclusive and not compiled.engine:
            raise ConfigError("inclusive=True needs schedule='ordered'")
        self._begin(compiled)
        if not progress and self._stream is None:
            self._advance(compiled, until, inclusive)
            return
        from eventsim.simulation.progress import slices

        ends = slices(self.now, until, progress, self.net.time_unit) if self.now < until else [until]
        for end in ends:
            self._advance(compiled, end, inclusive and end == until)
            if self._stream is not None:
                self._drain(self._stream)
            if self.now < end:  # somebody called engine.stop()
                break

    def run_for(self, duration: float, *, progress: bool | Callable[[float, float], object] = False) -> None:
        """Advance by `duration`, in the network's time unit, as `run` does from now on."""
        duration = one_time(duration, "the duration of a run")
        if not 0 <= duration < math.inf:
            raise EventOrderError(
                f"cannot run for {duration} {self.net.time_unit}: a duration is finite and not negative"
            )
        self.run(self.now + duration, progress=progress)

    def _advance(self, compiled: CompiledNetwork, until: float, inclusive: bool) -> None:
        """Advance to `until`, and call the functions of `at` on the way."""
        agenda = self._agenda
        while (time := agenda.next_time) < until or (inclusive and time == until):
            if time < self.now:
                raise EventOrderError(
                    f"a function was to be called at {time} {self.net.time_unit}, but the engine went to "
                    f"{self.now} without run()"
                )
            self._step(compiled, time, False)
            if self.now < time:  # somebody called engine.stop()
                return
            agenda.call(self)
        self._step(compiled, until, inclusive)

    def _step(self, compiled: CompiledNetwork, until: float, inclusive: bool) -> None:
        if compiled.engine:
            compiled.engine.run(until, inclusive=inclusive)
        elif compiled.sweeps:
            compiled.sweeps.run(until)

    def _begin(self, compiled: CompiledNetwork) -> None:
        """Let populations schedule what comes without input, once."""
        if not self._begun and compiled.engine:
            for population in compiled.populations.values():
                population.prepare(compiled.engine)
            if compiled.ticks:
                compiled.ticks.begin(compiled.engine)
        self._begun = True

    @property
    def now(self) -> float:
        """The clock, in the network's time unit."""
        compiled = self._compiled
        if not compiled:
            return 0.0
        return float(compiled.engine.now if compiled.engine else compiled.sweeps.now)  # type: ignore[union-attr]

    @property
    def schedule(self) -> str:
        """The schedule that runs: ordered, windows or layered."""
        return NameOfSchedule(self._build().schedule)

    @property
    def engine(self) -> Engine:
        """The event engine, for handlers of one's own; using it makes the schedule ordered."""
        if not self._compiled:
            self._ordered_only("the use of the engine")
        compiled = self._build()
        if not compiled.engine:
            raise ConfigError(
                f"this simulation runs on the {compiled.schedule} schedule, which has no event queue; "
                "create it with schedule='ordered'"
            )
        self._begin(compiled)
        self._handed_out = True
        return compiled.engine

    def event_counts(self) -> dict[str, int]:
        """Return how much the event queue has done since time 0, without giving the engine away.

        Returns
        -------
        dict
            "handled": events and predicted spikes that were handled; "scheduled": events put into the queue.

        Raises
        ------
        ConfigError
            On a schedule without a queue.
        """
        engine = self._build().engine
        if not engine:
            raise ConfigError(
                f"events are counted on the ordered schedule, and this simulation runs on {self.schedule}"
            )
        return {"handled": engine.processed, "scheduled": engine.scheduled}

    def handler(self, population: str) -> Population:
        """Return the handler of a population, to which one may schedule inputs of one's own."""
        self._declared(population)
        self._handed_out = True
        return self._build().populations[population]

    # Inside -----------------------------------------------------------------------------------------

    def _ordered_only(self, what: str) -> None:
        if self._compiled and not self._compiled.engine:
            raise ConfigError(
                f"{what} needs the ordered schedule, but this simulation runs on the "
                f"{self._compiled.schedule} one already; ask for it first, or create it with "
                "schedule='ordered'"
            )
        self._needs_order = self._needs_order or what

    def _build(self) -> CompiledNetwork:
        if self._compiled is None:
            transmissions = (
                {} if self.hardware is None else self.hardware.transmissions(self._asked, self.trial)
            )
            if any(each.bus is not None for each in transmissions.values()):
                self._needs_order = self._needs_order or "a bus that spikes share"
            self._compiled = build(
                self.net,
                self._wanted,
                self._needs_order,
                self._dt,
                self.batch,
                self.dtype,
                transmissions,
                self.trial,
                self.instant_loops,
                self._shared,
            )
            self._shared = {}
            self.net = self.net.with_parameters()  # what grows from now on is no longer this simulation's
            self._asked = self.net if self.hardware is None else self._asked.with_parameters()
            self._n_handlers = len(self._compiled.engine.handlers) if self._compiled.engine else 0
            for population, hook in self._hooks:
                self._compiled.populations[population].add_hook(hook)
            for request in self._recording_requests:
                self._attach(request)
        return self._compiled

    def _attach(self, request: RecordingRequest) -> None:
        population, variable, every, units, samples = request
        compiled = self._build()
        handler = compiled.populations[population]
        # Of several samples unit u of sample s has number s * n + u.
        recording = Recording(
            handler, variable, every or 0.0, np.add.outer(samples * handler.n, units).ravel()
        )
        handler.add_recording(recording)
        self._recordings[population, variable] = recording
        if every and compiled.engine:
            compiled.engine.register(recording)
            self._n_handlers += 1
        self._first_sample(recording)

    def _first_sample(self, recording: Recording) -> None:
        """Let the next sample of a recording on a grid be the first that is not before now."""
        if recording.every:
            recording.next = _first_multiple(recording.every, self.now)
            engine = self._build().engine
            if engine:
                engine.schedule(recording.next * recording.every, recording, priority=Priority.SAMPLES)

    def _announce(self, file: TraceFile) -> None:
        """Let a file have a place for everything that is recorded."""
        for name, declared in self.net.populations.items():
            if name not in file.populations:
                file.add_population(name, declared.n, spikes=declared.record_spikes)
            for event in self._build().populations[name].event_logs if declared.record_spikes else ():
                if f"{name}.{event}" not in file.populations:
                    file.add_population(f"{name}.{event}", declared.n)
        for request in self._recording_requests:
            population, variable, every, units, samples = request
            if len(samples) > 1:
                raise ConfigError(one_sample(population, variable))
            if (population, variable) not in file.reports:
                file.add_report(population, variable, units, every or 0.0)

    def _drain(self, file: TraceFile) -> None:
        """Move what was recorded into the file."""
        for name, declared in self.net.populations.items():
            if declared.record_spikes:
                log = self._build().populations[name].log
                file.append_spikes(name, *log.arrays())
                log.clear()
                for event, log in self._build().populations[name].event_logs.items():
                    file.append_spikes(f"{name}.{event}", *log.arrays())
                    log.clear()
        for (population, variable), recording in self._recordings.items():
            samples = self.trace(population, variable)
            file.append_samples(population, variable, samples.times, samples.values)
            recording.log.clear()
        changed = {"changes": self._changes.lines} if self._changes.lines else {}
        provenance = {**self._counts(), **changed}
        file.put(duration=self.now, provenance=provenance, parameters=self._offset_parameters())
        self._streamed_to = self.now

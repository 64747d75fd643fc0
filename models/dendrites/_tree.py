"""From the declared compartments of a neuron to arrays: circuits joined, shape checked, order made canonical.

The order depends on names and couplings alone, not on how compartments are numbered: the root is the first
name of the alphabet, children come before their parents. So results have the same bits for any numbering.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.dendrites._currents import parts_of_current
from eventsim.models.inputs.currents import sources_of
from eventsim.parameters import per_unit

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.dendrites.compartments import Compartment, ThresholdEvent
    from eventsim.models.inputs.current_sources import CurrentSource

Arrays = dict[str, NDArray[Any]]
MOST = 64  # compartments


class Tree:
    """The circuits of a `MultiCompartment` in canonical order, of its compartments, couplings and soma.

    Attributes
    ----------
    names : of the circuits, each the first of the names of its compartments.
    members : the compartments of each circuit, sorted by name.
    parent : number of the circuit towards the root, -1 at the root, which is the last.
    coupling : conductance to the parent.
    soma : number of the circuit whose events are spikes.
    slots : (circuit, tau_syn, e_rev) of each distinct synaptic input; e_rev None for currents.
    taus : distinct time constants of them.
    receptors, variables : by name: the slot; the kind and number of what is recorded.
    only_ticks : what keeps the exact solver from the model, "" if nothing.
    """

    def __init__(
        self,
        declared: tuple[Compartment, ...],
        couplings: tuple[tuple[str, str, Any], ...],
        soma: str | None,
    ) -> None:
        compartments = {c.name: c for c in declared}
        names = [c.name for c in declared]
        if not names:
            raise ConfigError("a neuron needs at least one compartment")
        for name in names:
            if not isinstance(name, str) or not name or any(mark in name for mark in "./"):
                raise ConfigError(f"a compartment needs a name without '.' and '/', got {name!r}")
            if names.count(name) > 1:
                raise ConfigError(f"there are {names.count(name)} compartments called {name!r}")
        soma = names[0] if soma is None else soma
        if soma not in compartments:
            raise ConfigError(f"no compartment is called {soma!r}, the soma; known: {', '.join(names)}")
        circuit = self._joined(compartments, couplings)
        self._order(sorted(set(circuit.values())), circuit)
        number = {name: self.names.index(circuit[name]) for name in names}
        self.members: list[list[Compartment]] = [
            [compartments[m] for m in sorted(names) if circuit[m] == name] for name in self.names
        ]
        self.soma = number[soma]
        found = {(number[c.name], r.tau_syn, r.e_rev) for c in declared for r in c.receptors.values()}
        for _, tau, e_rev in found:
            if not 0 < tau < math.inf:
                raise ValueError(f"tau_syn of a receptor must be positive and finite, got {tau!r}")
            if e_rev is not None and not math.isfinite(e_rev):
                raise ValueError(f"e_rev of a receptor must be finite, got {e_rev!r}")
        self.slots = sorted(found, key=lambda s: (s[0], s[1], s[2] is not None, s[2] or 0.0))
        self.taus = sorted({tau for _, tau, _ in self.slots})
        if len(self.taus) > MOST:
            raise ConfigError(f"receptors have {len(self.taus)} time constants, at most {MOST} are possible")
        self.receptors: dict[str, int] = {}
        self.variables: dict[str, tuple[int, int]] = {"v": (0, self.soma)}
        for c in declared:
            self.variables[f"{c.name}.v"] = (0, number[c.name])
            for name, r in c.receptors.items():
                slot = self.slots.index((number[c.name], r.tau_syn, r.e_rev))
                self.receptors[f"{c.name}.{name}"] = slot
                self.variables[f"{c.name}.{name}"] = (1, slot)
                if len(c.receptors) == 1:
                    self.receptors[c.name] = slot
            if np.any(c.a) or np.any(c.b):
                self.variables[f"{c.name}.w"] = (2, number[c.name])
        first = next((c for c in (compartments[soma], *declared) if c.receptors), None)
        if first is not None:
            self.receptors.setdefault("input", self.receptors[f"{first.name}.{next(iter(first.receptors))}"])
        self.only_ticks = self._beyond_linear(declared)
        self.events = [c.name for c in declared if c.event is not None and number[c.name] != self.soma]
        self.event_number = [number[name] for name in self.events]

    def _joined(
        self, compartments: dict[str, Compartment], couplings: tuple[tuple[str, str, Any], ...]
    ) -> dict[str, str]:
        """Return the circuit of each compartment, called after its first member."""
        circuit = {name: name for name in compartments}
        self.edges: list[tuple[str, str, Any]] = []
        for entry in couplings:
            if len(entry) != 3:
                raise ConfigError(f"a coupling must be (name, name, conductance), got {entry!r}")
            one, other, g = entry
            for name in (one, other):
                if name not in compartments:
                    raise ConfigError(
                        f"a coupling names {name!r}; the compartments are {', '.join(compartments)}"
                    )
            label = f"the coupling of {one!r} and {other!r}"
            if one == other:
                raise ConfigError(f"{label} is a loop; compartments must form a tree")
            if np.ndim(g) == 0 and g == math.inf:
                low, high = sorted((circuit[one], circuit[other]))
                if low == high:
                    raise ConfigError(f"{label} closes a loop; compartments must form a tree")
                circuit = {name: low if c == high else c for name, c in circuit.items()}
            else:
                self.edges.append((one, other, g))
        return circuit

    def _order(self, circuits: list[str], circuit: dict[str, str]) -> None:
        """Lay the circuits out with children before parents."""
        neighbours: dict[str, dict[str, Any]] = {name: {} for name in circuits}
        for one, other, g in self.edges:
            a, b = circuit[one], circuit[other]
            if a == b or b in neighbours[a]:
                raise ConfigError(
                    f"the coupling of {one!r} and {other!r} closes a loop; compartments must form a tree"
                )
            neighbours[a][b] = neighbours[b][a] = (g, f"the coupling of {one!r} and {other!r}")
        order, above = [circuits[0]], {circuits[0]: ""}
        for name in order:
            for other in sorted(neighbours[name]):
                if other == above[name]:
                    continue
                if other in above:
                    raise ConfigError(
                        f"{neighbours[name][other][1]} closes a loop; compartments must form a tree"
                    )
                above[other] = name
                order.append(other)
        if len(order) < len(circuits):
            lost = next(name for name in circuits if name not in above)
            raise ConfigError(
                f"compartment {lost!r} is not coupled to {circuits[0]!r}; the tree must be whole"
            )
        if len(order) > MOST:
            raise ConfigError(f"the tree has {len(order)} compartments, at most {MOST} are possible")
        order.reverse()
        self.names = order
        self.parent = [order.index(above[name]) if above[name] else -1 for name in order]
        self.coupling = [neighbours[name][above[name]] if above[name] else (0.0, "") for name in order]

    @staticmethod
    def _beyond_linear(declared: tuple[Compartment, ...]) -> str:
        for c in declared:
            for name, r in c.receptors.items():
                if r.e_rev is not None:
                    return f"{c.name}.{name} is a synapse with a conductance"
            if c.delta_t:
                return f"{c.name!r} has an exponential current"
            if np.any(c.a) or np.any(c.b):
                return f"{c.name!r} has adaptation"
        return ""

    # ------------------------------------------------------------------------------------ numbers

    def arrays(self, n: int, name: str, warn: bool = False) -> Arrays:
        """Return the parameters by name, each shape (n_sets, ...) with one set, or `n` if units differ.

        `warn` says what is possible but can hardly be meant.

        Raises
        ------
        ConfigError, ValueError
            For an invalid parameter; the message names population, compartment and unit.
        """
        found: dict[str, list[Any]] = {}
        steps: list[tuple[int, Any, Any]] = []  # circuit, time, change of the current

        def one(value: Any, what: str, where: str, **bounds: bool) -> Any:
            return per_unit(value, n, f"{what} of {where}", name, **bounds)

        for k, members in enumerate(self.members):
            row = {key: _summed(key, members, one) for key in ("c_mem", "g_leak")}
            flows = [parts_of_current(c.i_ext, n, c.name, name, one) for c in members]
            row["i_ext"] = sum(level for level, *_ in flows)
            steps += [(k, *step) for _, more, _ in flows for step in more]
            leaks = [one(c.g_leak, "g_leak", c.name) * one(c.v_leak, "v_leak", c.name) for c in members]
            row["v_init"] = (
                sum(
                    one(c.c_mem, "c_mem", c.name)
                    * one(c.v_leak if c.v_init is None else c.v_init, "v_init", c.name)
                    for c in members
                )
                / row["c_mem"]
            )
            row["i_leak"] = sum(leaks)
            g, label = self.coupling[k]
            row["coupling"] = (
                one(g, "conductance of " + label, "the tree", nonnegative=True) if label else 0.0
            )
            if label and np.any(np.equal(row["coupling"], 0.0)):
                raise ValueError(f"{label} of {name!r} must be positive, got 0.0; leave it out instead")
            active = self._active(members, name)
            row |= self._comparator(active, one, name, warn)
            steep = [c for c in members if c.delta_t]
            adapted = [c for c in members if np.any(c.a) or np.any(c.b)]
            for several in (steep, adapted):
                if len(several) > 1:
                    raise ConfigError(
                        f"{several[0].name!r} and {several[1].name!r} of {name!r} are one circuit, which has "
                        "one exponential current and one adaptation"
                    )
            c = steep[0] if steep else members[0]
            row["delta_t"] = one(c.delta_t, "delta_t", c.name, nonnegative=True)
            row["v_t"] = one(c.v_t, "v_t", c.name)
            row["g_exp"] = one(c.g_leak, "g_leak", c.name, nonnegative=True)
            c = adapted[0] if adapted else members[0]
            row["a"], row["b"] = one(c.a, "a", c.name), one(c.b, "b", c.name)
            row["tau_w"] = one(c.tau_w, "tau_w", c.name, positive=True)
            row["v_w"] = one(c.v_leak, "v_leak", c.name)
            if steep and np.any(np.isinf(row["v_th"])):
                raise ValueError(f"{steep[0].name!r} of {name!r} has an exponential current and needs a v_th")
            for key, value in row.items():
                found.setdefault(key, []).append(value)
        if not any(np.all(np.greater(g, 0)) for g in found["g_leak"]):
            raise ValueError(f"{name!r} has no leak: g_leak of at least one compartment must be positive")
        steps += self._steps(one)
        phased = ("targets", "conductances", "durations")
        values = [v for key, rows in found.items() if key not in phased for v in rows]
        values += [v for key in phased for row in found[key] for v in row] + [v for s in steps for v in s[1:]]
        n_sets = n if any(np.ndim(v) for v in values) else 1
        made: Arrays = {}
        phases = max((len(rows) for rows in found["durations"]), default=0)
        for key, rows in found.items():
            if key in phased:
                table = np.zeros((n_sets, len(rows), phases))
                for k, clamps in enumerate(rows):
                    for p, value in enumerate(clamps):
                        table[:, k, p] = value
                made[key] = table
            else:
                made[key] = np.stack([np.broadcast_to(np.asarray(v, float), n_sets) for v in rows], axis=1)
        made["n_phases"] = np.array([len(rows) for rows in found["durations"]], np.int32)
        made |= _sorted_steps(steps, n_sets)
        made |= {
            "parent": np.array(self.parent, np.int32),
            "slot_circuit": np.array([s[0] for s in self.slots], np.int32),
            "slot_tau": np.array([self.taus.index(s[1]) for s in self.slots], np.int32),
            "e_rev": np.array([np.nan if s[2] is None else s[2] for s in self.slots]),
            "tau": np.array(self.taus),
        }
        return made

    def currents(self, context: BuildContext) -> list[tuple[int, CurrentSource]]:
        """Return what computes the currents that are no steps, each with the number of its circuit."""
        found: list[tuple[int, CurrentSource]] = []
        for k, members in enumerate(self.members):
            for c in members:
                *_, others = parts_of_current(c.i_ext, context.n, c.name, context.name, lambda i, *_: i)
                own = replace(context, name=f"{context.name}.{c.name}")
                made: list[CurrentSource] = []
                for each in others:
                    made += sources_of(each, own, len(made))
                found += [(k, source) for source in made]
        return found

    @staticmethod
    def _active(members: list[Compartment], name: str) -> Compartment | None:
        """Return the one compartment of a circuit that fires, or None."""
        active = [c for c in members if c.event is not None or np.any(np.isfinite(c.v_th))]
        if len(active) > 1:
            raise ConfigError(
                f"{active[0].name!r} and {active[1].name!r} of {name!r} are one circuit, which has one event"
            )
        if active and active[0].event is None:
            raise ConfigError(f"{active[0].name!r} of {name!r} has a v_th and needs an event")
        return active[0] if active else None

    def _comparator(self, active: Compartment | None, one: Any, name: str, warn: bool) -> dict[str, Any]:
        """Return threshold, clamps and refractoriness of a circuit."""
        if active is None or active.event is None:
            return {
                "v_th": np.inf,
                "targets": (),
                "conductances": (),
                "durations": (),
                "hold_off": 0.0,
                "level": 0.0,
            }
        where, event = active.name, active.event
        if event.mode not in ("level", "edge"):
            raise ConfigError(f"mode of {where!r} of {name!r} must be 'level' or 'edge', got {event.mode!r}")
        if not isinstance(event.clamps, tuple | list):
            raise TypeError(f"clamps of {where!r} of {name!r} must be a tuple, got {event.clamps!r}")
        v_th = one(active.v_th, "v_th", where, allow_inf=True)
        targets = [one(c.target, "target", where) for c in event.clamps]
        conductances = [
            one(c.conductance, "conductance", where, nonnegative=True, allow_inf=True) for c in event.clamps
        ]
        durations, hold_off = self._durations(event, one, where, name)
        # A soma is reset below threshold; only a hold-off says that it was to stay above.
        is_soma = where in [c.name for c in self.members[self.soma]]
        if warn and targets and (not is_soma or (event.hold_off is not None and np.any(hold_off))):
            _warn_of_low_plateau(
                np.maximum.reduce(targets) if len(targets) > 1 else targets[0], v_th, where, name
            )
        return {
            "v_th": v_th,
            "targets": targets,
            "conductances": conductances,
            "durations": durations,
            "hold_off": hold_off,
            "level": float(event.mode == "level"),
        }

    @staticmethod
    def _durations(event: ThresholdEvent, one: Any, where: str, name: str) -> tuple[list[Any], Any]:
        """Return the durations of the clamps and of the hold-off, which together are t_ref."""
        given = [c.duration for c in event.clamps]
        if any(d is None for d in given[:-1]):
            raise ConfigError(f"only the last clamp of {where!r} of {name!r} may leave its duration out")
        durations = [one(d, "duration", where, nonnegative=True) for d in given if d is not None]
        used: Any = sum(durations)
        hold_off = (
            None if event.hold_off is None else one(event.hold_off, "hold_off", where, nonnegative=True)
        )
        t_ref = None if event.t_ref is None else one(event.t_ref, "t_ref", where, nonnegative=True)
        open_end = bool(given) and given[-1] is None
        if t_ref is None:
            if open_end:
                raise ConfigError(f"the last clamp of {where!r} of {name!r} needs a duration, or t_ref")
            return durations, 0.0 if hold_off is None else hold_off
        if hold_off is not None and np.any(np.greater(hold_off, t_ref)):
            raise ValueError(
                f"hold_off of {where!r} of {name!r} must not be longer than t_ref, got "
                f"{_first(hold_off, hold_off > t_ref)} and t_ref = {_first(t_ref, hold_off > t_ref)}"
            )
        if open_end:
            durations.append(t_ref - used - (0.0 if hold_off is None else hold_off))
            left: Any = durations[-1]
        else:
            left = t_ref - used - (0.0 if hold_off is None else hold_off)
            # Decimals that add up in the paper need not in binary.
            if hold_off is not None and np.any(np.abs(left) > 1e-9 * t_ref):
                raise ConfigError(
                    f"clamps, hold_off and t_ref of {where!r} of {name!r} do not add up: "
                    f"{_first(used, True)} + {_first(hold_off, True)} against {_first(t_ref, True)}; "
                    "leave one of them out"
                )
            if hold_off is None:
                hold_off = left
        if np.any(np.less(left, -1e-9 * t_ref)):
            raise ValueError(
                f"the clamps of {where!r} of {name!r} are longer than t_ref = {_first(t_ref, left < 0)}"
            )
        durations = [np.maximum(d, 0.0) for d in durations]
        return durations, np.maximum(0.0 if hold_off is None else hold_off, 0.0)

    def _steps(self, one: Any) -> list[tuple[int, Any, Any]]:
        """Return (circuit, time, change of the current) of all steps."""
        found = []
        for k, members in enumerate(self.members):
            for c in members:
                before: Any = 0.0
                for time, current in c.steps:
                    value = one(current, "current of a step", c.name)
                    found.append((k, one(time, "time of a step", c.name, nonnegative=True), value - before))
                    before = value
        return found

    def settled(self, compartment: str, v_neighbours: float | None) -> float:
        """Return where the first clamp of a compartment settles; see `MultiCompartment.plateau_potential`."""
        values = self.arrays(1, "neuron")
        k = next(k for k, members in enumerate(self.members) if compartment in [c.name for c in members])
        if not values["n_phases"][k]:
            raise ConfigError(f"{compartment!r} has no clamp")
        if np.isinf(values["conductances"][0, k, 0]):
            return float(values["targets"][0, k, 0])
        g, drive = values["g_leak"][0, k], values["i_leak"][0, k] + values["i_ext"][0, k]
        g, drive = (
            g + values["conductances"][0, k, 0],
            drive + values["conductances"][0, k, 0] * values["targets"][0, k, 0],
        )
        for child, parent in enumerate(self.parent):
            if k in (child, parent) and parent >= 0:
                other = parent if k == child else child
                rest = (
                    values["i_leak"][0, other] / values["g_leak"][0, other]
                    if v_neighbours is None
                    else v_neighbours
                )
                g, drive = g + values["coupling"][0, child], drive + values["coupling"][0, child] * rest
        return float(drive / g)


def _summed(key: str, members: list[Compartment], one: Any) -> Any:
    bounds = {"c_mem": {"positive": True}, "g_leak": {"nonnegative": True}}[key]
    return sum(one(getattr(c, key), key, c.name, **bounds) for c in members)


def _sorted_steps(steps: list[tuple[int, Any, Any]], n_sets: int) -> Arrays:
    """Return the steps of each set in order of time, of circuits at one time."""
    m = len(steps)
    circuit = np.empty((n_sets, m), np.int32)
    time, change = np.empty((n_sets, m)), np.empty((n_sets, m))
    for j, (k, t, delta) in enumerate(steps):
        circuit[:, j], time[:, j], change[:, j] = k, t, delta
    order = np.lexsort((circuit, time), axis=1) if m else np.zeros((n_sets, 0), int)
    take = np.take_along_axis
    return {
        "step_circuit": take(circuit, order, 1),
        "step_time": take(time, order, 1),
        "step_change": take(change, order, 1),
    }


def _warn_of_low_plateau(target: Any, v_th: Any, where: str, name: str) -> None:
    low = np.less(target, v_th)
    if np.any(low):
        warnings.warn(
            f"the target of {where!r} of {name!r}, {_first(target, low)} mV, is below v_th = "
            f"{_first(v_th, low)} mV: its event is a reset, not a plateau",
            stacklevel=2,
        )


def _first(value: Any, where: Any) -> float:
    """Return a number, or the first of those marked."""
    return float(np.ravel(value)[int(np.argmax(where)) if np.ndim(value) and np.ndim(where) else 0])

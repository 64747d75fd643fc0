"""A network as it is declared: populations of units and the projections between them.

Nothing is drawn or built here. A simulation resolves each projection into arrays when it is
built; the same seed and the same name give the same synapses, whatever else the network holds.
"""

import copy
import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim import connect
from eventsim.connect.connections import Connections
from eventsim.contracts import ChecksItself, PlasticityRule
from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.hints import arguments_of, named_for_users, of_class, unknown_argument
from eventsim.io.plain import shown, truth
from eventsim.named import Named, NamedList
from eventsim.network.copied_functions import functions_of, refuse_nameless
from eventsim.network.declared import (
    Population,
    Projection,
    changed_model,
    check_kind,
    check_name,
    connected_alike,
    is_continuous,
    is_on_hardware,
    min_delay,
    needs_tick,
    receptor_number,
    reconnected,
    sends_rates,
    short,
    sorted_out,
    table,
    without_autapses,
)
from eventsim.network.topological_sort import topological_sort
from eventsim.rates.options import rate_options, refuse_rate_options
from eventsim.renamed import warn_renamed, with_current_names
from eventsim.synapses.procedural import check_storage

__all__ = [
    "Connections",
    "Network",
    "Population",
    "Projection",
    "is_continuous",
    "is_on_hardware",
    "needs_tick",
    "sends_rates",
]

TIME_UNITS = ("s", "ms", "us", "ns", "1")  # "1": times without a unit
MOST_UNITS = 2**31 - 1
POPULATIONS = ("population", "net.populations")  # what messages call them
PROJECTIONS = ("projection", "net.projections")


@named_for_users("Network")
class Network:
    """Populations and projections, by name.

    Parameters
    ----------
    seed : int
        Every random draw of the network and its simulations follows from it; >= 0.
    time_unit : {"ms", "s", "us", "ns", "1"}
        Unit of all times, delays and time constants; "1" if they have none.

    Attributes
    ----------
    populations : dict of Population by name, in the order they were added.
    projections : list of Projection, in the order they were connected.
    plasticity : list of (name of a projection or population, plasticity rule).

    Examples
    --------
    >>> import eventsim as es
    >>> from types import SimpleNamespace
    >>> relay = SimpleNamespace(variables=(), is_source=False)  # stands for es.models.LIF()
    >>> net = es.Network(seed=1)
    >>> hidden = net.add("hidden", relay, 4)
    >>> synapses = net.connect("hidden", "hidden", es.connect.fixed_indegree(2), weight=0.5, delay=1.0)
    >>> print(net.describe())
    Network(seed=1, time_unit='ms')
      population  units  model
      hidden      4      SimpleNamespace
    <BLANKLINE>
      projection      rule                weight  delay
      hidden->hidden  FixedIndegree(k=2)  0.5     1
    """

    def __init__(self, seed: int = 0, time_unit: str = "ms") -> None:
        self.seed = _integer(seed, "seed", 0)
        if time_unit not in TIME_UNITS:
            raise ValueError(f"time_unit must be one of {', '.join(TIME_UNITS)}, got {time_unit!r}")
        self.time_unit = time_unit
        self.populations: dict[str, Population] = Named(*POPULATIONS)
        self.projections: list[Projection] = NamedList(*PROJECTIONS)
        self.plasticity: list[tuple[str, Any]] = []
        self._replaced: list[Population] = []  # what `change` put others in place of

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds."""
        for name, population in self.populations.items():
            kind = type(population.model).__name__
            refuse_nameless(
                (f"{it} of {name!r} ({kind})", each) for it, each in functions_of(population.model)
            )
        return vars(self)

    def __copy__(self) -> "Network":
        """Return a network that holds the same dictionaries and lists."""
        net = type(self).__new__(type(self))
        vars(net).update(vars(self))
        return net

    def __deepcopy__(self, memo: dict[int, Any]) -> "Network":
        """Return a copy on its own; functions in models are shared."""
        net = memo[id(self)] = type(self).__new__(type(self))
        vars(net).update(copy.deepcopy(vars(self), memo))
        return net

    def __getitem__(self, name: str) -> Population | Projection:
        """Return the population or projection of a name."""
        if name in self.populations:
            return self.populations[name]
        for projection in self.projections:
            if projection.name == name:
                return projection
        known = [*self.populations, *(projection.name for projection in self.projections)]
        raise UnknownPart(
            f"no population or projection named {name!r}; known: {', '.join(known) or 'none'}"
            f"{did_you_mean(name, known)}"
        )

    def add(self, name: str, model: Any, n: int, record_spikes: bool = True) -> Population:
        """Add a population.

        Parameters
        ----------
        name : str
            Not used yet, not empty, without "/" (names become groups of an HDF5 file).
        model : a neuron or source from `eventsim.models`, or one like them
        n : int
            Units, at least 1.
        record_spikes : bool
            Whether spikes are kept; they are unless switched off.

        Raises
        ------
        ValueError, TypeError
            If the name, the size or a parameter of the model does not do.
        """
        check_name(name, "population")
        if name in self.populations:
            raise ValueError(
                f"there is a population {name!r} already; give another name, or net.remove({name!r}) first"
            )
        check_kind(model, name)
        n = _integer(n, f"the size of {name!r}", 1)
        if isinstance(model, ChecksItself):
            model.check(n, name)
        population = Population(name, model, n, bool(record_spikes))
        self.populations[name] = population
        return population

    def connect(
        self,
        pre: str | Population,
        post: str | Population,
        rule: Any = None,
        *,
        weight: Any = None,
        delay: Any = None,
        autapses: bool = True,
        multapses: bool = True,
        name: str | None = None,
        bias: Any = None,
        tau_syn: float = 0.0,
        feedback: Any = True,
        variable: str = "rate",
        receptor: str = "input",
        storage: str = "arrays",
        **old: Any,
    ) -> Projection:
        """Connect one population to another.

        Parameters
        ----------
        pre, post : str or Population
            Where spikes come from and where they go.
        rule : optional
            Who is connected to whom: a rule of `eventsim.connect`, a list of tuples (pre, post),
            (pre, post, weight) or (pre, post, weight, delay), or the weights as an array or a
            sparse matrix. Without one, every source reaches every target.
        weight : float, Distribution or array_like, optional
            One number for all (default 1), a distribution, an array of shape (n_pre, n_post), or
            a scipy.sparse matrix of that shape whose stored entries are the synapses. With a rule also
            (n_pre, 1), (1, n_post), and (n_syn,) for listed synapses; with fixed_indegree(k) also (n_post, k)
            in the order of the draws, with fixed_outdegree(k) (n_pre, k), unless that is a shape before.
        delay : float, Distribution or array_like, optional
            In the network's time unit, >= 0; default 0. One number, a distribution, (n_pre, 1) for each
            source (axonal), (1, n_post) for each target (dendritic), (n_pre, n_post) for each synapse,
            (n_syn,) for listed synapses, or a sparse matrix with the entries of the weight.
            `es.connect.axonal` and `dendritic` say which.
        autapses : bool
            False leaves out connections of a unit to itself; of no effect between two populations.
        multapses : bool
            False draws without replacement, so that no pair is connected twice.
        name : str, optional
            Default "pre->post". A name in use gets "#2", "#3", ...; needed to connect a pair once more in
            the same way.
        receptor : str
            Where it goes in the target: a compartment of a neuron that has several, an input of a continuous
            population. The target's first unless given.
        storage : {"arrays", "rows", "procedural"}
            "procedural" holds no synapses: the targets of a source are drawn from the network's seed whenever
            one of its spikes arrives, always the same ones, so that memory does not grow with their number.
            The rule is fixed_outdegree or fixed_probability; weight and delay are one number, or one for each
            source; nothing can change them. "rows" draws the very same synapses once and holds them.
            "arrays" draws them from one stream for all, which gives others.
        bias : float, Distribution or array_like, shape (n_post,), optional
            Added to the input of the target. This and the following are for projections of rates only,
            from one continuous population to another.
        tau_syn : float
            Time constant of a synaptic filter of rates, and of errors on their way back; 0 for none.
        feedback : bool or array_like, shape (n_post, n_pre)
            Whether errors of the target go back to the source through the transposed weights; an array
            sends them through weights of their own (random feedback), kernels of a convolution included.
        variable : str
            What is read from the source, as one of its recorded variables.

        Raises
        ------
        UnknownPart
            If there is no such population.
        ConfigError, ValueError, TypeError
            If the rule cannot be followed, or a weight or delay does not do.
        """
        if old:
            now = with_current_names("argument/connect", old)
            if unknown := now.keys() - {"variable", "receptor"}:
                raise unknown_argument("Network.connect", min(unknown), arguments_of(Network.connect))
            variable, receptor = now.get("variable", variable), now.get("receptor", receptor)
        autapses, multapses = truth(autapses, "autapses"), truth(multapses, "multapses")
        source, target = self._population(pre), self._population(post)
        label = f"'{source.name} -> {target.name}'"
        if target.model.is_source:
            raise ConfigError(f"{label} leads into a source, which takes no input")
        if name is not None:
            check_name(name, "projection")
        options, number = None, 0
        given = {
            "bias": (bias, None),
            "tau_syn": (tau_syn, 0.0),
            "feedback": (feedback, True),
            "variable": (variable, "rate"),
        }
        if sends_rates(source.model) and is_continuous(target.model):
            options = rate_options(
                bias, tau_syn, feedback, variable, receptor, source.n, target.n, label, rule
            )
        else:
            refuse_rate_options(given, label)
            number = receptor_number(target, receptor)
        rule, weight, delay = sorted_out(rule, weight, delay, source.n, target.n, label)
        projection = Projection(
            self._free_name(f"{source.name}->{target.name}" if name is None else name),
            source.name,
            target.name,
            rule,
            weight,
            delay,
            autapses,
            multapses,
            options,
            number,
            storage,
        )
        check_storage(projection)
        alone = autapses or source is not target
        rule.check(source.n, target.n, alone, projection.multapses, label)
        if not alone and isinstance(rule, connect.Pairs):
            projection = without_autapses(projection, rule)
        if name is None:
            self._refuse_twice(projection)
        self.projections.append(projection)
        return projection

    def change(self, what: str | Projection | Population, **changed: Any) -> Population | Projection:
        """Change parameters in place; simulations that were built before keep what they were built from.

        Parameters
        ----------
        what : str, Population or Projection
            What changes, or its name.
        **changed
            Of a population, parameters of its model, or another ``model``; of a projection its ``weight``,
            ``delay`` or ``rule``, as `connect` takes them.

        Returns
        -------
        Population or Projection
            As it is now.

        Raises
        ------
        UnknownPart, ValueError, TypeError, ConfigError
            If there is no such part or parameter, or a value does not do; then nothing has changed.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("cells", es.models.LIF(tau_mem=10.0), 3)
        >>> net.change("cells", tau_mem=20.0).model.tau_mem
        20.0
        """
        part = self[what if isinstance(what, str) else what.name]
        if isinstance(part, Population):
            if "model" in changed and len(changed) > 1:
                other = next(name for name in changed if name != "model")
                raise ConfigError(f"{part.name!r} gets another model, so {other!r} is given with the model")
            net = self.with_parameters({part.name: changed.get("model", changed)})
            self.populations[part.name] = net.populations[part.name]
            self._replaced = [*self._replaced, part]
        else:
            net = self.with_parameters(projections={part.name: changed})
            self.projections[:] = net.projections
        return self[part.name]

    def remove(self, what: str | Projection | Population) -> None:
        """Take out a projection, or a population with all projections from and to it, and their rules.

        Raises
        ------
        UnknownPart
            If nothing has this name.
        """
        part = self[what if isinstance(what, str) else what.name]
        gone = {part.name}
        if isinstance(part, Population):
            gone |= {each.name for each in self.projections if part.name in (each.pre, each.post)}
            del self.populations[part.name]
        self.projections[:] = [each for each in self.projections if each.name not in gone]
        self.plasticity[:] = [(name, rule) for name, rule in self.plasticity if name not in gone]

    def add_plasticity(self, what: str | Projection | Population, rule: Any) -> None:
        """Let a plasticity rule change the weights of a projection, or parameters of a population.

        Parameters
        ----------
        what : str, Projection or Population
            The projection or population, or its name; "NAME feedback" is the way back of errors through
            weights of their own.
        rule : a rule from `eventsim.models.plasticity`, or one like them

        Raises
        ------
        UnknownPart
            If nothing has this name.
        TypeError
            If the rule cannot be attached.
        """
        if isinstance(what, PlasticityRule) and not isinstance(what, Population):
            raise TypeError(f"write add_plasticity(projection, rule), the rule last, got {what!r:.60} first")
        name = what if isinstance(what, str) else what.name
        known = [*self.populations, *(projection.name for projection in self.projections)]
        known += [
            f"{it.name} feedback" for it in self.projections if it.rates is not None and it.rates.own_feedback
        ]
        if name not in known:
            raise UnknownPart(
                f"no population or projection named {name!r}; known: {', '.join(known) or 'none'}"
                f"{did_you_mean(name, known)}"
            )
        if isinstance(rule, type) or not isinstance(rule, PlasticityRule):
            raise TypeError(
                f"the plasticity rule of {name!r} must come from es.models.plasticity, or be of a "
                f"subclass of its CustomRule, got {rule!r:.60}{of_class(rule)}"
            )
        self.plasticity.append((name, rule))

    def learn(self, what: str | Projection | Population, rule: Any) -> None:
        """Call `add_plasticity`, the name of today."""
        warn_renamed("Network.learn", "Network.add_plasticity")
        self.add_plasticity(what, rule)

    @property
    def rules(self) -> list[tuple[str, Any]]:
        """`plasticity`, by its old name."""
        warn_renamed("Network.rules", "Network.plasticity")
        return self.plasticity

    def with_parameters(
        self,
        models: Mapping[str, Any] | None = None,
        projections: Mapping[str, Mapping[str, Any]] | Sequence[Projection] | None = None,
    ) -> "Network":
        """Return a copy of the network with other parameters; this one stays as it is.

        Parameters
        ----------
        models : mapping of str to mapping, or to a model, optional
            By population, the parameters of its model that change, or another model.
        projections : mapping of str to mapping, or sequence of Projection, optional
            By projection, its new ``weight``, ``delay`` or ``rule``, as `connect` takes them; or all
            projections, made from those of this network with `dataclasses.replace`.

        Raises
        ------
        UnknownPart
            If there is no such population, projection or parameter.
        ValueError, TypeError, ConfigError
            If a value is invalid.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("cell", es.models.LIF(tau_mem=2.0), 3)
        >>> slow = net.with_parameters({"cell": {"tau_mem": 20.0}})
        >>> slow.populations["cell"].model.tau_mem, net.populations["cell"].model.tau_mem
        (20.0, 2.0)
        """
        for what, given in (("models", models), ("projections", projections)):
            if isinstance(given, str) or not isinstance(given, Mapping | Sequence | None):
                raise TypeError(f"{what} must be a mapping by name, got {shown(given)}")
        net = copy.copy(self)
        net.populations, net.plasticity = Named(*POPULATIONS, self.populations), list(self.plasticity)
        net.projections = NamedList(*PROJECTIONS, self.projections)
        for name, changed in (models or {}).items():
            population = self._population(name)
            if isinstance(changed, Mapping):
                model = changed_model(population, changed)  # of the class of the model it replaces
            else:
                model = changed
                check_kind(model, name)
            if isinstance(model, ChecksItself):
                model.check(population.n, name)
            net.populations[name] = replace(population, model=model)
        if isinstance(projections, Mapping):
            known = {projection.name: k for k, projection in enumerate(self.projections)}
            for name, values_ in projections.items():
                if name not in known:
                    raise UnknownPart(
                        f"no projection named {name!r}; known: {', '.join(known) or 'none'}"
                        f"{did_you_mean(name, known)}"
                    )
                net.projections[known[name]] = reconnected(self, self.projections[known[name]], values_)
        elif projections is not None:
            net.projections[:] = projections
        return net

    def zero_delay_order(self, min_delays: Sequence[float] | None = None) -> list[str]:
        """Return the populations so that whoever sends spikes without delay comes first.

        Where nothing else is said the order is that of declaration.

        Parameters
        ----------
        min_delays : sequence of float, optional
            The smallest delay of each projection, `inf` for one without synapses
            (`Connections.min_delay`). Without it, projections whose declaration does not tell are
            resolved here.

        Raises
        ------
        ConfigError
            If populations reach each other in a circle without delay; the message names them.
        """
        if min_delays is None:
            min_delays = [min_delay(projection, self) for projection in self.projections]
        instant = [
            (projection.pre, projection.post)
            for projection, delay in zip(self.projections, min_delays, strict=True)
            if delay == 0
            and not is_continuous(self.populations[projection.pre].model)  # a tick lies in between
            and not is_continuous(self.populations[projection.post].model)
        ]
        return topological_sort(list(self.populations), instant)

    def describe(self) -> str:
        """Return a table of the populations and projections."""
        rows = [("population", "units", "model")]
        rows += [(p.name, str(p.n), type(p.model).__name__) for p in self.populations.values()]
        lines = [f"Network(seed={self.seed}, time_unit={self.time_unit!r})", *table(rows)]
        if self.projections:
            links = [("projection", "rule", "weight", "delay")]
            links += [(p.name, repr(p.rule), short(p.weight), short(p.delay)) for p in self.projections]
            lines += ["", *table(links)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from eventsim.html import of_network

        return of_network(self)

    def __repr__(self) -> str:
        units = sum(population.n for population in self.populations.values())
        counts = [
            f"{len(self.populations)} populations" if len(self.populations) != 1 else "1 population",
            f"{units} units" if units != 1 else "1 unit",
            f"{len(self.projections)} projections" if len(self.projections) != 1 else "1 projection",
        ]
        return f"<Network: {', '.join(counts)}, seed {self.seed}, time in {self.time_unit}>"

    def _population(self, given: str | Population) -> Population:
        name = given.name if isinstance(given, Population) else given
        known = self.populations.get(name) if isinstance(name, str) else None
        former = any(given is each for each in self._replaced)
        if known is None or (isinstance(given, Population) and given is not known and not former):
            names = ", ".join(self.populations) or "none yet"
            raise UnknownPart(
                f"no population named {name!r} in this network; known: {names}"
                f"{did_you_mean(name, self.populations)}"
            )
        return known

    def _refuse_twice(self, projection: Projection) -> None:
        """Raise ConfigError if a pair is connected in this way already: a cell of a notebook ran again."""
        for other in self.projections:
            if connected_alike(projection, other):
                raise ConfigError(
                    f"{projection.label_of_pair} is connected by {other.rule!r} already, as {other.name!r}; "
                    f"change it by net.change({other.name!r}, ...), or add a second one with a name=..."
                )

    def _free_name(self, name: str) -> str:
        used = {projection.name for projection in self.projections}
        k, free = 1, name
        while free in used:
            k += 1
            free = f"{name}#{k}"
        return free


def _integer(value: Any, what: str, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} must be an integer, got {value!r}")
    if number < least:
        raise ValueError(f"{what} must be at least {least}, got {number}")
    if least > 0 and number > MOST_UNITS:
        raise ValueError(f"{what} must be at most {MOST_UNITS}, got {number}")
    return number

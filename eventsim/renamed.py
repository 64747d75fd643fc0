"""Names of earlier versions and the names of today: the one table that readers of old things go through.

Files, configurations, command lines and programs in other processes may still use a name that has
changed. Whoever reads such a name asks `current`, which warns once for each old name. Add a row here
when a name changes; nothing else keeps a list.
"""

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from eventsim.errors import did_you_mean

T = TypeVar("T")

RENAMED: dict[str, dict[str, str]] = {
    "argument/DelayMap": {"share": "tied"},
    "argument/connect": {"signal": "variable", "port": "receptor"},
    # registered parts, by kind: "part/<kind>", with hyphens; underscores are read as hyphens before
    "part/trainer": {"first-spike": "spike-learner"},
    "part/hardware": {
        "spread": "mismatch",
        "deviation": "offset",
        "weight-steps": "weight-quantization",
        "weight-range": "weight-saturation",
        "time-stamps": "timestamp-resolution",
        "sign-rows": "dale-rows",
        "delay-steps": "delay-quantization",
    },
    # public names of a package: "names/<package>"
    "names/eventsim.hardware": {
        "Spread": "Mismatch",
        "Deviation": "Offset",
        "WeightSteps": "WeightQuantization",
        "WeightRange": "WeightSaturation",
        "TimeStamps": "TimestampResolution",
        "SignRows": "DaleRows",
        "DelaySteps": "DelayQuantization",
        "BehindAddress": "RemoteHardware",
    },
    # arguments of a part, a method or a function: "argument/<name of it>"
    "argument/Adam": {"rate": "learning_rate"},
    "argument/SpikingClassifier.fit": {"labels": "y"},
    "argument/SpikingClassifier": {
        "rate": "learning_rate",
        "delay_rate": "delay_learning_rate",
        "late": "latest",
        "mirror": "complementary_inputs",
    },
    "argument/hardware": {
        "device": "device_seed",
        "beyond": "overflow",
        "room": "capacity",
        "bus_room": "bus_capacity",
        "threshold_spread": "threshold_mismatch",
        "tau_spread": "tau_mismatch",
        "synapse_spread": "synapse_mismatch",
        "delay_spread": "delay_mismatch",
    },
    # keys of a configuration: "option/<scenario>"; their values: "value/<scenario>/<key of today>";
    # presets: "preset/<scenario>"
    "option/delgrad": {"delay_rate": "delay_learning_rate"},
    "option/spoken-digits": {
        "label_rate": "label_learning_rate",
        "delay_rate": "delay_learning_rate",
        "longest": "longest_delay",
        "slowest": "max_slope_inverse",
    },
    "option/latent-equilibrium": {
        "rate": "learning_rate",
        "tau_rate": "tau_learning_rate",
        "falling": "lr_schedule",
        "layer_factors": "lr_factors",
        "late_targets": "delayed_targets",
        "read": "readout_steps",
    },
    "value/latent-equilibrium/lr_schedule": {"not": "constant"},
    "option/generalized-latent-equilibrium": {
        "rate": "learning_rate",
        "falling": "lr_schedule",
        "curve": "interpolation",
        "ramp": "transition_steps",
    },
    "value/generalized-latent-equilibrium/interpolation": {"straight": "linear"},
    "value/generalized-latent-equilibrium/task": {"surrogate": "synthetic"},
    "preset/generalized-latent-equilibrium": {
        "surrogate": "synthetic",
        "surrogate-instant-errors": "synthetic-instant-errors",
        "surrogate-instantaneous": "synthetic-instantaneous",
    },
    # values of other arguments: "value/<class>/<argument>"
    "value/SpikeGradient/kernel": {"layers": "first-spike", "walk": "eventprop"},
    "argument/ErrorTimesRate": {"eta": "learning_rate"},
    "argument/TimeConstants": {"eta": "learning_rate"},
    "argument/PlasticityKernel": {"eta_plus": "amplitude_plus", "eta_minus": "amplitude_minus"},
    # keys in files: "file"
    "file": {"stand_in": "replacement_data"},
    # keys in other files: "file/<kind of file>"; fields of the wire protocol: "wire/<field>"
    "file/calibration": {"device": "device_seed"},
    "wire/model": {"spike_source": "spike-source", "lif_delta": "lif-delta"},
    # methods that classes of other people define: "method/<base class>"
    "method/part": {"alter": "transform_parameters", "leave": "transmit"},
    # arrays in the state of a population: "state/<part>"
    "state/rates": {"eta": "learning_rate", "tau_eta": "tau_learning_rate"},
    "state/lif": {"release": "refractory_end", "due": "next_spike"},
}


def current(what: str, name: str, *, quiet: bool = False, stacklevel: int = 3) -> str:
    """Return what `name` is called today; names that have not changed come back as they are.

    Parameters
    ----------
    what : str
        Which names these are: a key of `RENAMED`.
    name : str
    quiet : bool
        Say nothing, as for files, whose names nobody can change any more.
    stacklevel : int
        Of the warning, as `warnings.warn` counts.

    Warns
    -----
    DeprecationWarning
        Once for each place that uses an old name.
    """
    today = RENAMED.get(what, {}).get(name)
    if today is None:
        return name
    if not quiet:
        warnings.warn(f"{name!r} is called {today!r} now", DeprecationWarning, stacklevel=stacklevel)
    return today


def warn_renamed(old: str, new: str) -> None:
    """Warn, from a function that still answers to its old name, that the name has changed."""
    warnings.warn(
        f"{old} is called {new} now; the old name goes with the next release", DeprecationWarning, 3
    )


def with_current_names(
    what: str, given: Mapping[str, Any], *, quiet: bool = False, stacklevel: int = 3
) -> dict[str, Any]:
    """Return a mapping whose keys are today's names.

    Raises
    ------
    ValueError
        If a key is given under its old and its new name.
    """
    renamed: dict[str, Any] = {}
    for name, value in given.items():
        today = current(what, name, quiet=quiet, stacklevel=stacklevel)
        if today in renamed:
            raise ValueError(f"{today!r} is given twice, once as {name!r}, its old name")
        renamed[today] = value
    return renamed


def renamed_arguments(what: str) -> Callable[[T], T]:
    """Return a decorator of functions and classes that take arguments by their old names too.

    Parameters
    ----------
    what : str
        Which names these are: a key of `RENAMED`.
    """

    def decorate(thing: Any) -> Any:
        original = vars(thing)["__init__"] if isinstance(thing, type) else thing
        old = RENAMED[what].keys()

        @functools.wraps(original)
        def call(*arguments: Any, **named: Any) -> Any:
            if not old.isdisjoint(named):
                named = with_current_names(what, named, stacklevel=4)
            return original(*arguments, **named)

        if not isinstance(thing, type):
            return call
        setattr(thing, "__init__", call)  # noqa: B010 - mypy takes a plain assignment for one on an instance
        for name, today in RENAMED[what].items():
            if today in getattr(thing, "__dataclass_fields__", ()) and not hasattr(thing, name):
                setattr(thing, name, _old_attribute(name, today))
        return thing

    return decorate


def suggest_arguments(name: str) -> Callable[[T], T]:
    """Return a decorator of functions that names the nearest argument where one is misspelt.

    Parameters
    ----------
    name : str
        What the message calls the function, or its class where it is an `__init__`.
    """

    def decorate(function: Any) -> Any:
        code = function.__code__  # `inspect` takes longer to import than the rest of this package
        names = code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
        keywords = [each for each in names if each != "self"]

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            for each in named:
                if each not in keywords:
                    hint = did_you_mean(each, keywords) or f"; known: {', '.join(keywords)}"
                    raise TypeError(f"{name} has no argument {each!r}{hint}")
            return function(*arguments, **named)

        return call

    return decorate


def _old_attribute(name: str, today: str) -> property:
    """Return a property that reads an attribute by its old name, with a warning."""

    def read(thing: object) -> Any:
        warnings.warn(f"{name!r} is called {today!r} now", DeprecationWarning, stacklevel=2)
        return getattr(thing, today)

    return property(read, doc=f"Old name of `{today}`.")

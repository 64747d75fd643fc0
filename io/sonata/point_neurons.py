"""Point neurons that SONATA circuits name, as models of eventsim and back.

Templates of NEST have NEST's parameters and defaults (ms, mV, pF, pA), those of NEURON its defaults. A model
keeps one value for each unit where they differ.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError

__all__ = ["TEMPLATES", "model_of", "template_of"]

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]
Plain = dict[str, Any]

_IAF = {
    "tau_m": 10.0, "C_m": 250.0, "t_ref": 2.0, "E_L": -70.0, "V_reset": -70.0, "V_th": -55.0, "I_e": 0.0,
    "V_m": -70.0,
}  # fmt: skip
_SYNAPSES = {"tau_syn_ex": 2.0, "tau_syn_in": 2.0}
DEFAULTS: dict[str, dict[str, float]] = {
    "nest:iaf_psc_alpha": {**_IAF, **_SYNAPSES},
    "nest:iaf_psc_exp": {**_IAF, **_SYNAPSES},
    "nest:iaf_psc_delta": _IAF,
    "nrn:IntFire1": {"tau": 10.0, "refrac": 5.0},
}
TEMPLATES = tuple(DEFAULTS)
IGNORED = ("frozen", "node_uses_wfr", "thread", "tau_minus", "tau_minus_triplet")


def model_of(template: str, given: Values, n: int, label: str) -> Plain:
    """Return a model as plain values.

    Parameters
    ----------
    template : str
        One of `TEMPLATES`.
    given : mapping of str to ndarray, shape (n,)
        Parameters by the names of the template; nan where a unit has the default.
    label : str
        For messages.

    Raises
    ------
    ConfigError
        If the template is unknown, or has no such parameter.
    """
    if template not in DEFAULTS:
        raise ConfigError(f"{label} has the template {template!r}; known: {', '.join(TEMPLATES)}")
    defaults = DEFAULTS[template]
    wrong = [key for key in given if key not in defaults and key not in IGNORED]
    if wrong:
        raise ConfigError(
            f"{template} of {label} has no parameter {wrong[0]!r} that can be expressed; known: "
            f"{', '.join(defaults)}"
        )
    p = {}
    for key, default in defaults.items():
        values = np.asarray(given.get(key, np.full(n, np.nan)), float)
        p[key] = np.where(np.isnan(values), default, values)
        if not np.isfinite(p[key]).all():
            raise ConfigError(f"{key} of {label} must be finite")
    if template == "nrn:IntFire1":
        return _part("lif-delta", tau_mem=p["tau"], t_ref=p["refrac"])
    common = {
        "tau_mem": p["tau_m"], "c_mem": p["C_m"], "v_th": p["V_th"], "v_leak": p["E_L"], "t_ref": p["t_ref"],
        "v_reset": p["V_reset"], "i_ext": p["I_e"], "v_init": p["V_m"],
    }  # fmt: skip
    if template == "nest:iaf_psc_delta":
        return _part("lif-delta", **common)
    if template == "nest:iaf_psc_exp" and (p["tau_syn_ex"] == p["tau_syn_in"]).all():
        return _part("lif", tau_syn=p["tau_syn_ex"], **common)
    shape = "AlphaSynapse" if template == "nest:iaf_psc_alpha" else "ExponentialSynapse"
    synapses = {
        name: {"part": f"models/{shape}", "values": {"tau": _one_or_many(p[f"tau_syn_{name}"])}}
        for name in ("ex", "in")
    }
    model = _part("lif-multisynapse", **common)
    model["values"]["synapses"] = {"part": "mapping", "values": synapses}
    return model


def has_two_receptors(model: Plain) -> bool:
    """Return whether excitatory and inhibitory inputs of a model have receptors of their own."""
    return bool(model["part"] == "neuron/lif-multisynapse")


def _part(name: str, **values: Floats) -> Plain:
    return {
        "part": f"neuron/{name}",
        "values": {key: _one_or_many(each) for key, each in values.items()},
    }


def _one_or_many(values: Floats) -> Any:
    return float(values[0]) if (values == values[0]).all() else values


# And back -----------------------------------------------------------------------------------------


def template_of(model: Any, n: int, name: str) -> tuple[str, dict[str, Floats]]:
    """Return the template of NEST of a model of eventsim, and its parameters, each of shape (n,).

    Raises
    ------
    ConfigError
        If there is none, or a parameter has no counterpart.
    """
    kind = type(model).__name__
    writers: dict[str, Callable[[Any, int, str], tuple[str, dict[str, Any]]]] = {
        "LIF": _lif,
        "LIFDelta": _lif_delta,
        "MultiSynapseLIF": _multi_synapse,
    }
    if kind not in writers:
        raise ConfigError(
            f"{name!r} is a {kind}, which SONATA has no template for; known: {', '.join(writers)}, sources"
        )
    if model.first_spike_only:
        raise ConfigError(f"first_spike_only of {name!r} has no place in SONATA")
    if np.any(np.asarray(getattr(model, "i_init", 0.0)) != 0):
        raise ConfigError(f"i_init of {name!r} has no place in SONATA")
    template, own = writers[kind](model, n, name)
    names = {
        "tau_mem": "tau_m", "c_mem": "C_m", "v_th": "V_th", "v_leak": "E_L", "v_reset": "V_reset",
        "i_ext": "I_e", "t_ref": "t_ref",
    }  # fmt: skip
    values = {theirs: getattr(model, ours) for ours, theirs in names.items()} | own
    values["V_m"] = model.v_leak if model.v_init is None else model.v_init
    full = {}
    for key, value in values.items():
        try:
            full[key] = np.array(np.broadcast_to(np.asarray(value, float).reshape(-1), n))
        except (TypeError, ValueError):
            raise ConfigError(
                f"{key} of {name!r} is not a number for each unit, as SONATA wants it"
            ) from None
        if not np.isfinite(full[key]).all():
            raise ConfigError(f"{key} of {name!r} must be finite to have a place in SONATA")
    return template, full


def _lif(model: Any, n: int, name: str) -> tuple[str, dict[str, Any]]:
    return "nest:iaf_psc_exp", {"tau_syn_ex": model.tau_syn, "tau_syn_in": model.tau_syn}


def _lif_delta(model: Any, n: int, name: str) -> tuple[str, dict[str, Any]]:
    return "nest:iaf_psc_delta", {}


def _multi_synapse(model: Any, n: int, name: str) -> tuple[str, dict[str, Any]]:
    shapes = {key: getattr(each, "shape", "exponential") for key, each in model.synapses.items()}
    if list(shapes) != ["ex", "in"] or set(shapes.values()) not in ({"alpha"}, {"exponential"}):
        raise ConfigError(
            f"the receptors of {name!r} must be 'ex' and 'in', both alpha or both exponential, to have a "
            f"place in SONATA, got {shapes}"
        )
    taus = {f"tau_syn_{key}": getattr(each, "tau", each) for key, each in model.synapses.items()}
    return f"nest:iaf_psc_{'alpha' if shapes['ex'] == 'alpha' else 'exp'}", taus

"""The configuration of `balanced-network`."""

from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from eventsim.scenarios.balanced_network.presets import PRESETS
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Scenario, Sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; what each key means stands beside it."""

    paper: ClassVar[str] = "Brunel 2000, Dynamics of sparsely connected networks of spiking neurons"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "network": (
            "n_excitatory",
            "n_inhibitory",
            "k_excitatory",
            "k_inhibitory",
            "weight_excitatory",
            "weight_inhibitory",
            "delay",
        ),
        "input": ("rate_external", "weight_external", "i_ext"),
        "neurons": ("tau_mem", "tau_syn", "c_mem", "v_th", "t_ref"),
        "run": ("duration", "slice"),
    }

    n_excitatory: Annotated[int, Ge(1), Le(10**8), "neurons"] = 800
    n_inhibitory: Annotated[int, Ge(1), Le(10**8), "neurons"] = 200
    k_excitatory: Annotated[int, Ge(0), Le(10**7), "excitatory synapses onto each neuron"] = 80
    k_inhibitory: Annotated[int, Ge(0), Le(10**7), "inhibitory synapses onto each neuron"] = 20
    weight_excitatory: Annotated[float, *NOT_NEGATIVE, "pA, jump of the synaptic current"] = 30.0
    weight_inhibitory: Annotated[float, Le(0), Gt(-inf), "pA"] = -150.0
    delay: Annotated[float, *POSITIVE, "ms, of all recurrent synapses"] = 1.5
    rate_external: Annotated[float, *NOT_NEGATIVE, "Hz, Poisson input of each neuron"] = 2000.0
    weight_external: Annotated[float, *NOT_NEGATIVE, "pA"] = 44.0
    i_ext: Annotated[float, *FINITE, "pA, constant current into each neuron"] = 0.0
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 10.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current"] = 5.0
    c_mem: Annotated[float, *POSITIVE, "pF"] = 250.0
    v_th: Annotated[float, *POSITIVE, "mV above rest"] = 20.0
    t_ref: Annotated[float, *NOT_NEGATIVE, "ms, refractory, membrane at rest"] = 2.0
    duration: Annotated[float, *NOT_NEGATIVE, "ms, simulated"] = 1000.0
    slice: Annotated[float, *POSITIVE, "ms, between two chances to stop or keep the state"] = 10.0

    accepts_hardware: ClassVar[bool] = True

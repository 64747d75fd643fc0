"""The switched-capacitor circuit of MINIMALIST as a target: a core of unit capacitors for each layer.

All operations are charge sharing. A row with input charges its capacitors to the rail of their weight, the
others to the reference V_0; shorted, a column averages them, V = sum C_i V_i / sum C_i. Columns for z are
digitised; the code says in how many rows the capacitors of the candidate and of the old state exchange roles,
so that the new state is (k / N) candidate + (1 - k / N) state, exactly where all capacitors match.

Billaudelle et al. 2025, MINIMALIST (arXiv 2505.08599). Capacitors, two for each h synapse, the converter and
the comparator are the paper's, as its summaries tell; voltages, capacitances, and that rows exchange roles
are our reconstruction.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from eventsim.errors import ConfigError
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.network import Network
    from eventsim.population.transmission import SpikeTransmission

__all__ = ["Minimalist"]

NotNegative = Annotated[float, Ge(0)]


@register("hardware", "minimalist")
@dataclass(frozen=True, slots=True)
class Minimalist:
    """Cores of switched capacitors with their imperfections, all of them off unless set.

    `Circuit` runs a model on it, `CircuitInTheLoop` trains one.

    Parameters
    ----------
    v_fs : V, distance of the rail of weight 1 from the reference.
    c_unit : fF, of a unit capacitor.
    mismatch : standard deviation of capacitors, relative.
    temperature : K, of thermal noise kT/C, once for each capacitor that is charged; 0 for none.
    offset : mV, standard deviation of the offset of each column's comparator.
    offset_in : "both": the converter uses the column's comparator; "output": its own has no offset.
    comparator_noise : mV, standard deviation, of each decision of converter and output.
    parasitic : capacitance of z and candidate lines, relative to that of a column's unit capacitors.
    parasitic_state : the same of state lines.
    injection : mV, on a unit capacitor, by the charge of switches that open after charging it.
    leak : fA, out of all state capacitors of a column.
    leak_tau : us, time constant of a resistive leak of states; 0 for none.
    settling : length of a phase in units of RC; 0 for complete settling.
    level_error : mV, standard deviation of the error of each rail, common to the columns of a core.
    rounding : "nearest" or "floor", of the converter.
    step_us : us, of a step; its phases follow each other core by core.
    calibrated : whether thresholds and gate biases are trimmed before use, see `calibrated_trims`.
    device_seed, seed : of what is fixed in the device, and of what differs from run to run.
    """

    v_fs: Annotated[float, Ge(1e-6)] = 0.4
    c_unit: Annotated[float, Ge(1e-6)] = 1.0
    mismatch: Annotated[float, Ge(0), Lt(1)] = 0.0
    temperature: NotNegative = 0.0
    offset: NotNegative = 0.0
    offset_in: Literal["both", "output"] = "both"
    comparator_noise: NotNegative = 0.0
    parasitic: NotNegative = 0.0
    parasitic_state: NotNegative = 0.0
    injection: float = 0.0
    leak: NotNegative = 0.0
    leak_tau: NotNegative = 0.0
    settling: NotNegative = 0.0
    level_error: NotNegative = 0.0
    rounding: Literal["nearest", "floor"] = "nearest"
    step_us: Annotated[float, Ge(1e-9)] = 1.0
    calibrated: bool = False
    device_seed: int = 0
    seed: int = 0

    runs_layers: ClassVar[bool] = True

    def transform(self, network: "Network", trial: int = 0) -> "Network":
        """Refuse a network of neurons.

        Raises
        ------
        ConfigError
            Always: the circuit runs layers.
        """
        raise ConfigError(
            "hardware 'minimalist' runs layers (QuantizedMinGRU), not networks of neurons; "
            "use it with the scenario minimalist, or es.hardware.circuits.Circuit(model, device)"
        )

    def transmissions(self, network: "Network", trial: int = 0) -> "dict[str, SpikeTransmission]":
        """Return nothing: spikes between cores pass unchanged; see `transform`."""
        return {}

"""What a projection of rates has beyond weights and delays."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eventsim.connect import values
from eventsim.connect.values import Value
from eventsim.errors import ConfigError
from eventsim.parameters import one_number


@dataclass(frozen=True, slots=True, eq=False)
class RateOptions:
    """How rates go from one continuous population to another.

    Attributes
    ----------
    bias : number, Distribution or array added to the target's receptor; None for none.
    tau_syn : time constant of the synaptic filter of rates, and of errors on their way back; 0 without.
    feedback : True sends errors back through the transposed weights, False does not, an array of shape
        (n_post, n_pre) sends them through weights of its own; of a convolution, kernels of its own as well.
    variable, receptor : what is read from the source, and where it goes in the target.
    """

    bias: Value | None = field(default=None, repr=False)
    tau_syn: float = 0.0
    feedback: Any = field(default=True, repr=False)
    variable: str = "rate"
    receptor: str = "input"

    @property
    def own_feedback(self) -> bool:
        """Whether errors go back through weights of their own."""
        return not isinstance(self.feedback, bool)


def rate_options(
    bias: Any,
    tau_syn: Any,
    feedback: Any,
    variable: str,
    receptor: str,
    n_pre: int,
    n_post: int,
    label: str,
    rule: Any = None,
) -> RateOptions:
    """Return the options of a projection of rates, checked; a convolution may have kernels as feedback."""
    tau = one_number(tau_syn, f"tau_syn of {label}", low=0)
    if not isinstance(feedback, bool):
        feedback = np.array(feedback, float)
        kernels = getattr(rule, "kernels", None)
        if feedback.shape != (n_post, n_pre) and (kernels is None or feedback.shape != kernels.shape):
            known = f"({n_post}, {n_pre})" if kernels is None else f"that of its kernels, {kernels.shape}"
            raise ValueError(f"feedback of {label} has shape {feedback.shape}, expected {known}")
        if not np.isfinite(feedback).all():
            raise ValueError(f"feedback of {label} must be finite")
    if bias is not None:
        bias = values.declared(bias, "bias", label)
        if isinstance(bias, np.ndarray) and bias.ndim != 1:
            raise ValueError(f"bias of {label} has shape {bias.shape}, expected one value per unit")
    return RateOptions(bias, tau, feedback, variable, receptor)


def refuse_rate_options(given: dict[str, Any], label: str) -> None:
    """Raise ConfigError if one of the options is given where spikes travel."""
    for name, (value, default) in given.items():
        if value is not default and not (isinstance(value, str | float | int) and value == default):
            raise ConfigError(f"{label} carries spikes; {name} belongs to projections of rates")

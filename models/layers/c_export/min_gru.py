"""Minimal gated recurrent units in C."""

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.coded_state import state_of
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.c_export.quantized_linear import bias_numbers, weight_numbers
from eventsim.models.layers.min_gru import MinGRU

__all__ = ["WRITERS"]


def write(layer: MinGRU, program: Program, x: str) -> str:
    """Write ``h = (1 - z) h + z c``, z = sigmoid(x W_z + b_z), c = x W_h + b_h or g of it."""
    n_in, n = layer.n_in, layer.n_out
    quantizer = None if layer.rounding is None else layer.rounding.weight
    sums = []
    for name in ("gate_", ""):
        bias = bias_numbers(program, f"{name}bias", layer.parameters[f"{name}bias"], quantizer)
        sums.append(linear.start_with(program, n, bias))
        weight, place = weight_numbers(program, f"{name}weight", layer.parameters[f"{name}weight"], quantizer)
        linear.add_product(program, x, sums[-1], n_in, n, weight, place)
    gate, candidate = sums
    of_c = f"{candidate}[j]"
    if layer.positive:
        low = f"1 / (1 + {program.function('exp')}(-{of_c}))"
        of_c = f"{of_c} >= 0 ? {of_c} + {program.number(0.5)} : {low}"
    old, keep = state_of(layer, program, "h", n, "i", "j")
    program.add(
        """
        for (size_t j = 0; j < $n; j++) {
            const $real z = 1 / (1 + $exp(-$gate[j])), c = $of_c;
            $real h = (1 - z) * ($old) + z * c;
            $keep
            $gate[j] = h;
        }
        """,
        n=n,
        gate=gate,
        old=old,
        keep=keep,
        of_c=of_c,
    )
    program.release(candidate)
    return gate


WRITERS = {MinGRU: write}

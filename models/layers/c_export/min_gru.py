"""Minimal gated recurrent units in C."""

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.min_gru import MinGRU

__all__ = ["WRITERS"]


def write(layer: MinGRU, program: Program, x: str) -> str:
    """Write ``h = (1 - z) h + z c``, z = sigmoid(x W_z + b_z), c = x W_h + b_h or g of it."""
    n_in, n = layer.n_in, layer.n_out
    own, place = layer.parameters, f"i * {n} + j"
    sums = []
    for bias, weight in (("gate_bias", "gate_weight"), ("bias", "weight")):
        sums.append(linear.start_with(program, n, program.floats(bias, own[bias])))
        linear.add_product(program, x, sums[-1], n_in, n, program.floats(weight, own[weight]), place)
    gate, candidate = sums
    of_c = f"{candidate}[j]"
    if layer.positive:
        low = f"1 / (1 + {program.function('exp')}(-{of_c}))"
        of_c = f"{of_c} >= 0 ? {of_c} + {program.number(0.5)} : {low}"
    program.add(
        """
        for (size_t j = 0; j < $n; j++) {
            const $real z = 1 / (1 + $exp(-$gate[j])), c = $of_c;
            $h[j] = (1 - z) * $h[j] + z * c;
            $gate[j] = $h[j];
        }
        """,
        n=n,
        gate=gate,
        h=program.state("h", n),
        of_c=of_c,
    )
    program.release(candidate)
    return gate


WRITERS = {MinGRU: write}

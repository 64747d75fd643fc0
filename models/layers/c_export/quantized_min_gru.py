"""Gated units of few bits in C: weights are codes of their levels, gates codes of 6 bits, states real."""

import numpy as np

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.program import Numbers, Program
from eventsim.models.layers.layer import Array
from eventsim.models.layers.level_grids import nearest_level
from eventsim.models.layers.quantized_min_gru import TIE, TIE_SINGLE, QuantizedMinGRU

__all__ = ["WRITERS"]


def write(layer: QuantizedMinGRU, program: Program, x: str) -> str:
    """Write ``h = (1 - z) h + z c`` with z from ``u = x W_z + b_z``, then the output of h."""
    n_in, n, used = layer.n_in, layer.n_out, layer.used()
    sums = []
    for name, factor, offset in (
        ("gate_weight", layer.slope / layer.divisor, program.floats("offset", used["gate_bias"] + 0.5)),
        ("weight", 1 / layer.divisor, None),
    ):
        sums.append(linear.start_with(program, n, offset))
        weight = _weights(layer, program, name, factor, used[name])
        linear.add_product(program, x, sums[-1], n_in, n, weight, f"i * {n} + j")
    gate, candidate = sums
    program.add(
        """
        for (size_t j = 0; j < $n; j++) {
            const $real u = $gate[j];
            $gate_lines
            const $real h = (1 - z) * $state[j] + z * $candidate[j];
            $state[j] = h;
            $output_lines
        }
        """,
        n=n,
        gate=gate,
        candidate=candidate,
        state=program.state("h", n),
        gate_lines=_gate_lines(layer, program),
        output_lines=_output_lines(layer, program, used, f"{gate}[j]"),
    )
    program.release(candidate)
    return gate


def _weights(layer: QuantizedMinGRU, program: Program, name: str, factor: float, used: Array) -> Numbers:
    """Return weights times their factor: codes into a table of levels, or floats where they are real."""
    if layer.levels is None:
        return program.floats(name, factor * used)
    codes = nearest_level(layer.parameters[name], layer.levels).astype(np.int64).ravel()
    code = program.packed(name, codes, (len(layer.levels) - 1).bit_length())
    levels = program.floats(f"{name}_levels", factor * np.asarray(layer.levels))
    return Numbers(levels.code.replace("{at}", code))


def _gate_lines(layer: QuantizedMinGRU, program: Program) -> str:
    """Return the lines that make the gate z of its input u."""
    number = program.number
    if layer.gate_function == "sigmoid":
        return program.filled("const $real z = 1 / (1 + $exp(-4 * (u - $half)));", half=number(0.5))
    if layer.gate_bits is None:
        return program.filled("const $real z = u > 0 ? (u < 1 ? u : 1) : 0;")
    codes, rows = 2**layer.gate_bits, layer.core_rows
    return program.filled(
        """\
        $real code = u * $codes + $more;
            code = code > 0 ? code : 0;
            code = ($real)(int32_t)(code < $most ? code : $most);
            const $real z = ($real)(int32_t)(code * $each + $half) / $rows;""",
        codes=number(codes),
        more=number(0.5 if layer.rounding == "nearest" else 0),
        most=number(codes - 1),
        each=number(rows / codes),
        half=number(0.5),
        rows=number(rows),
    )


def _output_lines(layer: QuantizedMinGRU, program: Program, used: dict[str, Array], y: str) -> str:
    """Return the lines that make the output of the state h."""
    number = program.number
    if layer.output == "state":
        return f"{y} = h * {number(layer.gain)};"
    over = f"h - {program.floats('threshold', used['threshold']).at('j')}"
    if layer.output == "binary":
        return f"{y} = {over} > {number(TIE if program.is_float64 else TIE_SINGLE)} ? 1 : 0;"
    r = f"({over}) / {number(layer.width)}"
    if layer.output == "tanh":
        return f"{y} = {program.function('tanh')}({r});"
    return program.filled(
        """\
        $real r = $r;
            r = r > -1 ? (r < 1 ? r : 1) : -1;
            $y = r < 0 ? (1 + r) * (1 + r) / 2 : 1 - (1 - r) * (1 - r) / 2;""",
        r=r,
        y=y,
    )


WRITERS = {QuantizedMinGRU: write}

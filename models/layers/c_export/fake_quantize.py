"""Rounding of values between layers in C, and the two gates of straight pieces."""

import numpy as np

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.fake_quantize import QGELU, FakeQuantize, HardSigmoid

__all__ = ["CODE", "WRITERS"]

CODE = """\
/* The nearest code between `least` and `most`, ties to even; codes are multiples of 1 / per_step. */
static $real ${name}_code($real x, $real per_step, $real least, $real most) {
    x *= per_step;
    x = x > least ? x : least;
    x = x < most ? x : most;
    return $rint(x);
}
"""


def write(layer: FakeQuantize, program: Program, x: str) -> str:
    """Write ``y = step code(x)``, static ranges."""
    if layer.quantizer is None:
        return x
    if layer.calibration != "static":
        raise ValueError(
            f"layer {program.place}, FakeQuantize, has dynamic ranges, which are not written as C; "
            "calibrate static ones"
        )
    step, per_step, least, most = layer.static_grid()
    y, numbers = (
        program.buffer(layer.n_out),
        [
            program.floats(name, _one(each)).at("i")
            for name, each in (("step", step), ("per_step", per_step), ("least", least), ("most", most))
        ],
    )
    program.add(
        "for (size_t i = 0; i < $n; i++)\n    $y[i] = $code($x[i], $per, $least, $most) * $step;",
        n=layer.n_out,
        x=x,
        y=y,
        code=program.helper("code", CODE),
        step=numbers[0],
        per=numbers[1],
        least=numbers[2],
        most=numbers[3],
    )
    return y


def _one(values: np.ndarray) -> np.ndarray:
    """Return one number where all are the same."""
    return values[:1] if (values == values[0]).all() else values


def write_gate(layer: QGELU | HardSigmoid, program: Program, x: str) -> str:
    """Write a gate of straight pieces."""
    y, gated = program.buffer(layer.n_out), isinstance(layer, QGELU)
    by = 1.0 if layer.kind == "qgelu_printed" else 0.25 if gated else layer.slope
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            $real gate = $by * $x[i] + $bias;
            gate = gate > 0 ? gate : 0;
            gate = gate < 1 ? gate : 1;
            $y[i] = $result;
        }
        """,
        n=layer.n_out,
        x=x,
        y=y,
        by=program.number(by),
        bias=program.number(2 if layer.kind == "qgelu_printed" else 0.5),
        result=f"{x}[i] * gate" if gated else "gate",
    )
    return y


WRITERS = {FakeQuantize: write, QGELU: write_gate, HardSigmoid: write_gate}

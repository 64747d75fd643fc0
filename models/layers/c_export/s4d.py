"""Diagonal state-space models in C, in recurrent form; quantised states are kept as codes.

Matrices on a Cartesian grid are integers. A polar grid has no codes of real and imaginary parts: its poles
are written in full precision.
"""

from dataclasses import replace

import numpy as np

from eventsim.models.layers.c_export.coded_state import CodedState
from eventsim.models.layers.c_export.program import Numbers, Program
from eventsim.models.layers.layer import Array
from eventsim.models.layers.quantizers import Quantizer
from eventsim.models.layers.s4d import S4D

__all__ = ["WRITERS"]


def write(layer: S4D, program: Program, x: str) -> str:
    """Write the recurrence of every head and mode, and the sum of its outputs."""
    quantization = layer.quantization
    if quantization is not None and quantization.state is not None and quantization.calibration != "static":
        raise ValueError(
            f"layer {program.place}, S4D, has states with dynamic ranges, which are not written as C; "
            "calibrate static ones"
        )
    heads, modes = layer.n_in, layer.n_states // 2
    pole, gain, output, skip = layer.used()
    of = quantization or None
    exact = layer.discrete()
    numbers: dict[str, object] = {}
    for name, used, before, quantizer in (
        ("pole", pole, exact[0], of and of.pole),
        ("gain", gain, exact[1], of and of.gain),
        ("output", output, exact[2], of and of.output),
    ):
        real, imag = _parts(program, name, used, before, quantizer)
        numbers |= {f"{name}_r": real.at("k", "h"), f"{name}_i": imag.at("k", "h")}
    if of and of.skip:
        d = program.codes("skip", exact[3], replace(of.skip, per="tensor").grids(exact[3])[0], of.skip.bits)
    else:
        d = program.floats("skip", skip)
    y = program.buffer(heads)
    program.add(
        _STEP,
        heads=heads,
        modes=modes,
        x=x,
        y=y,
        skip=d.at("h"),
        clip=_clip(layer, program),
        **numbers,
        **_state(layer, program, heads * modes),
    )
    return y


_STEP = """
for (size_t h = 0; h < $heads; h++) {
    const $real u = $x[h];
    $real sum = 0;
    for (size_t n = 0; n < $modes; n++) {
        const size_t k = h * $modes + n;
        const $real ar = $pole_r, ai = $pole_i, xr = $old_r, xi = $old_i;
        $real re = ar * xr - ai * xi + $gain_r * u, im = ar * xi + ai * xr + $gain_i * u;$clip
$keep
        sum += $output_r * re - $output_i * im;
    }
    $y[h] = 2 * sum + $skip * u;
}
"""


def _clip(layer: S4D, program: Program) -> str:
    if layer.quantization is None or np.isinf(layer.quantization.clip):
        return ""
    most = program.number(layer.quantization.clip)
    return "".join(
        f"\n        {part} = {part} > -{most} ? {part} : -{most};"
        f"\n        {part} = {part} < {most} ? {part} : {most};"
        for part in ("re", "im")
    )


def _parts(
    program: Program, name: str, used: Array, before: Array, quantizer: Quantizer | None
) -> tuple[Numbers, Numbers]:
    """Return real and imaginary parts, by head and mode."""
    if quantizer is None or quantizer.scheme not in ("asymmetric", "symmetric"):
        return program.floats(f"{name}_r", used.real), program.floats(f"{name}_i", used.imag)
    grids = quantizer.grids(before)
    return (
        program.codes(f"{name}_r", before.real, grids[0], quantizer.bits),
        program.codes(f"{name}_i", before.imag, grids[-1], quantizer.bits),
    )


def _state(layer: S4D, program: Program, size: int) -> dict[str, object]:
    """Return how states are read and kept."""
    of = layer.quantization
    if of is None or of.state is None:
        re, im = program.state("re", size), program.state("im", size)
        keep = f"        {re}[k] = re;\n        {im}[k] = im;"
        return {"old_r": f"{re}[k]", "old_i": f"{im}[k]", "keep": keep}
    found: dict[str, object] = {}
    lines: list[str] = []
    step, least = layer.buffers["state_step"], layer.buffers["state_least"]
    for part, name in enumerate(("re", "im")):
        row = f"i / {layer.n_states // 2}"
        kept = CodedState.add(program, name, size, step[:, part], least[:, part], of.state.bits, row)
        found[f"old_{name[0]}"] = kept.read("k", "h")
        lines += [f"        {line}" for line in kept.keep(name, "k", "h")]
    return found | {"keep": "\n".join(lines)}


WRITERS = {S4D: write}

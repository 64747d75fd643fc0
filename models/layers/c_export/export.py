"""A trained model as one C file, C99 without heap: constants, a state, `NAME_reset`, `NAME_step`.

Each layer writes its own lines: `WRITERS` of the module of this package that has the name of the layer's
module, or a method ``write_c(program, x)`` of a layer of one's own. Both add lines to the program and return
the array that holds the output.
"""

import importlib
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.layer import Layer
from eventsim.models.layers.sequential import Residual, Sequential

__all__ = ["export_c"]

KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long|"
    "register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while"
)
READOUTS = ("last", "mean", "sum", "max", "cumulative")


def export_c(
    model: Sequential,
    path: str | os.PathLike[str],
    *,
    readout: str | None = None,
    comment: str = "",
    overwrite: bool = False,
) -> Path:
    """Write a trained model as C99: one file that needs the C library only.

    With NAME the stem of the file, it defines ``NAME_INPUTS``, ``NAME_OUTPUTS``, the type ``NAME_state``, and

        void NAME_reset(NAME_state *s);                             /* before each sequence */
        void NAME_step(NAME_state *s, const float *x, float *y);    /* one step: inputs to outputs */
        void NAME_readout(const NAME_state *s, float *y);           /* with a readout: of all steps so far */

    Parameters
    ----------
    model : Sequential
        Layers that are built.
    path : path
        Ends in ".c"; its stem is an identifier of C.
    readout : {"last", "mean", "sum", "max", "cumulative"}, optional
        What ``NAME_readout`` returns.
    comment : str
        A line about the model.
    overwrite : bool
        Whether a file that is there is replaced.

    Returns
    -------
    Path
        The file, written whole or not at all.

    Raises
    ------
    ValueError
        If the stem is no identifier, or a layer cannot be written as C.
    FileExistsError, IsADirectoryError, FileNotFoundError, PermissionError
        If `path` cannot be written.
    """
    from eventsim.io.hdf5.safety import check_destination

    path = Path(path)
    name = path.stem
    if path.suffix != ".c":
        raise ValueError(f"a C file needs a name that ends in .c, got {path.name!r}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or KEYWORDS.fullmatch(name):
        raise ValueError(
            f"the name of a C file names its functions, so it must be an identifier, got {name!r}"
        )
    path = check_destination(path, overwrite)
    text = source(model, name, readout, comment)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="ascii", errors="replace", newline="\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def source(model: Sequential, name: str, readout: str | None = None, comment: str = "") -> str:
    """Return the C of a model; see `export_c`."""
    if readout is not None and readout not in READOUTS:
        raise ValueError(f"readout must be one of {', '.join(READOUTS)}, got {readout!r}")
    if not model.n_in:
        raise ValueError("a model without arrays cannot be written as C; build or train it first")
    program = Program(name, model.dtype == np.float64)
    x = "x"
    if program.is_float64:
        x = program.buffer(model.n_in)
        program.add("for (size_t i = 0; i < $n; i++)\n    $y[i] = x[i];", n=model.n_in, y=x)
    out = write_layers(model, program, x, "")
    program.block("output")
    program.place = ""
    program.add("for (size_t i = 0; i < $n; i++)\n    y[i] = (float)$x[i];", n=model.n_out, x=out)
    if readout is not None:
        _add_readout(program, readout, model.n_out, out)
    return _file(program, model, readout, comment)


def write_layers(model: Sequential, program: Program, x: str, before: str) -> str:
    """Add the lines of layers one after another, and return the array with their output."""
    first = x
    for place, layer in enumerate(model.layers):
        program.place = f"{before}{place}"
        if isinstance(layer, Sequential):
            out = _write_nested(layer, program, x)
        else:
            program.block(f"layer {program.place}: {type(layer).__name__}, {layer.n_in} to {layer.n_out}")
            out = _writer(layer, program.place)(layer, program, x)
        if out != x and x != first:
            program.release(x)
        x = out
    return x


def _write_nested(layer: Sequential, program: Program, x: str) -> str:
    place = program.place
    out = write_layers(layer, program, x, f"{place}/")
    if not isinstance(layer, Residual):
        return out
    program.place = place
    y = program.buffer(layer.n_out) if out == x else out
    program.block(f"layer {place}: {type(layer).__name__}")
    program.add(
        "for (size_t i = 0; i < $n; i++)\n    $y[i] = $x[i] + $out[i];", n=layer.n_out, x=x, out=out, y=y
    )
    return y


def _writer(layer: Layer, place: str) -> Any:
    own = getattr(type(layer), "write_c", None)
    if own is not None:
        return own
    module = type(layer).__module__.rpartition(".")[2]
    inside = f"{__package__}.{module}"
    if type(layer).__module__ == f"eventsim.models.layers.{module}" and importlib.util.find_spec(inside):
        writer = importlib.import_module(inside).WRITERS.get(type(layer))
        if writer is not None:
            return writer
    raise ValueError(
        f"layer {place}, {type(layer).__name__}, cannot be written as C; give it a method write_c(program, x)"
    )


def _add_readout(program: Program, readout: str, n: int, out: str) -> None:
    at = program.state("readout", n)
    values: dict[str, object] = {"n": n, "x": out, "r": at}
    if readout in ("mean", "max"):
        program.fields.append("uint32_t steps;")
        program.state_bytes += 4
        program.resets.append("s->steps = 0;")
    if readout == "last":
        program.add("for (size_t i = 0; i < $n; i++)\n    $r[i] = $x[i];", **values)
    elif readout == "max":
        program.add(
            "for (size_t i = 0; i < $n; i++)\n    $r[i] = s->steps && $r[i] > $x[i] ? $r[i] : $x[i];",
            **values,
        )
    elif readout == "cumulative":
        program.add(
            """
            $real most = $x[0], total = 0;
            for (size_t i = 1; i < $n; i++)
                most = $x[i] > most ? $x[i] : most;
            for (size_t i = 0; i < $n; i++)
                total += $exp($x[i] - most);
            for (size_t i = 0; i < $n; i++)
                $r[i] += $exp($x[i] - most) / total;
            """,
            **values,
        )
    else:
        program.add("for (size_t i = 0; i < $n; i++)\n    $r[i] += $x[i];", **values)
    if readout in ("mean", "max"):
        program.add("s->steps++;")


def _file(program: Program, model: Sequential, readout: str | None, comment: str) -> str:
    buffers = [f"{program.real} v{k}[{size}];" for k, size in enumerate(program.sizes)]
    shown = comment.replace("*/", "* /").replace("\n", " ")
    ends = ""
    if readout is not None:
        value = "s->readout[i] / (s->steps ? s->steps : 1)" if readout == "mean" else "s->readout[i]"
        ends = f"""
/* The {readout} of the outputs since the last reset: the prediction is its largest entry, or its values. */
void {program.name}_readout(const {program.name}_state *s, float *y) {{
    for (size_t i = 0; i < {program.name}_OUTPUTS; i++)
        y[i] = (float)({value});
}}
"""
    if not program.fields:
        program.fields.append("uint8_t nothing;")
        program.resets.append("s->nothing = 0;")
        program.lines.append("(void)s;")
    name, helpers, constants = program.name, "\n".join(program.helpers.values()), "\n".join(program.constants)
    return f"""\
/* {shown or "A trained model"}: one step a call, made by eventsim.

   {name}_reset(&s) before a sequence; {name}_step(&s, x, y): {model.n_in} inputs, {model.n_out} outputs.
   Constants take {program.constant_bytes} bytes, a state {program.state_bytes}, values between layers \
{sum(program.sizes) * (8 if program.is_float64 else 4)} of the stack. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define {name}_INPUTS {model.n_in}
#define {name}_OUTPUTS {model.n_out}

typedef struct {{
{program.text(program.fields)}
}} {name}_state;

{constants}

{helpers}
void {name}_reset({name}_state *s) {{
{program.text(program.resets)}
}}

void {name}_step({name}_state *s, const float *x, float *y) {{
{program.text(buffers)}
{program.text(program.lines)}
}}
{ends}"""

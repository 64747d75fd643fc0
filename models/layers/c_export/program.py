"""The C of a model while it is written: constants, fields of the state, helpers, and the lines of a step.

A layer writes its part through a `Program`: it asks for numbers (`floats`, `codes`), memory that stays
(`state`) or is used within a step (`buffer`), and adds lines. Names of its own begin with the name of the
model and end with the place of the layer, so that no two meet.
"""

from dataclasses import dataclass, field
from string import Template
from textwrap import dedent, indent
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers.quantizers import Grid

__all__ = ["Numbers", "Program", "smallest_unsigned"]

WIDTH = 110  # columns of a table of numbers
WORD = {8: "uint8_t", 16: "uint16_t", 32: "uint32_t"}

PACKED = """\
/* Number `at` of a row of numbers that have so many bits each, up to 16. */
static uint32_t ${name}_packed(const uint8_t *row, size_t at, unsigned bits) {
    const size_t first = at * bits;
    const uint8_t *p = row + first / 8;
    const uint32_t word = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return word >> (first % 8) & ((1u << bits) - 1u);
}
"""


@dataclass(frozen=True)
class Numbers:
    """Constants of the program.

    Attributes
    ----------
    code : C of the code, or of the value, at the place that replaces ``{at}``.
    step, least : C of the step and of the least code of row ``{row}``; empty for floats.
    """

    code: str
    step: str = ""
    least: str = ""

    def at(self, place: str, row: str = "0") -> str:
        """Return the C of the value at a place, which belongs to a row."""
        code = self.code.format(at=place)
        if not self.step:
            return code
        return f"{self.step.format(row=row)} * ({code} + {self.least.format(row=row)})"


@dataclass
class Program:
    """What is written of a model.

    Attributes
    ----------
    name : of the model, with which all its names begin.
    is_float64 : whether it computes with doubles.
    place : of the layer that is written now.
    """

    name: str
    is_float64: bool = False
    place: str = ""
    constants: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    resets: list[str] = field(default_factory=list)
    helpers: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    constant_bytes: int = 0
    state_bytes: int = 0

    # ------------------------------------------------------------------ numbers

    @property
    def real(self) -> str:
        """The type of C that the program computes with."""
        return "double" if self.is_float64 else "float"

    def function(self, name: str) -> str:
        """Return a function of <math.h> for this type: "exp" becomes "expf" for floats."""
        return name if self.is_float64 else f"{name}f"

    def number(self, value: Any) -> str:
        """Return a number as C has it, with all its digits."""
        value = float(value)
        if not np.isfinite(value):
            raise ValueError(f"layer {self.place} holds {value}, which C cannot have as a constant")
        text = format(value, ".17g" if self.is_float64 else ".9g")
        text += "" if any(sign in text for sign in ".e") else ".0"
        return text if self.is_float64 else text + "f"

    def floats(self, name: str, values: Any) -> Numbers:
        """Return numbers in full precision; one that all rows share is no table."""
        array = np.asarray(values, np.float64 if self.is_float64 else np.float32).ravel()
        if array.size == 1:
            return Numbers(self.number(array[0]))
        return Numbers(f"{self._table(name, self.real, [self.number(value) for value in array])}[{{at}}]")

    def whole(self, name: str, values: Any) -> Numbers:
        """Return whole numbers, not negative, in the smallest type that holds them."""
        array = np.asarray(values, np.int64).ravel()
        kind = smallest_unsigned(int(array.max(initial=0)))
        return Numbers(f"{self._table(name, kind, [str(value) for value in array])}[{{at}}]")

    def codes(self, name: str, values: Any, grid: Grid, bits: int, chosen: Any = ...) -> Numbers:
        """Return numbers on a grid, each in `bits` bits; above 16 bits, floats.

        Grids have one step for all, or one for each entry of the first axis, which is the row then. `chosen`
        is an index of the numbers that are wanted.
        """
        array = np.asarray(values, np.float64)
        if bits > 16:
            return self.floats(name, grid(array)[chosen])
        codes = (grid.codes(array) - grid.least)[chosen].astype(np.int64).ravel()
        code = self.packed(name, codes, bits)
        step, least = (self.floats(f"{name}_{kind}", getattr(grid, kind)).code for kind in ("step", "least"))
        rows = (each.replace("{at}", "{row}") for each in (step, least))
        return Numbers(f"({self.real}){code}", *rows)

    def packed(self, name: str, codes: NDArray[np.int64], bits: int) -> str:
        """Return C of whole numbers in `bits` bits each, up to 16, at the place that replaces ``{at}``."""
        if bits in (8, 16):
            return f"{self._table(name, WORD[bits], [str(each) for each in codes])}[{{at}}]"
        ones = (codes[:, None] >> np.arange(bits)) & 1
        row = np.packbits(ones.astype(np.uint8).ravel(), bitorder="little").tolist()
        table = self._table(name, "uint8_t", [str(each) for each in [*row, 0, 0]])
        return f"{self.helper('packed', PACKED)}({table}, {{at}}, {bits})"

    def _table(self, name: str, kind: str, items: list[str]) -> str:
        full = self.unique(name)
        rows, row = [], "   "
        for item in items:
            if len(row) + len(item) + 2 > WIDTH:
                rows.append(row)
                row = "   "
            row += f" {item},"
        self.constants.append("\n".join([f"static const {kind} {full}[{len(items)}] = {{", *rows, row, "};"]))
        self.constant_bytes += len(items) * bytes_of(kind)
        return full

    # ------------------------------------------------------------------ memory

    def unique(self, name: str) -> str:
        """Return a name that belongs to the layer that is written now."""
        return f"{self.name}_{name}_{self.place.replace('/', '_')}" if self.place else f"{self.name}_{name}"

    def state(self, name: str, size: int, kind: str | None = None, start: str = "0") -> str:
        """Return an array of the state, which keeps its values; `start` is C of its first values."""
        kind, own = kind or self.real, f"{name}_{self.place.replace('/', '_')}" if self.place else name
        self.fields.append(f"{kind} {own}[{size}];")
        self.state_bytes += size * bytes_of(kind)
        self.resets.append(f"for (size_t i = 0; i < {size}; i++)\n    s->{own}[i] = {start};")
        return f"s->{own}"

    def buffer(self, size: int) -> str:
        """Return an array for the values between layers, until `release`."""
        if self.free:
            chosen = max(self.free, key=lambda each: self.sizes[each])
            self.free.remove(chosen)
        else:
            chosen = len(self.sizes)
            self.sizes.append(0)
        self.sizes[chosen] = max(self.sizes[chosen], size)
        return f"v{chosen}"

    def release(self, buffer: str) -> None:
        """Give back what `buffer` returned; nothing happens for other arrays."""
        if buffer.startswith("v") and int(buffer[1:]) not in self.free:
            self.free.append(int(buffer[1:]))

    # ------------------------------------------------------------------ text

    def helper(self, name: str, text: str) -> str:
        """Add a function, once, and return its name; see `filled`."""
        self.helpers.setdefault(name, self.filled(text))
        return f"{self.name}_{name}"

    def filled(self, text: str, **values: object) -> str:
        """Return C with its ``$`` places filled: $name, $real, $exp, ... and what is given."""
        math = {each: self.function(each) for each in ("exp", "erf", "sqrt", "rint", "tanh", "fabs")}
        return Template(dedent(text)).substitute(math | {"name": self.name, "real": self.real} | values)

    def add(self, text: str, **values: object) -> None:
        """Add lines to the step; ``$`` places are filled."""
        self.lines.append(self.filled(text, **values).strip("\n"))

    def block(self, title: str) -> None:
        """Begin the lines of a layer."""
        self.lines.append(f"\n/* {title} */")

    def text(self, parts: list[str], columns: int = 4) -> str:
        """Return lines indented for the body of a function or a struct."""
        return indent("\n".join(parts), " " * columns)


def smallest_unsigned(most: int) -> str:
    """Return the smallest unsigned type of C that holds a number."""
    return next(kind for bits, kind in WORD.items() if most < 2**bits)


def bytes_of(kind: str) -> int:
    """Return the size of a type of C."""
    sizes = {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "float": 4, "double": 8}
    return sizes[kind]

"""States on a grid in C: kept as codes above the least one, in the smallest type that holds them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.models.layers.c_export.fake_quantize import CODE
from eventsim.models.layers.c_export.program import Numbers, Program, smallest_unsigned
from eventsim.models.layers.rounded_state import RoundedState

__all__ = ["CodedState", "state_of"]


@dataclass(frozen=True)
class CodedState:
    """An array of the state, whose element of a row is ``step (base + code)``."""

    array: str
    kind: str
    real: str
    code: str
    levels: int
    step: Numbers
    per_step: Numbers
    least: Numbers
    base: Numbers

    @classmethod
    def add(
        cls, program: Program, name: str, size: int, step: Any, least: Any, bits: int, row: str
    ) -> "CodedState":
        """Add it to a program; step and least code of each row, and C of the row of element i."""
        step, least = np.asarray(step, np.float64), np.asarray(least, np.float64)
        if (step == step[0]).all() and (least == least[0]).all():
            step, least = step[:1], least[:1]
        levels = 2**bits - 1
        base = np.minimum(least, 0)  # the state is 0 before the first step, also where no code is
        kind = smallest_unsigned(int((np.maximum(least + levels, 0) - base).max()))
        of_step, per, first = (
            program.floats(f"{name}_{key}", each)
            for key, each in (("step", step), ("per_step", 1 / step), ("least", least))
        )
        under = first if (base == least).all() else program.floats(f"{name}_base", base)
        array = program.state(name, size, kind, f"({kind})-({under.at(row)})")
        return cls(
            array, kind, program.real, program.helper("code", CODE), levels, of_step, per, first, under
        )

    def read(self, place: str, row: str) -> str:
        """Return C of the value at a place."""
        return f"{self.step.at(row)} * (({self.real}){self.array}[{place}] + {self.base.at(row)})"

    def keep(self, value: str, place: str, row: str) -> list[str]:
        """Return lines that round a variable to the grid and keep it."""
        least = self.least.at(row)
        return [
            f"{value} = {self.code}({value}, {self.per_step.at(row)}, {least}, {least} + {self.levels});",
            f"{self.array}[{place}] = ({self.kind})({value} - {self.base.at(row)});",
            f"{value} *= {self.step.at(row)};",
        ]


def state_of(
    layer: RoundedState, program: Program, name: str, size: int, row: str, place: str
) -> tuple[str, str]:
    """Return C that reads a state, one number a channel, at a place, and that keeps the variable `name`.

    `row` is C of the channel of element i.
    """
    quantizer = None if layer.rounding is None else layer.rounding.state
    if quantizer is None:
        array = program.state(name, size)
        return f"{array}[{place}]", f"{array}[{place}] = {name};"
    layer.state_grid()  # an error where there is no range yet
    step, least = layer.buffers["state_step"], layer.buffers["state_least"]
    kept = CodedState.add(program, name, size, step, least, quantizer.bits, row)
    return kept.read(place, place), " ".join(kept.keep(name, place, place))

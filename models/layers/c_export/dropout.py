"""Dropout in C: nothing is dropped outside training."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.dropout import Dropout

__all__ = ["WRITERS"]


def write(layer: Dropout, program: Program, x: str) -> str:
    """Return the values as they are."""
    return x


WRITERS = {Dropout: write}

"""Layers for sequences, measured step by step: each step of a linear map or of spiking units is a call."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from eventsim.models.layers.layer import Array
from eventsim.models.layers.padded_sequences import time_first
from eventsim.models.layers.sequential import Sequential

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["SequenceModel"]


class SequenceModel:
    """A model of layers.

    Parameters
    ----------
    model : Sequential
        Built.
    read : callable
        Returns the predictions from the outputs (time, batch, n_out) and the lengths of the sequences, as
        ``loss.predict`` of `eventsim.models.training.losses.sequences` does.
    """

    def __init__(self, model: Sequential, read: Callable[..., Any]) -> None:
        self.model, self.read = model, read
        self.connections: Mapping[str, Connection] = model.connections()

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Arrays that are trained."""
        return self.model.parameters

    @property
    def buffers(self) -> Mapping[str, Array]:
        """Arrays that are kept beside them, and the state of one stream."""
        return {**self.model.buffers, **_leaves(self.model.init_state(1), "state")}

    def infer(self, samples: Any, workload: "Workload") -> Array:
        """Return the predictions for sequences (n, time, channels), which may be `PaddedSequences`."""
        x, lengths = time_first(samples, self.model.dtype)
        y = self.model.forward_reported(x, workload, lengths=lengths)
        predictions: Array = self.read(y, lengths=lengths)
        self.model.forget()
        return predictions


def _leaves(state: Mapping[str, Any], name: str) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for key, value in state.items():
        if isinstance(value, Mapping):
            found |= _leaves(value, f"{name}/{key}")
        elif hasattr(value, "nbytes"):
            found[f"{name}/{key}"] = value
    return found

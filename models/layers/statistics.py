"""Statistics of normalisation, frozen after training so that a model can run as a stream."""

from collections.abc import Callable, Iterable

from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.layer import Array
from eventsim.models.layers.sequential import Sequential

__all__ = ["freeze_statistics"]

Batches = Callable[[], Iterable[tuple[Array, Array | None]]]


def freeze_statistics(model: Sequential, batches: Batches) -> None:
    """Give every `BatchNorm` the mean and variance of a whole set, all rows pooled.

    Layers are frozen one after another, from the input on: each sees what the frozen layers below it send.

    Parameters
    ----------
    model : Sequential
        Layers that are built.
    batches : callable
        Returns the sequences (time, batch, channels) of the set with their lengths, or None for whole ones;
        called once for each normalisation.
    """
    norms = [layer for _, layer in model.all_layers() if isinstance(layer, BatchNorm)]
    for norm in norms:
        norm.frozen = False
    for norm in norms:

        def inputs(norm: BatchNorm = norm) -> Iterable[tuple[Array, Array | None]]:
            for x, lengths in batches():
                model.forward(x, lengths=lengths)
                yield norm.last_input, lengths

        mean, variance, _ = norm.statistics(inputs())
        norm.freeze(mean, variance)
    model.forget()

"""The synapses of a projection once they are drawn: the record that simulations are built from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int32]
Values = NDArray[np.float64] | NDArray[np.float32]


@dataclass(slots=True)
class Connections:
    """The synapses of a projection as plain arrays, which may be read-only.

    Attributes
    ----------
    n_pre, n_post : sizes of the two populations.
    dense : every source reaches every target; synapse k joins k // n_post to k % n_post.
    pre, post : ndarray, shape (n_syn,), int32; None where the order of the synapses tells them.
    per_post : if > 0, synapse k belongs to target k // per_post, and `post` is None.
    per_pre : if > 0, synapse k belongs to source k // per_pre, and `pre` is None.
    weight : one number, or an array, shape (n_syn,); (n_pre, n_post) if dense. float64, or float32
        where that holds the values exactly.
    delay : one number, an array of shape (n_pre,), or of shape (n_syn,), as `delay_kind` says.
    delay_kind : ``"uniform"``, ``"axonal"`` or ``"synaptic"``.
    """

    n_pre: int
    n_post: int
    dense: bool = False
    pre: Indices | None = None
    post: Indices | None = None
    per_post: int = 0
    per_pre: int = 0
    weight: float | Values = 1.0
    delay: float | Values = 0.0
    delay_kind: str = "uniform"

    @property
    def n_syn(self) -> int:
        """Number of synapses."""
        if self.dense:
            return self.n_pre * self.n_post
        some = self.pre if self.pre is not None else self.post
        assert some is not None
        return len(some)

    @property
    def min_delay(self) -> float:
        """Smallest delay; `inf` without synapses. Axonal delays count for silent sources too."""
        return float(np.min(self.delay)) if self.n_syn else float("inf")

    def sources(self, start: int = 0, stop: int | None = None) -> Indices:
        """Return the source of each synapse from `start` to `stop`, int32."""
        stop = self.n_syn if stop is None else stop
        if self.pre is not None:
            return self.pre[start:stop]
        return (np.arange(start, stop) // (self.n_post if self.dense else self.per_pre)).astype(np.int32)

    def targets(self, start: int = 0, stop: int | None = None) -> Indices:
        """Return the target of each synapse from `start` to `stop`, int32."""
        stop = self.n_syn if stop is None else stop
        if self.post is not None:
            return self.post[start:stop]
        if self.dense:
            return (np.arange(start, stop) % self.n_post).astype(np.int32)
        return (np.arange(start, stop) // self.per_post).astype(np.int32)

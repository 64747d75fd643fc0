"""How a run of first spikes deviates from its network, as a chip or a model of one does.

The forward pass has noisy thresholds and delays and moves spikes; the backward pass takes the spike times
that came of it, and everything else from the network as it is (Göltz et al. 2025, DelGrad).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from eventsim.parameters import own_arrays

__all__ = ["Noise"]


@own_arrays
@dataclass(frozen=True, slots=True)
class Noise:
    """Deviations of one run; drawing them is the caller's.

    Attributes
    ----------
    thresholds : by population, added to v_th: (n,), or (n_samples, n).
    delays : by projection, added to the delays: (n_pre, n_post), or (n_samples, n_pre, n_post).
    spikes : by population, added to its spike times: (n,), or (n_samples, n); `inf` loses a spike.
    clocks : by population, its spikes then leave at the next multiple of this, > 0.
    """

    thresholds: Mapping[str, ArrayLike] = field(default_factory=dict)
    delays: Mapping[str, ArrayLike] = field(default_factory=dict)
    spikes: Mapping[str, ArrayLike] = field(default_factory=dict)
    clocks: Mapping[str, float] = field(default_factory=dict)

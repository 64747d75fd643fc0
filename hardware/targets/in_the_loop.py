"""Training with a target in the loop: its observed spikes, the gradients of the declared network.

The forward pass is the target's, with all its imperfections. The derivatives are those of ideal neurons with
nominal parameters at the observed spike times (Göltz et al. 2021). If the target measures delayed spikes as
well, these replace spike time plus delay (Göltz et al. 2025).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.hardware.targets.target import Observed, Target, checked_target
from eventsim.models.training.optimisers import Optimiser
from eventsim.models.training.spike_learner import SpikeLearner, Step

__all__ = ["InTheLoop"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class InTheLoop:
    """A learner whose forward pass is a target's.

    If the target fails, nothing has changed: the same step can be tried again and gives what it would have
    given.

    Parameters
    ----------
    learner : SpikeLearner
        Of a feed-forward network whose neurons spike at most once; its `noise` is not used.
    target : Target
    until : float
        End of a sample, time unit of the network.

    Attributes
    ----------
    trial : int
        Number of the next run on the target; each run counts one.
    counters : dict of str to int
        Numbers of events on the target so far, such as ``clipped`` weights and ``lost`` spikes.
    hardware_seconds : float
        Time that the target took so far.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 2)
    >>> _ = net.add("label", es.models.LIF(first_spike_only=True), 2)
    >>> _ = net.connect("input", "label", weight=np.array([[2.0, 2.2], [2.1, 2.0]]))
    >>> learner = es.models.training.SpikeLearner(net, "label", learn="weight")
    >>> loop = es.hardware.InTheLoop(learner, es.hardware.SimulatedTarget(), until=10.0)
    >>> inputs, labels = {"input": [[0.1, 0.9], [0.9, 0.1]]}, [0, 1]
    >>> adam = es.models.optimisers.Adam(0.05)
    >>> losses = [loop.step(inputs, labels, adam).loss for _ in range(30)]
    >>> losses[-1] < losses[0], loop.score(inputs, labels), loop.trial
    (True, 1.0, 31)
    """

    def __init__(self, learner: SpikeLearner, target: Target, *, until: float) -> None:
        self.learner, self.target, self.until = learner, checked_target(target), float(until)
        self.trial = 0
        self.counters: dict[str, int] = {}
        self.hardware_seconds = 0.0

    @property
    def loss(self) -> Any:
        """What is minimised."""
        return self.learner.loss

    @property
    def reads_first_spikes(self) -> bool:
        """Whether the loss reads first spikes, which is all that a target shows."""
        return self.learner.reads_first_spikes

    def classes_of(self, first_spikes: Floats) -> Ints:
        """Return the class that first spikes of the outputs tell, shape (n_samples,)."""
        return self.learner.classes_of(first_spikes)

    def observe(self, inputs: Mapping[str, Any]) -> Observed:
        """Run the present network on the target; see `Target.run`."""
        changed = self.target.configure(self.learner.network())
        observed = self.target.run(inputs, until=self.until, trial=self.trial)
        self.trial += 1
        for counts in (changed, observed.counters):
            for name, count in counts.items():
                self.counters[name] = self.counters.get(name, 0) + count
        self.hardware_seconds += observed.hardware_seconds
        return observed

    def step(self, inputs: Mapping[str, Any], labels: Any, optimiser: Optimiser) -> Step:
        """Learn from one batch as `SpikeLearner.step` does, from the spikes that the target shows."""
        observed = self.observe(inputs)
        times = {name: observed.first_spikes(name) for name in observed.spikes}
        return self.learner.step(inputs, labels, optimiser, times=times, arrivals=observed.arrivals)

    def first_spikes(self, inputs: Mapping[str, Any]) -> Floats:
        """Return when each output spikes first, shape (n_samples, n_outputs); `inf` where it does not."""
        return self.observe(inputs).first_spikes(self.learner.output)

    def predict(self, inputs: Mapping[str, Any]) -> Ints:
        """Return the class of each sample, shape (n_samples,); -1 if the outputs tell none."""
        return self.learner.classes_of(self.first_spikes(inputs))

    def score(self, inputs: Mapping[str, Any], labels: ArrayLike) -> float:
        """Return the fraction of samples whose class is right."""
        predicted = self.predict(inputs)
        return float((predicted == self.learner.checked_labels(labels, len(predicted))).mean())

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on beside the optimiser and the target."""
        return {
            "learner": self.learner.state(),
            "trial": self.trial,
            "counters": dict(self.counters),
            "hardware_seconds": self.hardware_seconds,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises
        ------
        ValueError
            If it is no state of a loop; nothing is changed then.
        """
        wanted = {"learner", "trial", "counters", "hardware_seconds"}
        if not isinstance(state, Mapping) or set(state) != wanted:
            given = ", ".join(sorted(map(str, state))) if isinstance(state, Mapping) else repr(state)
            raise ValueError(f"a state of a loop has {', '.join(sorted(wanted))}, got {given:.100}")
        trial = _count("trial", state["trial"])
        if not isinstance(state["counters"], Mapping):
            raise ValueError(f"counters must be numbers by name, got {state['counters']!r:.60}")
        counters = {str(name): _count(f"counter {name!r}", n) for name, n in state["counters"].items()}
        seconds = float(state["hardware_seconds"])
        if not 0.0 <= seconds < np.inf:
            raise ValueError(f"hardware_seconds must be at least 0 and finite, got {seconds!r}")
        self.learner.restore(state["learner"])
        self.trial, self.counters, self.hardware_seconds = trial, counters, seconds


def _count(name: str, value: Any) -> int:
    """Return a whole number of a state, at least 0."""
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iu" or array < 0:
        raise ValueError(f"{name} must be a whole number, at least 0, got {value!r:.60}")
    return int(array)

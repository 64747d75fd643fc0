"""The cores of a model, one for each layer, driven by the events of an engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.engine import Engine
from eventsim.errors import ConfigError
from eventsim.hardware.circuits.core import Core
from eventsim.hardware.circuits.manufacture import CoreTrims, manufactured
from eventsim.models.layers import QuantizedMinGRU, Sequential
from eventsim.rng import stream

if TYPE_CHECKING:
    from eventsim.hardware.chips.minimalist import Minimalist

__all__ = ["Circuit", "CircuitTraces"]


@dataclass(frozen=True)
class CircuitTraces:
    """What a circuit did, one entry a core.

    Attributes
    ----------
    states : of the state lines, in units of the weights' full scale, (time, batch, columns).
    codes : of the gates.
    outputs : 0 or 1, of the comparators.
    """

    states: list[NDArray[np.float64]]
    codes: list[NDArray[np.int32]]
    outputs: list[NDArray[np.uint8]]


class Circuit:
    """A model on switched capacitors.

    Samples run one after another, each from discharged capacitors; what is drawn for a sample depends on the
    seed, the trial and the number of the sample alone.

    Parameters
    ----------
    model : Sequential
        Of `QuantizedMinGRU`, built, with hard gates and rounded weights.
    device : Minimalist
    trims : sequence of CoreTrims, optional
        Of each core; those of a calibration if the device asks for one.

    Attributes
    ----------
    cores : list of Core
    trial : int
        Number of the next run.
    energies : dict of str to float
        fJ, of all steps so far: "lost" in switches, "drawn" from the rails, "pushed" in by injected charge
        and noise, "leaked".
    core_steps : int
        Steps of single cores so far.

    Raises
    ------
    ConfigError
        If a layer cannot be put on a core.
    """

    def __init__(
        self, model: Sequential, device: "Minimalist", trims: Sequence[CoreTrims] | None = None
    ) -> None:
        for place, layer in enumerate(model.layers):
            if not isinstance(layer, QuantizedMinGRU):
                raise ConfigError(
                    f"a circuit runs layers of QuantizedMinGRU, layer {place} is {type(layer).__name__}"
                )
        self.device = device
        self.layers = [layer for layer in model.layers if isinstance(layer, QuantizedMinGRU)]
        if trims is None and device.calibrated:
            from eventsim.hardware.circuits.trims import calibrated_trims

            trims = calibrated_trims(model, device)
        self.trims = trims
        self.trial = 0
        self.energies = dict.fromkeys(("lost", "drawn", "pushed", "leaked"), 0.0)
        self.core_steps = 0
        self._engine = Engine()
        self.cores: list[Core] = []
        self.configure()

    def configure(self) -> None:
        """Take over the present weights of the model."""
        n, trims = len(self.layers), self.trims
        self._engine = Engine()
        self.cores = [
            Core(manufactured(layer, self.device, place, n, trims[place] if trims else None))
            for place, layer in enumerate(self.layers)
        ]
        for core in self.cores:
            self._engine.register(core)
        for core, other in zip(self.cores, self.cores[1:], strict=False):
            core.follow(other)

    def forward(self, x: Any) -> NDArray[np.float64]:
        """Return the outputs of the last layer, (time, batch, n_out), as `Sequential.forward` does."""
        return self.read_out(self.run(x))

    def read_out(self, traces: CircuitTraces) -> NDArray[np.float64]:
        """Return what the model would give out for the traces of the last core."""
        last = self.layers[-1]
        return last.gain * traces.states[-1] if last.output == "state" else traces.outputs[-1].astype(float)

    def gates(self, place: int, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the part of its rows that a core swaps for each code."""
        layer = self.layers[place]
        rows, levels = layer.core_rows, 2 ** (layer.gate_bits or 0)
        found: NDArray[np.float64] = np.floor(codes * (rows / levels) + 0.5) / rows
        return found

    def run(self, x: Any, *, first: int = 0, events: bool = True) -> CircuitTraces:
        """Run a batch and count one trial.

        Parameters
        ----------
        x : array_like, shape (time, batch, n_in)
            Of zeros and ones.
        first : int
            Number of the first sample.
        events : bool
            Whether an engine runs the phases as events; else they follow each other in a plain loop.

        Raises
        ------
        ValueError
            If inputs are neither 0 nor 1, or do not fit.
        """
        given = np.asarray(x)
        if given.ndim != 3 or given.shape[2] != self.layers[0].n_in:
            raise ValueError(
                f"inputs must have shape (time, batch, {self.layers[0].n_in}), got {given.shape}"
            )
        strange = given[(given != 0) & (given != 1)]
        if strange.size:
            raise ValueError(f"a circuit takes inputs of 0 and 1, got {strange.flat[0]!r}")
        steps, batch, _ = given.shape
        rows = np.zeros((batch, steps, self.layers[0].core_rows), np.uint8)
        driven = np.repeat(given.astype(np.uint8), self.layers[0].repeats, axis=2)
        rows[:, :, : driven.shape[2]] = np.moveaxis(driven, 1, 0)
        logs: list[list[Any]] = [[] for _ in self.cores]
        for sample in range(batch):
            for place, core in enumerate(self.cores):
                rng = stream(self.device.seed, "minimalist", self.trial, first + sample, place)
                core.reset(steps, int(rng.integers(2**63)))
            self.cores[0].show(rows[sample])
            self._run_events(steps) if events else self._run_loop(steps)
            for core, log in zip(self.cores, logs, strict=True):
                log.append((core.states, core.codes, core.outputs))
                for name, value in core.energies.items():
                    self.energies[name] += value
        self.trial += 1
        self.core_steps += steps * batch * len(self.cores)
        kinds: list[list[Any]] = [
            [
                np.stack([each[k] for each in log], axis=1) if log else np.zeros((steps, 0, core.columns))
                for core, log in zip(self.cores, logs, strict=True)
            ]
            for k in range(3)
        ]
        return CircuitTraces([states / self.device.v_fs for states in kinds[0]], kinds[1], kinds[2])

    def _run_events(self, steps: int) -> None:
        engine, start = self._engine, self._engine.now
        for t in range(steps):
            engine.schedule(start + t * self.device.step_us, self.cores[0], unit=0, value=float(t))
        engine.run(until=start + steps * self.device.step_us)

    def _run_loop(self, steps: int) -> None:
        for t in range(steps):
            for core in self.cores:
                core.step(t)

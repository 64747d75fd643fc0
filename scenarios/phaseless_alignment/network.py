"""The microcircuit of a run: its weights, its rule, and how samples are shown to it."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.models.plasticity.microcircuit_alignment import MicrocircuitAlignment
from eventsim.models.plasticity.noise import OrnsteinUhlenbeck, not_shorter
from eventsim.models.prospective.deep_microcircuit import DeepMicrocircuit, initial_weights, unit_ranges
from eventsim.scenarios.phaseless_alignment.settings import Settings
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Simulation

NAME = "circuit"
TARGET_CONDUCTANCE = 0.06  # 1/ms


@dataclass(frozen=True)
class Circuit:
    """What stays of a circuit while its weights change.

    Attributes
    ----------
    sizes : cells by layer, the input first.
    sigma : of the noise, shape (n_hidden,), the lowest layer first.
    ticks : of a presentation.
    """

    config: Settings
    sizes: tuple[int, ...]
    sigma: Floats
    ticks: int
    seed: int

    @property
    def last(self) -> int:
        """The number of the output layer."""
        return len(self.sizes) - 1

    @property
    def cells(self) -> list[slice]:
        """Where the cells of each layer lie."""
        return unit_ranges(self.sizes)[0]

    def time_constants(self, *, ideal: bool = False) -> tuple[Floats, Floats]:
        """Return membrane time constants relative to nominal ones, and tau_r / tau_mem, of all units."""
        config, n = self.config, sum(self.sizes) + sum(self.sizes[2:])
        spread = 0.0 if ideal else config.tau_spread
        tau, tau_r = (
            np.clip(1 + spread * streams.stream(self.seed, which).normal(size=n), 0.2, 5.0)
            for which in ("tau_mem", "tau_r")
        )
        return tau, tau_r / tau if config.prospective else np.zeros(n)

    def model(self, weights: dict[str, Floats], *, ideal: bool = False) -> DeepMicrocircuit:
        """Return the circuit with the weights given; `ideal` leaves deviations of cells out."""
        n = sum(self.sizes) + sum(self.sizes[2:])
        tau, ahead = self.time_constants(ideal=ideal)
        start = streams.stream(self.seed, "potential").normal(size=n)
        return DeepMicrocircuit(self.sizes, weights, prospective=ahead, tau_factor=tau, u_init=start)

    def simulation(
        self, weights: dict[str, Floats], *, rule: bool = True, ideal: bool = False
    ) -> "Simulation":
        """Return a simulation of the circuit, with noise and plasticity or without."""
        from eventsim import Network, Simulation

        net = Network(seed=self.seed)
        model = self.model(weights, ideal=ideal)
        net.add(NAME, model, model.n_units)
        if rule:
            net.add_plasticity(NAME, rule_of(self))
        return Simulation(net, dt=self.config.dt)

    def weights(self, sim: "Simulation") -> dict[str, Floats]:
        """Return the present weights of a simulation."""
        return {name: sim.array(NAME, name) for name in shapes(self.sizes)}

    def shown(self, values: Floats, layer: int = 0) -> Floats:
        """Return values (n, cells of a layer) as a series for all units."""
        model_units = sum(self.sizes) + sum(self.sizes[2:])
        series = np.zeros((len(values), model_units))
        series[:, self.cells[layer]] = values
        return series


def shapes(sizes: tuple[int, ...]) -> list[str]:
    """Return the names of all weights of a circuit."""
    hidden = range(1, len(sizes) - 1)
    return [f"up/{k}" for k in range(1, len(sizes))] + [
        f"{kind}/{k}" for kind in ("down", "from_inter", "to_inter") for k in hidden
    ]


def circuit(config: Settings, n_inputs: int, n_outputs: int, seed: int) -> Circuit:
    """Return the circuit of a run.

    Raises
    ------
    ConfigError
        If a presentation is no whole number of ticks, or a time constant is shorter than one.
    """
    OrnsteinUhlenbeck(config.sigma, config.tau_noise, config.noise_update).steps(config.dt)
    not_shorter(config.tau_high_pass, config.dt, "tau_high_pass")
    ticks = round(config.presentation / config.dt)
    if ticks < 1 or abs(config.presentation - ticks * config.dt) > 1e-9 * config.presentation:
        raise ConfigError(
            f"presentation must be a multiple of the tick, got {config.presentation:g} and dt = {config.dt:g}"
        )
    n_hidden = sum(config.hidden)
    spread = config.noise_spread * streams.stream(seed, "sigma").normal(size=n_hidden)
    sigma = config.sigma * np.exp(spread)
    return Circuit(config, (n_inputs, *config.hidden, n_outputs), sigma, ticks, seed)


def drawn_weights(config: Settings, sizes: tuple[int, ...], seed: int) -> dict[str, Floats]:
    """Return initial weights, interneurons predicting themselves; with BP the feedback is the transposed."""
    (low, high), (low_back, high_back) = config.weight_range, config.feedback_range
    forward = [
        streams.stream(seed, "weight", k).uniform(low, high, pair)
        for k, pair in enumerate(pairwise(sizes), 1)
    ]
    feedback = [
        streams.stream(seed, "feedback", k).uniform(low_back, high_back, (above, n))
        for k, (n, above) in enumerate(pairwise(sizes[1:]), 1)
    ]
    if config.algorithm == "bp":
        feedback = [weight.T for weight in forward[1:]]
    return initial_weights(forward, feedback)


def rule_of(circuit: Circuit) -> MicrocircuitAlignment:
    """Return the plasticity of a run; noise and learning begin after a pass over the samples."""
    config, algorithm = circuit.config, circuit.config.algorithm
    learned, noisy = algorithm in ("pal", "decay"), algorithm in ("pal", "noise", "decay")
    forward = config.rate_forward
    if len(forward) not in (1, circuit.last):
        raise ConfigError(f"rate_forward needs 1 or {circuit.last} rates, got {len(forward)}")
    noise = OrnsteinUhlenbeck(
        circuit.sigma if noisy else 0.0, config.tau_noise, config.noise_update, config.noise_amplitude
    )
    return MicrocircuitAlignment(
        noise,
        rate_forward=forward[0] if len(forward) == 1 else forward,
        rate_feedback=config.rate_feedback if learned else 0.0,
        rate_to_interneurons=config.rate_to_interneurons,
        rate_from_interneurons=config.rate_from_interneurons if learned else 0.0,
        decay=config.decay,
        tau_high_pass=config.tau_high_pass,
        tau_low_pass=config.tau_low_pass,
        feedback={"pal": "learned", "bp": "copied", "decay": "decaying"}.get(algorithm, "fixed"),
        regulariser=config.regulariser,
        start=config.samples * circuit.ticks * config.dt if config.task == "feedback" else 0.0,
    )

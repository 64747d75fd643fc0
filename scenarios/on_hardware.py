"""Spiking scenarios on imperfect hardware: training in the loop, and what that takes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.hardware.targets.in_the_loop import InTheLoop
    from eventsim.models.training.hardware_noise import WeightGrid
    from eventsim.models.training.spike_learner import SpikeLearner


def hardware_of(run: Run) -> Any:
    """Return the hardware that a run asks for, with the run's seed for its device; None for the ideal one."""
    if run.hardware in (None, "ideal"):
        return None
    from eventsim.hardware.named import by_name

    return by_name(run.hardware, device_seed=run.seed)


def nominal(network: Any) -> "SpikeLearner":
    """Return the learner of the network as it was declared, whether or not a chip is in the loop."""
    from eventsim.hardware.targets.in_the_loop import InTheLoop

    learner: SpikeLearner = network.learner if isinstance(network, InTheLoop) else network
    return learner


def weight_grid(hardware: Any, network: "Network") -> "WeightGrid | None":
    """Return the weights that the hardware can have, for the learner to know what it writes; None for any."""
    if hardware is None:
        return None
    from eventsim.hardware.parts.weight_quantization import WeightQuantization
    from eventsim.hardware.parts.weight_saturation import WeightSaturation
    from eventsim.models.training.hardware_noise import WeightGrid

    parts = hardware.parts_for(network) if hasattr(hardware, "parts_for") else ()
    step = max((part.step for part in parts if isinstance(part, WeightQuantization)), default=0.0)
    limit = min((part.limit for part in parts if isinstance(part, WeightSaturation)), default=np.inf)
    return WeightGrid(step, limit) if step or limit < np.inf else None


def on_target(learner: "SpikeLearner", hardware: Any, until: float) -> "InTheLoop":
    """Return the learner with a simulated chip for its forward pass."""
    from eventsim.hardware.targets.in_the_loop import InTheLoop
    from eventsim.hardware.targets.simulated import target_of

    return InTheLoop(learner, target_of(hardware), until=until)


def simulated_part(hardware: Any) -> Any:
    """Return what a simulation of single samples runs on; None, the ideal target, if it is not known here."""
    from eventsim.hardware.remote.remote_hardware import RemoteHardware

    return None if isinstance(hardware, RemoteHardware) else hardware


def rows_for_all(sources: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return spike times with a row for each sample, where one row counted for all."""
    n = max(len(times) for times in sources.values())
    return {name: np.broadcast_to(times, (n, times.shape[1])) for name, times in sources.items()}


def report(run: Run, loop: "InTheLoop", hardware: Any, first_spike: float | None, slot: float) -> None:
    """Keep what the run took on the hardware, and what one decision would take."""
    from eventsim.hardware.chips.chip import Chip

    for name, count in loop.counters.items():
        run.metric(f"hardware_{name}", count)
    if loop.hardware_seconds or isinstance(hardware, Chip):
        run.metric("hardware_seconds", loop.hardware_seconds)
    if not isinstance(hardware, Chip):
        return
    network = loop.learner.network()
    run.metric("hardware_biological_seconds", loop.hardware_seconds * hardware.speed_up)
    run.metric("hardware_energy_joule_estimate", loop.hardware_seconds * hardware.power_watt)
    if first_spike is not None:  # else nothing was ever decided
        run.metric("decision_us", hardware.microseconds(network, first_spike))
    run.metric("slot_us", hardware.microseconds(network, slot))
    run.metric("energy_per_sample_uj_estimate", hardware.microseconds(network, slot) * hardware.power_watt)

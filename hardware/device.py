"""Hardware: a device made of parts, which changes a network and the transmission of its spikes."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hardware.network_editor import Changed, NetworkEditor
from eventsim.hardware.placement import Layout, Placement
from eventsim.hardware.transmission import TransmissionParameters, Trials
from eventsim.network import Network, is_on_hardware
from eventsim.parameters import whole_number
from eventsim.population.transmission import Bus, SpikeTransmission

__all__ = ["Hardware", "Prepared", "moved_thresholds", "transmissions_of", "with_thresholds"]

Floats = NDArray[np.float64]

LEAST_DISTANCE = 0.05  # of a threshold from rest, to which noise may bring it down


class Hardware(ABC):
    """A device that networks run on: parts, and a capacity.

    Attributes
    ----------
    device_seed : seed of everything that is fixed in the device.
    seed : seed of everything that differs from run to run.
    composed : whether a user put the parts together, so that each must find something to act on; a chip
        has its parts whatever runs there.
    """

    __slots__ = ()

    composed: ClassVar[bool] = False

    device_seed: int
    seed: int

    @abstractmethod
    def parts_for(self, network: Network) -> Sequence[Any]:
        """Return the parts, with times in the network's time unit."""

    def __repr__(self) -> str:
        """Name the hardware with the settings that differ from their defaults, on one line."""
        if not is_dataclass(self):
            return f"<{type(self).__name__}>"
        settings = []
        for each in fields(self):
            made = each.default_factory is not MISSING
            default = each.default_factory() if made else each.default
            value = getattr(self, each.name)
            if not same(value, default):
                settings.append(f"{each.name}={value!r}")
        return f"{type(self).__name__}({', '.join(settings)})"

    @property
    def device(self) -> int:
        """The device seed, by its old name."""
        warnings.warn("'device' is called 'device_seed' now", DeprecationWarning, stacklevel=2)
        return self.device_seed

    def layout(self) -> Layout:
        """Return the capacity."""
        return Layout()

    def prepared(self, network: Network) -> "Prepared":
        """Return the device with a place for everything of a network.

        Raises
        ------
        ConfigError
            If the network does not fit; the message names the count that was exceeded.
        """
        layout = self.layout()
        placement = layout.place(network)
        parts = sorted(self.parts_for(network), key=lambda part: (part.stage, part.stream))
        for one, other in pairwise(parts):
            if one.stream == other.stream:
                raise ConfigError(
                    f"{one!r} and {other!r} draw from the same stream, {one.stream!r}; "
                    "a substrate can have one of them"
                )
        parts = [part for part in parts if part.active]
        if self.composed:
            check_effects(parts, network)
        return Prepared(self, layout.name, placement, parts)

    def transform(self, network: Network, trial: int = 0) -> Network:
        """Return the network that the device runs; the network itself if nothing is different.

        Parameters
        ----------
        network : Network
        trial : int
            Number of the run, for thresholds that differ from run to run.

        Raises
        ------
        ConfigError, ValueError
            If the network does not fit, or a part refuses a parameter.
        """
        prepared = self.prepared(network)
        made, counters = prepared.written(network)
        if counters.get("clipped"):
            warnings.warn(
                f"{counters['clipped']} weights beyond the range of {prepared.name} were clipped",
                RuntimeWarning,
                stacklevel=2,
            )
        return with_thresholds(made, prepared.threshold_shares(made, self.first_sample(trial)))

    def transmissions(self, network: Network, trial: int = 0) -> dict[str, SpikeTransmission]:
        """Return what spikes pass on their way out of each population, new at each call."""
        return transmissions_of(
            self.prepared(network).transmission_parameters(network, self.first_sample(trial)), 0
        )

    def first_sample(self, trial: int) -> Trials:
        """Return the trials of the first sample of a run."""
        return Trials(self.device_seed, self.seed, trial, np.zeros(1, np.int64))


def check_effects(parts: Sequence[Any], network: Network) -> None:
    """Refuse parts that have nothing to act on; warn of them if others act and they name no parameter.

    Raises
    ------
    ConfigError
        If a part names a parameter that no neurons have, or if no part at all acts on the network.
    """
    reasons = [(part, part.without_effect(network)) for part in parts]
    idle = [(part, reason) for part, reason in reasons if reason is not None]
    for part, reason in idle:
        if part.names_a_parameter or len(idle) == len(parts):
            raise ConfigError(f"{part!r} acts on nothing: {reason}")
        warnings.warn(f"{part!r} acts on nothing: {reason}", RuntimeWarning, stacklevel=4)


def same(one: Any, other: Any) -> bool:
    """Return whether two settings are equal; arrays may be among them."""
    return one is other or (type(one) is type(other) and bool(np.array_equal(one, other)))


class Prepared:
    """A device with a place for everything of a network, and for others of the same structure.

    Attributes
    ----------
    name : name of the device in messages.
    placement : where everything lies.
    parts : in the order of their stages, then of their names.
    """

    def __init__(self, hardware: Hardware, name: str, placement: Placement, parts: Sequence[Any]) -> None:
        whole_number(hardware.device_seed, "device_seed")
        self.device_seed, self.name, self.placement, self.parts = hardware.device_seed, name, placement, parts
        self._changed: dict[str, Changed] = {}  # as last written

    def written(self, network: Network) -> tuple[Network, dict[str, int]]:
        """Return the network with the fixed pattern of the device, and the counters of changed parameters."""
        editor = NetworkEditor(network, self.placement, self.device_seed)
        for part in self.parts:
            part.transform_parameters(editor)
        return editor.finished(self._changed), editor.counters

    def threshold_shares(self, network: Network, trials: Trials) -> dict[str, Floats]:
        """Return relative changes of thresholds (distance from v_leak) by population, (n_samples, n)."""
        found: dict[str, Floats] = {}
        for name, population in network.populations.items():
            if not hasattr(population.model, "v_th"):
                continue
            for part in self.parts:
                shares = part.thresholds(name, self.placement, trials)
                if shares is not None:
                    found[name] = found[name] + shares if name in found else shares
            if name in found:
                shares = found[name]
                rows = shares[:1] if shares.strides[0] == 0 else shares  # one row, which all samples have
                found[name] = np.broadcast_to(np.maximum(rows, LEAST_DISTANCE - 1.0), shares.shape)
        return found

    def transmission_parameters(self, network: Network, trials: Trials) -> dict[str, TransmissionParameters]:
        """Return how spikes are transmitted, by population; those whose spikes pass unchanged are missing."""
        found = {}
        for name, population in network.populations.items():
            if not is_on_hardware(population.model):
                continue
            transmission = TransmissionParameters.of(
                name, population.model.is_source, self.placement.circuits[name]
            )
            for part in self.parts:
                part.transmit(transmission, self.placement, trials)
            if transmission.changes:
                found[name] = transmission
        return found


def with_thresholds(network: Network, shares: Mapping[str, Floats]) -> Network:
    """Return the network with the thresholds of the first sample."""
    if not shares:
        return network
    return network.with_parameters(
        {
            name: {"v_th": moved_thresholds(network.populations[name].model, share[0])}
            for name, share in shares.items()
        }
    )


def moved_thresholds(model: Any, share: Floats) -> Floats:
    """Return thresholds changed by a share of their distance from v_leak, shape (..., n); inf stays."""
    v_th = np.asarray(model.v_th, np.float64)
    finite = np.isfinite(v_th)
    distance = np.where(finite, v_th, 0.0) - model.v_leak
    moved: Floats = v_th + np.where(finite, share * distance, 0.0)
    return moved


def transmissions_of(
    parameters: dict[str, TransmissionParameters], sample: int
) -> dict[str, SpikeTransmission]:
    """Return the transmissions of one sample; populations on one bus share it."""
    buses: dict[tuple[float, int], Bus] = {}
    found = {}
    for name, transmission in parameters.items():
        bus = None
        if transmission.bus is not None:
            bus = buses.setdefault(transmission.bus, Bus(*transmission.bus))
        found[name] = transmission.for_sample(sample, bus)
    return found

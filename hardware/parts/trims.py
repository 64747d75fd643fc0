"""Trims: settings of single circuits that undo what a device does to parameters; what calibration leaves."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError, FileFormatError
from eventsim.hardware.network_editor import NetworkEditor
from eventsim.hardware.parts.part import DIGITAL, Part
from eventsim.hardware.parts.without_effect import no_delays, no_parameter
from eventsim.network import Network
from eventsim.registry import register
from eventsim.renamed import with_current_names

__all__ = ["Calibration", "Trims"]

Floats = NDArray[np.float64]

VERSION = 2  # 1 called the device seed "device"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Calibration:
    """Trims of one device, and how far its circuits were off before and after.

    Attributes
    ----------
    device_seed : seed of the device.
    trims : by "v_th", "tau_mem", "tau_syn" for each circuit, and by "delay" for each element: the factor that
        what is asked for is multiplied by, shape (n,).
    before, after : by the same names, by what share the spikes that tell the quantity were late, shape (n,).
    """

    device_seed: int
    trims: Mapping[str, Floats]
    before: Mapping[str, Floats] = field(default_factory=dict)
    after: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("trims", "before", "after"):  # copies: later changes by the caller do not enter
            table = {key: np.array(value, np.float64) for key, value in getattr(self, name).items()}
            object.__setattr__(self, name, table)

    def __repr__(self) -> str:
        trimmed = ", ".join(f"{len(trims)} x {name}" for name, trims in self.trims.items())
        return f"<Calibration of device {self.device_seed}: {trimmed or 'no trims'}>"

    def save(self, path: str | Path) -> None:
        """Write a TOML file, which `load` reads back to the bit."""
        import tomli_w

        tables = {"trims": self.trims, "before": self.before, "after": self.after}
        plain = {
            name: {key: value.tolist() for key, value in table.items()} for name, table in tables.items()
        }
        Path(path).write_text(
            tomli_w.dumps({"version": VERSION, "device_seed": self.device_seed} | plain), "utf-8"
        )

    @classmethod
    def load(cls, path: str | Path) -> "Calibration":
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError, PermissionError
            If there is no file that can be read.
        FileFormatError
            If it is no calibration, or of a later version.
        """
        try:
            text = tomllib.loads(Path(path).read_text("utf-8"))
            found = with_current_names("file/calibration", text, quiet=True)
            version = int(found["version"])
            tables = [
                {key: np.array(value, np.float64) for key, value in found.get(name, {}).items()}
                for name in ("trims", "before", "after")
            ]
            calibration = cls(int(found["device_seed"]), *tables)
        except RecursionError:
            raise FileFormatError(f"{path} is no calibration: it is nested too deeply") from None
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise FileFormatError(f"{path} is no calibration: {error}") from None
        if version > VERSION:
            raise FileFormatError(f"{path} is a calibration of version {version}, this reads up to {VERSION}")
        for name, trims in calibration.trims.items():
            if trims.ndim != 1 or not (np.isfinite(trims).all() and (trims > 0).all()):
                raise FileFormatError(f"{path} is no calibration: trims of {name} must be positive numbers")
        return calibration


@lru_cache(maxsize=8)
def loaded(path: str) -> Calibration:
    """Return the calibration in a file, read once."""
    return Calibration.load(path)


@register("hardware", "trims")
@dataclass(frozen=True, slots=True, repr=False)
class Trims(Part):
    """What is asked for is multiplied by a factor of each circuit, and of each delay element.

    Attributes
    ----------
    calibration : the factors, as `calibrate` finds them; None for none.
    """

    calibration: Calibration | None = None
    stage: ClassVar[int] = DIGITAL

    @property
    def active(self) -> bool:
        """Whether the part changes anything, with its settings."""
        return self.calibration is not None

    def without_effect(self, network: Network) -> str | None:
        """Return why the part has nothing to act on in a network, None if it has."""
        assert self.calibration is not None
        found = [
            no_delays(network) if key == "delay" else no_parameter(network, key)
            for key in self.calibration.trims
        ]
        return None if None in found or not found else found[0]

    @classmethod
    def of_settings(cls, settings: Mapping[str, object]) -> "Trims":
        """Return the part with the calibration in a file: ``--hardware trims,calibration=FILE``."""
        if set(settings) != {"calibration"}:
            raise ConfigError("trims take one setting, calibration=FILE, which `calibrate` found and saved")
        return cls(loaded(str(settings["calibration"])))

    def transform_parameters(self, editor: NetworkEditor) -> None:
        """Apply the trims.

        Raises
        ------
        ConfigError
            If they are of another device, or of fewer circuits.
        """
        assert self.calibration is not None
        own, here = self.calibration.device_seed, editor.device_seed
        if own != here:
            raise ConfigError(f"the calibration is of device {own}, this is device {here}")
        for key, trims in self.calibration.trims.items():
            if key == "delay":
                for projection in editor.network.projections:
                    if projection.name in editor.placement.elements:
                        factors = self._at(
                            trims, editor.placement.elements[projection.name], "delay elements"
                        )
                        editor.synapses(projection).multiply_delays(factors)
                continue
            for name in editor.neurons:
                if editor.has(name, key):
                    factors = self._at(trims, editor.placement.circuits[name], "circuits")
                    editor.multiply(name, key, factors)

    @staticmethod
    def _at(trims: Floats, places: NDArray[np.int64], what: str) -> Floats:
        if places.size and places.max() >= len(trims):
            raise ConfigError(f"the calibration has {len(trims)} {what}, the network uses {places.max() + 1}")
        return trims[places]

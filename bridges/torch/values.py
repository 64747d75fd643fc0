"""Tensors by the name of their projection or population, and a parametrization that keeps them positive."""

from collections.abc import Iterator, Mapping

import torch
from eventsim.errors import UnknownPart
from torch import Tensor

__all__ = ["Positive", "Values"]


class Values(torch.nn.Module):
    """The tensors of one kind, such as all delays: a dictionary by name whose entries torch knows.

    Those that are learned are parameters, the others buffers. An entry can be parametrized under its name.
    """

    def __init__(self, values: Mapping[str, Tensor], learned: set[str]) -> None:
        super().__init__()
        self._attributes: dict[str, str] = {}
        for name, value in values.items():
            attribute = name.replace(".", "_")  # torch keeps the dot for itself
            while hasattr(self, attribute):
                attribute += "_"
            self._attributes[name] = attribute
            if name in learned:
                self.register_parameter(attribute, torch.nn.Parameter(value))
            else:
                self.register_buffer(attribute, value)

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self, self._attribute(name))

    def __setitem__(self, name: str, value: Tensor) -> None:
        setattr(self, self._attribute(name), value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)

    def __contains__(self, name: object) -> bool:
        return name in self._attributes

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._attributes)

    def items(self) -> list[tuple[str, Tensor]]:
        """Return names and tensors."""
        return [(name, self[name]) for name in self]

    def tensors(self) -> list[Tensor]:
        """Return the tensors, in order."""
        parameters, buffers = self._parameters, self._buffers  # ahead of getattr for speed
        return [
            parameters[a] if a in parameters else buffers[a] if a in buffers else getattr(self, a)
            for a in self._attributes.values()
        ]

    def _attribute(self, name: str) -> str:
        if name not in self._attributes:
            raise UnknownPart(f"there is no {name!r}; known: {', '.join(self._attributes)}")
        return self._attributes[name]

    def extra_repr(self) -> str:
        """Return one line for each tensor."""
        lines = []
        for name, value in self.items():
            learned = value.requires_grad
            lines.append(f"{name}: {tuple(value.shape)}{'' if learned else ', fixed'}")
        return "\n".join(lines)


class Positive(torch.nn.Module):
    """Parametrization ``value = scale * softplus(p / scale)``, for delays and time constants.

    Parameters
    ----------
    scale : float
        Far above it, value and p are about the same. A value below 1e-6 scale starts from there.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.utils import parametrize
    >>> from eventsim.torch import EventLayer, Positive
    >>> layer = EventLayer.dense(4, 3, delays="synaptic", positive=False)
    >>> _ = parametrize.register_parametrization(layer.delay, "input->output", Positive())
    >>> bool((layer.delay["input->output"] > 0).all())
    True
    """

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        if not 0 < scale < float("inf"):
            raise ValueError(f"scale must be positive, got {scale!r}")
        self.scale = scale

    def forward(self, p: Tensor) -> Tensor:
        """Return the value."""
        return self.scale * torch.nn.functional.softplus(p / self.scale)

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return the p that gives a value."""
        x = (value / self.scale).clamp(min=1e-6)
        return self.scale * (x + torch.log(-torch.expm1(-x)))

    def extra_repr(self) -> str:
        """Return the scale."""
        return f"scale={self.scale:g}"

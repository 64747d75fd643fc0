"""What a model keeps in memory when it runs as a stream, layer by layer."""

from dataclasses import dataclass

from eventsim.models.layers.sequential import Sequential

__all__ = ["LayerMemory", "MemoryReport", "memory_report"]


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What a layer keeps, in numbers and in bits.

    Attributes
    ----------
    place, layer : where it stands in the model, and its kind.
    parameters, buffers, state : numbers that are trained; kept with them; changed at each step.
    parameter_bits, buffer_bits, state_bits : of all of them together.
    """

    place: str
    layer: str
    parameters: int
    buffers: int
    state: int
    parameter_bits: int
    buffer_bits: int
    state_bits: int

    @property
    def bits(self) -> int:
        """Bits in all."""
        return self.parameter_bits + self.buffer_bits + self.state_bits


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """What a model keeps, by layer; printed as a table.

    Attributes
    ----------
    layers : of each layer that keeps anything.
    """

    layers: tuple[LayerMemory, ...]

    @property
    def total(self) -> LayerMemory:
        """Sums over all layers."""
        names = ("parameters", "buffers", "state", "parameter_bits", "buffer_bits", "state_bits")
        return LayerMemory("all", "", *(sum(getattr(layer, name) for layer in self.layers) for name in names))

    @property
    def n_bytes(self) -> int:
        """Bytes in all, those begun included."""
        return -(-self.total.bits // 8)

    def __str__(self) -> str:
        lines = [f"{'layer':22} {'parameters':>10} {'buffers':>8} {'state':>8} {'bytes':>9} {'bits':>10}"]
        for each in (*self.layers, self.total):
            name, n_bytes = f"{each.place} {each.layer}".strip(), -(-each.bits // 8)
            lines.append(
                f"{name:22} {each.parameters:10} {each.buffers:8} {each.state:8} {n_bytes:9} {each.bits:10}"
            )
        return "\n".join(lines)


def memory_report(model: Sequential) -> MemoryReport:
    """Return what a model keeps for one stream.

    Parameters
    ----------
    model : Sequential
        Layers that are built.
    """
    found = []
    for place, layer in model.all_layers():
        if isinstance(layer, Sequential):
            continue  # its layers follow
        parts = layer.memory()
        if any(part.numbers for part in parts):
            sizes, bits = (part.numbers for part in parts), (part.bits for part in parts)
            found.append(LayerMemory(place, type(layer).__name__, *sizes, *bits))
    return MemoryReport(tuple(found))

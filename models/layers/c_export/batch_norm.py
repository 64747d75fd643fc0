"""Normalisation with fixed statistics in C."""

from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.c_export.program import Program

__all__ = ["WRITERS"]


def write(layer: BatchNorm, program: Program, x: str) -> str:
    """Write ``y = (x - mean) scale + beta``."""
    if not layer.frozen and layer.momentum is None:
        raise ValueError(
            f"layer {program.place} normalises by whole batches; call freeze_statistics(model, batches) first"
        )
    y = program.buffer(layer.n_out)
    mean, scale, beta = (
        program.floats(name, each).at("i")
        for name, each in zip(("mean", "scale", "beta"), layer.fixed_scale(), strict=True)
    )
    program.add(
        "for (size_t i = 0; i < $n; i++)\n    $y[i] = ($x[i] - $mean) * $scale + $beta;",
        n=layer.n_out,
        x=x,
        y=y,
        mean=mean,
        scale=scale,
        beta=beta,
    )
    return y


WRITERS = {BatchNorm: write}

"""Spiking units with recurrent weights in C: spikes are kept for a step, and cost a row of weights each."""

from eventsim.models.layers.c_export import lif
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.recurrent_lif import RecurrentLIF

__all__ = ["WRITERS"]


def write(layer: RecurrentLIF, program: Program, x: str) -> str:
    """Add the spikes of the step before through V to the currents, then write the units."""
    n, current = layer.n_out, program.buffer(layer.n_out)
    spikes = program.state("spikes", n, "uint8_t")
    weight = program.floats("recurrent", layer.parameters["recurrent"]).at(f"j * {n} + i")
    program.add(
        """
        for (size_t i = 0; i < $n; i++)
            $current[i] = $x[i];
        for (size_t j = 0; j < $n; j++)
            if ($spikes[j])
                for (size_t i = 0; i < $n; i++)
                    $current[i] += $weight;
        """,
        n=n,
        x=x,
        current=current,
        spikes=spikes,
        weight=weight,
    )
    y = lif.write(layer, program, current)
    program.release(current)
    program.add("for (size_t i = 0; i < $n; i++)\n    $spikes[i] = $y[i] > 0;", n=n, spikes=spikes, y=y)
    return y


WRITERS = {RecurrentLIF: write}

"""Dilated convolutions in C: a ring of the last inputs."""

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.coded_state import CodedState
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.c_export.quantized_linear import bias_numbers, weight_numbers
from eventsim.models.layers.temporal_conv import TemporalConv

__all__ = ["WRITERS"]


def write(layer: TemporalConv, program: Program, x: str) -> str:
    """Write the convolution: tap k reads the step (K - 1 - k) d before."""
    n_in, n_out, span, of = layer.n_in, layer.n_out, layer.span, layer.rounding
    quantizer, own = None if of is None else of.weight, layer.parameters
    y = linear.start_with(program, n_out, bias_numbers(program, "bias", own.get("bias"), quantizer))
    taps = own["weight"].reshape(-1, n_out)  # tap after tap, of each its inputs
    weight, place = weight_numbers(program, "weight", taps, quantizer)
    now = program.state("now", 1, "uint32_t")
    if of is None or of.state is None:
        ring = program.state("ring", span * n_in)
        read, keep = f"{ring}[at + i]", f"{ring}[{now}[0] * {n_in} + i] = in;"
    else:
        layer.state_grid()  # an error where there is no range yet
        step, least = layer.buffers["state_step"], layer.buffers["state_least"]
        kept = CodedState.add(program, "ring", span * n_in, step, least, of.state.bits, f"i % {n_in}")
        read, keep = kept.read("at + i", "i"), " ".join(kept.keep("in", f"{now}[0] * {n_in} + i", "i"))
    program.add(
        """
        for (size_t i = 0; i < $n_in; i++) {
            $real in = $x[i];
            $keep
        }
        for (size_t k = 0; k < $taps; k++) {
            const size_t back = ($taps - 1 - k) * $dilation;
            const size_t at = ($now[0] >= back ? $now[0] - back : $now[0] + $span - back) * $n_in;
            for (size_t i = 0; i < $n_in; i++) {
                const $real in = $read;
                if (in != 0)
                    for (size_t j = 0; j < $n_out; j++)
                        $y[j] += in * ($weight);
            }
        }
        $now[0] = ($now[0] + 1) % $span;
        """,
        n_in=n_in,
        n_out=n_out,
        span=span,
        taps=layer.kernel,
        dilation=layer.dilation,
        read=read,
        keep=keep,
        now=now,
        x=x,
        y=y,
        weight=weight.at(place.replace("i", f"(k * {n_in} + i)", 1), "j"),
    )
    return y


WRITERS = {TemporalConv: write}

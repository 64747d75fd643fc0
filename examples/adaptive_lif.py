"""A neuron of one's own, exact: tau_mem dv/dt = i_ext - v - w, tau_w dw/dt = -w; a spike: v = 0, w += b."""

from dataclasses import dataclass
from math import exp, inf

from scipy.optimize import brentq

import eventsim as es


@es.register("neuron", "adaptive-lif")
@dataclass(frozen=True)
class AdaptiveLIF(es.PythonNeuron):
    """LIF neuron, threshold 1, whose adaptation current w jumps by b at each spike; tau_mem < tau_w."""

    tau_mem: float = 10.0
    tau_w: float = 100.0
    b: float = 0.1
    i_ext: float = 0.0
    state = {"v": 0.0, "w": 0.0}

    def flow(self, s, v, w):
        e_v, e_w, c = exp(-s / self.tau_mem), exp(-s / self.tau_w), self.tau_w / (self.tau_w - self.tau_mem)
        return self.i_ext + (v - self.i_ext) * e_v - w * c * (e_w - e_v), w * e_w

    def time_to_spike(self, v, w):  # v falls at most once, then rises towards i_ext: one crossing at most
        if v >= 1.0 or self.i_ext <= 1.0:
            return 0.0 if v >= 1.0 else inf
        end = self.tau_mem
        while self.flow(end, v, w)[0] < 1.0:
            end *= 2.0
        return brentq(lambda s: self.flow(s, v, w)[0] - 1.0, 0.0, end, xtol=1e-14, rtol=1e-15)

    def on_input(self, weight, receptor, v, w):
        return v + weight, w

    def on_spike(self, v, w):
        return 0.0, w + self.b

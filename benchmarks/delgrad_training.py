"""A Yin-Yang epoch of DelGrad: weights and delays of a 4-30-3 network, ours beside a trainer in torch.

5000 training samples in batches of 150: forward, backward, and Adam, or a bump where spikes are missing;
tau_mem = 2 tau_syn, time-invariant loss (settings of Göltz et al. 2025). W trains weights alone, WA one delay
for each source, WS one for each synapse, through a sigmoid. The trainer in torch works on batched tensors:
arrivals sorted per target, cumulative sums over them for every candidate set of causes, the closed form for
this ratio and its closed-form derivatives as a torch function. Both start from the same parameters, see the
same batches, and must agree.
"""

import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.models.inputs.encoding import latency
from eventsim.models.training import SpikeLearner
from eventsim.models.training.losses.first_spike import TimeInvariant
from eventsim.models.training.optimisers import Adam
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(10.0, 3.0)
N_HIDDEN, BATCH = 30, 150
MARGIN, BUMP, MAX_DW, SILENT = 0.2, 5e-4, 0.2, 100.0
MAX_MISSING = {"hidden": 0.3, "label": 0.0}
RATES = {"W": (0.02, 0.0), "WA": (0.005, 0.005), "WS": (0.01, 0.003)}  # of weights and delays
LAYERS = (("hidden", "input"), ("label", "hidden"))
WARM_UP = 2  # epochs before the measured ones

Floats = NDArray[np.float64]
Parameters = dict[str, tuple[Floats, Floats | None]]  # weights, and p of the delays, by layer


def start(kind: str) -> Parameters:
    """Return random weights and delay parameters."""
    rng = np.random.default_rng(1)
    found: Parameters = {}
    for name, (n, m) in (("hidden", (4, N_HIDDEN)), ("label", (N_HIDDEN, 3))):
        weight = rng.normal(1.0, 1.0, (n, m))
        shape = {"W": None, "WA": (n, 1), "WS": (n, m)}[kind]
        found[name] = (weight, None if shape is None else rng.normal(0.0, 0.25, shape))
    return found


class Ours:
    """SpikeLearner as anybody calls it."""

    def __init__(self, kind: str, parameters: Parameters) -> None:
        neuron = es.models.LIF(tau_mem=2.0, first_spike_only=True)
        net = es.Network(time_unit="1")
        net.add("input", es.models.SpikeSource(), 4)
        net.add("hidden", neuron, N_HIDDEN)
        net.add("label", neuron, 3)
        for layer, below in LAYERS:
            weight, p = parameters[layer]
            net.connect(below, layer, weight=weight, delay=0.0 if p is None else 1 / (1 + np.exp(-p)))
        self.learner = SpikeLearner(
            net,
            "label",
            TimeInvariant(MARGIN),
            learn=("weight",) if kind == "W" else ("weight", "delay"),
            max_missing=MAX_MISSING,
            bump=BUMP,
            max_dw_norm=MAX_DW,
        )
        rates = {name: RATES[kind][name.startswith("delay")] for name in self.learner.parameters}
        self.adam = Adam(rates)

    def step(self, times: Floats, labels: NDArray[np.int64]) -> float:
        return float(self.learner.step({"input": times}, labels, self.adam).loss)


class InTorch:
    """The same with batched tensors, on one thread (more make small tensors slower)."""

    def __init__(self, kind: str, parameters: Parameters) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch

        def tensor(value: Floats) -> Any:
            return torch.tensor(value, dtype=torch.float64, requires_grad=True)

        self.weights = {name: tensor(weight) for name, (weight, _) in parameters.items()}
        self.delays = {name: tensor(p) for name, (_, p) in parameters.items() if p is not None}
        groups = [{"params": list(self.weights.values()), "lr": RATES[kind][0]}]
        if self.delays:
            groups.append({"params": list(self.delays.values()), "lr": RATES[kind][1]})
        self.adam = torch.optim.Adam(groups)
        self.layer = _spike_time_function(torch)
        self.bump, self.bumped = BUMP, ""

    def step(self, times: Floats, labels: NDArray[np.int64]) -> float:
        torch = self.torch
        spikes, layers = torch.as_tensor(times), {}
        for name, weight in self.weights.items():
            arrivals = spikes[:, :, None]
            if name in self.delays:
                arrivals = arrivals + torch.sigmoid(self.delays[name])
            layers[name] = spikes = self.layer.apply(arrivals, weight)
        target = torch.as_tensor(labels)[:, None]
        there = torch.isfinite(spikes).all(1)
        known = torch.where(there[:, None], spikes, 0.0)
        late = known - known.gather(1, target) - MARGIN
        late = late.scatter(1, target, 0.0)
        losses = torch.where(there, 0.5 * (late * late).sum(1), SILENT)
        loss = losses.mean()
        for name, found in layers.items():
            silent = torch.isinf(found)
            if float(silent.double().mean()) > MAX_MISSING[name]:
                self.bump = 2 * self.bump if self.bumped == name else BUMP
                self.bumped = name
                with torch.no_grad():
                    self.weights[name] += self.bump * silent.any(0)
                return float(loss.detach())
        self.bumped = ""
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return float(loss.detach())


def _spike_time_function(torch: Any) -> Any:
    """Return spike times as a torch function of arrivals (n_samples, n_in, n_post or 1) and weights."""

    class SpikeTime(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, arrivals: Any, weight: Any) -> Any:
            t, order = arrivals.sort(1)
            every = weight.expand(len(t), -1, -1)
            w = every.gather(1, order.expand(-1, -1, weight.shape[1]))
            grown = torch.where(torch.isfinite(t), torch.exp(0.5 * t), 0.0)
            a = 2 * (w * grown).cumsum(1)
            b = 2 * (w * grown * grown).cumsum(1)
            square = a * a - 4 * b
            u = 2 * b / (a + torch.sqrt(square.clamp(min=0.0)))
            following = torch.cat([t[:, 1:], torch.full_like(t[:, :1], torch.inf)], 1)
            valid = (square >= 0) & (b > 0) & (a > 0) & torch.isfinite(t)
            candidate = 2 * torch.log(torch.where(valid, u, 1.0))
            valid &= (candidate >= t) & (candidate <= following)
            spikes, chosen = torch.where(valid, candidate, torch.inf).min(1)
            level = torch.exp(torch.where(torch.isfinite(spikes), spikes, 0.0))
            slope = 0.5 * b.gather(1, chosen[:, None])[:, 0] / level - 0.5
            ctx.save_for_backward(arrivals, weight, spikes, slope)
            return spikes

        @staticmethod
        def backward(ctx: Any, errors: Any) -> Any:
            arrivals, weight, spikes, slope = ctx.saved_tensors
            there = torch.isfinite(spikes)
            end = torch.where(there, spikes, -torch.inf)[:, None, :]
            causal = arrivals <= end
            decay = torch.where(causal, torch.exp(0.5 * (arrivals - end)), 0.0)
            scale = torch.where(there, errors / slope, 0.0)[:, None, :]
            by_weight = 2 * scale * (decay * decay - decay)
            by_weight = torch.where(by_weight.abs().amax(1, keepdim=True) > MAX_DW, 0.0, by_weight)
            by_time = scale * weight * (2 * decay * decay - decay)
            return by_time if arrivals.shape[2] > 1 else by_time.sum(2, keepdim=True), by_weight.sum(0)

    return SpikeTime


def run(plan: Plan) -> Rows:
    """Measure epochs of ours and, where torch is installed, of the peer, interleaved."""
    n, warm_up = plan.pick(5000, 1500), plan.pick(WARM_UP, 1)
    samples, labels = es.io.datasets.yin_yang(n, 42)
    times = latency(samples)
    for kind in plan.pick(("WS", "WA", "W"), ("WS",)):
        systems: dict[str, Any] = {"eventsim": Ours(kind, start(kind))}
        if plan.has("torch"):
            systems["torch, batched, 1 thread"] = InTorch(kind, start(kind))
        wall: dict[str, list[float]] = {name: [] for name in systems}
        cpu: dict[str, list[float]] = {name: [] for name in systems}
        for epoch in range(warm_up + plan.repeats):
            plan.announce(f"{kind}, epoch {epoch + 1} of {warm_up + plan.repeats}")
            order = np.random.default_rng(epoch).permutation(len(times))
            batches = [order[low : low + BATCH] for low in range(0, len(order), BATCH)]
            losses = {}
            for name, system in systems.items():
                began, began_cpu = time.perf_counter(), time.process_time()
                losses[name] = [system.step(times[chosen], labels[chosen]) for chosen in batches]
                wall[name].append(time.perf_counter() - began)
                cpu[name].append(time.process_time() - began_cpu)
            if epoch == 0:  # the same learning; later, rounding errors have grown
                first, *others = losses.values()
                assert all(np.allclose(first, other, rtol=1e-6) for other in others), losses
        row = {"work": f"DelGrad epoch, {kind}", "n": n}
        for what, seconds in (("", wall), (", processor time", cpu)):
            for name in systems:
                value = statistics.median(seconds[name][warm_up:])
                yield row | {"work": f"{row['work']}{what}", "system": name, "value": value, "unit": "s"}

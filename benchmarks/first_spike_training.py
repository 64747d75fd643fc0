"""A Yin-Yang epoch of first-spike learning: ours beside a trainer in torch.

5000 training samples in batches of 150 (forward, backward, Adam, or a bump where spikes are missing), then
1000 validation samples; 4 inputs and a bias, 120 hidden neurons and a bias, 3 outputs, tau_mem = tau_syn
(settings of Göltz et al. 2021). The trainer in torch works on batched tensors, as the authors' does: arrivals
sorted once per layer, cumulative sums over them for every candidate set of causes, Lambert W from scipy,
closed-form derivatives as a torch function. Both start from the same weights, see the same batches, and must
agree.
"""

import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.models.inputs.encoding import bias, latency
from eventsim.models.training import SpikeLearner
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import StepDecay
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(18.0, 3.0)
N_HIDDEN, BATCH = 120, 150
BIAS_TIME, RATE, XI, ALPHA, BUMP, MAX_DW = 0.9, 0.005, 0.2, 0.005, 5e-4, 0.2
MAX_MISSING = {"hidden": 0.3, "label": 0.0}
WARM_UP = 2  # epochs before the measured ones

Floats = NDArray[np.float64]


class Ours:
    """SpikeLearner as anybody calls it for first spikes."""

    def __init__(self, weights: dict[str, Floats], threads: int = 1) -> None:
        net = es.Network(time_unit="1")
        net.add("input", es.models.SpikeSource(), 4)
        net.add("bias", es.models.SpikeSource(), 1)
        net.add("hidden", es.models.LIF(first_spike_only=True), N_HIDDEN)
        net.add("label", es.models.LIF(first_spike_only=True), 3)
        for layer, below in (("hidden", "input"), ("label", "hidden")):
            net.connect(below, layer, weight=weights[layer][:-1])
            net.connect("bias", layer, weight=weights[layer][-1:])
        self.learner = SpikeLearner(
            net, "label", learn="weight", max_missing=MAX_MISSING, max_dw_norm=MAX_DW, threads=threads
        )
        self.adam = Adam(RATE, schedule=StepDecay(20, 0.95))

    def inputs(self, times: Floats) -> dict[str, Floats]:
        return {"input": times, "bias": bias(BIAS_TIME)}

    def step(self, times: Floats, labels: NDArray[np.int64]) -> float:
        return float(self.learner.step(self.inputs(times), labels, self.adam).loss)

    def score(self, times: Floats, labels: NDArray[np.int64]) -> float:
        return float(self.learner.score(self.inputs(times), labels))


class InTorch:
    """The same with batched tensors, on one thread (more make small tensors slower)."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        self.weights = {
            name: torch.tensor(weight, dtype=torch.float64, requires_grad=True)
            for name, weight in weights.items()
        }
        self.adam = torch.optim.Adam(self.weights.values(), lr=RATE)
        self.layer = _spike_time_function(torch)
        self.bump, self.bumped = BUMP, ""

    def forward(self, times: Floats) -> dict[str, Any]:
        torch = self.torch
        spikes, layers = torch.as_tensor(times), {}
        for name, weight in self.weights.items():
            arrivals = torch.cat([spikes, torch.full((len(spikes), 1), BIAS_TIME, dtype=torch.float64)], 1)
            layers[name] = spikes = self.layer.apply(arrivals, weight)
        return layers

    def step(self, times: Floats, labels: NDArray[np.int64]) -> float:
        torch = self.torch
        layers = self.forward(times)
        outputs, target = layers["label"], torch.as_tensor(labels)[:, None]
        correct = outputs.gather(1, target)
        differences = (correct - outputs) / XI
        losses = torch.logsumexp(differences, 1) + ALPHA * torch.exp(correct[:, 0])
        losses = torch.where(torch.isfinite(correct[:, 0]), losses, 100.0)
        loss = losses.mean()
        for name, spikes in layers.items():
            silent = torch.isinf(spikes)
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

    def score(self, times: Floats, labels: NDArray[np.int64]) -> float:
        with self.torch.no_grad():
            outputs = self.forward(times)["label"].numpy()
        return float((np.isfinite(outputs.min(1)) & (outputs.argmin(1) == labels)).mean())


def _spike_time_function(torch: Any) -> Any:
    """Return spike times as a torch function of arrivals (n_samples, n_in) and weights (n_in, n_post)."""
    from scipy.special import lambertw

    class SpikeTime(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, arrivals: Any, weight: Any) -> Any:
            t, order = arrivals.sort(1)
            finite = torch.isfinite(t)
            late = torch.where(finite, t, 0.0)
            w = weight[order] * finite[:, :, None]
            grown = w * torch.exp(late)[:, :, None]
            a, b = grown.cumsum(1), (grown * late[:, :, None]).cumsum(1)
            ratio = b / a
            z = -torch.exp(ratio) / a
            branch = torch.as_tensor(lambertw(z.numpy()).real)
            candidate = ratio - branch
            following = torch.cat([t[:, 1:], torch.full((len(t), 1), torch.inf, dtype=t.dtype)], 1)
            valid = (z >= -np.exp(-1)) & (a > 0) & finite[:, :, None]
            valid &= (candidate >= t[:, :, None]) & (candidate <= following[:, :, None])
            candidate = torch.where(valid, candidate, torch.inf)
            spikes, chosen = candidate.min(1)
            scale = (a * (1 + branch)).gather(1, chosen[:, None])[:, 0]
            ctx.save_for_backward(arrivals, weight, spikes, scale)
            return spikes

        @staticmethod
        def backward(ctx: Any, errors: Any) -> Any:
            arrivals, weight, spikes, scale = ctx.saved_tensors
            t, end = arrivals[:, :, None], spikes[:, None, :]
            causal = (t <= end) & torch.isfinite(end) & torch.isfinite(t)
            lag = torch.where(causal, end - t, 0.0)
            grown = torch.where(causal, torch.exp(t), 0.0) / scale[:, None, :]
            errors = torch.where(torch.isfinite(spikes), errors, 0.0)[:, None, :]
            by_weight = -errors * grown * lag
            by_weight = torch.where(by_weight.abs().amax(1, keepdim=True) > MAX_DW, 0.0, by_weight)
            by_time = errors * weight * grown * (1 - lag)
            return by_time.sum(2), by_weight.sum(0)

    return SpikeTime


def run(plan: Plan) -> Rows:
    """Measure epochs of ours and, where torch is installed, of the peer, interleaved."""
    rng = np.random.default_rng(1)
    weights = {
        "hidden": rng.normal(1.5, 0.8, (5, N_HIDDEN)),
        "label": rng.normal(0.5, 0.8, (N_HIDDEN + 1, 3)),
    }
    systems: dict[str, Any] = {"eventsim": Ours(weights)}
    if plan.has("torch"):
        systems["torch, batched, 1 thread"] = InTorch(weights)
    n, warm_up = plan.pick(5000, 1500), plan.pick(WARM_UP, 1)
    train, validation = es.io.datasets.yin_yang(n, 42), es.io.datasets.yin_yang(n // 5, 41)
    times, check = latency(train[0]), latency(validation[0])
    wall: dict[str, list[float]] = {name: [] for name in systems}
    cpu: dict[str, list[float]] = {name: [] for name in systems}
    for epoch in range(warm_up + plan.repeats):
        plan.announce(f"epoch {epoch + 1} of {warm_up + plan.repeats}")
        order = np.random.default_rng(epoch).permutation(len(times))
        batches = [order[low : low + BATCH] for low in range(0, len(order), BATCH)]
        results = {}
        for name, system in systems.items():
            began, began_cpu = time.perf_counter(), time.process_time()
            losses = [system.step(times[chosen], train[1][chosen]) for chosen in batches]
            results[name] = (float(np.mean(losses)), system.score(check, validation[1]))
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - began_cpu)
        if epoch == 0:  # the same learning; later, rounding errors have grown
            first, *others = results.values()
            assert all(np.allclose(first, other, rtol=1e-6) for other in others), results
    row = {"work": "W3 Yin-Yang epoch", "n": n}
    for what, seconds in (("", wall), (", processor time", cpu)):
        for name in systems:
            value = statistics.median(seconds[name][warm_up:])
            yield row | {"work": f"{row['work']}{what}", "system": name, "value": value, "unit": "s"}

"""Layers of sequence models at the edge beside the same layers in torch: forward and backward pass, float32.

"minGRU": the log-space form; torch computes it as its users do, by a sum of logarithms along time.
"delay convolution": 8 taps in a window of 64 steps with learnable positions; torch convolves with the dense
kernel. "S4D, convolution": 32 complex states a head; torch takes powers of the poles and Fourier transforms,
as the minimal public code. "S4D, quantised": the recurrent form with poles and states of 8 bits; torch takes
a step at a time, rounding straight through, an eighth of the sequence, since it keeps every step.

The last lines are one step of a stream (batch 1) through S4D-64h: encoder, 64 heads with 32 complex states,
GELU, map, gated unit, residual, norm, decoder; in full precision, and with weights, states and activations of
8 bits. Layer by layer, compiled, and as a population of the engine.

Both sides must agree on the outputs. One thread each; milliseconds of processor time, medians over
repeats in turn; ratios are medians of those of the repeats.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(60.0, 5.0)

Array = np.ndarray
Layer = es.models.layers.Layer
Run = Callable[[], Any]


def tensors(layer: Layer) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(array, requires_grad=True) for name, array in layer.parameters.items()}


def ours(layer: Layer, x: Array, dy: Array) -> Run:
    def run() -> Any:
        y = layer.forward(x, training=True)
        layer.backward(dy)
        return y

    return run


def in_torch(layer: Layer, x: Array, dy: Array, function: Callable[[Any, dict[str, Any]], Any]) -> Run:
    import torch

    own, given, errors = tensors(layer), torch.tensor(x, requires_grad=True), torch.tensor(dy)

    def run() -> Any:
        for each in (given, *own.values()):
            each.grad = None
        y = function(given, own)
        y.backward(errors)
        return y.detach().numpy()

    return run


def min_gru(x: Any, own: dict[str, Any]) -> Any:
    import torch
    from torch.nn.functional import softplus

    v, a = x @ own["gate_weight"] + own["gate_bias"], x @ own["weight"] + own["bias"]
    log_candidate = torch.where(a >= 0, (torch.relu(a) + 0.5).log(), -softplus(-a))
    decay = torch.cumsum(-softplus(v), 0)
    return (decay + torch.logcumsumexp(log_candidate - softplus(-v) - decay, 0)).exp()


def delay_conv(x: Any, own: dict[str, Any]) -> Any:
    import torch
    from torch.nn.functional import conv1d, pad

    tau = torch.arange(64.0)
    bumps = torch.relu(1 - (tau - own["position"][..., None]).abs())
    kernel = (own["weight"][..., None] * bumps).sum(1).flip(-1)
    y = conv1d(pad(x.permute(1, 2, 0), (63, 0)), kernel[:, None], groups=x.shape[2])
    return y.permute(2, 0, 1)


def discrete(own: dict[str, Any]) -> tuple[Any, Any, Any]:
    import torch

    pole, delta = -own["a"].exp() + 1j * own["b"], own["log_delta"].exp()[:, None]
    bar = torch.exp(delta * pole)
    return delta * pole, (bar - 1) / pole * torch.view_as_complex(own["B"]), torch.view_as_complex(own["C"])


def s4d(x: Any, own: dict[str, Any]) -> Any:
    import torch

    exponent, gain, output = discrete(own)
    steps = len(x)
    powers = torch.exp(exponent[..., None] * torch.arange(steps))
    kernel = 2 * torch.einsum("hn,hnl->hl", output * gain, powers).real
    u = x.permute(1, 2, 0)
    product = torch.fft.rfft(u, 2 * steps) * torch.fft.rfft(kernel, 2 * steps)
    y = torch.fft.irfft(product, 2 * steps)[..., :steps] + own["D"][:, None] * u
    return y.permute(2, 0, 1)


def quantised(layer: Any) -> Callable[[Any, dict[str, Any]], Any]:
    import torch

    step, least = (torch.tensor(layer.buffers[name]) for name in ("state_step", "state_least"))
    bar_q = torch.tensor(layer.used()[0].astype(np.complex64))

    def part(x: Any, k: int) -> Any:
        x = x.clamp(-50, 50)
        s, low = step[:, k, None], least[:, k, None]
        rounded = torch.clamp(torch.round(x.detach() / s), low, low + 255) * s
        return x + (rounded - x).detach()

    def function(x: Any, own: dict[str, Any]) -> Any:
        exponent, gain, output = discrete(own)
        bar = torch.exp(exponent)
        bar = bar + (bar_q - bar).detach()
        state, outputs = torch.zeros(*x.shape[1:], bar.shape[1], dtype=torch.complex64), []
        for u in x:
            state = bar * state + gain * u[..., None]
            state = torch.complex(part(state.real, 0), part(state.imag, 1))
            outputs.append(2 * (output * state).real.sum(-1) + own["D"] * u)
        return torch.stack(outputs)

    return function


def works(plan: Plan) -> dict[str, tuple[Any, int, Any, float]]:
    """Return layers, numbers of steps, functions in torch, and the part of outputs that may differ."""
    layers = es.models.layers
    steps = plan.pick(784, 98)
    eight = layers.StateSpaceQuantization(pole=layers.Quantizer(8), state=layers.Quantizer(8))
    return {
        "minGRU": (layers.MinGRU(positive=True), steps, lambda layer: min_gru, 0.0),
        "delay convolution": (layers.DelayConv(8, 64), steps, lambda layer: delay_conv, 0.0),
        "S4D, convolution": (layers.S4D(64), steps, lambda layer: s4d, 0.0),
        # A state within rounding of a tie may go the other way.
        "S4D, quantised": (layers.S4D(64, quantization=eight), plan.pick(98, 24), quantised, 0.2),
    }


def run(plan: Plan) -> Rows:
    """Measure each layer, and torch in turn where it is installed."""
    batch = n = plan.pick(64, 16)
    for work, (layer, steps, function, may_differ) in works(plan).items():
        rng = np.random.default_rng(0)
        layer.build(n, rng)
        x, dy = rng.normal(0.0, 1.0, (2, steps, batch, n)).astype(np.float32)
        if isinstance(layer, es.models.layers.S4D):
            layer.calibrate(x)
        sides = {"eventsim": ours(layer, x, dy)}
        if plan.has("torch"):
            import torch

            torch.set_num_threads(1)
            sides["torch"] = in_torch(layer, x, dy, function(layer))
            mine, theirs = sides["eventsim"](), sides["torch"]()
            differs = float((np.abs(mine - theirs) > 2e-3 * np.abs(theirs).max()).mean())
            if differs > may_differ:
                raise ArithmeticError(f"{work}: {differs:.2%} of the outputs differ")
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for repeat in range(plan.repeats + 1):
            plan.announce(f"{work}, {repeat + 1} of {plan.repeats + 1}")
            for name, side in sides.items():
                begin = time.process_time()
                side()
                if repeat:
                    taken[name].append((time.process_time() - begin) * 1e3)
        row = {"work": f"{work}, {steps} steps", "n": batch}
        for name, each in taken.items():
            yield row | {"system": name, "value": statistics.median(each), "unit": "ms"}
        if "torch" in taken:
            ratios = [a / b for a, b in zip(taken["torch"], taken["eventsim"], strict=True)]
            yield row | {
                "system": "eventsim, torch / eventsim",
                "value": statistics.median(ratios),
                "unit": "times",
            }
    yield from streams(plan)


def streams(plan: Plan) -> Rows:
    """Measure a step of a stream through S4D-64h: layer by layer, at once, in the engine."""
    layers, rng = es.models.layers, np.random.default_rng(0)
    n = plan.pick(64, 16)
    inner = [layers.S4D(64), layers.GELU("tanh"), layers.Linear(2 * n), layers.GLU()]
    exact = layers.Sequential(
        [layers.Linear(n), layers.Residual(inner), layers.LayerNorm(), layers.Linear(10)]
    )
    exact.build(1, rng)
    x = rng.random((plan.pick(4000, 300), 1, 1)).astype(np.float32)
    rounded = layers.rounded_model(exact, layers.RoundingPlan(*[layers.Quantizer(8)] * 4))
    layers.calibrate(rounded, [(x[:200], None)])
    for name, model in (("S4D-64h", exact), ("S4D-64h, 8 bits", rounded)):
        for system, side in _sides(model, x).items():
            taken = []
            for repeat in range(plan.repeats):
                plan.announce(f"{name}, {system}, {repeat + 1} of {plan.repeats}")
                begin = time.process_time()
                steps = side()
                taken.append((time.process_time() - begin) / steps * 1e6)
            row = {"work": f"{name}, one step of a stream", "n": 1, "system": f"eventsim, {system}"}
            yield row | {"value": statistics.median(taken), "unit": "us"}


def _sides(model: Any, x: Array) -> dict[str, Callable[[], int]]:
    """Return functions that run a stream and return the number of steps."""
    layers = es.models.layers
    net = es.Network()
    population = layers.LayerStream(model, 1.0)
    net.add("model", population, population.n)

    def by_layer() -> int:
        state = model.init_state(1)
        for x_t in x[:400]:
            _, state = model.step(x_t, state)
        return len(x[:400])

    def at_once() -> int:
        compiled = layers.compiled_stream(model, 1)
        assert compiled is not None
        for x_t in x:
            compiled.step(x_t)
        return len(x)

    def in_the_engine() -> int:
        shown = np.zeros((len(x), population.n))
        shown[:, :1] = x[:, 0]
        sim = es.Simulation(net, dt=1.0)
        sim.set_input("model", shown, every=1.0)
        sim.run_ticks(len(x))
        return len(x)

    return {"step": by_layer, "compiled_stream": at_once, "engine, a tick": in_the_engine}

"""Layers for sequences beside the same layers in torch: forward and backward pass, float32, one thread each.

"lif": spiking units with trained decay, box surrogate, a spike's reset one step late; in torch the loop over
time is Python with one autograd function for the spike, its inputs unbound along time, as its users write it.
"convolution": causal and dilated, all channels with all channels; in torch `Conv1d` on (batch, channel,
time), whose padding is not counted. Both sides must agree on the results. Milliseconds of processor time,
medians over repeats in turn; ratios are medians of those of the repeats. Two threads are beside one by the
clock.

The last lines are one step of a stream (batch 1) through 4 layers of 128 spiking units.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(25.0, 3.0)

Run = Callable[[], Any]


def lif(steps: int, batch: int, n: int) -> tuple[es.models.layers.Layer, np.ndarray]:
    rng = np.random.default_rng(0)
    layer = es.models.layers.LIF(tau=10.0, train_alpha=True)
    layer.build(n, rng)
    return layer, rng.normal(0.3, 0.5, (steps, batch, n)).astype(np.float32)


def convolution(steps: int, batch: int, n: int) -> tuple[es.models.layers.Layer, np.ndarray]:
    rng = np.random.default_rng(0)
    layer = es.models.layers.TemporalConv(n, 5, dilation=4, bias=False)
    layer.build(n, rng)
    return layer, rng.normal(0.0, 1.0, (steps, batch, n)).astype(np.float32)


def ours(layer: es.models.layers.Layer, x: np.ndarray, dy: np.ndarray, threads: int) -> Run:
    def run() -> Any:
        layer.threads = threads
        y = layer.forward(x, training=True)
        dx = layer.backward(dy)
        return y, dx

    return run


def lif_in_torch(layer: es.models.layers.Layer, x: np.ndarray, dy: np.ndarray) -> Run:
    import torch

    class Spike(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, v: Any) -> Any:
            ctx.save_for_backward(v)
            return (v > 0).to(v.dtype)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (v,) = ctx.saved_tensors
            return g * (v.abs() < 0.5)

    alpha = torch.tensor(layer.parameters["alpha"], requires_grad=True)
    given, errors = torch.tensor(x, requires_grad=True), torch.tensor(dy)

    def run() -> Any:
        given.grad = alpha.grad = None
        decay, v = alpha.clamp(1e-5, 0.98), torch.zeros(x.shape[1:])
        s, out = v, []
        for current in given.unbind(0):
            v = decay * v + current - s
            s = Spike.apply(v - 1.0)
            out.append(s)
        y = torch.stack(out)
        y.backward(errors)
        return y.detach().numpy(), given.grad.numpy()

    return run


def convolution_in_torch(layer: es.models.layers.Layer, x: np.ndarray, dy: np.ndarray) -> Run:
    import torch

    weight = layer.parameters["weight"]
    conv = torch.nn.Conv1d(weight.shape[1], weight.shape[2], weight.shape[0], dilation=4, bias=False)
    conv.weight.data = torch.tensor(weight.transpose(2, 1, 0).copy())
    padding = (weight.shape[0] - 1) * 4
    padded = np.pad(x.transpose(1, 2, 0), ((0, 0), (0, 0), (padding, 0)))
    given = torch.tensor(padded, requires_grad=True)
    errors = torch.tensor(dy.transpose(1, 2, 0).copy())

    def run() -> Any:
        conv.zero_grad()
        given.grad = None
        y = conv(given)
        y.backward(errors)
        return y.detach().numpy().transpose(2, 0, 1), given.grad.numpy()[:, :, padding:].transpose(2, 0, 1)

    return run


WORKS = {"lif": (lif, lif_in_torch, 100), "convolution": (convolution, convolution_in_torch, 200)}


def milliseconds(run: Run) -> tuple[float, float]:
    """Return processor time and time by the clock."""
    begin = time.process_time(), time.perf_counter()
    run()
    return (time.process_time() - begin[0]) * 1e3, (time.perf_counter() - begin[1]) * 1e3


def run(plan: Plan) -> Rows:
    """Measure both layers, one step of a stream, and torch in turn where it is installed."""
    for work, (make, peer, steps) in WORKS.items():
        batch, n = plan.pick((256, 128), (64, 64))
        layer, x = make(plan.pick(steps, steps // 2), batch, n)
        dy = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
        sides = {"eventsim": ours(layer, x, dy, 1), "eventsim, two threads": ours(layer, x, dy, 2)}
        if plan.has("torch"):
            import torch

            torch.set_num_threads(1)
            sides["torch"] = peer(layer, x, dy)
            mine, theirs = sides["eventsim"](), sides["torch"]()
            for one, other in zip(mine, theirs, strict=True):
                if not np.allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max()):
                    raise ArithmeticError(f"{work}: results differ by {np.abs(one - other).max()}")
            del mine, theirs, one, other
        taken: dict[str, list[float]] = {name: [] for name in sides}
        by_clock: dict[str, list[float]] = {name: [] for name in sides}
        for repeat in range(plan.repeats + 1):
            plan.announce(f"{work}, {repeat + 1} of {plan.repeats + 1}")
            for name, side in sides.items():
                processor, clock = milliseconds(side)
                if repeat:
                    taken[name].append(processor)
                    by_clock[name].append(clock)
        row = {"work": work, "n": batch}
        for name, each in taken.items():
            yield row | {"system": name, "value": statistics.median(each), "unit": "ms"}
        ratios = {"one / two threads, by the clock": [by_clock[name] for name in list(sides)[:2]]}
        if "torch" in taken:
            ratios["torch / eventsim"] = [taken["torch"], taken["eventsim"]]
        for name, (above, below) in ratios.items():
            value = statistics.median(a / b for a, b in zip(above, below, strict=True))
            yield row | {"system": name, "value": value, "unit": "times"}
    yield from stream(plan)


def stream(plan: Plan) -> Rows:
    """Measure a step of a stream through 4 layers of 128 units: layer by layer, at once, in the engine."""
    layers, rng = es.models.layers, np.random.default_rng(0)
    parts = [part for _ in range(4) for part in (layers.Linear(128, bias=False), layers.LIF(10.0))]
    model = layers.Sequential([*parts, layers.Linear(10), layers.LeakyReadout(20.0)])
    model.build(128, rng)
    x = (rng.random((plan.pick(5000, 500), 1, 128)) < 0.1).astype(np.float32)

    def by_layer() -> None:
        state = model.init_state(1)
        for x_t in x:
            _, state = model.step(x_t, state)

    def at_once() -> None:
        compiled = layers.compiled_stream(model, 1)
        assert compiled is not None
        for x_t in x:
            compiled.step(x_t)

    net = es.Network()
    population = layers.LayerStream(model, 1.0)
    net.add("model", population, population.n)

    def in_the_engine() -> None:
        sim = es.Simulation(net, dt=1.0)
        sim.set_input("model", x[:, 0].astype(np.float64), every=1.0)
        sim.run_ticks(len(x))

    for name, run_it in (("step", by_layer), ("compiled_stream", at_once), ("engine, a tick", in_the_engine)):
        values = [milliseconds(run_it)[0] / len(x) * 1e3 for _ in range(plan.repeats)]
        row = {"work": "4 x 128 units, one step", "n": 1, "system": f"eventsim, {name}"}
        yield row | {"value": statistics.median(values), "unit": "us"}

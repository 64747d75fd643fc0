"""A Yin-Yang training step of 5-20-3, LIF, QIF and exponential neurons, beside Eventax; without --quick.

256 samples: forward, loss of first spikes, and all derivatives in weights, in one thread. Eventax solves the
equations in steps with Tsit5 and is compiled by XLA; the compilation is not measured. Its first spikes must
be ours to 1e-4 tau_syn. Both are measured in turn: CPU time, the median over the repeats.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.models.inputs.encoding import latency
from eventsim.models.training import SpikeLearner
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(600.0, 1.0)
N, HIDDEN, OUT = 256, 20, 3
UNTIL, STEP, AGREE = 8.0, 0.02, 1e-4  # tau_syn
PEAK = 1.8  # of the exponential neurons, where both detect a spike

Floats = NDArray[np.float64]


def neurons() -> dict[str, tuple[Any, float, dict[str, Any]]]:
    """Return our neuron, the mean weight, and the options of Eventax, by its name of the model."""
    m = es.models
    upstroke: dict[str, Any] = {
        "v_leak": 0.0,
        "v_t": 1.0,
        "delta_t": 0.3,
        "v_peak": PEAK,
        "v_reset": 0.0,
        "v_init": 0.0,
    }
    tau = {"tmem": 2.0, "tsyn": 1.0}
    return {
        "LIF": (m.LIF(tau_mem=2.0, c_mem=2.0), 2.5, {**tau, "thresh": 1.0}),
        "QIF": (m.QIF(tau_mem=2.0, c_mem=2.0), 4.0, tau),
        "EIF": (
            m.ExponentialIF(c_mem=2.0, g_leak=1.0, tau_syn=1.0, tolerance=1e-7, **upstroke),
            3.0,
            {**tau, "deltaT": 0.3, "v_peak": PEAK, "spike_time_tol": None},
        ),
    }


def inputs() -> tuple[Floats, NDArray[np.int64]]:
    """Return the input times (N, 5), a bias among them, and the labels."""
    samples, labels = es.io.datasets.yin_yang(N, 42)
    times = latency(samples, 0.15, 2.0)
    return np.column_stack([times, np.full(N, 0.9)]), labels


def ours(neuron: Any, weights: list[Floats]) -> SpikeLearner:
    """Return a learner of the network."""
    net = es.Network()
    net.add("input", es.models.SpikeSource(), 5)
    net.add("hidden", neuron, HIDDEN)
    net.add("label", neuron, OUT)
    net.connect("input", "hidden", weight=weights[0])
    net.connect("hidden", "label", weight=weights[1])
    return SpikeLearner(net, "label", learn=("weight",), until=UNTIL)


def theirs(name: str, options: dict[str, Any], weights: list[Floats]) -> tuple[Callable[..., Any], ...]:
    """Return two compiled functions of times and labels: the first spikes, and loss and derivatives."""
    import diffrax
    import equinox
    import eventax.neuron_models
    import jax
    import jax.numpy as jnp
    import optimistix
    from eventax.evnn import FFEvNN

    jax.config.update("jax_enable_x64", True)
    all_weights = np.zeros((HIDDEN + OUT + 5, HIDDEN + OUT))
    all_weights[HIDDEN + OUT :, :HIDDEN] = weights[0]
    all_weights[:HIDDEN, HIDDEN:] = weights[1]
    net = FFEvNN(
        layers=[HIDDEN, OUT],
        in_size=5,
        neuron_model=getattr(eventax.neuron_models, name),
        max_solver_time=UNTIL,
        key=jax.random.PRNGKey(0),
        init_weights=jnp.asarray(all_weights),
        init_bias=jnp.zeros(HIDDEN + OUT),
        solver_stepsize=STEP,
        solver=diffrax.Tsit5(),
        root_finder=optimistix.Newton(1e-9, 1e-9, optimistix.rms_norm),
        max_event_steps=256,
        output_no_spike_value=np.inf,
        dtype=jnp.float64,
        **options,
    )

    def first_spikes(net: Any, times: Any) -> Any:
        return jax.vmap(lambda each: net.ttfs(each[:, None]))(times)

    def loss(net: Any, times: Any, labels: Any) -> Any:
        found = first_spikes(net, times)
        correct = found[jnp.arange(N), labels]
        late = jnp.where(jnp.isfinite(found), found, 1e3)
        return jnp.where(
            jnp.isfinite(correct), jax.nn.logsumexp((correct[:, None] - late) / 0.2, axis=1), 0.0
        ).mean()

    one, both = equinox.filter_jit(first_spikes), equinox.filter_jit(equinox.filter_value_and_grad(loss))
    return (
        lambda times, labels: np.asarray(one(net, times)),
        lambda times, labels: jax.block_until_ready(both(net, times, labels)),
    )


def run(plan: Plan) -> Rows:
    """Measure a step of each neuron, ours and theirs in turn."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    times, labels = inputs()
    for name, (neuron, mean, options) in neurons().items():
        rng = np.random.default_rng(1)
        weights = [rng.normal(mean, mean, (5, HIDDEN)), rng.normal(mean / 4, mean / 4, (HIDDEN, OUT))]
        learner = ours(neuron, weights)
        steps: dict[str, Callable[[], Any]] = {
            "eventsim": lambda learner=learner: learner.gradients({"input": times}, labels)  # type: ignore[misc]
        }
        if plan.has("eventax") and not plan.quick:
            plan.announce(f"{name}: Eventax is compiled")
            spikes, step = theirs(name, options, weights)
            difference = np.abs(spikes(times, labels) - learner.first_spikes({"input": times}))
            worst = np.nanmax(difference)  # inf - inf where both are silent
            if not worst < AGREE:
                raise ArithmeticError(
                    f"{name}: first spikes differ by {worst:g} tau_syn from those of Eventax"
                )
            steps["eventax"] = lambda step=step: step(times, labels)  # type: ignore[misc]
        plan.announce(f"a step of {name}")
        found: dict[str, list[float]] = {system: [] for system in steps}
        for repeat in range(plan.repeats + 1):
            for system, each in steps.items():
                start = time.process_time()
                each()
                if repeat:
                    found[system].append((time.process_time() - start) * 1e3)
        for system, each_time in found.items():
            value = statistics.median(each_time)
            yield {"work": f"{name} 5-20-3", "n": N, "system": system, "value": value, "unit": "ms/step"}

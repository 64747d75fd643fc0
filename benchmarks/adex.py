"""A thousand AdEx neurons for one second, beside NEST's `aeif_psc_exp`; and how exact spike times are.

Each neuron has 80 excitatory and 20 inhibitory inputs from the others (30 and -150 pA, 1.5 ms late), a
constant current of its own, and in "poisson" 2000 Hz of Poisson input. Ours follow their equations with a
tolerance of 1e-10, and a spike has its own time. NEST's solver has a tolerance of 1e-6 and puts spikes on its
grid of 0.1 ms, an easier task. Results are CPU seconds of the run alone, the median over the repeats, both in
turn in one process, on one thread. The last row is the largest error of our spike times, of single neurons
against scipy's integration with a tolerance of 1e-13.
"""

import contextlib
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(120.0, 5.0)
N, N_EXCITATORY, K_EXCITATORY, K_INHIBITORY = 1000, 800, 80, 20
W_EXCITATORY, W_INHIBITORY, DELAY, T_REF = 30.0, -150.0, 1.5, 2.0  # pA, ms
CASES = {  # Hz and pA of the Poisson input, mean constant current in pA, accepted mean rates in Hz
    "poisson": (2000.0, 30.0, 400.0, (8.0, 25.0)),
    "dc": (0.0, 0.0, 800.0, (12.0, 35.0)),
}

Floats = NDArray[np.float64]
Measured = tuple[float, float]  # CPU seconds, mean rate in Hz


def drawn(case: str, seed: int) -> tuple[Floats, Floats, np.random.Generator]:
    """Return currents and first potentials of all neurons, shape (N,), and what draws the rest."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.9, 1.1, N) * CASES[case][2], rng.uniform(-70.0, -55.0, N), rng


def ours(case: str, seed: int, duration: float) -> Measured:
    rate, weight, *_ = CASES[case]
    currents, potentials, rng = drawn(case, seed)
    excitatory = rng.integers(0, N_EXCITATORY, (N, K_EXCITATORY))
    inhibitory = rng.integers(N_EXCITATORY, N, (N, K_INHIBITORY))
    weights = np.zeros((N, N))
    target = np.arange(N)[:, None]
    np.add.at(weights, (excitatory, target), W_EXCITATORY)
    np.add.at(weights, (inhibitory, target), W_INHIBITORY)
    net = es.Network(seed=seed)
    net.add("cells", es.models.AdEx(i_ext=currents, v_init=potentials, t_ref=T_REF), N)
    net.connect("cells", "cells", weight=weights, delay=DELAY)
    if rate:
        net.add("drive", es.models.Poisson(rate=rate), N)
        net.connect("drive", "cells", es.connect.one_to_one(), weight=weight, delay=0.1)
    sim = es.Simulation(net)
    assert sim.schedule  # builds
    started = time.process_time()
    sim.run(duration)
    return time.process_time() - started, len(sim.spikes("cells")) / N * 1e3 / duration


def nest_run() -> Callable[[str, int, float], Measured]:
    """Return a function that builds and runs a case in NEST."""
    with contextlib.redirect_stdout(io.StringIO()):  # it greets
        import nest

    nest.verbosity = nest.VerbosityLevel.ERROR

    def run(case: str, seed: int, duration: float) -> Measured:
        rate, weight, *_ = CASES[case]
        currents, potentials, _ = drawn(case, seed)
        model = es.models.AdEx()
        nest.ResetKernel()
        nest.set(resolution=0.1, local_num_threads=1, rng_seed=seed + 1)
        cells = nest.Create(
            "aeif_psc_exp",
            N,
            params={
                "C_m": model.c_mem,
                "g_L": model.g_leak,
                "E_L": model.v_leak,
                "V_th": model.v_t,
                "Delta_T": model.delta_t,
                "V_peak": model.v_peak,
                "V_reset": model.v_reset,
                "a": model.a,
                "b": model.b,
                "tau_w": model.tau_w,
                "tau_syn_ex": model.tau_syn,
                "tau_syn_in": model.tau_syn,
                "t_ref": T_REF,
            },
        )
        cells.I_e, cells.V_m = currents, potentials
        for pre, k, w in (
            (cells[:N_EXCITATORY], K_EXCITATORY, W_EXCITATORY),
            (cells[N_EXCITATORY:], K_INHIBITORY, W_INHIBITORY),
        ):
            rule = {"rule": "fixed_indegree", "indegree": k, "allow_autapses": True, "allow_multapses": True}
            nest.Connect(pre, cells, rule, {"weight": w, "delay": DELAY})
        if rate:
            drive = nest.Create("poisson_generator", params={"rate": rate})
            nest.Connect(drive, cells, "all_to_all", {"weight": weight, "delay": 0.1})
        recorder = nest.Create("spike_recorder")
        nest.Connect(cells, recorder)
        started = time.process_time()
        nest.Simulate(duration)
        return time.process_time() - started, recorder.n_events / N * 1e3 / duration

    return run


def worst_error(n: int) -> float:
    """Return the largest error of the spike times of n single neurons with random inputs, in ms."""
    from scipy.integrate import solve_ivp

    duration, worst = 200.0, 0.0
    model = es.models.AdEx(i_ext=500.0, t_ref=T_REF)

    def peak(_: float, x: Floats, held: bool) -> float:
        return float(x[0])

    peak.terminal, peak.direction = True, 1.0  # type: ignore[attr-defined]

    def slope(t: float, x: Floats, held: bool) -> Floats:
        """The published equations with the published parameters, apart from the compiled ones."""
        v, i, w = x
        leak = 30.0 * (-70.6 - v + 2.0 * np.exp((v + 50.4) / 2.0))
        dv = 0.0 if held else (leak - w + i + 500.0) / 281.0
        return np.array([dv, -i / 5.0, (4.0 * (v + 70.6) - w) / 144.0])

    for seed in range(n):
        rng = np.random.default_rng(seed)
        arrivals, weights = np.sort(rng.uniform(0.0, duration, 100)), rng.normal(60.0, 150.0, 100)
        net = es.Network()
        net.add("in", es.models.SpikeSource(times=arrivals, units=np.arange(100)), 100)
        net.add("cell", model, 1)
        net.connect("in", "cell", weight=weights[:, None])
        sim = es.Simulation(net)
        sim.run(duration)
        t, x, ready, spikes = 0.0, np.array([-70.6, 0.0, 0.0]), -1.0, []
        for stop, weight in zip([*arrivals, duration], [*weights, 0.0], strict=True):
            while t < stop:
                held = t < ready
                end = min(stop, ready) if held else stop
                events = None if held else peak
                found = solve_ivp(
                    slope, (t, end), x, "DOP853", events=events, args=(held,), rtol=1e-13, atol=1e-13
                )
                t, x = float(found.t[-1]), found.y[:, -1]
                if not held and len(found.t_events[0]):
                    spikes.append(t)
                    ready, x = t + T_REF, np.array([-60.0, x[1], x[2] + 80.5])
            x = x + np.array([0.0, weight, 0.0])
        worst = max(worst, float(np.abs(sim.spikes("cell").times - spikes).max()))
    return worst


def run(plan: Plan) -> Rows:
    """Measure both cases, then the error."""
    duration = 100.0 if plan.quick else 1000.0
    running: dict[str, Callable[[str, int, float], Measured]] = {"eventsim": ours}
    if plan.has("nest"):
        running["NEST aeif_psc_exp, grid"] = nest_run()
    for case, (*_, accepted) in CASES.items():
        seconds: dict[str, list[float]] = {name: [] for name in running}
        for repeat in range(plan.repeats):
            for name, simulate in running.items():
                plan.announce(f"{case}, {name}, {repeat + 1} of {plan.repeats}")
                spent, rate = simulate(case, repeat, duration)
                if not accepted[0] <= rate <= accepted[1]:
                    raise ArithmeticError(
                        f"{name} fires at {rate:.2f} Hz in {case}, accepted are {accepted} Hz"
                    )
                seconds[name].append(spent)
        for name, values in seconds.items():
            value = statistics.median(values)
            yield {"work": f"AdEx {case}", "system": name, "n": N, "value": value, "unit": "s"}
    plan.announce("spike times of single neurons against scipy")
    value = worst_error(1 if plan.quick else 5)
    yield {"work": "AdEx worst error", "system": "eventsim", "n": 1, "value": value, "unit": "ms"}

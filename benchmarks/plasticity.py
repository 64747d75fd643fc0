"""W2 with plastic synapses, by pairs of spikes or by rewards, and cells whose synapses see their membranes.

The network is that of W2 with Poisson input (see `balanced_network`). Its excitatory-to-excitatory
connections, 6.4 million at N = 10 000, follow additive STDP of all pairs ("STDP"), or, at N = 1000, STDP that
ten rewards a second turn into changes ("reward"). NEST runs the same with `stdp_synapse` or
`stdp_dopamine_synapse` and its exact neurons (`iaf_psc_exp_ps`), whose spikes it pairs on its grid; its
volume transmitter brings weights up to date every 100 ms besides. Voltage-based plasticity is measured in
`plasticity_voltage`. Results are CPU seconds of the run alone, the median over the repeats, all systems in
turn in one process, on one thread. A run counts only if rate and mean weight lie in the accepted range.
"static" is our run without plasticity.
"""

import contextlib
import io
import statistics
import time
from collections.abc import Callable

import numpy as np

import eventsim as es
from eventsim.benchmarks import plasticity_voltage
from eventsim.benchmarks.balanced_network import scenario
from eventsim.scenarios.balanced_network.network import POPULATIONS
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(950.0, 3.8)
DURATION = 1000.0  # ms
PLASTIC = "excitatory->excitatory"
LEARNING_RATE, ALPHA, TAU = 1e-3, 1.05, 20.0  # of the largest weight, which is three times the first
ACCEPTED = {  # Hz, mean rate of all neurons; mean plastic weight over its first value
    "poisson-1000": ((8.5, 12.5), (0.98, 1.04)),
    "poisson-10000": ((8.5, 11.5), (0.98, 1.04)),
}

REWARD_RATE, TAU_ELIGIBILITY, TAU_DOPAMINE = 10.0, 1000.0, 200.0  # Hz, ms, ms; the mean level is the baseline
BASELINE = REWARD_RATE / 1e3

Measured = tuple[
    float, float, float
]  # CPU seconds, mean rate in Hz, mean plastic weight over its first value


def eventsim_run(rule: str | None, schedule: str) -> Callable[[str, int], Measured]:
    """Return a function that builds and runs a case with the rule "pair", "reward" or none."""
    plasticity = es.models.plasticity

    def run(case: str, seed: int) -> Measured:
        s = scenario(case)
        net = s.network(seed)
        w_max = 3.0 * s.weight_excitatory
        if rule == "pair":
            pairs = plasticity.PairSTDP(LEARNING_RATE, w_max, ALPHA, TAU, TAU, mu_plus=0.0, mu_minus=0.0)
            net.add_plasticity(PLASTIC, pairs)
        if rule == "reward":
            net.add("reward", es.models.Poisson(rate=REWARD_RATE), 1)
            step = LEARNING_RATE * w_max
            times = (TAU, TAU, TAU_ELIGIBILITY, TAU_DOPAMINE)
            side = "axonal" if schedule == "ordered, axonal" else "dendritic"
            rewarded = plasticity.RewardSTDP(
                "reward", step, ALPHA * step, *times, BASELINE, w_max, delay=side
            )
            net.add_plasticity(PLASTIC, rewarded)
        sim = es.Simulation(net, schedule=schedule.split(",")[0])
        started = time.process_time()
        sim.run(DURATION)
        seconds = time.process_time() - started
        n_spikes = sum(len(sim.spikes(name)) for name in POPULATIONS)
        rate = n_spikes / sum(net.populations[name].n for name in POPULATIONS) * 1e3 / DURATION
        return seconds, rate, float(sim.weights(PLASTIC)[2].mean()) / s.weight_excitatory

    return run


def nest_run(rule: str) -> Callable[[str, int], Measured]:
    """Return a function that builds and runs a case in NEST with the rule "pair" or "reward"."""
    with contextlib.redirect_stdout(io.StringIO()):  # it greets
        import nest

    nest.verbosity = nest.VerbosityLevel.ERROR

    def run(case: str, seed: int) -> Measured:
        s = scenario(case)
        n, n_e = s.n_excitatory + s.n_inhibitory, s.n_excitatory
        nest.ResetKernel()
        nest.set(resolution=0.1, local_num_threads=1, rng_seed=seed + 1)
        cells = nest.Create(
            "iaf_psc_exp_ps",
            n,
            params={
                "tau_m": s.tau_mem,
                "tau_syn_ex": s.tau_syn,
                "tau_syn_in": s.tau_syn,
                "C_m": s.c_mem,
                "E_L": 0.0,
                "V_th": s.v_th,
                "V_reset": 0.0,
                "t_ref": s.t_ref,
                "I_e": s.i_ext,
                "tau_minus": TAU,
            },
        )
        cells.V_m = np.random.default_rng(seed).uniform(0.0, s.v_th, n)
        w_max = 3.0 * s.weight_excitatory
        stdp = {"Wmax": w_max, "tau_plus": TAU}
        if rule == "pair":
            kind = "stdp_synapse"
            stdp |= {"lambda": LEARNING_RATE, "alpha": ALPHA, "mu_plus": 0.0, "mu_minus": 0.0}
        else:
            kind = "rewarded_synapse"
            rewards = nest.Create("poisson_generator", params={"rate": REWARD_RATE})
            relay, volume = nest.Create("parrot_neuron"), nest.Create("volume_transmitter")
            volume.deliver_interval = round(100.0 / s.delay)  # of its least delay
            nest.Connect(rewards, relay)
            nest.Connect(relay, volume)
            step = LEARNING_RATE * w_max
            stdp |= {"A_plus": step, "A_minus": ALPHA * step, "Wmin": 0.0, "b": BASELINE}
            stdp |= {"tau_c": TAU_ELIGIBILITY, "tau_n": TAU_DOPAMINE, "volume_transmitter": volume}
            nest.CopyModel("stdp_dopamine_synapse", kind, stdp)
            stdp = {}
        for pre, post, k, synapse in (
            (
                cells[:n_e],
                cells[:n_e],
                s.k_excitatory,
                {"synapse_model": kind, "weight": s.weight_excitatory, **stdp},
            ),
            (cells[:n_e], cells[n_e:], s.k_excitatory, {"weight": s.weight_excitatory}),
            (cells[n_e:], cells, s.k_inhibitory, {"weight": s.weight_inhibitory}),
        ):
            degrees = {
                "rule": "fixed_indegree",
                "indegree": k,
                "allow_autapses": True,
                "allow_multapses": True,
            }
            nest.Connect(pre, post, degrees, {"delay": s.delay, **synapse})
        drive = nest.Create("poisson_generator_ps", params={"rate": s.rate_external})
        nest.Connect(drive, cells, "all_to_all", {"weight": s.weight_external, "delay": 0.1})
        recorder = nest.Create("spike_recorder")
        nest.Connect(cells, recorder)
        started = time.process_time()
        nest.Simulate(DURATION)
        seconds = time.process_time() - started
        weights = nest.GetConnections(cells[:200], cells[:n_e], kind).weight
        rate = recorder.n_events / n * 1e3 / DURATION
        return seconds, rate, float(np.mean(weights)) / s.weight_excitatory

    return run


def measure(
    work: str, case: str, plan: Plan, repeats: int, running: dict[str, Callable[[str, int], Measured]]
) -> Rows:
    """Yield one row per system, all of them measured in turn `repeats` times, on new networks."""
    rates, weights = ACCEPTED[case]
    seconds: dict[str, list[float]] = {name: [] for name in running}
    for repeat in range(repeats):
        for name, simulate in running.items():
            plan.announce(f"{work}, {case}, {name}, {repeat + 1} of {repeats}")
            spent, rate, weight = simulate(case, repeat)
            if not (rates[0] <= rate <= rates[1] and weights[0] <= weight <= weights[1]):
                raise ArithmeticError(
                    f"{name} fires at {rate:.2f} Hz with mean weight {weight:.4f} in {case}, accepted are "
                    f"{rates[0]} to {rates[1]} Hz and {weights[0]} to {weights[1]}"
                )
            seconds[name].append(spent)
    for name, values in seconds.items():
        value = statistics.median(values)
        yield {"work": work, "system": name, "n": int(case.split("-")[1]), "value": value, "unit": "s"}


def run(plan: Plan) -> Rows:
    """Measure all rules: pairs at both sizes, the large one half as often, and rewards; few if quick."""
    pairs = {
        "eventsim, static": eventsim_run(None, "windows"),
        "eventsim, windows": eventsim_run("pair", "windows"),
        "eventsim, ordered": eventsim_run("pair", "ordered"),
    }
    rewards = {"eventsim, windows": eventsim_run("reward", "windows")}
    if not plan.quick:
        rewards["eventsim, ordered"] = eventsim_run("reward", "ordered")
        rewards["eventsim, ordered, axonal"] = eventsim_run("reward", "ordered, axonal")
    if plan.has("nest"):
        pairs["NEST iaf_psc_exp_ps, stdp_synapse"] = nest_run("pair")
        if not plan.quick:
            rewards["NEST iaf_psc_exp_ps, stdp_dopamine_synapse"] = nest_run("reward")
    yield from measure("W2 STDP", "poisson-1000", plan, plan.repeats, pairs)
    yield from measure("W2 reward", "poisson-1000", plan, plan.repeats, rewards)
    yield from plasticity_voltage.measure(plan)
    if not plan.quick:
        yield from measure("W2 STDP", "poisson-10000", plan, (plan.repeats + 1) // 2, pairs)

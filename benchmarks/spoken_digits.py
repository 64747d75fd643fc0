"""A training epoch of a recurrent network on spoken digits as spikes: seconds, by kind of delay and threads.

700 inputs, 128 hidden neurons connected to one another, 10 outputs that do not spike; 2700 samples of about
1400 input spikes each, in batches of 32: forward, backward, Adam, delays of every projection trained. The
samples are the training set of FSDD spikes where EVENTSIM_DATA names it, else generated ones of about the
same statistics. Wall time, without validation, after one epoch that does not count.
"""

import statistics
import time
from typing import Any

import numpy as np

import eventsim as es
from eventsim.io import datasets
from eventsim.models.training.losses.classes import MaxMembrane
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.parametrisations import Sigmoid
from eventsim.models.training.regularisers import ActiveLearner, Activity
from eventsim.scenarios.benchmark import Plan, Rows, Seconds
from eventsim.scenarios.spoken_digits import data as spoken_data

SECONDS = Seconds(150.0, 4.0)
N_SAMPLES, BATCH, UNTIL = 2700, 32, 1100.0


def samples() -> tuple[str, list[es.Spikes], Any]:
    try:
        spikes, labels = datasets.fsdd_spikes("train")
        return "FSDD spikes", spikes, labels
    except FileNotFoundError:
        recordings, labels = spoken_data.sweeps(N_SAMPLES, 0)
        return "generated spikes", list(recordings), labels


def learner(kind: str, threads: int) -> ActiveLearner:
    rng = np.random.default_rng(1)
    net = es.Network(seed=1, time_unit="ms")
    net.add("input", es.models.SpikeSource(), 700)
    net.add("hidden", es.models.LIF(tau_mem=20.0, tau_syn=5.0, t_ref=2.0), 128)
    net.add("label", es.models.LIF(tau_mem=50.0, tau_syn=5.0, v_th=np.inf), 10)
    for pre, post, mean, std, least in (
        ("input", "hidden", 0.003, 0.03, 1.0),
        ("hidden", "hidden", 0.0, 0.01, 5.0),
        ("hidden", "label", 0.0, 0.007, 1.0),
    ):
        n_pre, n_post = net.populations[pre].n, net.populations[post].n
        delay = least + rng.uniform(0, 20, (n_pre, 1 if kind == "axonal" else n_post))
        net.connect(pre, post, weight=rng.normal(mean, std, (n_pre, n_post)), delay=delay)
    return ActiveLearner(
        net,
        "label",
        MaxMembrane(),
        delays={"hidden->hidden": Sigmoid(scale=56.0, shift=4.0)}
        | {name: Sigmoid(scale=60.0) for name in ("input->hidden", "hidden->label")},
        until=UNTIL,
        threads=threads,
        max_slope_inverse=50.0,
        activity={"hidden": Activity(8.0, 15.0)},
    )


def epochs(kind: str, threads: int, repeats: int, spikes: list[es.Spikes], labels: Any) -> float:
    one = learner(kind, threads)
    adam = Adam({name: 0.01 if name.startswith("delay/") else 0.001 for name in one.parameters})
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        for k in range(0, len(labels), BATCH):
            one.step({"input": spikes[k : k + BATCH]}, labels[k : k + BATCH], adam)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def run(plan: Plan) -> Rows:
    """Measure epochs; at most two of each kind, they take long."""
    if plan.quick:
        name, (recordings, labels) = "generated spikes", spoken_data.sweeps(64, 0)
        spikes = list(recordings)
    else:
        name, spikes, labels = samples()
    for kind, threads in (("axonal", 1), ("axonal", 2), ("synaptic", 2)):
        work = f"epoch of {name}, 700-128-10 recurrent"
        plan.announce(f"{work}, {kind} delays, threads: {threads}")
        yield {
            "work": work,
            "n": len(labels),
            "system": f"eventsim, {kind} delays, threads: {threads}",
            "value": epochs(kind, threads, min(plan.repeats, 2), spikes, labels),
            "unit": "s",
        }

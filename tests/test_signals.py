"""Ctrl-C ends whatever lasts: each program below would take minutes, and answers within a moment."""

import os
import select
import signal
import subprocess
import sys
import time

import pytest

BEGIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
import eventsim as es
from eventsim.models.gradients import SpikeGradient
rng = np.random.default_rng(1)
"""
GRADIENT = """
net = es.Network(seed=1)
net.add("input", es.models.SpikeSource(), 20)
net.add("cells", es.models.LIF(), 50)
net.connect("input", "cells", weight=rng.normal(0.3, 0.3, (20, 50)))
net.connect("cells", "cells", weight=rng.normal(0.0, 0.05, (50, 50)), delay=0.5)
grad = SpikeGradient(net, THREADS, max_spikes=10**9)
"""
MANY = """
given = {"input": [(np.sort(rng.uniform(0.0, 20.0, 200)), rng.integers(0, 20, 200)) for _ in range(20_000)]}
"""
PROGRAMS = {
    "many samples": GRADIENT.replace("THREADS", "threads=1") + MANY + "GO\ngrad.forward(given, until=20.0)",
    "on two threads": GRADIENT.replace("THREADS", "threads=2") + MANY + "GO\ngrad.forward(given, until=20.0)",
    "private sources on windows": """
net = es.Network(seed=1)
net.add("in", es.models.Poisson(rate=1e6), 200_000, record_spikes=False)
net.add("cells", es.models.LIF(tau_mem=1e6, tau_syn=1e6), 200_000)
net.connect("in", "cells", es.connect.one_to_one(), weight=1e-12, delay=10.0)
net.connect("cells", "cells", es.connect.one_to_one(), weight=1e-12, delay=10.0)
sim = es.Simulation(net, schedule="windows")
GO
sim.run(1e9)
""",
    "ticks of rates": """
net = es.Network(seed=1)
net.add("cells", es.models.LatentEquilibrium(tau_mem=2.0, tau_r=1.0), 500)
net.connect("cells", "cells", weight=rng.normal(0.0, 0.01, (500, 500)))
sim = es.Simulation(net, dt=0.01, batch=16)
GO
sim.run(1e9)
""",
    "dendrites on ticks": """
soma = es.models.Compartment("soma")
net = es.Network(seed=1)
net.add("cells", es.models.MultiCompartment((soma,), (), solver="ticks"), 50_000)
sim = es.Simulation(net, dt=0.01)
GO
sim.run(1e9)
""",
    "a layered run": """
net = es.Network(seed=1)
net.add("in", es.models.Poisson(rate=1e3), 1000)
net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 1000)
net.connect("in", "cells", weight=1e-3, delay=1.0)
sim = es.Simulation(net, schedule="layered")
GO
sim.run(1e9)
""",
    "first spikes": """
net = es.Network(seed=1)
net.add("input", es.models.SpikeSource(), 200)
net.add("cells", es.models.LIF(first_spike_only=True), 500)
net.connect("input", "cells", weight=rng.normal(0.1, 0.1, (200, 500)))
grad = SpikeGradient(net)
given = {"input": rng.uniform(0.0, 3.0, (4_000, 200))}
GO
while True:
    grad.forward(given, until=10.0)
""",
}
READY = 'print("ready", flush=True)'
LONGEST = 20.0  # seconds until it has ended; alone it takes about one


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_loop_that_lasts_hears_signals(name):
    # Python itself hears a signal between two pieces of a batch, so "many samples" and "on two threads" say
    # nothing of the checks within a compiled pass; the test below does.
    program = BEGIN + PROGRAMS[name].replace("GO", READY)
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert select.select([process.stdout], [], [], 120.0)[0]
            if process.stdout.readline() != "ready\n":
                pytest.fail(process.stderr.read())
            time.sleep(0.5)  # into the loop
            os.kill(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    assert "KeyboardInterrupt" in said.splitlines()[-1]


ONE_SAMPLE = """
import time
times = np.sort(rng.uniform(0.0, 20_000.0, 200_000))
given = {"input": [(times, rng.integers(0, 20, len(times)))]}

def heard(work):
    begin = time.perf_counter()
    made = work()
    print(time.perf_counter() - begin, flush=True)
    try:
        work()
    except KeyboardInterrupt:
        print("heard", flush=True)
    return made

run = heard(lambda: grad.forward(given, until=20_000.0))
errors = {"cells": [np.ones(len(run.spikes("cells", 0).times))]}
heard(lambda: grad.backward(run, errors))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_pass_of_one_sample_hears_signals_before_its_end():
    # Python hears a signal when a compiled pass has ended. So each pass is measured first, some seconds, and
    # then hears its signal after a quarter of that: it must answer long before the other three have passed.
    program = BEGIN + GRADIENT.replace("THREADS", "threads=1") + ONE_SAMPLE
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for direction in ("forward", "backward"):
                assert select.select([process.stdout], [], [], 300.0)[0]
                line = process.stdout.readline()
                if not line:
                    pytest.fail(process.stderr.read())
                lasted = float(line)
                time.sleep(lasted / 4)
                os.kill(process.pid, signal.SIGINT)
                begin = time.perf_counter()
                assert process.stdout.readline() == "heard\n", direction
                assert time.perf_counter() - begin < lasted / 2, direction
        finally:
            process.kill()

"""Spiking ears in front of a network that learns in time: is the tone rising or falling?

Sound is split into bands, whose power drives LIF neurons. Their spikes leave traces, from which
GLE neurons, some of which remember, learn online whether a sweep went up or down. At any one time the two
sound alike, so neurons without memory cannot tell.
"""

import numpy as np

import eventsim as es

SAMPLES, FRAME, SOUND, PAUSE = (
    8,
    10,
    200,
    100,
)  # samples per ms; ms of a frame, a sweep and the pause after it
N_BANDS, TRAINED, TESTED = 16, 250, 80
TAU_MEM = np.repeat([60.0, 30.0, 60.0, 120.0], 10)  # ms; the first ten answer at once


def sweep(rng, rising):
    """Return the loudness of the bands in each frame of a noisy sweep and the pause, (frames, bands)."""
    low, high = rng.uniform(300, 600), rng.uniform(2000, 3400)  # Hz
    t = np.arange(SOUND * SAMPLES) / (SOUND * SAMPLES)
    pitch = low * (high / low) ** (t if rising else 1 - t)
    sound = np.sin(2 * np.pi * np.cumsum(pitch) / (1000 * SAMPLES))
    sound = np.concatenate([sound, np.zeros(PAUSE * SAMPLES)]) + rng.normal(0, 0.1, (SOUND + PAUSE) * SAMPLES)
    frames = sound.reshape(-1, FRAME * SAMPLES) * np.hanning(FRAME * SAMPLES)
    power = np.abs(np.fft.rfft(frames, n=256)) ** 2
    edges = np.geomspace(6, 128, N_BANDS + 1).astype(int)
    return np.sqrt(np.add.reduceat(power[:, :128], edges[:-1], axis=1)) / 20


def network(remembering=True):
    """Return bands, LIF ears, their traces, and GLE neurons; without memory they are the control."""
    rng = np.random.default_rng(0)
    tau_r = np.where(np.arange(40) < 10, TAU_MEM, 5.0) if remembering else TAU_MEM
    net = es.Network(seed=1)  # times in ms
    net.add("bands", es.models.RateInput(), N_BANDS)
    net.add("ears", es.models.LIF(tau_mem=10.0, tau_syn=5.0), N_BANDS)
    net.add("trace", es.models.SpikeTrace(tau_syn=10.0), N_BANDS)
    net.add("hidden", es.models.GeneralizedLatentEquilibrium(TAU_MEM, tau_r, "tanh"), 40)
    net.add("label", es.models.GeneralizedLatentEquilibrium(60.0, 60.0, "linear"), 2)
    net.connect("bands", "ears", es.connect.one_to_one(), weight=0.2, delay=1.5)
    net.connect("ears", "trace", es.connect.one_to_one(), weight=0.3, delay=0.7)
    net.connect("trace", "hidden", weight=rng.normal(0, 0.5, (N_BANDS, 40)), bias=0.0)
    net.connect("hidden", "label", weight=rng.normal(0, 0.1, (40, 2)), bias=0.0)
    for projection in ("trace->hidden", "hidden->label"):
        net.add_plasticity(
            projection, es.models.plasticity.ErrorTimesRate(learning_rate=3e-5, optimiser="adam")
        )
    return net


def accuracy(remembering=True):
    """Let the network hear sweeps and be told which they are, then return how many new ones it knows."""
    rng = np.random.default_rng(5)
    rising = rng.permutation(np.arange(TRAINED + TESTED) % 2)
    sim = es.Simulation(network(remembering), dt=1.0)
    sim.set_input("bands", np.concatenate([sweep(rng, up) for up in rising]), every=FRAME)
    sim.nudge("label", np.eye(2)[rising], 1.0, every=SOUND + PAUSE, kind="cross_entropy")
    sim.run(TRAINED * (SOUND + PAUSE))
    sim.nudge("label", None)
    for projection in ("trace->hidden", "hidden->label"):
        sim.set_learning_rate(projection, 0.0)
    sim.record("label", "rate", every=1.0)
    sim.run((TRAINED + TESTED) * (SOUND + PAUSE))
    outputs = sim.trace("label", "rate").values[-TESTED * (SOUND + PAUSE) :].reshape(TESTED, -1, 2)
    found = outputs[:, :SOUND].sum(axis=1).argmax(axis=1)
    return np.mean(found == rising[-TESTED:]), len(sim.spikes("ears").times)


for remembering in (True, False):
    right, n_spikes = accuracy(remembering)
    kind = "with" if remembering else "without"
    print(f"{kind} memory: {right:.2f} of the sweeps known, from {n_spikes} spikes")

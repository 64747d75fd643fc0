"""The dendritic microcircuit: bars in 3 x 3 images, and a student that mimics a teacher."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim import rng as streams
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim import Network, Simulation

RATE_HIDDEN, RATE_OUTPUT, RATE_INTER = 0.05, 0.01, 0.02  # per ms, with presentations of 10 ms
LIMIT_HIDDEN, LIMIT_OUTPUT = 4.0, 5.0
HIGH, LOW = 1.0, 0.1  # target potentials
EVALUATED_EVERY = 10  # epochs
LAGS = ((0.3, 0.0), (0.5, 0.2), (1.0, 0.5), (2.0, 1.0), (5.0, 2.0), (10.0, 5.0), (20.0, 15.0), (50.0, 40.0))
MIMIC_PER_EPOCH, MIMIC_PRETRAINED = 20, 3
MIMIC_RATES = {"image->hidden": 50.0, "hidden->label": 10.0, "hidden->inter": 20.0, "inter->hidden": 0.0}
PREDICTION_RATES = {"image->hidden": 0.0, "hidden->label": 0.0, "hidden->inter": 40.0, "inter->hidden": 50.0}


def bars() -> tuple[Floats, Ints]:
    """Return the eight images, shape (8, 9), and their classes: horizontal, vertical, diagonal."""
    images = np.zeros((8, 3, 3))
    for k in range(3):
        images[k, k, :] = 1
        images[3 + k, :, k] = 1
    images[6], images[7] = np.eye(3), np.eye(3)[::-1]
    return images.reshape(8, 9), np.array([0, 0, 0, 1, 1, 1, 2, 2])


def initial_weights(sizes: tuple[int, int, int], seed: int) -> dict[str, Floats]:
    """Return uniform weights in [-1, 1], and those of interneurons that predict themselves."""
    from eventsim.models.prospective.microcircuit import self_predicting

    def drawn(name: str, shape: tuple[int, int]) -> Floats:
        found: Floats = streams.stream(seed, "weight", name).uniform(-1, 1, shape)
        return found

    n_in, n_hidden, n_out = sizes
    weights = {
        "image->hidden": drawn("image->hidden", (n_in, n_hidden)),
        "hidden->label": drawn("hidden->label", (n_hidden, n_out)),
        "label->hidden": drawn("label->hidden", (n_out, n_hidden)),
    }
    inter, to_inter = self_predicting(weights["hidden->label"], weights["label->hidden"])
    return weights | {"inter->hidden": inter, "hidden->inter": to_inter}


def circuit(
    sizes: tuple[int, int, int],
    weights: dict[str, Floats],
    prospective: bool,
    rates: dict[str, float],
    seed: int = 0,
) -> "Network":
    """Return the circuit of one hidden layer; `rates` says what learns."""
    from eventsim import Network, models
    from eventsim.models.prospective.microcircuit import Interneuron, OutputCell, PyramidalCell

    net = Network(seed=seed)
    net.add("image", models.RateInput(), sizes[0])
    net.add("target", models.RateInput(), sizes[2])
    net.add("taught", models.RateInput(), 1)
    net.add("hidden", PyramidalCell(prospective), sizes[1])
    net.add("inter", Interneuron(prospective), sizes[2])
    net.add("label", OutputCell(prospective), sizes[2])
    one = np.eye(sizes[2])
    net.connect("image", "hidden", weight=weights["image->hidden"], receptor="basal")
    net.connect("label", "hidden", weight=weights["label->hidden"], receptor="apical")
    net.connect("inter", "hidden", weight=weights["inter->hidden"], receptor="apical")
    net.connect("hidden", "inter", weight=weights["hidden->inter"], receptor="dendrite")
    net.connect("label", "inter", weight=one, variable="prospective", receptor="soma")
    net.connect("hidden", "label", weight=weights["hidden->label"], receptor="basal")
    net.connect("target", "label", weight=one, receptor="target")
    net.connect("taught", "label", weight=1.0, receptor="taught")
    for name, rate in rates.items():
        post = "apical_error" if name == "inter->hidden" else "basal_error"
        net.add_plasticity(name, models.plasticity.ErrorTimesRate(learning_rate=rate, bias=0.0, post=post))
    return net


def bars_rates(duration: float) -> dict[str, float]:
    """Return the learning rates for presentations of a duration in ms."""
    faster = 10.0 / duration
    return {
        "image->hidden": RATE_HIDDEN * faster,
        "hidden->label": RATE_OUTPUT * faster,
        "hidden->inter": RATE_INTER * faster,
    }


def clip(sim: "Simulation") -> None:
    """Keep the weights to basal dendrites within their limits."""
    for name, limit in (("image->hidden", LIMIT_HIDDEN), ("hidden->label", LIMIT_OUTPUT)):
        weight = sim.weights(name)
        if np.abs(weight).max() > limit:
            sim.set_weights(name, np.clip(weight, -limit, limit))


def lag(duration: float, prospective: bool) -> float:
    """Return how long the outputs of a presentation are left out of its answer, in ms."""
    if prospective:
        return 0.0
    return next((lag for longest, lag in LAGS if duration <= longest * (1 + 1e-9)), 80.0)


def answers(sim: "Simulation", prospective: bool, dt: float, ticks: int) -> Ints:
    """Return the class that each image gets without a target, all of them shown side by side."""
    from eventsim import Simulation

    images, _ = bars()
    weights = {name: sim.weights(name) for name in ("image->hidden", "hidden->label", "label->hidden",
                                                    "inter->hidden", "hidden->inter")}  # fmt: skip
    test = Simulation(
        circuit((9, weights["image->hidden"].shape[1], 3), weights, prospective, {}), dt=dt, batch=8
    )
    test.record("label", "rate", every=dt)
    test.set_input("image", images)
    test.run_ticks(ticks)
    rates = test.trace("label", "rate").values
    first = ticks - 1 if prospective else min(round(lag(ticks * dt, False) / dt), ticks - 1)
    return np.asarray(rates[first:].mean(axis=0).argmax(axis=1))


def bars_task(config: Settings, run: Run) -> None:
    """Learn the bars one image after the other; nothing is reset in between."""
    from eventsim import Simulation

    images, labels = bars()
    sizes, dt, ticks = (9, 30, 3), config.dt, config.ticks
    rates = bars_rates(ticks * dt)
    net = circuit(sizes, initial_weights(sizes, run.seed), config.prospective, rates, run.seed)
    sim = Simulation(net, dt=dt)
    state = run.state or {"epoch": 0}
    if "sim" in state:
        sim.restore(state["sim"])
    sim.set_input("taught", [1.0])
    with run.progress(config.epochs, "epoch", int(state["epoch"])) as bar:
        for epoch in range(int(state["epoch"]), config.epochs):
            run.checkpoint({"epoch": epoch, "sim": sim.snapshot()})
            for k in streams.stream(run.seed, "order", epoch).permutation(8):
                sim.set_input("image", images[k])
                sim.set_input("target", np.where(np.arange(3) == labels[k], HIGH, LOW))
                sim.run_ticks(ticks)
                clip(sim)
            bar.update()
            if (epoch + 1) % EVALUATED_EVERY == 0 or epoch + 1 == config.epochs:
                accuracy = float((answers(sim, config.prospective, dt, ticks) == labels).mean())
                run.series("epoch", epoch + 1)
                run.series("accuracy", accuracy)
                if (epoch + 1) % 100 == 0:
                    run.say(f"epoch {epoch + 1}: accuracy {accuracy:.3f}")
    final = float((answers(sim, config.prospective, dt, ticks) == labels).mean())
    run.metric("accuracy", final)
    for projection in net.projections:
        run.parameter(f"weight/{projection.name}", sim.weights(projection.name))


def mimic(config: Settings, run: Run) -> None:
    """Learn to predict oneself, then to answer as a teacher of the same kind does; one cell per layer."""
    from eventsim import Simulation

    dt, ticks = config.dt, config.ticks
    sizes = (1, 1, 1)
    teacher = {"image->hidden": 2.0, "hidden->label": 1.5}
    weights = initial_weights(sizes, run.seed)
    for name in ("inter->hidden", "hidden->inter"):  # self-prediction is learned here
        weights[name] = streams.stream(run.seed, "weight", name).uniform(-1, 1, (1, 1))
    still = {name: np.full((1, 1), teacher.get(name, 0.0)) for name in weights}
    total = config.epochs + MIMIC_PRETRAINED
    net = circuit(sizes, weights, config.prospective, MIMIC_RATES, run.seed)
    sim = Simulation(net, dt=dt)
    state = run.state or {"epoch": 0}
    if "sim" in state:
        sim.restore(state["sim"])
    held_out = np.linspace(-1, 1, 21)[:, None]
    truth = _potentials(still, config.prospective, dt, ticks, held_out)
    with run.progress(total, "epoch", int(state["epoch"])) as bar:
        for epoch in range(int(state["epoch"]), total):
            run.checkpoint({"epoch": epoch, "sim": sim.snapshot()})
            pretraining = epoch < MIMIC_PRETRAINED
            for name, rate in (PREDICTION_RATES if pretraining else MIMIC_RATES).items():
                sim.set_learning_rate(name, rate)
            x = streams.stream(run.seed, "inputs", epoch).uniform(-1, 1, (MIMIC_PER_EPOCH, 1))
            targets = _potentials(still, config.prospective, dt, ticks, x)
            for value, target in zip(x, targets, strict=True):
                sim.set_input("image", value)
                sim.set_input("target", target)
                sim.set_input("taught", [0.0 if pretraining else 1.0])
                sim.run_ticks(ticks)
                clip(sim)
            bar.update()
            present = {name: sim.weights(name) for name in weights}
            found = _potentials(present, config.prospective, dt, ticks, held_out)
            run.series("rms_error", np.sqrt(np.mean((found - truth) ** 2)))
            run.series("weights", [present[name][0, 0] for name in weights])
    run.parameter("mimic/input", held_out[:, 0])
    run.parameter("mimic/teacher", truth[:, 0])
    run.parameter("mimic/student", found[:, 0])
    run.metric("rms_error", np.sqrt(np.mean((found - truth) ** 2)))
    run.metric("teacher_spread", truth.std())


def _potentials(weights: dict[str, Floats], prospective: bool, dt: float, ticks: int, x: Floats) -> Floats:
    """Return what outputs settle at without a target, shape (n, 1)."""
    from eventsim import Simulation

    sim = Simulation(circuit((1, 1, 1), weights, prospective, {}), dt=dt, batch=len(x))
    sim.set_input("image", x)
    sim.run_ticks(ticks)
    prospectives: Floats = sim.array("label", "prospective")
    return prospectives

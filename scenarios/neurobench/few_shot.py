"""Few-shot class-incremental learning: a network learns base words, then new ones from a few recordings each.

Two layers of spiking units and a linear map learn the base words. Afterwards the spiking layers stay as they
are, and the map becomes one of prototypes: with m_c the mean output of the last spiking layer over the shots
of word c, and over time,

    score_c = 2 m_c . f - |m_c|^2        f: mean output over time; the nearest prototype has the highest score

so that a session adds a column for each new word and changes no other. After each session the test recordings
of all words heard so far are classified. Shots are training recordings, so no query is a shot. The official
task has 100 base words and ten sessions of ten words, each of one language (Yik et al. 2025): words="mswc",
where the files are there. words="digits" are ten spoken digits, five of them base words, and five sessions of
one digit, so that accuracies of the two cannot be compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.io import datasets
from eventsim.io.datasets.mel import FRAMES, N_BANDS, mel_bands
from eventsim.io.datasets.sets.mswc import SESSIONS
from eventsim.io.neurobench import evaluate
from eventsim.models.layers import Linear, Sequential
from eventsim.models.neurobench import SequenceModel
from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.spoken_digits import data as spoken_data

if TYPE_CHECKING:
    from eventsim.scenarios.neurobench.settings import Settings

__all__ = ["Words", "learn", "sessions", "with_prototypes"]

Floats = NDArray[Any]
Ints = NDArray[np.int64]
STEP = 20.0  # ms, in which spikes of a channel are merged to one
GROUP = 10  # channels of the cochlea that share an input
BLOCK = 256  # recordings in a pass
CLASSES = 10
LAYERS = 3  # of a size: linear map, normalisation, spiking units
COSTS = ("Footprint", "ConnectionSparsity", "ActivationSparsity")
OPERATIONS = ("Dense", "Effective_MACs", "Effective_ACs")


def learn(settings: "Settings", run: Run) -> None:
    """Put accuracies by session into the run, and what the network costs with all words."""
    words = _mswc(run) if settings.words == "mswc" else _digits(settings, run)
    found: dict[str, Any] = dict(run.state["found"]) if run.state else {}
    with run.progress(settings.network_repetitions, "repetition", len(found)) as bar:
        for repetition in range(settings.network_repetitions):
            if str(repetition) in found:
                continue
            run.checkpoint(lambda: {"found": found, "dataset": words.name})
            found[str(repetition)] = sessions(settings, run, words, repetition)
            bar.update(1)
    run.file.put(provenance={"dataset": words.name})
    rows = [found[str(repetition)] for repetition in range(settings.network_repetitions)]
    _report(run, rows)


@dataclass(frozen=True)
class Words:
    """Recordings of words as inputs of steps.

    Attributes
    ----------
    name : of the data set.
    dt : ms, a step.
    train, test : recordings (n, steps, inputs) and their words (n,); new words' shots are of `train`.
    n_base : words that are learned first.
    draw : returns the words in the order in which they are heard, from random numbers.
    added : words of a session.
    """

    name: str
    dt: float
    train: tuple[Floats, Ints]
    test: tuple[Floats, Ints]
    n_base: int
    draw: Callable[[np.random.Generator], Ints]
    added: int = 1


def sessions(settings: "Settings", run: Run, words: Words, repetition: int) -> dict[str, Any]:
    """Return the accuracies after each session, and the costs with all words."""
    from eventsim.models import SequenceClassifier

    seed = int(run.rng("few-shot", repetition).integers(2**31))
    rng = np.random.default_rng(seed)
    order = words.draw(rng)
    (x, labels), test = words.train, words.test
    base = order[: words.n_base]
    chosen = np.isin(labels, base)
    shots = [
        np.flatnonzero(labels == word)
        if k < len(base)
        else rng.permutation(np.flatnonzero(labels == word))[: settings.shots]
        for k, word in enumerate(order)
    ]
    learner = SequenceClassifier(
        "lif",
        hidden=settings.hidden,
        dt=words.dt,
        tau=2 * words.dt,
        epochs=settings.base_epochs,
        learning_rate=settings.base_learning_rate,
        random_state=seed,
        threads=run.threads,
        progress=False,
    ).fit(x[chosen], labels[chosen])
    body = [layer for _, layer in learner.model_.all_layers()][: LAYERS * len(settings.hidden)]
    hidden = Sequential(body)
    hidden.adopt()
    prototypes = np.array([_features(hidden, x[each]).mean(axis=0) for each in shots])
    scores, measured = [], {}
    for n in range(len(base), len(order) + 1, words.added):
        heard = np.isin(test[1], order[:n])
        batch = test[0][heard], _index(test[1][heard], order[:n])
        model = SequenceModel(with_prototypes(body, prototypes[:n]), _mean_class)
        measured = dict(evaluate(model, [batch], n_classes=n))
        scores.append(measured["ClassificationAccuracy"])
    return {
        "order": order,
        "accuracy": np.array(scores),
        "costs": np.array([measured[key] for key in COSTS]),
        "operations": np.array([measured["SynapticOperations"][key] for key in OPERATIONS]),
    }


def with_prototypes(body: list[Any], prototypes: Floats) -> Sequential:
    """Return the layers with a map of prototypes, shape (words, n), behind them."""
    head = Linear(len(prototypes))
    head.build(prototypes.shape[1], np.random.default_rng(0), np.float32)
    head.parameters["weight"][...] = 2 * prototypes.T
    head.parameters["bias"][...] = -(prototypes**2).sum(axis=1)
    model = Sequential([*body, head])
    model.adopt()
    return model


def _features(body: Sequential, x: Floats) -> Floats:
    """Return the mean outputs over time, shape (recordings, n)."""
    parts = []
    for low in range(0, len(x), BLOCK):
        shown = np.ascontiguousarray(np.moveaxis(x[low : low + BLOCK], 1, 0))
        parts.append(body.forward(shown).mean(axis=0, dtype=np.float64))
        body.forget()
    return np.concatenate(parts)


def _mean_class(outputs: Floats, lengths: Any = None) -> Ints:
    found: Ints = outputs.mean(axis=0, dtype=np.float64).argmax(axis=1)
    return found


def _index(labels: Ints, order: Ints) -> Ints:
    place = np.zeros(order.max() + 1, np.int64)
    place[order] = np.arange(len(order))
    found: Ints = place[labels]
    return found


def _digits(settings: "Settings", run: Run) -> Words:
    """Return the spoken digits, in an order that each repetition draws."""
    n = settings.base_words + settings.new_words
    if n > CLASSES:
        raise ConfigError(
            f"base_words and new_words must be at most {CLASSES} together, the digits; got "
            f"{settings.base_words} and {settings.new_words}"
        )
    task = _task(run)
    train, test = (
        (_steps(task.samples(split), task.name), task.labels(split)) for split in ("train", "test")
    )
    return Words(task.name, STEP, train, test, settings.base_words, lambda rng: rng.permutation(CLASSES)[:n])


def _mswc(run: Run) -> Words:
    """Return the official words as mel bands; the order of the languages is drawn, that of words is not."""
    base, base_test = (datasets.mswc_base(split, run.data) for split in ("train", "test"))
    vocabulary = sorted(set(base.words))
    train, test = [(base, base.labels(vocabulary))], [(base_test, base_test.labels(vocabulary))]
    by_language = []
    for language in SESSIONS:
        found = datasets.mswc_session(language, run.data)
        own = [f"{language}:{word}" for word in sorted(set(found.words))]
        by_language.append(np.arange(len(vocabulary), len(vocabulary) + len(own)))
        vocabulary += own
        labels = by_language[-1][found.labels([word.split(":", 1)[1] for word in own])]
        # Of each word the first half are for shots, the second for queries.
        support = np.zeros(len(labels), bool)
        for word in by_language[-1]:
            place = np.flatnonzero(labels == word)
            support[place[: len(place) // 2]] = True
        for side, chosen in ((train, support), (test, ~support)):
            side.append((found.chosen(np.flatnonzero(chosen)), labels[chosen]))
    n_base = int(by_language[0][0])

    def draw(rng: np.random.Generator) -> Ints:
        drawn = rng.permutation(len(by_language))
        return np.concatenate([np.arange(n_base), *(by_language[k] for k in drawn)])

    x, x_test = (np.concatenate([_bands(each) for each, _ in side]) for side in (train, test))
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1)) + 1e-6
    (_, y), (_, y_test) = ((None, np.concatenate([labels for _, labels in side])) for side in (train, test))
    scaled = [((each - mean) / std).astype(np.float32) for each in (x, x_test)]
    return Words("mswc", 25.0, (scaled[0], y), (scaled[1], y_test), n_base, draw, len(by_language[0]))


def _bands(recordings: Any) -> Floats:
    """Return mel bands of recordings at 48 kHz, block by block, since all at once take gigabytes."""
    from scipy.signal import decimate

    blocks = [np.zeros((0, FRAMES, N_BANDS), np.float32)]
    for low in range(0, len(recordings), BLOCK):
        sounds = [decimate(each.astype(np.float64), 6) for each in recordings[low : low + BLOCK]]
        blocks.append(mel_bands([each.astype(np.int16) for each in sounds]).astype(np.float32))
    return np.concatenate(blocks)


def _task(run: Run) -> Task:
    name: str = run.state["dataset"] if run.state else "fsdd-spikes"
    try:
        return spoken_data.task(run, name)
    except FileNotFoundError as missing:
        run.use_replacement_data("synthetic sweeps of spikes", missing)
        return spoken_data.task(run, "sweeps")


def _steps(recordings: Any, name: str) -> Floats:
    """Return spikes as 0 or 1 in steps, shape (recordings, steps, inputs)."""
    n_steps = int(spoken_data.DURATION[name] / STEP)
    x = np.zeros((len(recordings), n_steps, -(-spoken_data.N_CHANNELS // GROUP)), np.float32)
    for k, each in enumerate(recordings):
        step = (each.times / STEP).astype(np.int64)
        kept = step < n_steps
        x[k, step[kept], each.units[kept] // GROUP] = 1.0
    return x


def _report(run: Run, rows: list[dict[str, Any]]) -> None:
    table = np.array([row["accuracy"] for row in rows])
    run.parameter("few-shot/accuracy", table)
    run.parameter("few-shot/order", np.array([row["order"] for row in rows]))
    run.metric("base_accuracy", table[:, 0].mean())
    run.metric("mean_accuracy", table.mean())
    run.metric("last_accuracy", table[:, -1].mean())
    for names, key in ((COSTS, "costs"), (OPERATIONS, "operations")):
        means = np.mean([row[key] for row in rows], axis=0)
        for name, mean in zip(names, means, strict=True):
            run.metric(name, float(mean))

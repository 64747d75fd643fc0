"""The networks of a run: trained one after another, measured, rounded, streamed; and compared."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers import Sequential
from eventsim.scenarios.mgrade import memory
from eventsim.scenarios.mgrade.problem import Problem
from eventsim.scenarios.mgrade.settings import MODELS
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.models.training.trainer import Trainer
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["kept", "measured", "networks", "run", "shown"]

LAGS = 200  # steps back to which memories are followed, at most
WATCHED = 32  # samples whose states are followed
BLOCK = 128  # samples that are evaluated at once


def networks(settings: "Settings", n_inputs: int, n_outputs: int) -> "list[tuple[str, Settings]]":
    """Return the networks of a study with their names; that of a single one is empty."""
    if settings.study == "single":
        return [("", settings)]
    if settings.study == "positions":
        return [(name, replace(settings, train_positions=name == "learned")) for name in ("learned", "fixed")]
    each = [(model, replace(settings, model=model)) for model in MODELS]
    if settings.study == "controls":
        return list(each)
    return [
        (f"{model}_{budget}", memory.fitted(one, budget, n_inputs, n_outputs))
        for budget in settings.budgets
        for model, one in each
    ]


def run(settings: "Settings", run: Run) -> None:
    """Train and measure every network of the study; results go into the run."""
    from eventsim.models.training.batches import seeded
    from eventsim.models.training.earlier_states import current_state
    from eventsim.scenarios.mgrade import learner, network, problems

    problem = problems.problem(settings, run)
    n_inputs, n_outputs = problem.task.n_inputs, problem.task.n_classes
    planned = networks(settings, n_inputs, n_outputs)
    state: dict[str, Any] = dict(run.state) if run.state else {}
    # Files keep no empty dictionaries.
    found: dict[str, Any] = dict(state.get("found", {}))
    arrays: dict[str, Any] = dict(state.get("arrays", {}))
    for place, (name, each) in enumerate(planned):
        if place < int(state.get("place", 0)):
            continue
        made = network.network(each, n_inputs, n_outputs, run.rng("weights", name))
        made.threads = run.threads
        first = [layer.parameters.get("position") for layer in network.delay_layers(made)]
        before = [array.copy() for array in first if array is not None]
        trainer = learner.trainer(each, problem, made, seeded(run.seed))
        if place == int(state.get("place", 0)) and state.get("trainer"):
            trainer.restore(current_state(state["trainer"]))
        known = {"dataset": problem.task.name.removeprefix("permuted-"), "place": place}
        known |= {"found": found, "arrays": arrays}
        _train(run, trainer, known, f"{name}_" if name else "")
        suffix = f"_{name}" if name else ""
        found |= {f"{key}{suffix}": value for key, value in _network_metrics(each, problem, made).items()}
        if place == 0:
            found |= {f"{key}{suffix}": value for key, value in _stream_metrics(each, problem, made).items()}
            arrays |= _network_arrays(each, problem, made, before)
            arrays |= {name: array.copy() for name, array in kept(made).items()}
    for name, value in found.items():
        run.metric(name, float(value))
    if settings.study in ("controls", "equal-memory"):
        arrays |= compared(planned, problem, found)
    if settings.study == "equal-memory":
        run.metric("least_margin", least_margin(arrays))
    elif settings.study != "single":
        for name, value in against_first([name for name, _ in planned], problem, found).items():
            run.metric(name, value)
    for name, array in arrays.items():
        run.parameter(name, array)


def kept(made: Sequential) -> dict[str, NDArray[Any]]:
    """Return the arrays of a network by the names that they have in the file of a run."""
    return made.parameters | {f"buffer/{name}": array for name, array in made.buffers.items()}


def _train(run: Run, trainer: "Trainer", known: dict[str, Any], prefix: str) -> None:
    """Train to the end; `known` is kept in each checkpoint, and series get a prefix."""
    trainer.run(
        checkpoint=lambda now: run.checkpoint(lambda: known | {"trainer": now()}),
        log=lambda name, value: run.series(prefix + name, value),
        progress=run.progress,
    )


# ---------------------------------------------------------------------- one network


def shown(problem: Problem, made: Sequential, chosen: slice) -> NDArray[Any]:
    """Return test samples as the network is shown them, (time, samples, channels)."""
    return np.ascontiguousarray(np.moveaxis(problem.task.shown("test", chosen), 1, 0), made.dtype)


def _outputs(problem: Problem, made: Sequential) -> Iterator[tuple[slice, NDArray[Any]]]:
    for low in range(0, problem.task.size("test"), BLOCK):
        chosen = slice(low, low + BLOCK)
        yield chosen, made.forward(shown(problem, made, chosen))
    made.forget()


def measured(problem: Problem, made: Sequential) -> dict[str, float]:
    """Return the metrics of the test set."""
    labels = problem.task.labels("test")
    parts = []
    right, loss = 0.0, 0.0
    for chosen, y in _outputs(problem, made):
        loss += float(problem.loss(y, labels[chosen])[0].sum(dtype=np.float64))
        if problem.measure is not None:
            parts.append(y.copy())
        else:
            right += float(problem.loss.accuracy(y, labels[chosen]).sum())
    found = {"test_loss": loss / len(labels)}
    if problem.measure is None:
        return found | {"test_accuracy": right / len(labels)}
    return found | problem.measure(np.concatenate(parts, axis=1), labels)


def _network_metrics(settings: "Settings", problem: Problem, made: Sequential) -> dict[str, float]:
    """Return what a network reaches, with delays as they are and rounded, and what its stream keeps."""
    from eventsim.scenarios.mgrade.network import delay_layers, rounded

    found = measured(problem, made)
    if delay_layers(made):
        with_whole_steps = rounded(settings, made)
        score = measured(problem, with_whole_steps)
        found[f"{problem.score}_rounded"] = score[problem.score]
        if settings.round_positions:
            made.load_state_dict(with_whole_steps.state_dict())
            found |= score
    found["parameters"] = memory.parameters(settings, made.n_in, made.n_out)
    found["state_words"] = memory.state_words(settings)
    found["words"] = found["parameters"] + found["state_words"]
    found["held_words"] = memory.held_words(made)
    return {name: float(value) for name, value in found.items()}


def _stream_metrics(settings: "Settings", problem: Problem, made: Sequential) -> dict[str, float]:
    """Return by how much the streamed network differs from the batch in float64, and what it answers."""
    from eventsim.scenarios.mgrade.network import copied
    from eventsim.scenarios.mgrade.streaming import streamed

    n = min(settings.streamed, problem.task.size("test"))
    if not n:
        return {}
    exact = copied(settings, made, np.float64)
    x = shown(problem, exact, slice(0, n))
    batch, stream = exact.forward(x).copy(), streamed(exact, x)
    same = problem.loss.predict(batch) == problem.loss.predict(stream)
    return {
        "stream_difference": float(np.abs(batch - stream).max()),
        "stream_agreement": float(np.mean(same)),
    }


def _network_arrays(
    settings: "Settings", problem: Problem, made: Sequential, before: list[NDArray[Any]]
) -> dict[str, Any]:
    """Return delays before and after training with their weights, and what each part remembers."""
    from eventsim.scenarios.mgrade import remembered
    from eventsim.scenarios.mgrade.network import delay_layers

    arrays: dict[str, Any] = {}
    convolutions = delay_layers(made)
    if convolutions:
        both = [layer.parameters | layer.buffers for layer in convolutions]
        arrays["positions/trained"] = np.stack([each["position"] for each in both])
        arrays["positions/weight"] = np.stack([each["weight"] for each in both])
        arrays["positions/start"] = np.stack(before) if before else arrays["positions/trained"]
    if problem.task.size("test"):
        x = shown(problem, made, slice(0, WATCHED))
        lags = min(LAGS, len(x))
        if convolutions:
            arrays["remembered/convolution"] = remembered.held_by_taps(made, lags)
        if settings.model != "convolution":
            arrays["remembered/recurrence"] = remembered.held_by_states(made, x, lags)
        ablated = {}
        if convolutions:
            ablated["delays"] = remembered.without_delays(settings, made)
        if settings.model != "convolution":
            ablated["states"] = remembered.without_states(settings, made)
        for name, each in ablated.items():
            arrays[f"remembered/score_without_{name}"] = np.array(measured(problem, each)[problem.score])
    return arrays


# ---------------------------------------------------------------------- several networks


def compared(
    planned: "list[tuple[str, Settings]]", problem: Problem, found: dict[str, Any]
) -> dict[str, NDArray[Any]]:
    """Return models (places in `MODELS`), words, and accuracies or errors, in the order of the study."""
    return {
        "networks/model": np.array([MODELS.index(each.model) for _, each in planned]),
        "networks/channels": np.array([each.n_channels for _, each in planned]),
        "networks/words": np.array([float(found[f"words_{name}"]) for name, _ in planned]),
        f"networks/{_kind(problem)}": np.array(
            [float(found[f"{problem.score}_{name}"]) for name, _ in planned]
        ),
    }


def _kind(problem: Problem) -> str:
    return "accuracy" if problem.score == "test_accuracy" else "error"


def against_first(names: list[str], problem: Problem, found: dict[str, Any]) -> dict[str, float]:
    """Return how the first network compares with each other one: accuracies by margin, errors by ratio."""
    first, *others = (float(found[f"{problem.score}_{name}"]) for name in names)
    if _kind(problem) == "accuracy":
        return {f"margin_over_{name}": first - other for name, other in zip(names[1:], others, strict=True)}
    return {f"ratio_to_{name}": first / other for name, other in zip(names[1:], others, strict=True)}


def least_margin(arrays: dict[str, Any]) -> float:
    """Return by how much the model is better than the best control of its budget, at the worst budget."""
    if "networks/accuracy" in arrays:
        scores = arrays["networks/accuracy"].reshape(-1, len(MODELS))
    else:
        scores = -arrays["networks/error"].reshape(-1, len(MODELS))
    return float((scores[:, 0] - scores[:, 1:].max(axis=1)).min())

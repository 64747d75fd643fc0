"""The Mackey-Glass task: all models on all series, and the table that stands them beside the constants."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.training.batches import seeded
from eventsim.scenarios.neurobench.protocol import Constant, Forecaster, Split, score
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.io.neurobench import Results
    from eventsim.scenarios.neurobench.settings import Settings

__all__ = ["forecast", "made", "series_of"]

CONSTANTS = ("train_mean", "last_value")
DIVERGED = 150.0  # sMAPE beyond which a forecast has left the series; constants have 20 to 75
COLUMNS = (
    "SMAPE",
    "MSE",
    "Footprint",
    "ConnectionSparsity",
    "ActivationSparsity",
    "Dense",
    "Effective_MACs",
    "Effective_ACs",
)


def forecast(settings: "Settings", run: Run) -> None:
    """Put all scores into the run: metrics by model and delay, and arrays ``scores/MODEL``."""
    names = (*CONSTANTS, *settings.models)
    found: dict[str, Any] = dict(run.state["found"]) if run.state else {}
    jobs = [(tau, name) for tau in settings.taus for name in names]
    known = {tau: series_of(settings, run, tau) for tau in settings.taus}
    with run.progress(len(jobs), "model", len(found)) as bar:
        for tau, name in jobs:
            label = f"{name}-{tau}"
            if label in found:
                continue
            run.checkpoint(lambda: {"found": found})
            rows = [_measured(settings, run, known[tau], tau, name, k) for k in range(_count(settings, name))]
            found[label] = np.array(rows)
            run.say(f"tau {tau}, {name}: sMAPE {found[label][:, 0].mean():.2f}")
            bar.update(1)
    _report(settings, run, names, found)
    first = settings.taus[0]
    split = Split.of(known[first], 0)
    run.parameter("forecast/target", split.targets[-750:])
    for name in settings.models:
        model = made(settings, run, first, name, 0)
        model.fit(split)
        run.parameter(f"forecast/{name}", _forecasts(model, split))


def series_of(settings: "Settings", run: Run, tau: int) -> Any:
    """Return the series of a delay, published or made here; the run notes which."""
    from eventsim.io import datasets

    if settings.published_series:
        return datasets.mackey_glass_file(tau, run.data)
    run.note(
        "the series are made here from the published parameters; scores on the published files differ from "
        "these digit by digit"
    )
    return datasets.mackey_glass_series(tau)


def made(settings: "Settings", run: Run, tau: int, name: str, repetition: int) -> Forecaster:
    """Return an untrained model of a series and a repetition."""
    if name in CONSTANTS:
        return Constant("mean" if name == "train_mean" else "last")
    seed = int(run.rng("forecast", name, tau, repetition).integers(2**31))
    if name == "esn":
        from eventsim.scenarios.neurobench.echo_state import EchoState

        return EchoState(tau, np.random.default_rng(seed), settings.reservoir)
    if name == "gle":
        from eventsim.scenarios.neurobench.prospective import ProspectiveForecaster

        return ProspectiveForecaster(settings, seed)
    from eventsim.scenarios.neurobench.layers import LayerForecaster

    return LayerForecaster(settings, name, seeded(seed))


def _count(settings: "Settings", name: str) -> int:
    trained = name in settings.models and name != "esn"
    return settings.network_repetitions if trained else settings.repetitions


def _measured(
    settings: "Settings", run: Run, series: Any, tau: int, name: str, repetition: int
) -> list[float]:
    """Return the numbers of `COLUMNS` of one model on one repetition."""
    split = Split.of(series, repetition)
    model = made(settings, run, tau, name, repetition)
    model.fit(split)
    results: Results = score(model, split)
    flat = {**results, **results["SynapticOperations"]}
    return [np.nan if flat[column] is None else float(flat[column]) for column in COLUMNS]


def _forecasts(model: Forecaster, split: Split) -> Any:
    from eventsim.io.neurobench import Workload

    return model.infer(split.inputs[750:751], Workload(model.connections))


def _report(settings: "Settings", run: Run, names: tuple[str, ...], found: dict[str, Any]) -> None:
    run.file.put(provenance={"columns": " ".join(COLUMNS), "models": " ".join(names)})
    for name in names:
        table = np.stack([found[f"{name}-{tau}"].mean(axis=0) for tau in settings.taus])
        run.parameter(f"scores/{name}", table)  # (delays, columns), means over repetitions
        for tau in settings.taus:
            run.parameter(f"repetitions/{name}/{tau}", found[f"{name}-{tau}"])
            run.metric(f"smape_{name}_{tau}", found[f"{name}-{tau}"][:, 0].mean())
        run.metric(f"smape_{name}", table[:, 0].mean())
        every = np.concatenate([found[f"{name}-{tau}"][:, 0] for tau in settings.taus])
        run.metric(f"median_smape_{name}", np.median(every))
        run.metric(f"diverged_{name}", (every > DIVERGED).mean())
        run.metric(f"operations_{name}", table[:, 6:8].sum(axis=1).mean())
    run.parameter("scores/tau", np.array(settings.taus))

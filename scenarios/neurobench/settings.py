"""The configuration of `neurobench`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from annotated_types import Ge, Gt, Le, Len

from eventsim.scenarios.neurobench.presets import PRESETS
from eventsim.scenarios.scenario import POSITIVE, Scenario, Sections

Session = Literal[
    "indy_20160622_01",
    "indy_20160630_01",
    "indy_20170131_02",
    "loco_20170210_03",
    "loco_20170215_02",
    "loco_20170301_05",
]
SESSIONS: tuple[Session, ...] = get_args(Session)
Forecaster = Literal["esn", "lif", "s4d", "mgrade", "gle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are one delay of the Mackey-Glass task."""

    paper: ClassVar[str] = (
        "Yik et al. 2025, The NeuroBench framework for benchmarking neuromorphic computing algorithms and "
        "systems"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    time_unit: ClassVar[str] = "1"
    sections: ClassVar[Sections] = {
        "task": ("task",),
        "Mackey-Glass": (
            "taus",
            "models",
            "published_series",
            "repetitions",
            "network_repetitions",
            "reservoir",
            "n_units",
            "epochs",
            "refining_steps",
            "spiking_units",
            "spiking_epochs",
            "learning_rate",
            "input_noise",
            "spiking_noise",
        ),
        "few-shot": (
            "words",
            "hidden",
            "base_words",
            "new_words",
            "shots",
            "base_epochs",
            "base_learning_rate",
        ),
        "primate reaching": (
            "sessions",
            "reaching_hidden",
            "reaching_tau",
            "reaching_epochs",
            "reaching_learning_rate",
        ),
        "QUBO": ("sizes", "densities", "instances", "time_limit"),
    }

    task: Annotated[Literal["mackey-glass", "few-shot", "qubo", "primate-reaching"], "what is measured"] = (
        "mackey-glass"
    )
    taus: Annotated[
        tuple[Annotated[int, Ge(17), Le(30)], ...], Len(1, 14), "delays of the series, of the table's 14"
    ] = (17,)
    models: Annotated[
        tuple[Forecaster, ...], "what forecasts, beside the constants: esn, lif, s4d, mgrade, gle"
    ] = ("esn", "lif", "s4d", "mgrade", "gle")
    published_series: Annotated[
        bool, "read mg_<tau>.npy from the folder of data sets in place of series that are made here"
    ] = False
    repetitions: Annotated[
        int, Ge(1), Le(30), "of the constants and the echo-state network, half a Lyapunov time apart"
    ] = 5
    network_repetitions: Annotated[int, Ge(1), Le(30), "of networks that are trained"] = 2
    reservoir: Annotated[
        int, Ge(0), Le(2000), "units of the echo-state network; 0 for the published number of each tau"
    ] = 0
    n_units: Annotated[int, Ge(2), Le(1000), "channels of trained networks"] = 24
    epochs: Annotated[int, Ge(0), "passes over the training half"] = 200
    refining_steps: Annotated[int, Ge(0), "of L-BFGS after these passes; not of spiking units and gle"] = 1000
    spiking_units: Annotated[int, Ge(2), Le(1000), "of each layer of the network of spiking units"] = 96
    spiking_epochs: Annotated[int, Ge(0), "passes of that network"] = 500
    learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.005
    input_noise: Annotated[
        float, Ge(0), Le(1), "added to training inputs, in standard deviations of the series"
    ] = 0.002
    spiking_noise: Annotated[float, Ge(0), Le(1), "the same for the network of spiking units"] = 0.3
    words: Annotated[
        Literal["digits", "mswc"], "spoken digits, or the official words: 100 and ten sessions of ten"
    ] = "digits"
    hidden: Annotated[
        tuple[Annotated[int, Ge(1), Le(4096)], ...], Len(1), "spiking units of each layer, few-shot task"
    ] = (128, 128)
    base_words: Annotated[int, Ge(2), Le(10), "digits that are learned first, from all recordings"] = 5
    new_words: Annotated[int, Ge(0), Le(8), "digits that are added after them, one in a session"] = 5
    shots: Annotated[int, Ge(1), "recordings of each new digit"] = 5
    base_epochs: Annotated[int, Ge(0), "passes over the base words"] = 20
    base_learning_rate: Annotated[float, *POSITIVE, "of Adam, for the base words"] = 0.005
    sessions: Annotated[tuple[Session, ...], Len(1), "recordings of two animals, each decoded on its own"] = (
        SESSIONS
    )
    reaching_hidden: Annotated[
        tuple[Annotated[int, Ge(1), Le(4096)], ...], Len(1), "spiking units of each layer, primate reaching"
    ] = (64,)
    reaching_tau: Annotated[float, *POSITIVE, "ms, of the units' membranes and of the readouts"] = 40.0
    reaching_epochs: Annotated[int, Ge(0), "passes over the training part"] = 40
    reaching_learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.005
    sizes: Annotated[tuple[Annotated[int, Ge(2), Le(5000)], ...], Len(1), "nodes of graphs"] = (
        10,
        25,
        50,
        100,
        250,
        500,
        1000,
    )
    densities: Annotated[
        tuple[Annotated[float, Gt(0), Le(1)], ...], Len(1), "edges over half the square of the nodes"
    ] = (0.01, 0.05, 0.1, 0.25)
    instances: Annotated[int, Ge(1), Le(5), "graphs of each size and density, seeds 0, 1, ..."] = 5
    time_limit: Annotated[float, *POSITIVE, "s, for each solver and graph"] = 1.0

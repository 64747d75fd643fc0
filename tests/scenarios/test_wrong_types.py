"""Arguments of a wrong type are refused in one line, before anything is written."""

from typing import Any

import numpy as np
import pytest

import eventsim as es
from eventsim.scenarios import Request, execute
from eventsim.scenarios.reproduce import reproduce
from eventsim.scenarios.sweep import open_sweep

SEEDS = {"seed": [0]}
BAD: dict[str, Any] = {"list": [3], "axes": {3: [0]}}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: es.sweep("yin-yang", SEEDS, "out", jobs="2"), "jobs must be a whole number, got '2'"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", jobs=1.5), "jobs must be a whole number, got 1.5"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", jobs=0), "jobs must be at least 1, got 0"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", hardware=3), "hardware must be a text"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", draw_seed="x"), "draw_seed must be a whole number"),
        (
            lambda: es.sweep("yin-yang", SEEDS, "out", listed=BAD["list"]),
            "a point of listed must be a mapping",
        ),
        (lambda: es.sweep("yin-yang", SEEDS, "out", listed={"seed": 1}), "listed must be points"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", say=3), "say must be a function"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", scheduler=3), "scheduler must be a text"),
        (lambda: es.sweep("yin-yang", SEEDS, "out", data=3), "data must be a path"),
        (lambda: es.sweep("yin-yang", SEEDS, None), "folder must be a path"),
        (lambda: es.sweep("yin-yang", [1], "out"), "axes must be a mapping"),
        (lambda: es.sweep("yin-yang", BAD["axes"], "out"), "a key of axes must be a text"),
        (
            lambda: es.sweep("yin-yang", {"epochs": np.ones((2, 2))}, "out"),
            "epochs = [1.0, 1.0]: must be an integer",
        ),
        (lambda: open_sweep(3), "the folder of a sweep must be a path"),
        (lambda: reproduce("yin-yang", jobs="2"), "jobs must be a whole number, got '2'"),
        (lambda: reproduce("yin-yang", only=3), "only must be a text"),
        (lambda: reproduce("yin-yang", quick="no"), "quick must be True or False"),
        (lambda: reproduce("yin-yang", folder=3), "folder must be a path"),
        (lambda: reproduce("yin-yang", folder="no/where"), "folder 'no' does not exist"),
        (lambda: execute("yin-yang"), "execute takes a Request"),
        (lambda: Request(name=3), "the name of a scenario must be a text"),
        (lambda: Request(name="yin-yang", values=3), "values must be a mapping"),
        (lambda: Request(name="yin-yang", seed=1.5), "seed must be a whole number, got 1.5"),
        (lambda: Request(name="yin-yang", seed=True), "seed must be a whole number, got True"),
        (lambda: Request(name="yin-yang", threads="2"), "threads must be a whole number"),
        (lambda: Request(name="yin-yang", output=""), "output must be a path"),
        (lambda: Request(name="yin-yang", overwrite="no"), "overwrite must be True or False"),
        (lambda: es.io.load("run.h5", recordings="no"), "recordings must be True or False"),
        (lambda: es.io.load("run.h5", populations=3), "populations must be names"),
        (lambda: es.io.save(3, "run.h5"), "a trace (such as es.io.load gives) or a simulation"),
        (lambda: es.io.save(es.Trace(), 3), "the name of the file must be a path"),
        (lambda: es.io.export.to_csv(es.Trace(), 3), "folder must be a path"),
        (lambda: es.io.export.to_sonata(es.Trace(), 3), "folder must be a path"),
        (lambda: es.report(3), "the file of a run must be a path"),
        (lambda: es.compare(3, 4), "the file of a run must be a path"),
    ],
)
def test_wrong_types_are_refused_in_one_line(call, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, es.ConfigError)) as error:
        call()
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []

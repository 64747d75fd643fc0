"""Keys, values and presets of earlier versions are read, and the command says once what they are called."""

import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.registry import parts
from eventsim.renamed import RENAMED
from eventsim.scenarios import running
from eventsim.scenarios.cli import main
from eventsim.scenarios.earlier_names import todays_values
from eventsim.scenarios.request import with_file

GLE = "generalized-latent-equilibrium"
OLD = [
    "task=lag-line",
    "dt=0.01",
    "ticks=50",
    "batch=2",
    "rate=0.001",
    "curve=straight",
    "ramp=3",
    "falling=plateau",
]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)


def test_every_old_key_value_and_preset_leads_to_one_of_today():
    for table, names in RENAMED.items():
        what, _, rest = table.partition("/")
        if what not in ("option", "value", "preset"):
            continue
        name, _, key = rest.partition("/")
        if name not in parts("scenario"):
            continue
        kind = parts("scenario")[name]
        known = kind.presets if what == "preset" else io.config.keys(kind)
        for today in names.values() if what != "value" else [key]:
            assert today in known, f"{table}: {today}"
        for old, today in names.items() if what == "value" else ():
            running.settle(kind, name, None, {key: today})
            with pytest.raises(ConfigError):
                io.config.make(kind, {key: old})


def test_old_keys_on_the_command_line_are_said_once_each(capsys):
    assert main(["run", GLE, *OLD, "--quiet", "-o", "a.h5"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert err == [
        "eventsim: 'rate' is called 'learning_rate' now",
        "eventsim: 'curve' is called 'interpolation' now",
        "eventsim: 'ramp' is called 'transition_steps' now",
        "eventsim: 'falling' is called 'lr_schedule' now",
        "eventsim: 'straight' is called 'linear' now",
    ]
    values = io.config.from_toml(io.load("a.h5").config)[0]
    assert (values["learning_rate"], values["interpolation"], values["transition_steps"]) == (
        1e-3,
        "linear",
        3,
    )


def test_old_keys_in_a_file_of_settings_are_read(capsys, tmp_path):
    (tmp_path / "old.toml").write_text('rate = 0.5\ntask = "surrogate"\n[run]\npreset = "surrogate"\n')
    request = running.Request(name=GLE, config=tmp_path / "old.toml")
    request, layers = with_file(request)
    with pytest.warns(DeprecationWarning, match="'learning_rate' now"):
        scenario = running.settle(running.scenario_kind(GLE), GLE, request.preset, *layers)
    assert scenario.learning_rate == 0.5
    assert scenario.task == "synthetic"


def test_a_key_under_both_names_is_refused(capsys):
    assert main(["run", GLE, "rate=1", "learning_rate=1"]) == 2
    assert "'learning_rate' is given twice" in capsys.readouterr().err


def test_what_has_no_other_name_stays():
    assert todays_values("fast-and-deep", {"rate": 1, "n_hidden": 3}) == {"rate": 1, "n_hidden": 3}

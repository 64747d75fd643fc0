"""The command line as its users meet it: what is printed where, and the exit status."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from eventsim import io
from eventsim.scenarios.cli import main
from eventsim.trace import Trace

COMMAND = [sys.executable, "-P", "-m", "eventsim.scenarios.cli"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)


def refused(capsys, *words):
    """Return the one line that a command ends with, having checked that it is one."""
    assert main(list(words)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("eventsim: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("rnu yin-yang", "did you mean 'run'"),
        ("run", "NAME"),
        ("run yin-yan", "did you mean 'yin-yang'"),
        ("run yin-yang --preset quik", "did you mean 'quick'"),
        ("run yin-yang n_hiden=3", "did you mean 'n_hidden'"),
        ("run yin-yang n_hidden=0", "must be at least 1"),
        ("run yin-yang n_hidden=many", "n_hidden"),
        ("run yin-yang n_hidden=1.5", "n_hidden"),
        ("run yin-yang learning_rate=nan", "learning_rate"),
        ("run yin-yang learning_rate=inf", "learning_rate"),
        ("run yin-yang n_hidden", "key=value"),
        ("run yin-yang n_hidden=1 n_hidden=2", "twice"),
        ("run yin-yang --seed one", "--seed"),
        ("run yin-yang --seed -1", "negative"),
        ("run yin-yang --sede 1", "did you mean '--seed'"),
        ("run yin-yang --epochs 3", "write epochs=3"),
        ("run yin-yang --epochs=3", "write epochs=3"),
        ("run yin-yang --learning-rate 0.1 --quiet", "write learning_rate=0.1"),
        ("run yin-yang --epochs", "write epochs=VALUE"),
        ("run yin-yang --epoch 3", "no option --epoch"),
        ("run yin-yang --seed", "--seed needs a value"),
        ("run yin-yang --seed 1.5", "--seed must be an integer, got '1.5'"),
        ("run", "eventsim run SCENARIO key=value"),
        ("show", "show needs FILE; eventsim show FILE.h5"),
        ("show a.h5 b.h5", "show takes no further argument, got 'b.h5'"),
        ("list yin-yan", "did you mean 'yin-yang'"),
        ("list brainscale2", "did you mean 'brainscales2'"),
        ("list nope", "no part named 'nope'; 'eventsim list' names all"),
        ("nope", "no command named 'nope'; known: list"),
        ("reproduce delgrad --row zzz", "'WA, 30 hidden, rate along a cosine (ours)'"),
        ("run yin-yang n_hidden=1e9", "n_hidden = 1000000000.0: must be at most"),
        ("run fast-and-deep n_hidden=1e9", "n_hidden"),
        ("run delgrad n_hidden=1e9", "n_hidden"),
        ("run robustness n_hidden=1e9", "n_hidden"),
        ("run spoken-digits n_hidden=1e9", "n_hidden"),
        ("run latent-equilibrium hidden=[1e9]", "hidden"),
        ("run generalized-latent-equilibrium fast=1e9", "fast"),
        ("run nonlinear-dendrites neurons=1e9", "neurons"),
        ("run balanced-network n_excitatory=1e9", "n_excitatory"),
        ("reproduce yin-yan", "did you mean 'yin-yang'"),
        ("reproduce yin-yang -o nowhere/here", "nowhere"),
        ("run yin-yang --hardware abacus", "no hardware named 'abacus'"),
        ("run yin-yang --hardware jitter,sigma=1", "runs on the ideal target only"),
        ("run fast-and-deep --hardware jitter,sigma=-1", "sigma"),
        ("run fast-and-deep --hardware jitter,sgima=1", "sgima"),
        ("run yin-yang --threads 0", "at least 1"),
        ("run yin-yang --data nowhere", "nowhere"),
        ("run yin-yang --config nowhere.toml", "nowhere.toml"),
        ("run yin-yang -o nowhere/run.h5", "nowhere"),
        ("run yin-yang -o .", "folder"),
        ("run yin-yang --plot plot.txt", ".png"),
        ("run yin-yang --plot nowhere/plot.png", "nowhere"),
        ("run yin-yang --resume", "nothing to resume"),
        ("show nowhere.h5", "nowhere.h5"),
        ("plot nowhere.h5", "nowhere.h5"),
        ("list nonsense", "nonsense"),
        ("bench nonsense", "nonsense"),
        ("bench --repeats 0", "at least 1"),
        ("report absent.h5", "there is no file absent.h5"),
    ],
)
def test_a_request_that_cannot_be_met_ends_with_one_line_and_status_2(capsys, tmp_path, words, says):
    assert says in refused(capsys, *words.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(40)])
@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_file_that_is_not_ours_ends_with_one_line(capsys, tmp_path, command, content):
    (tmp_path / "foreign.h5").write_bytes(content)
    assert "foreign.h5" in refused(capsys, command, "foreign.h5")


def test_a_file_that_is_there_is_not_replaced_unasked(capsys, tmp_path):
    (tmp_path / "mine.h5").write_bytes(b"precious")
    assert "--overwrite" in refused(capsys, "run", "yin-yang", "-o", "mine.h5")
    assert (tmp_path / "mine.h5").read_bytes() == b"precious"


def test_a_folder_without_permission_ends_with_one_line(capsys, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write everywhere")
    assert "read-only" in refused(capsys, "run", "yin-yang", "-o", "closed/run.h5")


def test_run_says_where_its_file_is_and_what_came_out(capsys, walk, tmp_path):
    assert main(["run", "walk", "--preset", "short", "--seed", "4"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[0] == "writing to walk-short-seed4.h5"
    assert "distance" in out
    assert "eventsim plot walk-short-seed4.h5" in out
    assert io.load("walk-short-seed4.h5").provenance["seed"] == 4


def test_quiet_is_quiet(capsys, walk):
    assert main(["run", "walk", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_values_on_the_command_line_win(walk):
    assert main(["run", "walk", "steps=4", "--preset", "short", "--quiet", "width=0.5", "-o", "a.h5"]) == 0
    values, _ = io.config.from_toml(io.load("a.h5").config)
    assert values == {"steps": 4, "width": 0.5}


def test_show_prints_one_object(capsys, walk):
    main(["run", "walk", "--preset", "short", "--quiet", "-o", "a.h5"])
    assert main(["show", "a.h5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["scenario"] == "walk"
    assert found["preset"] == "short"
    assert found["seed"] == 0
    assert found["version"] == io.load("a.h5").provenance["version"]
    assert found["config"] == {"steps": 3, "width": 1.0}
    assert found["metrics"] == io.load("a.h5").metrics
    assert found["populations"] == {"steps": 5}
    assert found["wall_seconds"] > 0


def test_show_without_a_preset_says_null(capsys, walk):
    main(["run", "walk", "--quiet", "-o", "a.h5"])
    main(["show", "a.h5", "--json"])
    assert json.loads(capsys.readouterr().out)["preset"] is None


def test_a_failed_run_ends_with_one_line_and_status_1(capsys, walk, monkeypatch):
    monkeypatch.setattr(walk, "fail_at", 5)
    assert main(["run", "walk", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "the walk met a wall" in err


def test_debug_shows_where_a_run_failed(capsys, walk, monkeypatch):
    monkeypatch.setattr(walk, "fail_at", 5)
    assert main(["run", "walk", "--quiet", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_stopped_run_ends_with_130_and_the_command_that_goes_on(capsys, walk, monkeypatch):
    monkeypatch.setattr(walk, "stop_at", 4)
    assert main(["run", "walk", "--quiet"]) == 130
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    monkeypatch.setattr(walk, "stop_at", None)
    command = err.strip().rpartition("go on with: eventsim ")[2]
    assert main(command.split()) == 0
    assert io.hdf5.is_complete("walk-seed0.h5")


def test_resuming_a_finished_run_says_so(capsys, walk):
    main(["run", "walk", "--quiet"])
    assert main(["run", "walk", "--resume"]) == 0
    assert "finished already" in capsys.readouterr().out


def test_list_has_every_kind_and_every_scenario(capsys):
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"scenarios", "neurons", "rules", "hardware"} <= found.keys()
    names = {part["name"]: part for part in found["scenarios"]}
    assert {"yin-yang", "balanced-network"} <= names.keys()
    assert "Kriener" in names["yin-yang"]["paper"]
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in names)


def test_list_shows_the_keys_of_one(capsys):
    assert main(["list", "yin-yang"]) == 0
    out = capsys.readouterr().out
    assert "n_hidden = 30" in out
    assert ">= 1" in out
    assert "preset quick" in out


def test_list_shows_what_a_neuron_has(capsys):
    assert main(["list", "lif"]) == 0
    out = capsys.readouterr().out
    assert "tau_mem = 1.0" in out
    assert "Membrane time constant, time" in out
    assert "receptors: one, for all inputs" in out
    assert "recorded variables: v, i_syn" in out
    assert main(["list", "multi-compartment", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "dendrite" in found["receptors"]
    assert "soma.v" in found["variables"]
    assert main(["list", "poisson"]) == 0
    assert "none, it is a source" in capsys.readouterr().out


def test_list_shows_the_parameters_of_hardware(capsys):
    assert main(["list", "brainscales2"]) == 0
    out = capsys.readouterr().out
    assert "jitter_us = 0.06" in out
    assert "of spikes of neurons and of delay elements, us" in out


def test_every_part_is_listed_with_a_meaning_for_each_parameter(capsys):
    assert main(["list", "--json"]) == 0
    for kind, records in json.loads(capsys.readouterr().out).items():
        for part in records:
            assert part["summary"], part["name"]
            for each in part.get("keys", part.get("parameters")):
                assert each["meaning"], f"{kind} {part['name']}: {each['name']} has no meaning"


def test_sections_of_a_scenario_hold_every_key_once_in_order():
    from dataclasses import fields

    from eventsim.registry import parts

    for name, kind in parts("scenario").items():
        names = [key for keys in getattr(kind, "sections", {}).values() for key in keys]
        if names:
            assert names == [field.name for field in fields(kind)], name


def test_every_command_is_offered(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    commands = ("list", "run", "show", "plot", "report", "compare", "reproduce", "bench", "sweep", "export")
    assert all(command in out for command in commands)


def test_list_loads_no_large_library():
    """What costs a listing its time is what it imports: half a second goes into each of these."""
    code = """
import sys
from eventsim.scenarios.cli import main
from eventsim.trace import Trace
main(["list"])
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    loaded = set(ended.stderr.split())
    assert "numpy" in loaded
    assert not loaded & {"scipy", "h5py", "matplotlib", "tqdm", "torch", "sklearn", "neo"}


@pytest.mark.parametrize("words", ["-h", "--help", "run -h", "list -h", "reproduce -h", "plot -h"])
def test_every_command_has_a_short_option_for_help(capsys, words):
    assert main(words.split()) == 0
    assert "Usage: eventsim" in capsys.readouterr().out


@pytest.mark.parametrize(
    "ends", ["2>&-", ">&-", ">&- 2>&-", "<&-", "| true", "> /dev/full", "2> /dev/full", ">/dev/full 2>&1"]
)
def test_streams_that_are_closed_or_full_never_cost_a_run(ends, tmp_path):
    words = shlex.join([*COMMAND, "run", "yin-yang", "epochs=2", "runs=1", "-o", "a.h5"])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {words} {ends}"], capture_output=True, timeout=60)
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    assert "ann_test_accuracy" in io.load("a.h5").metrics
    assert (
        b"writing" not in (tmp_path / "a.h5").read_bytes()
    )  # the file did not take a closed stream's number
    assert b"Exception" not in done.stderr


def test_a_reader_that_closes_the_pipe_is_no_error():
    command = f"{shlex.join(COMMAND)} list | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


def start(*words):
    # Ctrl-C is ignored in processes that a non-interactive shell starts in the background.
    return subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_130_and_keeps_what_was_done(number):
    process = start("run", "yin-yang", "epochs=2000", "runs=2", "-o", "a.h5")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1.0)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.count("\n") == 1
    training = io.load("a.h5").state["scenario"]["training"]
    assert training["epoch"] + training["batch"] > 0


def test_a_file_without_a_time_says_that_it_is_unknown(tmp_path, capsys):
    io.save(Trace(provenance={"scenario": "mine"}), tmp_path / "a.h5")
    assert main(["show", str(tmp_path / "a.h5")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["mine, seed unknown, eventsim of unknown version", "finished, unknown time"]

"""The command line around a run: whole runs as TOML, summaries with units, progress in lines, completion."""

import io as text_io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib

import numpy as np
import pytest

from eventsim import io
from eventsim.registry import parts
from eventsim.scenarios import memory, metric_units, progress, whole_runs
from eventsim.scenarios.cli import app, main
from eventsim.scenarios.reproduce import published
from eventsim.scenarios.request import settle
from eventsim.scenarios.scenario import Table
from eventsim.scenarios.shell import completion, help_texts, results, unfinished

COMMAND = [sys.executable, "-P", "-m", "eventsim.scenarios.cli"]
SMALL = ["n_hidden=8", "batch=500", "test_samples_recorded=2"]


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
    return err


# ------------------------------------------------------------------------------------ whole runs as TOML


@pytest.mark.parametrize("name", sorted(parts("scenario")))
def test_a_template_holds_every_setting_at_its_value_with_its_meaning(name):
    kind = parts("scenario")[name]
    for preset in (None, *list(kind.presets)[:3]):
        text = whole_runs.template(name, preset)
        values, run = io.config.from_toml(text)
        assert io.config.make(kind, values) == settle(kind, name, preset)
        assert run == {"scenario": name, "seed": 0} | ({"preset": preset} if preset else {})
        assert all("#" in line for line in text.partition("[run]")[0].splitlines() if line)


def test_a_file_of_toml_describes_a_whole_run_and_a_run_gives_the_file_back(capsys):
    main(["list", "fast-and-deep", "--toml", "--preset", "quick"])
    text = capsys.readouterr().out.replace("seed = 0", "seed = 3")
    with open("mine.toml", "w") as file:
        file.write(re.sub(r"^epochs = \d+", "epochs = 1", text, flags=re.M))
    assert main(["run", "mine.toml", *SMALL, "--quiet"]) == 0
    main(["show", "mine.h5", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["scenario"], found["preset"], found["seed"]) == ("fast-and-deep", "quick", 3)
    assert (found["config"]["epochs"], found["config"]["n_hidden"]) == (1, 8)
    main(["show", "mine.h5", "--toml"])
    text = capsys.readouterr().out
    assert "\nmax_missing = [1.0, 0.3]\n" in text
    with open("again.toml", "w") as file:
        file.write(text)
    assert main(["run", "again.toml", "--quiet"]) == 0
    assert io.load("again.h5").metrics == io.load("mine.h5").metrics
    assert io.config.read_toml("again.toml")[1]["seed"] == 3


@pytest.mark.parametrize(
    ("content", "words", "says"),
    [
        ("epochs = 1", "run a.toml", "names no scenario"),
        ('[run]\nscenario = "yin-yan"', "run a.toml", "did you mean 'yin-yang'"),
        ('epoch = 1\n[run]\nscenario = "yin-yang"', "run a.toml", "did you mean 'epochs'"),
        ('[run]\nscenario = "yin-yang"\nsede = 1', "run a.toml", "did you mean 'seed'"),
        ("epochs = ", "run a.toml", "is not TOML"),
        ('[run]\nscenario = "yin-yang"', "run a.toml --config a.toml", "leave out --config"),
        ("", "run nothere.toml", "cannot read configuration nothere.toml"),
        ("", "list --toml", "needs the name of a scenario"),
        ("", "list lif --toml", "no scenario named 'lif'"),
        ("", "list yin-yang --preset quick", "--preset is for --toml"),
        ("", "list yin-yang --toml --preset quik", "did you mean 'quick'"),
        ("", "show nothere.h5 --toml", "nothere.h5"),
    ],
)
def test_a_wrong_file_of_a_run_ends_with_one_line(capsys, content, words, says):
    with open("a.toml", "w") as file:
        file.write(content)
    assert says in refused(capsys, *words.split())


def test_a_file_of_no_scenario_has_no_toml(capsys):
    io.TraceFile.create("plain.h5").close()
    assert "no run of a scenario" in refused(capsys, "show", "plain.h5", "--toml")
    assert "exclude each other" in refused(capsys, "show", "plain.h5", "--toml", "--json")


# ------------------------------------------------------------------------------------ summaries


@pytest.mark.parametrize(
    ("metric", "unit"),
    [("test_accuracy", "%"), ("selected_test_accuracy", "%"), ("memory_bits_weights", "bit"),
     ("mean_rate", "Hz"), ("hardware_seconds", "s"), ("shortest_completing_cue_ms", "ms"),
     ("trained_numbers", ""), ("kappa_1", ""), ("gain_matched", "%"), ("gain_per_task", "%"),
     ("gain_factor", ""), ("alignment_degrees_1", "degrees"), ("chip_alignment_degrees_2", "degrees")],
)  # fmt: skip
def test_a_metric_has_the_unit_that_its_name_says(metric, unit):
    assert metric_units.unit_of(metric, {}) == unit


def test_units_of_a_scenario_without_a_table_need_no_tables_of_others(monkeypatch):
    monkeypatch.setattr(published, "papers", lambda: pytest.fail("all tables are read"))
    assert metric_units.units("balanced-network") == {}
    assert metric_units.units("no such scenario") == {}
    assert metric_units.units("fast-and-deep")["test_accuracy"] == "%"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(4426.0, "", "4426"), (25768.0, "bit", "25768 bit"), (0.95918, "%", "95.92 %"), (1.0, "%", "100 %"),
     (1e20, "", "1e+20"), (-3.0, "", "-3"), (1.5e-7, "s", "1.5e-07 s"), (None, "%", "None"), ("a", "", "a"),
     (True, "", "True")],
)  # fmt: skip
def test_values_are_shown_whole_and_with_units(value, unit, text):
    assert metric_units.with_unit(value, unit) == text


def test_a_list_that_is_long_or_holds_brackets_stays_what_it_is():
    values = {"long": list(range(60)), "nested": [[1, 2], [3]], "words": ["a, b", "c]", "d"], "none": []}
    text = results._LIST.sub(results._one_line, io.config.to_toml(values))
    assert tomllib.loads(text) == values
    assert results._LIST.sub(results._one_line, io.config.to_toml({"words": ["a, b", "d,"]})) == (
        'words = ["a, b", "d,"]\n'
    )


@pytest.mark.parametrize("name", ["pair-stdp", "PairSTDP", "LIF", "lif", "BrainScaleS2", "Yin-Yang"])
def test_a_part_is_listed_by_its_class_too(capsys, name):
    assert main(["list", name]) == 0
    assert capsys.readouterr().out.lower().replace("-", "").startswith(name.lower().replace("-", ""))


def test_a_summary_has_units_and_whole_numbers(capsys):
    assert main(["run", "fast-and-deep", "epochs=1", *SMALL, "-o", "a.h5"]) == 0
    out = capsys.readouterr().out
    seconds = re.search(r"^finished in (\S+) s$", out, re.M)[1]
    assert re.search(r"^  test_accuracy +\d+(\.\d+)? %$", out, re.M)
    assert re.search(r"^  silent_test_samples +\d+$", out, re.M)
    main(["show", "a.h5"])
    out = capsys.readouterr().out
    assert re.search(r"^  n_hidden +8 +neurons of the hidden layer$", out, re.M)
    assert re.search(r"^  tau_mem +1 +ms, membrane$", out, re.M)
    assert re.search(r"^  first_label_spike +\S+ tau_syn$", out, re.M)
    assert re.search(r"^  label +3 units$", out, re.M)
    assert re.search(r"^  bias +1 unit$", out, re.M)
    assert f"\nfinished, {seconds} s\n" in out  # of the run and of its file, whatever closing it took


def test_the_paper_stands_beside_ours_in_the_same_unit(capsys, monkeypatch):
    from eventsim.scenarios import running
    from eventsim.scenarios.shell import results

    def carry_out(name, path, scenario, run):
        run.metric("test_accuracy", 0.96)
        run.finish()
        return running.Outcome(name, path, scenario, run)

    monkeypatch.setattr(running, "_carry_out", carry_out)
    outcome = running.execute(running.Request(name="fast-and-deep", quiet=True))
    line = next(each for each in results.summary(outcome).splitlines() if "test_accuracy" in each)
    assert line.split() == ["test_accuracy", "96", "%", "paper:", "95.9", "±", "0.7", "%"]


def test_robustness_has_a_table_in_place_of_its_metrics(capsys):
    words = ["run", "robustness", "--preset", "quick", "networks=1", "epochs=1", "imperfections=['jitter']"]
    assert main([*words, "--quiet", "-o", "a.h5"]) == 0
    main(["show", "a.h5"])
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("test accuracy over the imperfections of a chip:")
    assert lines[at + 1].split("  ")[-1] == "trained without it"
    metrics = io.load("a.h5").metrics
    rows = [line.split() for line in lines[at + 2 :] if line.startswith("  jitter")]
    assert rows
    for name, level, *cells in rows:
        assert f"{100 * metrics[f'{name}_{level}_in_the_loop']:.1f}" == cells[0]
    assert not any("in_the_loop" in line for line in lines)


# ------------------------------------------------------------------------------------ runs not finished


def test_show_of_an_unfinished_run_tells_the_epoch_the_last_values_and_how_to_go_on(capsys):
    words = [*COMMAND, "run", "fast-and-deep", "epochs=100000", *SMALL, "-o", "a.h5", "--quiet"]
    process = subprocess.Popen(words)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.5)
        if os.path.exists("a.h5") and len(io.load("a.h5").training.get("validation_accuracy", ())) > 1:
            break
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    main(["show", "a.h5"])
    out = capsys.readouterr().out
    n = len(io.load("a.h5").training["validation_accuracy"])
    assert "not finished" in out
    assert f"{n} of 100000 epochs are done" in out
    assert re.search(r"^  validation_accuracy +\S+ %$", out, re.M)
    assert "go on with: eventsim run fast-and-deep -o a.h5 --resume" in out
    main(["show", "a.h5", "--json"])
    found = json.loads(capsys.readouterr().out)["progress"]
    assert (found["counted"], found["done"], found["total"]) == ("epoch", n, 100000)
    assert found["last"]["validation_accuracy"] == io.load("a.h5").training["validation_accuracy"][-1]


@pytest.mark.parametrize(
    ("state", "place"),
    [
        ({"epoch": 3, "batch": 1}, ("epoch", 3)),
        ({"dataset": "digits", "trainer": {"epoch": np.int64(4)}}, ("epoch", 4)),
        ({"first": {"epoch": 9}, "now": {"epoch": 2}}, ("epoch", 2)),
        ({"tick": 70, "sim": {}}, ("tick", 70)),
        ({"found": {}}, None),
        ({"epoch": True}, None),
    ],
)
def test_how_far_a_run_is_follows_from_its_state(state, place):
    assert unfinished.position(state) == place


# ------------------------------------------------------------------------------------ more epochs


def test_more_epochs_end_with_the_bits_of_as_many_from_the_start(capsys):
    words = ["run", "fast-and-deep", *SMALL, "decay_every=2", "--quiet"]
    assert main([*words, "epochs=3", "-o", "a.h5"]) == 0
    assert main(["run", "fast-and-deep", "-o", "a.h5", "--resume", "epochs=5", "--quiet"]) == 0
    assert main([*words, "epochs=5", "-o", "b.h5"]) == 0
    ours, theirs = io.load("a.h5"), io.load("b.h5")
    assert ours.metrics == theirs.metrics
    assert ours.training.keys() == theirs.training.keys()
    for name, series in theirs.training.items():
        assert np.array_equal(ours.training[name], series)
    for name, array in theirs.parameters.items():
        assert np.array_equal(ours.parameters[name], array), name
    for name, spikes in theirs.spikes.items():
        assert np.array_equal(ours.spikes[name].times, spikes.times)
    main(["show", "a.h5"])
    assert "note: trained for 3 epochs, then on to 5" in capsys.readouterr().out
    assert main(["run", "fast-and-deep", "-o", "a.h5", "--resume", "epochs=5"]) == 0
    assert "finished already" in capsys.readouterr().out
    said = refused(capsys, "run", "fast-and-deep", "-o", "a.h5", "--resume", "epochs=4")
    assert "a.h5 is a run of 5 epochs, and epochs=4 is fewer; resume it without, or with more" in said
    assert "begun" not in said  # it was begun with 3
    assert "n_hidden" in refused(capsys, "run", "fast-and-deep", "-o", "a.h5", "--resume", "n_hidden=9")


def test_more_epochs_of_a_continuous_network_end_with_the_same_bits():
    words = ["run", "latent-equilibrium", "--preset", "quick", "--quiet"]
    assert main([*words, "epochs=1", "-o", "a.h5"]) == 0
    assert main(["run", "latent-equilibrium", "-o", "a.h5", "--resume", "epochs=2", "--quiet"]) == 0
    assert main([*words, "epochs=2", "-o", "b.h5"]) == 0
    assert io.load("a.h5").metrics == io.load("b.h5").metrics


def test_a_run_without_a_last_state_says_so(capsys):
    assert main(["run", "yin-yang", "--preset", "quick", "epochs=1", "runs=1", "--quiet", "-o", "a.h5"]) == 0
    said = refused(capsys, "run", "yin-yang", "-o", "a.h5", "--resume", "epochs=2")
    assert "no state" in said
    assert "epochs=2" in said
    assert io.hdf5.is_complete("a.h5")  # and the file is as it was


# ------------------------------------------------------------------------------------ progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves; no thread watches, and standard error, which is captured, is no terminal."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress.threading.Thread, "start", lambda self: None)
    monkeypatch.setattr(progress.threading.Thread, "join", lambda self: None)
    return now


def test_without_a_terminal_an_epoch_is_a_line(clock, capsys):
    bar = progress.Progress(300, "batch", 0, False)
    for _ in range(3):
        for k in range(10):
            clock[0] += 0.5
            bar.update(1, **({"loss": 0.25} if k == 9 else {}))
    assert capsys.readouterr().err.splitlines() == [
        "3 % (10 of 300 batches), 5.0 s, about 2 min left: loss 0.25",
        "7 % (20 of 300 batches), 10 s, about 2 min left: loss 0.25",
        "10 % (30 of 300 batches), 15 s, about 2 min left: loss 0.25",
    ]


def test_short_epochs_are_at_most_a_line_a_second_and_long_ones_at_least_a_line_in_half_a_minute(
    clock, capsys
):
    bar = progress.Progress(10000, "batch", 0, False)
    for _ in range(100):
        clock[0] += 0.1
        bar.update(1, loss=1.0)
    assert 5 <= len(capsys.readouterr().err.splitlines()) <= 10
    for _ in range(100):
        clock[0] += 1.0
        bar.update(1)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_silence_that_is_too_long_ends_with_a_line(monkeypatch):
    monkeypatch.setattr(progress, "SILENCE", 0.1)
    monkeypatch.setattr(sys, "stderr", text_io.StringIO())
    bar = progress.Progress(10, "epoch", 0, False)
    deadline = time.monotonic() + 20
    while not sys.stderr.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    bar.close()
    assert sys.stderr.getvalue().startswith("0 % (0 of 10 epochs)")


def test_a_long_run_says_so_once_after_its_first_part(clock):
    said = []
    bar = progress.Progress(1000, "epoch", 0, False, said.append)
    clock[0] += 2.0
    bar.update(1)
    assert said == []  # too little is known yet
    clock[0] += 2.0
    bar.update(1)
    bar.update(1)
    assert said == [
        "this takes about 33 min more, by the first 2 epochs of 1000 epochs; Ctrl-C keeps what is done"
    ]
    short = progress.Progress(10, "epoch", 0, False, said.append)
    clock[0] += 4.0
    short.update(1)
    assert len(said) == 1


def test_a_silent_bar_shows_nothing(clock, capsys):
    bar = progress.Progress(10, "epoch", 0, True, lambda text: pytest.fail(text))
    clock[0] += 1e6
    bar.update(1, loss=1.0)
    bar.close()
    assert capsys.readouterr() == ("", "")


# ------------------------------------------------------------------------------------ memory


def test_a_run_that_needs_much_memory_says_so_first(capsys, monkeypatch):
    from eventsim.scenarios import running

    monkeypatch.setattr(running, "free_memory", lambda: 1e5)
    assert main(["run", "balanced-network", "--preset", "quick", "duration=5", "-o", "a.h5"]) == 0
    out = capsys.readouterr().out
    assert out.index("MB" if "MB" in out else "of memory") < out.index("finished in")
    assert "are free; a smaller one is safer" in out


@pytest.mark.parametrize(("needed", "free", "says"), [(0, 1e9, None), (5e8, 1e10, None), (2e9, 1e10, "2 GB")])
def test_little_memory_is_not_worth_a_line(needed, free, says):
    words = memory.memory_words(needed, free)
    assert words is None if says is None else says in words


def test_free_memory_is_a_number_of_bytes():
    assert 1e6 < memory.free_memory() < 1e15


# ------------------------------------------------------------------------------------ help and completion


def test_every_command_ends_its_help_with_examples_that_parse(capsys):
    commands = [str(each.name or each.callback.__name__) for each in app.registered_commands]
    for name in commands:
        assert main([name, "-h"]) == 0
        out = capsys.readouterr().out
        assert f"  eventsim {name}" in out.partition("Examples:")[2]
    scenarios = parts("scenario")
    for line in help_texts.RUN.splitlines()[2:]:
        name = line.split()[2]
        assert name in scenarios or name.endswith(".toml") or name == "--sonata"


def offered(words: str, position: int) -> list[str]:
    """Return what a shell offers for the word at a position."""
    environment = os.environ | {"_EVENTSIM_COMPLETE": "complete_bash", "COMP_WORDS": words}
    code = "import sys; sys.argv = ['eventsim']; from eventsim.scenarios.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment | {"COMP_CWORD": str(position)},
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


def test_a_shell_completes_scenarios_presets_and_settings():
    assert offered("eventsim run yin", 2) == ["yin-yang"]
    assert offered("eventsim run delgrad --preset brain", 4) == ["brainscales2-W", "brainscales2-WA"]
    assert offered("eventsim run delgrad n_h", 3) == ["n_hidden=", "n_hidden=30"]  # two: no space behind "="


def test_completion_offers_files_and_targets(tmp_path):
    (tmp_path / "mine.toml").write_text("")
    assert completion.scenarios_and_files("mi") == ["minimalist", "mine.toml"]
    assert "brainscales2" in completion.hardware("brain")
    assert completion.parts("lif")[0] == "lif"


def test_a_shell_completes_benchmarks_formats_and_what_a_sweep_takes(tmp_path):
    assert offered("eventsim bench que", 2) == ["queue-hold"]
    assert offered("eventsim export run.h5 --to son", 4) == ["sonata", "sonata-network"]
    assert offered("eventsim sweep del", 2) == ["delgrad"]
    assert offered("eventsim sweep delgrad --preset brain", 4) == ["brainscales2-W", "brainscales2-WA"]
    assert offered("eventsim sweep delgrad see", 3) == ["seed="]
    assert offered("eventsim list delgrad --toml --preset brain", 5)[0] == "brainscales2-W"


def test_a_shell_completes_the_plots_of_a_file(tmp_path):
    assert main(["run", "fast-and-deep", "epochs=1", *SMALL, "--quiet", "-o", "a run.h5"]) == 0
    known = list(results.plots_of(tmp_path / "a run.h5"))
    assert offered("eventsim plot 'a run.h5' --what ", 4) == known
    assert offered("eventsim plot 'a run.h5' --what ras", 4) == ["raster"]
    assert offered("eventsim plot --what ras", 3) == []  # of which file?
    (tmp_path / "text.h5").write_text("no HDF5")
    assert offered("eventsim plot text.h5 --what ", 4) == []
    assert offered("eventsim plot none.h5 --what ", 4) == []


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("epochs=", ["epochs=300"]),
        ("epochs=7", []),
        ("dataset=m", ["dataset=mnist", "dataset=mnist-16x16"]),
        ("bias_for_label=", ["bias_for_label=true", "bias_for_label=false"]),
        ("init_mean=", []),  # several numbers: nothing that could be typed on
        ("epoch=", []),
    ],
)
def test_a_setting_is_completed_to_its_values(word, values):
    assert completion.values_of(parts("scenario")["fast-and-deep"], word) == values


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'\n. ./script\n"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u; bindkey -e\n. ./script\n"),
    "fish": (["fish", "--no-config", "-i"], "source ./script\n"),
}


def typed(shell: str, line: str) -> str:
    """Return what stands in a terminal with a shell after a line and the tabulator key.

    The line is wrapped into `echo` before it is sent, so that it is printed and not carried out.
    """
    import pty

    words, preparation = SHELLS[shell]
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(words[0], words, os.environ | {"TERM": "dumb", "PS1": "$ ", "INPUTRC": "/dev/null"})
    keys = f"{preparation}{line}\t\x05|END'\x01echo 'BEGIN|\n"  # ^E and ^A go to the ends of the line
    seen = b""
    try:
        os.write(terminal, keys.encode())
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            seen += os.read(terminal, 4096)
            found = re.search(rb"^\s*BEGIN\|(.*)\|END\s*$", seen, re.M)
            if found:
                return found[1].decode()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)
    raise AssertionError(seen.decode(errors="replace"))


@pytest.mark.parametrize(
    ("shell", "line", "ends"),
    [
        ("bash", "eventsim bench que", "bench queue-hold "),
        ("bash", "eventsim plot run.h5 --what ras", "--what raster "),
        ("bash", "eventsim plot ru", "plot run.h5 "),
        ("bash", "eventsim run fast-and-deep n_hid", " n_hidden="),
        ("bash", "eventsim run fast-and-deep bias_for_label=f", " bias_for_label=false "),
        ("zsh", "eventsim export x.h5 --to nw", "--to nwb"),
        ("zsh", "eventsim run fast-and-deep n_hid", " n_hidden="),
        ("fish", "eventsim plot run.h5 --what ras", "--what raster "),
        ("fish", "eventsim run fast-and-deep bias_for_label=f", " bias_for_label=false "),
    ],
)
def test_real_shells_complete_lines(tmp_path, monkeypatch, shell, line, ends):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "eventsim"
    code = "import sys; from eventsim.scenarios.cli import main; sys.argv[0] = 'eventsim'; sys.exit(main())"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -c "{code}" "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    with io.TraceFile.create("run.h5") as file:
        file.add_population("cells", 2)
        file.append_spikes("cells", [1.0, 2.0], [0, 1])
    asked = os.environ | {"_EVENTSIM_COMPLETE": f"source_{shell}"}
    script = subprocess.run([str(command)], env=asked, capture_output=True, text=True, check=True).stdout
    (tmp_path / "script").write_text(f"{script}\n")
    assert typed(shell, line).endswith(ends)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("export run.h5", "export needs --to FORMAT; eventsim export FILE.h5 --to sonata -o OUT"),
        ("compare", "compare needs FILE FILE...; eventsim compare A.h5 B.h5"),
        ("sweep", "sweep needs NAME|DIR; eventsim sweep SCENARIO key=a,b,c"),
        ("sweep empty", "empty holds no sweep"),
        ("run fast-and-deep lr=0.1", "no key 'lr'; did you mean 'learning_rate'?"),
    ],
)
def test_what_is_missing_is_named_as_it_is_written(tmp_path, capsys, words, says):
    (tmp_path / "empty").mkdir()
    assert says in refused(capsys, *words.split())


def test_a_table_of_a_run_is_plain_text():
    table = Table("heading", ("a", "b"), (("1", "2"),), ("metric",))
    assert table.rows == (("1", "2"),)

"""`eventsim sweep`: points, runs that are made once, what stops and fails, and the table."""

import csv
import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import commands
import eventsim as es
from eventsim.errors import ConfigError, FileFormatError, UnknownPart
from eventsim.scenarios.sweep import Draw, open_sweep, sweep
from eventsim.scenarios.sweep.points import Axis, parse_axes, points_of, read_list


def swept(*words: str) -> "subprocess.CompletedProcess[str]":
    return commands.run("sweep", *words)


def made() -> list[str]:
    """Return the runs of the toy that were carried out: probability, seed, whether they went on."""
    return sorted(Path("log").read_text().splitlines()) if Path("log").exists() else []


# ------------------------------------------------------------------------------------- points


def test_words_name_grids_ranges_and_distributions():
    axes = parse_axes(
        ["a=1,2.5,x", "seed=0..3", "b=[1,2],[3]", "c='u,v',w", "lr=loguniform(1e-4, 1e-2)", "d=f(1)"]
    )
    assert axes == {
        "a": [1, 2.5, "x"],
        "seed": [0, 1, 2, 3],
        "b": [[1, 2], [3]],
        "c": ["u,v", "w"],
        "lr": Draw("loguniform", (1e-4, 1e-2)),
        "d": ["f(1)"],
    }


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("a", "names no values"),
        ("a=", "names no values"),
        ("seed=9..0", "the lower number first"),
        ("a=uniform(2, 1)", "the lower one first"),
        ("a=uniform(1)", "two numbers"),
        ("a=integer(1.5, 2)", "two numbers"),
        ("a=loguniform(0, 1)", "above 0"),
        ("a=normal(0, 1)", "no distribution is called 'normal'"),
        ("a=choice()", "needs values"),
    ],
)
def test_words_that_name_no_axis_are_refused_in_one_line(word, says):
    with pytest.raises(ConfigError, match=says):
        parse_axes([word])
    with pytest.raises(ConfigError, match="given twice"):
        parse_axes(["a=1", "a=2"])


def test_points_are_the_product_of_list_draws_and_grid():
    axes: dict[str, Axis] = {"x": [1, 2], "u": Draw("uniform", (0, 1)), "seed": [0, 1]}
    points = list(points_of(axes, listed=[{"k": "a"}, {"k": "b"}], draws=3, draw_seed=5))
    assert len(points) == 2 * 3 * 4
    assert [(each["x"], each["seed"]) for each in points[:4]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert len({each["u"] for each in points}) == 3
    more = list(points_of(axes, listed=[{"k": "a"}], draws=5, draw_seed=5))
    assert more[:12] == points[:12]  # more draws begin with the same ones
    other = list(points_of(axes, listed=[{"k": "a"}], draws=3, draw_seed=6))
    assert {each["u"] for each in other}.isdisjoint(each["u"] for each in points)
    with pytest.raises(ConfigError, match="say how often"):
        list(points_of(axes))
    with pytest.raises(ConfigError, match="leave out --draws"):
        list(points_of({"x": [1]}, draws=2))


@pytest.mark.parametrize(
    ("draw", "low", "high"),
    [
        (Draw("uniform", (2, 3)), 2, 3),
        (Draw("loguniform", (1e-4, 1e-1)), 1e-4, 1e-1),
        (Draw("integer", (1, 3)), 1, 3),
        (Draw("choice", (5, 7)), 5, 7),
    ],
)
def test_draws_fill_their_range(draw, low, high):
    rng = np.random.default_rng(0)
    values = np.array([draw.draw(rng) for _ in range(2000)])
    assert low <= values.min() <= low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) <= values.max() <= high
    if draw.kind == "loguniform":
        assert np.log10(values).mean() == pytest.approx(-2.5, abs=0.06)  # 3 standard errors
    else:
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.07 * (high - low))


def test_a_list_of_points_is_read_from_csv(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("p,throws,name\n0.1,3,a\n0.2,,b\n")
    assert read_list(path) == [{"p": 0.1, "throws": 3, "name": "a"}, {"p": 0.2, "name": "b"}]
    path.write_text("p\n0.1,2\n")
    with pytest.raises(ConfigError, match="more fields"):
        read_list(path)
    path.write_text("p\n")
    with pytest.raises(ConfigError, match="no points"):
        read_list(path)
    with pytest.raises(ConfigError, match="cannot read"):
        read_list(tmp_path / "nowhere.csv")


# --------------------------------------------------------------------------------------- runs


def test_every_point_is_run_once_and_one_table_has_all(toy_site):
    done = swept("toy", "p=0.25,0.75", "seed=0..1", "throws=20", "-o", "out", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["p"], row["seed"], row["status"]) for row in rows] == [
        (p, seed, "finished") for p in (0.25, 0.75) for seed in (0, 1)
    ]
    assert made() == [f"{p} {seed} False" for p in (0.25, 0.75) for seed in (0, 1)]
    for row in rows:
        trace = es.io.load(Path("out") / row["file"])
        assert row["heads"] == trace.metrics["heads"]
        assert row["seconds"] == trace.provenance["wall_seconds"]
        assert (row["config.throws"], row["config.p"], row["config.seed"]) == (20, row["p"], row["seed"])
    table = list(csv.DictReader(Path("out/table.csv").read_text().splitlines()))
    assert [float(row["heads"]) for row in table] == [row["heads"] for row in rows]
    before = made()
    again = swept("toy", "p=0.25,0.5,0.75", "seed=0..1", "throws=20", "-o", "out", "--jobs", "3")
    assert len(made()) == len(before) + 2  # those of p=0.5 alone
    assert "4 of 6 runs are finished already" in again.stderr
    assert again.stdout.splitlines()[0].split() == ["status", "p", "seed", "throws", "heads", "seconds"]


def test_a_failed_run_is_reported_and_stops_nobody(toy_site):
    done = swept("toy", "p=2.0,0.5", "-o", "out", "--json", "--jobs", "1")
    assert done.returncode == 1
    rows = {row["p"]: row for row in json.loads(done.stdout)}
    assert rows[2.0]["status"] == "failed"
    assert "a coin cannot do that" in rows[2.0]["error"]
    assert rows[0.5]["status"] == "finished"
    assert "the run toy-p=2 failed" in done.stderr
    swept("toy", "p=2.0,0.5", "-o", "out")
    assert made() == ["0.5 0 False", "2.0 0 False", "2.0 0 False"]  # what failed is tried again


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_keeps_what_is_done_and_goes_on(toy_site, number):
    words = ["toy", "seed=0..3", "pause=0.05", "-o", "out", "--jobs", "2"]
    process = commands.Command(["sweep", *words])
    deadline = time.monotonic() + 60
    while len(list(Path("out").glob("*.h5"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"go on with: eventsim sweep {' '.join(words[:3])} --jobs 2 -o out" in err
    assert {row["status"] for row in open_sweep(Path("out")).rows()} == {"unfinished", "absent"}
    done = swept(*words, "--json")
    assert {row["status"] for row in json.loads(done.stdout)} == {"finished"}
    assert sum(line.endswith("True") for line in made()) == 2  # both went on from their checkpoints


def test_two_sweeps_in_one_folder_do_not_work_at_once(toy_site):
    words = ["toy", "seed=0", "pause=0.1", "-o", "out"]
    first = commands.Command(["sweep", *words])
    deadline = time.monotonic() + 60
    while not Path("out/sweep.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = swept(*words)
    assert second.returncode == 2
    assert "another sweep works in out" in second.stderr
    assert first.wait(60) == 0
    first.communicate()


def test_a_sweep_from_python_and_its_table_as_a_frame(tmp_path):
    found = es.sweep(
        "balanced-network", {"seed": np.arange(2), "duration": 5.0}, tmp_path / "out", preset="quick"
    )
    assert [row["status"] for row in found.rows()] == ["finished"] * 2
    assert not found.failed
    assert open_sweep(tmp_path / "out").rows() == found.rows()
    pandas = pytest.importorskip("pandas")
    frame = found.to_pandas()
    assert list(frame["seed"]) == [0, 1]
    pytest.importorskip("pyarrow")
    from eventsim.scenarios.sweep import tables

    tables.write(found.rows(), tmp_path / "table.parquet")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "table.parquet"), frame)


def test_a_table_that_cannot_be_written_is_refused_before_any_run(tmp_path, capsys, monkeypatch):
    from eventsim.scenarios.cli import main
    from eventsim.scenarios.sweep import tables

    monkeypatch.setattr(tables, "find_spec", lambda name: None if name == "pyarrow" else tables)
    monkeypatch.chdir(tmp_path)
    words = ["balanced-network", "seed=0..1", "--preset", "quick", "-o", "runs", "--table", "a.parquet"]
    assert main(["sweep", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "eventsim: Parquet needs pyarrow: pip install 'eventsim[sweep]'\n")
    assert list(tmp_path.iterdir()) == []


def test_a_metric_is_plotted_over_a_key_with_a_line_for_each_other_point(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("agg")
    from eventsim.scenarios.sweep.plots import metric_over_key

    table = [
        {"n": n, "kind": kind, "seed": seed, "accuracy": n / 100 + seed, "seconds": 1.0, "file": ""}
        for n in (1, 10, 100)
        for kind in ("a", "b")
        for seed in (0, 1)
    ]
    axes = metric_over_key(table, ["n", "kind", "seed"], "n", "accuracy")
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["kind a", "kind b"]
    assert np.allclose(axes.containers[0][0].get_ydata(), [0.51, 0.6, 1.5])
    assert axes.get_xscale() == "log"
    with pytest.raises(ConfigError, match="no key 'm'"):
        metric_over_key(table, ["n", "kind", "seed"], "m", "accuracy")
    with pytest.raises(ConfigError, match="did you mean 'accuracy'"):
        metric_over_key(table, ["n", "kind", "seed"], "n", "acuracy")


def test_a_search_finds_the_best_point_and_goes_on_with_what_is_done(toy_site):
    pytest.importorskip("optuna")
    words = ["toy", "p=uniform(0.0, 1.0)", "seed=0..1", "throws=30", "-o", "out", "--search", "heads"]
    done = swept(*words, "--trials", "10", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    means: dict[float, list[float]] = {}
    for row in rows:
        means.setdefault(row["p"], []).append(row["heads"])
    assert len(means) == 10
    best = max(sum(each) / 2 for each in means.values())
    assert f"best mean of heads: {best:.6g}" in done.stderr
    assert best > 0.8
    before = made()
    more = swept(*words, "--trials", "12", "--json")
    assert len(made()) == len(before) + 4  # two more trials of two seeds
    assert json.loads(more.stdout)[:20] == rows
    wrong = swept("toy", "p=uniform(0.0, 1.0)", "-o", "out2", "--search", "tails", "--trials", "1")
    assert wrong.returncode == 2
    assert "no metric 'tails'; they have: heads" in wrong.stderr


# -------------------------------------------------------------------------------- bad requests


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["toi", "seed=0"], "did you mean 'toy'"),
        (["toy", "q=1,2"], "no key 'q'"),
        (["toy", "p=-1.0"], "p"),
        (["toy", "seed=-1"], "seed must be a whole number"),
        (["toy", "seed=x"], "seed must be a whole number"),
        (["toy", "--preset", "bend"], "did you mean 'bent'"),
        (["toy", "seed=0", "--jobs", "0"], "jobs must be at least 1"),
        (["toy", "seed=0", "-o", "no/where"], "does not exist"),
        (["toy", "seed=0", "--table", "t.txt"], ".parquet"),
        (["toy", "seed=0", "--search", "heads"], "needs keys to draw"),
        (["toy", "p=uniform(0, 1)", "--search", "heads", "--draws", "3"], "leave out"),
        (["./nothing"], "no scenario"),
    ],
)
def test_a_request_that_cannot_be_met_ends_with_one_line(toy_site, words, says):
    pytest.importorskip("optuna")
    done = swept(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not list(Path().glob("**/*.h5"))


def test_another_scenario_and_a_damaged_plan_are_refused(toy_site, tmp_path):
    swept("toy", "seed=0", "throws=2", "-o", "out")
    with pytest.raises(ConfigError, match="holds a sweep of toy"):
        sweep("balanced-network", {"duration": 1.0}, "out", preset="quick")
    with pytest.raises(UnknownPart):
        sweep("nothing", {}, "out")
    Path("out/sweep.json").write_text("{")
    with pytest.raises(FileFormatError, match="damaged"):
        open_sweep(Path("out"))
    with pytest.raises(FileNotFoundError, match="holds no sweep"):
        open_sweep(tmp_path)

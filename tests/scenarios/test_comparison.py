"""Benchmarks: what is printed, when, and what is left if one fails or is stopped."""

import inspect
import io
import json
import os
import signal
import subprocess
import sys
import types

import matplotlib.image
import pytest

from eventsim.errors import UnknownPart
from eventsim.scenarios import cli, comparison
from eventsim.scenarios.benchmark import Plan, Seconds

RATE = [
    {"work": "hold", "n": 100, "system": "heapq", "value": 2e6, "unit": "operations/s"},
    {"work": "hold", "n": 100, "system": "eventsim", "value": 1e7, "unit": "operations/s"},
]
COST = [
    {"work": "epoch", "system": "eventsim", "value": 0.1, "unit": "s"},
    {"work": "epoch", "system": "torch", "value": 2.5, "unit": "s"},
]
BENCHMARKS = comparison.benchmarks()


def benchmark(run, full=100.0, quick=10.0, doc="Work that is made up.\n\nMore of it."):
    module = types.ModuleType("made_up", doc)
    module.SECONDS, module.run = Seconds(full, quick), run
    return module


@pytest.fixture
def made_up(monkeypatch):
    """Put benchmarks of these functions in place of all."""

    def put(**runs):
        found = {name: benchmark(run) for name, run in runs.items()}
        monkeypatch.setattr(comparison, "benchmarks", lambda: found)
        return found

    return put


# ---------------------------------------------------------------------- the table


def test_ratios_say_how_many_times_better_ours_is():
    assert comparison.ratio(RATE[1], RATE[0]) == pytest.approx(5)
    assert comparison.ratio(COST[0], COST[1]) == pytest.approx(25)


def test_the_table_puts_ours_first_in_each_work():
    assert comparison.as_table(RATE + COST).splitlines() == [
        "hold, n = 100",
        "  eventsim                                10 M operations/s",
        "  heapq                                    2 M operations/s     ours is 5 x",
        "",
        "epoch",
        "  eventsim                                 0.1 s",
        "  torch                                    2.5 s                ours is 25 x",
    ]


def test_a_peer_of_another_unit_or_work_is_not_compared():
    table = comparison.Table()
    table.lines(COST[0])
    assert "ours" not in table.lines(COST[1] | {"unit": "MB"})[-1]
    assert "ours is 25 x" in table.lines(COST[1])[-1]
    assert "ours" not in table.lines(COST[1] | {"work": "other"})[-1]
    assert "ours" not in table.lines(COST[1] | {"n": 3})[-1]


@pytest.mark.parametrize(
    ("n", "heading"), [(None, "a, b"), (10_000, "a, b, n = 10 000"), (0.5, "a, b, n = 0.5")]
)
def test_a_heading_says_work_and_size(n, heading):
    assert comparison.Table().lines(COST[0] | {"work": "a, b", "n": n})[:2] == ["", heading]


def test_unknown_benchmarks_are_refused_with_those_there_are():
    with pytest.raises(UnknownPart, match="no benchmark named 'nonsense'"):
        comparison.chosen("nonsense")


def test_names_may_have_underscores():
    assert list(comparison.chosen("queue_hold")) == ["queue-hold"]


# ---------------------------------------------------------------------- rows as they come


def test_a_row_is_written_before_the_next_is_measured(made_up):
    events = []

    def run(plan):
        for row in COST:
            events.append("measured")
            yield row

    made_up(one=run)
    comparison.execute("one", write=lambda line: line and events.append("written"), status=quiet())
    assert events == ["measured", "written", "written", "measured", "written"]  # the first has a heading


def quiet():
    return comparison.Status(io.StringIO())


def test_every_measurement_is_announced_line_by_line_in_a_log(made_up):
    def run(plan):
        plan.announce("first size")
        yield COST[0]
        plan.announce("second size")
        yield COST[1]

    made_up(one=run, other=run)
    log = io.StringIO()
    comparison.execute(None, status=comparison.Status(log))
    lines = log.getvalue().splitlines()
    assert lines[0] == (
        "all benchmarks take about 3 min; less with --quick; Ctrl-C keeps what is known by then"
    )
    assert [line.partition(" (")[0] for line in lines[1:]] == [
        "[1/2] one: Work that is made up",
        "[1/2] one: first size",
        "[1/2] one: second size",
        "[2/2] other: Work that is made up",
        "[2/2] other: first size",
        "[2/2] other: second size",
    ]
    assert all(line.endswith("of about 3 min)") for line in lines[1:])


def test_a_terminal_shows_one_line_that_is_replaced(made_up, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def run(plan):
        plan.announce("size " + 300 * "x")
        yield COST[0]

    made_up(one=run)
    monkeypatch.setenv("COLUMNS", "60")
    shown = Terminal()
    comparison.execute("one", quick=True, write=lambda line: None, status=comparison.Status(shown))
    lines = shown.getvalue().split("\n")
    assert "one takes about 10 s; Ctrl-C keeps what is known by then" in lines[0]
    replaced = lines[1].split("\r\x1b[2K")
    assert replaced[2].startswith("[1/1] one: size xxx")
    assert all(len(text) < 60 for text in replaced)
    assert replaced[-1] == ""  # nothing is left of it at the end


def test_a_plan_says_how_often_how_much_and_beside_what(made_up):
    plans = []

    def run(plan):
        plans.append((plan.repeats, plan.quick, plan.peers, plan.pick("all", "some"), plan.has("json")))
        yield COST[0]

    made_up(one=run)
    for options in ({}, {"quick": True}, {"quick": True, "repeats": 3, "peers": False}):
        comparison.execute("one", status=quiet(), **options)
    assert plans == [
        (5, False, True, "all", True),
        (1, True, True, "some", True),
        (3, True, False, "some", False),
    ]
    assert not Plan().has("a_module_that_is_not_there")


# ---------------------------------------------------------------------- failing and stopping


def failing(plan):
    yield COST[0]
    raise ArithmeticError("the peers\ndisagree")


def stopped(plan):
    yield COST[0]
    raise KeyboardInterrupt


def whole(plan):
    yield from RATE


def test_a_benchmark_that_fails_leaves_the_others_their_turn(made_up, capsys):
    made_up(one=failing, other=whole)
    assert cli.main(["bench"]) == 1
    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if line.startswith("  ")] == [
        "  eventsim                                 0.1 s",
        "  heapq                                    2 M operations/s",
        "  eventsim                                10 M operations/s",
    ]
    assert "eventsim: benchmark one failed: ArithmeticError: the peers disagree\n" in err


def test_what_is_known_is_kept_when_it_is_stopped(made_up, capsys):
    made_up(one=stopped, other=whole)
    assert cli.main(["bench"]) == 130
    out, err = capsys.readouterr()
    assert out.splitlines() == ["", "epoch", "  eventsim                                 0.1 s"]
    assert err.endswith("eventsim: stopped; the values known by then (1) are above\n")


@pytest.mark.parametrize(("run", "status", "rows"), [(whole, 0, RATE), (stopped, 130, COST[:1])])
def test_json_is_one_list_of_what_is_known(made_up, capsys, run, status, rows):
    made_up(one=run)
    assert cli.main(["bench", "one", "--json"]) == status
    assert json.loads(capsys.readouterr().out) == rows


def test_a_benchmark_draws_its_rows(made_up, capsys, tmp_path):
    drawn = []
    made_up(one=whole, other=whole)["one"].picture = lambda rows, path: drawn.append((rows, path))
    assert cli.main(["bench", "one", "--picture", str(tmp_path / "one.png")]) == 0
    assert drawn == [(RATE, tmp_path / "one.png")]
    assert capsys.readouterr().out.endswith(f"written: {tmp_path / 'one.png'}\n")
    for name in ("other", None):
        words = ["bench", *([name] if name else []), "--picture", str(tmp_path / "other.png")]
        assert cli.main(words) == 2
        assert f"needs the name of a benchmark that draws one (one), got {name}" in capsys.readouterr().err
    assert cli.main(["bench", "one", "--picture", str(tmp_path / "one.txt")]) == 2
    assert "the file of a plot must end with one of .png" in capsys.readouterr().err
    assert len(drawn) == 1


def test_a_benchmark_that_is_stopped_before_its_first_row_draws_nothing(made_up, capsys, tmp_path):
    def stopped_at_once(plan):
        yield from ()
        raise KeyboardInterrupt

    def draw(rows, path):
        raise AssertionError("no rows to draw")

    made_up(one=stopped_at_once)["one"].picture = draw
    assert cli.main(["bench", "one", "--picture", str(tmp_path / "one.png")]) == 130
    out, err = capsys.readouterr()
    assert "written" not in out
    assert err.endswith("eventsim: stopped; the values known by then (0) are above\n")
    made_up(one=stopped)["one"].picture = lambda rows, path: path.write_text(str(rows))
    assert cli.main(["bench", "one", "--picture", str(tmp_path / "one.png")]) == 130
    assert (tmp_path / "one.png").read_text() == str(COST[:1])  # what is known is drawn


def test_the_cost_of_sparse_networks_is_drawn_with_every_system(tmp_path):
    pixels = []
    for systems in (("eventsim, ordered",), ("eventsim, ordered", "SparseProp in C", "memory in C")):
        rows = [
            {"work": work, "system": system, "n": n, "value": 10.0 * k + n**0.1, "unit": "ns a delivery"}
            for work in ("W8 3.4 Hz", "W8 13.7 Hz")
            for k, system in enumerate(systems)
            for n in (1_000, 10_000)
        ]
        BENCHMARKS["sparse-network"].picture(rows, tmp_path / "cost.png")
        pixels.append(matplotlib.image.imread(tmp_path / "cost.png"))
    assert pixels[0].shape == pixels[1].shape
    assert (pixels[0] != pixels[1]).any(axis=2).mean() > 0.001


def test_repeats_must_be_positive(capsys):
    assert cli.main(["bench", "queue-hold", "--repeats", "0"]) == 2
    assert "--repeats must be at least 1, got 0" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process group there")
def test_ctrl_c_ends_a_real_benchmark_and_keeps_its_lines():
    command = [sys.executable, "-P", "-m", "eventsim.scenarios.cli", "bench", "queue-hold", "--no-peers"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        # A shell that starts jobs in the background lets them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert lines[:2] == ["\n", "W1 hold model, n = 100\n"]
    assert lines[2].startswith("  eventsim, C handler")
    assert "n = 1 000 000" not in out  # it did not go on to the end
    assert "stopped; the values known by then" in err


# ---------------------------------------------------------------------- all there are


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_takes_a_plan_and_says_how_long_it_takes(name):
    module = BENCHMARKS[name]
    assert list(inspect.signature(module.run).parameters) == ["plan"]
    assert 0 < module.SECONDS.quick <= module.SECONDS.full
    assert module.__doc__


def test_quick_ones_take_about_a_minute_together():
    assert comparison.expected_seconds(BENCHMARKS.values(), quick=True) < 75


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs_quickly_without_peers(name, capsys, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    outcome = comparison.execute(name, quick=True, peers=False)
    assert outcome.complete
    assert outcome.failures == 0, capsys.readouterr().err
    assert outcome.rows or name == "torch-bridge"
    for row in outcome.rows:
        assert row.keys() >= {"work", "system", "value", "unit"}
        assert row["value"] > 0
    works = dict.fromkeys((row["work"], row.get("n")) for row in outcome.rows)
    for work in works:  # ours comes first, so that the lines of peers can say how they compare
        first = next(row for row in outcome.rows if (row["work"], row.get("n")) == work)
        assert first["system"].startswith("eventsim")


@pytest.mark.parametrize(("seconds", "words"), [(8.2, "9 s"), (0.0, "0 s"), (90, "2 min"), (1000, "17 min")])
def test_durations_are_rounded(seconds, words):
    assert comparison.duration(seconds) == words


def test_a_benchmark_leaves_torch_able_to_differentiate():
    torch = pytest.importorskip("torch")
    module = comparison.chosen("latent-equilibrium")["latent-equilibrium"]
    rows = list(module.run(Plan(repeats=1, quick=True)))
    assert any(row["system"] == "torch" for row in rows)
    assert torch.is_grad_enabled()

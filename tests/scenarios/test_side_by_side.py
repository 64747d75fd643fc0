"""``eventsim compare``: what differs and what came out, in the terminal and as a page."""

import json
from pathlib import Path

import pytest

import eventsim as es
from eventsim import io
from eventsim.scenarios import cli
from eventsim.scenarios.request import Request
from eventsim.scenarios.running import execute


@pytest.fixture
def three(walk, tmp_path, monkeypatch):
    """Three walks: another width, another seed and fewer steps."""
    monkeypatch.chdir(tmp_path)
    for name, seed, values in (("a", 0, {}), ("b", 0, {"width": 2.0}), ("c", 1, {"steps": 4})):
        execute(Request(name="walk", values=values, seed=seed, output=tmp_path / f"{name}.h5", quiet=True))
    return ["a.h5", "b.h5", "c.h5"]


def test_settings_that_differ_and_all_metrics_stand_side_by_side(three):
    found = es.compare(*three)
    assert found.names == ("a", "b", "c")
    assert found.differing == {
        "seed": ("0", "0", "1"),
        "steps": ("10", "10", "4"),
        "width": ("1", "2", "1"),
    }
    assert found.metrics == {"distance": tuple(io.load(name).metrics["distance"] for name in three)}
    assert found.metrics["distance"][1] == pytest.approx(2 * found.metrics["distance"][0])
    assert found.complete == (True, True, True)


def test_the_terminal_has_a_column_for_each_run(three, capsys):
    assert cli.main(["compare", *three]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["settings", "that", "differ", "a", "b", "c"]
    assert ["width", "1", "2", "1"] in lines
    assert len(next(line for line in lines if line[0] == "distance")) == 4


def test_json_has_the_same(three, capsys):
    assert cli.main(["compare", *three, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == es.compare(*three).as_dict()


def test_equal_runs_differ_in_nothing(three, tmp_path):
    (tmp_path / "copy.h5").write_bytes((tmp_path / "a.h5").read_bytes())
    found = es.compare("a.h5", "copy.h5")
    assert found.differing == {}
    assert "none" in found.as_text()


def test_runs_of_other_scenarios_and_those_not_finished_can_be_compared(three, walk, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "stop_at", 2)
    execute(Request(name="walk", output=tmp_path / "half.h5", quiet=True))
    with io.TraceFile.create(tmp_path / "other.h5") as file:
        file.put(metrics={"rate": 2.0})
    found = es.compare("a.h5", "half.h5", "other.h5")
    assert found.complete[:2] == (True, False)
    assert found.metrics["rate"] == (None, None, 2.0)
    assert found.differing["scenario"] == ("walk", "walk", None)
    assert "finished" in found.as_text()


def test_the_page_lays_curves_over_each_other(three, capsys):
    pytest.importorskip("bokeh")
    assert cli.main(["compare", *three, "-o", "page.html"]) == 0
    assert capsys.readouterr().out.endswith("page: page.html\n")
    text = Path("page.html").read_text(encoding="utf-8")
    assert "distance of a, b, c over epochs" in text
    assert '<th scope="row">width</th><td>1</td><td>2</td><td>1</td>' in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.h5"], "a comparison needs two files or more, got 1"),
        (["a.h5", "a.h5"], "a.h5 is named twice"),
        (["a.h5", "absent.h5"], "there is no file absent.h5"),
        (["a.h5", "b.h5", "-o", "page.pdf"], "the file of a page must end with .html, got 'page.pdf'"),
    ],
)
def test_bad_requests_end_in_one_line(three, words, message, capsys):
    assert cli.main(["compare", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1

"""`eventsim reproduce`: the paper's table beside ours, resumable, with what is kept written by it alone."""

import html
import importlib
import json
import os
import pkgutil
import re
import signal
import subprocess
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

import commands
from eventsim.errors import ConfigError, UnknownPart
from eventsim.io import datasets
from eventsim.io.datasets.files import PublishedSet
from eventsim.scenarios import reproduce as reproducing
from eventsim.scenarios import running
from eventsim.scenarios.reproduce import criterion, kept, pages, published, report
from eventsim.scenarios.reproduce.plan import runs_of

PUBLISHED = """
scenario = "toy"
numbers = 1

[[row]]
row = "fair coin"
metric = "heads"
preset = "fair"
seeds = "0..2"
paper = 0.5
paper_spread = 0.1
reached = "mean >= 0.3 and mean <= 0.7"
better = "near"
unit = "%"

[[row]]
row = "bent coin"
metric = "heads"
preset = "bent"
seeds = [5]
paper = 0.99
reached = "mean >= 0.99"
why = "it is not bent enough"

[[row]]
row = "impossible coin"
metric = "heads"
preset = "fair"
set = { p = 2.0 }
seeds = [0]
paper = 2.0
reached = "mean >= 1"

[[quick]]
row = "fair coin, four throws"
metric = "throws"
array = "throws"
preset = "fair"
set = { throws = 4 }
paper = 0.5
reached = "mean >= 0"
"""


@pytest.fixture
def toy(toy_site):
    """The toy with a paper of its own."""
    (toy_site / "toy_scenario" / "published.toml").write_text(PUBLISHED)
    return toy_site


def reproduce(*words: str) -> "subprocess.CompletedProcess[str]":
    return commands.run("reproduce", *words)


def made() -> list[str]:
    """Return the runs that were carried out: probability, seed, whether they went on."""
    return Path("log").read_text().splitlines() if Path("log").exists() else []


def test_the_table_of_a_paper_is_measured_once(toy):
    done = reproduce("toy", "--json")
    rows = {record["row"]: record for record in json.loads(done.stdout)}
    assert done.returncode == 1  # one of the runs fails
    assert "impossible" not in done.stdout.partition("impossible coin")[0]
    fair = rows["fair coin"]
    assert fair["paper"] == 0.5
    assert fair["paper_spread"] == 0.1
    assert fair["seeds"] == [0, 1, 2]
    assert fair["ours"] == pytest.approx(sum(fair["values"]) / 3)
    assert fair["worst"] == max(fair["values"], key=lambda value: abs(value - 0.5))
    assert fair["reached"] is True
    assert "why" not in fair
    assert fair["command"] == "eventsim reproduce toy --row 'fair coin'"
    assert fair["wall_seconds"] >= 0
    assert fair["date"] == time.strftime("%Y-%m-%d")
    assert rows["bent coin"]["reached"] is False
    assert rows["bent coin"]["why"] == "it is not bent enough"
    assert rows["bent coin"]["spread"] is None
    assert rows["impossible coin"]["reached"] is None
    assert "a coin cannot do that" in rows["impossible coin"]["why"]
    assert "a coin cannot do that" in done.stderr
    before = made()
    again = reproduce("toy", "--json", "--row", "coin")
    assert made()[len(before) :] == ["2.0 0 False"]  # what failed is tried again, nothing else
    assert json.loads(again.stdout)[0] == fair


def test_people_get_a_table(toy):
    out = reproduce("toy", "--row", "BENT").stdout.splitlines()
    assert out[0] == "toy: Nobody 1900, Coins"
    assert out[1].split() == [
        "row",
        "metric",
        "paper",
        "ours",
        "worst",
        "seeds",
        "time",
        "a",
        "run",
        "reached",
    ]
    assert out[2].startswith("bent coin")
    assert out[2].endswith("no")
    assert out[-1] == "0 of 1 rows reached"


def test_other_settings_or_other_numbers_are_other_runs(toy):
    reproduce("toy", "--row", "bent")
    path = toy / "toy_scenario" / "published.toml"
    path.write_text(PUBLISHED.replace("numbers = 1", "numbers = 2"))
    reproduce("toy", "--row", "bent")
    path.write_text(PUBLISHED.replace('preset = "bent"', 'preset = "bent"\nset = { throws = 41 }'))
    reproduce("toy", "--row", "bent")
    reproduce("toy", "--row", "bent")
    assert made() == ["0.9 5 False"] * 3
    assert len(list(Path("reproduced/toy").glob("*.h5"))) == 3


def test_a_damaged_file_is_measured_again(toy):
    reproduce("toy", "--row", "bent")
    (path,) = Path("reproduced/toy").glob("*.h5")
    path.write_bytes(path.read_bytes()[:1000])
    done = reproduce("toy", "--row", "bent", "--json")
    assert json.loads(done.stdout)[0]["values"]
    assert made() == ["0.9 5 False"] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_done_is_kept_when_stopped_and_goes_on(toy, number):
    path = toy / "toy_scenario" / "published.toml"
    path.write_text(PUBLISHED.replace('preset = "fair"\nseeds', 'preset = "slow"\nseeds'))
    process = commands.Command(["reproduce", "toy", "--row", "fair", "--jobs", "2"])
    deadline = time.monotonic() + 60
    while len(list(Path("reproduced/toy").glob("slow-*.h5"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with: eventsim reproduce toy --row fair" in err
    assert "0 of 1 rows reached" in out
    done = reproduce("toy", "--row", "fair", "--json", "--jobs", "3")
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["reached"] is True
    assert sum(line.endswith("True") for line in made()) == 2  # both went on from their checkpoints


def test_quick_rows_are_marked_and_never_kept(toy, monkeypatch):
    done = reproduce("toy", "--quick", "--json")
    (record,) = json.loads(done.stdout)
    assert record["quick"] is True
    assert len(record["values"]) == 4  # one for each entry of the array
    refused = reproduce("toy", "--quick", "--keep")
    assert refused.returncode == 2
    assert "never kept" in refused.stderr
    with pytest.raises(ConfigError, match="never kept"):
        kept.keep(published.Paper("toy", "", 1, (), ()), [record])


def test_without_a_name_papers_are_listed_with_rows_reached(toy):
    lines = reproduce().stdout.splitlines()
    assert any(line.startswith("toy ") and "0 of 3 rows reached" in line for line in lines)
    assert any(line.startswith("yin-yang ") for line in lines)
    listed = {paper["name"]: paper for paper in json.loads(reproduce("--json").stdout)}
    assert listed["toy"]["rows"] == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("toi", "did you mean 'toy'"),
        ("toy --row square", "no row of toy named 'square'"),
        ("toy --jobs 0", "jobs must be at least 1"),
        ("toy --data nowhere", "nowhere"),
        ("balanced-network", "nothing to reproduce"),
    ],
)
def test_a_request_that_cannot_be_met_ends_with_one_line(toy, words, says):
    done = reproduce(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not Path("reproduced").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("seeds = [5]", "seeds = '5..x'"), "'0..9'"),
        (("mean >= 0.99", "mode >= 0.99"), "no statistic 'mode'"),
        (("mean >= 0.99", "much"), "should be like"),
        (('preset = "bent"', 'preset = "bend"'), "did you mean 'bent'"),
        (('why = "it', 'because = "it'), "no key 'because'"),
        (("numbers = 1", "numbers = 'one'"), "integer"),
    ],
)
def test_a_wrong_file_of_published_figures_is_named_with_its_row(toy, wrong, says):
    path = toy / "toy_scenario" / "published.toml"
    path.write_text(PUBLISHED.replace(*wrong))
    done = reproduce("toy", "--row", "bent")
    assert done.returncode == 2
    assert says in done.stderr
    assert "published.toml" in done.stderr


# ------------------------------------------------------------------------------- what is kept

PAPER = published.Paper(
    "toy",
    "Nobody 1900",
    1,
    tuple(published.Row(row=name, metric="heads", reached="mean >= 0.5", paper=0.5) for name in "ab"),
    (),
)


def record(row: str, reached: bool | None, ours: float = 0.5) -> dict[str, object]:
    empty = dict.fromkeys(kept.KEYS)
    return empty | {
        "row": row,
        "metric": "heads",
        "reached": reached,
        "ours": ours,
        "seeds": [0],
        "values": [ours],
    }


def test_a_kept_table_has_the_rows_that_were_measured_in_the_order_of_the_paper(tmp_path):
    file = tmp_path / "reproduced.json"
    kept.keep(PAPER, [record("b", False), record("a", None)], file)
    assert [each["row"] for each in kept.read_kept("toy", file)] == ["b"]
    kept.keep(PAPER, [record("a", True, 0.7), record("of another version", True)], file)
    table = kept.read_kept("toy", file)
    assert [(each["row"], each["ours"]) for each in table] == [("a", 0.7), ("b", 0.5)]
    kept.keep(PAPER, [record("a", None)], file)  # not measured to the end: what was kept stays
    assert kept.read_kept("toy", file) == table


def test_a_table_is_kept_beside_the_published_rows_of_a_source_tree(toy):
    refused = reproduce("toy", "--keep")
    assert refused.returncode == 2
    assert "into a source tree" in refused.stderr
    (toy / "pyproject.toml").touch()
    reproduce("toy", "--row", "bent", "--keep")
    table = json.loads((toy / "toy_scenario" / "reproduced.json").read_text())
    assert [each["row"] for each in table] == ["bent coin"]
    assert "1 measured" in reproduce().stdout.partition("toy")[2].partition("\n")[0]


def test_the_package_is_installed_with_its_kept_tables():
    for name in published.papers():
        assert kept.read_kept(name), name
        assert kept.kept_file(name).with_name(published.FILE).is_file()
    setup = (Path(__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert '"*.json"' in setup.partition("DATA = (")[2].partition(")")[0]


def test_every_kept_row_is_a_row_of_its_paper():
    for name, paper in published.papers().items():
        known = [(row.row, row.metric) for row in paper.rows]
        for each in kept.read_kept(name):
            assert (each["row"], each["metric"]) in known
            assert {"paper", "ours", "spread", "seeds", "reached", "command", "date", "commit"} <= each.keys()
            assert each["reached"] or each["why"]
            figures = criterion.parse(each["criterion"])
            row = paper.rows[known.index((each["row"], each["metric"]))]
            assert (
                figures.holds(criterion.statistics(each["values"], row.better, row.paper)) == each["reached"]
            )


def test_tables_of_readme_and_docs_are_those_that_are_kept():
    for page in pages.pages():
        text = page.read_text(encoding="utf-8")
        assert pages.rewritten(text) == text, "run: python -m eventsim.scenarios.reproduce.pages"


def test_one_row_of_each_paper_stands_for_it_in_the_table_of_all():
    marked = {name: [row for row in paper.rows if row.headline] for name, paper in published.papers().items()}
    assert all(len(rows) == 1 for rows in marked.values()), marked
    block = pages.rewritten("<!-- reproduced: all -->\n<!-- end of reproduced -->")
    for name, (row,) in marked.items():
        (line,) = [line for line in block.splitlines() if line.startswith(f"| [`{name}`]")]
        assert f"| {row.row} |" in line


def test_every_paper_has_a_table_on_a_page():
    tables = "".join(page.read_text(encoding="utf-8") for page in pages.pages())
    for name in published.papers():
        assert f"<!-- reproduced: {name} -->" in tables


def test_a_page_gets_the_table_between_its_markers():
    text = "before\n<!-- reproduced: yin-yang -->\nold\n<!-- end of reproduced -->\nafter\n"
    new = pages.rewritten(text)
    assert new.startswith("before\n<!-- reproduced: yin-yang -->\n\n| row |")
    assert new.endswith("<!-- end of reproduced -->\nafter\n")
    assert "old" not in new
    assert pages.rewritten(new) == new


# ------------------------------------------------------------------------- figures and criteria


def test_the_worst_value_is_the_one_that_is_least_good():
    values = [0.9, 0.5, 0.7]
    assert criterion.statistics(values, "higher", None)["worst"] == 0.5
    assert criterion.statistics(values, "lower", None)["worst"] == 0.9
    assert criterion.statistics(values, "near", 0.8)["worst"] == 0.5
    assert criterion.statistics(values, "near", 0.5)["best"] == 0.5
    assert criterion.statistics(values, "higher", None)["spread"] == pytest.approx(0.2)
    assert criterion.statistics([1.0], "higher", None)["spread"] == 0.0


def test_a_criterion_holds_when_every_clause_does():
    both = criterion.parse("mean >= 0.5 and worst > 0.4")
    assert both.holds({"mean": 0.5, "worst": 0.41})
    assert not both.holds({"mean": 0.5, "worst": 0.4})
    assert not both.holds({"mean": 0.4, "worst": 0.5})


@pytest.mark.parametrize(
    "text", ["", "mean", "mean >= ", "mean >= x", "mean => 1", "mean >= 1 or worst >= 2"]
)
def test_anything_else_is_no_criterion(text):
    with pytest.raises(ConfigError, match="should be like"):
        criterion.parse(text)


@pytest.mark.parametrize("seeds", [(0,), (0, 1), (0, 1, 2, 3), (12, 34, 56), (0, 1, 2, 7, 9, 10, 11)])
def test_seeds_as_text_are_the_same_seeds(seeds):
    assert tuple(published.seeds_of(published.as_seeds(seeds))) == seeds


@pytest.mark.parametrize("name", ["yin-yang", "fast-and-deep", "delgrad", "latent-equilibrium",
                                  "generalized-latent-equilibrium", "nonlinear-dendrites"])  # fmt: skip
def test_a_paper_has_rows_with_unique_names_and_quick_ones(name):
    paper = reproducing.paper_of(name)
    names = [(row.row, row.metric) for row in paper.rows]
    assert len(set(names)) == len(names) > 0
    assert paper.quick
    for row in (*paper.rows, *paper.quick):
        assert row.paper is not None or row.source == "control"
        assert row.source or row in paper.quick
        runs_of(paper, row)


@pytest.mark.parametrize(
    ("name", "preset", "values", "metric", "paper"),
    [
        ("fast-and-deep", None, {}, "test_accuracy", "0.959 ± 0.007"),
        ("fast-and-deep", "mnist", {}, "test_accuracy", "0.971 ± 0.001"),
        ("fast-and-deep", None, {"n_hidden": 60}, "test_accuracy", None),
        ("delgrad", None, {}, "test_accuracy", "0.982"),
        ("delgrad", "W", {"networks": 10}, "first_label_spike", "1.44"),
        ("delgrad", "W", {"n_hidden": 7}, "first_label_spike", None),
        ("latent-equilibrium", None, {}, "test_error", "0.0198 ± 0.0011"),
        ("latent-equilibrium", None, {"epochs": 3}, "test_error", None),
        ("generalized-latent-equilibrium", "mnist-1d-15k", {}, "test_accuracy", "0.917 ± 0.008"),
        ("nonlinear-dendrites", "plateau", {}, "duration_t_rst_20", "21.8"),
        ("yin-yang", "paper", {"runs": 3}, "linear_test_accuracy", "0.638 ± 0.01"),
        ("balanced-network", None, {}, "mean_rate", None),
    ],
)
def test_published_figures_stand_beside_the_published_settings_only(name, preset, values, metric, paper):
    scenario = running.settle(running.scenario_kind(name), name, preset, values)
    assert published.figures_for(scenario, name).get(metric) == paper


def test_a_scenario_without_a_paper_says_which_have_one():
    with pytest.raises(UnknownPart, match="yin-yang"):
        reproducing.paper_of("balanced-network")


def test_a_real_paper_is_reproduced_in_its_quick_form(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    found = reproducing.reproduce(
        "nonlinear-dendrites", quick=True, only="inputs at threshold", folder=tmp_path
    )
    (row,) = found.records
    assert row["reached"] is True
    assert row["ours"] == 5.0
    assert not found.failed
    assert os.listdir(tmp_path)


def test_rows_name_the_folder_of_a_data_set():
    names = [each.name for each in pkgutil.iter_modules(datasets.sets.__path__)]
    modules = [importlib.import_module(f"eventsim.io.datasets.sets.{name}") for name in names]
    sets = [each for part in modules for each in vars(part).values() if isinstance(each, PublishedSet)]
    folders = {each.folder for each in sets}
    named = {row.needs for paper in published.papers().values() for row in paper.rows if row.needs}
    assert {"mnist", "fsdd", "shd"} <= named <= folders


def test_a_row_without_its_data_says_which(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    found = reproducing.reproduce("fast-and-deep", only="16x16, 128", folder=tmp_path)
    assert found.records[0]["reached"] is None
    assert "needs the data set 'mnist'" in found.records[0]["why"]
    assert list(tmp_path.glob("*.h5")) == []


# ------------------------------------------------------------------------------- all papers, and a page


def test_all_papers_are_measured_one_after_another_into_folders_of_their_own(toy):
    done = reproduce("--all", "--row", "coin", "-o", "runs", "--json", "--report", "page.html")
    tables = json.loads(done.stdout)
    assert done.returncode == 1  # the impossible coin
    assert list(tables) == ["toy"]  # no other paper has a row of coins
    assert [record["row"] for record in tables["toy"]] == ["fair coin", "bent coin", "impossible coin"]
    assert len(list(Path("runs/toy").glob("*.h5"))) == 4
    again = reproduce("--all", "--row", "fair coin", "-o", "runs")
    assert again.returncode == 0
    assert "runs are finished already" in again.stderr
    assert "1 of 1 rows reached" in again.stdout


def test_all_papers_have_quick_rows_of_generated_data():
    for paper in published.papers().values():
        assert paper.quick, paper.name
        assert not any(row.needs for row in paper.quick)


@pytest.mark.parametrize("file", ["page.html", "page.md"])
def test_a_report_has_every_row_with_both_figures_seeds_and_why(toy, file):
    done = reproduce("toy", "--report", file, "--json")
    text = html.unescape(re.sub(r"<[^>]+>", " ", Path(file).read_text()))
    for each in json.loads(done.stdout):
        assert each["row"] in text
        assert each["metric"] in text
        if each["ours"] is not None:
            ours = f"{100 * each['ours']:.1f}" if each["unit"] == "%" else f"{each['ours']:.4g}"
            assert ours in text
    assert "50.0 ± 10.0 %" in text
    assert "0..2" in text
    assert "it is not bent enough" in text
    assert "mean >= 0.99" in text
    assert "a coin cannot do that" in text
    assert f"eventsim reproduce toy --report {file}" in text


def test_a_report_of_html_is_one_file_whose_tags_are_closed():
    measured = [report.from_kept(each, kept.read_kept(name)) for name, each in published.papers().items()]
    text = report.as_html(measured, "a <command> & more")
    assert not re.search(r"https?:|src=|@import|url\(", text)
    assert "a &lt;command&gt; &amp; more" in text
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    checker = Checker()
    checker.feed(text)
    assert open_tags == []
    rows = sum(len(paper.rows) for paper in published.papers().values())
    assert text.count('<th scope="row">') == rows + len(measured)


def test_the_report_of_kept_tables_says_which_rows_were_not_measured(tmp_path):
    file = tmp_path / "reproduced.json"
    kept.keep(PAPER, [record("b", True, 0.75) | {"paper": 0.5}], file)
    measured = report.from_kept(PAPER, kept.read_kept("toy", file))
    assert [report.line(each)[:5] for each in measured.records] == [
        ("a", "heads", "0.5", "-", ""),
        ("b", "heads", "0.5", "0.75", "+0.25"),
    ]
    assert report.remarks(measured) == [("a, heads", "not measured yet")]


def test_without_a_paper_the_report_is_of_the_kept_tables(toy):
    done = reproduce("--report", "page.md")
    assert done.returncode == 0
    text = Path("page.md").read_text()
    assert all(f"## {name}" in text for name in published.papers())
    assert not Path("reproduced").exists()  # nothing was run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("toy --all", "leave out 'toy'"),
        ("--all --row square-circle", "no paper has a row that contains 'square-circle'"),
        ("--all --quick --keep", "never kept"),
        ("--quick", "name one, or give --all"),
        ("--keep", "name one, or give --all"),
        ("toy --report page.pdf", "must end with .html or .md"),
        ("--report nowhere/page.md", "'nowhere' does not exist"),
    ],
)
def test_a_wrong_request_for_all_or_for_a_page_ends_with_one_line(toy, words, says):
    done = reproduce(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not Path("reproduced").exists()

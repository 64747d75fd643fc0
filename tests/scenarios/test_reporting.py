"""``eventsim report``: one page with all of a run, in the browser too; bad requests end in one line."""

import html.parser
import io as text_io
import re
import shutil
import time

import numpy as np
import pytest
from PIL import Image

import eventsim as es
from eventsim import io
from eventsim.scenarios import cli
from eventsim.scenarios.request import Request
from eventsim.scenarios.running import execute
from eventsim.scenarios.shell import reporting

pytest.importorskip("bokeh")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A small run that has learned: training, spikes, weights, delays, plots of its own."""
    path = tmp_path_factory.mktemp("runs") / "delgrad.h5"
    values = {"epochs": 2, "n_hidden": 6, "test_samples_recorded": 3}
    execute(Request(name="delgrad", values=values, seed=3, output=path, quiet=True, threads=1))
    return path


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    """A run of a million spikes of 1250 neurons."""
    path = tmp_path_factory.mktemp("runs") / "million.h5"
    rng = np.random.default_rng(1)
    times, units = np.sort(rng.uniform(0, 1000, 1_000_000)), rng.integers(0, 1250, 1_000_000)
    with io.TraceFile.create(path, provenance={"seed": 1}) as file:
        for name, chosen, first, n in (("exc", units < 1000, 0, 1000), ("inh", units >= 1000, 1000, 250)):
            file.add_population(name, n)
            file.append_spikes(name, times[chosen], units[chosen] - first)
        file.put(duration=1000.0)
    return path


class Outline(html.parser.HTMLParser):
    """Collects headings, captions, alternative texts and addresses of a page; checks that tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.headings, self.words, self.missing, self.addresses = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [attributes[key] for key in ("src", "href") if attributes.get(key)]
        if tag == "img" and not attributes.get("alt"):
            self.missing.append("alt")
        if tag not in ("img", "meta", "link", "wbr", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "caption", "strong"):
            (self.headings if self.open[-1] in ("h1", "h2") else self.words).append(data.strip())


def test_the_page_has_all_of_the_run_and_asks_nobody(learned, tmp_path):
    target = es.report(learned, tmp_path / "page.html")
    text = target.read_text(encoding="utf-8")
    outline = Outline(text)
    assert outline.open == []
    assert outline.headings == [
        "delgrad, seed 3",
        "Summary",
        "Configuration",
        "Training",
        "Spikes",
        "Weights and delays",
        "Plots",
        "How it came about",
    ]
    assert outline.missing == []
    assert {"Metrics", "Populations, recorded for 12 ms", "Neurons", "Provenance"} <= set(outline.words)
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert "ms, membrane" in text
    assert "eventsim run delgrad --seed 3 n_hidden=6 epochs=2 test_samples_recorded=3" in text


def test_the_command_of_a_page_runs_the_same_again(learned, tmp_path):
    from eventsim.scenarios.shell import results

    words = reporting.command(results.describe(learned)).split()[1:]
    assert cli.main([*words, "--quiet", "-o", str(tmp_path / "again.h5")]) == 0
    first, again = io.load(learned), io.load(tmp_path / "again.h5")
    assert first.config == again.config
    assert first.metrics == again.metrics


def test_a_file_with_nothing_in_it_has_a_page(tmp_path):
    with io.TraceFile.create(tmp_path / "a.h5"):
        pass
    text = es.report(tmp_path / "a.h5").read_text(encoding="utf-8")
    assert Outline(text).headings == ["simulation, seed unknown", "How it came about"]


def test_membranes_and_events_are_drawn(tmp_path):
    with io.TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("cells", 3)
        file.add_report("cells", "v", [0, 2], 1.0)
        file.append_samples("cells", "v", np.arange(9.0), np.ones((9, 2)))
    text = es.report(tmp_path / "a.h5").read_text(encoding="utf-8")
    assert "Membranes and other variables" in Outline(text).headings
    assert "v of 2 units of cells over time" in text


def test_neurobench_is_measured_where_asked(learned, tmp_path):
    text = es.report(learned, tmp_path / "a.html", neurobench=True).read_text(encoding="utf-8")
    assert "SynapticOperations" in text
    assert "NeuroBench" in Outline(text).headings


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.h5"], "there is no file absent.h5"),
        (["run.h5", "-o", "page.png"], "the file of a page must end with .html, got 'page.png'"),
        (["run.h5", "-o", "no/page.html"], "folder 'no' does not exist; make it first, or write elsewhere"),
        (["run.h5", "--data", "."], "--data is for --neurobench"),
        (["text.h5"], "text.h5 is not an HDF5 file, or only the beginning of one"),
        (["run.h5", "--neurobench"], "has no one trained classifier"),
    ],
)
def test_bad_requests_end_in_one_line(words, message, walk, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    execute(Request(name="walk", output=tmp_path / "run.h5", quiet=True))
    (tmp_path / "text.h5").write_text("text")
    assert cli.main(["report", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))


def test_without_bokeh_the_page_says_what_to_install(learned, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "bokeh", None)
    with pytest.raises(ImportError, match=r"pip install 'eventsim\[report\]'"):
        es.report(learned, tmp_path / "a.html")


def test_a_million_spikes_fit_into_five_megabytes_and_three_seconds(million, tmp_path):
    began = time.process_time()
    target = es.report(million, tmp_path / "page.html")
    taken = time.process_time() - began
    assert target.stat().st_size < 5_000_000
    assert taken < 6  # twice the aim, for slow machines


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser, path, theme="light", width=1200):
    """Open a page; return it with the complaints and the requests that it made."""
    page = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme).new_page()
    page.set_default_timeout(120_000)
    complaints, requests = [], []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-rasters=ready]", state="attached")
    return page, complaints, requests


def status(page, contains):
    """Return what the page says of the rasters as soon as it contains a text."""
    page.wait_for_function(
        "t => document.getElementById('raster-status').textContent.includes(t)", arg=contains
    )
    return page.inner_text("#raster-status").replace("\u2009", " ")


POINTS = "Bokeh.documents[0].get_model_by_name('raster-0-points').data.x.length"
RANGE = "(({start, end}) => [start, end])(Bokeh.documents[0].get_model_by_name('raster-0').x_range)"


def test_in_a_browser_it_loads_in_silence_and_zooms(browser, million, tmp_path):
    spikes = io.load(million).spikes
    target = es.report(million, tmp_path / "page.html")
    page, complaints, requests = opened(browser, target)
    assert status(page, "spikes") == "1 000 000 spikes from 0 to 1000 ms, shown as their density."
    assert page.evaluate(POINTS) == 0
    for _ in range(6):
        page.click("text=Zoom in")
    words = status(page, "each as a mark")
    left, right = page.evaluate(RANGE)
    assert right - left == pytest.approx(1000 / 2**6)
    shown = {name: int(((s.times >= left) & (s.times <= right)).sum()) for name, s in spikes.items()}
    found = int(re.match(r"[\d ]+", words)[0].replace(" ", ""))
    assert abs(found - sum(shown.values())) <= 3  # those within a step of the edges
    assert abs(page.evaluate(POINTS) - shown["exc"]) <= 3
    page.focus("text=Later")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{RANGE}[0] > {left}")
    page.click("text=Whole run")
    status(page, "density")
    assert page.evaluate(POINTS) == 0
    page.mouse.move(400, page.query_selector(".figure").bounding_box()["y"] + 80)
    page.mouse.down()
    page.mouse.move(700, page.query_selector(".figure").bounding_box()["y"] + 140, steps=4)
    page.mouse.up()
    page.wait_for_function(f"{RANGE}[1] - {RANGE}[0] < 500")
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("width", [400, 1600])
def test_in_a_browser_it_fits_and_is_dark_where_that_is_preferred(browser, learned, tmp_path, width):
    target = es.report(learned, tmp_path / "page.html")
    page, complaints, _ = opened(browser, target, "dark", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    # Bokeh's ground, painted before the page has its colours, would leave a light line at the left edge.
    page.wait_for_timeout(500)
    figure = page.query_selector(".figure")
    figure.scroll_into_view_if_needed()
    edge = Image.open(text_io.BytesIO(figure.screenshot())).convert("RGB").crop((0, 10, 4, 60))
    assert np.asarray(edge).max() < 40
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.querySelectorAll('img:not([alt])').length") == 0
    assert complaints == []


def test_plot_lists_what_there_is_and_show_names_it(learned, capsys, tmp_path):
    assert cli.main(["plot", str(learned), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == ["distributions", "before-after", "training", "raster", "rate", "yin-yang", "weights"]
    assert all(len(line.split()) > 3 for line in lines)
    assert cli.main(["show", str(learned)]) == 0
    assert f"plots: {', '.join(names)}" in capsys.readouterr().out
    assert cli.main(["plot", str(learned), "--list", "-o", str(tmp_path / "a.png")]) == 2
    assert "--list draws nothing" in capsys.readouterr().err

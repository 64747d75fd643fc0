"""The site: each page is in its index, links lead somewhere, and tables agree with the code they describe."""

import hashlib
import importlib
import os
import re
import sys
from pathlib import Path

import pytest

from eventsim.registry import parts

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
OUTSIDE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^(`{3,})(?!\{).*?^\1$|`[^`\n]+`", "", text, flags=re.M | re.S)


def listed() -> list[str]:
    """Return the names in the lists of the index."""
    lists = re.findall(r"^```\{toctree\}\n(.*?)^```", (DOCS / "index.md").read_text("utf-8"), re.M | re.S)
    return [
        line.strip()
        for each in lists
        for line in each.splitlines()
        if line.strip() and not line.startswith(":")
    ]


def slug(heading: str) -> str:
    """Return the anchor that a heading has, on the site and where the sources are shown."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {slug(heading) for heading in re.findall(r"^#{1,6} (.*)$", text, re.M)}


def test_every_page_is_in_one_list_of_the_index():
    names = listed()
    assert len(names) == len(set(names))
    missing = {page.stem for page in PAGES} - set(names) - {"index"}
    assert not missing, f"add a line to docs/index.md for: {', '.join(sorted(missing))}"
    gone = [name for name in names if "/" not in name and not (DOCS / f"{name}.md").is_file()]
    assert not gone


@pytest.mark.parametrize("page", [*PAGES, *OUTSIDE], ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    bad = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        if path.startswith(("gallery/", "api/")):  # made by the build
            continue
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            bad.append(target)
    assert not bad


def test_a_line_that_begins_with_a_sign_of_markdown_is_not_lost():
    docutils = pytest.importorskip("docutils.core")
    pytest.importorskip("myst_parser")
    from myst_parser.docutils_ import Parser

    conf = (DOCS / "conf.py").read_text(encoding="utf-8")
    disabled = re.search(r"^myst_disable_syntax = \[(.*?)\]", conf, re.M)
    assert disabled
    text = "from 3 to 12\n% of the step, and 43.9\n% of all\n"
    settings = {"myst_disable_syntax": re.findall(r'"(\w+)"', disabled[1])}
    shown = docutils.publish_string(text, parser=Parser(), settings_overrides=settings).decode()
    assert "% of the step" in shown
    assert "% of the step" not in docutils.publish_string(text, parser=Parser()).decode()  # why it is needed


def test_every_picture_is_shown_and_is_made_by_a_script(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "site"))
    figures, page_pictures = (importlib.import_module(name) for name in ("figures", "page_pictures"))

    kept = {path.stem for path in (DOCS / "images").iterdir()}
    assert kept == {*figures.PICTURES, *page_pictures.PICTURES, *figures.ELSEWHERE}
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+)\.png", page.read_text("utf-8"))}
    assert kept == shown
    scenarios = parts("scenario")
    for name, each in figures.PICTURES.items():
        assert each.preset in scenarios[each.scenario].presets, name


def test_a_wrong_link_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, with `code`\n\n[there](page.md#a-title-with-code) [gone](other.md)\n", "utf-8"
    )
    assert anchors(page) == {"a-title-with-code"}
    with pytest.raises(AssertionError, match=r"other\.md"):
        test_links_of_a_page_lead_somewhere(page)


def test_the_table_of_data_sets_has_the_check_sums_of_the_loaders():
    text = (DOCS / "data-sets.md").read_text(encoding="utf-8")
    sources = sorted((ROOT / "io" / "datasets" / "sets").glob("*.py"))
    sums = {each for path in sources for each in re.findall(r'"([0-9a-f]{64})"', path.read_text("utf-8"))}
    assert len(sums) > 10
    assert {each for each in sums if each not in text} == set()


def test_files_of_the_table_are_those_that_are_there():
    folder = os.environ.get("EVENTSIM_DATA")
    if not folder:
        pytest.skip("EVENTSIM_DATA names no folder")
    rows = re.findall(
        r"^\| `([\w./-]+)` \| ([\d\u00a0]+) \| `([0-9a-f]{64})` \|$",
        (DOCS / "data-sets.md").read_text("utf-8"),
        re.M,
    )
    assert len(rows) > 15
    for name, size, expected in rows:
        path = Path(folder, name)
        if path.is_file():
            assert path.stat().st_size == int(size.replace("\u00a0", "")), name
            assert hashlib.sha256(path.read_bytes()).hexdigest() == expected, name


@pytest.fixture
def site_modules(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "site"))
    import api_pages
    import gallery

    yield api_pages, gallery
    for name in ("api_pages", "gallery"):
        sys.modules.pop(name, None)


def test_the_reference_describes_every_public_name_with_its_types(site_modules, tmp_path):
    api_pages, _ = site_modules
    pages = api_pages.write(tmp_path)
    texts = {name: (tmp_path / f"{name}.rst").read_text(encoding="utf-8") for name in pages}
    for package in api_pages.packages():
        for name in api_pages.stub_of(package):
            assert re.search(rf"\b{name}\b", texts[package]), f"{package}.{name}"
    assert "seed: int" in texts["eventsim"]
    assert "select(source: Any, population: str | None=None" in texts["eventsim.io.analysis"]
    assert re.search(r":returns: \*float\* --", texts["eventsim.models.neurons"])  # in italics, no stars
    assert not re.search(r":returns: \\\*", "".join(texts.values()))
    index = (tmp_path / "index.rst").read_text(encoding="utf-8")
    assert "* - :doc:`eventsim.torch`\n     - Exact spike times and their gradients" in index
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    api_pages.write(tmp_path)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_every_example_becomes_a_page_with_a_title(site_modules, tmp_path):
    _, gallery = site_modules
    gallery.write(tmp_path)
    for path in (ROOT / "examples").glob("*.py"):
        text = (tmp_path / path.name).read_text(encoding="utf-8")
        title, line = text.removeprefix('r"""').splitlines()[:2]
        assert line == "=" * len(title)
        compile(text, str(path), "exec")
    with pytest.raises(ValueError, match="an example begins with a docstring"):
        gallery.titled("import numpy\n")


def test_a_space_at_the_end_of_a_line_of_a_formula_is_no_sign(monkeypatch):
    pytest.importorskip("latex2mathml")
    monkeypatch.syspath_prepend(str(DOCS / "site"))
    mathml = importlib.import_module("mathml").mathml
    shown = mathml("a \\ \\text{or}\\\nb", "block").partition("<annotation")[0]
    assert "\\" not in shown
    assert mathml("a \\ \\text{or}\\ b", "block").partition("<annotation")[0] == shown

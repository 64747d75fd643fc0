"""Every example in a docstring runs and gives what it says, module by module."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

from eventsim import registry

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "eventsim": "eventsim",
    "models": "eventsim.models",
    "hardware": "eventsim.hardware",
    "io": "eventsim.io",
    "scenarios": "eventsim.scenarios",
    "benchmarks": "eventsim.benchmarks",
    "bridges/torch": "eventsim.torch",
    "bridges/neurobench": "eventsim.neurobench",
}


def modules() -> dict[str, Path]:
    """Return every Python and Cython source file by its import name."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py*")):
            # Importing a __main__ would run a command.
            if path.suffix in (".py", ".pyx") and path.stem != "__main__":
                name = ".".join((package, *path.relative_to(ROOT / folder).with_suffix("").parts))
                found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    if name.startswith("eventsim.torch"):
        pytest.importorskip("torch")
    if name.startswith("eventsim.neurobench"):
        for needed in ("neurobench", "snntorch", "torch"):
            pytest.importorskip(needed)
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0, "see the captured output"
    written = re.findall(r"^\s*>>> ", MODULES[name].read_text(encoding="utf-8"), re.MULTILINE)
    # An example that the finder of examples does not see would never run.
    assert results.attempted >= len(written)


def test_there_are_examples_at_all():
    assert any(">>> " in path.read_text(encoding="utf-8") for path in MODULES.values())


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXTRAS = ("torch", "sklearn", "neo", "nest", "snntorch", "nir")
PAGES_OF_RUNS = re.compile(r"\bes\.report\(|\bes\.compare\([^)]*output=")  # are made with bokeh


def examples(page: Path) -> list[tuple[str, str | None]]:
    """Return the Python examples of a page, each with what the page says it prints (None: nothing said)."""
    found = re.findall(
        r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", page.read_text("utf-8"), re.S | re.M
    )
    return [(source, printed or None) for source, printed in found]


GOES_ON = "# goes on from the block above\n"


@pytest.fixture
def own_registry(monkeypatch):
    """Parts that a page registers are gone after it: other tests look at all parts there are."""
    for kind in registry.KINDS:
        registry.parts(kind)
        monkeypatch.setitem(registry._parts, kind, dict(registry._parts[kind]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.usefixtures("own_registry")
def test_the_examples_of_a_page_print_what_it_says(page, tmp_path, monkeypatch, capsys):
    names: dict[str, object] = {}
    for k, (source, printed) in enumerate(examples(page)):
        if not source.startswith(GOES_ON):  # it runs alone: no names, no files of the blocks before
            names = {"__name__": "example"}
            alone = tmp_path / str(k)
            alone.mkdir()
            monkeypatch.chdir(alone)
        for extra in EXTRAS:
            if re.search(rf"\bimport {extra}\b|\bfrom {extra}\b|eventsim\.{extra}\b|\bto_{extra}\b", source):
                pytest.importorskip(extra)
        for word, extra in (("export_to_nir", "nirtorch"), ("to_nwb", "pynwb"), ("to_pandas", "pandas")):
            if word in source:
                pytest.importorskip(extra)
        if PAGES_OF_RUNS.search(source):
            pytest.importorskip("bokeh")
        exec(compile(source, str(page), "exec"), names)
        out = capsys.readouterr().out
        if printed is not None:
            assert out == printed, f"block {k + 1}"

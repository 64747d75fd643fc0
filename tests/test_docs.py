"""Every example in a docstring runs and gives what it says, module by module."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "eventsim": "eventsim",
    "models": "eventsim.models",
    "hardware": "eventsim.hardware",
    "io": "eventsim.io",
    "scenarios": "eventsim.scenarios",
    "benchmarks": "eventsim.benchmarks",
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
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0, "see the captured output"
    written = re.findall(r"^\s*>>> ", MODULES[name].read_text(encoding="utf-8"), re.MULTILINE)
    # An example that the finder of examples does not see would never run.
    assert results.attempted >= len(written)


def test_there_are_examples_at_all():
    assert any(">>> " in path.read_text(encoding="utf-8") for path in MODULES.values())

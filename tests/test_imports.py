"""Imports point one way, never in a circle, and importing the package stays fast.

    eventsim (engine) <- models <- hardware <- scenarios <- benchmarks

`io` stands beside: everybody may use it, and it uses only the engine's plain records. A bridge to another
package uses engine and models; only benchmarks use it, and nobody else imports that package.
"""

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import eventsim
from eventsim.lazy import names_in_stub

ROOT = Path(__file__).resolve().parent.parent
LEVELS = ["eventsim", "eventsim.models", "eventsim.hardware", "eventsim.scenarios", "eventsim.benchmarks"]
FOLDERS = {package.rpartition(".")[2]: package for package in [*LEVELS, "eventsim.io"]}
BRIDGES = {"bridges/torch": "eventsim.torch", "bridges/neurobench": "eventsim.neurobench"}
FOLDERS |= BRIDGES
FOR_IO = {
    "eventsim",
    "eventsim.errors",
    "eventsim.hints",
    "eventsim.lazy",
    "eventsim.spike_trains.forms",
    "eventsim.spike_trains.trains",
    "eventsim.trace",
}
HEAVY = ("scipy", "h5py", "matplotlib", "pydantic", "typer", "tqdm", "torch", "neo", "neurobench")


def modules() -> dict[str, list[Path]]:
    """Return the source files of every module by its import name; a .pyx and its .pxd are one module."""
    found: dict[str, list[Path]] = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.p*")):
            if path.suffix in (".py", ".pyx", ".pxd", ".pyi"):
                name = ".".join((package, *path.relative_to(ROOT / folder).with_suffix("").parts))
                found.setdefault(name.removesuffix(".__init__"), []).append(path)
    return found


MODULES = modules()
PACKAGES = {name for name, paths in MODULES.items() if any(path.stem == "__init__" for path in paths)}


def imported(path: Path, name: str) -> set[str]:
    """Return the modules of ours that a source file imports, wherever in the file it does."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".pyx", ".pxd"):
        return imported_by_cython(text) - {name}
    found: set[str] = set()
    fronts: set[str] = set()  # what this file calls the package itself
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
            fronts.update(a.asname or "eventsim" for a in node.names if a.name == "eventsim" or not a.asname)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = path.stem == "__init__"
                up = name.split(".")[: len(name.split(".")) - node.level + is_package]
                base = ".".join([*up, *([base] if base else [])])
            if base == "eventsim" or base.startswith("eventsim."):
                found.update(member(base, alias.name) for alias in node.names)
    for node in ast.walk(tree):  # es.Network means eventsim.network.network
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in fronts:
            found.add(member("eventsim", node.attr))
    return {module for module in found if module == "eventsim" or module.startswith("eventsim.")} - {name}


def imported_by_cython(text: str) -> set[str]:
    """Return the modules of ours in the imports and cimports of Cython source, which `ast` cannot read."""
    found = set(re.findall(r"^\s*c?import\s+(eventsim[\w.]*)", text, re.MULTILINE))
    for base, listed in re.findall(
        r"^\s*from\s+(eventsim[\w.]*)\s+c?import\s+(\([^)]*\)|[^#\n]*)", text, re.MULTILINE
    ):
        found.update(member(base, name) for name in re.findall(r"\w+", listed))
    return found


def member(base: str, name: str) -> str:
    """Return the module that `name` of module `base` is or comes from."""
    if f"{base}.{name}" in MODULES:
        return f"{base}.{name}"
    module, attribute = faces(base).get(name, (base, name))
    return base if module == base else member(module, attribute)


@cache
def faces(package: str) -> dict[str, tuple[str, str]]:
    """Return what a package hands on: by public name, the module it comes from and its name there."""
    stub = next((path for path in MODULES.get(package, []) if path.name == "__init__.pyi"), None)
    return names_in_stub(package, stub.read_text(encoding="utf-8")) if stub else {}


# A package's stub is no import: it only says where names are.
GRAPH = {
    name: set().union(*(imported(path, name) for path in paths if path.name != "__init__.pyi"))
    for name, paths in MODULES.items()
}


def package(module: str) -> str:
    """Return the level a module stands on."""
    return next(
        (p for p in FOLDERS.values() if p != "eventsim" and f"{module}.".startswith(f"{p}.")), "eventsim"
    )


def test_the_sources_are_found_and_their_imports_read():
    assert {package(name) for name in MODULES} == set(FOLDERS.values())
    assert "eventsim.connect.rules" in GRAPH["eventsim.network.declared"]
    assert "eventsim.queue.queue" in GRAPH["eventsim.engine.engine"]  # a cimport in a .pxd


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_towards_the_engine_or_at_io(name):
    home = package(name)
    for other in GRAPH[name]:
        target = package(other)
        if home == "eventsim.io":
            assert target == "eventsim.io" or other in FOR_IO, f"{name} imports {other}"
        elif home in BRIDGES.values():
            assert target in (home, "eventsim", "eventsim.models", "eventsim.io"), f"{name} imports {other}"
        elif target in BRIDGES.values():
            assert home == "eventsim.benchmarks", f"{name} imports {other}"
        elif target != "eventsim.io":
            assert LEVELS.index(target) <= LEVELS.index(home), f"{name} imports {other}"


@pytest.mark.parametrize("bridge", BRIDGES.values())
def test_only_its_bridge_imports_another_package(bridge):
    package_there = bridge.rpartition(".")[2]
    needed = re.compile(rf"^\s*(import|from)\s+{package_there}\b", re.MULTILINE)
    found = {package(name) for name, paths in MODULES.items() if needed.search(paths[0].read_text("utf-8"))}
    assert bridge in found
    peers = {"eventsim.benchmarks"}  # imported inside functions there
    built_on_it = {"torch": {"eventsim.neurobench"}}.get(package_there, set())
    assert found <= {bridge} | peers | built_on_it


def test_no_imports_go_in_a_circle():
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in sorted(GRAPH.get(name, ())):
                # The package itself only hands names on, when they are asked for.
                if other != "eventsim":
                    follow(other, (*path, name))
            done.add(name)

    for name in sorted(GRAPH):
        follow(name, ())


def test_private_modules_are_imported_by_their_own_package_only():
    for name, others in GRAPH.items():
        for other in others:
            parts = other.split(".")
            for k, part in enumerate(parts):
                if part.startswith("_"):
                    home = ".".join(parts[:k])
                    assert f"{name}.".startswith(f"{home}."), f"{name} imports {other}"


def test_private_names_are_imported_by_their_own_package_only():
    pattern = re.compile(r"^\s*from\s+(eventsim[\w.]*)\s+c?import\s+(\([^)]*\)|[^#\n]*)", re.MULTILINE)
    for name, paths in MODULES.items():
        for path in paths:
            for base, listed in pattern.findall(path.read_text(encoding="utf-8")):
                for imported_name in re.findall(r"\w+", listed):
                    if imported_name.startswith("_") and imported_name.strip("_"):
                        home = base if base in PACKAGES else base.rpartition(".")[0]
                        assert f"{name}.".startswith(f"{home}."), f"{name} imports {base}.{imported_name}"


@pytest.mark.parametrize("name", [name for name in sorted(MODULES) if faces(name)])
def test_a_package_shows_what_its_stub_lists_and_nothing_else(name):
    if name.startswith("eventsim.torch"):
        pytest.importorskip("torch")
    if name.startswith("eventsim.neurobench"):
        for needed in ("neurobench", "snntorch", "torch"):
            pytest.importorskip(needed)
    package_there = importlib.import_module(name)
    listed = faces(name)
    assert dir(package_there) == sorted(listed)
    for public in listed:
        assert not public.startswith("_")
        assert getattr(package_there, public) is not None


def test_what_is_imported_exists():
    for name, others in GRAPH.items():
        for other in others:
            assert other in MODULES, f"{name} imports {other}, which is not there"


def fresh(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.strip()


def test_importing_the_package_takes_less_than_three_tenths_of_a_second():
    code = "import time; t = time.perf_counter(); import eventsim; print(time.perf_counter() - t)"
    assert min(float(fresh(code)) for _ in range(5)) < 0.3  # the least of five: others use the machine too


@pytest.mark.parametrize(
    "used", ["eventsim", "es.Engine", "es.Network", "es.connect", "es.models", "es.Simulation"]
)
def test_heavy_packages_are_imported_only_when_used(used):
    code = f"import sys, eventsim, eventsim as es; {used}; print(*sorted(sys.modules))"
    loaded = set(fresh(code).split())
    assert loaded.isdisjoint(HEAVY), loaded & set(HEAVY)


@pytest.mark.parametrize("name", eventsim.__all__)
def test_every_public_name_resolves(name):
    assert getattr(eventsim, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'eventsim' has no attribute 'Enginee'"):
        _ = eventsim.Enginee


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_says_what_it_is_about(name):
    path = MODULES[name][0]
    if path.suffix == ".py":
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if package(name) in BRIDGES.values():
        pytest.importorskip(package(name).rpartition(".")[2])
    assert importlib.util.find_spec(name) is not None or path.suffix == ".pxd"

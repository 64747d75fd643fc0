"""What setup.py installs: every package of the tree, and every file that a package needs."""

import importlib.util
import subprocess
from pathlib import Path, PurePath
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_FOLDERS = ("eventsim", "models", "hardware", "io", "scenarios", "benchmarks", "bridges")


@pytest.fixture(scope="module")
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("eventsim_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def sources():
    """Return the files of the top folders that git knows of or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *TOP_FOLDERS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = [path for path in listed.splitlines() if (ROOT / path).is_file()]
    if not found:
        pytest.skip("no git checkout")
    return found


def test_every_folder_with_an_init_is_a_package(setup):
    inits = {str(PurePath(path).parent) for path in sources() if path.endswith("/__init__.py")}
    assert set(setup.find_packages().values()) == inits


def test_every_source_file_is_compiled_or_installed(setup):
    folders = setup.find_packages().values()
    for path in map(PurePath, sources()):
        assert str(path.parent) in folders, f"{path} is in no package"
        if path.suffix not in (".py", ".pyx"):
            assert any(path.match(pattern) for pattern in setup.DATA), f"no pattern installs {path}"


def test_packages_are_found_at_any_depth_and_named_by_their_folders(setup, tmp_path):
    folders = ("eventsim/kernels", "models/gradients/eventprop", "models/gradients", "bridges/mpi", "models")
    make(tmp_path, "eventsim/__init__.py", *(f"{folder}/__init__.py" for folder in folders))
    make(tmp_path, "models/__pycache__/lif.py", "bridges/README.md")
    assert setup.find_packages(tmp_path) == {
        "eventsim": "eventsim",
        "eventsim.kernels": "eventsim/kernels",
        "eventsim.models": "models",
        "eventsim.models.gradients": "models/gradients",
        "eventsim.models.gradients.eventprop": "models/gradients/eventprop",
        "eventsim.mpi": "bridges/mpi",
    }


def test_a_folder_of_modules_without_an_init_is_refused(setup, tmp_path):
    make(tmp_path, "eventsim/__init__.py", "models/__init__.py", "models/lif/flow.pyx")
    with pytest.raises(SystemExit, match=r"models/lif/ has modules but no __init__\.py"):
        setup.find_packages(tmp_path)

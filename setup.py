"""Build script: maps the flat source folders onto the `eventsim` package."""

import multiprocessing
import os
import re
import shutil
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGE_DIR = {
    "eventsim": "eventsim",
    "eventsim.models": "models",
    "eventsim.models.rules": "models/rules",
    "eventsim.hardware": "hardware",
    "eventsim.io": "io",
    "eventsim.scenarios": "scenarios",
    "eventsim.benchmarks": "benchmarks",
    "eventsim.torch": "bridges/torch",
}
TREE = Path("build/tree")  # the package as importers see it; rebuilt on every build

# Contraction of a*b+c into one rounding is off so that the clones of a hot kernel for
# different processors (see eventsim/vector.h) give the same bits.
GCC_ARGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
COMPILE_ARGS = [] if sys.platform == "win32" else GCC_ARGS


def link(source: Path, target: Path) -> None:
    """Link `target` to `source`, or copy where links are not permitted."""
    try:
        target.symlink_to(os.path.relpath(source, target.parent))
    except OSError:
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, target)


def make_tree() -> None:
    """Lay the source folders out under their import names.

    Cython looks a module's .pxd up by import name, and so do type checkers;
    neither knows about package_dir.
    """
    shutil.rmtree(TREE, ignore_errors=True)
    root = TREE / "eventsim"
    root.mkdir(parents=True)
    for source in Path("eventsim").iterdir():
        link(source, root / source.name)
    for package, folder in PACKAGE_DIR.items():
        if package.count(".") == 1:
            link(Path(folder), root / package.removeprefix("eventsim."))


def headers_of(source: Path) -> list[str]:
    """Return the headers that a .pyx file names, and those that they name in turn."""
    found: list[Path] = []
    to_read = [source, source.with_suffix(".pxd")]
    while to_read:
        text = to_read.pop()
        for name in re.findall(r'"(\w+\.h)"', text.read_text(encoding="utf-8") if text.is_file() else ""):
            for header in (source.parent / name, Path("eventsim") / name):
                if header.is_file() and header not in found:
                    found.append(header)
                    to_read.append(header)
    return sorted(map(str, found))


def extensions() -> list[Extension]:
    """One extension per .pyx, named by its import path."""
    return [
        Extension(
            f"{package}.{source.stem}",
            [str(source)],
            include_dirs=["eventsim", str(source.parent)],
            depends=headers_of(source),
            extra_compile_args=COMPILE_ARGS,
        )
        for package, folder in PACKAGE_DIR.items()
        for source in sorted(Path(folder).glob("*.pyx"))
    ]


make_tree()
jobs = int(os.environ.get("EVENTSIM_BUILD_JOBS", "0")) or os.cpu_count() or 1
forks = multiprocessing.get_start_method() == "fork"  # elsewhere a worker would run this file once more
setup(
    packages=list(PACKAGE_DIR),
    package_dir=PACKAGE_DIR,
    package_data={package: ["*.pxd", "*.pyx", "*.pyi", "*.h", "py.typed"] for package in PACKAGE_DIR},
    include_package_data=False,
    ext_modules=cythonize(
        extensions(),
        include_path=[str(TREE)],
        nthreads=jobs if forks else 0,  # translated side by side
        build_dir="build/cython",  # keeps generated C out of the source folders
        compiler_directives={"language_level": 3},
    ),
    options={"build_ext": {"parallel": jobs}},  # compilers side by side
)

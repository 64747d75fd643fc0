"""Build script: maps the flat source folders onto the `eventsim` package and compiles its modules."""

import itertools
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
FOLDERS = ("models", "hardware", "io", "scenarios", "benchmarks")  # each is eventsim.<its name>
TREE = Path("build/tree")  # the package as importers see it; rebuilt on every build
GENERATED = Path("build/cython")  # the C files
SHARED = "eventsim._cyutility"  # Cython's helpers for memoryviews and functions, once for all modules
DATA = (
    "*.pxd",
    "*.pyi",
    "*.h",
    "*.toml",
    "*.json",
    "*.npz",
    "*.css",
    "*.js",
    "py.typed",
)  # installed beside the modules

# Contraction of a*b+c into one rounding is off so that the clones of a hot kernel for
# different processors (see eventsim/kernels/vector.h) give the same bits.
EXACT = ["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
# Most of a module is what Cython writes for Python's sake; -O3 makes it three times as slow to compile and
# no faster. So gcc gets -O1 and those steps of -O2 that cost little and speed up loops written in Cython;
# loops are aligned, else their speed depends on where they happen to lie. A function in a header asks for
# -O3 itself (VECTOR_CLONES), a whole module with a line at its top:
#     # distutils: extra_compile_args = -O3
STEPS = """
    inline-functions inline-small-functions strict-aliasing schedule-insns2 reorder-blocks peephole2
    if-conversion2 caller-saves optimize-sibling-calls ipa-ra thread-jumps cse-follow-jumps
    align-functions=64 align-loops=32
"""
QUIET = ["-Wno-sign-compare", "-Wno-maybe-uninitialized"]  # gcc's false alarms about what Cython writes
ARGUMENTS = {
    "gcc": ["-O1", "-g0", *(f"-f{step}" for step in STEPS.split()), *EXACT, *QUIET],
    "clang": ["-O3", "-g0", *EXACT],
    "msvc": ["/O2", "/std:c11", "/fp:precise"],
}


def find_packages(root: Path = ROOT) -> dict[str, str]:
    """Return the folder of every package by its import name.

    A package is a folder with an `__init__.py` whose parent is a package too. `eventsim/` is the
    package itself; the folders beside it and those in `bridges/` go into it under their own names.
    """
    folders = [root / name for name in FOLDERS] + sorted((root / "bridges").glob("*/"))
    tops = {"eventsim": root / "eventsim", **{f"eventsim.{folder.name}": folder for folder in folders}}
    found: dict[str, str] = {}
    for name, top in tops.items():
        for folder in [top, *sorted(path for path in top.rglob("*/") if path.name != "__pycache__")]:
            package = ".".join((name, *folder.relative_to(top).parts))
            if (folder / "__init__.py").is_file():
                found[package] = folder.relative_to(root).as_posix()
            elif any(path.suffix in (".py", ".pyx") for path in folder.glob("*")):
                raise SystemExit(f"{folder.relative_to(root)}/ has modules but no __init__.py; add one")
    return found


def link(source: Path, target: Path) -> None:
    """Link `target` to `source`, or copy where links are not permitted."""
    try:
        target.symlink_to(os.path.relpath(source, target.parent))
    except OSError:
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, target)


def make_tree(packages: dict[str, str]) -> None:
    """Lay the source folders out under their import names.

    Cython looks a module's .pxd up by import name, C sources include "eventsim/kernels/vector.h", and
    type checkers follow imports; none of them knows about package_dir.
    """
    shutil.rmtree(TREE, ignore_errors=True)
    root = TREE / "eventsim"
    root.mkdir(parents=True)
    for source in Path("eventsim").iterdir():
        link(source, root / source.name)
    for package, folder in packages.items():
        target = TREE.joinpath(*package.split("."))
        if not target.exists():  # else its parent's link covers it
            link(Path(folder), target)


def headers_of(source: Path) -> list[str]:
    """Return the headers that a .pyx file and its .pxd name, and those that they name in turn."""
    found: set[Path] = set()
    to_read = [source, source.with_suffix(".pxd")]
    while to_read:
        path = to_read.pop()
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for name in re.findall(r'"([\w/]+\.h)"', text):
            header = next((it for it in (path.parent / name, TREE / name) if it.is_file()), None)
            if header and header not in found:
                found.add(header)
                to_read.append(header)
    return sorted({str(header.resolve().relative_to(ROOT)) for header in found})


def extensions(packages: dict[str, str]) -> list[Extension]:
    """One extension per .pyx, named by its import path, and the one that they share."""
    found = [
        Extension(
            f"{package}.{source.stem}",
            [str(source)],
            include_dirs=[str(TREE)],
            depends=[*headers_of(source), "setup.py"],
        )
        for package, folder in packages.items()
        for source in sorted(Path(folder).glob("*.pyx"))
    ]
    return [*found, Extension(SHARED, [], depends=["setup.py"])]


def work(extension: Extension) -> int:
    """Return a guess at the time to compile a module: a byte of a vectorised header counts as 40 of C."""
    headers = sum(os.path.getsize(path) for path in extension.depends if path.endswith(".h"))
    source = sum(map(os.path.getsize, extension.sources))
    return source * (2 if extension.extra_compile_args else 1) + 40 * headers


def jobs() -> int:
    """Return how many processes translate or compile at the same time."""
    return int(os.environ.get("EVENTSIM_BUILD_JOBS", "0")) or os.cpu_count() or 1


class BuildPy(build_py):
    """Copies modules and data, and takes out of the build what no longer has a source."""

    def run(self) -> None:
        """Run the command."""
        super().run()
        if not self.editable_mode:
            extension = self.get_finalized_command("build_ext")
            wanted = {Path(path).resolve() for path in [*self.get_outputs(), *extension.get_outputs()]}
            for path in Path(self.build_lib, "eventsim").rglob("*"):
                if path.is_file() and path.resolve() not in wanted:
                    path.unlink()


class BuildExt(build_ext):
    """Compiles modules side by side, those that take longest first, and says how far it is."""

    def compiler_kind(self) -> str:
        """Return "gcc", "msvc", or "clang", also for compilers that nobody knows."""
        if self.compiler.compiler_type == "msvc":
            return "msvc"
        command = [*self.compiler.compiler_so, "-dM", "-E", "-x", "c", os.devnull]
        macros = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return "gcc" if "__GNUC__" in macros and "__clang__" not in macros else "clang"

    def is_built(self, path: str, extension: Extension) -> bool:
        """Whether a compiled module is as new as all that it is made of."""
        made_of = [*extension.sources, *extension.depends]
        return os.path.isfile(path) and os.path.getmtime(path) >= max(map(os.path.getmtime, made_of))

    def build_extensions(self) -> None:
        """Compile what is not up to date."""
        kind = self.compiler_kind()
        places = self.get_finalized_command("build_py")
        self.extensions.sort(key=work, reverse=True)
        self.waiting: list[Extension] = []
        for extension in self.extensions:
            own = extension.extra_compile_args if kind == "gcc" else []
            extension.extra_compile_args = [*ARGUMENTS[kind], *own]
            path = self.get_ext_fullpath(extension.name)
            package = extension.name.rpartition(".")[0]
            beside_source = os.path.join(places.get_package_dir(package), os.path.basename(path))
            if self.editable_mode and self.is_built(beside_source, extension):
                # `pip install -e` builds in an empty folder; what is there need not be compiled again.
                self.mkpath(os.path.dirname(path))
                shutil.copy2(beside_source, path)
            if self.force or not self.is_built(path, extension):
                self.waiting.append(extension)
        self.numbers = itertools.count(1)
        if self.waiting:
            print(f"Compiling {len(self.waiting)} of {len(self.extensions)} modules", flush=True)
        super().build_extensions()

    def build_extension(self, extension: Extension) -> None:
        """Compile one module and say so."""
        started = time.perf_counter()
        super().build_extension(extension)
        if extension in self.waiting:
            n, seconds = len(self.waiting), time.perf_counter() - started
            print(f"[{next(self.numbers):{len(str(n))}}/{n}] {extension.name} ({seconds:.1f} s)", flush=True)


def main() -> None:
    """Build what the command line of setuptools asks for."""
    packages = find_packages()
    make_tree(packages)
    modules = cythonize(
        extensions(packages),
        shared_utility_qualified_name=SHARED,
        include_path=[str(TREE)],
        nthreads=jobs(),
        build_dir=str(GENERATED),  # keeps generated C out of the source folders
        # The pickles that Cython writes code for would lack what a class holds in C.
        compiler_directives={"language_level": 3, "auto_pickle": False},
    )
    for copied in GENERATED.rglob("*.h"):  # Cython's copies: an old one would hide a header that has moved
        copied.unlink()
    setup(
        packages=list(packages),
        package_dir=packages,
        package_data={package: list(DATA) for package in packages},
        include_package_data=False,
        ext_modules=modules,
        cmdclass={"build_py": BuildPy, "build_ext": BuildExt},
        options={"build_ext": {"parallel": jobs()}},
    )


if __name__ == "__main__":  # setuptools and Cython's processes run it so; tests import it
    main()

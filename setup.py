"""Build script: maps the flat source folders onto the `eventsim` package."""

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
FOLDERS = ("models", "hardware", "io", "scenarios", "benchmarks")  # each is eventsim.<its name>
TREE = Path("build/tree")  # the package as importers see it; rebuilt on every build
SHARED = "eventsim._cyutility"  # Cython's helpers for memoryviews, once for all modules
GENERATED = Path("build/cython")  # the C files
DATA = ("*.pxd", "*.pyi", "*.h", "*.toml", "*.npz", "py.typed")  # installed beside the modules

# Contraction of a*b+c into one rounding is off so that the clones of a hot kernel for
# different processors (see vector.h) give the same bits. Debugging symbols are left out, as they
# take a third of the time. Loops for wide registers want -O3; everything else gains nothing by it.
EXACT = ["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-g0"]
KERNEL_ARGS, GLUE_ARGS = [*EXACT, "-O3"], [*EXACT, "-O2"]


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

    Cython looks a module's .pxd up by import name, and so do type checkers;
    neither knows about package_dir.
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


def find_headers(packages: dict[str, str]) -> dict[str, Path]:
    """Return every header by its file name, which no two may share: all folders are searched for it."""
    found: dict[str, Path] = {}
    for folder in packages.values():
        for header in sorted(Path(folder).glob("*.h")):
            if header.name in found:
                raise SystemExit(f"{header} and {found[header.name]} have the same name; rename one")
            found[header.name] = header
    return found


def headers_of(source: Path, headers: dict[str, Path]) -> list[str]:
    """Return the headers that a .pyx file names, and those that they name in turn."""
    found: set[Path] = set()
    to_read = [source, source.with_suffix(".pxd")]
    while to_read:
        path = to_read.pop()
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        named = {headers[name] for name in re.findall(r'"(?:[\w/]*/)?(\w+\.h)"', text) if name in headers}
        to_read.extend(named - found)
        found |= named
    return sorted(map(str, found))


def extensions(packages: dict[str, str]) -> list[Extension]:
    """One extension per .pyx, named by its import path, and one for what they share."""
    headers = find_headers(packages)
    include_dirs = [str(TREE), *sorted({str(header.parent) for header in headers.values()})]
    shared_source = str(GENERATED / "eventsim" / "_cyutility.c")
    found = [Extension(SHARED, [shared_source], extra_compile_args=compile_args(False))]
    for package, folder in packages.items():
        for source in sorted(Path(folder).glob("*.pyx")):
            depends = headers_of(source, headers)
            found.append(
                Extension(
                    f"{package}.{source.stem}",
                    [str(source)],
                    include_dirs=include_dirs,
                    depends=depends,
                    extra_compile_args=compile_args(str(headers["vector.h"]) in depends),
                )
            )
    return found


def compile_args(kernel: bool) -> list[str]:
    """Return the compiler's options for a module; a kernel includes loops for wide registers."""
    if sys.platform == "win32":
        return []
    return KERNEL_ARGS if kernel else GLUE_ARGS


def generate_shared() -> None:
    """Write the C source of Cython's helpers, which every module would carry otherwise."""
    target = GENERATED / "eventsim" / "_cyutility.c"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "cython", f"--generate-shared={target}"]
        subprocess.run(command, check=True)


class BuildExtensions(build_ext):
    """Compiles the modules side by side and says how far it is."""

    def build_extensions(self) -> None:
        """Compile all modules."""
        self.n_started, self.lock = 0, threading.Lock()
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        """Compile one module, with a line that counts it."""
        with self.lock:
            self.n_started += 1
            print(f"[{self.n_started}/{len(self.extensions)}] {ext.name}", flush=True)
        super().build_extension(ext)


def main() -> None:
    """Build what the command line of setuptools asks for."""
    packages = find_packages()
    make_tree(packages)
    generate_shared()
    jobs = int(os.environ.get("EVENTSIM_BUILD_JOBS", "0")) or os.cpu_count() or 1
    forks = multiprocessing.get_start_method() == "fork"  # elsewhere a worker would run this file once more
    modules = cythonize(
        extensions(packages),
        shared_utility_qualified_name=SHARED,
        include_path=[str(TREE)],
        nthreads=jobs if forks else 0,  # translated side by side
        build_dir=str(GENERATED),  # keeps generated C out of the source folders
        compiler_directives={"language_level": 3},
    )
    for copied in GENERATED.rglob("*.h"):  # Cython's copies: an old one would hide a header that has moved
        copied.unlink()
    setup(
        packages=list(packages),
        package_dir=packages,
        package_data={package: list(DATA) for package in packages},
        include_package_data=False,
        ext_modules=modules,
        cmdclass={"build_ext": BuildExtensions},
        options={"build_ext": {"parallel": jobs}},  # compilers side by side
    )


if __name__ == "__main__":  # setuptools runs it so as well; tests import it
    main()

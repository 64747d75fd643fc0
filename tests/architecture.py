"""Counts what the house promises to have once, and writes the table of docs/architecture.md.

    python tests/architecture.py            # print the table
    python tests/architecture.py --write    # put it into the page; tests/test_architecture.py holds it

Counts are of definitions in the sources, found by their syntax; nothing is run.
"""

import ast
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("eventsim", "models", "hardware", "io", "scenarios", "bridges")
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- counted: begin -->", "<!-- counted: end -->"
LONG = 500  # lines


def sources(*endings: str) -> list[Path]:
    """Return the sources of the package with these endings."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in endings and path.is_file()
    ]


@cache
def definitions() -> list[tuple[Path, list[ast.ClassDef | ast.FunctionDef]]]:
    """Return every Python source with its classes and functions; the sources are parsed once."""
    return [
        (path, [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)])
        for path in sources(".py")
        for tree in [ast.parse(path.read_text(encoding="utf-8"))]
    ]


def classes(pattern: str, folders: str = "") -> list[str]:
    """Return the classes whose name matches, as path:name."""
    return [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path, found in definitions()
        if str(path.relative_to(ROOT)).startswith(folders)
        for node in found
        if isinstance(node, ast.ClassDef) and re.fullmatch(pattern, node.name)
    ]


def training_loops() -> list[str]:
    """Return the loops over epochs, as path:function."""
    found = []
    for path, defined in definitions():
        for function in defined:
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    head = ""
                    if isinstance(node, ast.For):
                        head = f"{ast.unparse(node.target)} {ast.unparse(node.iter)}"
                    elif isinstance(node, ast.While):
                        head = ast.unparse(node.test)
                    if re.search(r"\bepochs?\b", head):
                        found.append(f"{path.relative_to(ROOT)}:{function.name}")
    return sorted(set(found))


def typed_any(name: str) -> list[str]:
    """Return the functions of scenarios that take `name: Any`."""
    return [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path, found in definitions()
        for node in found
        if isinstance(node, ast.FunctionDef)
        for argument in [*node.args.args, *node.args.kwonlyargs]
        if argument.arg == name and argument.annotation is not None
        if ast.unparse(argument.annotation) in ("Any", "'Any'", "object")
    ]


def adams() -> list[str]:
    """Return where a step of Adam is computed: by the root of the second moment, plus epsilon."""
    step = re.compile(r"\bm\w*\b.*/\s*\(.*sqrtf?\s*\(.*\+\s*(?:\w+->)?epsilon\s*\)")
    return [
        str(path.relative_to(ROOT))
        for path in sources(".py", ".pyx", ".h", ".pxd")
        if step.search(path.read_text(encoding="utf-8"))
    ]


def private_imports() -> list[str]:
    """Return imports of private modules or names from outside the package that holds them."""
    found = []
    for path in sources(".py", ".pyx", ".pxd"):
        package = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("bridges.")
        package = package if package.startswith("eventsim") else f"eventsim.{package}"
        text = path.read_text(encoding="utf-8")
        for base, listed in re.findall(
            r"^\s*from\s+(eventsim[\w.]*)\s+c?import\s+(\([^)]*\)|[^#\n]*)", text, re.M
        ):
            for name in re.findall(r"\w+", listed):
                parts = f"{base}.{name}".split(".")
                for k, part in enumerate(parts):
                    if part.startswith("_") and not part.startswith("__"):
                        home = ".".join(parts[:k])
                        if not f"{package}.".startswith(f"{home}."):
                            found.append(f"{path.relative_to(ROOT)} <- {base}.{name}")
    return found


def long_files() -> dict[str, int]:
    """Return the files that are longer than LONG lines, with their lines."""
    counted = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(".py", ".pyx", ".pxd", ".h")
    }
    return {path: lines for path, lines in sorted(counted.items()) if lines > LONG}


def table() -> str:
    """Return the counts as a table, each with where it is."""
    rows = {
        "training loops (over epochs)": training_loops(),
        "containers of spikes": classes("Spikes?(Record|Train|Trains|Lists?)?|FirstSpikes", ""),
        "loss protocols": classes("Loss|.*LossProtocol", ""),
        "`Task`": classes("Task|Sequences", ""),
        "Adam": adams(),
        "functions that take `scenario: Any`": typed_any("scenario"),
        "functions that take `task: Any`": typed_any("task"),
        "private imports across packages": private_imports(),
    }
    lines = ["| counted | how many | where |", "|---|---|---|"]
    for what, where in rows.items():
        lines.append(f"| {what} | {len(where)} | {', '.join(f'`{each}`' for each in where)} |")
    lines += ["", f"| file above {LONG} lines | lines |", "|---|---|"]
    lines += [f"| `{path}` | {lines_there} |" for path, lines_there in long_files().items()]
    return "\n".join(lines)


def written() -> str:
    """Return the table that stands in the page."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    """Put the table into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        write()
    else:
        print(table())

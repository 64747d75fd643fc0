"""Writes the pages of the API reference: one page a package, from its stub, the sources and their docstrings.

Nothing is imported. The stub `__init__.pyi` of a package lists its public names; a name is looked up in the
source that defines it, and in the stub of a compiled module, so that signatures show the types that type
checkers see.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import NumpyDocstring

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = {"models": "models", "hardware": "hardware", "io": "io", "scenarios": "scenarios"}
BRIDGES = {"torch": "bridges/torch", "neurobench": "bridges/neurobench"}
STYLE = Config(napoleon_use_rtype=False, napoleon_use_ivar=True, napoleon_preprocess_types=False)
FIRST = [
    "eventsim",
    "eventsim.models",
    "eventsim.models.training",
    "eventsim.models.layers",
    "eventsim.hardware",
    "eventsim.io",
    "eventsim.io.analysis",
    "eventsim.io.datasets",
    "eventsim.io.plots",
    "eventsim.scenarios",
]
"""Pages that come first; the others follow by name."""
WIDTH = 100

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Found:
    """A public name: the module that defines it, and its definition there (None for a module)."""

    module: str
    name: str
    node: Definition | None


def write(target: Path) -> list[str]:
    """Write the pages into a folder; return their names without the ending."""
    target.mkdir(parents=True, exist_ok=True)
    homes: dict[tuple[str, str], str] = {}
    pages = {}
    for package in packages():
        pages[package] = page(package, homes)
    names = [*FIRST, *sorted(set(pages) - set(FIRST))]
    for name in names:
        write_if_changed(target / f"{name}.rst", pages[name])
    for old in target.glob("*.rst"):
        if old.stem not in pages and old.stem != "index":
            old.unlink()
    index = ["API reference", "=============", ""]
    index += [
        "The public names of each package, with the types that type checkers see. ``es`` is ``eventsim``.",
        "",
        ".. list-table::",
        "   :widths: auto",
        "",
        *(line for name in names for line in (f"   * - :doc:`{name}`", f"     - {subject(name)}")),
        "",
        ".. toctree::",
        "   :hidden:",
        "",
        *(f"   {name}" for name in names),
        "",
    ]
    write_if_changed(target / "index.rst", "\n".join(index))
    return names


def subject(package: str) -> str:
    """Return what a package is about: the first paragraph of its docstring, on one line."""
    first = (ast.get_docstring(tree_of(package)) or "").partition("\n\n")[0]
    return " ".join(line.strip() for line in prose(first, "module")).strip()


def write_if_changed(path: Path, text: str) -> None:
    """Write a file, unless it has this text already, so that a second build has nothing to read."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def packages() -> list[str]:
    """Return the packages with a stub, shallow ones first."""
    tops = {"eventsim": ROOT / "eventsim"}
    tops |= {f"eventsim.{name}": ROOT / folder for name, folder in (FOLDERS | BRIDGES).items()}
    found = []
    for name, top in tops.items():
        for stub in top.rglob("__init__.pyi"):
            found.append(".".join((name, *stub.parent.relative_to(top).parts)))
    return sorted(found, key=lambda each: (each.count("."), each))


def source_of(module: str) -> Path | None:
    """Return the source of a module: its stub if it is compiled, else its Python file."""
    parts = module.split(".")[1:]
    if parts and parts[0] in FOLDERS | BRIDGES:
        base = ROOT / (FOLDERS | BRIDGES)[parts[0]]
        parts = parts[1:]
    else:
        base = ROOT / "eventsim"
    place = base.joinpath(*parts)
    for path in (place.with_suffix(".py"), place.with_suffix(".pyi"), place / "__init__.py"):
        if (parts or path.name == "__init__.py") and path.is_file():
            return path
    return None


@cache
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module; an empty one if there is no source."""
    path = source_of(module)
    return ast.parse(path.read_text(encoding="utf-8") if path else "")


@cache
def stub_of(package: str) -> dict[str, tuple[str, str]]:
    """Return the public names of a package: module and name there."""
    path = source_of(package)
    stub = path.with_suffix(".pyi") if path and path.name == "__init__.py" else None
    if stub is None or not stub.is_file():
        return {}
    return {
        alias.asname: (node.module, alias.name)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.asname
    }


def look_up(module: str, name: str, depth: int = 0) -> Found:
    """Return where a name of a module is defined, along its imports."""
    if depth > 8:
        return Found(module, name, None)
    if name in stub_of(module):
        there = stub_of(module)[name]
        if there == (module, name):
            return Found(f"{module}.{name}", name, None)
        if there[0] == module or source_of(f"{there[0]}.{there[1]}"):
            return Found(f"{there[0]}.{there[1]}", name, None)
        return look_up(*there, depth + 1)
    for node in tree_of(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return Found(module, name, node)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return Found(module, name, node)
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            return Found(module, name, node)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("eventsim"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return look_up(node.module, alias.name, depth + 1)
    if source_of(f"{module}.{name}"):
        return Found(f"{module}.{name}", name, None)
    return Found(module, name, None)


def page(package: str, homes: dict[tuple[str, str], str]) -> str:
    """Return the page of a package, and note in `homes` which names are described there."""
    lines = [package, "=" * len(package), ""]
    lines += [
        f".. py:module:: {package}",
        "",
        *prose(ast.get_docstring(tree_of(package)) or "", "module"),
        "",
    ]
    described, elsewhere, modules = [], [], []
    for name in stub_of(package):
        found = look_up(package, name)
        if found.node is None:
            modules.append((name, found.module))
        elif (found.module, found.name) in homes:
            elsewhere.append((name, homes[found.module, found.name]))
        else:
            homes[found.module, found.name] = package
            described.append((name, found))
    for name, module in modules:
        if not stub_of(module):
            described += [(f"{name}.{each.name}", each) for each in members_of(module, homes, package)]
    inner = [(name, module) for name, module in modules if stub_of(module)]
    if inner:
        lines += ["Packages: " + ", ".join(f":doc:`{name} <{module}>`" for name, module in inner) + ".", ""]
    plain_modules = [name for name, module in modules if not stub_of(module)]
    if plain_modules:
        lines += [f"Modules: {', '.join(f'``{name}``' for name in plain_modules)}.", ""]
    if elsewhere:
        links = ", ".join(f":py:obj:`{name} <{home}.{name}>`" for name, home in elsewhere)
        lines += [f"Described elsewhere: {links}.", ""]
    kinds = {
        "Classes": [pair for pair in described if isinstance(pair[1].node, ast.ClassDef)],
        "Functions": [pair for pair in described if isinstance(pair[1].node, ast.FunctionDef)],
        "Values": [pair for pair in described if isinstance(pair[1].node, ast.Assign | ast.AnnAssign)],
    }
    for title, pairs in kinds.items():
        if pairs:
            lines += [title, "-" * len(title), ""]
            for name, found in pairs:
                lines += description(name, found)
    return "\n".join(lines).rstrip() + "\n"


def members_of(module: str, homes: dict[tuple[str, str], str], package: str) -> list[Found]:
    """Return the public functions and classes of a module without a stub that no page describes yet."""
    tree = tree_of(module)
    listed = next(
        (
            [each.value for each in node.value.elts if isinstance(each, ast.Constant)]
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
            and isinstance(node.value, ast.List | ast.Tuple)
        ),
        None,
    )
    found = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or (module, node.name) in homes:
            continue
        if node.name in listed if listed is not None else not node.name.startswith("_"):
            homes[module, node.name] = package
            found.append(Found(module, node.name, node))
    return found


def description(name: str, found: Found) -> list[str]:
    """Return the directive that describes a public name."""
    node = found.node
    if isinstance(node, ast.FunctionDef):
        return directive("function", name, signatures(node, method=False), docstring(node, "function"))
    if isinstance(node, ast.ClassDef):
        return a_class(name, found)
    assert node is not None
    value = ast.unparse(node.value) if node.value is not None else ""
    kind = [f"   :type: {ast.unparse(node.annotation)}"] if isinstance(node, ast.AnnAssign) else []
    short = value if len(value) < 60 else "..."
    body = prose(string_after(found.module, node), "data")
    return directive("data", name, [""], body, extra=[*kind, *([f"   :value: {short}"] if short else [])])


def a_class(name: str, found: Found) -> list[str]:
    """Return the directive of a class with its public methods and properties."""
    node = found.node
    assert isinstance(node, ast.ClassDef)
    heads = [constructor(found)]
    body = [*docstring(node, "class"), ""]
    bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) not in ("object", "Protocol")]
    if bases:
        body = [f"Bases: {', '.join(f'``{base}``' for base in bases)}", "", *body]
    for each in node.body:
        if not isinstance(each, ast.FunctionDef) or each.name.startswith("_"):
            continue
        marks = [ast.unparse(mark) for mark in each.decorator_list]
        if any(mark.endswith(".setter") for mark in marks) or "overload" in marks:
            continue
        if "property" in marks or "cached_property" in marks:
            kind = [f"   :type: {ast.unparse(each.returns)}"] if each.returns else []
            body += directive("property", each.name, [""], docstring(each, "method"), extra=kind)
        else:
            static, of_class = "staticmethod" in marks, "classmethod" in marks
            flags = ["   :classmethod:"] if of_class else ["   :staticmethod:"] if static else []
            body += directive(
                "method",
                each.name,
                signatures(each, method=not static),
                docstring(each, "method"),
                extra=flags,
            )
    return directive("class", name, heads, body)


def constructor(found: Found) -> str:
    """Return the arguments of a class: those of `__init__`, or the fields of a dataclass and its bases."""
    node = found.node
    assert isinstance(node, ast.ClassDef)
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name in ("__init__", "__cinit__"):
            return signatures(each, method=True)[0].partition(" -> ")[0]
    if any("dataclass" in ast.unparse(mark) for mark in node.decorator_list):
        return f"({', '.join(field_list(found, {}).values())})"
    if any(ast.unparse(base) in ("NamedTuple", "TypedDict") for base in node.bases):
        return f"({', '.join(field_list(found, {}).values())})"
    return ""


def field_list(found: Found, seen: dict[str, str]) -> dict[str, str]:
    """Return the fields of a dataclass, those of its bases first."""
    node = found.node
    assert isinstance(node, ast.ClassDef)
    for base in node.bases:
        if isinstance(base, ast.Name):
            there = look_up(found.module, base.id)
            if isinstance(there.node, ast.ClassDef) and there.node is not node:
                seen = field_list(there, seen)
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            kind = ast.unparse(each.annotation)
            if each.target.id.startswith("_") or "ClassVar" in kind:
                continue
            value = ""
            if each.value is not None:
                plain = ast.unparse(each.value)
                if "init=False" in plain:
                    continue
                value = f" = {plain if len(plain) < 40 else '...'}"
            seen[each.target.id] = f"{each.target.id}: {shortened(kind)}{value}"
    return seen


def signatures(node: ast.FunctionDef, *, method: bool) -> list[str]:
    """Return the arguments and the result of a function, without `self`."""
    arguments = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(arguments, ast.FunctionDef)
    if method and arguments.args.args:
        arguments.args.args.pop(0)
    elif method and arguments.args.posonlyargs:
        arguments.args.posonlyargs.pop(0)
    text = f"({shortened(ast.unparse(arguments.args))})"
    return [f"{text} -> {ast.unparse(node.returns)}" if node.returns else text]


def shortened(text: str) -> str:
    """Return types without their bounds: ``Annotated[int, Ge(1), "largest"]`` is an int with a comment."""
    return re.sub(r"Annotated\[([\w.\[\], |]*?), (?:[^\[\]]|\[[^\]]*\])*\]", r"\1", text)


def docstring(node: ast.FunctionDef | ast.ClassDef, what: str) -> list[str]:
    """Return the docstring of a definition as reStructuredText."""
    return prose(ast.get_docstring(node) or "", what)


def prose(text: str, what: str) -> list[str]:
    """Return a NumPy docstring as reStructuredText."""
    if not text:
        return []
    found: list[str] = []
    literal = False
    parsed = NumpyDocstring(inspect.cleandoc(text), STYLE, what=what)
    for line in "\n".join(parsed.lines()).split("\n"):
        literal = bool(line.strip()) and (literal or line.lstrip().startswith((">>>", "..")))
        if found and found[-1].startswith(":raises") and line.strip() and not line.startswith((":", "..")):
            found[-1] += f" {plain(line.strip())}"  # a field ends where its indentation ends
        else:
            found.append(line if literal else plain(line))
    return attributes(found)


def plain(line: str) -> str:
    """Return a line of prose in which ``*``, ``|`` and ``_`` stand for themselves, outside of markup."""
    if re.match(r"(:returns:)?\s*\* \*\*", line):  # several results, which napoleon has marked up
        return line
    result = re.match(r"(?::returns:)?\s*\*(?! |\*)[^*]+\*(?= --|$)", line)  # the type of one, likewise
    if result:
        return result[0] + plain(line[result.end() :])
    parts = re.split(r"(``.*?``|:[\w:]+:`.*?`|`[^`]*`_*|\*\*[^*]+\*\*|:\w+ [^:]*:)", line)
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"(?<![\\*])\*(?!\*)|(?<!\\)\|", lambda it: f"\\{it[0]}", parts[k])
        parts[k] = re.sub(r"(?<=\w)(?<!\\)_(?!\w)", r"\\_", parts[k])
    return "".join(parts)


def attributes(lines: list[str]) -> list[str]:
    """Return the lines with fields of attributes as a list below a heading, since they are no parameters."""
    found: list[str] = []
    for k, line in enumerate(lines):
        entry = re.match(r":ivar (.*?):(.*)", line)
        if entry:
            if not any(each.startswith("* **") for each in found[-40:]):
                found += ["", ".. rubric:: Attributes", ""]
            following = lines[k + 1 :]
            kind = next(
                (each.partition(": ")[2] for each in following[:12] if each.startswith(":vartype")), ""
            )
            names = entry[1].replace("\\", "")
            text = entry[2].strip()
            if kind and (not text or len(kind.split()) > 6):  # "name : what it is", without a type
                text = f"{kind} {text}".rstrip()
            elif kind:
                text = f"({kind}) {text}"
            found.append(f"* **{names}**: {text}")
        elif line.startswith(":vartype"):
            continue
        elif found and found[-1].startswith("* **") and line.startswith(" ") and line.strip():
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found


def string_after(module: str, node: Definition) -> str:
    """Return the string that stands after an assignment and describes it."""
    body = tree_of(module).body
    at = body.index(node)
    after = body[at + 1] if at + 1 < len(body) else None
    if (
        isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    ):
        return after.value.value
    return ""


def directive(
    kind: str, name: str, heads: list[str], body: list[str], extra: list[str] | None = None
) -> list[str]:
    """Return a directive of the Python domain; its signatures below each other."""
    lines = []
    indent = " " * (len(kind) + 8)
    for k, head in enumerate(heads):
        lines.append(f".. py:{kind}:: {name}{head}" if k == 0 else f"{indent}{name}{head}")
    lines += extra or []
    return [*lines, "", *(f"   {line}" if line else "" for line in body), "", ""]

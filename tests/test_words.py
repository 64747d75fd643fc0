"""Public names use the field's words: one name for one thing, the one that somebody would search for.

Public names are those that packages list, their attributes and arguments, registered names, the keys and
presets of scenarios, options of the command line, and the names of files. Each is cut into its words.
"""

import importlib
import inspect
import re
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest

from eventsim import registry
from eventsim.lazy import public_names
from eventsim.renamed import RENAMED

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("eventsim", "models", "hardware", "io", "scenarios", "bridges")
PACKAGES = [
    "eventsim",
    *(
        ".".join(("eventsim", *path.parent.relative_to(ROOT).parts)).replace("eventsim.eventsim", "eventsim")
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("__init__.pyi"))
        if path.parent != ROOT / "eventsim" and folder != "bridges"
    ),
]

# Words that say too little or something else, and what to say instead; see docs/glossary.md.
WORDS = {
    "walk": "adjoint pass, EventProp",
    "lockstep": "vectorised",
    "crest": "membrane maximum",
    "senses": "sensitivities",
    "resting": "refractory",
    "exit": "transmission, output filter",
    "exits": "transmission, output filter",
    "gate": "transmission, output filter",
    "leave": "transmit",
    "leaving": "transmission",
    "depart": "transmit",
    "outlet": "spike sink",
    "station": "population runner",
    "flights": "in-flight spikes",
    "inbox": "arrival buffer",
    "partners": "sample targets",
    "drive": "set input, input signal",
    "feed": "input signal",
    "feeds": "input signals",
    "port": "receptor",
    "ports": "receptors",
    "site": "build context",
    "built": "compiled network",
    "wide": "is_float64",
    "eta": "learning rate",
    "falling": "learning-rate schedule",
    "ramp": "transition steps",
    "curve": "interpolation",
    "lateness": "spike latency",
    "stand": "synthetic data",
    "mirror": "complementary input",
    "twin": "reference implementation",
    "apart": "held-out",
    "taken": "selected",
    "told": "a noun that says what it is",
    "figures": "metrics",
    "pictures": "plots",
    "draft": "network editor",
    "alter": "transform",
    "beyond": "overflow policy",
    "deviation": "offset",
    "presentations": "static trainer",
}
NAMES = {  # whole names
    "Rule": "ConnectionRule",
    "Spread": "Mismatch",
    "WeightSteps": "WeightQuantization",
    "WeightRange": "WeightSaturation",
    "TimeStamps": "TimestampResolution",
    "SignRows": "DaleRows",
    "BehindAddress": "RemoteHardware",
    "Stream": "SequenceTrainer",
    "senders_first": "topological_sort",
    "late_targets": "delayed_targets",
    "layer_factors": "lr_factors",
    "room": "capacity",
}


# The port of an address, the gate of a GRU. `NAMES` holds receptors, arguments of `connect`, to their name.
ALLOWED = {"port", "gate_bias", "gate_bits", "gate_function"}


def words(name: str) -> list[str]:
    """Return the words of a name, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def arguments(thing: object) -> list[str]:
    """Return the names of the arguments of something that can be called."""
    try:
        return [name for name in inspect.signature(thing).parameters if not name.startswith("_")]
    except (TypeError, ValueError):
        return []


@cache
def public() -> dict[str, str]:
    """Return every public name, with where it was found."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for name, (module, _) in public_names(package).items():
            value = getattr(importlib.import_module(package), name)
            found[name] = module
            found |= {each: f"{module}.{name}" for each in arguments(value)}
            if not inspect.isclass(value):
                continue
            for attribute in vars(value):
                if not attribute.startswith("_"):
                    found[attribute] = f"{module}.{name}"
                    member = inspect.getattr_static(value, attribute)
                    member = getattr(member, "__func__", member)
                    found |= {each: f"{module}.{name}.{attribute}" for each in arguments(member)}
    for kind in registry.KINDS:
        for name, part in registry.parts(kind).items():
            found[name] = kind
            if is_dataclass(part):
                found |= {each.name: f"{kind} {name}" for each in fields(part)}
            found |= {preset: f"presets of {name}" for preset in getattr(part, "presets", ())}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.p*"):
            if path.suffix in (".py", ".pyx", ".pxd"):
                found[path.stem] = str(path.relative_to(ROOT))
    for option in re.findall(r'"--([a-z-]+)"', (ROOT / "scenarios" / "cli.py").read_text(encoding="utf-8")):
        found[option] = "the command line"
    return found


def old_names() -> set[str]:
    """Return the names of earlier versions, which are still read."""
    return {name for table in RENAMED.values() for name in table}


def test_public_names_are_found():
    names = public()
    assert {"LIF", "tau_mem", "record", "receptor", "fast-and-deep", "quick", "population"} <= names.keys()


@pytest.mark.parametrize(("word", "instead"), WORDS.items())
def test_no_public_name_has_the_word(word, instead):
    bad = {name: where for name, where in public().items() if word in words(name)}
    bad = {name: where for name, where in bad.items() if name not in old_names() and name not in ALLOWED}
    assert not bad, f"say {instead}: {bad}"


@pytest.mark.parametrize(("name", "instead"), NAMES.items())
def test_no_public_name_is(name, instead):
    found = public()
    assert name not in found or name in old_names(), f"say {instead}, in {found.get(name)}"


@pytest.mark.parametrize("term", ["EventProp", "adjoint", "refractory", "mismatch", "quantization"])
def test_whoever_searches_the_tree_for_a_term_finds_it(term):
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py*") if path.suffix != ".pyc"]
    assert any(term.lower() in path.read_text(encoding="utf-8").lower() for path in sources)


def test_no_line_of_a_page_is_longer_than_100_characters():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    long = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in pages
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 100
        and not line.lstrip().startswith("|")
        and "](" not in line
        and " " in line.strip()  # a single word, such as the name of a test, cannot be wrapped
    ]
    assert not long

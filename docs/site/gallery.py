"""Lays out examples/ for the gallery: the first line of each program becomes a title and a sentence."""

import re
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
HEADER = """Gallery
=======

Short programs that run as they stand, from ``examples/``. The pictures are made when the site is built.
"""


def write(target: Path) -> Path:
    """Write the programs with titles into a folder; return it."""
    target.mkdir(parents=True, exist_ok=True)
    texts = {"GALLERY_HEADER.rst": HEADER}
    texts |= {path.name: titled(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob("*.py"))}
    for old in target.iterdir():
        if old.is_file() and old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        path = target / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return target


def titled(source: str) -> str:
    """Return a program whose docstring begins with a title, as the gallery needs it."""
    found = re.match(r'"""(.+?)(?:: (.+?))?(\n\n.*?)?"""\n', source, re.S)
    if found is None:
        raise ValueError(f"an example begins with a docstring, 'Title: what it shows', got {source[:60]!r}")
    title = " ".join(found[1].rstrip(".").split())
    sentence = found[2] or ""
    if sentence.partition(" ")[0].isalpha():  # the name of a variable stays as it is
        sentence = sentence[0].upper() + sentence[1:]
    text = f"{title}\n{'=' * len(title)}\n\n{sentence}{found[3] or ''}".rstrip()
    return f'r"""{text}\n"""\n{source[found.end() :]}'

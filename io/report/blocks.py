"""Pieces of a page as HTML: tables with a caption, pictures with a text in their place, notes."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from math import isfinite

Cell = str | int | float | bool | None


def text(value: Cell) -> str:
    """Return a value as a reader wants it: whole numbers whole, others with five digits.

    >>> text(1000.0), text(0.93541234), text(True), text(None)
    ('1000', '0.93541', 'yes', '–')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if isfinite(value) and value == round(value) and abs(value) < 1e6:
            return str(round(value))
        return f"{value:.5g}"
    return str(value)


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, marked: Iterable[int] = ()
) -> str:
    """Return a table; the first cell of each row is its heading, `marked` rows stand out.

    Numbers are set to the right, so that their digits stand below each other.
    """
    chosen = set(marked)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = []
    for number, row in enumerate(rows):
        first, *others = row
        heading = escape(text(first)).replace("_", "_<wbr>")  # long names may go on in the next line
        cells = f'<th scope="row">{heading}</th>' + "".join(map(_cell, others))
        body.append(f"<tr{' class=marked' if number in chosen else ''}>{cells}</tr>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(value: Cell) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"<td{' class=number' if number else ''}>{escape(text(value))}</td>"


def picture(image: bytes, kind: str, title: str, words: str) -> str:
    """Return a picture with its title below; `words` say what it shows to those who do not see it.

    Parameters
    ----------
    kind : {"svg+xml", "png"}
    """
    data = base64.b64encode(image).decode("ascii")
    return (
        f'<figure class="picture"><img src="data:image/{kind};base64,{data}" alt="{escape(words)}">'
        f"<figcaption><strong>{escape(title)}</strong> {escape(words)}</figcaption></figure>"
    )


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f"<p{f' class={kind}' if kind else ''}>{escape(words)}</p>"


def folded(title: str, inside: str) -> str:
    """Return something that opens when its title is pressed."""
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def joined(parts: Sequence[str]) -> str:
    """Return parts side by side where there is room."""
    return f'<div class="beside">{"".join(parts)}</div>' if parts else ""


def columns(parts: Sequence[str]) -> str:
    """Return tables below each other, in two columns where there is room."""
    return f'<div class="pages">{"".join(parts)}</div>' if parts else ""

"""Sphinx extension: formulas become MathML at build time, so that pages need no script and no network."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def mathml(latex: str, display: str) -> str:
    """Return a formula as MathML, with its LaTeX beside it for those who copy it."""
    # A space that is written at the end of a line is a space, which the converter does not know.
    found = convert(re.sub(r"(?<!\\)\\\n", r"\\ ", latex.strip()), display=display)
    note = f'<annotation encoding="application/x-tex">{html.escape(latex.strip())}</annotation>'
    inner = found.partition(">")[2].rpartition("</math>")[0]
    head = found.partition(">")[0]
    return f"{head}><semantics><mrow>{inner}</mrow>{note}</semantics></math>"


def inline(visitor: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    visitor.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(visitor: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    visitor.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Add the renderer."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

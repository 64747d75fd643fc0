"""The page: sections in order, its look and its script, and bokeh's library, all in one file.

Nothing on the page comes from elsewhere, so it opens without a network and can be mailed. Light or dark is
what the reader's system prefers, until the button on the page is pressed.
"""

from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bokeh.model import Model

__all__ = ["Page", "Section", "need_bokeh"]

HERE = Path(__file__).parent
PLACE = "<!-- figure {} -->"


def need_bokeh() -> None:
    """Raise `ImportError`, with what to type, where bokeh is not installed."""
    try:
        import bokeh  # noqa: F401
    except ImportError:
        raise ImportError(
            "reports need bokeh, which is not installed; install it with: pip install 'eventsim[report]'"
        ) from None


@dataclass(slots=True)
class Section:
    """A heading and what stands below it, as HTML."""

    key: str
    title: str
    body: str


@dataclass(slots=True)
class Page:
    """A page that is being put together.

    Attributes
    ----------
    title : its heading, and the name of the browser's tab.
    lead : one line below the heading.
    """

    title: str
    lead: str = ""
    _sections: list[Section] = field(default_factory=list)
    _figures: dict[str, "Model"] = field(default_factory=dict)
    _data: dict[str, str] = field(default_factory=dict)

    def add(self, title: str, *parts: str) -> None:
        """Add a section; without parts there is none."""
        body = "\n".join(part for part in parts if part)
        if body:
            self._sections.append(Section(f"section-{len(self._sections) + 1}", title, body))

    def figure(self, model: Any, words: str) -> str:
        """Take in a figure of bokeh and return its place in a section.

        Parameters
        ----------
        words : str
            What it shows, for those who do not see it.
        """
        key = f"figure-{len(self._figures) + 1}"
        self._figures[key] = model
        return f'<div class="figure" role="group" aria-label="{escape(words)}">{PLACE.format(key)}</div>'

    def data(self, key: str, encoded: str) -> None:
        """Take in data that the page's script decodes when it needs them, by the name of their place."""
        self._data[key] = encoded

    def html(self) -> str:
        """Return the whole page."""
        style, script = _own("page.css"), _own("page.js")
        start, places = self._started_figures()
        contents = "".join(f'<li><a href="#{s.key}">{escape(s.title)}</a></li>' for s in self._sections)
        body = "\n".join(
            f'<section id="{s.key}" aria-labelledby="{s.key}-title">'
            f'<h2 id="{s.key}-title">{escape(s.title)}</h2>\n{s.body}</section>'
            for s in self._sections
        )
        for key, place in places.items():
            body = body.replace(PLACE.format(key), place)
        data = "\n".join(
            f'<script type="text/plain" id="{escape(key)}">{encoded}</script>'
            for key, encoded in self._data.items()
        )
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(self.title)}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#contents">Skip to the results</a>
<header>
<div><h1>{escape(self.title)}</h1>{f"<p>{escape(self.lead)}</p>" if self.lead else ""}</div>
<button type="button" id="theme" aria-pressed="false">Dark</button>
</header>
<nav aria-label="Sections"><ul>{contents}</ul></nav>
<main id="contents">
{body}
</main>
{data}
{_library() if self._figures else ""}
<script>{script}</script>
{start}
</body>
</html>
"""

    def _started_figures(self) -> tuple[str, dict[str, str]]:
        """Return the script that draws the figures, and the place of each."""
        if not self._figures:
            return "", {}
        from bokeh.document import Document
        from bokeh.embed import components

        document = Document()
        with document.models.freeze():  # else all models are collected anew for each figure
            for model in self._figures.values():
                document.add_root(model)
        script, places = components(self._figures)
        return script, dict(places)


@cache
def _library() -> str:
    """Return bokeh's own script, without the parts for widgets and formulas, which no figure here uses."""
    from bokeh.resources import Resources

    return str(Resources("inline", components=["bokeh"]).render_js())


def _own(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")

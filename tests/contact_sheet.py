"""Draws every plot of every scenario's quick preset into one picture, for people to look at.

    python tests/contact_sheet.py [-o sheet.png] [--runs DIR] [--only TEXT] [FILE.h5 ...]

Runs that DIR has already are not repeated; files named on the line are drawn instead of the presets. CI keeps
the sheet of each version. A plot that cannot be drawn ends the script with its error.
"""

import argparse
import io as text_io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from eventsim import io
from eventsim.io.plots.finishing import save
from eventsim.registry import parts
from eventsim.scenarios.request import Request
from eventsim.scenarios.running import execute
from eventsim.scenarios.scenario import Scenario
from eventsim.scenarios.shell import results

WIDTH, GAP, COLUMNS = 760, 16, 4  # of a picture and between pictures, in pixels


def quick_runs(folder: Path, only: str) -> Iterator[Path]:
    """Run the quick preset of each scenario, unless its file is there; yield the files."""
    for name, kind in parts("scenario").items():
        assert issubclass(kind, Scenario)
        if only not in name or "quick" not in kind.presets:
            continue
        path = folder / f"{name}-quick.h5"
        if not path.exists():
            print(f"running {name}", file=sys.stderr, flush=True)
            execute(Request(name=name, preset="quick", output=path, quiet=True))
        yield path


def pictures(path: Path) -> Iterator[Image.Image]:
    """Yield all plots of a run, each below its name."""
    trace = io.load(path)
    for name, draw in results.available_plots(trace).items():
        content = text_io.BytesIO()
        save(draw(trace), content, "png", dpi=110)
        plot = Image.open(content).convert("RGB")
        plot = plot.resize((WIDTH, max(1, round(plot.height * WIDTH / plot.width))))
        framed = Image.new("RGB", (WIDTH, plot.height + 22), "white")
        framed.paste(plot, (0, 22))
        ImageDraw.Draw(framed).text((4, 4), f"{path.stem}: {name}", fill="black", font_size=14)
        yield framed


def sheet(plots: list[Image.Image]) -> Image.Image:
    """Return all pictures in columns, each at the foot of the shortest column."""
    heights, places = [GAP] * COLUMNS, []
    for plot in plots:
        column = heights.index(min(heights))
        places.append((GAP + column * (WIDTH + GAP), heights[column]))
        heights[column] += plot.height + GAP
    made = Image.new("RGB", (GAP + COLUMNS * (WIDTH + GAP), max(heights)), "#d8dce2")
    for plot, place in zip(plots, places, strict=True):
        made.paste(plot, place)
    return made


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("contact-sheet.png"))
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.runs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        plots = [each for path in asked.files or quick_runs(folder, asked.only) for each in pictures(path)]
    sheet(plots).save(asked.output)
    print(f"{len(plots)} plots in {asked.output}")


if __name__ == "__main__":
    main()

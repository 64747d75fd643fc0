"""Makes the pictures in docs/images: a plot of a run, or of the code of a page.

    python docs/site/figures.py [PICTURE ...]

The pictures are kept in docs/images, since the runs take a while: ten minutes together. A run is kept in
build/figures and not repeated. Two pictures are of runs of an hour, and are drawn from the tables of pages.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parent / "images"
RUNS = HERE.parent.parent / "build" / "figures"


class Picture(NamedTuple):
    """A plot of a run: what is run, and which of its plots is drawn."""

    scenario: str
    plot: str
    preset: str = "quick"
    seed: int = 1
    changes: tuple[str, ...] = ()


PICTURES = {
    "raster": Picture("fast-and-deep", "raster", seed=0),
    "yin-yang-quick": Picture("yin-yang", "decisions"),
    "elise-quick": Picture("elise", "piano-roll"),
    "minimalist-quick": Picture("minimalist", "traces"),
    "neurobench-quick": Picture("neurobench", "forecasts"),
    "quantized-ssm-quick": Picture("quantized-ssm", "parts"),
    "spoken-digits-quick": Picture("spoken-digits", "raster"),
    "noracl-quick": Picture("noracl", "matrix"),
    "latent-equilibrium-quick": Picture("latent-equilibrium", "training"),
    "generalized-latent-equilibrium-quick": Picture("generalized-latent-equilibrium", "training"),
    "temporal-hierarchy": Picture("temporal-hierarchy", "hierarchy", seed=0),
    "temporal-hierarchy-emergence": Picture(
        "temporal-hierarchy",
        "emergence",
        "emergence",
        2,
        ("train_samples=2560", "batch=128", "epochs=20"),
    ),
    "dendrites-composition": Picture("nonlinear-dendrites", "composition", "structural-plasticity", 31),
    "mgrade-remembered": Picture("mgrade", "remembered", "combined", 1),
    "phaseless-alignment": Picture("phaseless-alignment", "angles", "feedback", 3),
    "phaseless-alignment-weights": Picture("phaseless-alignment", "before-after", "feedback", 3),
    "phaseless-alignment-teacher": Picture("phaseless-alignment", "learning", "teacher-student", 0),
    "phaseless-alignment-latent": Picture("phaseless-alignment", "latent", "autoencoder-short", 0),
}
ELSEWHERE = ("sparse-network",)  # by benchmarks/sparse_network.py


def make(name: str) -> None:
    """Run what a picture shows, unless its file is there, and draw it."""
    each = PICTURES[name]
    words = "-".join([each.scenario, each.preset, f"{each.seed}", *each.changes])
    run = RUNS / f"{''.join(letter if letter.isalnum() else '-' for letter in words)[:100]}.h5"
    command = [sys.executable, "-m", "eventsim.scenarios.cli"]
    if not run.is_file():
        run.parent.mkdir(parents=True, exist_ok=True)
        what = [each.scenario, "--preset", each.preset, "--seed", f"{each.seed}", *each.changes]
        subprocess.run([*command, "run", *what, "-o", run], check=True)
    subprocess.run([*command, "plot", run, "--what", each.plot, "-o", IMAGES / f"{name}.png"], check=True)


def draw(name: str) -> None:
    """Draw a picture of the code of a page."""
    import page_pictures

    from eventsim.io import plots
    from eventsim.io.plots.finishing import save

    with plots.style():
        figure = page_pictures.PICTURES[name]()
    save(figure, IMAGES / f"{name}.png")


if __name__ == "__main__":
    import page_pictures

    known = [*PICTURES, *page_pictures.PICTURES]
    for each in sys.argv[1:] or known:
        if each not in known:
            sys.exit(f"no picture {each!r}; known: {', '.join(known)}")
        (make if each in PICTURES else draw)(each)

"""Makes the figure of each paper's page: one run of a quick preset, one of its plots.

    python docs/site/figures.py [NAME ...]

The pictures are kept in docs/images, since the runs take a few minutes together.
"""

import subprocess
import sys
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "images"
SEED = 1
FIGURES = {
    "yin-yang": "decisions",
    "elise": "piano-roll",
    "minimalist": "traces",
    "neurobench": "forecasts",
    "quantized-ssm": "parts",
    "noracl": "matrix",
    "latent-equilibrium": "training",
    "generalized-latent-equilibrium": "training",
}


def make(name: str, folder: Path) -> None:
    """Run the quick preset of a scenario, unless its file is there, and draw its plot."""
    run = folder / f"{name}.h5"
    command = [sys.executable, "-m", "eventsim.scenarios.cli"]
    if not run.is_file():
        subprocess.run(
            [*command, "run", name, "--preset", "quick", "--seed", f"{SEED}", "-o", run], check=True
        )
    picture = IMAGES / f"{name}-quick.png"
    subprocess.run([*command, "plot", run, "--what", FIGURES[name], "-o", picture], check=True)


if __name__ == "__main__":
    target = Path("build") / "figures"
    target.mkdir(parents=True, exist_ok=True)
    for each in sys.argv[1:] or FIGURES:
        make(each, target)

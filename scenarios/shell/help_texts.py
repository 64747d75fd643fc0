"""The examples at the end of each command's help.

A line that holds \\b alone keeps the lines below it as they are.
"""


def examples(*lines: str) -> str:
    """Return command lines as the end of a help page."""
    return "\b\nExamples:\n" + "\n".join(f"  eventsim {line}" for line in lines)


LIST = examples("list", "list delgrad", "list lif", "list delgrad --toml > mine.toml")
RUN = examples(
    "run fast-and-deep --preset quick -o run.h5",
    "run delgrad n_hidden=20 epochs=50 --seed 3",
    "run delgrad --preset brainscales2-W --hardware brainscales2",
    "run fast-and-deep -o run.h5 --resume",
    "run mine.toml -o mine.h5",
    "run --sonata config.json -o run.h5",
)
SHOW = examples("show run.h5", "show run.h5 --json", "show run.h5 --toml > again.toml")
PLOT = examples("plot run.h5 --list", "plot run.h5", "plot run.h5 --what raster -o raster.png")
EXPORT = examples(
    "export run.h5 --to sonata -o out",
    "export run.h5 --to nwb -o run.nwb",
    "export run.h5 --to nir -o network.nir",
)
BENCH = examples("bench --quick", "bench queue-hold --no-peers")
REPRODUCE = examples(
    "reproduce",
    "reproduce nonlinear-dendrites --quick",
    "reproduce delgrad --row '5 hidden' --jobs 2",
    "reproduce --all --quick --report page.html",
)
SWEEP = examples(
    "sweep delgrad n_hidden=10,30 seed=0..4 --preset quick -o widths",
    "sweep widths --plot n_hidden test_accuracy",
    "sweep delgrad 'learning_rate=loguniform(1e-3, 1e-1)' --draws 20 -o draws",
)
REPORT = examples("report run.h5", "report run.h5 -o page.html")
COMPARE = examples("compare a.h5 b.h5", "compare seed1.h5 seed2.h5 seed3.h5 -o seeds.html")

"""The command line: every command is a thin call of a public function.

Exit status 0 for success, 2 for a request that cannot be met (one line on standard error says what was
wrong and what would be right), 1 for a run that failed, 130 for one that was stopped and can go on.
"""

import contextlib
import errno
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from eventsim.errors import ConfigError, UnknownPart
from eventsim.scenarios import running, streams
from eventsim.scenarios.earlier_names import naming_what_changed
from eventsim.scenarios.shell import completion, help_texts, mistakes, results


class Stopped(Exception):
    """Somebody stopped a command that keeps nothing; the parser would end it without a word."""


class Commands(TyperGroup):
    """The commands, of which one that is stopped says so."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Stopped from None


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Exact event-driven simulation and training of spiking networks.",
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="HDF5 file of a run.")]
Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


def _version(wanted: bool) -> None:
    if wanted:
        import eventsim

        typer.echo(f"eventsim {eventsim.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    if context.invoked_subcommand is None and not version:
        typer.echo(context.get_help())


@app.command("list", epilog=help_texts.LIST)
def list_parts(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Show the keys of one part.", autocompletion=completion.parts),
    ] = None,
    toml: Annotated[
        bool, typer.Option("--toml", help="A scenario's settings as TOML, a start for 'eventsim run'.")
    ] = False,
    preset: Annotated[
        str | None,
        typer.Option(help="With --toml: settings of a preset.", autocompletion=completion.presets),
    ] = None,
    json: Json = False,
) -> None:
    """Scenarios, neurons, rules and hardware, each with its paper."""
    from eventsim.scenarios.shell import catalogue

    if preset is not None and not toml:
        raise ConfigError("--preset is for --toml")
    if toml:
        from eventsim.scenarios import whole_runs

        if name is None or json:
            raise ConfigError("--toml needs the name of a scenario, and no --json")
        typer.echo(whole_runs.template(name, preset), nl=False)
    elif json:
        _print_json(catalogue.describe(name) if name else catalogue.everything())
    else:
        typer.echo(catalogue.as_text(name))


@app.command(epilog=help_texts.RUN)
def run(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE.toml",
            help="Scenario, see 'eventsim list'; or a file that describes a whole run.",
            autocompletion=completion.scenarios_and_files,
        ),
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Settings; see 'eventsim list NAME'.",
            autocompletion=completion.settings,
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Published settings by name.", autocompletion=completion.presets)
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings from a file.")] = None,
    hardware: Annotated[
        str | None, typer.Option(help="Target to run on.", autocompletion=completion.hardware)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all randomness [default: 0].")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of data sets [default: $EVENTSIM_DATA].")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.h5", help="[default: NAME-PRESET-seedN.h5]"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the file's last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if there is one.")] = False,
    threads: Annotated[int | None, typer.Option(help="Threads to use [default: all processors].")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Plot the results at the end.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no summary.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where a failed run failed.")] = False,
    sonata: Annotated[
        bool, typer.Option("--sonata", help="NAME is the configuration of a SONATA simulation (.json).")
    ] = False,
) -> None:
    """Run a scenario and write one file.

    Settings come from the defaults, the preset, the file of --config and KEY=VALUE, the later winning.
    """
    from eventsim.io.config import parse_overrides

    if plot is not None:
        results.check_plot_path(plot)
    if sonata:
        from eventsim.scenarios.shell import sonata_runs

        asked = {"key=value": values, "--preset": preset, "--config": config, "--seed": seed, "--data": data}
        if wrong := [word for word, value in asked.items() if value] + ["--resume"] * resume:
            raise ConfigError(f"--sonata runs what the configuration says; {wrong[0]} is for scenarios")
        path = sonata_runs.run_circuit(
            Path(name), output, hardware=hardware, overwrite=overwrite, quiet=quiet
        )
        if plot is not None:
            results.plot(path, None, plot)
        if not quiet:
            streams.say(f"file: {path}\n{results.as_text(path)}")
        return
    request = running.requested(
        name=name,
        values=parse_overrides(values or []),
        preset=preset,
        config=config,
        hardware=hardware,
        seed=seed,
        threads=threads,
        data=data,
        output=output,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
    )
    try:
        outcome = running.execute(request)
    except running.RunFailed:
        if debug:
            import traceback

            traceback.print_exc()
        raise
    again = shlex.join(request.resumed())
    if not outcome.complete:
        _complain(f"stopped, and what was done is kept; go on with: {again}")
        raise typer.Exit(130)
    if plot is not None:
        results.plot(outcome.path, None, plot)
    if not quiet:
        streams.say(results.summary(outcome))
        if plot is not None:
            streams.say(f"plot: {plot}")


@app.command(epilog=help_texts.SHOW)
def show(
    file: File,
    json: Json = False,
    toml: Annotated[
        bool, typer.Option("--toml", help="The whole run as TOML, for 'eventsim run FILE.toml'.")
    ] = False,
    neurobench: Annotated[
        bool, typer.Option("--neurobench", help="Measure the trained network as NeuroBench defines it.")
    ] = False,
    step: Annotated[
        float | None,
        typer.Option(
            help="With --neurobench: step of the grid for event-driven networks, in the run's unit."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --neurobench: data sets [default: $EVENTSIM_DATA]."),
    ] = None,
) -> None:
    """What a run was and what came out."""
    if neurobench:
        from eventsim.scenarios.shell import measured_runs

        found = measured_runs.measure(file, data=data, step=step)
        if json:
            _print_json(found.as_dict())
        else:
            typer.echo(found.as_text())
        return
    if step is not None or data is not None:
        raise ConfigError("--step and --data are for --neurobench")
    if toml:
        if json:
            raise ConfigError("--toml and --json exclude each other")
        typer.echo(results.as_toml(file), nl=False)
        return
    if json:
        _print_json(results.describe(file))
    else:
        typer.echo(results.as_text(file))


@app.command(epilog=help_texts.PLOT)
def plot(
    file: File,
    what: Annotated[
        str | None,
        typer.Option(help="raster, trace, training, weights, ...", autocompletion=completion.plots),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.png", help="Or .svg, .pdf [default: beside FILE]."),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Say what there is to draw.")] = False,
) -> None:
    """Draw what is in the file of a run."""
    if listing:
        if what is not None or output is not None:
            raise ConfigError("--list draws nothing; leave out --what and -o")
        typer.echo(results.list_plots(file))
        return
    streams.say(f"plot: {results.plot(file, what, output)}")


@app.command(epilog=help_texts.REPORT)
def report(
    file: File,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.html", help="[default: beside FILE]")
    ] = None,
    neurobench: Annotated[
        bool, typer.Option("--neurobench", help="Measure the trained network as NeuroBench defines it, too.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --neurobench: data sets [default: $EVENTSIM_DATA]."),
    ] = None,
) -> None:
    """One page of a run for the browser: tables, curves, rasters that zoom; it needs no network."""
    from eventsim.scenarios.shell import reporting

    if data is not None and not neurobench:
        raise ConfigError("--data is for --neurobench")
    written = reporting.report(file, output, neurobench=neurobench, data=data)
    streams.say(f"report: {written}")


@app.command(epilog=help_texts.COMPARE)
def compare(
    files: Annotated[list[Path], typer.Argument(metavar="FILE FILE...", help="HDF5 files of runs.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Write a page with their training curves."),
    ] = None,
    json: Json = False,
) -> None:
    """Runs side by side: settings that differ, metrics; with -o a page with their curves."""
    from eventsim.scenarios.shell import side_by_side

    found = side_by_side.compare(*files, output=output)
    if json:
        _print_json(found.as_dict())
    else:
        streams.say(found.as_text())
    if found.page is not None:
        streams.say(f"page: {found.page}", sys.stderr if json else None)


@app.command(epilog=help_texts.EXPORT)
def export(
    file: File,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="sonata, csv, nwb; of the network, sonata-network or nir.",
            autocompletion=completion.formats,
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Folder; for nwb and nir a file.")
    ] = None,
    population: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this population; may be given again.")
    ] = None,
    start: Annotated[float | None, typer.Option(help="Only from this time on, in the file's unit.")] = None,
    stop: Annotated[float | None, typer.Option(help="Only before this time.")] = None,
    dt: Annotated[
        float | None, typer.Option(metavar="STEP", help="With nir: step of the program that is to read it.")
    ] = None,
) -> None:
    """Write spikes and samples, or the network, in the formats of other programs."""
    from eventsim.scenarios.shell import exporting

    part = {"populations": population, "start": start, "stop": stop}
    for written in exporting.export(file, to, output, **part, dt=dt):  # type: ignore[arg-type]
        streams.say(f"written: {written}")


@app.command(epilog=help_texts.BENCH)
def bench(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One of them.", autocompletion=completion.benchmarks),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Measurements of each value [default: 5; 1 with --quick].")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: all in about a minute.")] = False,
    peers: Annotated[bool, typer.Option("--peers/--no-peers", help="Measure other programs too.")] = True,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the values, where NAME has a figure.")
    ] = None,
    json: Json = False,
) -> None:
    """Benchmarks, with the peers that are installed; each line is printed as soon as it is known."""
    from eventsim.scenarios import comparison

    if repeats is not None and repeats < 1:
        raise ConfigError(f"--repeats must be at least 1, got {repeats}")
    draw = None if picture is None else comparison.picture_of(name, picture)
    outcome = comparison.execute(
        name, repeats=repeats, quick=quick, peers=peers, write=None if json else typer.echo
    )
    if json:
        _print_json(outcome.rows)
    if draw is not None and picture is not None and outcome.rows:
        draw(outcome.rows, picture)
        if not json:
            streams.say(f"written: {picture}")
    if not outcome.complete:
        _complain(f"stopped; the values known by then ({len(outcome.rows)}) are above")
        raise typer.Exit(130)
    if outcome.failures:
        raise typer.Exit(1)


@app.command(epilog=help_texts.REPRODUCE)
def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Scenario; none lists all papers.",
            autocompletion=completion.scenarios,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All papers, one after another.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller rows: a paper in less than two minutes, all in twenty.")
    ] = False,
    row: Annotated[str | None, typer.Option(metavar="TEXT", help="Only rows that contain this.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where runs are kept [default: reproduced/NAME]."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of data sets [default: $EVENTSIM_DATA].")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at once [default: all processors].")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Page of all rows, .html or .md; without NAME of the kept ones."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the scenario's reproduced.json.")] = False,
    json: Json = False,
) -> None:
    """Run a paper's table, and print the paper's figures beside ours.

    Runs that are finished are not repeated; Ctrl-C keeps what is done, and the same command goes on.
    """
    from eventsim.scenarios.reproduce import command

    asked = command.Asked(
        name=name,
        everything=everything,
        quick=quick,
        only=row,
        folder=output,
        data=data,
        jobs=jobs,
        keeping=keep,
        page=report,
        json=json,
    )
    raise typer.Exit(command.carry_out(asked))


@app.command(epilog=help_texts.SWEEP)
def sweep(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIR",
            help="Scenario to sweep, or a sweep to look at.",
            autocompletion=completion.scenarios,
        ),
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUES]...",
            help="Values: a,b,c or 0..9 or uniform(1, 2), loguniform, integer, choice.",
            autocompletion=completion.settings_of_sweeps,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where runs are kept [default: sweep-NAME]."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Published settings by name, for all runs.", autocompletion=completion.presets),
    ] = None,
    hardware: Annotated[
        str | None, typer.Option(help="Target to run on.", autocompletion=completion.hardware)
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE.csv", help="Points, one a line, below a line of keys."),
    ] = None,
    draws: Annotated[int, typer.Option(help="How often keys with a distribution are drawn.")] = 0,
    draw_seed: Annotated[int, typer.Option(help="Seed of the draws, or of the search.")] = 0,
    search: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="Search for the point with the highest mean (optuna)."),
    ] = None,
    minimize: Annotated[bool, typer.Option("--minimize", help="With --search: the lowest.")] = False,
    trials: Annotated[int, typer.Option(help="With --search: how many trials.")] = 20,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers carry out the runs.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of data sets [default: $EVENTSIM_DATA].")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at once [default: all processors].")] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table as .csv, .parquet or .json.")
    ] = None,
    plot: Annotated[
        tuple[str, str] | None, typer.Option(metavar="KEY METRIC", help="Plot a metric over a key into DIR.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a scenario at many points, one file a run, and make one table of all.

    Finished runs are not repeated; Ctrl-C keeps what is done, and the same command goes on. With the folder
    of a sweep in place of a name, its table is printed.
    """
    from eventsim.scenarios.sweep import command

    asked = command.Asked(
        words=values or [],
        output=output,
        preset=preset,
        hardware=hardware,
        list=points,
        draws=draws,
        draw_seed=draw_seed,
        search=search,
        minimize=minimize,
        trials=trials,
        data=data,
        jobs=jobs,
        scheduler=scheduler,
        table=table,
        plot=plot,
        json=json,
    )
    raise typer.Exit(command.carry_out(name, asked))


def _print_json(what: Any) -> None:
    import json

    typer.echo(json.dumps(what, indent=2, ensure_ascii=False, allow_nan=False))


def _complain(text: str) -> None:
    streams.say("eventsim: " + " ".join(text.split()), sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status; the entry point of the command ``eventsim``."""
    streams.open_closed_ones()
    try:
        with naming_what_changed(_complain), _sigterm_as_ctrl_c():
            return _main(sys.argv[1:] if arguments is None else arguments)
    finally:
        streams.flush()


@contextlib.contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does, so that it takes away what it has half written."""
    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _main(arguments: list[str]) -> int:
    try:
        mistakes.check_command(arguments, list(_commands()))
        return app(args=arguments, prog_name="eventsim", standalone_mode=False) or 0
    except typer.Exit as end:
        return end.exit_code
    except (KeyboardInterrupt, Stopped, typer.Abort):
        _complain("stopped")
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        return 0
    except running.RunRefused as refused:
        _complain(str(refused))
        return 2
    except running.RunFailed as failure:
        _complain(f"the run failed: {failure}; --debug shows where")
        return 1
    except OSError as error:
        _complain(str(error))
        return 1 if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else 2  # no fault of the command
    except (UnknownPart, ConfigError, ValueError, TypeError, ImportError) as error:
        _complain(str(error))
        return 2
    except Exception as error:
        if not hasattr(error, "format_message"):  # the parser's own errors have it
            raise
        _complain(mistakes.in_our_words(error, arguments))
        return 2


def _commands() -> Iterator[str]:
    """Return the names of the commands."""
    for command in app.registered_commands:
        yield str(command.name or getattr(command.callback, "__name__", ""))


if __name__ == "__main__":
    sys.exit(main())

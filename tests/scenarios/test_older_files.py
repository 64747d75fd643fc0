"""Files of runs that lack what the scenario of today shows: one line, or the rest without it."""

import numpy as np
import pytest
from typer.testing import CliRunner

import eventsim as es
from eventsim.registry import parts
from eventsim.scenarios import cli
from eventsim.scenarios.shell import results


@pytest.fixture
def saved(tmp_path):
    def save(name, **contents):
        provenance = {"scenario": name, "version": "0.0.1", "imperfections": "jitter"}
        path = tmp_path / f"{name}.h5"
        es.io.save(es.Trace(provenance=provenance, config=f'[run]\nscenario = "{name}"\n', **contents), path)
        return path

    return save


@pytest.mark.parametrize("name", sorted(parts("scenario")))
def test_a_file_without_arrays_is_shown_and_not_drawn_of_each_scenario(name, saved):
    path = saved(name)
    assert f"{name}, seed unknown, eventsim 0.0.1" in results.as_text(path)
    for what in results.available_plots(es.io.load(path)):
        with pytest.raises(es.FileFormatError, match=r"eventsim 0\.0\.1 wrote it: run the scenario again"):
            results.plot(path, what)
    assert [each.suffix for each in path.parent.iterdir()] == [".h5"]


def test_robustness_is_drawn_without_the_line_of_no_imperfection(saved):
    table = np.array([[0, 0.1, 0.9, 0.01, 0.8, 0.02], [0, 0.2, 0.8, 0.01, 0.6, 0.02]])
    path = saved("robustness", parameters={"robustness/table": table})
    assert results.plot(path, "robustness").is_file()


def test_the_command_says_it_in_one_line_and_the_report_goes_on_without(saved, capsys):
    path = saved("robustness", training={"loss": np.array([1.0, 0.5])})
    assert cli.main(["plot", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the file does not hold what the plot 'robustness' needs" in line
    assert "no parameter 'robustness/table'" in line
    pytest.importorskip("bokeh")
    assert CliRunner().invoke(cli.app, ["report", str(path)]).exit_code == 0
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert "robustness is not drawn" in page

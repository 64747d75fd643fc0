"""Plots come out of everything a file may hold, and what cannot be drawn is named."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import eventsim as es
from eventsim.errors import UnknownPart
from eventsim.io import declared, plots
from eventsim.io.datasets import yin_yang
from eventsim.io.plots.spike_plots import default_width
from eventsim.trace import Samples, Spikes, Trace


@pytest.fixture
def full(run):
    samples, labels = yin_yang(200)
    run.parameters |= {
        "test_samples": samples,
        "test_labels": labels,
        "test_predicted": np.zeros(200, np.int64),
    }
    return run


def axes():
    return Figure().subplots()


def test_every_plot_of_a_run_can_be_drawn(full, tmp_path):
    names = list(plots.available(full))
    assert names == ["training", "raster", "rate", "trace", "yin-yang", "weights"]
    for name in names:
        path = tmp_path / f"{name}.png"
        assert plots.plot(full, name, path) == name
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 8000  # an empty page of this size has about 3000
    assert plots.plot(full, None, tmp_path / "a.svg") == "training"
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_what_is_not_there_is_refused_with_what_is(run, tmp_path):
    with pytest.raises(UnknownPart, match=r"no plot 'rastr'; did you mean 'raster'.*known: training, raster"):
        plots.plot(run, "rastr", tmp_path / "a.png")
    few = Trace(training={"loss": np.arange(3.0)})
    with pytest.raises(UnknownPart, match="nothing to plot for 'raster' here; known: training"):
        plots.plot(few, "raster", tmp_path / "a.png")
    with pytest.raises(UnknownPart, match="nothing to plot"):
        plots.plot(Trace(spikes={"a": Spikes(np.empty(0), np.empty(0, np.int64))}), None, tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"'a\.docx' must end with a format: .*\.png"):
        plots.plot(few, None, tmp_path / "a.docx")
    with pytest.raises(IsADirectoryError):
        plots.plot(few, None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_raster_shows_every_spike_at_its_place():
    spikes = Spikes(np.array([1.0, 2.5, 4.0]), np.array([0, 7, 3]))
    ax = plots.raster(spikes, 8, axes(), time_unit="us", title="hidden")
    line = ax.lines[0]
    assert line.get_xdata().tolist() == [1.0, 2.5, 4.0]
    assert line.get_ydata().tolist() == [0, 7, 3]
    assert ax.get_xlabel() == "time (µs)"
    assert ax.get_ylim()[0] < 0 < 7 < ax.get_ylim()[1]


def test_many_spikes_are_drawn_as_a_density_that_says_so():
    rng = np.random.default_rng(0)
    spikes = Spikes(np.sort(rng.uniform(0, 10, 5000)), rng.integers(0, 100, 5000))
    ax = plots.raster(spikes, 100, axes(), limit=4999, title="exc")
    assert ax.get_title(loc="center") == "exc: 5 000 spikes, shown as density"
    assert not ax.lines
    assert ax.images[0].get_array().sum() == 5000
    assert not plots.raster(spikes, 100, axes(), limit=5000).images


def test_rates_are_in_hertz_and_reach_the_top():
    spikes = Spikes(np.arange(100) * 0.5, np.zeros(100, np.int64))
    ax = plots.rate(spikes, 2, 50.0, axes(), width=5.0)
    values = ax.patches[0].get_data().values
    assert values == pytest.approx([1000.0] * 10)  # 10 spikes of 2 units in 5 ms
    assert ax.get_ylim()[1] > 1000.0
    assert "Hz" in ax.get_ylabel()
    assert "1/tau" in plots.rate(spikes, 2, 50.0, axes(), time_unit="tau").get_ylabel()


def test_samples_at_events_leave_out_what_was_not_sampled():
    values = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, np.nan]])
    ax = plots.trace(Samples(np.array([0.0, 1.0, 2.0]), values, np.array([4, 9])), axes(), variable="v")
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1.0, 3.0], [2.0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["unit 4", "unit 9"]


def test_membranes_are_drawn_with_the_thresholds_of_their_network(tmp_path):
    net = es.Network(seed=1)
    net.add("two", es.models.LIF(v_th=[1.0, 2.0], i_ext=0.5), 2)
    net.add("adex", es.models.AdEx(), 1)
    spike = es.models.ThresholdEvent((es.models.Clamp(-30.0, 200.0, 2.0),))
    parts = (es.models.Compartment("soma"), es.models.Compartment("tip", v_th=-41.0, event=spike))
    net.add("tree", es.models.MultiCompartment(parts, (("soma", "tip", 2.0),)), 1)
    sim = es.Simulation(net)
    for name, variable in (("two", "v"), ("adex", "v"), ("adex", "w"), ("tree", "tip.v"), ("tree", "soma.v")):
        sim.record(name, variable, every=1.0)
    sim.run(5.0)
    sim.save(tmp_path / "run.h5")
    figure = plots.available(trace := es.io.load(tmp_path / "run.h5"))["trace"](trace)
    found = {}
    for ax in figure.axes:
        levels = [line.get_ydata()[0] for line in ax.lines if line.get_label() == "threshold"]
        levels += [line.get_ydata()[0] for line in ax.lines if line.get_label().startswith("_")]
        found[ax.get_title(loc="left"), ax.get_ylabel()] = sorted(levels)
    assert found == {
        ("two", "v"): [1.0, 2.0],
        ("adex", "v (mV)"): [-50.4],
        ("adex", "w (pA)"): [],
        ("tree", "tip.v (mV)"): [-41.0],
        ("tree", "soma.v (mV)"): [],  # a passive compartment
    }
    shown = declared.thresholds(trace, "two", "v", np.array([1]))
    assert shown.tolist() == [2.0]


def test_accuracies_are_shown_in_per_cent():
    ax = plots.training({"test_accuracy": np.array([0.5, 0.9])}, axes(), fraction=True, label="accuracy")
    assert ax.lines[0].get_ydata().tolist() == [50.0, 90.0]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    assert ax.get_ylabel() == "accuracy (%)"


def test_wrong_predictions_get_a_ring():
    samples, labels = yin_yang(50)
    predicted = labels.copy()
    predicted[:4] = (labels[:4] + 1) % 3
    ax = plots.yin_yang(samples, labels, predicted, axes())
    assert np.array_equal(ax.collections[-1].get_offsets(), samples[:4, :2])
    assert "wrong (4 of 50)" in [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize(
    "run",
    [
        Trace(sizes={"a": 1}, spikes={"a": Spikes(np.array([0.0]), np.array([0]))}),
        Trace(spikes={"a": Spikes(np.array([-3.0, 2.0]), np.array([0, 9]))}, duration=1.0, time_unit=""),
        Trace(samples={("a", "v"): Samples(np.array([1.0]), np.array([[np.nan]]), np.array([0]), 0.1)}),
        Trace(training={"loss": np.array([np.nan])}),
        Trace(training={"loss": np.array([-1.0]), "accuracy": np.array([120.0])}),
        Trace(parameters={"weight/a->b": np.zeros((1, 1))}),
        Trace(parameters={"weight/a->b": np.full((2, 2), np.nan)}),
        Trace(parameters={"weight/a->b": np.array([[1, 2], [3, 4]])}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_small_and_odd_runs_are_drawn_without_complaint(run, tmp_path):
    assert plots.available(run)
    for name in plots.available(run):
        plots.plot(run, name, tmp_path / f"{name}.png")


def test_axes_are_made_where_none_are_given(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    import matplotlib.pyplot as plt

    ax = plots.histogram(np.arange(10.0))
    assert ax.figure.number in plt.get_fignums()
    plt.close(ax.figure)


def test_looking_at_names_imports_nothing_heavy():
    code = (
        "import sys, eventsim.io as io; dir(io); io.config; "
        "print([n for n in ('h5py', 'matplotlib', 'pydantic', 'scipy', 'neo') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "parameters",
    [
        {"robustness/table": np.ones((3, 6))},
        {"bias/hidden": np.ones((5, 30))},
        {"weight/hidden": np.ones((5, 30))},
        {"weights": np.ones((8, 8))},
        {"gradient/angle": np.ones((9, 2))},
        {"weight/a->b": np.ones(3)},
        {"delay/a->b": np.ones((3, 2))},
        {"test_samples": np.ones((9, 4)), "test_labels": np.zeros(9, np.int64)},
        {"test_samples": np.full((9, 2), 0.9), "test_labels": np.zeros(9, np.int64)},
        {"test_samples": np.full((9, 5), 0.5), "test_labels": np.full(9, 3)},
    ],
)
def test_no_plot_offers_itself_for_data_it_is_not_true_of(parameters):
    assert list(plots.available(Trace(parameters=parameters))) == []


def test_weights_are_those_between_populations():
    parameters = {f"{prefix}weight/a->b": np.ones((2, 3)) for prefix in ("initial/", "")}
    run = Trace(parameters={**parameters, "table": np.ones((2, 2))})
    figure = plots.available(run)["weights"](run)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles == ["a → b", "a → b, initial"]


def test_all_rates_of_one_plot_have_the_same_bins():
    rng = np.random.default_rng(0)
    trains = {
        name: Spikes(np.sort(rng.uniform(0, 100, n)), np.zeros(n, np.int64))
        for name, n in (("few", 20), ("many", 3000))
    }
    run = Trace(sizes=dict.fromkeys(trains, 1), spikes=trains, duration=100.0)
    figure = plots.available(run)["rate"](run)
    edges = [ax.patches[0].get_data().edges for ax in figure.axes]
    assert len(edges) == 2
    assert np.array_equal(*edges)
    assert figure.axes[0].get_title(loc="left") == "few, bins of 0.5 ms"


@pytest.mark.parametrize(
    ("duration", "n", "width"), [(100.0, 0, 10.0), (100.0, 2000, 0.5), (1.0, 150, 0.05), (37.0, 10, 2.0)]
)
def test_default_bins_have_round_widths(duration, n, width):
    assert default_width(duration, n) == width


def test_histograms_show_every_finite_value_and_say_how_many_are_not():
    values = np.r_[np.zeros(1000), 100.0, -50.0, np.nan, np.inf]
    ax = plots.histogram(values, axes())
    assert sum(bar.get_height() for bar in ax.patches) == 1002
    low = min(bar.get_x() for bar in ax.patches)
    high = max(bar.get_x() + bar.get_width() for bar in ax.patches)
    assert (low, high) == pytest.approx((-50.0, 100.0))
    assert ax.get_xlabel() == "weight (without 2 that are not finite)"


def test_a_plot_of_a_part_says_of_how_much():
    train = Spikes(np.array([1.0]), np.array([0]))
    run = Trace(spikes={f"p{k}": train for k in range(9)}, duration=2.0)
    for name in ("raster", "rate"):
        assert plots.available(run)[name](run).get_supxlabel() == "the first 8 of 9 populations"
    few = Trace(spikes={"p": train}, duration=2.0)
    assert plots.available(few)["raster"](few).get_supxlabel() == ""


MACHADO = {  # of linear RGB, severity 1; Machado, Oliveira & Fernandes (2009)
    "all cones": np.eye(3),
    "no L cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no M cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no S cones": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def lab(colour, seen_by):
    """Return a colour in CIELAB (D65) as somebody sees it."""
    rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    rgb = seen_by @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]] @ np.clip(rgb, 0, 1)
    x, y, z = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen_by", MACHADO)
def test_everybody_can_tell_the_colours_apart(seen_by):
    seen = [lab(colour, MACHADO[seen_by]) for colour in plots.COLOURS]
    closest = min(np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k])
    assert closest > 14  # a just noticeable difference is 2.3; the palette before had 4.7


def test_lines_differ_by_mark_and_style_too():
    assert len(set(plots.MARKS)) == len(set(plots.LINES)) == len(plots.COLOURS)
    figure_axes = axes()
    plots.training({f"series_{k}": np.arange(4.0) + k for k in range(4)}, figure_axes)
    looks = {(line.get_linestyle(), line.get_marker()) for line in figure_axes.lines}
    assert len(looks) == 4


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_the_same_plot_has_the_same_bytes(full, tmp_path, ending, monkeypatch):
    for k, name in enumerate(plots.available(full)):
        first, again = tmp_path / f"{name}.{ending}", tmp_path / f"{name}-again.{ending}"
        plots.plot(full, name, first)
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(1_000_000 * k))  # another day
        plots.plot(full, name, again)
        monkeypatch.delenv("SOURCE_DATE_EPOCH")
        assert first.read_bytes() == again.read_bytes()


def test_every_plot_says_which_run_it_is_of(full):
    full.provenance = {"scenario": "delgrad", "preset": "WS", "seed": 7}
    for draw in plots.available(full).values():
        assert draw(full).get_suptitle() == "delgrad, preset WS, seed 7"


def test_weights_come_in_the_order_of_the_network_on_one_scale():
    sizes = {"label": 2, "hidden": 3, "input": 4}
    weights = {
        "weight/hidden->label": np.full((3, 2), 0.5),
        "weight/hidden->hidden": np.full((3, 3), 0.2),
        "weight/input->hidden": np.full((4, 3), -2.0),
    }
    run = Trace(sizes=sizes, parameters=weights)
    figure = plots.available(run)["weights"](run)
    matrices = [ax for ax in figure.axes if ax.images]
    titles = [ax.get_title(loc="left") for ax in matrices]
    assert titles == ["input → hidden", "hidden → hidden", "hidden → label"]
    assert {ax.images[0].norm.vmax for ax in matrices} == {2.0}


def test_rasters_show_samples_their_class_and_the_first_label_spike():
    run = Trace(
        sizes={"label": 2, "silent": 3},
        spikes={
            "label": Spikes(np.array([1.0, 2.0, 14.0]), np.array([1, 0, 0])),
            "silent": Spikes(np.empty(0), np.empty(0, np.int64)),
        },
        parameters={"recorded_labels": np.array([1, 1])},
        duration=20.0,
    )
    figure = plots.available(run)["raster"](run)
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["1", "1"]
    marks = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert marks["first spike, right"] == [[1.0, 1.0]]
    assert marks["first spike, wrong"] == [[14.0, 0.0]]
    assert figure.get_supxlabel() == "without spikes: silent"


def test_series_over_cycles_are_drawn_over_cycles_and_zeros_are_not_drawn():
    run = Trace(
        training={
            "cycle": np.array([10.0, 20.0]),
            "correlation": np.array([0.1, 0.5]),
            "bumps": np.zeros(2),
        }
    )
    (ax,) = plots.available(run)["training"](run).axes
    assert ax.lines[0].get_xdata().tolist() == [10.0, 20.0]
    assert ax.get_xlabel() == "cycle"


def test_outputs_that_do_not_spike_are_shown_by_their_membranes_with_what_decides():
    membranes = np.array([[0.0, 0.1], [0.9, 0.3], [0.0, 0.2], [0.4, 0.5]])
    run = Trace(
        sizes={"hidden": 2, "label": 2},
        spikes={
            "hidden": Spikes(np.array([1.0, 12.0]), np.array([0, 1])),
            "label": Spikes(np.empty(0), np.empty(0, np.int64)),
        },
        samples={("label", "v"): Samples(5.0 * np.arange(4), membranes, np.arange(2), 5.0)},
        parameters={"recorded_labels": np.array([0, 0])},
        duration=20.0,
    )
    figure = plots.available(run)["raster"](run)
    hidden, label = figure.axes
    assert hidden.get_title(loc="left") == "hidden; above: true class"
    assert label.get_title(loc="left") == "label: membranes, a line for each class"
    lines = [line.get_ydata().tolist() for line in label.lines if len(line.get_xdata()) == 4]
    assert lines == membranes.T.tolist()
    marks = {line.get_label(): line.get_xydata().tolist() for line in label.lines}
    assert marks["highest membrane, right"] == [[5.0, 0.9]]
    assert marks["highest membrane, wrong"] == [[15.0, 0.5]]
    assert figure.get_supxlabel() == ""


def test_learning_rates_share_one_panel_and_names_are_words():
    rates = {f"{name}learning_rate": np.full(3, 0.1) for name in ("", "qat_", "min_gru_")}
    run = Trace(training={"train_loss": np.arange(3.0), **rates})
    loss, learning_rate = plots.available(run)["training"](run).axes
    assert learning_rate.get_ylabel() == "learning rate"
    names = [text.get_text() for text in learning_rate.get_legend().get_texts()]
    assert names == ["learning rate", "QAT learning rate", "min GRU learning rate"]
    assert loss.get_legend() is None


def test_small_dots_are_larger_in_the_legend():
    ax = axes()
    ax.scatter([0.0], [0.0], s=4, label="a")
    plots.legend_beside(ax)
    assert ax.get_legend().legend_handles[0].get_sizes().tolist() == [22.0]

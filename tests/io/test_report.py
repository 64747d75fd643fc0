"""The pieces of a report's page: encoded spikes give the same spikes back, tables and figures are whole."""

import base64
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsim.io.plots.decisions import shown_samples
from eventsim.io.report import blocks, spike_blocks
from eventsim.trace import Spikes, Trace


def decoded(block):
    """Read a block number by number, as the page does: the steps of each row, and counts or None."""
    content = zlib.decompress(base64.b64decode(block.encoded))
    numbers, value, shift = [], 0, 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            numbers.append(value)
            value, shift = 0, 0
    per_row, rest = numbers[: block.rows], numbers[block.rows :]
    n = sum(per_row)
    counts = rest[n:] if block.counted else None
    assert len(rest) == n * (2 if block.counted else 1)
    rows, at = [], 0
    for size in per_row:
        rows.append(np.cumsum(rest[at : at + size]).tolist())
        at += size
    return rows, counts


trains = st.lists(
    st.tuples(st.floats(0, 100, allow_nan=False), st.integers(0, 6)), min_size=1, max_size=60
).map(sorted)


@given(trains, st.integers(8, 24))
def test_encoded_spikes_are_the_spikes_to_half_a_step(pairs, bits):
    spikes = Spikes(np.array([t for t, _ in pairs]), np.array([u for _, u in pairs]))
    block = spike_blocks.points(spikes, 7, 0.0, 100.0, bits)
    rows, _ = decoded(block)
    assert block.n == len(pairs)
    for unit, steps in enumerate(rows):
        times = [t for t, u in pairs if u == unit]
        assert block.left + block.step * np.array(steps) == pytest.approx(times, abs=0.5001 * block.step)


@given(trains, st.integers(1, 7))
def test_counts_in_cells_add_up_to_all_spikes(pairs, most_rows):
    spikes = Spikes(np.array([t for t, _ in pairs]), np.array([u for _, u in pairs]))
    block = spike_blocks.cells(spikes, 7, 0.0, 100.0, 10, most_rows)
    rows, counts = decoded(block)
    assert sum(counts) == len(pairs)
    found = [(step, row) for row, steps in enumerate(rows) for step in steps]
    wanted = {(min(int(t // 10), 9), u // block.units_per_row) for t, u in pairs}
    assert set(found) == wanted
    assert len(found) == len(wanted)


def test_a_stretch_holds_the_spikes_of_the_stretch():
    spikes = Spikes(np.array([1.0, 2.0, 50.0]), np.array([0, 1, 0]))
    block = spike_blocks.points(spikes, 2, 0.0, 10.0, 16)
    assert block.n == 2
    assert [len(row) for row in decoded(block)[0]] == [1, 1]


def test_a_million_spikes_take_what_was_foreseen():
    rng = np.random.default_rng(0)
    n = 1_000_000
    spikes = Spikes(np.sort(rng.uniform(0, 1000, n)), rng.integers(0, 1000, n))
    budget = 1_700_000
    bits = spike_blocks.best_bits(n, 1000, budget)
    size = 0.75 * len(spike_blocks.points(spikes, 1000, 0.0, 1000.0, bits).encoded)
    assert 0.7 * budget < size <= 1.05 * budget


@pytest.mark.parametrize("text", ['"><script>alert(1)</script>', "a & b", "'x'"])
def test_what_a_file_says_cannot_become_a_part_of_the_page(text):
    made = blocks.table(text, (text,), [(text, text)]) + blocks.paragraph(text) + blocks.folded(text, "")
    made += blocks.picture(b"", "png", text, text)
    assert "<script" not in made
    assert not re.search(r'="[^"]*"[^ />][^>]*alert', made)


def test_tables_have_a_caption_and_headings():
    made = blocks.table("Metrics", ("metric", "value"), [("test_accuracy", 0.5)], marked=[0])
    assert "<caption>Metrics</caption>" in made
    assert made.count('scope="col"') == 2
    assert '<tr class=marked><th scope="row">test_<wbr>accuracy</th><td class=number>0.5</td></tr>' in made


def test_shown_samples_know_the_first_label_spike():
    run = Trace(
        sizes={"label": 2},
        spikes={"label": Spikes(np.array([1.0, 2.0, 14.0]), np.array([1, 0, 0]))},
        parameters={"recorded_labels": np.array([1, 1, 0])},
        duration=30.0,
    )
    found = shown_samples(run)
    assert [(each.start, each.end, each.label, each.first, each.unit) for each in found] == [
        (0.0, 10.0, 1, 1.0, 1),
        (10.0, 20.0, 1, 14.0, 0),
        (20.0, 30.0, 0, None, None),
    ]
    assert shown_samples(Trace(duration=3.0)) == []


def test_a_series_that_stays_is_drawn_at_its_value():
    pytest.importorskip("bokeh")
    from eventsim.io.report import charts

    figure = charts.curves({"learning_rate": np.full(4, 0.003)}, "learning rate")
    assert (figure.y_range.start, figure.y_range.end) == (0.0, 0.006)

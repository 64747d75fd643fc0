"""The reference vectors: numbers that version 2.3.0 of the public package gave, each from its own run."""

from typing import Any, ClassVar

import numpy as np
import pytest

from eventsim.io import neurobench
from eventsim.io.neurobench import Cell, evaluate
from reference.neurobench_nets import A2, ANN, ANN_X, ANN_Y, IMAGE, KERNELS, SPIKES, A, Net, SpikingNet


def batches(x, y, size):
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(y), size)]


def measured(net, x, y=None, size=None, scores=()):
    x = np.asarray(x, A)
    y = np.zeros((len(x), 2), A) if y is None else np.asarray(y)
    if y.shape != net.infer(x, _Silent()).shape:
        y = np.zeros(net.infer(x, _Silent()).shape, A)
    return evaluate(net, batches(x, y, size or len(x)), scores)


class _Silent:
    def connection(self, *_):
        pass

    activation = connection


def operations(results):
    return tuple(results["SynapticOperations"].values())


def test_a1_a_map_of_real_values():
    w = np.array([[1.3, 0, -3.2], [0, 1.2, -5.1], [-1.1, 2.7, 0]], A)
    results = evaluate(
        Net(("linear", w, None)), [(np.array([[0, 1.3, -1]], A), np.zeros((1, 3), A))], ("MSE",)
    )
    assert operations(results) == (4, 0, 9)
    assert results["Footprint"] == 36
    assert results["ConnectionSparsity"] == 0.3333
    assert results["MSE"] == pytest.approx(22.305235, rel=1e-6)


@pytest.mark.parametrize(
    ("x", "size", "expected"),
    [
        ([[1, -1, 0]], 1, (0, 2, 6)),
        ([[0, 0, 0]], 1, (0, 0, 6)),
        ([[1, 1, 1]], 1, (0, 4, 6)),
        ([[1, 0.5, 0]], 1, (2, 0, 6)),
        ([[1, -1, 0], [0.5, 0, 0]], 2, (1.5, 0, 6)),
        ([[1, -1, 0], [0.5, 0, 0]], 1, (0.5, 1.0, 6)),
    ],
)
def test_a2_to_a7_ternary_inputs_accumulate_and_others_multiply(x, size, expected):
    results = measured(Net(A2), x, size=size)
    assert operations(results) == expected
    assert (results["Footprint"], results["ParameterCount"]) == (32, 8)
    assert results["ConnectionSparsity"] == 0.3333


def test_a8_a_layer_used_twice_counts_its_parameters_once_and_its_calls_all():
    w = np.ones((3, 3), A)
    net = Net(("linear", w, None), ("relu", "r"), ("linear", w, None))
    results = measured(net, np.ones((1, 3)))
    assert operations(results) == (9, 9, 18)
    assert (results["ParameterCount"], results["Footprint"]) == (9, 36)


def test_a9_without_connections_there_is_no_sparsity_of_them():
    results = measured(Net(), np.ones((1, 3)))
    assert results["ConnectionSparsity"] is None
    assert operations(results) == (0, 0, 0)
    assert results["ActivationSparsity"] == 0.0


def test_a10_counts_beyond_float32_are_exact():
    net = Net(("linear", np.ones((4097, 4097), A), None))
    assert operations(measured(net, np.full((1, 4097), 0.5))) == (16785409, 0, 16785409)
    assert pytest.approx(16785408, rel=1e-6) == 16785409  # which the package reports, from float32 sums


def test_a11_equal_names_of_layers_are_merged():
    block = (("linear", np.diag(np.array([1, -1, 1], A)), None), ("relu", "act"))
    results = measured(Net(*block, *block), [[1, 1, 0]])
    assert results["ActivationSparsity"] == pytest.approx(2 / 3, abs=1e-12)
    assert results["ActivationSparsityByLayer"] == {"act": pytest.approx(2 / 3, abs=1e-12)}
    assert operations(results) == (0, 3, 18)
    # The package finds 6 of 9 zeros in each block.
    assert results["ConnectionSparsity"] == 0.6667


def test_a12_sparsities_of_batches_are_weighted_by_their_sizes():
    net = Net(("linear", np.ones((1, 1), A), None), ("relu", "1"))
    results = measured(net, [[1], [1], [-1]], size=2)
    assert results["ActivationSparsity"] == pytest.approx(1 / 3, abs=1e-12)
    assert results["ActivationSparsityByLayer"] == {"1": pytest.approx(1 / 3, abs=1e-12)}


def test_a13_tanh_is_no_activation_unless_it_is_named():
    net = Net(("linear", np.eye(2, dtype=A), np.zeros(2, A)), ("sigmoid", "1"), ("tanh", "2"))
    results = measured(net, [[0, 1]])
    assert results["ActivationSparsity"] == 0.0
    assert results["ActivationSparsityByLayer"] == {"1": 0.0}
    assert operations(results) == (0, 1, 4)
    data = [(np.array([[0, 1]], A), np.zeros((1, 2), A))]
    named = evaluate(net, data, (), counted=("sigmoid", "tanh"))
    assert set(named["ActivationSparsityByLayer"]) == {"1", "2"}


@pytest.mark.parametrize("size", [4, 3, 1])
def test_b_a_small_network_of_rates(size):
    results = evaluate(Net(*ANN), batches(ANN_X, ANN_Y, size), ("MSE", "SMAPE", "R2"))
    assert (results["Footprint"], results["ParameterCount"], results["ConnectionSparsity"]) == (
        92,
        23,
        0.3333,
    )
    assert results["MSE"] == pytest.approx(2.4650004, rel=1e-6)
    assert results["SMAPE"] == pytest.approx(82.541862, rel=1e-6)
    assert results["R2"] == pytest.approx(0.7623220, rel=1e-6)
    assert results["ActivationSparsity"] == pytest.approx(0.5, abs=1e-12)
    assert results["ActivationSparsityByLayer"] == {"1": 0.5}
    macs, acs, dense = operations(results)
    assert (macs + acs, dense) == (6.25, 18)
    if size == 4:
        assert (macs, acs) == (6.25, 0)


@pytest.mark.parametrize(("reset", "updates", "ops"), [("subtract", 27.5, 110), ("zero", 27.0, 108)])
@pytest.mark.parametrize("size", [1, 2])
def test_c_a_small_network_of_spikes(reset, updates, ops, size):
    results = evaluate(SpikingNet(reset), batches(SPIKES, np.array([0, 1]), size), n_classes=2)
    assert (results["Footprint"], results["ParameterCount"], results["ConnectionSparsity"]) == (120, 20, 0.3)
    assert results["ClassificationAccuracy"] == 0.5
    assert results["ActivationSparsity"] == pytest.approx(0.8166667, abs=1e-7)
    assert list(results["ActivationSparsityByLayer"].values()) == [0.775, 0.9]
    assert operations(results) == (0, 25.5, 100)
    assert results["MembraneUpdates"] == updates
    assert results["NeuronOperations"] == {"Effective Neuron Ops": ops, "Neuron Dense Ops": 120}


def test_d_convolutions_and_normalisation():
    conv = ("conv", KERNELS, np.array([0.5, 0], A))
    results = measured(Net(conv), IMAGE)
    assert operations(results) == (25, 0, 200)
    assert (results["Footprint"], results["ParameterCount"]) == (80, 20)
    assert results["ConnectionSparsity"] == 0.2778
    assert operations(measured(Net(conv), IMAGE != 0)) == (0, 25, 200)
    results = measured(Net(conv, ("norm", 2), ("relu", "2")), IMAGE)
    assert operations(results) == (25, 0, 200)
    assert (results["Footprint"], results["ParameterCount"]) == (120, 24)
    assert results["ActivationSparsity"] == 0.28125
    linear = ("linear", np.ones((2, 3)), np.ones(2))
    results = measured(Net(linear, ("norm", 2), dtype=np.float64), np.ones((1, 3)))
    assert (results["Footprint"], results["ParameterCount"]) == (136, 12)


def filled(*shape):
    return (np.arange(np.prod(shape)) % 3).reshape(shape).astype(A) * A(0.1)


def cell(kind, bias=True):
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    biases = [filled(3 * gates), filled(3 * gates)] if bias else []
    return Cell(kind, filled(3 * gates, 2), filled(3 * gates, 3), *biases)


X, H, C = np.array([[1, 0.5]]), np.array([[0.5, 0, 0]]), np.array([[0.1, 0.1, 0.1]])


@pytest.mark.parametrize(
    ("kind", "bias", "state", "expected"),
    [
        ("rnn", True, (H,), (4, 15)),
        ("rnn", False, (H,), (4, 15)),
        ("rnn", True, (), (4, 6)),
        ("lstm", True, (H, C), (25, 45)),
        ("lstm", False, (H, C), (25, 45)),
        ("gru", True, (H,), (17, 54)),
        ("lstm", False, (), (22, 30)),
    ],
)
def test_r1_to_r5_recurrent_cells_in_the_compatible_mode(kind, bias, state, expected):
    assert cell(kind, bias).operations(X, *state, compatible=True) == expected


def test_r_the_plain_rules_where_the_package_deviates():
    assert cell("gru").operations(X, H) == (18, 54)
    assert cell("lstm").operations(X, H, C) == (25, 4 * 3 * 5 + 9)
    assert cell("rnn").operations(np.repeat(X, 4, axis=0)) == (16, 60)
    # R2b: without a state the package counts the first sample only.
    assert cell("rnn").operations(np.repeat(X, 4, axis=0), compatible=True) == (4, 6)


def test_r6_what_the_package_fails_at_is_refused_in_the_compatible_mode():
    for kind in ("gru", "lstm"):
        with pytest.raises(ValueError, match=f"fails for a {kind} cell without a state"):
            cell(kind).operations(X, compatible=True)


@pytest.mark.parametrize(
    ("kind", "bias", "footprint"),
    [("rnn", 1, 84), ("rnn", 0, 60), ("gru", 1, 252), ("gru", 0, 180), ("lstm", 1, 336), ("lstm", 0, 240)],
)
def test_r_footprints_and_sparsities(kind, bias, footprint):
    own = cell(kind, bool(bias))
    assert own.n_weights * 4 == footprint
    assert own.n_zero * 3 == own.n_weights


class Fixed:
    """Predicts what it is given."""

    parameters: ClassVar[dict[str, Any]] = {}
    buffers = connections = parameters

    def infer(self, samples, workload):
        return np.asarray(samples)


def scored(predictions, targets, size, *scores):
    p, y = np.asarray(predictions, A), np.asarray(targets, A)
    with np.errstate(all="ignore"):
        return tuple(evaluate(Fixed(), batches(p, y, size), scores)[name] for name in scores)


def test_s_scores_at_their_edges():
    assert scored([1, 2], [2, 2], 2, "SMAPE", "MSE") == (pytest.approx(33.333336, rel=1e-6), 0.5)
    assert scored([1, 0], [2, 0], 2, "SMAPE") == (200,)
    assert scored([1, 0], [2, 0], 1, "SMAPE") == (pytest.approx(133.33334, rel=1e-6),)
    smape, mse = scored([1, np.nan], [2, 1], 2, "SMAPE", "MSE")
    assert smape == 200
    assert np.isnan(mse)
    smape, mse = scored([1, np.inf], [2, 1], 1, "SMAPE", "MSE")
    assert smape == pytest.approx(133.33334, rel=1e-6)
    assert mse == np.inf
    assert scored([1, -1], [-1, 1], 2, "SMAPE", "MSE") == (200, 4)
    p = [(1, 2), (2, 1), (3, 5), (4, 3)]
    y = [(1.5, 2), (2, 2), (2.5, 4), (4.5, 3)]
    for size in (1, 2, 4):
        assert scored(p, y, size, "R2") == (pytest.approx(0.56407446, rel=1e-6),)


def test_s8_scores_read_the_targets_of_the_loader():
    x = np.array([1, 2], A)
    results = evaluate(Fixed(), [(2 * x, x)], ("MSE",))
    assert results["MSE"] == 2.5


def test_s9_predictions_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"must have the shape of the targets, \(2,\), got \(2, 1\)"):
        evaluate(Fixed(), [(np.ones((2, 1)), np.ones(2))], ("MSE",))


def test_results_are_written_in_the_form_of_the_package(tmp_path):
    import json

    results = evaluate(SpikingNet("subtract"), [(SPIKES, np.array([0, 1]))])
    path = results.save(tmp_path / "deep" / "results")
    written = json.loads(path.read_text())
    assert path.name == "results.json"
    assert list(written)[:3] == ["Footprint", "ConnectionSparsity", "ParameterCount"]
    assert written["SynapticOperations"] == {"Effective_MACs": 0.0, "Effective_ACs": 25.5, "Dense": 100.0}
    assert set(written) - set(results) == {"eventsim"}
    assert path.read_text().startswith('{\n    "Footprint": 120,')
    header, values = results.save(tmp_path / "results", "csv").read_text().splitlines()
    assert header.startswith("Footprint,ConnectionSparsity")
    assert values.startswith("120,0.3,20,0.5")
    assert results.save(tmp_path / "results", "txt").read_text().startswith("Footprint: 120\n")
    with pytest.raises(ValueError, match="must be json, csv or txt, got 'xml'"):
        results.save(tmp_path / "results", "xml")


def test_models_stand_in_one_table():
    rows = {"ours": evaluate(SpikingNet("zero"), [(SPIKES, np.array([0, 1]))]), "theirs": {"Footprint": 7}}
    text = neurobench.table(rows)
    assert text.splitlines()[0].split()[:3] == ["model", "Footprint", "ConnectionSparsity"]
    assert text.splitlines()[2].split() == ["theirs", "7"] + ["-"] * 10

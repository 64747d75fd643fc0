"""The scenario `neurobench`: series, protocol, counts of the baselines, graphs and their solvers."""

import itertools

import numpy as np
import pytest

from eventsim import io
from eventsim.io import datasets
from eventsim.models.layers import ReLU
from eventsim.models.training.batches import seeded
from eventsim.scenarios import running
from eventsim.scenarios.neurobench import solvers
from eventsim.scenarios.neurobench.echo_state import EchoState
from eventsim.scenarios.neurobench.few_shot import with_prototypes
from eventsim.scenarios.neurobench.graphs import BEST_KNOWN, gap, random_graph
from eventsim.scenarios.neurobench.layers import LayerForecaster
from eventsim.scenarios.neurobench.protocol import HALF, Constant, Split, score
from eventsim.scenarios.neurobench.settings import Settings
from eventsim.scenarios.running import Request

# From an independent integration by the method of steps (DOP853, rtol 1e-12).
FIRST = {
    17: (1.266777730, 1.303400783, 1.282304538, 1.177091371),
    18: (1.327756837, 1.343728796, 1.324717393, 1.256944270),
    19: (1.340391472, 1.315773915, 1.090076776, 0.825476265),
    20: (1.227609987, 1.219584707, 1.181601717, 1.121777350),
    21: (1.165154102, 1.147015009, 1.089489876, 1.011192528),
    22: (1.028475696, 1.049074286, 1.085952385, 1.130738022),
    23: (1.350862883, 1.348124504, 1.319111339, 1.264193297),
    24: (0.622353003, 0.630943513, 0.647475349, 0.669889649),
    25: (1.387302080, 1.387642751, 1.367607343, 1.322806332),
    26: (0.987823229, 0.988252065, 0.989675456, 0.991826531),
    27: (1.238776835, 1.254513135, 1.279467557, 1.298917648),
    28: (0.655499786, 0.671263278, 0.721666177, 0.793844364),
    29: (1.247775813, 1.235422713, 1.194726483, 1.133542181),
    30: (0.529216270, 0.539746956, 0.562631957, 0.593386994),
}


class Small(Settings):
    """Settings of small networks."""

    def run(self, run):
        """Do nothing."""


@pytest.mark.parametrize("tau", FIRST)
def test_the_series_agree_with_an_independent_integration(tau):
    assert datasets.mackey_glass_series(tau, 4) == pytest.approx(FIRST[tau], abs=1e-8)


def test_points_by_plain_time_agree_too():
    found = datasets.mackey_glass_at(17.0, 0.7206597, np.array([1, 5, 10, 20, 34, 100, 200, 300.0]))
    expected = (
        0.7842458424,
        0.9835697323,
        1.1430327276,
        1.3057531362,
        0.6782788171,
        0.6083592762,
        0.7845028293,
        0.643947712,
    )
    assert found == pytest.approx(expected, abs=1e-9)
    with pytest.raises(ValueError, match="series for tau from 17 to 30, got 31"):
        datasets.mackey_glass_series(31)


@pytest.mark.parametrize(
    ("tau", "mean", "last"), [(17, 21.689, 40.022), (20, 23.775, 29.219), (26, 26.143, 71.254)]
)
def test_constants_score_as_the_reference_says(tau, mean, last):
    split = Split.of(datasets.mackey_glass_series(tau), 0)
    for which, expected in (("mean", mean), ("last", last)):
        model = Constant(which)
        model.fit(split)
        assert score(model, split)["SMAPE"] == pytest.approx(expected, abs=0.1 if tau == 26 else 0.02)


def test_repetitions_are_half_a_lyapunov_time_apart():
    series = np.arange(2600.0)
    assert Split.of(series, 1).inputs[0] == 37
    assert Split.of(series, 29).targets[-1] == 1087 + 1500
    with pytest.raises(ValueError, match="repetition 29 needs 2588 points, the series has 2000"):
        Split.of(series[:2000], 29)


def test_operations_of_the_echo_state_network_are_exact():
    model = EchoState(17, np.random.default_rng(1), units=60)
    split = Split.of(datasets.mackey_glass_series(17), 0)
    model.fit(split)
    operations = score(model, split)["SynapticOperations"]
    assert operations["Dense"] == 60**2 + 2 * 60 + 62
    present = np.count_nonzero(model.parameters["reservoir"])
    assert operations["Effective_MACs"] == present + 2 * 60 + 62
    # One step ahead, driven by the series, the fit is close: the check that single free runs cannot give.
    errors = [
        float(model._advanced(x) @ model.parameters["output"][:, 0]) - y
        for x, y in zip(split.inputs[HALF:][200:300], split.targets[HALF:][200:300], strict=True)
    ]
    assert np.abs(errors[50:]).max() < 0.02


@pytest.mark.parametrize("kind", ["lif", "s4d", "mgrade"])
def test_networks_report_the_test_half_alone(kind):
    model = LayerForecaster(Small(n_units=6, spiking_units=6, spiking_epochs=3, epochs=2), kind, seeded(1))
    split = Split.of(datasets.mackey_glass_series(17), 0)
    model.fit(split)
    results = score(model, split)
    n = 6
    dense = {"lif": n + n * n + n, "s4d": n + 2 * n * n + n, "mgrade": n + 2 * n * n + 4 * n * n + n + 32 * n}
    assert results["SynapticOperations"]["Dense"] == dense[kind]
    if kind == "lif":
        assert 0 < results["MembraneUpdates"] <= 2 * n


# ------------------------------------------------------------------------------------ QUBO


def largest_independent_set(graph):
    """Return the size of the largest independent set, by branching on a node of largest degree."""
    neighbours = [set(each.tolist()) for each in graph.neighbours]

    def best(left):
        if not left:
            return 0
        node = max(left, key=lambda u: len(neighbours[u] & left))
        if not neighbours[node] & left:
            return len(left)
        return max(1 + best(left - neighbours[node] - {node}), best(left - {node}))

    return best(frozenset(range(graph.n)))


def looks():
    """Return a clock that goes on by 1 whenever somebody looks at it."""
    counter = itertools.count()
    return lambda: float(next(counter))


SMALL = [(n, d, seed) for n in (10, 25) for d in (0.01, 0.05, 0.1, 0.25) for seed in range(5)]


def test_small_graphs_have_the_best_known_costs_by_an_exact_solver():
    for n, density, seed in SMALL:
        assert largest_independent_set(random_graph(n, density, seed)) == BEST_KNOWN[n][density][seed]


@pytest.mark.parametrize("solver", ["spiking", "annealing"])
def test_solvers_find_the_best_sets_of_small_graphs(solver):
    for n, density, seed in SMALL:
        graph = random_graph(n, density, seed)
        found = getattr(solvers, solver)(graph, 200.0, 0, looks())
        assert graph.cost(found.nodes) == found.cost == -BEST_KNOWN[n][density][seed]


def test_graphs_have_the_edges_of_the_workload():
    for n, density in ((10, 0.05), (250, 0.05), (500, 0.01)):
        graph = random_graph(n, density, 3)
        assert len(np.unique(graph.edges, axis=0)) == len(graph.edges) == int(0.5 * density * n**2)
    assert len(random_graph(4, 1.0, 0).edges) == 6
    assert gap(-20.0, -22.0) == pytest.approx(2 / 22)
    assert gap(-23.0, -22.0) < 0
    graph = random_graph(10, 0.25, 0)
    q = -np.eye(10)
    for u, v in graph.edges:
        q[u, v] = q[v, u] = 4.0
    x = np.random.default_rng(0).random(10) < 0.5
    assert graph.cost(x) == x @ q @ x


def test_a_graph_without_a_best_cost_is_refused(tmp_path):
    request = Request(
        name="neurobench",
        values={"task": "qubo", "sizes": (12,)},
        output=tmp_path / "run.h5",
        quiet=True,
        threads=1,
    )
    with pytest.raises(running.RunFailed, match="no best cost is known of 12 nodes at density"):
        running.execute(request)


def test_a_run_of_both_tasks(tmp_path):
    values = {"repetitions": 1, "network_repetitions": 1, "models": ("esn",), "reservoir": 30}
    outcome = running.execute(
        Request(name="neurobench", values=values, output=tmp_path / "mg.h5", quiet=True, threads=1)
    )
    assert outcome.run.metrics["smape_train_mean_17"] == pytest.approx(21.689, abs=0.02)
    values = {"task": "qubo", "sizes": (10,), "densities": (0.05,), "instances": 2, "time_limit": 0.3}
    outcome = running.execute(
        Request(name="neurobench", values=values, output=tmp_path / "q.h5", quiet=True, threads=1)
    )
    assert outcome.run.metrics["gap_annealing"] == 0


# ------------------------------------------------------------------------------------ few-shot


def test_a_map_of_prototypes_chooses_the_nearest():
    rng = np.random.default_rng(3)
    prototypes, samples = rng.normal(size=(4, 6)), rng.normal(size=(20, 6))
    body = ReLU()
    body.build(6, rng, np.float32)
    outputs = with_prototypes([body], prototypes).forward(samples.astype(np.float32)[None])[0]
    distance = ((np.maximum(samples, 0)[:, None] - prototypes) ** 2).sum(axis=2)
    assert outputs.argmax(axis=1).tolist() == distance.argmin(axis=1).tolist()


def test_new_words_are_learned_without_data_files_and_the_file_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    values = {"task": "few-shot", "network_repetitions": 1, "hidden": (16,), "base_epochs": 2, "new_words": 2}
    outcome = running.execute(
        Request(name="neurobench", values=values, output=tmp_path / "f.h5", quiet=True, threads=1)
    )
    found = io.load(tmp_path / "f.h5", recordings=False)
    accuracy = found.parameters["few-shot/accuracy"]
    assert accuracy.shape == (1, 3)
    assert accuracy[0, 0] > 0.4  # chance is 0.2
    assert found.provenance["dataset"] == "sweeps"
    assert "replacement_data" in found.provenance
    assert outcome.run.metrics["Dense"] == 35 * (70 * 16 + 16 * 7)  # 700 ms in steps of 20 ms
    assert outcome.run.metrics["Effective_MACs"] == 0


def test_more_words_than_digits_are_refused(tmp_path):
    request = Request(
        name="neurobench",
        values={"task": "few-shot", "base_words": 6, "new_words": 5},
        output=tmp_path / "run.h5",
        quiet=True,
        threads=1,
    )
    with pytest.raises(running.RunFailed, match="at most 10 together, the digits; got 6 and 5"):
        running.execute(request)

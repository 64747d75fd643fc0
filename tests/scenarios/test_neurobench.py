"""The scenario `neurobench`: series, protocol, counts of the baselines, graphs and their solvers."""

import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.io import wavfile

from eventsim import io
from eventsim.io import datasets
from eventsim.io.neurobench import Workload
from eventsim.models.layers import ReLU
from eventsim.models.training.batches import Batches, seeded
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios import running
from eventsim.scenarios.neurobench import few_shot, reaching, solvers
from eventsim.scenarios.neurobench.echo_state import EchoState
from eventsim.scenarios.neurobench.few_shot import with_prototypes
from eventsim.scenarios.neurobench.graphs import BEST_KNOWN, gap, random_graph
from eventsim.scenarios.neurobench.layers import LayerForecaster, RefiningLearner, SeriesLearner
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
    model = LayerForecaster(
        Small(n_units=6, spiking_units=6, spiking_epochs=3, epochs=2, refining_steps=2), kind, seeded(1)
    )
    split = Split.of(datasets.mackey_glass_series(17), 0)
    model.fit(split)
    results = score(model, split)
    n = 6
    dense = {"lif": n + n * n + n, "s4d": n + 2 * n * n + n, "mgrade": n + 2 * n * n + 4 * n * n + n + 32 * n}
    assert results["SynapticOperations"]["Dense"] == dense[kind]
    if kind == "lif":
        assert 0 < results["MembraneUpdates"] <= 2 * n


@pytest.mark.parametrize("kind", ["s4d", "mgrade"])
def test_gradients_of_the_error_of_a_step_agree_with_differences(kind):
    model = LayerForecaster(Small(n_units=4, input_noise=0.1), kind, seeded(2)).model
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 60))
    learner = RefiningLearner(model, x, y, seeded(3), 0.1)

    def measured():
        return learner.measured(seeded(3)("refining"))  # the same noise each time

    loss, gradients = measured()
    gradients = {name: each.copy() for name, each in gradients.items()}
    heard = x + 0.1 * seeded(3)("refining").normal(size=60)
    errors = heard + model.forward(heard[:, None, None])[:, 0, 0] - y
    assert loss == pytest.approx((errors[45:] ** 2).mean(), rel=1e-12)
    for name, array in model.parameters.items():
        flat, slopes = array.reshape(-1), gradients[name].reshape(-1)
        place = int(np.abs(slopes).argmax())
        kept, h = flat[place], 1e-6 * max(1.0, abs(flat[place]))
        flat[place] = kept + h
        above = measured()[0]
        flat[place] = kept - h
        below = measured()[0]
        flat[place] = kept
        assert slopes[place] == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-9), name


def test_refining_gets_where_passes_of_adam_do_not():
    rng = np.random.default_rng(4)
    series = np.sin(0.3 * np.arange(200)) + np.sin(0.23 * np.arange(200) + rng.uniform(0, 6))
    losses = {}
    for steps in (0, 60):
        forecaster = LayerForecaster(Small(n_units=6), "mgrade", seeded(5))
        adam = SeriesLearner(forecaster.model, series[:-1], series[1:], seeded(5), 0.001, 0.005)
        Trainer(adam, Batches(1, 1), epochs=120 - 2 * steps).run()
        refining = RefiningLearner(forecaster.model, series[:-1], series[1:], seeded(5), 0.001)
        trainer = Trainer(refining, Batches(1, 1), epochs=steps).run()
        assert (np.diff(trainer.history.get("train_loss", [0.0])) <= 0).all()
        losses[steps] = refining.measured(seeded(5)("refining"))[0]
    assert losses[60] < 0.1 * losses[0]


def test_repetitions_are_those_of_the_public_package(tmp_path, monkeypatch):
    pytest.importorskip("neurobench")
    pytest.importorskip("torch")
    # Its module imports the solver of delay equations, which it does not use when it reads a file.
    solver = SimpleNamespace(y=lambda *_: 1.0, t=0.0, jitcdde_lyap=None)
    monkeypatch.setitem(sys.modules, "jitcdde", solver)
    package = pytest.importorskip("neurobench.datasets.mackey_glass")
    series = datasets.mackey_glass_series(17)
    np.save(tmp_path / "mg_17.npy", series)
    for repetition in (0, 1, 29):
        theirs = package.MackeyGlass(
            str(tmp_path / "mg_17.npy"),
            start_offset=repetition * 0.5 * 75,
            seed_id=repetition,
            download=False,
        )
        ours = Split.of(series, repetition)
        places = [*theirs.ind_train.tolist(), *theirs.ind_test.tolist()]
        pairs = [(sample.item(), target.item()) for sample, target in (theirs[k] for k in places)]
        assert ours.inputs.tolist() == [sample for sample, _ in pairs]
        assert ours.targets.tolist() == [target for _, target in pairs]
        assert len(theirs.ind_train) == HALF


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


def test_official_words_are_learned_base_first_and_then_by_language(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    monkeypatch.setattr(few_shot, "SESSIONS", ("fa", "eo"))

    def record(language, name, pitch):
        path = tmp_path / "MSWC" / language / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        t = np.arange(24_000) / 48_000
        sound = 8000 * np.sin(2 * np.pi * pitch * rng.uniform(0.97, 1.03) * t) + rng.normal(0, 200, len(t))
        wavfile.write(path, 48_000, sound.astype(np.int16))
        return name

    base = {"one": 300, "two": 700, "three": 1500}
    for split, n in (("train", 12), ("test", 4)):
        lines = [
            f"{record('en', f'{split}-{w}-{k}.wav', p)},{w},en" for w, p in base.items() for k in range(n)
        ]
        (tmp_path / "MSWC" / f"base_{split}.csv").write_text("\n".join(lines))
    for language, new in (("fa", {"one": 2300, "four": 3000}), ("eo", {"five": 450, "six": 1050})):
        lines = [
            f"{record(language, f'{w}-{k}.wav', p)},{w},{language}" for w, p in new.items() for k in range(8)
        ]
        (tmp_path / "MSWC" / language / "evaluation.csv").write_text("\n".join(lines))
    values = {"task": "few-shot", "words": "mswc", "network_repetitions": 1, "hidden": (32,), "shots": 3}
    running.execute(
        Request(
            name="neurobench",
            values=values | {"base_epochs": 10},
            output=tmp_path / "w.h5",
            quiet=True,
            threads=1,
            data=str(tmp_path),
        )
    )
    found = io.load(tmp_path / "w.h5", recordings=False)
    accuracy, order = found.parameters["few-shot/accuracy"][0], found.parameters["few-shot/order"][0]
    assert found.provenance["dataset"] == "mswc"
    assert accuracy.shape == (3,)
    assert accuracy.min() > 0.7
    assert order[:3].tolist() == [0, 1, 2]
    assert sorted(map(sorted, (order[3:5].tolist(), order[5:].tolist()))) == [[3, 4], [5, 6]]


# ------------------------------------------------------------------------------------ primate reaching


def test_parts_of_a_session_keep_the_order_of_reaches():
    train, validation, test = reaching.parts(np.array([0, 10, 30, 45, 60, 80, 90, 95]), 120)
    assert (train, validation, test) == (slice(0, 60), slice(60, 90), slice(90, 120))
    with pytest.raises(ValueError, match="at least four reaches"):
        reaching.parts(np.array([0, 3, 5]), 10)


def test_the_linear_decoder_is_ridge_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(6)
    x, y = rng.poisson(2.0, (300, 5)).astype(float), rng.normal(size=(300, 2))
    found = reaching.LinearMap(x, y, 7.0)
    expected = linear_model.Ridge(alpha=7.0).fit(x, y)
    workload = Workload(found.connections)
    assert found.infer(x, workload) == pytest.approx(expected.predict(x), abs=1e-10)
    assert workload.macs + workload.acs == 2 * np.count_nonzero(x)


def test_velocities_are_decoded_without_data_files_and_the_file_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    values = {"task": "primate-reaching", "sessions": ("indy_20160622_01",), "reaching_epochs": 25}
    outcome = running.execute(
        Request(name="neurobench", values=values, output=tmp_path / "r.h5", quiet=True, threads=1)
    )
    found = io.load(tmp_path / "r.h5", recordings=False)
    assert "generated sessions" in found.provenance["replacement_data"]
    assert outcome.run.metrics["r2_linear"] > 0.3
    assert outcome.run.metrics["r2_spiking"] > 0.55
    velocity, decoded = found.parameters["reaching/velocity"], found.parameters["reaching/decoded"]
    r2 = 1 - ((velocity - decoded) ** 2).sum(axis=0) / ((velocity - velocity.mean(axis=0)) ** 2).sum(axis=0)
    assert outcome.run.metrics["r2_spiking"] == pytest.approx(r2.mean(), abs=1e-12)
    assert outcome.run.metrics["Dense"] == 48 * 64 + 64 * 2

"""The same model in the public package: identical numbers, its deviations in the compatible mode only."""

import json

import numpy as np
import pytest

package = pytest.importorskip("neurobench")
pytest.importorskip("snntorch")
torch = pytest.importorskip("torch")

from eventsim.errors import ConfigError  # noqa: E402
from eventsim.io.neurobench import Cell, evaluate, table  # noqa: E402
from eventsim.models import layers  # noqa: E402
from eventsim.models.neurobench import EventDrivenModel, SequenceModel  # noqa: E402
from eventsim.neurobench import WrappedModel, benchmark  # noqa: E402
from reference.neurobench_nets import ANN, ANN_X, ANN_Y, IMAGE, KERNELS, SPIKES, A, Net, SpikingNet  # noqa: E402

torch.set_num_threads(1)


def classes(y, lengths=None):
    return y.sum(axis=0).argmax(axis=1)


def batches(x, y, size):
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(y), size)]


def assert_identical(ours, theirs):
    """Integers are equal; ratios to 1e-12; scores, which the package computes in float32, to 1e-6."""
    for key, value in theirs.items():
        if key in ("Footprint", "ParameterCount", "ConnectionSparsity"):
            assert ours[key] == value, key
        else:
            tolerance = 1e-6 if key in ("ClassificationAccuracy", "MSE", "SMAPE", "R2") else 1e-12
            assert ours[key] == pytest.approx(value, rel=tolerance), key


def sequence_model(rng, dtype):
    n = rng.integers(2, 8, 4)
    parts = [
        layers.Linear(n[0], bias=bool(rng.integers(2))),
        layers.LIF(tau=4.0, threshold=0.3),
        layers.TemporalConv(n[1], 3, dilation=int(rng.integers(1, 3))),
        layers.Residual([layers.DelayConv(2, 5)]),
        layers.MinGRU(n[2]),
        layers.Linear(n[3]),
        layers.LIF(tau=8.0, threshold=0.1),
        layers.Linear(3, bias=False),
    ]
    model = layers.Sequential(parts)
    model.build(4, rng, dtype)
    for name, array in model.parameters.items():
        if name.startswith("weight"):
            array[rng.random(array.shape) < rng.uniform(0, 0.6)] = 0
    return model


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [1, 3])
def test_random_models_of_layers(seed, size):
    rng = np.random.default_rng(seed)
    dtype = (np.float32, np.float64)[seed % 2]
    model = SequenceModel(sequence_model(rng, dtype), classes)
    x = rng.integers(0, 2, (3, 7, 4)) if seed % 3 else rng.normal(size=(3, 7, 4))
    x, y = np.asarray(x, dtype), rng.integers(0, 3, 3)
    theirs = benchmark(model, x, y, batch_size=size, spiking=True)
    assert_identical(evaluate(model, batches(x, y, size), n_classes=3), theirs)
    assert theirs.ours["Package"] == f"neurobench {package.__version__}"


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("size", [1, 2])
def test_spiking_nets(reset, size):
    y = np.array([0, 1])
    theirs = benchmark(SpikingNet(reset), SPIKES, y, batch_size=size, spiking=True)
    assert_identical(evaluate(SpikingNet(reset), batches(SPIKES, y, size)), theirs)
    assert theirs["MembraneUpdates"] == {"subtract": 27.5, "zero": 27.0}[reset]


@pytest.mark.parametrize("size", [4, 3, 1])
def test_nets_of_rates(size):
    theirs = benchmark(Net(*ANN), ANN_X, ANN_Y, ("MSE", "SMAPE", "R2"), batch_size=size)
    assert_identical(evaluate(Net(*ANN), batches(ANN_X, ANN_Y, size), ("MSE", "SMAPE", "R2")), theirs)


def test_images():
    net = Net(("conv", KERNELS, np.array([0.5, 0], A)), ("norm", 2), ("relu", "2"))
    y = np.zeros((1, 2, 4, 4), A)
    assert_identical(evaluate(net, [(IMAGE, y)], ("MSE",)), benchmark(net, IMAGE, y, ("MSE",)))


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("seed", range(8))
def test_cells_in_the_compatible_mode_count_as_the_package_does(kind, seed):
    from neurobench.metrics.utils.layers import single_layer_MACs

    rng = np.random.default_rng(seed)
    n_in, n, samples = (int(k) for k in rng.integers(1, 6, 3))
    cell = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[kind](n_in, n)
    arrays = [getattr(cell, name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    with torch.no_grad():
        for array in arrays:
            array[torch.from_numpy(rng.random(tuple(array.shape)) < 0.4)] = 0
    values = [each.detach().numpy() for each in arrays]
    x, h, c = (
        (rng.normal(size=(samples, k)) * (rng.random((samples, k)) < 0.6)).astype(A) for k in (n_in, n, n)
    )
    state = (torch.from_numpy(h), torch.from_numpy(c)) if kind == "lstm" else torch.from_numpy(h)
    with torch.no_grad():
        theirs = [
            single_layer_MACs((torch.from_numpy(x), state), cell, total=total)[0] for total in (False, True)
        ]
    found = Cell(kind, *values).operations(x, h, *((c,) if kind == "lstm" else ()), compatible=True)
    assert found == tuple(theirs)


def test_a_torch_model_of_a_user_stands_beside_ours_in_one_table(tmp_path):
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import Footprint
    from neurobench.metrics.workload import MSE, SynapticOperations
    from neurobench.models import TorchModel
    from torch.utils.data import DataLoader, TensorDataset

    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    with torch.no_grad():
        for module, (_, weight, bias) in zip((net[0], net[2]), (ANN[0], ANN[2]), strict=True):
            module.weight[:], module.bias[:] = torch.from_numpy(weight), torch.from_numpy(bias)
    loader = DataLoader(TensorDataset(torch.from_numpy(ANN_X), torch.from_numpy(ANN_Y)), batch_size=4)
    run = Benchmark(TorchModel(net), loader, [], [], [[Footprint], [MSE, SynapticOperations]])
    with torch.no_grad():
        theirs = run.run(quiet=True)
    ours = evaluate(Net(*ANN), [(ANN_X, ANN_Y)], ("MSE",))
    for key in ("Footprint", "SynapticOperations"):
        assert ours[key] == theirs[key]
    lines = table(
        {"ours": ours, "torch": theirs}, ["Footprint", "SynapticOperations.Effective_MACs"]
    ).splitlines()
    assert lines[1].split()[1:] == lines[2].split()[1:] == ["92", "6.25"]
    # The files are alike: the same keys in the same nesting, ours under one key more.
    run.save_benchmark_results(str(tmp_path / "theirs"))
    written = json.loads((tmp_path / "theirs.json").read_text())
    mine = json.loads(ours.save(tmp_path / "ours").read_text())
    assert set(written) <= set(mine)
    assert written["SynapticOperations"] == mine["SynapticOperations"]


def test_what_the_package_cannot_hook_is_refused():
    import eventsim as es

    net = es.Network()
    net.add("input", es.models.SpikeSource(), 1)
    net.add("cell", es.models.LIF(), 1)
    net.connect("input", "cell", weight=1.0)
    with pytest.raises(TypeError, match="'input->cell' is a projection of events, which has no calls"):
        WrappedModel(EventDrivenModel(net, 1.0, lambda sim: 0), np.zeros((1, 1)))


def test_a_failure_of_the_package_is_no_result():
    class Broken(Net):
        def infer(self, x, workload):
            if len(x) > 1:
                workload.connection = None
            return super().infer(x, workload)

    with pytest.raises((ConfigError, TypeError)):
        benchmark(Broken(*ANN), ANN_X, ANN_Y, ("MSE",))

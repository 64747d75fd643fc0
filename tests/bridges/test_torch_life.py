"""EventLayer in the life of a program: empty batches, copies, forked workers."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import eventsim as es

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402  (only with torch)

from eventsim.torch import EventLayer  # noqa: E402


def network(loop=False):
    net = es.Network(seed=2)
    net.add("in", es.models.SpikeSource(), 3)
    net.add("hidden", es.models.LIF(first_spike_only=not loop), 5)
    net.add("out", es.models.LIF(first_spike_only=not loop), 2)
    net.connect("in", "hidden", weight=es.connect.uniform(1.5, 3.0), delay=0.2)
    net.connect("hidden", "out", weight=es.connect.uniform(0.5, 2.0), delay=0.3)
    if loop:
        net.connect("out", "hidden", weight=-0.5, delay=1.0)
    return net


# Empty batches, as the last of a filtered data set is.


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("form", [(0, 3), (0, 3, 4), "listed", "mapping"])
@pytest.mark.parametrize(("n_spikes", "shape"), [(None, (0, 2)), (3, (0, 2, 3)), ("all", (0, 2, 0))])
def test_an_empty_batch_has_an_empty_result_of_the_right_shape(loop, form, n_spikes, shape):
    layer = EventLayer(network(loop), until=20.0, n_spikes=n_spikes)
    times = {"listed": [], "mapping": {"in": torch.empty(0, 3)}}.get(form) if isinstance(form, str) else None
    found = layer(torch.empty(form) if times is None else times)
    assert found.shape == shape
    whole = layer(torch.rand(4, 3))
    assert found.ndim == whole.ndim
    assert torch.cat([whole[..., :0] if n_spikes == "all" else whole, found]).shape[0] == 4


def test_derivatives_of_an_empty_batch_are_zero_as_of_a_layer_of_torch():
    layer = EventLayer(network(), until=20.0)
    times = torch.empty(0, 3, dtype=torch.float32, requires_grad=True)
    found = layer(times)
    assert found.dtype == torch.float32
    found.sum().backward()
    assert times.grad.shape == (0, 3)
    assert all((parameter.grad == 0).all() for parameter in layer.parameters())


def test_several_outputs_and_maxima_of_an_empty_batch():
    net = network()
    net.add("readout", es.models.LIF(v_th=np.inf), 4)
    net.connect("hidden", "readout", weight=0.3, delay=0.1)
    layer = EventLayer(net, ["hidden", "readout"], until=20.0, n_spikes=2)
    found = layer(torch.empty(0, 3))
    assert {name: tuple(each.shape) for name, each in found.items()} == {
        "hidden": (0, 5, 2),
        "readout": (0, 4),
    }


def test_one_empty_source_beside_a_full_one_is_refused():
    net = network()
    net.add("more", es.models.SpikeSource(), 1)
    net.connect("more", "hidden", weight=1.0)
    layer = EventLayer(net, "out", until=20.0)
    with pytest.raises(ValueError, match="input spikes of 'in' hold 0 samples, expected 2"):
        layer({"in": torch.empty(0, 3), "more": torch.rand(2, 1)})
    with pytest.raises(ValueError, match=r"have shape \(5, 0\), expected \(n_samples, 3\)"):
        layer({"in": torch.empty(5, 0), "more": torch.rand(2, 1)})


# Copies.


@pytest.mark.parametrize("way", [copy.deepcopy, copy.copy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_used_layer_is_copied_and_learns_on_to_the_same_bits(way):
    layer, times = EventLayer(network(), until=20.0, threads=2), torch.rand(6, 3)
    optimiser = torch.optim.SGD(layer.parameters(), 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        layer(times).clamp(max=20.0).sum().backward()
        optimiser.step()
    again = way(layer)
    found = []
    for each in (layer, again):
        each.zero_grad()
        result = each(times)
        result.clamp(max=20.0).sum().backward()
        found.append([result.detach(), *(p.grad.clone() for p in each.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


# Forks: DataLoader workers, and processes of one's own.

fork = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
LONGEST = 120.0  # s; a worker that waits for a thread of its parent never ends


class Encoded(Dataset):
    """Samples that a layer has passed already, in the worker that loads them."""

    def __init__(self, layer, times):
        self.layer, self.times = layer, times

    def __len__(self):
        return len(self.times)

    def __getitem__(self, k):
        with torch.no_grad():
            return self.layer(self.times[k : k + 1])[0]


@fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("loop", [False, True])
def test_workers_of_a_data_loader_use_a_layer_that_was_used_before_with_threads(loop):
    layer, times = EventLayer(network(loop), until=20.0, threads=2), torch.rand(64, 3)
    expected = layer(times).detach()  # the threads are there now
    loader = DataLoader(
        Encoded(layer, times), batch_size=8, num_workers=2, multiprocessing_context="fork", timeout=LONGEST
    )
    assert torch.equal(torch.cat(list(loader)), expected)


def gradient_in_child(layer, times, queue):
    torch.set_num_threads(1)
    layer.zero_grad()
    layer(times).clamp(max=20.0).sum().backward()
    queue.put([p.grad.numpy() for p in layer.parameters()])


@fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("loop", [False, True])
def test_a_forked_process_trains_a_layer_that_was_trained_before_with_threads(loop):
    layer, times = EventLayer(network(loop), until=20.0, threads=2), torch.rand(300, 3)
    layer(times).clamp(max=20.0).sum().backward()
    expected = [p.grad.numpy().copy() for p in layer.parameters()]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=gradient_in_child, args=(layer, times, queue), daemon=True)
    child.start()
    try:
        found = queue.get(timeout=LONGEST)
    finally:
        child.kill()
        child.join()
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_holds_the_layer_does_not_wait_for_it():
    layer, times = EventLayer(network(), until=20.0, threads=2), torch.rand(50, 3)
    expected = layer(times).detach()
    tensor_gradient = next(iter(layer._tensor_gradients.values()))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def ask():
        with torch.no_grad():
            queue.put(layer(times).numpy())

    with tensor_gradient.lock:
        child = context.Process(target=ask, daemon=True)
        child.start()
        try:
            found = queue.get(timeout=LONGEST)
        finally:
            child.kill()
            child.join()
    assert np.array_equal(found, expected.numpy())

"""EventLayer: the same numbers as without torch, and a module as torch users know it."""

import copy
import importlib.util
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, UnknownPart
from eventsim.models.gradients import SpikeGradient
from reference.random_networks import coefficient, neurons, random_case

torch = pytest.importorskip("torch")

from eventsim.torch import EventLayer, Positive  # noqa: E402  (only with torch)

KINDS = ("weight", "delay", "tau_mem", "tau_syn", "v_th")


def tensor(values, dtype=torch.float64):
    return torch.tensor(np.asarray(values), dtype=dtype)


def delays(rng, kind, n_pre, n_post):
    shapes = {"uniform": (), "axonal": (n_pre, 1), "dendritic": (1, n_post), "synaptic": (n_pre, n_post)}
    return rng.uniform(0.2, 0.6, shapes[kind])


def network(kind="synaptic", once=True, loop=False, seed=3, tau_mem=1.37):
    """Return 4-3-2 neurons, and first spikes of six samples."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", es.models.LIF(tau_mem=tau_mem, first_spike_only=once), 3)
    net.add("label", es.models.LIF(tau_mem=tau_mem, first_spike_only=once), 2)
    net.connect("input", "hidden", weight=rng.normal(2, 1, (4, 3)), delay=delays(rng, kind, 4, 3))
    net.connect("hidden", "label", weight=rng.normal(2, 1, (3, 2)), delay=delays(rng, kind, 3, 2))
    if loop:
        net.connect("label", "hidden", weight=rng.normal(0, 1, (2, 3)), delay=delays(rng, kind, 2, 3))
    return net, tensor(rng.uniform(0.1, 2, (6, 4)))


def spikes_only(times):
    """Return times with a number where there is no spike, for losses that are to be finite."""
    return torch.where(torch.isfinite(times), times, 0.0)


def check(layer, times, until=None):
    """Let torch compare the derivatives in all that is learned, and in the input times, with differences."""
    names = [name for name, _ in layer.named_parameters()]

    def outputs(times, *values):
        found = torch.func.functional_call(
            layer, dict(zip(names, values, strict=True)), (times,), {"until": until}
        )
        return spikes_only(found)

    values = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    found = outputs(times, *values)
    assert (found > 0).any()
    return torch.autograd.gradcheck(outputs, (times.detach().clone().requires_grad_(), *values), eps=1e-7)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
def test_gradcheck_of_first_spikes_in_all_parameters_and_input_times(kind, loop):
    net, times = network(kind, loop=loop)
    layer = EventLayer(net, learn=(*KINDS, "delay/input->hidden"))
    assert check(layer, times[:2], until=8.0)


@pytest.mark.parametrize("n_spikes", [2, "all"])
@pytest.mark.parametrize("loop", [False, True])
def test_gradcheck_of_several_spikes(loop, n_spikes):
    net, times = network(once=False, loop=loop, seed=4)
    layer = EventLayer(net, learn=KINDS, until=6.0, n_spikes=n_spikes)
    assert layer(times).shape[:2] == (6, 2)
    assert torch.isfinite(layer(times)).sum() > 20
    assert check(layer, times[:2])


def test_gradcheck_through_two_layers_of_several_spikes():
    net, times = network(once=False, seed=4)
    first = EventLayer(net, until=6.0, n_spikes=3)
    second = EventLayer.dense(2, 2, delays="synaptic", until=8.0, positive=False, n_spikes=2)
    with torch.no_grad():
        second.weight["input->output"].copy_(tensor([[1.9, 1.5], [1.6, 2.2]]))
    assert torch.isfinite(second(first(times[:2]))).sum() >= 6
    assert torch.autograd.gradcheck(
        lambda t: spikes_only(second(first(t))), times[:2].clone().requires_grad_()
    )


def test_gradcheck_of_the_largest_membranes_of_readouts():
    net, times = network()
    net.add("readout", es.models.LIF(tau_mem=2.0, v_th=np.inf), 2)
    net.connect("hidden", "readout", weight=np.array([[1.0, 0.5], [-0.5, 1.0], [0.7, 0.2]]), delay=0.1)
    layer = EventLayer(net, until=6.0)
    with torch.no_grad():
        assert (layer(times).numpy() == layer.run(times).maxima("readout")[0]).all()
    assert check(layer, times[:3])


@pytest.mark.parametrize("seed", range(20))
def test_spikes_and_derivatives_are_those_without_torch_to_the_bit(seed):
    """Random networks; listed input spikes, all neurons are outputs, all their spikes."""
    case = random_case(seed)
    outputs = neurons(case.net)
    every = [key for key in SpikeGradient(case.net).parameters]
    layer = EventLayer(case.net, outputs, until=case.until, n_spikes="all", learn=every)
    given = [(tensor(t).requires_grad_(), torch.as_tensor(u)) for t, u in case.inputs]
    found = layer(given)
    grad = SpikeGradient(case.net)
    run = grad.forward({"input": case.inputs}, until=case.until)
    loss, errors = 0.0, {}
    for name in outputs:
        for sample in range(len(run)):
            spikes = run.spikes(name, sample)
            there = torch.isfinite(found[name][sample])
            units, ranks = there.nonzero(as_tuple=True)
            order = np.lexsort((spikes.times, spikes.units))  # padded times are sorted by unit
            assert (found[name][sample][there].detach().numpy() == spikes.times[order]).all()
            factors = coefficient(name, units.numpy(), ranks.numpy())
            loss = loss + (found[name][sample][there] * tensor(factors)).sum()
            each = np.empty(len(spikes))
            each[order] = factors
            errors.setdefault(name, []).append(each)
    expected = grad.backward(run, errors)
    if sum(run.counts(name).sum() for name in outputs) == 0:
        return
    loss.backward()
    for key, value in expected.parameters.items():
        kind, name = key.split("/", 1)
        assert (getattr(layer, kind)[name].grad.numpy() == value).all(), key
    for (t, _), value in zip(given, expected.times["input"], strict=True):
        assert (t.grad.numpy() == value).all()


def test_derivatives_add_up_over_batches_and_runs_in_between_do_no_harm():
    net, times = network()
    layer = EventLayer(net, learn=KINDS)
    spikes_only(layer(times)).sum().backward()
    whole = {name: p.grad.clone() for name, p in layer.named_parameters()}
    layer.zero_grad()
    first, second = layer(times[:3]), layer(times[3:])
    other = {name: 1.1 * p.detach() for name, p in layer.named_parameters()}
    torch.func.functional_call(layer, other, (times,))  # other parameters, between there and back
    given = times[:3].clone()
    third = layer(given)
    given += 1.0  # the way back does not look at the inputs again
    for part in (second, first, third):
        spikes_only(part).sum().backward()
    spikes_only(layer(times[:3])).sum().neg().backward()
    for name, p in layer.named_parameters():
        assert p.grad.numpy() == pytest.approx(whole[name].numpy(), abs=1e-12)


def test_torch_func_differentiates_too():
    net, times = network()
    layer = EventLayer(net)
    values = dict(layer.named_parameters())

    def loss(values):
        return spikes_only(torch.func.functional_call(layer, values, (times,))).sum()

    found = torch.func.grad(loss)(values)
    loss(values).backward()
    assert all((found[name] == p.grad).all() for name, p in values.items())


def test_only_what_asks_for_derivatives_gets_them():
    net, times = network()
    layer = EventLayer(net, learn=("delay", "weight/hidden->label", "tau_mem/hidden"))
    names = {
        "delay.input->hidden",
        "delay.hidden->label",
        "weight.hidden->label",
        "tau_mem.hidden",
    }
    assert {name for name, _ in layer.named_parameters()} == names
    assert not times.requires_grad
    layer.tau_mem["hidden"].requires_grad_(False)
    layer.weight["hidden->label"].requires_grad_(False)
    spikes_only(layer(times)).sum().backward()
    assert {name for name, p in layer.named_parameters() if p.grad is not None} == {
        "delay.input->hidden",
        "delay.hidden->label",
    }
    layer.requires_grad_(False)
    assert not layer(times).requires_grad
    assert layer(times.requires_grad_()).requires_grad


def test_one_delay_for_a_projection_is_learned_only_if_it_is_named():
    net, _ = network("uniform")
    assert not [name for name, _ in EventLayer(net).named_parameters() if name.startswith("delay")]
    layer = EventLayer(net, learn="delay/input->hidden")
    assert [name for name, _ in layer.named_parameters()] == ["delay.input->hidden"]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_nothing_is_kept(mode):
    net, times = network()
    layer = EventLayer(net, learn=KINDS)
    with mode():
        found = layer(times)
    assert found.grad_fn is None
    assert (found == layer(times)).all()


def test_silent_units_are_inf_and_no_loss_makes_their_derivatives_nan():
    net, times = network()
    layer = EventLayer(net, ("hidden", "label"))
    with torch.no_grad():
        layer.weight["input->hidden"][:, 1] = -1.0
        layer.weight["hidden->label"][:, 0] = -1.0
    times[2] = torch.inf
    times.requires_grad_()
    found = layer(times)
    assert torch.isinf(found["hidden"][:, 1]).all()
    assert torch.isinf(found["label"][:, 0]).all()
    ((found["label"] - 3.0) ** 2).sum().backward()  # inf, and its derivative as well
    for grad in (*(p.grad for p in layer.parameters()), times.grad):
        assert torch.isfinite(grad).all()
        assert (grad != 0).any()
    assert (layer.weight["input->hidden"].grad[:, 1] == 0).all()
    assert (layer.weight["hidden->label"].grad[:, 0] == 0).all()
    assert (times.grad[2] == 0).all()
    layer.zero_grad()
    torch.nn.functional.cross_entropy(-found["label"].detach(), torch.ones(6, dtype=torch.long))
    nothing = layer(torch.full((2, 4), torch.inf))["label"]
    torch.log_softmax(-nothing, dim=1).sum().backward()  # nan throughout
    assert all((p.grad == 0).all() for p in layer.parameters())


def test_a_derivative_that_is_no_number_where_there_is_a_spike_is_an_error():
    net, times = network()
    found = EventLayer(net)(times)
    with pytest.raises(ValueError, match="errors of 'label' must be finite, got nan"):
        (found * torch.nan).sum().backward()


def test_layers_stack_like_any_modules_and_are_one_network():
    net, times = network()
    whole = EventLayer(net)
    parts = []
    for pre, post in (("input", "hidden"), ("hidden", "label")):
        part = es.Network()
        part.add("in", es.models.SpikeSource(), net.populations[pre].n)
        part.add("out", net.populations[post].model, net.populations[post].n)
        projection = next(p for p in net.projections if p.post == post)
        part.connect("in", "out", weight=projection.weight, delay=projection.delay)
        parts.append(EventLayer(part))
    stack = torch.nn.Sequential(*parts)
    assert (stack(times) == whole(times)).all()
    spikes_only(stack(times)).sum().backward()
    spikes_only(whole(times)).sum().backward()
    for part, name in zip(parts, ("input->hidden", "hidden->label"), strict=True):
        for kind in ("weight", "delay"):
            found, expected = getattr(part, kind)["in->out"].grad, getattr(whole, kind)[name].grad
            assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-12)


def test_inputs_by_name_and_sources_with_spikes_of_their_own():
    net, times = network()
    net.add("clock", es.models.SpikeSource(times=[0.5], units=[0]), 1)
    net.add("context", es.models.SpikeSource(), 2)
    net.connect("clock", "hidden", weight=np.full((1, 3), 0.3))
    net.connect("context", "label", weight=np.full((2, 2), 0.3))
    layer = EventLayer(net, "label")
    given = {"input": times, "context": times[:, :2].clone().requires_grad_()}
    found = layer(given)
    grad = SpikeGradient(net)
    run = grad.forward({name: value.detach().numpy() for name, value in given.items()})
    assert (found.detach().numpy() == run.first_spikes("label")).all()
    spikes_only(found).sum().backward()
    expected = grad.backward(run, {"label": np.ones((6, 2))})
    assert (given["context"].grad.numpy() == expected.times["context"]).all()
    with pytest.raises(ValueError, match="the layer has the inputs input, context: give times by name"):
        layer(times)


def test_the_forms_of_input_give_the_same():
    net, times = network(once=False)
    layer = EventLayer(net, until=6.0)
    expected = layer(times)
    padded = torch.full((6, 4, 3), torch.inf, dtype=torch.float64)
    padded[:, :, 1] = times
    assert (layer(padded) == expected).all()
    assert (layer([(row, torch.arange(4)) for row in times]) == expected).all()
    assert (layer([(row.numpy(), np.arange(4)) for row in times]) == expected).all()
    assert (layer(times.numpy()) == expected).all()
    assert layer(times[0]).shape == (2,)  # one sample alone
    assert (layer(times[0]) == expected[0]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_narrow_types_are_computed_in_float64_and_come_back_as_they_were(dtype):
    net, times = network()
    layer = EventLayer(net)
    narrow = times.to(dtype).requires_grad_()
    found = layer(narrow)
    assert found.dtype == dtype
    assert (found == layer(times.to(dtype).double()).to(dtype)).all()
    spikes_only(found).sum().backward()
    assert narrow.grad.dtype == dtype
    assert layer.weight["input->hidden"].grad.dtype == torch.float64
    layer.float()
    found = layer(times)
    assert found.dtype == torch.float64
    spikes_only(found).sum().backward()
    assert layer.weight["input->hidden"].grad.dtype == torch.float32
    assert layer(torch.ones(6, 4, dtype=torch.long)).dtype == torch.float64


@pytest.mark.parametrize(
    ("optimiser", "rate"), [(torch.optim.Adam, 0.02), (torch.optim.AdamW, 0.02), (torch.optim.SGD, 0.1)]
)
def test_optimisers_of_torch_lower_a_loss(optimiser, rate):
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        EventLayer.dense(4, 12, delays="synaptic", learn=("weight", "delay", "tau_mem")),
        EventLayer.dense(12, 2, delays="axonal"),
    )
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    times = torch.rand(40, 4, dtype=torch.float64) * 2
    labels = (times[:, 0] + times[:, 1] > times[:, 2] + times[:, 3]).long()
    steps = optimiser(model.parameters(), lr=rate)
    losses = []
    for _ in range(40):
        steps.zero_grad()
        loss = torch.nn.functional.cross_entropy(-model(times) / 0.2, labels)
        loss.backward()
        steps.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]
    assert all((p != before[name]).any() for name, p in model.named_parameters())


def test_parameters_stay_positive_by_a_parametrization():
    layer = EventLayer.dense(3, 2, delays="synaptic", learn=("weight", "delay", "tau_syn"))
    steps = torch.optim.SGD(layer.parameters(), lr=100.0)
    steps.zero_grad()
    layer(torch.rand(5, 3)).sum().backward()
    steps.step()
    assert (layer.delay["input->output"] > 0).all()
    assert (layer.tau_syn["output"] > 0).all()
    values = tensor([1e-5, 0.01, 1.0, 30.0])
    for scale in (0.1, 1.0, 20.0):
        positive = Positive(scale)
        kept = values[values >= 1e-6 * scale]
        assert positive(positive.right_inverse(kept)).numpy() == pytest.approx(kept.numpy(), rel=1e-9)
        assert (positive(tensor([-1e3, 0.0, 1e3])) >= 0).all()
    assert torch.isfinite(positive.right_inverse(tensor([0.0]))).all()


def test_state_copies_and_pickles():
    net, times = network()
    layer = EventLayer(net, learn=("delay", "tau_mem"))
    expected = layer(times)
    other = EventLayer(network(seed=9)[0], learn=("delay", "tau_mem"))
    assert (other(times) != expected).any()
    other.load_state_dict(layer.state_dict())  # with what is not learned
    assert (other(times) == expected).all()
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    copies = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(file, weights_only=False)]
    with torch.no_grad():
        layer.delay["input->hidden"] += 0.1
    for one in copies:
        assert (one(times) == expected).all()
        spikes_only(one(times)).sum().backward()
        assert one.delay["input->hidden"].grad is not None
    assert (layer(times) != expected).any()
    positive = EventLayer.dense(4, 3, delays="axonal")
    assert (copy.deepcopy(positive)(times) == positive(times)).all()


def test_the_network_it_was_made_of_does_not_matter_any_more():
    net, times = network()
    layer = EventLayer(net, learn=KINDS)
    expected = layer(times).detach()
    net.add("more", es.models.LIF(), 2)
    net.connect("input", "hidden", weight=np.full((4, 3), 1.0), name="second")
    with torch.no_grad():
        assert (layer(times) == expected).all()
        layer.delay["input->hidden"] += 0.25
        sim = es.Simulation(layer.network(), schedule="ordered")
        sim.stimulate("input", times[0].numpy(), np.arange(4))
        sim.run(20.0)
        found = layer.run(times, until=20.0).spikes("label", 0)
        assert sim.spikes("label").times == pytest.approx(found.times, abs=1e-12)
        assert len(found)


def test_tensors_may_be_shared_between_layers():
    net, times = network()
    one, other = EventLayer(net), EventLayer(network(seed=9)[0])
    other.weight["input->hidden"] = one.weight["input->hidden"]
    spikes_only(one(times)).sum().backward()
    alone = one.weight["input->hidden"].grad.clone()
    spikes_only(other(times)).sum().backward()
    assert (one.weight["input->hidden"].grad != alone).any()


def test_changes_in_place_before_the_way_back_are_noticed():
    net, times = network()
    layer = EventLayer(net)
    loss = spikes_only(layer(times)).sum()
    with torch.no_grad():
        layer.weight["input->hidden"].add_(0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_second_derivatives_are_refused():
    net, times = network()
    times.requires_grad_()
    loss = (spikes_only(EventLayer(net)(times)) ** 2).sum()
    (first,) = torch.autograd.grad(loss, times, create_graph=True)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        first.sum().backward()


def test_dense_draws_from_the_generator_and_most_of_its_units_spike():
    generator = torch.Generator().manual_seed(4)
    one = EventLayer.dense(30, 20, delays="dendritic", generator=generator, tau_mem=20.0, tau_syn=10.0)
    other = EventLayer.dense(30, 20, delays="dendritic", generator=generator.manual_seed(4))
    assert (one.weight["input->output"] * 10.0).detach().numpy() == pytest.approx(
        other.weight["input->output"].detach().numpy()
    )
    assert one.delay["input->output"].shape == (1, 20)
    for layer, tau in ((one, 10.0), (other, 1.0)):
        times = torch.rand(20, 30, dtype=torch.float64) * 2 * tau
        assert torch.isfinite(layer(times)).double().mean() > 0.9


def test_dense_layers_may_be_recurrent():
    torch.manual_seed(0)
    layer = EventLayer.dense(5, 8, delays="synaptic", recurrent=True, until=6.0, n_spikes="all")
    times = torch.rand(4, 5, 3, dtype=torch.float64) * 5
    found = layer(times)
    assert found.shape[:2] == (4, 8)
    assert found.shape[2] > 1
    spikes_only(found).sum().backward()
    assert all((p.grad != 0).any() for p in layer.parameters())
    assert (layer.delay["output->output"] >= 0.5).all()


def test_names_that_torch_does_not_take_are_taken_all_the_same():
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 4)
    net.add("train", es.models.LIF(), 3)
    for name in ("to.train", "to_train", "train"):
        net.connect("in", "train", weight=np.full((4, 3), 1.0), name=name)
    layer = EventLayer(net)
    assert list(layer.weight) == layer.weight.keys() == ["to.train", "to_train", "train"]
    assert len(layer.weight) == 3
    assert "train" in layer.weight
    layer(torch.rand(2, 4)).sum().backward()
    assert all(value.grad is not None for _, value in layer.weight.items())
    assert len(layer.state_dict()) == 9


def test_what_a_layer_shows_of_itself():
    text = repr(EventLayer.dense(4, 3, until=5.0))
    assert "input: 4, output: 3; output='output', until=5" in text
    assert "input->output: (4, 3)" in text
    assert "output: (1,), fixed" in text


def test_wrong_uses_are_told_in_one_line():
    net, times = network()
    layer = EventLayer(net)
    with torch.no_grad():
        layer.delay["hidden->label"][0, 0] = -0.25
    with pytest.raises(ValueError, match=r"delay of 'hidden->label' must not be negative, got -0\.25"):
        layer(times)
    layer = EventLayer(net)
    with pytest.raises(ValueError, match=r"EventLayer runs on the cpu, but times of 'input' are on meta"):
        layer(times.to("meta"))
    with pytest.raises(
        ValueError, match=r"shape \(6, 3\), expected \(n_samples, 4\) or \(n_samples, 4, n_sp"
    ):
        layer(times[:, :3])
    with pytest.raises(ValueError, match="must be at times >= 0 or inf, got nan"):
        layer(times * torch.nan)
    with pytest.raises(ValueError, match=r"must be at times >= 0 or inf, got -"):
        layer(-times)
    with pytest.raises(TypeError, match="times of 'input' must be real numbers, got torch"):
        layer(times.to(torch.complex128))
    with pytest.raises(UnknownPart, match="no population is named 'inputs'; known: input, hidden, label"):
        layer({"inputs": times})
    with pytest.raises(UnknownPart, match="no population is named 'output'; known: input, hidden, label"):
        EventLayer(net, "output")
    with pytest.raises(UnknownPart, match="nothing to learn is named 'weights'; kinds: weight, delay"):
        EventLayer(net, learn=("weights",))
    with pytest.raises(UnknownPart, match="there is no 'input'; known: input->hidden, hidden->label"):
        layer.weight["input"]
    with pytest.raises(ValueError, match="n_spikes must be a whole number from 1, 'all' or None, got 0"):
        EventLayer(net, n_spikes=0)
    with pytest.raises(ValueError, match="delays must be axonal, dendritic, synaptic or None, got 'each'"):
        EventLayer.dense(2, 2, delays="each")
    with pytest.raises(ValueError, match="scale must be positive"):
        Positive(0.0)
    with pytest.raises(ConfigError, match="a network with loops needs a finite `until`"):
        EventLayer(network(loop=True)[0])(times)
    values = {"weight.input->hidden": torch.ones(4, 1)}
    with pytest.raises(ValueError, match=r"weight of 'input->hidden' has shape \(4, 1\), expected \(4, 3\)"):
        torch.func.functional_call(layer, values, (times,))
    with pytest.raises(
        ValueError, match=r"EventLayer runs on the cpu, but 'weight/input->hidden' is on meta"
    ):
        layer.to("meta")(times)


def test_without_torch_the_import_says_what_to_install():
    code = (
        "import importlib.util as u, sys; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else found(name, *a)\n"
        "import eventsim.torch"
    )
    ended = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert "eventsim.torch needs torch; install it with: pip install 'eventsim[torch]'" in ended.stderr
    assert importlib.util.find_spec("torch") is not None

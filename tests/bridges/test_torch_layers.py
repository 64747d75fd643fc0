"""Layers as torch modules: derivatives by gradcheck, the same numbers, both ways between torch and layers."""

import copy
import io

import numpy as np
import pytest

import eventsim as es

torch = pytest.importorskip("torch")

import eventsim.torch as et  # noqa: E402  (only with torch)

layers = es.models.layers
F64 = torch.float64
SMOOTH = {
    "Linear": lambda: et.Linear(4, 3, dtype=F64),
    "LIF": lambda: et.LIF(
        4, 6.0, train_alpha=True, train_threshold=True, surrogate="triangle", smooth=True, dtype=F64
    ),
    "LeakyReadout": lambda: et.LeakyReadout(4, 6.0, dtype=F64),
    "TemporalConv": lambda: et.TemporalConv(4, 3, 2, dilation=2, dtype=F64),
    "BatchNorm": lambda: et.BatchNorm(4, momentum=None, dtype=F64),
    "LayerNorm": lambda: et.LayerNorm(4, dtype=F64),
    "GELU": lambda: et.GELU(4, dtype=F64),
    "GLU": lambda: et.GLU(4, dtype=F64),
    "MinGRU": lambda: et.MinGRU(4, 3, dtype=F64),
    "S4D": lambda: et.S4D(4, 8, dtype=F64),
    "DelayConv": lambda: et.DelayConv(4, 2, 3, dtype=F64),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradcheck(name):
    torch.manual_seed(3)
    module = SMOOTH[name]()
    x = torch.randn(7, 3, 4, dtype=F64, requires_grad=True)
    parameters = list(module.parameters())

    def run(x, *values):
        return module(x)

    assert torch.autograd.gradcheck(run, (x, *parameters), atol=1e-7, rtol=1e-5)


def stack(dtype=torch.float32):
    return torch.nn.Sequential(
        et.TemporalConv(5, 12, 2, dtype=dtype),
        et.BatchNorm(12, dtype=dtype),
        et.LIF(12, 8.0, train_alpha=True, dtype=dtype),
        et.Residual(
            et.Linear(12, 12, dtype=dtype), et.GELU(12, dtype=dtype), et.Dropout(12, 0.2, dtype=dtype)
        ),
        et.Linear(12, 2, dtype=dtype),
        et.LeakyReadout(2, 10.0, dtype=dtype),
    )


def trained():
    torch.manual_seed(1)
    labels = torch.randint(2, (60,))
    x = torch.randn(15, 60, 5) + labels[None, :, None]
    module = stack()
    adam = torch.optim.Adam(module.parameters(), lr=0.02)
    losses = []
    for _ in range(25):
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x).mean(dim=0), labels)
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    return module, x, losses


def test_a_stack_learns_in_torch_and_runs_here():
    module, x, losses = trained()
    assert losses[-1] < 0.5 * losses[0]
    module.eval()
    model = et.to_layers(module)
    outputs = model.forward(x.numpy())
    assert (outputs == module(x).detach().numpy()).all()
    state, ys = model.init_state(60), []
    for x_t in x.numpy():
        y, state = model.step(x_t, state)
        ys.append(y)
    assert (np.stack(ys) == outputs).all()


def test_states_go_both_ways():
    module, x, _ = trained()
    module.eval()
    model = layers.Sequential(
        [
            layers.TemporalConv(12, 2),
            layers.BatchNorm(),
            layers.LIF(8.0, train_alpha=True),
            layers.Residual([layers.Linear(12), layers.GELU(), layers.Dropout(0.2)]),
            layers.Linear(2),
            layers.LeakyReadout(10.0),
        ]
    )
    model.build(5, np.random.default_rng(5))
    model.load_state_dict(et.layer_state(module.state_dict()))
    assert (model.forward(x.numpy()) == module(x).detach().numpy()).all()
    again = et.from_layers(model).eval()
    assert (again(x) == module(x)).all()
    other = stack()
    other.load_state_dict(et.torch_state(model.state_dict()))
    assert (other.eval()(x) == module(x)).all()


def test_a_module_may_be_used_twice_before_its_backward_pass():
    torch.manual_seed(0)
    module, x = et.Linear(4, 4, dtype=F64), torch.randn(3, 2, 4, dtype=F64)
    weight, bias = module.weight, module.bias
    module(module(x)).sum().backward()
    found = weight.grad.clone()
    weight.grad = None
    ((x @ weight + bias) @ weight + bias).sum().backward()
    assert found.numpy() == pytest.approx(weight.grad.numpy(), rel=1e-12)


def test_another_backward_pass_gives_the_same_bits():
    torch.manual_seed(0)
    module, x = stack(), torch.randn(9, 3, 5)
    loss = module(x).square().sum()
    kept = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    loss.backward(retain_graph=True)
    first = [parameter.grad.clone() for parameter in module.parameters()]
    module.zero_grad()
    loss.backward()
    for parameter, gradient in zip(module.parameters(), first, strict=True):
        assert (parameter.grad == gradient).all()
    assert all((tensor == kept[name]).all() for name, tensor in module.state_dict().items())


def test_modules_are_modules():
    module, x = stack().eval(), torch.randn(9, 3, 5)
    y = module(x)
    assert (copy.deepcopy(module)(x) == y).all()
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = stack().eval()
    other.load_state_dict(torch.load(file))
    assert (other(x) == y).all()
    assert module.double()(x.double()).dtype == F64
    assert module(x.double()).detach().numpy() == pytest.approx(y.detach().numpy(), abs=0.2)
    assert "LIF: 12 -> 12" in repr(module)
    assert [name for name, _ in module[2].named_parameters()] == ["alpha"]


def test_padded_steps_stay_out_of_statistics():
    torch.manual_seed(0)
    x, lengths = torch.randn(6, 3, 2), [6, 2, 4]
    module, same = et.BatchNorm(2), et.BatchNorm(2)
    module(x, lengths=lengths)
    x[3:, 1] = 100.0
    same(x, lengths=lengths)
    assert (module.mean == same.mean).all()


def test_errors_say_what_would_be_right():
    with pytest.raises(TypeError, match="a module holds one layer"):
        et.LayerModule(layers.Sequential([layers.Linear(3)]))
    with pytest.raises(ValueError, match="needs n_in"):
        et.LayerModule(layers.Linear(3))
    with pytest.raises(TypeError, match=r"modules must be those of eventsim\.torch, got Linear"):
        et.to_layers(torch.nn.Sequential(torch.nn.Linear(3, 3)))

"""Diagonal state-space models: three forms, derivatives, quantised states, streams, threads."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from eventsim.models.layers import state_space
from reference import min_gru as reference
from reference.layer_differences import largest_error, streamed

layers = es.models.layers
Q = layers.Quantizer


def built(n_in, n_states=8, *, dtype=np.float64, seed=0, **kwargs):
    layer = layers.S4D(n_states, **kwargs)
    layer.build(n_in, np.random.default_rng(seed), dtype)
    return layer


def loop(layer, x, round_state=None, clip=np.inf):
    """The recurrence in NumPy, complex; returns outputs and the states before they are clipped."""
    pole, gain, output, skip = layer.used()
    state, outputs, states = np.zeros((x.shape[1], *pole.shape), complex), [], []
    for u in x:
        state = pole * state + gain * u[..., None]
        states.append(state)
        state = np.clip(state.real, -clip, clip) + 1j * np.clip(state.imag, -clip, clip)
        if round_state is not None:
            state = round_state(state)
        outputs.append(2 * (output * state).sum(-1).real + skip * u)
    return np.array(outputs), np.array(states)


@pytest.mark.parametrize("discretisation", ["zoh", "bilinear"])
def test_the_three_forms_agree_over_1000_steps(discretisation):
    x = np.random.default_rng(1).normal(size=(1000, 3, 5))
    found = {}
    for form in ("recurrent", "convolution", "scan"):
        layer = built(5, 64, discretisation=discretisation, form=form)
        layer.parameters["B"] += np.random.default_rng(2).normal(0, 0.3, layer.parameters["B"].shape)
        found[form] = layer.forward(x).copy()
    expected = loop(layer, x)[0]
    for form, y in found.items():
        assert np.abs(y - expected).max() < 1e-10, form
    pole, gain, output, skip = layer.used()
    ones = np.broadcast_to(pole, (1000, *pole.shape)).copy()
    states = reference.chunked_scan(ones, gain * x[:, 0, :, None], 37)
    y = 2 * (output * states).sum(-1).real + skip * x[:, 0]
    assert np.abs(y - expected[:, 0]).max() < 1e-10


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from([2, 4, 6]),
    st.sampled_from(["zoh", "bilinear"]),
    st.sampled_from(["recurrent", "convolution"]),
    st.sampled_from(["continuous", "discrete", "frozen"]),
    st.booleans(),
    st.integers(0, 999),
)
def test_gradients_are_those_of_differences(
    shape, n_states, discretisation, form, parametrisation, gain, seed
):
    rng = np.random.default_rng(seed)
    layer = built(
        shape[2],
        n_states,
        discretisation=discretisation,
        form=form,
        train_gain=gain,
        delta=(0.05, 0.5),
        seed=seed,
    )
    layer.convert(parametrisation)
    for array in layer.parameters.values():
        array += rng.normal(0, 0.05, array.shape)
    assert largest_error(layer, rng.normal(size=shape), rng) < 1e-6


@pytest.mark.parametrize("heads", [3, 16, 37])
@pytest.mark.parametrize("steps", [1, 2, 3, 33, 64, 200])
@pytest.mark.parametrize("batch", [1, 4])
def test_convolution_and_adjoint_form_give_the_same_gradients(heads, steps, batch):
    rng = np.random.default_rng(steps)
    x, dy = rng.normal(size=(2, steps, batch, heads))
    found = []
    for form in ("recurrent", "convolution"):
        layer = built(heads, 12, form=form)
        y = layer.forward(x, training=True).copy()
        found.append([y, layer.backward(dy).copy(), *layer.gradients.values()])
    for one, other in zip(*found, strict=True):
        assert np.abs(one - other).max() <= 1e-12 * max(1, np.abs(one).max())


def test_gradients_are_those_of_torch_where_the_clip_acts():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    clip = 0.6
    plan = layers.StateSpaceQuantization(clip=clip, gradient_limit=np.inf)
    layer = built(4, 6, delta=(0.1, 0.5), quantization=plan)
    x, dy = rng.normal(0, 2, (40, 2, 4)), rng.normal(size=(40, 2, 4))
    y = layer.forward(x, training=True)
    expected, states = loop(layer, x, clip=clip)
    assert y == pytest.approx(expected, abs=1e-12)
    beyond = (np.abs(states.real) > clip) | (np.abs(states.imag) > clip)
    assert 0.02 < beyond.mean() < 0.9
    dx = layer.backward(dy)
    own = {name: torch.tensor(array, requires_grad=True) for name, array in layer.parameters.items()}
    u = torch.tensor(x, requires_grad=True)
    pole = -torch.exp(own["a"]) + 1j * own["b"]
    bar = torch.exp(torch.exp(own["log_delta"])[:, None] * pole)
    gain, output = (bar - 1) / pole * torch.view_as_complex(own["B"]), torch.view_as_complex(own["C"])
    state, loss = torch.zeros(2, 4, 3, dtype=torch.complex128), 0
    for t in range(40):
        state = bar * state + gain * u[t][..., None]
        state = torch.complex(state.real.clamp(-clip, clip), state.imag.clamp(-clip, clip))
        out = 2 * (output * state).sum(-1).real + own["D"] * u[t]
        loss = loss + (out * torch.tensor(dy[t])).sum()
    loss.backward()
    assert dx == pytest.approx(u.grad.numpy(), rel=1e-10, abs=1e-11)
    for name, each in own.items():
        assert layer.gradients[name] == pytest.approx(each.grad.numpy(), rel=1e-10, abs=1e-11), name


def test_the_adjoint_is_cut_to_its_limit():
    x, dy = np.ones((2, 30, 1, 3))
    found = {}
    for limit in (1e9, 0.5):
        layer = built(3, 4, quantization=layers.StateSpaceQuantization(gradient_limit=limit))
        layer.forward(x)
        layer.backward(dy)
        found[limit] = np.abs(layer.gradients["C"]).max(), np.abs(layer.gradients["B"]).max()
    assert found[0.5][0] == found[1e9][0]  # C does not see the adjoint
    assert found[0.5][1] < found[1e9][1]


def rounded(layer, plan):
    """Round a state (batch, heads, modes) on the layer's static grids."""
    step, least = layer.buffers["state_step"], layer.buffers["state_least"]
    most = least + 2**plan.state.bits - 1

    def part(values, k):
        codes = np.clip(values * (1 / step[:, k, None]), least[:, k, None], most[:, k, None])
        return np.rint(codes) * step[:, k, None]

    return lambda state: part(state.real, 0) + 1j * part(state.imag, 1)


@pytest.mark.parametrize("scheme", ["asymmetric", "symmetric"])
@pytest.mark.parametrize("parts", ["shared", "separate"])
@pytest.mark.parametrize("zero", ["included", "bare"])
def test_static_states_lie_on_the_grid_of_the_calibration(scheme, parts, zero):
    plan = layers.StateSpaceQuantization(
        pole=Q(8), gain=Q(4), output=Q(4), skip=Q(4), state=Q(6, scheme, range=parts, zero=zero)
    )
    layer = built(20, 12, delta=(0.02, 0.3), quantization=plan)
    x = np.random.default_rng(3).normal(size=(70, 3, 20))
    with pytest.raises(RuntimeError, match="no range yet"):
        layer.forward(x)
    layer.calibrate(x)
    full = built(20, 12, delta=(0.02, 0.3))
    states = loop(full, x)[1]
    per_head = np.moveaxis(states, 2, 0).reshape(20, -1)
    grids = plan.state.grids(per_head)
    assert layer.buffers["state_step"][:, 0] == pytest.approx(grids[0].step.ravel(), rel=1e-12)
    assert layer.buffers["state_step"][:, 1] == pytest.approx(grids[-1].step.ravel(), rel=1e-12)
    expected, _ = loop(layer, x, rounded(layer, plan), plan.clip)
    # A state within rounding of a tie may go the other way, and takes later ones with it.
    assert (np.abs(layer.forward(x) - expected).max(axis=0) < 1e-9).mean() > 0.95


@pytest.mark.parametrize("scheme", ["asymmetric", "symmetric"])
@pytest.mark.parametrize("parts", ["shared", "separate"])
@pytest.mark.parametrize("zero", ["included", "bare"])
def test_dynamic_ranges_are_those_of_the_modes_of_each_step(scheme, parts, zero):
    quantizer = Q(5, scheme, range=parts, zero=zero)
    plan = layers.StateSpaceQuantization(state=quantizer, calibration="dynamic")
    layer = built(18, 12, delta=(0.02, 0.3), quantization=plan)
    x = np.random.default_rng(4).normal(size=(12, 2, 18))

    def round_state(state):
        return np.stack([quantizer(sample) for sample in state])

    expected, _ = loop(layer, x, round_state)
    assert (np.abs(layer.forward(x) - expected).max(axis=0) < 1e-9).mean() > 0.95


def test_gradients_of_quantised_states_pass_straight_through():
    plan = layers.StateSpaceQuantization(state=Q(6), gradient_limit=np.inf)
    layer = built(5, 8, delta=(0.05, 0.4), quantization=plan)
    rng = np.random.default_rng(6)
    x, dy = rng.normal(size=(2, 30, 2, 5))
    layer.calibrate(x)
    y = layer.forward(x)
    pole, gain, output, skip = layer.used()
    kept, state = [np.zeros((2, *pole.shape), complex)], 0
    for u in x:
        state = rounded(layer, plan)(pole * kept[-1] + gain * u[..., None])
        kept.append(state)
    dx = layer.backward(dy)
    lam, by_output, expected = 0, 0, np.zeros_like(x)
    for t in reversed(range(30)):
        lam = np.conj(pole) * lam + 2 * np.conj(output) * dy[t][..., None]
        by_output = by_output + (2 * dy[t][..., None] * np.conj(kept[t + 1])).sum(0)
        expected[t] = (np.conj(gain) * lam).sum(-1).real + skip * dy[t]
    assert dx == pytest.approx(expected, abs=1e-11)
    found = layer.gradients["C"][..., 0] + 1j * layer.gradients["C"][..., 1]
    assert found == pytest.approx(by_output, abs=1e-10)
    assert not np.array_equal(y, built(5, 8, delta=(0.05, 0.4)).forward(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", [None, 8])
def test_a_stream_gives_the_bits_of_the_recurrent_form(dtype, bits):
    layer = built(21, 12, dtype=dtype)
    x = np.random.default_rng(7).normal(size=(50, 3, 21)).astype(dtype)
    if bits:
        layer.quantization = layers.StateSpaceQuantization(pole=Q(bits), gain=Q(4), state=Q(bits))
        layer.calibrate(x)
    assert np.array_equal(streamed(layer, x), layer.forward(x))


@pytest.mark.parametrize("form", ["recurrent", "convolution"])
def test_results_do_not_depend_on_the_number_of_threads(form):
    x = np.random.default_rng(8).normal(size=(60, 5, 40)).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        layer = built(40, 8, dtype=np.float32, form=form)
        layer.threads = threads
        y = layer.forward(x, training=True).copy()
        found.append([y, layer.backward(np.cos(y)).copy(), *layer.gradients.values()])
    for other in found[1:]:
        assert all(map(np.array_equal, found[0], other))


def test_the_discretisation_is_that_of_mpmath():
    rng = np.random.default_rng(9)
    pole = np.array([[-0.5 + 0j, -1e-9 + 1e-9j, -2 + 40j]])
    gain = rng.normal(size=(1, 3)) + 1j * rng.normal(size=(1, 3))
    found = state_space.discretise(pole, gain, np.array([[0.05]]), "zoh")
    with mpmath.workdps(40):
        for k in range(3):
            a, b = mpmath.mpc(pole[0, k]), mpmath.mpc(gain[0, k])
            bar = mpmath.exp(a * mpmath.mpf(0.05))
            assert complex(found[0][0, k]) == pytest.approx(complex(bar), rel=1e-14)
            assert complex(found[1][0, k]) == pytest.approx(complex((bar - 1) / a * b), rel=1e-13)


def test_poles_at_the_start_are_those_of_their_papers():
    assert state_space.initial_poles("lin", 6) == pytest.approx(-0.5 + 1j * np.pi * np.arange(3))
    inv = state_space.initial_poles("inv", 64)
    assert inv[0] == pytest.approx(-0.5 + 1j * 64 / np.pi * 63)
    legs = state_space.initial_poles("legs", 64)
    assert (legs.real == -0.5).all()
    assert (legs.imag > 0).all()
    # the skew part of HiPPO-LegS has entries of size sqrt((2 n + 1) (2 k + 1)) / 2
    root = np.sqrt(2 * np.arange(64) + 1)
    off = (np.outer(root, root) / 2)[np.triu_indices(64, 1)]
    assert (legs.imag**2).sum() == pytest.approx((off**2).sum(), rel=1e-10)
    assert np.sort(inv.imag)[-8:] == pytest.approx(legs.imag[-8:], rel=0.2)  # numerically close


def test_errors_of_rounded_poles_stay_below_their_bound():
    pole = np.exp(
        np.exp(np.linspace(np.log(1e-3), np.log(0.1), 64))[:, None] * (-0.5 + 1j * np.pi * np.arange(32))
    )
    quantizer = Q(16)
    found, grid = quantizer(pole), quantizer.grids(pole)[0]
    largest = np.maximum(np.abs(pole), np.abs(found))
    for n in (1, 10, 100, 1000):
        bound = n * largest ** (n - 1) * grid.step / np.sqrt(2)
        assert (np.abs(pole**n - found**n) <= bound * (1 + 1e-9) + 1e-13).all()
    errors = {bits: np.abs(pole**300 - Q(bits)(pole) ** 300).mean(axis=1) for bits in (4, 6, 8, 16)}
    assert errors[16].max() < 5e-3
    assert errors[4].max() > 1e6
    assert errors[4].max() > errors[6].max() > errors[8].max() > errors[16].max()


def test_frozen_poles_do_not_train_and_there_is_no_way_back():
    layer = built(3, 4)
    before = [each.copy() for each in layer.discrete()]
    layer.convert("discrete")
    assert set(layer.parameters) == {"A_bar", "B_bar", "C", "D"}
    layer.convert("frozen")
    assert set(layer.parameters) == {"B_bar", "C", "D"}
    for one, other in zip(before, layer.discrete(), strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="has no continuous parameters any more"):
        layer.convert("continuous")


def test_wrong_settings_are_refused_in_one_line():
    with pytest.raises(ValueError, match="n_states must be even and at least 2, got 5"):
        layers.S4D(5)
    layer = built(16, 64, quantization=layers.StateSpaceQuantization(pole=Q(4), clip=np.inf))
    with pytest.raises(
        ValueError, match=r"pole \d+ of head \d+ has radius 1\.\d+ once rounded.* take more bits"
    ):
        layer.forward(np.zeros((3, 1, 16)))
    layer.quantization = layers.StateSpaceQuantization(state=Q(8))
    with pytest.raises(ValueError, match="empty calibration set"):
        layer.calibrate()


@pytest.mark.parametrize("form", ["recurrent", "convolution"])
def test_gradients_lie_in_memory_as_optimisers_need_them(form):
    layer = built(3, 8, form=form)
    layer.backward(layer.forward(np.ones((4, 2, 3))))
    for name, gradient in layer.gradients.items():
        assert gradient.flags.c_contiguous, name


def test_a_stream_sees_parameters_that_have_been_changed_in_place():
    layer = built(5, 8)
    x = np.random.default_rng(2).normal(size=(6, 1, 5))
    first = streamed(layer, x)
    for name in ("a", "C", "D"):
        layer.parameters[name] *= 1.5
        changed = streamed(layer, x)
        assert not np.array_equal(first, changed)
        assert np.array_equal(changed, layer.forward(x))
        first = changed
    layer.quantization = layers.StateSpaceQuantization(pole=Q(4))
    assert not np.array_equal(streamed(layer, x), first)
    layer.convert("discrete")
    layer.parameters["A_bar"] *= 0.5
    assert np.array_equal(streamed(layer, x), layer.forward(x))

"""Arrays whose type means something are converted or refused, in one line, wherever arrays are given.

What a conversion would lose without a word: masks, imaginary parts, units of time, units of quantities.
"""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import eventsim as es
from eventsim.io import analysis
from eventsim.models.gradients import Noise, SpikeGradient
from eventsim.models.inputs import encoding
from eventsim.models.training import Adam, SpikeLearner

M = es.models


class Quantity(np.ndarray):
    """An array with a unit, as `quantities` and astropy have them."""

    dimensionality = "s"

    def rescale(self, unit):
        raise ValueError("no conversion here")


class Tensor:
    """A tensor that requires a gradient, which NumPy may not read."""

    shape = (2,)
    ndim = 1

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nUse tensor.detach()")


def masked(values):
    array = np.ma.masked_array(np.array(values, float))
    array[..., -1] = np.ma.masked
    return array


BAD = {
    "masked": masked,
    "complex": lambda values: np.array(values) + 0.5j,
    "timedelta": lambda values: np.array(values).astype("timedelta64[us]"),
    "datetime": lambda values: np.array(values).astype("datetime64[s]"),
    "strings": lambda values: np.array(values).astype(str),
    "objects": lambda values: np.full(np.shape(values), None, object),
    "quantity": lambda values: np.array(values, float).view(Quantity),
    "tensor": lambda values: Tensor(),
    "list of quantities": lambda values: [np.array(each, float).view(Quantity) for each in values],
}


def network():
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(), 2)
    net.add("out", M.LIF(first_spike_only=True), 2)
    net.connect("in", "out", weight=[[2.0, 3.0], [3.0, 2.0]], delay=[[0.1, 0.2], [0.2, 0.1]])
    return net


def added(model):
    es.Network().add("cells", model, 2)


def connected(**values):
    net = network()
    net.connect("in", "out", **values)


def sim():
    return es.Simulation(network(), schedule="ordered")


def rates():
    net = es.Network()
    net.add("in", M.RateInput(), 2)
    net.add("out", M.LatentEquilibrium(), 2)
    net.connect("in", "out", weight=np.ones((2, 2)), bias=np.zeros(2))
    return es.Simulation(net, dt=1.0)


def backward(errors):
    grad = SpikeGradient(network())
    grad.backward(grad.forward({"in": [[0.1, 0.3]]}), {"out": errors})


def step(labels):
    SpikeLearner(network(), "out").step({"in": [[0.1, 0.3], [0.4, 0.2]]}, labels, Adam(0.1))


def arrivals(values):
    grad = SpikeGradient(network())
    grad.observed({"in": [[0.1, 0.3]]}, {"out": [[1.0, 2.0]]}, arrivals={"in->out": values})


PAIR = [1, 2]
SQUARE = [[1, 2], [3, 4]]
parameters = {
    f"{model.__name__}.{name}": (
        PAIR,
        lambda bad, model=model, name=name: added(
            model(**({"v_th": 9.0} if name in ("v_leak", "v_reset") else {}), **{name: bad})
        ),
    )
    for model, names in {
        M.LIF: "tau_mem tau_syn c_mem v_th v_leak v_reset i_ext t_ref v_init i_init",
        M.LIFDelta: "tau_mem c_mem v_th v_leak v_reset i_ext t_ref v_init",
        M.Poisson: "rate",
        M.LatentEquilibrium: "tau_mem tau_r",
        M.GeneralizedLatentEquilibrium: "tau_mem tau_r",
    }.items()
    for name in names.split()
}
DOORS = parameters | {
    "Regular.period": (PAIR, lambda bad: added(M.Regular(bad))),
    "Regular.phase": (PAIR, lambda bad: added(M.Regular(1.0, bad))),
    "Compartment.g_leak": (PAIR, lambda bad: added(M.MultiCompartment((M.Compartment("soma", g_leak=bad),)))),
    "Compartment.i_ext": (PAIR, lambda bad: added(M.MultiCompartment((M.Compartment("soma", i_ext=bad),)))),
    "SpikeSource.units": (PAIR, lambda bad: es.Network().add("s", M.SpikeSource([1.0, 2.0], bad), 5)),
    "weight": (SQUARE, lambda bad: connected(weight=bad)),
    "delay": (SQUARE, lambda bad: connected(delay=bad)),
    "axonal": (PAIR, lambda bad: connected(delay=es.connect.axonal(bad))),
    "dendritic": (PAIR, lambda bad: connected(delay=es.connect.dendritic(bad))),
    "pairs": ([0, 1], lambda bad: connected(rule=es.connect.pairs(bad, [0, 1]))),
    "with_parameters": (PAIR, lambda bad: network().with_parameters({"out": {"tau_mem": bad}})),
    "bias": (PAIR, lambda bad: rates().net.connect("in", "out", weight=1.0, bias=bad, name="again")),
    "stimulate units": ([0, 1], lambda bad: sim().stimulate("in", [1.0, 2.0], bad)),
    "record units": ([0, 1], lambda bad: sim().record("out", "v", units=bad)),
    "set_input": (PAIR, lambda bad: rates().set_input("in", bad)),
    "nudge": (PAIR, lambda bad: rates().nudge("out", bad)),
    "set_weights": (SQUARE, lambda bad: rates().set_weights("in->out", bad)),
    "set bias": (PAIR, lambda bad: rates().set_weights("in->out", bias=bad)),
    "first spikes": (SQUARE, lambda bad: SpikeGradient(network()).forward({"in": bad})),
    "errors": ([[1, 2]], backward),
    "errors by sample": ([[1, 2]], lambda bad: backward([bad[0]] if isinstance(bad, np.ndarray) else bad)),
    "labels": ([0, 1], step),
    "observed": ([[1, 2]], lambda bad: SpikeGradient(network()).observed({"in": [[0.1, 0.3]]}, {"out": bad})),
    "arrivals": ([[1, 2]], arrivals),
    "noise": (
        PAIR,
        lambda bad: SpikeGradient(network()).forward(
            {"in": [[0.1, 0.3]]}, noise=Noise(thresholds={"out": bad})
        ),
    ),
    "encoding": ([0, 1], encoding.latency),
    "classifier": (SQUARE, lambda bad: M.SpikingClassifier(epochs=1).fit(bad, [0, 1])),
    "first_where": (PAIR, lambda bad: analysis.rms(bad)),
    "predicted_class": (SQUARE, analysis.predicted_class),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_what_a_type_means_is_refused_in_one_line(door, kind):
    if (door, kind) == ("first spikes", "timedelta"):
        return  # converted: the network has a unit of time
    values, give = DOORS[door]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError, es.errors.ConfigError)) as told:
            give(BAD[kind](values))
    assert "\n" not in str(told.value)
    assert 10 < len(str(told.value)) < 300
    foreign = ("__array__", "numpy()", "cannot convert", "float()", "ufunc", "could not", "invalid literal")
    assert kind == "tensor" or not any(word in str(told.value) for word in foreign)


@pytest.mark.parametrize("door", DOORS)
def test_plain_numbers_of_any_type_are_taken(door):
    values, give = DOORS[door]
    whole = door in ("pairs", "SpikeSource.units", "stimulate units", "record units", "labels")
    for dtype in (np.int32, np.int64, np.uint8) if whole else (np.int32, np.float32, np.float64):
        give(np.array(values, dtype))
    give(np.ma.masked_array(np.array(values)))  # with no mask nothing is missing
    give(np.array(values).tolist())


SCALARS = {
    "LIF.tau_mem": lambda bad: added(M.LIF(tau_mem=bad)),
    "weight": lambda bad: connected(weight=bad),
    "delay": lambda bad: connected(delay=bad),
    "distribution": lambda bad: es.connect.normal(bad, 1.0),
    "beta": lambda bad: rates().nudge("out", PAIR, beta=bad),
    "every": lambda bad: rates().set_input("in", [PAIR], every=bad),
    "learning_rate": lambda bad: M.SpikingClassifier(learning_rate=bad).fit([[0.1, 0.2], [0.2, 0.1]], [0, 1]),
}


@pytest.mark.parametrize(
    "bad",
    [
        np.timedelta64(5, "us"),
        1 + 2j,
        "1",
        None,
        [],
        {},
        np.ma.masked,
        np.float64(1).view(),
        SimpleNamespace(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("door", SCALARS)
def test_one_number_is_a_real_number(door, bad):
    if isinstance(bad, np.floating):
        SCALARS[door](bad)
        return
    if door in ("weight", "delay", "every") and bad is None:
        return  # the default
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError, es.errors.ConfigError)) as told:
            SCALARS[door](bad)
    assert "\n" not in str(told.value)


def test_times_with_a_unit_are_converted_where_the_network_has_one():
    s = sim()
    s.stimulate("in", np.array([1000, 2500], "timedelta64[us]"), [0, 1])
    s.run(5.0)
    assert s.spikes("in").times.tolist() == [1.0, 2.5]

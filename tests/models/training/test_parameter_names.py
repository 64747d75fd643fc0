"""What `learn=` names is the same for whoever trains."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import UnknownPart
from eventsim.models.training import SpikeLearner
from eventsim.models.training.losses.first_spike import TimeInvariant
from eventsim.models.training.parameter_names import KINDS, parameter_names


def network():
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 3)
    net.add("hidden", es.models.LIF(tau_mem=2.0), 4)
    net.add("label", es.models.LIF(tau_mem=2.0), 2)
    net.add("readout", es.models.LIF(v_th=np.inf), 2)
    net.connect("input", "hidden", weight=np.ones((3, 4)), delay=np.full((3, 4), 0.5))
    net.connect("hidden", "label", weight=np.ones((4, 2)), delay=0.1)
    net.connect("hidden", "readout", weight=np.ones((4, 2)))
    return net


def test_a_kind_leaves_out_what_has_to_be_named():
    parameters = es.models.gradients.SpikeGradient(network()).parameters
    assert parameter_names("delay", parameters) == ["delay/input->hidden"]
    assert parameter_names(["delay/hidden->label", "delay"], parameters) == [
        "delay/input->hidden",
        "delay/hidden->label",
    ]
    assert parameter_names(["v_th"], parameters) == ["v_th/hidden", "v_th/label"]
    assert parameter_names(["v_th/readout"], parameters) == ["v_th/readout"]
    with pytest.raises(UnknownPart, match="nothing to learn is named 'weights'; kinds: weight, delay"):
        parameter_names(["weights"], parameters)


@pytest.mark.parametrize("learn", [("weight", "delay"), KINDS, ("v_th", "delay/hidden->label"), "tau_mem"])
def test_a_layer_of_torch_learns_what_a_learner_does(learn):
    torch = pytest.importorskip("torch")
    from eventsim.torch import EventLayer

    assert torch is not None
    net = network()
    by_learner = set(SpikeLearner(net, "label", TimeInvariant(), learn=learn).parameters)
    layer = EventLayer(net, "label", learn=learn)
    tensors = {f"{kind}/{name}": tensor for kind in KINDS for name, tensor in getattr(layer, kind).items()}
    by_torch = {name for name, tensor in tensors.items() if tensor.requires_grad}
    assert by_torch == by_learner

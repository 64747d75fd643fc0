"""Parts by name, and names of earlier versions."""

import pytest

import eventsim as es
from eventsim import registry
from eventsim.models.gradients import SpikeGradient


def test_underscores_find_a_part_whose_name_has_hyphens():
    assert registry.find("neuron", "lif_delta") is registry.find("neuron", "lif-delta") is es.models.LIFDelta


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(es.errors.UnknownPart, match=r"no neuron named 'lif_beta'; .*known: .*lif-delta"):
        registry.find("neuron", "lif_beta")


def test_an_old_argument_and_its_attribute_answer_with_a_warning():
    with pytest.warns(DeprecationWarning, match="'eta' is called 'learning_rate' now"):
        rule = es.models.plasticity.ErrorTimesRate(eta=0.3)
    assert rule.learning_rate == 0.3
    with pytest.warns(DeprecationWarning, match="'eta' is called 'learning_rate' now"):
        assert rule.eta == 0.3


def test_an_argument_under_its_old_and_its_new_name_is_refused():
    with (
        pytest.warns(DeprecationWarning, match="learning_rate"),
        pytest.raises(ValueError, match="'learning_rate' is given twice"),
    ):
        es.models.plasticity.ErrorTimesRate(learning_rate=0.3, eta=0.3)


@pytest.mark.parametrize(("old", "new"), [("walk", "eventprop"), ("layers", "first-spike")])
def test_kernels_of_gradients_answer_to_their_old_names(old, new):
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 2)
    net.add("out", es.models.LIF(first_spike_only=True), 1)
    net.connect("in", "out", weight=2.0)
    with pytest.warns(DeprecationWarning, match=f"'{old}' is called '{new}' now"):
        found = SpikeGradient(net, kernel=old).forward({"in": [[0.0, 0.3]]}, 5.0)
    assert type(found) is type(SpikeGradient(net, kernel=new).forward({"in": [[0.0, 0.3]]}, 5.0))


def test_a_run_of_gradients_answers_to_its_old_name():
    with pytest.warns(DeprecationWarning, match="Run is now"):
        assert es.models.gradients.Run is es.models.gradients.ForwardPass

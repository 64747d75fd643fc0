"""A network of snnTorch, through NIR, runs event-driven and is the limit of snnTorch's small steps."""

import numpy as np
import pytest

import eventsim as es

nir = pytest.importorskip("nir")
pytest.importorskip("nirtorch")
torch = pytest.importorskip("torch")
snntorch = pytest.importorskip("snntorch")
export_to_nir = pytest.importorskip("snntorch.export_nir").export_to_nir

STEP = 1e-4  # s; the step that snnTorch writes into every file of NIR
TAU_SYN, TAU_MEM = 0.005, 0.02
N_STEPS = 500
RNG = np.random.default_rng(13)
INTO, ON, BACK = (
    RNG.normal(mean, spread, shape)
    for mean, spread, shape in ((0.006, 0.006, (6, 4)), (0.006, 0.004, (3, 6)), (0, 0.002, (6, 6)))
)
TIMES, CHANNELS = np.nonzero(RNG.random((N_STEPS, 4)) < 0.015)


def network(level, recurrent=False, **reset):
    """Return a network of two layers of neurons with currents, of steps STEP / level."""
    decay = [1 - STEP / level / tau for tau in (TAU_SYN, TAU_MEM)]

    def layer(n, kind=snntorch.Synaptic, **more):
        alpha, beta = (torch.full((n,), each, dtype=torch.float64) for each in decay)
        return kind(alpha=alpha, beta=beta, threshold=torch.ones(n), init_hidden=True, **reset, **more)

    first = layer(6, snntorch.RSynaptic, linear_features=6) if recurrent else layer(6)
    linear = [torch.nn.Linear(4, 6, bias=False), torch.nn.Linear(6, 3, bias=False)]
    model = torch.nn.Sequential(linear[0], first, linear[1], layer(3)).double()
    with torch.no_grad():
        # The membrane adds the current once a step, so that the current of a smaller step is smaller.
        linear[0].weight[:], linear[1].weight[:] = torch.tensor(INTO / level), torch.tensor(ON / level)
        if recurrent:
            first.recurrent.weight[:] = torch.tensor(BACK / level)
            first.recurrent.bias[:] = 0
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):  # spikes are float32
            module.register_forward_pre_hook(lambda one, given: given[0].to(one.weight.dtype))
    return model


def by_steps(model, level):
    """Return times (s) and units of the spikes of both layers, as snnTorch steps."""
    x = torch.zeros((N_STEPS * level, 1, 4), dtype=torch.float64)
    x[torch.tensor(TIMES * level), 0, torch.tensor(CHANNELS)] = 1.0
    sent = {1: [], 3: []}
    with torch.no_grad():
        for signal in x:
            for k, module in enumerate(model):
                signal = module(signal)
                if k in sent:
                    sent[k].append(signal[0].numpy())
    steps = {k: np.nonzero(np.array(each)) for k, each in sent.items()}
    return [(at * STEP / level, units) for at, units in steps.values()]


def exported(model, path):
    """Write a model as a file of NIR; snnTorch looks at it without a batch."""
    nir.write(path, export_to_nir(model.float(), torch.zeros(4)))
    return path


def by_events(path, factor=1.0):
    """Return times (s) and units of both layers; the file of a smaller step has times `factor` as long."""
    trace = es.io.load(path, dt=STEP)
    sim = es.Simulation(trace.network())
    sim.stimulate("input", TIMES * STEP * factor, CHANNELS)
    sim.run(N_STEPS * STEP * factor)
    spikes = [sim.spikes(name) for name in trace.sizes if name != "input"]
    return [(each.times / factor, each.units) for each in spikes]


def difference(theirs, ours):
    """Return the mean difference of the times of spikes, which are the same spikes."""
    (times, units), (exact, whose) = theirs, ours
    order, other = np.lexsort((times, units)), np.lexsort((exact, whose))
    assert np.array_equal(units[order], whose[other])
    return np.abs(times[order] - exact[other]).mean()


@pytest.mark.parametrize("reset", [{}, {"reset_mechanism": "zero", "reset_delay": False}])
def test_the_steps_of_snntorch_approach_the_spikes_of_its_exported_network(tmp_path, reset):
    exact = by_events(exported(network(1, **reset), tmp_path / "net.nir"))
    assert [len(times) for times, _ in exact] == [80, 63]
    errors = []
    for level in (2, 4, 8):
        found = by_steps(network(level, **reset), level)
        errors.append([difference(theirs, ours) for theirs, ours in zip(found, exact, strict=True)])
    falls = np.array(errors[:-1]) / np.array(errors[1:])
    assert (falls > 1.6).all()
    assert (falls < 2.5).all()  # to first order in the step
    assert np.max(errors[-1]) < STEP


def test_a_recurrent_layer_of_snntorch_has_a_loop_of_one_step(tmp_path):
    errors = []
    for level in (2, 4, 8):  # of each a file, since the delay of the loop is the step
        model = network(level, recurrent=True)
        found = by_steps(model, level)
        exact = by_events(exported(model, tmp_path / f"{level}.nir"), level)
        errors.append([difference(theirs, ours) for theirs, ours in zip(found, exact, strict=True)])
    falls = np.array(errors[:-1]) / np.array(errors[1:])
    assert (falls > 1.6).all()
    assert (falls < 2.5).all()
    notes = es.io.load(tmp_path / "8.nir", dt=STEP).provenance["notes"]
    assert "loops without delay got a delay of dt = 0.0001 s: 1.lif->1.lif" in notes

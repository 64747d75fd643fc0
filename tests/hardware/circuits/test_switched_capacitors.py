"""Cores of switched capacitors: the software's numbers, charge, noise, imperfections, a slow reference."""

from dataclasses import replace

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.hardware.chips import Minimalist
from eventsim.hardware.circuits import Circuit, Core, calibrated_trims, manufactured
from reference import switched_capacitors as reference

layers = es.models.layers
V_FS = 0.4
KT = 1.380649e-8 * 300  # fJ
FIXED = {
    "mismatch": 0.02,
    "offset": 3.0,
    "parasitic": 0.05,
    "parasitic_state": 0.1,
    "injection": 0.7,
    "leak": 40.0,
    "leak_tau": 300.0,
    "settling": 4.0,
    "level_error": 3.0,
}  # all that is no noise
ALL = FIXED | {"temperature": 300.0, "comparator_noise": 1.0}


def layer_of(n_in=64, n_out=64, seed=0, **given):
    layer = layers.QuantizedMinGRU(n_out, **given)
    layer.build(n_in, np.random.default_rng(seed), np.float64)
    if layer.output != "state":
        layer.parameters["threshold"][...] = np.random.default_rng(seed + 1).uniform(-0.1, 0.1, n_out)
    return layer


def model_of(n_in=64, hidden=64, seed=0, **given):
    parts = [layer_of(n_in, hidden, seed, **given), layer_of(hidden, 10, seed + 5, output="state", **given)]
    found = layers.Sequential(parts)
    found.adopt()
    return found


def coins(steps, n, seed=3, batch=1):
    return (np.random.default_rng(seed).random((steps, batch, n)) < 0.5).astype(float)


def ran(core, inputs, key=0):
    core.reset(len(inputs), key)
    core.show(inputs)
    for t in range(len(inputs)):
        core.step(t)
    return core


@pytest.mark.parametrize(("slope", "clear"), [(6.0, 1.0), (5.3717, 0.9), (5.3, 0.1)])
@pytest.mark.parametrize(("n_in", "unused"), [(64, "repeat"), (32, "repeat"), (40, "idle"), (48, "exact")])
def test_an_ideal_circuit_gives_the_numbers_of_the_software(n_in, unused, slope, clear):
    model = model_of(n_in, 64 if unused != "exact" else 48, slope=slope, unused=unused)
    x = coins(200, n_in, batch=2)
    traces = Circuit(model, Minimalist()).run(x)
    for layer, codes, states, outputs in zip(
        model.layers, traces.codes, traces.states, traces.outputs, strict=True
    ):
        z, h = layer.gates_and_states(x)
        used = layer.used()
        u = slope / layer.divisor * x @ used["gate_weight"] + used["gate_bias"] + 0.5
        border = np.abs(64 * u + 0.5 - np.rint(64 * u + 0.5)) < 1e-9
        # After a code on the border of two, states may differ for as long as they last.
        same = ~np.logical_or.accumulate(border, axis=0)
        assert same.mean() >= clear
        swapped = np.floor(codes * (layer.core_rows / 64) + 0.5)
        assert np.array_equal(swapped[same], np.rint(layer.core_rows * z)[same])
        assert np.abs(states - h)[same].max() < 1e-12
        if layer.output == "binary":
            assert np.array_equal(outputs[same], layer.forward(x)[same])
        x = outputs.astype(float)


@pytest.mark.parametrize("rounding", ["nearest", "floor"])
def test_all_that_is_no_noise_is_as_the_slow_reference_says(rounding):
    device = Minimalist(**FIXED, rounding=rounding, device_seed=4)
    for place, layer in enumerate(
        (layer_of(64, 5), layer_of(40, 3, unused="idle"), layer_of(16, 3, rows=128))
    ):
        made = manufactured(layer, device, place)
        inputs = np.random.default_rng(place).random((25, made.c_z.shape[0])) < 0.4
        core = ran(Core(made), inputs)
        codes, states, energy = reference.run(made, inputs)
        assert np.array_equal(core.codes, codes)
        assert core.states == pytest.approx(np.array(states), rel=1e-9, abs=1e-14)
        assert core.energies["drawn"] == pytest.approx(energy["drawn"], rel=1e-9)
        assert core.energies["lost"] == pytest.approx(energy["lost"], rel=1e-9)


def charges(core):
    """Return the charge on each kind of capacitor with its line, by column."""
    found, lines = core.capacitors, core.line_capacitances
    z, free, bank = (
        (found[f"c_{kind}"] * found[f"v_{kind}"]).sum(axis=0) + c * found[f"{line}_line"]
        for kind, line, c in zip(("z", "free", "bank"), ("z", "candidate", "state"), lines, strict=True)
    )
    return z, free, bank


def test_charge_is_conserved_in_every_share_and_exchange():
    core = Core(manufactured(layer_of(), Minimalist(**ALL, device_seed=2), 0))
    core.reset(40, 9)
    core.show(coins(40, 64)[:, 0])
    scale = 64 * V_FS
    for t in range(40):
        core.phase(0, t)
        for phase in (1, 2, 3, 4):
            before = charges(core)
            core.phase(phase, t)
            after = charges(core)
            assert after[0] == pytest.approx(before[0], abs=1e-12 * scale)
            assert after[1] + after[2] == pytest.approx(before[1] + before[2], abs=1e-12 * scale)
            if phase != 3:
                assert after[1] == pytest.approx(before[1], abs=1e-12 * scale)


@pytest.mark.parametrize("settings", [{}, {"mismatch": 0.05}, ALL])
def test_energies_add_up_to_what_is_stored(settings):
    core = ran(Core(manufactured(layer_of(), Minimalist(**settings), 0)), coins(50, 64)[:, 0], 1)
    found, energies = core.capacitors, core.energies
    stored = sum((found[f"c_{k}"] * found[f"v_{k}"] ** 2 / 2).sum() for k in ("z", "free", "bank"))
    for c, line in zip(core.line_capacitances, ("z", "candidate", "state"), strict=True):
        stored += (c * found[f"{line}_line"] ** 2 / 2).sum()
    balance = energies["drawn"] + energies["pushed"] - energies["lost"] - energies["leaked"]
    assert balance == pytest.approx(stored, abs=1e-9 * energies["drawn"])


def test_energy_grows_with_rows_columns_capacitance_and_the_square_of_voltage():
    def drawn(rows, columns, **settings):
        layer = layer_of(rows, columns, rows=rows)
        made = manufactured(layer, Minimalist(**settings), 0)
        return ran(Core(made), coins(200, rows)[:, 0]).energies["drawn"] / 200

    one = drawn(64, 64)
    assert drawn(64, 64, c_unit=3.0) == pytest.approx(3 * one, rel=1e-9)
    assert drawn(64, 64, v_fs=0.8) == pytest.approx(4 * one, rel=1e-9)
    assert drawn(64, 128) == pytest.approx(2 * one, rel=0.05)
    assert drawn(128, 64) == pytest.approx(2 * one, rel=0.05)
    # Half of the rows charge z and h from near V_0 to rails with a mean square of 1/3 + 2/3 / 9.
    assert one == pytest.approx(64 * 64 * V_FS**2 * 2 * 0.5 * 11 / 27, rel=0.05)


def test_the_noise_of_a_share_has_the_variance_kt_by_all_capacitors():
    device = Minimalist(temperature=300.0)
    core = ran(Core(manufactured(layer_of(64, 100), device, 0)), np.zeros((200, 64)), 5)
    for found in (core.candidates, (core.gates - 0.5 - layer_of(64, 100).used()["gate_bias"]) / 6 * V_FS):
        assert found.size >= 10_000
        assert np.var(found) == pytest.approx(KT / 64, rel=0.05)
    assert np.sqrt(KT / 64) == pytest.approx(0.254e-3, rel=0.01)


def even_levels():
    """Return a layer whose weights have each of the four levels equally often."""
    layer = layer_of(64, 64)
    rng = np.random.default_rng(11)
    for name in ("weight", "gate_weight"):
        layer.parameters[name][...] = rng.choice([-1.0, -1 / 3, 1 / 3, 1.0], (64, 64))
    return layer


def with_uniform_codes(device, layer=None):
    """Return a core whose codes are those of an ideal converter, and do not see what is wrong with z."""
    layer = layer or even_levels()
    ideal = manufactured(layer, Minimalist(), 0)
    return Core(replace(manufactured(layer, device, 0), c_z=ideal.c_z, rail_z=ideal.rail_z))


def test_mismatch_moves_a_share_and_a_state_as_predicted():
    x = coins(200, 64)[:, 0]
    ideal = ran(with_uniform_codes(Minimalist()), x)
    errors = []
    for spread in (0.005, 0.01, 0.02, 0.05):
        shares, states = [], []
        for seed in range(3):
            core = ran(with_uniform_codes(Minimalist(mismatch=spread, device_seed=seed)), x)
            assert np.array_equal(core.codes, ideal.codes)
            shares.append((core.candidates - ideal.candidates)[0])
            states.append(core.states - ideal.states)
        errors.append(np.sqrt(np.mean(np.square(states))))
        rails = manufactured(even_levels(), Minimalist(), 0).rail_h * x[0][:, None]
        expected = spread * np.sqrt((rails.var(axis=0)).mean() / 64)
        assert np.sqrt(np.mean(np.square(shares))) == pytest.approx(expected, rel=0.15)
    assert np.array(errors) / errors[1] == pytest.approx([0.5, 1, 2, 5], rel=0.1)
    assert errors[1] == pytest.approx(0.20e-3, rel=0.2)


def test_noise_of_states_is_filtered_by_the_gates():
    x = coins(400, 64)[:, 0]
    device = Minimalist(temperature=300.0)
    layer = layer_of(64, 64)
    ideal = ran(with_uniform_codes(Minimalist(), layer), x)
    core = Core(replace(manufactured(layer, device, 0), by_volt=0.0, bias=np.full(64, -0.25)))
    quiet = Core(replace(manufactured(layer, Minimalist(), 0), by_volt=0.0, bias=np.full(64, -0.25)))
    z = 16 / 64
    error = ran(core, x, 3).states - ran(quiet, x).states
    expected = np.sqrt(KT / 64) * np.sqrt(z**2 / (1 - (1 - z) ** 2))
    assert np.sqrt(np.mean(error[30:] ** 2)) == pytest.approx(expected, rel=0.03)
    assert ideal.codes.std() > 10


def test_a_candidate_line_has_a_gain_and_a_memory():
    c_p, x = 0.2, coins(50, 64)[:, 0]
    layer = layer_of(64, 64)
    core = ran(Core(manufactured(layer, Minimalist(parasitic=c_p), 0)), x)
    ideal = V_FS * x @ layer.used()["weight"] / 64
    before = np.vstack((np.zeros((1, 64)), core.candidates[:-1]))
    assert core.candidates == pytest.approx(ideal / (1 + c_p) + before * c_p / (1 + c_p), abs=1e-9 * V_FS)
    z_line = (core.gates - 0.5 - layer.used()["gate_bias"]) * V_FS / 6
    before = np.vstack((np.zeros((1, 64)), z_line[:-1]))
    ideal = V_FS * x @ layer.used()["gate_weight"] / 64
    assert z_line == pytest.approx(ideal / (1 + c_p) + before * c_p / (1 + c_p), abs=1e-9 * V_FS)


def test_a_state_line_divides_the_gate_and_has_no_gain():
    c_p, x = 0.2, coins(50, 64)[:, 0]
    core = ran(Core(manufactured(layer_of(64, 64), Minimalist(parasitic_state=c_p), 0)), x)
    h = np.zeros(64)
    for t in range(50):
        z = core.codes[t] / 64 / (1 + c_p)
        h = (1 - z) * h + z * core.candidates[t]
        assert core.states[t] == pytest.approx(h, abs=1e-9 * V_FS)


def test_idle_states_leak_linearly_to_the_reference_or_exponentially():
    layer = layer_of(64, 8)
    x = np.zeros((60, 64))
    x[0] = 1
    for settings in ({"leak": 3000.0}, {"leak_tau": 20.0}):
        made = manufactured(layer, Minimalist(**settings), 0)
        # Full scale of the gate at the first step, when all rows are driven, and closed afterwards.
        made = replace(made, rail_z=np.full((64, 8), V_FS), bias=np.full(8, -1.0))
        states = ran(Core(made), x).states
        first, steps = states[0], np.arange(60)[:, None]
        assert np.abs(first).max() > 0.01
        if "leak" in settings:  # fA us / fF: 1e-6 V
            fall = steps * 3000.0 * 1e-6 / 64
            expected = np.sign(first) * np.maximum(np.abs(first) - fall, 0)
        else:
            expected = first * np.exp(-steps / 20.0)
        assert states == pytest.approx(expected, abs=1e-12)


def test_one_femtoampere_out_of_64_fF_is_16_microvolt_in_a_millisecond():
    made = manufactured(layer_of(64, 8), Minimalist(leak=1.0, step_us=1000.0), 0)
    assert made.leak_charge / 64 == pytest.approx(15.6e-6, rel=0.01)


def test_a_phase_of_seven_time_constants_leaves_a_thousandth():
    made = manufactured(layer_of(64, 8), Minimalist(settling=7.0), 0)
    assert made.left == pytest.approx(0.9e-3, rel=0.02)
    core = Core(made)
    core.reset(1, 0)
    core.show(np.ones((1, 64)))
    core.phase(0, 0)
    assert core.capacitors["v_z"] == pytest.approx(made.rail_z * (1 - made.left), rel=1e-12)


def test_injected_charge_shifts_all_shares_by_one_voltage():
    x = coins(20, 64)[:, 0]
    one, other = (
        ran(Core(manufactured(layer_of(64, 8), Minimalist(injection=mv), 0)), x) for mv in (0.0, 1.5)
    )
    assert other.candidates - one.candidates == pytest.approx(1.5e-3, abs=1e-12)


def test_errors_of_rails_are_common_to_all_columns():
    made = manufactured(layer_of(64, 8), Minimalist(level_error=5.0), 0)
    assert len(np.unique(made.rail_h)) == 4
    assert not np.isin(np.unique(made.rail_h), V_FS * np.array([-1, -1 / 3, 1 / 3, 1])).any()
    assert set(np.unique(made.rail_z)) == set(np.unique(made.rail_h))


def test_an_offset_acts_in_every_decision_of_the_converter_and_at_the_output():
    layer = layer_of(64, 64)
    x = coins(100, 64)[:, 0]
    made = manufactured(layer, Minimalist(offset=10.0, device_seed=1), 0)
    core = ran(Core(made), x)
    expected = np.clip(np.floor(64 * (core.gates - made.converter_offset * 6 / V_FS) + 0.5), 0, 63)
    assert np.array_equal(core.codes, expected)
    assert np.array_equal(core.outputs == 1, core.states > made.threshold)
    alone = manufactured(layer, Minimalist(offset=10.0, offset_in="output", device_seed=1), 0)
    assert not alone.converter_offset.any()
    assert np.array_equal(alone.threshold, made.threshold)


def test_noise_of_a_comparator_is_drawn_for_each_decision():
    layer = layer_of(64, 64)
    core = ran(Core(manufactured(layer, Minimalist(comparator_noise=5.0), 0)), coins(300, 64)[:, 0], 7)
    off = core.codes - np.clip(np.floor(64 * core.gates + 0.5), 0, 63)
    inside = (core.gates > 0.3) & (core.gates < 0.7)
    # One code is 0.4 V / 6 / 64 = 1.04 mV. A decision far from its threshold sees little of its noise.
    assert 2.0 < off[inside].std() < 6.0
    again = ran(Core(manufactured(layer, Minimalist(comparator_noise=5.0), 0)), coins(300, 64)[:, 0], 7)
    assert np.array_equal(core.codes, again.codes)


@pytest.mark.parametrize("settings", [{}, ALL])
def test_phases_as_events_give_the_bits_of_a_plain_loop(settings):
    x = coins(30, 64, batch=3)
    found = []
    for events in (True, False):
        circuit = Circuit(model_of(), Minimalist(**settings, seed=3))
        traces = circuit.run(x, events=events)
        found.append(
            [*traces.states, *traces.codes, *traces.outputs, np.array(list(circuit.energies.values()))]
        )
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_draws_of_a_sample_depend_on_its_number_and_the_trial_alone():
    x = coins(10, 64, batch=4)
    device = Minimalist(**ALL)
    whole, part = Circuit(model_of(), device), Circuit(model_of(), device)
    states = whole.run(x).states[1]
    assert np.array_equal(part.run(x[:, 2:], first=2).states[1], states[:, 2:])
    assert not np.array_equal(whole.run(x).states[1], states)


def test_trims_make_up_for_offsets():
    model = model_of()
    device = Minimalist(offset=20.0, device_seed=5)
    trims = calibrated_trims(model, device)
    for place, (layer, trim) in enumerate(zip(model.layers, trims, strict=True)):
        offset = manufactured(layer, device, place).converter_offset
        step = V_FS / 128
        within = (trim.threshold > -32) & (trim.threshold < 31)
        left = offset + trim.threshold * step
        assert within.mean() > 0.95
        assert left[within].min() > -1e-12
        assert left[within].max() < step + 1e-12
        in_codes = trim.gate_bias / 32 - offset * 6 / V_FS
        within = (trim.gate_bias > -32) & (trim.gate_bias < 31)
        assert np.abs(in_codes[within]).max() <= 1 / 32
    x = coins(30, 64, batch=2)
    ideal = Circuit(model, Minimalist()).forward(x)
    raw, trimmed = (Circuit(model, replace(device, calibrated=c)).forward(x) for c in (False, True))
    assert np.abs(trimmed - ideal).mean() < 0.5 * np.abs(raw - ideal).mean()


def test_an_ideal_circuit_in_the_loop_has_the_gradients_of_the_software():
    from eventsim.hardware.circuits import CircuitInTheLoop

    x, dy = coins(12, 64, batch=3), np.random.default_rng(1).normal(size=(12, 3, 10))
    model = model_of()
    y = model.forward(x)
    model.backward(dy)
    expected = {name: array.copy() for name, array in model.gradients.items()}
    loop = CircuitInTheLoop(model, Minimalist())
    assert loop.forward(x) == pytest.approx(y, abs=1e-12)
    loop.backward(dy)
    assert model.parameters["weight/0"] is loop.parameters["weight/0"]
    for name, array in expected.items():
        assert loop.gradients[name] == pytest.approx(array, rel=1e-9, abs=1e-12), name


def test_layers_that_no_circuit_holds_are_refused():
    x = coins(3, 64)
    with pytest.raises(ConfigError, match="layer 0 is Linear"):
        Circuit(layers.Sequential([layers.Linear(3)]), Minimalist())
    with pytest.raises(ConfigError, match="needs gates of some bits and weights of some levels"):
        Circuit(model_of(levels=None), Minimalist())
    with pytest.raises(ValueError, match="a circuit takes inputs of 0 and 1, got"):
        Circuit(model_of(), Minimalist()).run(x * 0.5)
    with pytest.raises(ValueError, match=r"inputs must have shape \(time, batch, 64\), got \(3, 1, 32\)"):
        Circuit(model_of(), Minimalist()).run(x[:, :, :32])
    net = es.Network()
    net.add("cells", es.models.LIF(), 2)
    with pytest.raises(ConfigError, match="'minimalist' runs layers"):
        es.Simulation(net, hardware="minimalist")


def test_events_from_outside_name_a_phase_and_a_step():
    core = Core(manufactured(layer_of(64, 4), Minimalist(), 0))
    engine = es.Engine()
    engine.register(core)
    core.reset(3, 0)
    for unit, value in ((5, 0.0), (-1, 0.0), (0, 3.0), (0, float("nan"))):
        with pytest.raises(ValueError):
            engine.schedule(1.0, core, unit=unit, value=value)

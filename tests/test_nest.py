"""Random recurrent networks, spike by spike beside NEST's exact ("precise") neurons."""

import numpy as np
import pytest

import eventsim as es

# The step of NEST's grid. Input times are multiples of 2^-30 and delays of this, so that sums of delays
# along different paths are exact and meet in one instant in both simulators: neurons with jumps fire at
# the very times of inputs. NEST counts refractoriness in steps too.
RESOLUTION = 0.125
TAU_MEM, TAU_SYN, C_MEM, V_TH, V_RESET, T_REF = 10.0, 3.0, 250.0, 15.0, -2.0, 1.75
PARAMETERS = {"tau_m": TAU_MEM, "C_m": C_MEM, "E_L": 0.0, "V_th": V_TH, "V_reset": V_RESET, "t_ref": T_REF}


@pytest.fixture(scope="module")
def nest():
    nest = pytest.importorskip("nest", reason="NEST is not installed")
    nest.verbosity = nest.VerbosityLevel.ERROR
    return nest


def problem(seed, n, n_in, jump):
    """Return what both simulators get: inputs, weights, delays on the grid that NEST needs."""
    rng = np.random.default_rng(seed)
    scale = 2.2 if jump else 150.0  # mV, or pA
    times = np.sort(np.round(rng.uniform(1.0, 95.0, 40 * n_in) * 2**30)) / 2**30
    units = rng.integers(0, n_in, 40 * n_in)
    inhibitory = rng.random(n) < 0.25
    recurrent = rng.uniform(0.3, 1.0, (n, n)) * scale * np.where(inhibitory, -1.5, 0.6)[:, None]
    pairs = np.argwhere(rng.random((n, n)) < 0.15)  # with autapses
    return {
        "times": times,
        "units": units,
        "feed": rng.uniform(0.3, 1.0, (n_in, n)) * scale,
        "pairs": pairs,
        "weight": recurrent[pairs[:, 0], pairs[:, 1]],
        "steps": rng.integers(5, 40, len(pairs)),  # of the resolution
        "i_ext": 1.2 * V_TH * C_MEM / TAU_MEM * 0.5,
    }


def ours(p, n, n_in, jump, duration):
    common = {
        "tau_mem": TAU_MEM,
        "c_mem": C_MEM,
        "v_th": V_TH,
        "v_reset": V_RESET,
        "t_ref": T_REF,
        "i_ext": p["i_ext"],
    }
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=p["times"], units=p["units"]), n_in)
    net.add("cells", es.models.LIFDelta(**common) if jump else es.models.LIF(tau_syn=TAU_SYN, **common), n)
    net.connect("input", "cells", weight=p["feed"], delay=1.0)
    edges = es.connect.pairs(p["pairs"][:, 0], p["pairs"][:, 1])
    net.connect("cells", "cells", edges, weight=p["weight"], delay=p["steps"] * RESOLUTION)
    found = {}
    for schedule in ("ordered", "windows"):
        sim = es.Simulation(net, schedule=schedule)
        sim.run(duration)
        spikes = sim.spikes("cells")
        order = np.lexsort((spikes.times, spikes.units))
        found[schedule] = spikes.times[order], spikes.units[order]
    return found


def theirs(nest, p, n, n_in, jump, duration):
    nest.ResetKernel()
    nest.resolution = RESOLUTION
    synaptic = {} if jump else {"tau_syn_ex": TAU_SYN, "tau_syn_in": TAU_SYN}
    model = "iaf_psc_delta_ps" if jump else "iaf_psc_exp_ps"
    cells = nest.Create(model, n, params=PARAMETERS | synaptic | {"I_e": p["i_ext"], "V_m": 0.0})
    sources = nest.Create("spike_generator", n_in, params={"precise_times": True})
    for k in range(n_in):
        sources[k].spike_times = p["times"][p["units"] == k]
    nest.Connect(sources, cells, "all_to_all", {"weight": p["feed"].T, "delay": 1.0})
    ids = np.array(cells.tolist())
    nest.Connect(
        ids[p["pairs"][:, 0]],
        ids[p["pairs"][:, 1]],
        "one_to_one",
        {"weight": p["weight"], "delay": p["steps"] * RESOLUTION},
    )
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(duration)
    times, units = np.asarray(recorder.events["times"]), np.asarray(recorder.events["senders"]) - ids[0]
    order = np.lexsort((times, units))
    return times[order], units[order]


@pytest.mark.parametrize("model", ["iaf_psc_exp_ps", "iaf_psc_delta_ps"])
def test_random_recurrent_networks_agree_with_nest_spike_by_spike(nest, model):
    jump = model == "iaf_psc_delta_ps"
    total, worst = 0, []
    for seed, n in ((1, 20), (2, 40), (3, 60), (4, 100)):
        n_in, duration = 10, 100.0
        p = problem(seed, n, n_in, jump)
        times, units = theirs(nest, p, n, n_in, jump, duration)
        for found_times, found_units in ours(p, n, n_in, jump, duration).values():
            early = found_times < duration - RESOLUTION  # NEST's last step ends with the run
            early_theirs = times < duration - RESOLUTION
            assert found_units[early].tolist() == units[early_theirs].tolist()
            worst.append(np.abs(found_times[early] - times[early_theirs]).max())
        total += len(times)
    assert total >= 1000
    assert max(worst) < 1e-9


def test_a_constant_current_gives_the_spikes_of_nest(nest):
    for name in ("iaf_psc_exp_ps", "iaf_psc_delta_ps", "iaf_psc_exp_ps_lossless"):
        nest.ResetKernel()
        nest.resolution = RESOLUTION
        cell = nest.Create(name, params=PARAMETERS | {"I_e": 500.0, "V_m": 0.0})
        recorder = nest.Create("spike_recorder")
        nest.Connect(cell, recorder)
        nest.Simulate(100.0)
        net = es.Network()
        model = es.models.LIFDelta if "delta" in name else es.models.LIF
        common = {"tau_mem": TAU_MEM, "c_mem": C_MEM, "v_th": V_TH, "v_reset": V_RESET, "t_ref": T_REF}
        net.add("cell", model(i_ext=500.0, **common), 1)
        sim = es.Simulation(net)
        sim.run(100.0)
        assert len(sim.spikes("cell")) > 5
        assert sim.spikes("cell").times == pytest.approx(recorder.events["times"], rel=0, abs=1e-12)


@pytest.mark.parametrize("synapse", ["stdp_synapse", "stdp_triplet_synapse", "multiplicative"])
def test_plastic_weights_agree_with_nest(nest, synapse):
    """Spikes of both sides are given, on NEST's grid; relays there, and cells that any input fires here."""
    rng = np.random.default_rng(8)
    n, delay, duration = 12, 2.0, 2000.0
    # A last spike of each source brings NEST's weights up to date, which change at these spikes only.
    pre = [np.append(np.sort(rng.choice(np.arange(20, 19000), 60, False)), 19900) * 0.1 for _ in range(n)]
    post = [np.sort(rng.choice(np.arange(20, 19000), 60, replace=False)) * 0.1 for _ in range(n)]
    triplet = synapse == "stdp_triplet_synapse"
    mu = 1.0 if synapse == "multiplicative" else 0.0
    nest.ResetKernel()
    nest.resolution = 0.1
    sources = nest.Create("spike_generator", n)
    teachers = nest.Create("spike_generator", n)
    for k in range(n):
        sources[k].spike_times, teachers[k].spike_times = (
            pre[k],
            post[k] - 1.0,
        )  # a relay's input is 1 ms late
    relays = nest.Create("parrot_neuron", n)
    targets = nest.Create("parrot_neuron", n, params={} if triplet else {"tau_minus": 33.0})
    if triplet:
        targets.set(tau_minus=33.7, tau_minus_triplet=125.0)
        rule = {"Wmax": 1.0, "weight": 0.5, "delay": delay, "Aplus": 0.01, "Aminus": 0.007}
        rule |= {
            "Aplus_triplet": 0.0062,
            "Aminus_triplet": 0.00023,
            "tau_plus": 16.8,
            "tau_plus_triplet": 101.0,
        }
    else:
        rule = {"Wmax": 1.0, "weight": 0.5, "delay": delay, "lambda": 0.02, "alpha": 1.1}
        rule |= {"tau_plus": 20.0, "mu_plus": mu, "mu_minus": mu}
    nest.Connect(sources, relays, "one_to_one", {"delay": 1.0})
    nest.Connect(teachers, targets, "one_to_one", {"delay": 1.0})
    kind = "stdp_triplet_synapse" if triplet else "stdp_synapse"
    # Port 1 of a relay is silent: the plastic synapse sees its spikes and adds none.
    nest.Connect(relays, targets, "one_to_one", {"synapse_model": kind, "receptor_type": 1, **rule})
    nest.Simulate(duration)
    found = nest.GetConnections(relays, targets, kind)
    theirs_weight = np.array(found.get("weight"))[np.argsort(found.get("source"))]

    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=[times + 1.0 for times in pre]), n)
    net.add("teacher", es.models.SpikeSource(times=list(post)), n)
    net.add("cells", es.models.LIFDelta(v_th=1.0, tau_mem=1e-3), n)
    net.connect("input", "cells", weight=0.5, delay=delay, rule=es.connect.one_to_one())
    net.connect("teacher", "cells", weight=5.0, delay=0.0, rule=es.connect.one_to_one())
    if triplet:
        learned = es.models.plasticity.TripletSTDP(a_plus=0.01, a_minus=0.007)
    else:
        learned = es.models.plasticity.PairSTDP(
            learning_rate=0.02, alpha=1.1, tau_minus=33.0, mu_plus=mu, mu_minus=mu
        )
    net.add_plasticity("input->cells", learned)
    sim = es.Simulation(net, schedule="ordered")
    sim.run(duration)
    assert len(sim.spikes("cells")) == 60 * n
    ours_weight = sim.weights("input->cells")[2]
    assert np.abs(theirs_weight - 0.5).max() > 0.02
    assert np.allclose(ours_weight, theirs_weight, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("tau_rec", "tau_fac"), [(150.0, 0.0), (30.0, 300.0)])
def test_depression_and_facilitation_agree_with_nest(nest, tau_rec, tau_fac):
    """Spikes of sources lie on NEST's grid, as its synapse takes intervals from there."""
    rng = np.random.default_rng(4)
    n_in, n, used, delay, duration = 20, 6, 0.3, 1.5, 500.0
    times = [np.sort(rng.choice(np.arange(8, 3990), 60, replace=False)) * 0.125 for _ in range(n_in)]
    weight = rng.uniform(200.0, 1200.0, (n_in, n)) * (3.0 if tau_fac == 0.0 else 0.5)
    nest.ResetKernel()
    nest.resolution = 0.125
    cells = nest.Create("iaf_psc_exp_ps", n, params=PARAMETERS | {"tau_syn_ex": TAU_SYN, "V_m": 0.0})
    sources = nest.Create("spike_generator", n_in)
    relays = nest.Create("parrot_neuron", n_in)  # a generator cannot have such synapses
    for k in range(n_in):
        sources[k].spike_times = times[k]
    nest.Connect(sources, relays, "one_to_one", {"delay": 0.5})
    # Its u and x are those of the first spike; a synapse at rest uses U of resources of 1.
    synapse = {"synapse_model": "tsodyks2_synapse", "U": used, "u": used, "x": 1.0}
    nest.Connect(
        relays,
        cells,
        "all_to_all",
        synapse | {"tau_rec": tau_rec, "tau_fac": tau_fac, "weight": weight.T, "delay": delay - 0.5},
    )
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(duration)
    wanted, who = (
        np.asarray(recorder.events["times"]),
        np.asarray(recorder.events["senders"]) - cells.tolist()[0],
    )
    early = wanted < duration - 1.0  # NEST's last step ends with the run
    wanted, who = wanted[early], who[early]
    order = np.lexsort((wanted, who))
    for schedule in ("ordered", "layered"):
        net = es.Network()
        net.add("input", es.models.SpikeSource(times=times), n_in)
        common = {"tau_mem": TAU_MEM, "c_mem": C_MEM, "v_th": V_TH, "v_reset": V_RESET, "t_ref": T_REF}
        net.add("cells", es.models.LIF(tau_syn=TAU_SYN, **common), n)
        net.connect("input", "cells", weight=weight, delay=delay)
        net.add_plasticity("input->cells", es.models.plasticity.ShortTermPlasticity(used, tau_rec, tau_fac))
        sim = es.Simulation(net, schedule=schedule)
        sim.run(duration)
        spikes = sim.spikes("cells")
        times_found, units = (each[spikes.times < duration - 1.0] for each in (spikes.times, spikes.units))
        mine = np.lexsort((times_found, units))
        assert len(mine) > 100
        assert units[mine].tolist() == who[order].tolist()
        assert times_found[mine] == pytest.approx(wanted[order], rel=0, abs=1e-9)


def test_inhibitory_plasticity_agrees_with_nest(nest):
    """Spikes of both sides are given, as in the test of plastic weights above."""
    rng = np.random.default_rng(9)
    n, delay, duration = 10, 2.0, 1500.0
    pre = [np.append(np.sort(rng.choice(np.arange(20, 13900), 40, False)), 14900) * 0.1 for _ in range(n)]
    post = [np.sort(rng.choice(np.arange(20, 13900), 60, replace=False)) * 0.1 for _ in range(n)]
    nest.ResetKernel()
    nest.resolution = 0.1
    sources, teachers = nest.Create("spike_generator", n), nest.Create("spike_generator", n)
    for k in range(n):
        sources[k].spike_times, teachers[k].spike_times = pre[k], post[k] - 1.0
    relays = nest.Create("parrot_neuron", n)
    targets = nest.Create("parrot_neuron", n, params={"tau_minus": 20.0})
    nest.Connect(sources, relays, "one_to_one", {"delay": 1.0})
    nest.Connect(teachers, targets, "one_to_one", {"delay": 1.0})
    synapse = {"tau": 20.0, "eta": 0.01, "alpha": 0.4, "Wmax": -1.0, "weight": -0.5, "delay": delay}
    kind = "vogels_sprekeler_synapse"
    nest.Connect(relays, targets, "one_to_one", {"synapse_model": kind, "receptor_type": 1, **synapse})
    nest.Simulate(duration)
    wanted = np.array(nest.GetConnections(relays, targets, kind).weight)

    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[each + 1.0 for each in pre]), n)
    net.add("teacher", es.models.SpikeSource(times=[each - 1.0 for each in post]), n)
    net.add("cells", es.models.LIFDelta(tau_mem=1.0, v_th=1.0), n)
    net.connect("input", "cells", es.connect.one_to_one(), weight=-0.5, delay=delay, name="inhibition")
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=50.0, delay=1.0)
    rule = es.models.plasticity.InhibitorySTDP(0.01, target_rate=0.4 / 40.0, tau=20.0)
    net.add_plasticity("inhibition", rule)
    for schedule in ("ordered", "windows"):
        sim = es.Simulation(net, schedule=schedule)
        sim.run(duration)
        assert np.abs(wanted + 0.5).max() > 0.05
        assert sim.weights("inhibition")[2] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("side", ["axonal", "dendritic"])
def test_reward_modulated_plasticity_agrees_with_nest(nest, side):
    """A target's spike is seen a delay late in NEST, as here with dendritic delays; else the cell is late.

    NEST brings its weights up to date at the end of each interval of 1 ms, its least delay, and then takes
    the source's spikes of that interval, so it loses pairs within one. Here sources, targets and rewards are
    seen in intervals of their own.
    """
    rng = np.random.default_rng(11)
    n, delay, duration = 10, 2.0, 1500.0

    def times(n_spikes, remainder):
        intervals = np.sort(rng.choice(np.arange(10, 480), n_spikes, replace=False)) * 3.0 + remainder
        return intervals + rng.integers(1, 8, n_spikes) * RESOLUTION

    pre, post, reward = [times(40, 0) for _ in range(n)], [times(60, 1) for _ in range(n)], times(15, 2)
    nest.ResetKernel()
    nest.resolution = RESOLUTION
    sources, teachers = nest.Create("spike_generator", n), nest.Create("spike_generator", n)
    for k in range(n):
        sources[k].spike_times, teachers[k].spike_times = pre[k] - 1.0, post[k] - delay - 1.0
    rewards = nest.Create("spike_generator", params={"spike_times": reward - 2.0})
    relays, rewarded = nest.Create("parrot_neuron", n), nest.Create("parrot_neuron")
    targets = nest.Create("parrot_neuron", n, params={"tau_minus": 25.0})
    volume = nest.Create("volume_transmitter")
    for one, other in ((sources, relays), (teachers, targets), (rewards, rewarded), (rewarded, volume)):
        nest.Connect(one, other, "one_to_one", {"delay": 1.0})
    values = {"A_plus": 0.1, "A_minus": 0.15, "tau_plus": 20.0, "tau_c": 300.0, "tau_n": 100.0, "b": 0.002}
    kind = "rewarded_synapse"
    nest.CopyModel(
        "stdp_dopamine_synapse", kind, {"volume_transmitter": volume, "Wmin": 0.0, "Wmax": 100.0} | values
    )
    synapse = {"synapse_model": kind, "receptor_type": 1, "weight": 50.0, "delay": delay}
    nest.Connect(relays, targets, "one_to_one", synapse)
    nest.Simulate(duration)
    wanted = np.array(nest.GetConnections(relays, targets, kind).weight)

    late = delay if side == "dendritic" else 0.0
    net = es.Network()
    net.add("reward", es.models.SpikeSource(times=reward), 1)
    net.add("input", es.models.SpikeSource(times=pre), n)
    net.add("teacher", es.models.SpikeSource(times=[each - late for each in post]), n)
    net.add("cells", es.models.LIFDelta(tau_mem=0.01, v_th=100.0), n)
    net.connect("input", "cells", es.connect.one_to_one(), weight=50.0, delay=late, name="plastic")
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=500.0)
    rule = es.models.plasticity.RewardSTDP(
        "reward",
        0.1,
        0.15,
        20.0,
        25.0,
        tau_eligibility=300.0,
        tau_dopamine=100.0,
        baseline=0.002,
        w_max=100.0,
        delay=side,
    )
    net.add_plasticity("plastic", rule)
    sim = es.Simulation(net)
    assert sim.schedule == ("windows" if side == "dendritic" else "ordered")
    sim.run(duration + late)
    assert np.ptp(wanted) > 1.0
    assert sim.weights("plastic")[2] == pytest.approx(wanted, rel=1e-11)


@pytest.mark.parametrize("u_ref_squared", [None, 5000.0])
def test_voltage_based_plasticity_is_what_nest_comes_to_with_its_step(nest, u_ref_squared):
    """NEST sees a source's spike when it is emitted and the membrane a delay, here one step, later."""
    rng = np.random.default_rng(3)
    n, last = 3, 319.0
    pre = [np.unique(rng.integers(500, 7500, 12)) * 0.04 for _ in range(n)]
    teacher = np.unique(rng.integers(500, 7500, 10)) * 0.04
    first = rng.uniform(0.2, 2.9, n)

    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[np.append(each, last) for each in pre]), n)
    net.add("teacher", es.models.SpikeSource(times=[teacher]), 1)
    net.add("cell", es.models.ClopathAdEx(t_ref=1.0), 1)
    net.connect("input", "cell", weight=first[:, None], delay=1.0, name="plastic")
    net.connect("teacher", "cell", weight=25.0, delay=1.0)
    rule = es.models.plasticity.VoltageSTDP(14e-4, 8e-4, u_ref_squared=u_ref_squared, w_max=3.0)
    net.add_plasticity("plastic", rule)
    sim = es.Simulation(net)
    sim.run(last + 1.5)
    ours = sim.weights("plastic")[2]
    assert np.abs(ours - first).max() > 0.05
    assert len(sim.spikes("cell")) > 2

    differences = []
    for step in (0.04, 0.005):
        nest.ResetKernel()
        nest.resolution = step
        cell = nest.Create("aeif_psc_delta_clopath", params={"t_ref": 1.0, "A_LTD": 14e-4, "A_LTP": 8e-4})
        cell.set(gsl_error_tol=1e-9, A_LTD_const=u_ref_squared is None, u_ref_squared=u_ref_squared or 60.0)
        recorder = nest.Create("spike_recorder")
        nest.Connect(cell, recorder)
        for times, weight in zip(pre, first, strict=True):
            source = nest.Create("spike_generator", params={"spike_times": np.append(times, last)})
            relay = nest.Create("parrot_neuron")
            nest.Connect(source, relay, syn_spec={"delay": 1.0})
            synapse = {"synapse_model": "clopath_synapse", "weight": weight, "delay": step, "Wmax": 3.0}
            nest.Connect(relay, cell, syn_spec=synapse)
        fires = nest.Create("spike_generator", params={"spike_times": teacher})
        nest.Connect(fires, cell, syn_spec={"delay": 1.0, "weight": 25.0})
        nest.Simulate(last + 3.0)
        assert recorder.events["times"] == pytest.approx(sim.spikes("cell").times, rel=0, abs=2 * step)
        theirs = np.array(nest.GetConnections(synapse_model="clopath_synapse").weight)
        differences.append(np.abs(theirs - ours).max())
    assert differences[0] < 5e-4
    assert differences[1] < 6e-5

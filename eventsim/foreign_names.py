"""What users of other simulators call things, and what the same is called here.

Asked when a name does not exist, never before, so nothing here costs time while all goes well. The page
`docs/coming-from.md` is the table for people; a test holds every name of ours to what there is.
"""

from collections.abc import Iterable, Mapping

SYNONYMS: dict[str, str] = {
    # parameters of neurons and sources
    "tau_mem": "tau_m tau",
    "tau_syn": "tau_syn_E tau_syn_I tau_syn_ex tau_syn_in tau_s tau_e tau_i",
    "c_mem": "C_m C capacitance",
    "v_th": "V_th v_thresh threshold v_threshold vt theta",
    "v_leak": "v_rest E_L e_leak u_rest",
    "v_reset": "vr reset",
    "t_ref": "tau_refrac tau_ref refractory refractory_period",
    "i_ext": "I_e i_offset I_dc current amplitude i",
    "v_init": "v0 V_m v u",
    "v": "V_m membrane mem voltage potential",
    "i_syn": "syn ge psc",
    "rate": "frequency freq rates firing_rate",
    # plasticity
    "learning_rate": "lr eta lambda lambda_ rate step_size A_plus Apre",
    "w_max": "Wmax w_maximum",
    "tau_plus": "taupre tau_pre",
    "tau_minus": "taupost tau_post",
    "alpha": "A_minus Apost",
    "tau_eligibility": "tau_e tau_c",
    # populations and projections
    "n": "size count n_units n_neurons number num N",
    "weight": "w weights synaptic_weight weight_matrix",
    "delay": "d delays synaptic_delay",
    "rule": "conn_spec connector conn method",
    "receptor": "receptor_type port receptor_port",
    "autapses": "allow_self_connections allow_autapses self_connections",
    "multapses": "allow_multapses",
    "name": "label",
    "pre": "source",
    "post": "target",
    "k": "indegree outdegree",
    "mean": "mu loc",
    "std": "sigma scale",
    "sigma": "std",
    # records and runs
    "every": "dt interval timestep sampling_interval period resolution",
    "units": "record indices neurons ids neuron_ids unit senders gids node_ids i",
    "variable": "variables record_from recordables what",
    "times": "t ts spike_times time timestamps",
    "until": "duration simtime t_stop t_max t_end t time",
    "seed": "random_seed rng_seed random_state",
    # training
    "hidden": "hidden_layer_sizes layers n_hidden hidden_size",
    "n_hidden": "hidden hidden_size",
    "epochs": "n_iter max_iter n_epochs num_epochs iterations",
    "batch": "batch_size minibatch",
    "random_state": "seed",
    "threads": "n_threads num_threads local_num_threads",
    "jobs": "n_jobs num_workers n_workers workers",
    # files and figures
    "path": "filename file fname",
    "folder": "directory output out",
    "start": "t_start",
    "stop": "t_stop t_end",
    "width": "bin bins bin_size bin_width binwidth",
    "populations": "population",
    "population": "populations",
    "size": "n n_samples num_samples",
    "ax": "axes axis",
    "colour": "color c",
}
"""By name of ours, names of others; where a name is wrong, those of ours count that exist at its place."""

THINGS: dict[str, str] = {
    # neurons
    "es.models.LIF": "iaf_psc_exp iaf_psc_exp_ps IF_curr_exp Leaky Synaptic LIFNeuron",
    "es.models.LIFDelta": "iaf_psc_delta iaf_psc_delta_ps IF_curr_delta",
    "es.models.MultiSynapseLIF": "iaf_psc_alpha iaf_psc_alpha_ps IF_curr_alpha iaf_psc_exp_multisynapse",
    "es.models.ConductanceLIF": "iaf_cond_exp iaf_cond_alpha IF_cond_exp IF_cond_alpha",
    "es.models.AdaptiveLIF": "ALIF iaf_psc_exp_adapt",
    "es.models.AdEx": "aeif_psc_exp aeif_cond_exp EIF_cond_exp_isfa_ista EIF_cond_alpha_isfa_ista AdExIF",
    "es.models.ExponentialIF": "ExpIF EIF",
    "es.models.CustomNeuron": "NeuronGroup Equations UserNeuron OwnNeuron Neuron",
    "es.models.MultiCompartment": "cm_default SpatialNeuron",
    # sources
    "es.models.SpikeSource": "spike_generator SpikeGeneratorGroup SpikeSourceArray",
    "es.models.Poisson": "poisson_generator poisson_generator_ps PoissonGroup SpikeSourcePoisson",
    "es.models.PoissonRates": "InhomogeneousPoisson inhomogeneous_poisson_generator SpikeSourceInhPoisson",
    "es.models.StepCurrent": "dc_generator DCSource step_current_generator TimedArray ConstantCurrent",
    "es.models.SineCurrent": "ac_generator ACSource",
    "es.models.NoiseCurrent": "noise_generator NoisyCurrentSource",
    # plasticity
    "es.models.plasticity.PairSTDP": "STDP stdp_synapse STDPMechanism stdp_synapse_hom SpikePairRule",
    "es.models.plasticity.TripletSTDP": "stdp_triplet_synapse",
    "es.models.plasticity.ShortTermPlasticity": "tsodyks_synapse tsodyks2_synapse TsodyksMarkram STP",
    "es.models.plasticity.RewardSTDP": "RewardModulatedSTDP RSTDP stdp_dopamine_synapse",
    "es.models.plasticity.InhibitorySTDP": "vogels_sprekeler_synapse ISTDP",
    "es.models.plasticity.CustomRule": "CustomPlasticity CustomSynapse OwnRule PlasticityRule Synapses",
    # connection rules and distributions
    "es.connect.fixed_probability": "pairwise_bernoulli bernoulli FixedProbabilityConnector random",
    "es.connect.fixed_indegree": "FixedNumberPreConnector",
    "es.connect.fixed_outdegree": "FixedNumberPostConnector",
    "es.connect.all_to_all": "AllToAllConnector",
    "es.connect.one_to_one": "OneToOneConnector",
    "es.connect.normal": "gauss gaussian",
    "a list of tuples (pre, post, weight, delay) in net.connect": "from_list FromListConnector",
    "an array or a scipy.sparse matrix of weights in net.connect": "fixed_total_number distance_dependent",
    # the program
    "net.add(name, model, n)": "Create Population add_population add_neurons add_layer",
    "net.connect(pre, post, rule, weight=..., delay=...)": "Projection add_projection add_synapses",
    "a new es.Network(seed=...); nothing is global": "ResetKernel start_scope setup",
    "es.Network(seed=...)": "set_seed seed_all",
    "sim.spikes(population); spikes are always recorded": "SpikeMonitor spike_recorder",
    "sim.record(population, variable, every=...)": "StateMonitor multimeter voltmeter",
    "a plain number in the network's time unit, ms unless it says otherwise": "ms second us",
    "es.models.SpikingClassifier, or es.models.training": "train fit",
    "the command eventsim plot FILE, or es.io.plots": "plot raster",
    # analysis and files
    "es.analysis.rates": "firing_rate mean_firing_rate",
    "es.analysis.psth": "peristimulus_histogram time_histogram",
    "es.analysis.population_rate": "instantaneous_rate smooth_rate",
    "es.analysis.fano_factor": "fano",
    "es.analysis.cross_correlogram": "cross_correlation correlogram",
    "es.io.load(path)": "read open load_file from_file load_sonata read_sonata",
    "es.io.nir.read_nir(path)": "import_nir from_nir load_nir",
}
"""What to write here, and names of others for it, wherever in the package they are looked for."""

AT: dict[str, dict[str, str]] = {
    "eventsim": {
        "es.Simulation(net).run(until)": "run simulate",
        "sim.reset(), or a new es.Network": "reset",
        "es.Simulation(net)": "Sim Simulator",
        "sim.save(path)": "save",
    },
    "eventsim.models": {"es.models.LIF(...)": "lif"},
    "eventsim.connect": {
        "es.connect.all_to_all()": "all_to_all",
        "es.connect.one_to_one()": "one_to_one",
        "es.connect.fixed_indegree(k)": "fixed_indegree",
        "es.connect.fixed_outdegree(k)": "fixed_outdegree",
        "es.connect.fixed_probability(p)": "fixed_probability pairwise_bernoulli",
    },
    "eventsim.io.nir": {"es.io.nir.read_nir(path)": "read load from_file", "es.io.nir.to_nir": "write save"},
    "eventsim.io.sonata": {"es.io.load(path)": "load"},
    "Network": {
        "a method of a simulation: sim = es.Simulation(net)": "run simulate record spikes stimulate",
        "net.change(name, parameter=...), or sim.set(...) in a run": "set",
        "net.add_plasticity(projection, rule)": "add_stdp add_rule add_synapse add_learning",
        "net.describe()": "summary info",
        "sim.save(path), which holds the network; es.io.load(path).network() builds it again": "save",
        "net.populations[name].n": "size n",
        "net.add(name, model, n)": "create",
    },
    "Population": {
        "the model's, such as net[name].model.v_th": "v_th tau_mem tau_syn v_leak v_reset i_ext t_ref c_mem",
        "net.change(name, parameter=...)": "set",
        "a method of a simulation: sim.spikes(name), sim.record(name, variable)": "spikes record",
    },
    "Simulation": {
        "sim.run(until) or sim.run_for(duration)": "simulate step",
        "sim.spikes(population), with .times and .units": "spike_trains get_spikes events to_numpy",
        "es.analysis.rates": "rates rate",
        "sim.set(population, i_ext=...)": "inject inject_current add_current set_current",
        "sim.set_weights(projection, weight)": "set_weight",
        "sim.set_delays(projection, delay)": "set_delay",
        "sim.set(source, rate=...)": "set_rate",
        "sim.weights(projection)": "get_weights weight get_weight",
        "sim.record(population, variable, every=...) before the run, then sim.trace": "state v get_state",
        "sim.set_weights(projection, 0.0)": "disconnect",
        "sim.set(population, v_th=float('inf'), units=[...])": "silence kill lesion",
        "sim.at(time, function)": "every callback call_later network_operation",
        "a population of spikes that es.models.plasticity.RewardSTDP names": "reward give_reward dopamine",
        "sim.trials(n, until)": "run_trials",
        "copy.deepcopy(sim)": "copy",
        "sim.snapshot(), and sim.restore(state)": "store checkpoint save_state",
        "es.io.load(path), and sim.restore(state)": "load",
        "sim.reset()": "rewind",
        "sim.save(path), then es.io.load(path) and es.io.to_neo or es.io.export": "to_neo to_pandas",
        "sim.save(path), then the command eventsim plot FILE, or es.io.plots": "plot raster",
        "sim.now": "time t clock current_time",
        "net.add and net.connect, then sim.grow()": "add connect",
        "sim.net": "network populations",
        "es.Simulation(net, schedule='ordered').engine, which has it": "next_event_time peek next_time",
        "sim.weights(projection)[3]": "delays get_delays",
    },
    "Network()": {"es.Simulation(net, dt=...), for populations on ticks alone": "dt resolution"},
    "Simulation()": {
        "es.Network(seed=...); trial=k draws other noise": "seed rng_seed",
        "one thread a simulation; sim.trials and sim.run_batch take threads=": "threads n_threads",
    },
    "sweep()": {"a key of the second argument, such as {'seed': range(5)}": "seed"},
    "WeightQuantization()": {"step, such as w_max / (2**(bits - 1) - 1)": "bits n_bits"},
    "Network.connect()": {
        "net.add_plasticity(projection, rule)": "synapse plasticity syn_spec synapse_type stdp synapse_model",
        "es.connect.fixed_probability(p) as the rule": "p probability",
        "es.connect.fixed_indegree(k) as the rule": "indegree",
    },
    "FixedProbability()": {"net.connect(..., autapses=False)": "autapses allow_self_connections"},
    "FixedIndegree()": {
        "net.connect(..., autapses=False)": "autapses allow_self_connections",
        "net.connect(..., multapses=False)": "multapses allow_multapses replace with_replacement",
    },
    "FixedOutdegree()": {
        "net.connect(..., autapses=False)": "autapses allow_self_connections",
        "net.connect(..., multapses=False)": "multapses allow_multapses replace with_replacement",
    },
    "LIF()": {
        "tau_mem, with beta = exp(-step / tau_mem)": "beta",
        "tau_syn, with alpha = exp(-step / tau_syn)": "alpha",
    },
    "Simulation.set()": {"units=[...]": "unit indices neurons ids"},
    "Spikes": {
        "es.analysis.rates": "rate rates",
        "spikes.times[spikes.units == k] for unit k": "spike_trains trains",
        "len(spikes)": "count n",
    },
    "Trace": {
        "trace.samples[population, variable]": "trace state v get_trace",
        "trace.parameters['weight/PRE->POST']": "weights weight get_weights",
        "trace.sizes, units of each population by name": "populations n",
        "es.io.export.to_pandas(trace, ...), or to_xarray": "to_pandas to_xarray to_dataframe",
        "es.io.to_neo(trace)": "to_neo",
        "sim.restore(trace.state) of a run that has one": "restore",
        "es.io.save(trace, path)": "save",
        "es.io.plots": "plot raster",
    },
    "Sweep": {
        "found.rows(), a dictionary a run, or found.to_pandas()": "table metrics results best",
        "es.io.load(found.folder / run['file']) for each run of found.runs.values()": "files traces trace",
    },
}
"""The same at one place, a package or a class, which comes first."""


def plain(name: object) -> str:
    """Return a name without case, hyphens and underscores: "V_th" and "v-th" are one name."""
    return str(name).lower().replace("-", "").replace("_", "")


def synonyms(name: object, known: Iterable[str]) -> list[str]:
    """Return which of the known names is meant by one of another simulator, or of another spelling."""
    known, asked = list(known), plain(name)
    same = [each for each in known if plain(each) == asked]
    return same or [ours for ours in _meant(SYNONYMS, asked) if ours in known]


def advice(place: str, name: object, strict: bool = False) -> str | None:
    """Return what to write in place of a name that does not exist, if that is known.

    Parameters
    ----------
    place : str
        A package, a class, or with "()" behind it what is called.
    name : str
    strict : bool
        Only what is said of this place.
    """
    asked = plain(name)
    found = [*_meant(AT.get(place, {}), asked), *(() if strict else _meant(THINGS, asked))]
    return found[0] if found else None


def _meant(table: Mapping[str, str], asked: str) -> list[str]:
    return [ours for ours, theirs in table.items() if asked in map(plain, theirs.split())]

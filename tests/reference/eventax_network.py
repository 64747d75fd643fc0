"""A recurrent network in Eventax: its spikes, and all derivatives of a loss that is linear in their times.

Eventax (König, 2026, MIT) integrates with diffrax from event to event and locates a spike by a root on the
interpolant of a step. Derivatives are carried forward through its own event step, which compiles faster than
its reverse mode.
"""

from dataclasses import dataclass

import numpy as np

ROOT = 1e-12


@dataclass(frozen=True)
class Found:
    """Spikes in order, and derivatives in weights, delays, constant currents and input times."""

    times: np.ndarray
    units: np.ndarray
    derivatives: tuple[np.ndarray, ...] = ()


def run(model, options, weight, delay, times, until, step, loss=None, most=48, named=("weights",)):
    """Run `n` neurons of a model of Eventax, with inputs at `times`, shape (n_in, k).

    `weight` and `delay` have shape (n + n_in, n), the inputs in the last rows. The loss is loss[k] times the
    k-th spike, summed over the spikes; without it, nothing is differentiated. Weights that Eventax `named`
    otherwise come one behind the other, shape (len(named), n + n_in, n); then no current is differentiated.
    """
    import diffrax
    import equinox
    import eventax.neuron_models
    import jax
    import jax.numpy as jnp
    import optimistix
    from eventax.evnn import EvNN

    jax.config.update("jax_enable_x64", True)
    n, n_in = delay.shape[1], len(times)
    one = named == ("weights",)
    given = {"init_weights": jnp.asarray(weight), "init_bias": jnp.zeros(n)} if one else {}
    net = EvNN(
        neuron_model=getattr(eventax.neuron_models, model),
        n_neurons=n,
        max_solver_time=until,
        in_size=n_in,
        key=jax.random.PRNGKey(0),
        wmask=jnp.ones((n + n_in, n)),
        init_delays=jnp.asarray(delay),
        buffer_capacity=64,
        solver_stepsize=step,
        solver=diffrax.Tsit5(),
        root_finder=optimistix.Newton(ROOT, ROOT, optimistix.rms_norm),
        adjoint=diffrax.ForwardMode(),
        dtype=jnp.float64,
        **given,
        **options,
    )

    def variable(net):
        weights = tuple(getattr(net.neuron_model, name) for name in named)
        return (*weights, net.delays, *((net.neuron_model.ic,) if one else ()))

    def spikes(weight, delay, current, times):
        weights = (weight,) if one else tuple(weight)
        own = equinox.tree_at(variable, net, (*weights, delay, *((current,) if one else ())))

        def more(state):
            t, _, buffer, _, _, k = state
            return (t < until) & (k < most) & ~own.spike_buffer.is_empty(buffer)

        def step(state):
            _, x, buffer, at, unit, k = state
            t, spiked, x, buffer = own(x, buffer)
            at, unit = at.at[k].set(t), unit.at[k].set(jnp.argmax(spiked))
            return t, x, buffer, at, unit, k + jnp.any(spiked)

        none = jnp.zeros(most), jnp.zeros(most, jnp.int64), jnp.array(0)
        start = (jnp.array(0.0), own.init_state(), own.init_buffer(times), *none)
        _, _, _, at, unit, k = jax.lax.while_loop(more, step, start)
        return at, unit, k

    def total(*values):
        at, unit, k = spikes(*values)
        part = jnp.zeros(most).at[: len(loss)].set(jnp.asarray(loss))
        return jnp.where(jnp.arange(most) < k, part, 0.0) @ at, (at, unit, k)

    values = [jnp.asarray(value) for value in (weight, delay, np.zeros(n), times)]
    quick = {"xla_backend_optimization_level": 0}  # it compiles longer than it runs
    if loss is None:
        at, unit, k = jax.jit(spikes).lower(*values).compile(compiler_options=quick)(*values)
        found = ()
    else:
        both = jax.jit(jax.jacfwd(total, argnums=(0, 1, 2, 3), has_aux=True))
        found, (at, unit, k) = both.lower(*values).compile(compiler_options=quick)(*values)
    return Found(np.asarray(at)[:k], np.asarray(unit)[:k], tuple(np.asarray(each) for each in found))

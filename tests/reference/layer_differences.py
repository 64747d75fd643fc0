"""Central differences of layers, in float64, of fourth order."""

import numpy as np

STEP = 1e-5  # of differences of fourth order, so that rounding is far below 1e-6


def largest_error(layer, x, rng, *, training=False, lengths=None, stream=None):
    """Return how far the backward pass is from central differences, relative to the largest of an array.

    The loss is a random linear function of the outputs.
    """

    def draw():
        return None if stream is None else np.random.default_rng(stream)

    y = layer.forward(x, training=training, lengths=lengths, rng=draw())
    weights = rng.normal(size=y.shape)
    if lengths is not None:  # nothing comes back from padded steps
        weights *= (np.arange(len(x))[:, None] < lengths)[:, :, None]
    dx = layer.backward(weights).copy()
    exact = {"x": (x, dx)} | {
        name: (array, layer.gradients[name].copy()) for name, array in layer.parameters.items()
    }
    worst = 0.0
    for array, gradient in exact.values():
        found = np.zeros_like(gradient)
        for place in np.ndindex(array.shape):
            kept = array[place]
            sides = []
            for step in (STEP, -STEP, 2 * STEP, -2 * STEP):
                array[place] = kept + step
                y = layer.forward(x, training=training, lengths=lengths, rng=draw())
                sides.append((weights * y).sum())
            array[place] = kept
            found[place] = (8 * (sides[0] - sides[1]) - (sides[2] - sides[3])) / (12 * STEP)
        scale = max(np.abs(found).max(), np.abs(gradient).max(), 1e-3)
        worst = max(worst, np.abs(found - gradient).max() / scale)
    return worst


def streamed(layer, x):
    """Return what comes out when a batch passes step by step."""
    state, outputs = layer.init_state(x.shape[1]), []
    for x_t in x:
        y_t, state = layer.step(x_t, state)
        outputs.append(y_t)
    return np.stack(outputs)

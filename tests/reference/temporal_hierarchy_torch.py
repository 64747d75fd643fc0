"""The network of the temporal-hierarchy paper in plain torch: autograd, and the same surrogate gradient."""

import torch

EPS = 1e-5
TINY = 1e-12


class Spike(torch.autograd.Function):
    """A spike whose derivative is taken to be the box |v - 1| < 1/2."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 1).to(v.dtype)

    @staticmethod
    def backward(ctx, ds):
        (v,) = ctx.saved_tensors
        return ds * ((v - 1).abs() < 0.5)


def outputs(layers, x, alpha_out):
    """Return U, (time, batch, class); a layer is a dict of weight, scale, shift and, if hidden, decay."""
    for layer in layers:
        current = normalised(x @ layer["weight"], layer)
        v = torch.zeros_like(current[0])
        if "decay" not in layer:
            out = []
            for value in current:
                v = alpha_out * v + (1 - alpha_out) * value
                out.append(v)
            return torch.stack(out)
        alpha = layer["decay"].clamp(1e-5, 0.98)
        s = torch.zeros_like(v)
        spikes = []
        for value in current:
            v = alpha * v + value - s
            s = Spike.apply(v)
            spikes.append(s)
        x = torch.stack(spikes)
    raise AssertionError("the last layer has decays")


def normalised(z, layer):
    """Return the currents: normalised over batch and time, scaled and shifted."""
    variance, mean = torch.var_mean(z, (0, 1), correction=0)
    return (z - mean) * torch.rsqrt(variance + EPS) * layer["scale"] + layer["shift"]


def steps_loss(u, labels):
    """Return the mean cross-entropy of all steps; labels (time, batch)."""
    p = torch.softmax(u, -1).gather(-1, labels[..., None])
    return -torch.log(p + TINY).mean()


def cum_loss(u, labels):
    """Return the mean cross-entropy of the summed softmax; labels (batch,)."""
    p = torch.softmax(torch.softmax(u, -1).sum(0), -1).gather(-1, labels[:, None])
    return -torch.log(p + TINY).mean()

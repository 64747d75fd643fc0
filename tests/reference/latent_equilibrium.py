"""Networks of prospective neurons in plain NumPy: the explicit Euler steps of the two papers' sheets."""

import numpy as np


def tanh(x):
    return np.tanh(x), 1 - np.tanh(x) ** 2


def logistic(x):
    y = 1 / (1 + np.exp(-x))
    return y, y * (1 - y)


def hard_sigmoid(x):
    return np.clip(x, 0, 1), ((x >= 0) & (x <= 1)).astype(float)


def softplus(x):
    return np.logaddexp(0, x), logistic(x)[0]


def relu(x):
    return np.maximum(x, 0), (x > 0).astype(float)


def linear(x):
    return x, np.ones_like(x)


ACTIVATIONS = {f.__name__: f for f in (tanh, logistic, hard_sigmoid, softplus, relu, linear)}


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Layer:
    """One layer with the weights into it."""

    def __init__(self, weight, bias, tau_mem, tau_r, activation, batch, gamma=1.0, errors="instant", eta=0.0):
        n = weight.shape[1]
        self.weight, self.bias = weight.copy(), np.array(bias, float) * np.ones(n)
        self.tau_mem, self.tau_r = np.ones(n) * tau_mem, np.ones(n) * tau_r
        self.phi, self.gamma, self.errors, self.eta = ACTIVATIONS[activation], gamma, errors, eta
        self.u, self.v, self.error, self.nudge = (np.zeros((batch, n)) for _ in range(4))
        self.rate, self.slope = self.phi(np.zeros((batch, n)))
        self.feedback = None  # (n, n_below) instead of the transposed weights
        self.sent = np.zeros(
            (batch, len(weight))
        )  # error for the layer below, of the weights before their change


class Layered:
    """Layers in a chain. `step` is one tick: everything on the right is of the tick before."""

    def __init__(self, layers, batch, n_inputs, dt, beta=0.0, kind="rate", eta_tau=0.0, tau_rule="error"):
        self.layers, self.batch, self.dt, self.beta, self.kind = layers, batch, dt, beta, kind
        self.input = np.zeros((batch, n_inputs))
        self.eta_tau, self.tau_rule = eta_tau, tau_rule

    def step(self, x, target=None):
        layers, dt = self.layers, self.dt
        below = [self.input] + [layer.rate for layer in layers[:-1]]
        from_above = [upper.sent for upper in layers[1:]] + [0.0]
        old_error = [layer.error for layer in layers]
        for layer, r, back in zip(layers, below, from_above, strict=True):
            inst = layer.slope * back + layer.nudge
            error = inst
            if layer.errors == "dynamic":
                dv = (inst - layer.v) / layer.tau_r
                error = layer.v + layer.tau_mem * dv
                layer.v = layer.v + dt * dv
            du = (r @ layer.weight + layer.bias + layer.gamma * error - layer.u) / layer.tau_mem
            prospective = layer.u + layer.tau_r * du
            layer.u = layer.u + dt * du
            if layer.errors == "prospective":
                error = error + (layer.tau_r - layer.tau_mem) * du
            layer.error, layer.prospective, layer.du = error, prospective, du
            if self.eta_tau:
                if self.tau_rule == "match":
                    kept = np.exp(-dt * self.eta_tau * (du**2).mean(0))
                    layer.tau_mem = layer.tau_r + (layer.tau_mem - layer.tau_r) * kept
                else:
                    layer.tau_mem = layer.tau_mem - dt * self.eta_tau * (error * du).mean(0)
                layer.tau_mem = np.maximum(layer.tau_mem, dt)
        assert all(layer.error is not old for layer, old in zip(layers, old_error, strict=True))
        for layer, r in zip(layers, below, strict=True):
            layer.sent = layer.error @ (layer.weight.T if layer.feedback is None else layer.feedback)
            layer.weight = layer.weight + dt * layer.eta * r.T @ layer.error / self.batch
            layer.bias = layer.bias + dt * layer.eta * layer.error.mean(0)
            layer.rate, layer.slope = layer.phi(layer.prospective)
        self.input = np.broadcast_to(x, self.input.shape).copy()
        top = layers[-1]
        top.nudge = np.zeros_like(top.u)
        if target is not None and self.beta:
            if self.kind == "rate":
                top.nudge = self.beta * top.slope * (target - top.rate)
            elif self.kind == "voltage":
                top.nudge = self.beta * (target - top.prospective)
            else:
                top.nudge = self.beta * top.slope * (target - softmax(top.rate))

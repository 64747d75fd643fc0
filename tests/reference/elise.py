"""ELiSe in plain NumPy, tick by tick, written from the order of the authors' code; shares nothing with ours.

Ring buffers are read before they are written: a buffer of D entries gives a dendritic age of D - 1 ticks,
and the conductances of the scaffold are read at the end of a tick for the next one.
"""

import numpy as np


def sigmoid(u):
    """Return the rate of a potential in mV."""
    return 1.0 / (1.0 + np.exp(0.3 * (-58.0 - u)))


class Reference:
    """The network.

    Parameters
    ----------
    weight : ndarray, shape (n, n), from source (row) to target
    delays, scaffold_delays : ndarray of int, shape (n,), D and DE of the sheet in ticks
    parents : ndarray of int, shape (n, n), connections of the scaffold from row to column
    eta : ndarray, shape (n, n), learning rate per tick
    """

    g_l, g_d, e_l, e_e, e_i = 0.1, 2.0, -70.0, 0.0, -75.0
    g_e0, g_i0 = 0.3, 6.0

    def __init__(self, weight, delays, scaffold_delays, parents, eta, inhibition_after=250, dt=0.1):
        n = len(weight)
        self.n, self.dt, self.eta, self.parents = n, dt, np.array(eta, float), parents
        np.fill_diagonal(self.eta, 0.0)
        self.w = np.array(weight, float)
        self.u, self.v = np.full(n, self.e_l), np.full(n, self.e_l)
        self.trace = np.zeros(n)
        rest = sigmoid(self.e_l)
        self.rest = rest
        self.rings = [np.full(d, rest) for d in delays]  # rates on their way to dendrites
        self.e_rings = [np.full(d, rest) for d in scaffold_delays]
        self.i_rings = [np.full(d + inhibition_after, rest) for d in scaffold_delays]
        self.tick = 0
        self.g_e = self.g_e0 * rest * parents.sum(axis=0)
        self.g_i = self.g_i0 * rest * parents.sum(axis=0)

    def step(self, target=None, strength=0.0, taught=None, clamp=None):
        """Advance by one tick; `taught` marks the units that the teacher or the clamp reaches."""
        m, dt = self.tick, self.dt
        delayed = np.array([ring[(m + 1) % len(ring)] for ring in self.rings])
        current = np.zeros(self.n)
        for j in range(self.n):  # in the order of the sources
            current = current + self.w[j] * delayed[j]
        g_e, g_i = self.g_e.copy(), self.g_i.copy()
        if target is not None:
            c = strength / (1 - strength) * (self.g_l + self.g_d) / (self.e_e - self.e_i)
            g_e += np.where(taught, c * (target - self.e_i), 0.0)
            g_i += np.where(taught, c * (self.e_e - target), 0.0)
        du = -self.g_l * (self.u - self.e_l) + self.g_d * (self.v - self.u)
        du = du + g_e * (self.e_e - self.u) + g_i * (self.e_i - self.u)
        prediction = (self.g_l * self.e_l + self.g_d * self.v) / (self.g_l + self.g_d)
        self.u = self.u + dt * du
        if clamp is not None:
            self.u = np.where(taught, clamp, self.u)
        self.v = self.v + dt * (-self.g_l * (self.v - self.e_l) + self.g_l * current)
        gain = self.g_d / (self.g_l + self.g_d)
        self.trace = self.trace + dt * (-self.g_l * self.trace + self.g_l * gain * delayed)
        self.rate = sigmoid(self.u)
        for j, ring in enumerate(self.rings):
            ring[m % len(ring)] = self.rate[j]
        self.w = self.w + self.eta * (self.rate - sigmoid(prediction)) * self.trace[:, None]
        supply = np.maximum(self.rate, self.rest)
        for rings in (self.e_rings, self.i_rings):
            for j, ring in enumerate(rings):
                ring[m % len(ring)] = supply[j]
        e = np.array([ring[(m + 1) % len(ring)] for ring in self.e_rings])
        i = np.array([ring[(m + 1) % len(ring)] for ring in self.i_rings])
        self.g_e = self.g_e0 * (self.parents * e[:, None]).sum(axis=0)
        self.g_i = self.g_i0 * (self.parents * i[:, None]).sum(axis=0)
        self.tick += 1

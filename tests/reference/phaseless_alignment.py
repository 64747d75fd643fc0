"""Phaseless Alignment Learning in plain NumPy: the dendritic microcircuit, and the rate version.

Both follow the sheet of the paper (Max et al. 2024) line by line, one tick a call of `step`, with matrices as
it has them, (n_post, n_pre). Normal numbers come from outside.
"""

import numpy as np

G_L, G_BAS, G_API, G_DEN, G_NI, G_TGT = 0.03, 0.1, 0.06, 0.1, 0.06, 0.06


def logistic(x):
    return 1 / (1 + np.exp(-x))


class Microcircuit:
    """Layers 0 (input) to N; lists are by layer, None where there is nothing."""

    def __init__(self, sizes, w_pp, b_pp, dt, u=None, u_inter=None, phi=logistic, **settings):
        self.sizes, self.top, self.dt, self.phi = sizes, len(sizes) - 1, dt, phi
        self.w_pp = [None, *(w.copy() for w in w_pp)]
        self.b_pp = [None, *(b.copy() for b in b_pp), None]
        self.b_pi = [None, *(-b for b in b_pp), None]
        self.w_ip = [None] * (self.top + 1)
        for layer in range(1, self.top):
            g_above = G_L + G_BAS + (G_API if layer + 1 < self.top else 0)
            self.w_ip[layer] = self.w_pp[layer + 1] * G_BAS * (G_L + G_DEN) / (G_DEN * g_above)
        zeros = [np.zeros(n) for n in sizes]
        self.u = [None, *(u or [z.copy() for z in zeros[1:]])]
        self.u_old = [None if v is None else v.copy() for v in self.u]
        above = [np.zeros(n) for n in sizes[2:]]
        self.ui = [None, *(u_inter or above), None]
        self.ui_old = [None if v is None else v.copy() for v in self.ui]
        self.r = [z.copy() for z in zeros]
        self.ri = [None, *(np.zeros(n) for n in sizes[2:]), None]
        self.v_bas, self.v_api = [z.copy() for z in zeros], [z.copy() for z in zeros]
        self.v_den = [None, *(np.zeros(n) for n in sizes[2:]), None]
        self.xi, self.rh = [z.copy() for z in zeros], [z.copy() for z in zeros]
        self.delta = [None if w is None else np.zeros_like(w) for w in self.w_pp]
        defaults = {
            "eta_fw": [0.0] * self.top, "eta_bw": 0.0, "eta_ip": 0.0, "eta_pi": 0.0, "alpha": 1e-5,
            "sigma": 0.0, "tau_xi": 0.1, "tau_hp": 0.1, "tau_lo": 0.0, "euler": True, "prospective": 1.0,
            "copied": False, "decaying": False, "regulariser": "decay", "tau": 1.0,
        }  # fmt: skip
        for name, value in (defaults | settings).items():
            setattr(self, name, value)

    def step(self, x, normals=None, target=None):
        dt, top = self.dt, self.top
        tau = self.tau / (G_L + G_BAS + G_API)  # the same for all three kinds of cell
        r_old, ri_old = self.r, self.ri

        def prospective(u, u_old):
            return u_old + self.prospective * tau * (u - u_old) / dt

        # (i) prospective potentials and rates
        ub = [None] + [prospective(self.u[k], self.u_old[k]) for k in range(1, top + 1)]
        ubi = [None] + [prospective(self.ui[k], self.ui_old[k]) for k in range(1, top)]
        self.r = [np.array(x, float)] + [self.phi(v) for v in ub[1:]]
        self.ri = [None] + [self.phi(v) for v in ubi[1:]] + [None]
        # (ii) dendrites
        v_bas_old, v_api_old, v_den_old = self.v_bas, self.v_api, self.v_den
        self.v_bas = [None] + [self.w_pp[k] @ self.r[k - 1] for k in range(1, top + 1)]
        self.v_api = [None] + [
            self.b_pp[k] @ self.r[k + 1] + self.b_pi[k] @ self.ri[k] for k in range(1, top)
        ]
        self.v_den = [None] + [self.w_ip[k] @ self.r[k] for k in range(1, top)]
        # (iii) noise
        xi_old = self.xi
        if normals is not None:
            if self.euler:
                keep, gain = 1 - dt / self.tau_xi, np.sqrt(dt / self.tau_xi)
            else:
                keep = np.exp(-dt / self.tau_xi)
                gain = np.sqrt((1 - keep**2) / 2)
            self.xi = [None] + [keep * self.xi[k] + self.sigma * gain * normals[k - 1] for k in range(1, top)]
        # (iv) somata, with the noise of the tick before
        u_new, ui_new = [None], [None]
        for k in range(1, top + 1):
            if k < top:
                steady = (G_BAS * self.v_bas[k] + G_API * (self.v_api[k] + xi_old[k])) / (G_L + G_BAS + G_API)
            elif target is None:
                steady = G_BAS * self.v_bas[k] / (G_L + G_BAS)
            else:
                steady = (G_BAS * self.v_bas[k] + G_TGT * target) / (G_L + G_BAS + G_TGT)
            u_new.append(self.u[k] + dt / tau * (steady - self.u[k]))
        for k in range(1, top):
            steady = (G_DEN * self.v_den[k] + G_NI * ub[k + 1]) / (G_L + G_DEN + G_NI)
            ui_new.append(self.ui[k] + dt / tau * (steady - self.ui[k]))
        # (v) changes of weights, applied together
        copied = [self.w_pp[k + 1].T.copy() for k in range(1, top)]
        for k in range(1, top + 1):
            g = G_L + G_BAS + (G_API if k < top else 0)
            change = self.eta_fw[k - 1] * np.outer(
                self.r[k] - self.phi(G_BAS * v_bas_old[k] / g), r_old[k - 1]
            )
            if self.tau_lo:
                self.delta[k] = self.delta[k] + dt / self.tau_lo * (change - self.delta[k])
                change = self.delta[k]
            self.w_pp[k] = self.w_pp[k] + dt * change
        for k in range(1, top):
            predicted = self.phi(G_DEN * v_den_old[k] / (G_L + G_DEN))
            self.w_ip[k] = self.w_ip[k] + dt * self.eta_ip * np.outer(self.ri[k] - predicted, r_old[k])
            if self.copied:
                self.b_pp[k], self.b_pi[k] = copied[k - 1], -copied[k - 1]
                continue
            self.b_pi[k] = self.b_pi[k] - dt * self.eta_pi * np.outer(v_api_old[k], ri_old[k])
            loss = self.alpha * self.b_pp[k]
            if self.regulariser == "gated":
                loss = loss * (self.rh[k + 1] > 0)
            elif self.regulariser == "slopes":
                slopes = [r * (1 - r) for r in self.r]
                loss = slopes[k][:, None] * loss * slopes[k + 1]
            hebb = 0.0 if self.decaying else np.outer(self.xi[k], self.rh[k + 1])
            self.b_pp[k] = self.b_pp[k] + dt * self.eta_bw * (hebb - loss)
        # (vi) high-pass
        self.rh = [
            h + (new - old) - dt / self.tau_hp * h for h, new, old in zip(self.rh, self.r, r_old, strict=True)
        ]
        self.u_old, self.u, self.ui_old, self.ui = self.u, u_new, self.ui, [*ui_new, None]


class RateNetwork:
    """The rate version without errors in potentials (gamma = 0); weights (n_post, n_pre), b_pp leads down."""

    def __init__(
        self, sizes, w, b, dt, phi, eta_bw, alpha, sigma, tau_xi, tau_hp, beta=0.0, eta=0.0, tau_lo=0.0
    ):
        self.sizes, self.w, self.b, self.dt, self.phi = (
            sizes,
            [x.copy() for x in w],
            [x.copy() for x in b],
            dt,
            phi,
        )
        self.eta_bw, self.alpha, self.sigma, self.tau_xi, self.tau_hp = eta_bw, alpha, sigma, tau_xi, tau_hp
        self.beta, self.eta, self.tau_lo = beta, eta, tau_lo
        self.r = [np.zeros(n) if k == 0 else phi(np.zeros(n))[0] for k, n in enumerate(sizes)]
        self.slope = [None, *(phi(np.zeros(n))[1] for n in sizes[1:])]
        self.xi = [np.zeros(n) for n in sizes]
        self.rh = [np.zeros(n) for n in sizes]
        self.e = [np.zeros(n) for n in sizes]
        self.ub = [np.zeros(n) for n in sizes]
        self.delta = [np.zeros_like(x) for x in w]

    def step(self, x, normals, target=None):
        """One tick: all layers read rates and errors of the tick before. The last layer is linear."""
        dt, top = self.dt, len(self.sizes) - 1
        r, e = self.r, self.e
        new_r, new_e, slope = [np.array(x, float)], [None] * (top + 1), [None]
        keep = np.exp(-dt / self.tau_xi)
        if target is None:
            new_e[top] = np.zeros(self.sizes[top])
        else:
            new_e[top] = self.beta * self.slope[top] * (target - r[top])
        for k in range(1, top + 1):
            current = self.w[k - 1] @ r[k - 1]
            if k < top:
                self.xi[k] = keep * self.xi[k] + self.sigma * np.sqrt((1 - keep**2) / 2) * normals[k - 1]
                current = current + self.xi[k]
            phi = self.phi if k < top else lambda v: (v, np.ones_like(v))
            rate, phi_slope = phi(current)
            new_r.append(rate)
            slope.append(phi_slope)
            self.rh[k] = self.rh[k] + (rate - r[k]) - dt / self.tau_hp * self.rh[k]
            if k > 1:
                new_e[k - 1] = self.slope[k - 1] * (self.b[k - 2] @ e[k])
        for k in range(1, top + 1):
            change = self.eta * np.outer(new_e[k], r[k - 1])
            if self.tau_lo:
                self.delta[k - 1] = self.delta[k - 1] + dt / self.tau_lo * (change - self.delta[k - 1])
                change = self.delta[k - 1]
            self.w[k - 1] = self.w[k - 1] + dt * change
        for k in range(2, top + 1):
            self.b[k - 2] = self.b[k - 2] + dt * self.eta_bw * (
                np.outer(self.xi[k - 1], self.rh[k]) - self.alpha * self.b[k - 2]
            )
        self.r, self.slope, self.e = new_r, slope, [np.zeros(self.sizes[0]), *new_e[1:]]

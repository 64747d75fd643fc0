"""The linear flow of a tree of compartments, in its own modes.

With C dV/dt = -G V + d + I(t), C diagonal and G symmetric, x = C^(1/2) V turns the flow symmetric, so that it
has real rates lam and orthogonal modes Q; V = T y with T = C^(-1/2) Q. A synaptic current I_s that decays with
the rate mu drives mode j by T[c(s), j] I_s. Its part D[j, s] I_s, D = T / (lam - mu), is split off:

    y_j = y_inf_j + p_j + sum_s D[j, s] I_s        V_k = v_inf_k + sum_j T[k, j] p_j + sum_s H[k, s] I_s

so that p and I each only decay, and V is a sum of exponentials. Where lam_j and mu are so close that the split
would cancel, D is 0 and the response (e^(-mu s) - e^(-lam s)) / (lam - mu) is taken by expm1 (`near`).
"""

from libc.math cimport exp, expm1, fabs, sqrt

cdef enum:
    MOST = 64               # compartments
    SWEEPS = 60             # of Jacobi; about six are needed


cdef struct Modes:
    double *lam             # (K,) rates
    double *T               # (K, K) compartment, mode
    double *R               # (K, K) mode, compartment: the inverse of T
    double *D               # (K, S) mode, slot
    double *H               # (K, S) compartment, slot
    double *near            # (K, S) drive of a mode whose rate is close to the slot's, else 0
    double *drive           # (K,) constant current: leaks, clamps and i_ext
    int n_near


cdef inline double response(double lam, double mu, double s) noexcept nogil:
    """Return (e^(-mu s) - e^(-lam s)) / (lam - mu), stable where the rates are close or equal."""
    cdef double x = (lam - mu) * s
    if fabs(x) < 1e-8:
        return s * exp(-mu * s) * (1.0 - 0.5 * x)
    return -s * exp(-mu * s) * expm1(-x) / x


cdef inline void jacobi(double *a, double *q, int n) noexcept nogil:
    """Diagonalise the symmetric (n, n) matrix `a` by rotations; its eigenvectors become the columns of `q`."""
    cdef int _sweep, i, j, k
    cdef double off, theta, t, c, s, x, y
    for i in range(n):
        for j in range(n):
            q[i * n + j] = 1.0 if i == j else 0.0
    for _sweep in range(SWEEPS):
        off = 0.0
        for i in range(n - 1):
            for j in range(i + 1, n):
                x = a[i * n + j]
                if x == 0.0 or fabs(x) <= 1e-17 * sqrt(fabs(a[i * n + i] * a[j * n + j])):
                    a[i * n + j] = a[j * n + i] = 0.0
                    continue
                off += fabs(x)
                theta = (a[j * n + j] - a[i * n + i]) / (2.0 * x)
                t = (1.0 if theta >= 0.0 else -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0))
                c = 1.0 / sqrt(t * t + 1.0)
                s = t * c
                for k in range(n):
                    x = a[k * n + i]
                    y = a[k * n + j]
                    a[k * n + i] = c * x - s * y
                    a[k * n + j] = s * x + c * y
                for k in range(n):
                    x = a[i * n + k]
                    y = a[j * n + k]
                    a[i * n + k] = c * x - s * y
                    a[j * n + k] = s * x + c * y
                for k in range(n):
                    x = q[k * n + i]
                    y = q[k * n + j]
                    q[k * n + i] = c * x - s * y
                    q[k * n + j] = s * x + c * y
        if off == 0.0:
            return


cdef inline void find_modes(Modes *m, double *work, int K, int S, const double *c_mem, const double *g, const int *slot_at,
                            const double *mu_of_slot) noexcept nogil:
    """Fill `m` for the conductance matrix `g` (K, K); `work` has room for 2 K^2 numbers."""
    cdef double *a = work
    cdef double *q = work + K * K
    cdef int j, k, s
    cdef double close = 1e-3    # relative distance of two rates below which they are `near`
    cdef double mu, b
    for k in range(K):
        for j in range(K):
            a[k * K + j] = g[k * K + j] / sqrt(c_mem[k] * c_mem[j])
    jacobi(a, q, K)
    m.n_near = 0
    for j in range(K):
        m.lam[j] = a[j * K + j]
        for k in range(K):
            m.T[k * K + j] = q[k * K + j] / sqrt(c_mem[k])
            m.R[j * K + k] = q[k * K + j] * sqrt(c_mem[k])
        for s in range(S):
            mu = mu_of_slot[s]
            b = m.T[slot_at[s] * K + j]
            if fabs(m.lam[j] - mu) <= close * mu:
                m.D[j * S + s] = 0.0
                m.near[j * S + s] = b
                m.n_near += b != 0.0
            else:
                m.D[j * S + s] = b / (m.lam[j] - mu)
                m.near[j * S + s] = 0.0
    for k in range(K):
        for s in range(S):
            b = 0.0
            for j in range(K):
                b += m.T[k * K + j] * m.D[j * S + s]
            m.H[k * S + s] = b

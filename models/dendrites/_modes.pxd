"""The linear flow of a tree of compartments, in its own modes.

With C dV/dt = -G V + d + I(t), C diagonal and G symmetric, x = C^(1/2) V turns the flow symmetric, so that it
has real rates lam and orthogonal modes Q; V = T y with T = C^(-1/2) Q. A synaptic current I_s that decays with
the rate mu drives mode j by T[c(s), j] I_s. Its part D[j, s] I_s, D = T / (lam - mu), is split off:

    y_j = y_inf_j + p_j + sum_s D[j, s] I_s        V_k = v_inf_k + sum_j T[k, j] p_j + sum_s H[k, s] I_s

so that p and I each only decay, and V is a sum of exponentials. Where lam_j and mu are so close that the split
would cancel, D is 0 and the response (e^(-mu s) - e^(-lam s)) / (lam - mu) is taken by expm1 (`near`).

States are kept as they would have been at `start`, a time that all units with these modes share: an input at a time t
then adds the same numbers, `grow` e^(rate (t - start)), to all of them, and nothing decays in between. A start is a
multiple of `length`, short enough for the numbers to stay small; with `near` pairs it is the time itself.
"""

from libc.math cimport INFINITY, exp, expm1, fabs, floor, fmax, fmin, log, sqrt
from libc.stdint cimport uint8_t

cdef enum:
    MOST = 64               # compartments
    RUNGS = 20              # from a quarter of the fastest time constant, each twice the one before
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
    double *peak            # (K, S) largest potential that a current of 1 leads to, from above
    double *grow            # (K + A,) e^(rate (now - start)) of the modes and of the time constants
    double now, start, length
    int n_rungs
    double *rung            # (n_rungs + 1,) times from 0 on
    double *left            # (n_rungs + 1, K + A) e^(-rate rung)
    double *square          # (K + A,) of the rates


cdef inline void turn(Modes *m, double time, int K, int A, const double *tau) noexcept nogil:
    """Take the clock of `m` to `time`."""
    cdef int j
    if m.now == time:
        return
    m.now = time
    m.start = floor(time / m.length) * m.length if m.length > 0.0 else time
    for j in range(K):
        m.grow[j] = exp(m.lam[j] * (time - m.start))
    for j in range(A):
        m.grow[K + j] = exp((time - m.start) / tau[j])


cdef inline double response(double lam, double mu, double s) noexcept nogil:
    """Return (e^(-mu s) - e^(-lam s)) / (lam - mu), stable where the rates are close or equal."""
    cdef double x = (lam - mu) * s
    if fabs(x) < 1e-8:
        return s * exp(-mu * s) * (1.0 - 0.5 * x)
    return -s * exp(-mu * s) * expm1(-x) / x


cdef inline double largest_response(double lam, double mu) noexcept nogil:
    """Return the maximum of `response` over s, rounded up."""
    cdef double x = lam - mu
    cdef double s = 1.0 / mu if fabs(x) <= 1e-9 * mu else log(lam / mu) / x
    return response(lam, mu, s) * (1.0 + 1e-6)


cdef inline double bound_of(const Modes *m, int n, const double *c, double rest) noexcept nogil:
    """Return a bound on f(s) = rest + sum_j c[j] e^(-rate[j] s) over all s >= 0, `n` = K + A.

    Between two rungs f is no more than at the higher end, plus U h^2 / 8 where f'' >= -U; behind a rung no more than
    what is left of its positive parts.
    """
    cdef int i, j
    cdef double f = rest, tail, top, bend, before, x
    cdef const double *left = m.left
    top = tail = rest
    bend = 0.0
    for j in range(n):
        f += c[j]
        if c[j] > 0.0:
            tail += c[j]
        else:
            bend -= c[j] * m.square[j]
    top = f
    for i in range(1, m.n_rungs + 1):
        if tail <= top:
            return top
        before = f
        x = m.rung[i] - m.rung[i - 1]
        x = bend * x * x * 0.125
        left += n
        f = tail = rest
        bend = 0.0
        for j in range(n):
            f += c[j] * left[j]
            if c[j] > 0.0:
                tail += c[j] * left[j]
            else:
                bend -= c[j] * left[j] * m.square[j]
        x += f if f > before else before
        if x > top:
            top = x
    return top if top > tail else tail


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


cdef inline void find_modes(Modes *m, double *work, int K, int S, int A, const double *c_mem, const double *g,
                            const int *slot_at, const double *mu_of_slot, const double *tau,
                            const uint8_t *held) noexcept nogil:
    """Fill `m` for the conductance matrix `g` (K, K); `work` has room for 2 K^2 + K S numbers.

    Inputs to compartments that are `held` (K,) have no effect.
    """
    cdef double *a = work
    cdef double *q = work + K * K
    cdef double *most = q + K * K
    cdef int j, k, s
    cdef double close = 1e-3    # relative distance of two rates below which they are `near`
    cdef double mu, b, fastest = 0.0, slowest = INFINITY
    for k in range(K):
        for j in range(K):
            a[k * K + j] = g[k * K + j] / sqrt(c_mem[k] * c_mem[j])
    jacobi(a, q, K)
    m.n_near = 0
    for j in range(K):
        m.lam[j] = a[j * K + j]
        fastest = fmax(fastest, m.lam[j])
        slowest = fmin(slowest, m.lam[j])
        for k in range(K):
            m.T[k * K + j] = q[k * K + j] / sqrt(c_mem[k])
            m.R[j * K + k] = q[k * K + j] * sqrt(c_mem[k])
        for s in range(S):
            mu = mu_of_slot[s]
            b = 0.0 if held[slot_at[s]] else m.T[slot_at[s] * K + j]
            most[j * S + s] = largest_response(m.lam[j], mu)
            fastest = fmax(fastest, mu)
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
            b = 0.0
            for j in range(0 if held[slot_at[s]] else K):  # what of each mode is not negative, at its maximum
                b += fmax(m.T[k * K + j] * m.T[slot_at[s] * K + j], 0.0) * most[j * S + s]
            m.peak[k * S + s] = b
    m.now = -1.0
    m.start = 0.0
    m.length = 0.0 if m.n_near else 8.0 / fastest
    m.n_rungs = 1
    m.rung[0] = 0.0
    m.rung[1] = 0.25 / fastest
    while m.n_rungs < RUNGS and m.rung[m.n_rungs] * slowest < 1.0:
        m.n_rungs += 1
        m.rung[m.n_rungs] = 2.0 * m.rung[m.n_rungs - 1]
    for j in range(K + A):
        b = m.lam[j] if j < K else 1.0 / tau[j - K]
        m.square[j] = b * b
        for k in range(m.n_rungs + 1):
            m.left[k * (K + A) + j] = exp(-b * m.rung[k])

# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sources whose intervals, rates or patterns are more than a constant rate.

Intervals are drawn in operational time, where every process has rate 1; the integral of the rate,
inverted piece by piece in closed form, takes them to real time (time rescaling). As with Poisson
sources, the k-th random number of a unit depends on seed, name, unit and k alone.
"""

from libc.math cimport INFINITY, M_PI, cos, fabs, floor, log, pow, sqrt
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memmove

import numpy as np

from eventsim.states import state_array

from eventsim.models.inputs._sources cimport PoissonPopulation
from eventsim.population cimport Arrival

cdef extern from "eventsim/kernels/sums.h" nogil:
    void intervals "eventsim_intervals"(uint64_t key, uint64_t count, Py_ssize_t n, double *out)


cdef enum:
    AHEAD = 16                  # spikes drawn at a time, as in PoissonPopulation
    MOST_REJECTED = 1 << 20     # candidates in a row
    KEPT = 3 * AHEAD            # spikes that a thinned unit has found after those, at most
    BLOCK = 512                 # units whose candidates a function sees at once
    MOST_ROUNDS = 64            # of candidates that such a block draws ahead

cdef uint64_t OTHER = 0xD1B54A32D192ED03u       # makes a second stream of a unit's key


cdef inline double uniform(uint64_t key, uint64_t count) noexcept nogil:
    """Return number `count` of a stream, inside (0, 1): splitmix64 of a counter."""
    cdef uint64_t h = key + (count + 1) * <uint64_t> 0x9E3779B97F4A7C15u
    h = (h ^ (h >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9u
    h = (h ^ (h >> 27)) * <uint64_t> 0x94D049BB133111EBu
    h = h ^ (h >> 31)
    return (<double> (h >> 12) + 0.5) * 2.220446049250313e-16


cdef double gamma(double shape, uint64_t key, uint64_t *count) noexcept nogil:
    """Return a gamma variate of scale 1 (Marsaglia and Tsang 2000), and move `count` past what it used."""
    cdef double boost = 1.0, d, c, x, v, u
    if shape < 1.0:
        boost = pow(uniform(key, count[0]), 1.0 / shape)
        count[0] += 1
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    while True:
        x = sqrt(-2.0 * log(uniform(key, count[0]))) * cos(2.0 * M_PI * uniform(key, count[0] + 1))
        u = uniform(key, count[0] + 2)
        count[0] += 3
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        if log(u) < 0.5 * x * x + d - d * v + d * log(v):
            return boost * d * v


cdef class DrawnPopulation(PoissonPopulation):
    """Sources that draw their spikes ahead and remember one number more a unit."""

    def __init__(self, int n, str name, key):
        self.level = np.zeros(n)
        super().__init__(n, name, 1.0, key)

    def snapshot(self):
        """Return where each unit's stream stands, as a dictionary of arrays."""
        return PoissonPopulation.snapshot(self) | {"level": np.array(self.level)}

    def check_state(self, state, time=None, crossings=None):
        """Return the streams, or raise ValueError if other spikes would come next at `time`; nothing changes."""
        found = PoissonPopulation.check_state(self, state, time, crossings)
        return found | {"level": state_array(state, "level", float, (self.n,), 0.0, of=self.name)}

    cdef int put_back(self, dict state) except -1:
        PoissonPopulation.put_back(self, state)
        self.level = state["level"]
        return 0


cdef class RenewalPopulation(DrawnPopulation):
    """Intervals from a distribution, at a rate in pieces; `level` is the operational time of the last spike drawn."""

    def __init__(self, int n, str name, key, starts, rate, slope, double period=INFINITY, shape=1.0, dead=0.0,
                 bint stationary=True):
        self.starts = np.ascontiguousarray(starts, float)
        self.rate, self.slope = np.ascontiguousarray(rate, float), np.ascontiguousarray(slope, float)
        self.period = period
        ends = np.append(self.starts[1:], period)
        mass = self.covered(np.asarray(self.starts), np.asarray(ends))
        self.mass = np.ascontiguousarray(np.cumsum(np.insert(mass[:, :-1], 0, 0.0, axis=1), axis=1))
        self.total = np.asarray(self.mass)[:, -1] + mass[:, -1]
        self.shape = np.array(np.broadcast_to(shape, n), float)
        self.dead = np.array(np.broadcast_to(dead, n), float)
        self.plain = bool((np.asarray(self.shape) == 1.0).all() and (np.asarray(self.dead) == 0.0).all())
        self.stationary = stationary
        self.piece = np.zeros(n, np.int32)
        super().__init__(n, name, key)

    def covered(self, begins, ends):
        """Return the integral of the rate over [begin, end) of each piece, shape (1 or n, m)."""
        span = np.maximum(ends - begins, 0.0)
        low, rate, slope = begins - np.asarray(self.starts), np.asarray(self.rate), np.asarray(self.slope)
        with np.errstate(invalid="ignore"):  # 0 * inf, where a rate ends at 0
            area = span * (rate + slope * (low + np.where(np.isfinite(span), span, 0.0) / 2))
        return np.where(np.isnan(area) | (span == 0), 0.0, area)

    def expected(self, double start, double end):
        """Return how many spikes come in [start, end) on average."""
        pieces = np.asarray(self.starts)
        ends = np.append(pieces[1:], self.period)

        def until(time):
            cycles = 0.0
            if self.period < np.inf:
                cycles, time = np.divmod(time, self.period)
            whole = cycles * np.asarray(self.total) if cycles else 0.0
            return np.sum((whole + self.covered(pieces, np.minimum(ends, time)).sum(axis=1)) * np.ones(
                self.n if len(self.total) == 1 else 1))
        return float(until(end) - until(start))

    cdef double inverse(self, int unit, double level) noexcept nogil:
        """Return the time at which the integral of the rate is `level`; inf if it never is."""
        cdef Py_ssize_t c = unit if self.total.shape[0] > 1 else 0, last = self.starts.shape[0] - 1
        cdef const double *mass = &self.mass[c, 0]
        cdef Py_ssize_t s = self.piece[unit]
        cdef double offset = 0.0, total = self.total[c], cycle, rate, slope, t, end
        if level > total or self.period < INFINITY:
            if total <= 0.0 or self.period == INFINITY:
                return INFINITY
            cycle = floor(level / total)
            level -= cycle * total
            offset = cycle * self.period
            if level < 0.0:
                level = 0.0
        if mass[s] > level:
            s = 0
        while s < last and mass[s + 1] <= level:
            s += 1
        self.piece[unit] = s
        rate, slope, level = self.rate[c, s], self.slope[c, s], level - mass[s]
        if slope == 0.0:
            t = level / rate if rate > 0.0 else (0.0 if level <= 0.0 and s < last else INFINITY)
        else:
            # The root of slope t^2 / 2 + rate t = level that does not cancel.
            t = rate * rate + 2.0 * slope * level
            t = rate + sqrt(t if t > 0.0 else 0.0)
            t = 2.0 * level / t if t > 0.0 else 0.0
        t += self.starts[s]
        end = self.starts[s + 1] if s < last else self.period
        return offset + (t if t < end else end)

    cdef int refill(self, int unit) except -1 nogil:
        """Draw the next AHEAD spikes of a unit."""
        cdef double *ahead = &self.ahead[unit, 0]
        cdef double before = ahead[AHEAD - 1], level = self.level[unit], gap, shape, dead, time
        cdef double buffer[AHEAD]
        cdef uint64_t key = self.key[unit], count = self.drawn[unit]
        cdef int k
        if self.plain:
            intervals(key, count, AHEAD, buffer)
            count += AHEAD
        else:
            shape, dead = self.shape[unit], self.dead[unit]
            for k in range(AHEAD):
                if count == 0 and self.stationary:
                    gap = self.first(unit, &count)
                elif shape == 1.0:
                    gap = dead - (1.0 - dead) * log(uniform(key, count))
                    count += 1
                else:
                    gap = gamma(shape, key, &count) / shape
                buffer[k] = gap
        for k in range(AHEAD):
            level += buffer[k]
            time = self.inverse(unit, level)
            before = time if time > before else before  # rounding at the border of two pieces
            ahead[k] = before
        self.level[unit] = level
        self.drawn[unit] = count
        self.position[unit] = 0
        return 0

    cdef double first(self, int unit, uint64_t *count) noexcept nogil:
        """Return the first interval of a process that began long ago.

        Its density is (1 - F(x)) / mean: with dead time a part that is uniform, then the usual interval;
        for gamma intervals a uniform part of one with shape + 1 (a length-biased interval).
        """
        cdef uint64_t key = self.key[unit]
        cdef double dead = self.dead[unit], shape = self.shape[unit]
        cdef double u = uniform(key, 0)
        count[0] = 1
        if shape != 1.0:
            return u * gamma(shape + 1.0, key, count) / shape
        if u < dead:
            return u
        count[0] = 2
        return dead - (1.0 - dead) * log(uniform(key, 1))


cdef class ThinnedPopulation(DrawnPopulation):
    """Candidates at the highest rate, kept with probability rate / highest; `level` is the time of the last one."""

    def __init__(self, int n, str name, key, function, double highest, double stop, double per_hertz, bint by_unit):
        self.function, self.highest, self.stop = function, highest, stop
        self.per_hertz, self.by_unit = per_hertz, by_unit
        self.kept, self.kept_count = np.zeros((n, KEPT)), np.zeros((n, KEPT), np.uint32)
        self.n_kept, self.next_level, self.next_drawn = np.zeros(n, np.int32), np.zeros(n), np.zeros(n, np.uint64)
        self.asking, self.candidates = np.zeros(BLOCK, np.int32), np.zeros(BLOCK * AHEAD)
        super().__init__(n, name, key)

    def expected(self, double start, double end):
        """Return how many spikes come in [start, end) at most on average."""
        return max(0.0, min(end, self.stop) - start) * self.highest * self.per_hertz * self.n

    cdef int refill(self, int unit) except -1 nogil:
        if self.n_kept[unit] < AHEAD and not self.by_unit:
            with gil:
                self.draw_block(unit)
        if self.n_kept[unit] < AHEAD:
            with gil:
                return self.accept(unit)
        cdef double *kept = &self.kept[unit, 0]
        cdef uint32_t *count = &self.kept_count[unit, 0]
        # After `stop` the stream stands behind the candidate that came too late.
        self.level[unit] = kept[AHEAD - 1] if kept[AHEAD - 1] < INFINITY else self.next_level[unit]
        self.drawn[unit] += count[AHEAD - 1] - <uint32_t> self.drawn[unit]
        memcpy(&self.ahead[unit, 0], kept, AHEAD * sizeof(double))
        self.n_kept[unit] -= AHEAD
        memmove(kept, kept + AHEAD, self.n_kept[unit] * sizeof(double))
        memmove(count, count + AHEAD, self.n_kept[unit] * sizeof(uint32_t))
        self.position[unit] = 0
        return 0

    cdef int put_back(self, dict state) except -1:
        DrawnPopulation.put_back(self, state)
        self.n_kept[:] = 0
        self.next_level[:], self.next_drawn[:] = self.level, self.drawn
        return 0

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        # In short intervals, so that units draw together.
        cdef double span = AHEAD / (self.highest * self.per_hertz), until = start + span
        while until < end and until < self.stop:
            PoissonPopulation.sweep(self, start, until, arrivals, n, window)
            start, until = until, until + span
        return PoissonPopulation.sweep(self, start, end, arrivals, n, window)

    cdef int draw_block(self, int unit) except -1:
        """Draw spikes ahead for all units of a block, until `unit` has AHEAD of them.

        One call of the function serves all units that have room, and no candidate is drawn twice. What `accept` would
        refuse is left to it, if it comes to that.
        """
        cdef int first = unit - unit % BLOCK, rounds = 0, n_asking, row
        cdef const double[::1] rates
        while self.n_kept[unit] < AHEAD and self.next_level[unit] < self.stop and rounds < MOST_ROUNDS:
            rounds += 1
            n_asking = self.propose(first, min(self.n, first + BLOCK))
            try:
                # A copy, as the function may work in place.
                rates = self.given_rates(np.array(self.candidates[:n_asking * AHEAD]), first)
            except Exception:
                break
            for row in range(n_asking):
                if not self.thin(self.asking[row], &self.candidates[row * AHEAD], &rates[row * AHEAD]):
                    return 0
        return 0

    cdef int propose(self, int first, int last) noexcept nogil:
        """Draw AHEAD candidates for each unit that has room for them; return how many units these are."""
        cdef double mean = 1.0 / (self.highest * self.per_hertz), time
        cdef double *candidates = &self.candidates[0]
        cdef int unit, k, n_asking = 0
        for unit in range(first, last):
            if self.n_kept[unit] > KEPT - AHEAD or self.next_level[unit] >= self.stop:
                continue
            self.asking[n_asking] = unit
            intervals(self.key[unit], self.next_drawn[unit], AHEAD, candidates)
            time = self.next_level[unit]
            for k in range(AHEAD):
                time += mean * candidates[k]
                candidates[k] = time
            candidates += AHEAD
            n_asking += 1
        return n_asking

    cdef bint thin(self, int unit, const double *candidates, const double *rates) noexcept nogil:
        """Keep each of AHEAD candidates with probability rate / highest; return False if a rate cannot be."""
        cdef double highest = self.highest
        cdef uint64_t key = self.key[unit] ^ OTHER, drawn = self.next_drawn[unit]
        cdef double *kept = &self.kept[unit, 0]
        cdef uint32_t *count = &self.kept_count[unit, 0]
        cdef int k, n = self.n_kept[unit], n_before = AHEAD
        cdef bint fits = True
        while n_before > 0 and candidates[n_before - 1] >= self.stop:
            n_before -= 1
        for k in range(n_before):
            # Written in any case, and written over unless kept: no jump that is hard to predict.
            kept[n], count[n] = candidates[k], <uint32_t> (drawn + k + 1)
            n += uniform(key, drawn + k + 1) * highest < rates[k]
            fits &= (rates[k] >= 0.0) & (rates[k] <= highest)
        if not fits:
            return False
        if n_before < AHEAD:
            n_before += 1
            for k in range(n, KEPT):
                kept[k], count[k] = INFINITY, <uint32_t> (drawn + n_before)
            n = KEPT
        self.n_kept[unit] = n
        self.next_level[unit], self.next_drawn[unit] = candidates[n_before - 1], drawn + n_before
        return True

    cdef int accept(self, int unit) except -1:
        """Draw the next AHEAD spikes of a unit."""
        cdef double buffer[AHEAD]
        cdef double time = self.level[unit], mean = 1.0 / (self.highest * self.per_hertz)
        cdef uint64_t key = self.key[unit], count = self.drawn[unit]
        cdef int found = 0, k
        cdef long long rejected = 0
        while found < AHEAD:
            intervals(key, count, AHEAD, buffer)
            for k in range(AHEAD):
                time += mean * buffer[k]
                buffer[k] = time
            times = np.array(<double[:AHEAD]> buffer)
            rates = self.rates(times, unit)
            for k in range(AHEAD):
                count += 1
                if buffer[k] >= self.stop:
                    self.ahead[unit, found:] = INFINITY
                    found = AHEAD
                elif uniform(key ^ OTHER, count) * self.highest < rates[k]:
                    self.ahead[unit, found] = buffer[k]
                    found += 1
                    rejected = 0
                else:
                    rejected += 1
                time = buffer[k]
                if found == AHEAD:
                    break
            if rejected > MOST_REJECTED:
                raise ValueError(
                    f"rate of unit {unit} of {self.name!r} is 0, or far below max_rate, up to {time:g}: "
                    "stop= says when a rate ends")
        self.level[unit] = self.next_level[unit] = time
        self.drawn[unit] = self.next_drawn[unit] = count
        self.position[unit] = self.n_kept[unit] = 0
        return 0

    cdef object given_rates(self, times, int unit):
        """Return what the function says of `times`, one number each, or raise ValueError if it cannot be that."""
        given = self.function(times, unit) if self.by_unit else self.function(times)
        try:
            rates = np.asarray(given, float)
            return np.ascontiguousarray(rates if rates.shape == times.shape else np.broadcast_to(rates, times.shape))
        except (TypeError, ValueError):
            raise ValueError(f"rate of {self.name!r} must return a number or one for each time, "
                             f"got shape {np.shape(given)} for {times.shape[0]} times") from None

    def rates(self, times, int unit):
        """Return the function's rates, or raise ValueError if one is not in [0, max_rate]; after `stop` they are 0."""
        rates = self.given_rates(times, unit)
        if rates.min() >= 0 and rates.max() <= self.highest and times.max() < self.stop:
            return rates
        before = times < self.stop
        wrong = ~((rates >= 0) & (rates <= self.highest)) & before
        if wrong.any():
            k = int(np.argmax(wrong))
            raise ValueError(f"rate of unit {unit} of {self.name!r} must lie between 0 and max_rate = {self.highest:g} "
                             f"Hz, got {float(rates[k])!r} at {float(times[k])!r}")
        return np.where(before, rates, 0.0)


cdef class PatternPopulation(DrawnPopulation):
    """Bursts of `n_spikes` spikes at regular or random times; `level` is the time of the latest onset."""

    def __init__(self, int n, str name, key, start, period, jitter, interval, gap, long long n_spikes,
                 long long number):
        self.start, self.period, self.jitter, self.interval, self.gap = (
            np.array(np.broadcast_to(each, n), float) for each in (start, period, jitter, interval, gap))
        self.n_spikes, self.number = n_spikes, number
        super().__init__(n, name, key)

    def expected(self, double start, double end):
        """Return about how many spikes come in [start, end)."""
        cycle = np.asarray(self.period)
        return float(np.sum((end - start) / cycle)) * self.n_spikes

    cdef int refill(self, int unit) except -1 nogil:
        """Draw the next AHEAD spikes of a unit; the count of its stream is that of its spikes."""
        cdef double onset = self.level[unit], jitter = self.jitter[unit], interval = self.interval[unit]
        cdef uint64_t key = self.key[unit], count = self.drawn[unit]
        cdef long long burst, place
        cdef int k
        for k in range(AHEAD):
            burst, place = <long long> count // self.n_spikes, <long long> count % self.n_spikes
            if self.number >= 0 and burst >= self.number:
                self.ahead[unit, k] = INFINITY
            else:
                if place == 0 and self.gap[unit] > 0.0:  # bursts at random times, never one in another
                    onset += (self.start[unit] if burst == 0 else (self.n_spikes - 1) * interval)
                    onset -= self.gap[unit] * log(uniform(key, burst))
                elif place == 0:
                    onset = self.start[unit] + burst * self.period[unit]
                    if jitter > 0.0:
                        onset = fabs(onset + jitter * (2.0 * uniform(key, burst) - 1.0))
                self.ahead[unit, k] = onset + place * interval
            count += 1
        self.level[unit] = onset
        self.drawn[unit] = count
        self.position[unit] = 0
        return 0

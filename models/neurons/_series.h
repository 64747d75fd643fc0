/* Inner loops of Taylor series. The terms of a sum are added in the order of the loops that say the same in Cython, so
   the bits are theirs. */

#ifndef EVENTSIM_NEURONS_SERIES_H
#define EVENTSIM_NEURONS_SERIES_H

#include <string.h>

#define EVENTSIM_MOST_TERMS 24

/* `product` of series.pxd; k is known where it is compiled, so that no loop is left. */
static inline double eventsim_product(const double *a, const double *b, int k) {
    double even = 0.0, odd = 0.0;
    int low = k / 2, high = k - k / 2;
    if (k % 2 == 0) {
        even = a[low] * b[low];
        low--, high++;
    }
    for (; low >= 0; low--, high++) {
        even += a[high] * b[low];
        odd += a[low] * b[high];
    }
    return even + odd;
}

/* The series of `exponential_series`, from its second term on: v, i are known at 0, and i everywhere. `rest` is the
   current besides the exponential one at 0, and `e` the exponential there. */
#define EVENTSIM_TERM(k)                                               \
    if (k >= order) return;                                            \
    slope[k] = rest * to_slope + upstroke * e[k];                      \
    v[k + 1] = slope[k] * (delta_t * inverse[k + 1]);                  \
    rest = i[k + 1] - g_leak * v[k + 1];                               \
    e[k + 1] = eventsim_product(slope, e, k) * inverse[k + 1];

static inline void eventsim_exponential_terms(int order, double rest, double first, double to_slope, double upstroke,
                                       double delta_t, double g_leak, const double *restrict inverse,
                                       const double *restrict i, double *restrict v) {
    double e[EVENTSIM_MOST_TERMS + 1], slope[EVENTSIM_MOST_TERMS + 1];
    e[0] = first;
    EVENTSIM_TERM(0)
    EVENTSIM_TERM(1)
    EVENTSIM_TERM(2)
    EVENTSIM_TERM(3)
    EVENTSIM_TERM(4)
    EVENTSIM_TERM(5)
    EVENTSIM_TERM(6)
    EVENTSIM_TERM(7)
    EVENTSIM_TERM(8)
    EVENTSIM_TERM(9)
    EVENTSIM_TERM(10)
    EVENTSIM_TERM(11)
    EVENTSIM_TERM(12)
    EVENTSIM_TERM(13)
    EVENTSIM_TERM(14)
    EVENTSIM_TERM(15)
    EVENTSIM_TERM(16)
    EVENTSIM_TERM(17)
    EVENTSIM_TERM(18)
    EVENTSIM_TERM(19)
    EVENTSIM_TERM(20)
    EVENTSIM_TERM(21)
    EVENTSIM_TERM(22)
    EVENTSIM_TERM(23)
}

/* Two columns of derivatives, side by side. */
#if defined(__GNUC__)
typedef double eventsim_two __attribute__((vector_size(16)));

static inline eventsim_two eventsim_add_times(eventsim_two sum, double factor, eventsim_two x) {
    return sum + factor * x;
}

static inline eventsim_two eventsim_times(double factor, eventsim_two x) { return factor * x; }
#else
typedef struct {
    double one, other;
} eventsim_two;

static inline eventsim_two eventsim_add_times(eventsim_two sum, double factor, eventsim_two x) {
    sum.one += factor * x.one;
    sum.other += factor * x.other;
    return sum;
}

static inline eventsim_two eventsim_times(double factor, eventsim_two x) {
    x.one *= factor;
    x.other *= factor;
    return x;
}
#endif

#define EVENTSIM_VARY(k)                                                                      \
    if (k >= order) goto done;                                                                \
    sum = nothing;                                                                            \
    for (int m = 0; m <= k; m++) sum = eventsim_add_times(sum, rate[m], d[k - m]);            \
    sum = eventsim_add_times(eventsim_add_times(sum, constant[0], d[k]), constant[1], other); \
    other = eventsim_add_times(eventsim_add_times(nothing, constant[2], d[k]), constant[3], other); \
    d[k + 1] = eventsim_times(inverse[k + 1], sum);                                           \
    other = eventsim_times(inverse[k + 1], other);                                            \
    total = eventsim_add_times(total, 1.0, d[k + 1]);                                         \
    other_total = eventsim_add_times(other_total, 1.0, other);

/* Carry dx/dx(at the start), (2, 2), along a series: `rate` and `constant` are df/dx, times the powers of h. */
static inline void eventsim_vary_two(int order, const double *restrict rate, const double *restrict constant,
                                     const double *restrict inverse, double *restrict state) {
    eventsim_two d[EVENTSIM_MOST_TERMS + 1], other, total, other_total, sum;
    const eventsim_two nothing = {0.0, 0.0};
    memcpy(&total, state, sizeof total);
    memcpy(&other, state + 2, sizeof other);
    d[0] = total, other_total = other;
    EVENTSIM_VARY(0)
    EVENTSIM_VARY(1)
    EVENTSIM_VARY(2)
    EVENTSIM_VARY(3)
    EVENTSIM_VARY(4)
    EVENTSIM_VARY(5)
    EVENTSIM_VARY(6)
    EVENTSIM_VARY(7)
    EVENTSIM_VARY(8)
    EVENTSIM_VARY(9)
    EVENTSIM_VARY(10)
    EVENTSIM_VARY(11)
    EVENTSIM_VARY(12)
    EVENTSIM_VARY(13)
    EVENTSIM_VARY(14)
    EVENTSIM_VARY(15)
    EVENTSIM_VARY(16)
    EVENTSIM_VARY(17)
    EVENTSIM_VARY(18)
    EVENTSIM_VARY(19)
    EVENTSIM_VARY(20)
    EVENTSIM_VARY(21)
    EVENTSIM_VARY(22)
    EVENTSIM_VARY(23)
done:
    memcpy(state, &total, sizeof total);
    memcpy(state + 2, &other_total, sizeof other_total);
}

#endif

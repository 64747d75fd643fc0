/* A window of neurons without synaptic current: what arrivals add, and the step that carries all membranes.

   A membrane and the sum of its arrivals take 8 bytes each, so 100 000 units fit into a second cache. Clones for wide
   registers do the same operations in the same order and give the same bits (see vector.h). */

#ifndef EVENTSIM_JUMP_WINDOW_H
#define EVENTSIM_JUMP_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/pages.h"
#include "eventsim/kernels/vector.h"

enum { JUMP_WORD = 64 }; /* units that share a word of `chosen` */

/* Ask for a list of targets early: its memory comes in no order that a processor foresees. */
static inline void jumps_fetch(const int32_t *target, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n && k < 256; k += 16)
        eventsim_fetch(target + k);
}

/* Add a number to each of n listed targets. */
static inline void jumps_add(double *sum, const int32_t *target, ptrdiff_t n, double value) {
    for (ptrdiff_t k = 0; k < n; k++)
        sum[target[k]] += value;
}

/* Return the place of the lowest bit of a word that is not 0. */
static inline int jumps_lowest(uint64_t word) {
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(word);
#else
    int place = 0;
    for (; !(word & 1); word >>= 1)
        place++;
    return place;
#endif
}

/* Return whether a unit is chosen. */
static inline int jumps_chosen(const uint64_t *chosen, int32_t unit) { return (chosen[unit >> 6] >> (unit & 63)) & 1; }

/* Write the places in a list of n targets that are chosen to `found`, which has room for n; returns how many. */
static inline ptrdiff_t jumps_find(const uint64_t *chosen, const int32_t *target, ptrdiff_t n, int32_t *found) {
    ptrdiff_t n_found = 0;
    for (ptrdiff_t k = 0; k < n; k++) {
        found[n_found] = (int32_t)k;
        n_found += jumps_chosen(chosen, target[k]);
    }
    return n_found;
}

/* Let n membranes decay over a window and add their sums, which are taken. A unit whose membrane, or an upper bound of
   it in the window, reaches its limit is chosen and stays as it is. `highest` may be NULL; `limit` is of each unit, or
   one for all. */
VECTOR_INLINE void jumps_carry_all(double *restrict v, double *restrict sum, double *restrict highest,
                                   const double *restrict limit, int one_limit, ptrdiff_t n, double v_inf,
                                   double decay, uint64_t *restrict chosen) {
    int64_t reaches[JUMP_WORD];
    for (ptrdiff_t first = 0; first < n; first += JUMP_WORD) {
        ptrdiff_t m = n - first < JUMP_WORD ? n - first : JUMP_WORD;
        int64_t any = 0;
        uint64_t word = 0;
        VECTOR_LOOP
        for (ptrdiff_t k = 0; k < m; k++) {
            double before = v[first + k], after = v_inf + (before - v_inf) * decay;
            double top = before > after ? before : after;
            if (highest) {
                top += highest[first + k];
                highest[first + k] = 0.0;
            }
            int64_t mask = vector_mask(top >= (one_limit ? limit[0] : limit[first + k]));
            v[first + k] = vector_select(mask, before, after + sum[first + k]);
            sum[first + k] = 0.0;
            reaches[k] = mask;
            any |= mask;
        }
        if (any)
            for (ptrdiff_t k = 0; k < m; k++)
                word |= (uint64_t)(reaches[k] & 1) << k;
        chosen[first / JUMP_WORD] = word;
    }
}

VECTOR_CLONES static void jumps_carry(double *restrict v, double *restrict sum, double *restrict highest,
                                      const double *restrict limit, int one_limit, ptrdiff_t n, double v_inf,
                                      double decay, uint64_t *restrict chosen) {
    if (one_limit && !highest)
        jumps_carry_all(v, sum, NULL, limit, 1, n, v_inf, decay, chosen);
    else if (one_limit)
        jumps_carry_all(v, sum, highest, limit, 1, n, v_inf, decay, chosen);
    else if (!highest)
        jumps_carry_all(v, sum, NULL, limit, 0, n, v_inf, decay, chosen);
    else
        jumps_carry_all(v, sum, highest, limit, 0, n, v_inf, decay, chosen);
}

#endif

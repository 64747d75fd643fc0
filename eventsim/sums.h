/* Adding four numbers at once to the accumulators that a spike reaches.

   The sums of a unit fill half a cache line, so a delivery costs one load, one addition and one store where the
   processor has registers of that width. Clones for other processors add in the same order and give the same bits. */

#ifndef EVENTSIM_SUMS_H
#define EVENTSIM_SUMS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define EVENTSIM_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define EVENTSIM_CLONES
#endif

typedef struct {
    double v, i, top, count;
} eventsim_sums;

/* Add the same four numbers to each of n targets. */
EVENTSIM_CLONES static void eventsim_add_listed(eventsim_sums *sums, const int32_t *target, ptrdiff_t n, double v, double i,
                                         double top, double count)
{
    for (ptrdiff_t k = 0; k < n; k++) {
        eventsim_sums *to = sums + target[k];
        to->v += v;
        to->i += i;
        to->top += top;
        to->count += count;
    }
}

#endif

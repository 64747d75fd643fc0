/* Rows of a matrix summed where a sequence of zeros and ones has its ones, for floats and doubles; bodies in
   spikes_real.h. */

#ifndef EVENTSIM_LAYERS_SPIKES_H
#define EVENTSIM_LAYERS_SPIKES_H

#include <stddef.h>
#include <string.h>

#include "eventsim/kernels/vector.h"

#define REAL double
#define NAME(name) name##_f64
#include "spikes_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "spikes_real.h"
#undef REAL
#undef NAME

/* c (cols) += p q, p (depth), q (depth, cols), if p has zeros and ones only; else return 0 and do nothing. The sum over
   p runs in the order of products_multiply, and terms that are zero change no finite sum that begins at zero: the bits
   are the same for finite q. */
static inline int spikes_multiply(int is_float64, ptrdiff_t cols, ptrdiff_t depth, const void *p, const void *q,
                                  void *room, void *c) {
    return is_float64 ? spikes_multiply_f64(cols, depth, p, q, room, c)
                      : spikes_multiply_f32(cols, depth, p, q, room, c);
}

#endif

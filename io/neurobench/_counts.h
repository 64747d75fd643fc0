/* Counts of values that are not zero, or that changed, for floats and doubles; bodies in _counts_real.h. A loop has
   integers as wide as its values, so that it has one width. */

#ifndef EVENTSIM_NEUROBENCH_COUNTS_H
#define EVENTSIM_NEUROBENCH_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/vector.h"

#define COLUMNS 32

#define REAL double
#define WHOLE int64_t
#define NAME(name) name##_f64
#include "_counts_real.h"
#undef REAL
#undef WHOLE
#undef NAME
#define REAL float
#define WHOLE int32_t
#define NAME(name) name##_f32
#include "_counts_real.h"
#undef REAL
#undef WHOLE
#undef NAME
#undef COLUMNS

#endif

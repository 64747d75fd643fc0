/* Normalisation over rows (time and batch) or over channels, for floats and doubles; bodies in norm_real.h. */

#ifndef EVENTSIM_LAYERS_NORM_H
#define EVENTSIM_LAYERS_NORM_H

#include <math.h>
#include <stddef.h>

#include "eventsim/kernels/vector.h"

enum { NORM_LANES = 16 }; /* sums over channels run in so many parts, in one order */

#define REAL double
#define NAME(name) name##_f64
#include "norm_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "norm_real.h"
#undef REAL
#undef NAME

#endif

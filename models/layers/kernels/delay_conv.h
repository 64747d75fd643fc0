/* Sparse causal convolution of each channel with taps of its own, forward and backward; bodies in delay_conv_real.h. */

#ifndef EVENTSIM_LAYERS_DELAY_CONV_H
#define EVENTSIM_LAYERS_DELAY_CONV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "eventsim/kernels/vector.h"

enum { DELAY_CHANNELS = 16 }; /* channels whose signals are copied so that their times lie side by side */

/* Arrays (steps, batch, n); a call works on the samples from `low` to `high`. Channel c has count[c] taps, which begin
   at c * most: a delay in steps, 0 <= delay < window, and a value each. */
typedef struct {
    ptrdiff_t steps, batch, n, low, high, most, window;
    const int32_t *delay, *count;
    const void *value;
} delay_conv_layer;

#define REAL double
#define NAME(name) name##_f64
#include "delay_conv_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "delay_conv_real.h"
#undef REAL
#undef NAME

/* y[t] = sum over taps of value x[t - delay]; x is 0 before the first step. `room` has 2 DELAY_CHANNELS
   (window + steps) values. */
static inline void delay_conv_forward(int is_float64, const delay_conv_layer *p, const void *x, void *y, void *room) {
    if (is_float64)
        delay_conv_forward_f64(p, x, y, room);
    else
        delay_conv_forward_f32(p, x, y, room);
}

/* dx[t] = sum over taps of value dy[t + delay], unless dx is NULL; by_value (batch, n, most) becomes
   sum_t dy[t] x[t - delay]. `room` has 3 DELAY_CHANNELS (window + steps) values. */
static inline void delay_conv_backward(int is_float64, const delay_conv_layer *p, const void *x, const void *dy,
                                       void *dx, void *by_value, void *room) {
    if (is_float64)
        delay_conv_backward_f64(p, x, dy, dx, by_value, room);
    else
        delay_conv_backward_f32(p, x, dy, dx, by_value, room);
}

#endif

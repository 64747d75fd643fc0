/* Diagonal state-space models in recurrent form, with states on a grid, forward and backward; bodies in s4d_real.h.

   Heads lie side by side in lanes, so that a step of many heads is one vector operation and inputs are read as they
   lie in (time, batch, head). */

#ifndef EVENTSIM_LAYERS_S4D_H
#define EVENTSIM_LAYERS_S4D_H

#include <float.h>
#include <stddef.h>
#include <string.h>

#include "quantize.h"

enum { S4D_LANES = 16 };
enum { STATE_FREE, STATE_STATIC, STATE_DYNAMIC };
enum { POLE_REAL, POLE_IMAG, INPUT_REAL, INPUT_IMAG, OUTPUT_REAL, OUTPUT_IMAG, S4D_NUMBERS };
enum { GRID_STEP, GRID_PER_STEP, GRID_LEAST, GRID_MOST, GRID_NUMBERS };

/* A block of up to S4D_LANES heads, `head` being the first; rows of S4D_LANES values. A call works on the samples from
   `low` to `high` of arrays (steps, batch, heads), and on one block. */
typedef struct {
    ptrdiff_t steps, batch, heads, modes, low, high, head;
    const void *numbers; /* (modes, S4D_NUMBERS): pole, input and output */
    const void *skip;    /* (1) */
    double clip;         /* of real and imaginary parts of states */
    int state;           /* STATE_FREE, ... */
    const void *grid;    /* (2, GRID_NUMBERS): static grids of real and imaginary parts */
    const void *within;  /* (4): low and high real, low and high imaginary, beyond which no gradient passes */
    double levels, least; /* of dynamic grids: number of steps; the least code of symmetric ones, else 0 */
    int shared, widened;  /* of dynamic grids: one range for both parts; ranges contain 0 */
    ptrdiff_t segment;    /* steps between two states that are kept */
    double limit;         /* of the adjoint */
} s4d_block;

/* The inverse of a smaller step is no number. */
#define REAL double
#define LEAST_STEP DBL_MIN
#define NAME(name) name##_f64
#include "s4d_real.h"
#undef REAL
#undef LEAST_STEP
#undef NAME
#define REAL float
#define LEAST_STEP FLT_MIN
#define NAME(name) name##_f32
#include "s4d_real.h"
#undef REAL
#undef LEAST_STEP
#undef NAME

/* x[t] = Q(clip(pole x[t-1] + input u[t]));  y[t] = 2 Re sum output x[t] + skip u[t].
   state (batch, modes, 2) is changed in place; kept (batch, segments, modes, 2): the state before every segment, or
   NULL. */
static inline void s4d_forward(int is_float64, const s4d_block *p, const void *u, void *state, void *kept, void *y) {
    if (is_float64)
        s4d_forward_f64(p, u, state, kept, y);
    else
        s4d_forward_f32(p, u, state, kept, y);
}

/* by_numbers (batch, modes, S4D_NUMBERS) and by_skip (batch, 1) become sums over time of each sample, du dL/du.
   room: (segment + 2) modes rows of 2. */
static inline void s4d_backward(int is_float64, const s4d_block *p, const void *u, const void *kept, const void *dy,
                                void *by_numbers, void *by_skip, void *du, void *room) {
    if (is_float64)
        s4d_backward_f64(p, u, kept, dy, by_numbers, by_skip, du, room);
    else
        s4d_backward_f32(p, u, kept, dy, by_numbers, by_skip, du, room);
}

#endif

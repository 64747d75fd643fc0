/* Loops of dendritic prediction; all clones give the same bits. */

#ifndef EVENTSIM_DENDRITIC_PREDICTION_H
#define EVENTSIM_DENDRITIC_PREDICTION_H

#include <stddef.h>

#include "eventsim/kernels/vector.h"

/* One Euler step of a trace: trace += c (gain x - trace). */
VECTOR_CLONES static void prediction_trace(double *restrict trace, const double *restrict x, double c, double gain,
                                           ptrdiff_t n) {
    for (ptrdiff_t j = 0; j < n; j++)
        trace[j] += c * (gain * x[j] - trace[j]);
}

/* change[row][i] = rate[row][i] error[i]; the rows are `stride` numbers apart. */
VECTOR_CLONES static void prediction_change(double *restrict change, const double *restrict rate,
                                            const double *restrict error, ptrdiff_t rows, ptrdiff_t stride,
                                            ptrdiff_t n) {
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t i = 0; i < n; i++)
            change[row * stride + i] = rate[row * stride + i] * error[i];
}

#endif

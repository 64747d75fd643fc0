/* The product of rates with quantized weights; all clones do the same operations in the same order (see vector.h). */

#ifndef EVENTSIM_QUANTIZED_PRODUCT_H
#define EVENTSIM_QUANTIZED_PRODUCT_H

#include <stddef.h>

#include "eventsim/kernels/vector.h"

/* out[f] += x[s] q(w[s][f]), source by source; q cuts to +-limit, then takes the nearest multiple of step, halves to
   the even one. cols is a multiple of VECTOR_LANES. */
VECTOR_CLONES static void quantized_product(const double *restrict w, ptrdiff_t rows, ptrdiff_t cols, double step,
                                            double limit, const double *restrict x, double *restrict out) {
    double per_step = step > 0.0 ? 1.0 / step : 0.0;
    int64_t rounds = vector_mask(step > 0.0);
    for (ptrdiff_t s = 0; s < rows; s++) {
        const double *row = w + s * cols;
        double by = x[s];
        VECTOR_LOOP
        for (ptrdiff_t f = 0; f < cols; f++) {
            double v = row[f] < limit ? row[f] : limit;
            v = v > -limit ? v : -limit;
            double n = (v * per_step + VECTOR_ROUND) - VECTOR_ROUND;
            out[f] += by * vector_select(rounds, n * step, v);
        }
    }
}

#endif

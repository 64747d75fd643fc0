/* Diagonal state-space models as a convolution: kernels from poles, and Fourier transforms of blocks of heads; bodies
   in s4d_convolution_real.h.

   Heads lie side by side in lanes, so a transform along time needs no transposition. Two samples share a transform as
   real and imaginary part: products with the transform of a real kernel keep them apart, and the real part of a
   correlation is the sum of both. The forward transform leaves frequencies in bit-reversed order, in which they are
   multiplied and from which the inverse starts, so nothing is permuted. */

#ifndef EVENTSIM_LAYERS_S4D_CONVOLUTION_H
#define EVENTSIM_LAYERS_S4D_CONVOLUTION_H

#include <stddef.h>
#include <string.h>

#include "eventsim/kernels/vector.h"

enum { FFT_LANES = 16 };

/* A block of up to FFT_LANES heads of arrays (steps, batch, heads); rows of FFT_LANES values. Transforms have `size`
   points, a power of 2 and at least 2 steps; turns (size, 2): cos and -sin of 2 pi k / size. */
typedef struct {
    ptrdiff_t steps, batch, heads, head, size;
    const void *turns;
} s4d_transform;

#define REAL double
#define NAME(name) name##_f64
#include "s4d_convolution_real.h"
#undef REAL
#undef NAME
#define REAL float
#define NAME(name) name##_f32
#include "s4d_convolution_real.h"
#undef REAL
#undef NAME

/* y[t] = sum_l kernel[l] u[t - l] + skip u[t], kernel (steps). room: 2 size rows of 2. */
static inline void s4d_convolve(int is_float64, const s4d_transform *p, const void *u, const void *kernel,
                                const void *skip, void *y, void *room) {
    if (is_float64)
        s4d_convolve_f64(p, u, kernel, skip, y, room);
    else
        s4d_convolve_f32(p, u, kernel, skip, y, room);
}

/* du[t] = sum_l kernel[l] dy[t + l] + skip dy[t];  by_kernel[l] = sum dy[t] u[t - l];  by_skip = sum dy u.
   room: 4 size rows of 2. */
static inline void s4d_convolve_back(int is_float64, const s4d_transform *p, const void *u, const void *kernel,
                                     const void *skip, const void *dy, void *du, void *by_kernel, void *by_skip,
                                     void *room) {
    if (is_float64)
        s4d_convolve_back_f64(p, u, kernel, skip, dy, du, by_kernel, by_skip, room);
    else
        s4d_convolve_back_f32(p, u, kernel, skip, dy, du, by_kernel, by_skip, room);
}

#define LANES for (int l = 0; l < FFT_LANES; l++)

/* kernel[l] = 2 Re sum_n c_n w_n^l; w, c (modes, 2). room: modes rows of 2. */
VECTOR_CLONES static void s4d_kernel(ptrdiff_t steps, ptrdiff_t modes, const double *restrict w,
                                     const double *restrict c, double *restrict kernel, double *restrict room) {
    memcpy(room, c, (size_t)(2 * modes * FFT_LANES) * sizeof(double));
    for (ptrdiff_t t = 0; t < steps; t++) {
        double sum[FFT_LANES] = {0};
        for (ptrdiff_t n = 0; n < modes; n++) {
            double *restrict p = room + 2 * n * FFT_LANES;
            const double *restrict by = w + 2 * n * FFT_LANES;
            LANES {
                double re = p[l], im = p[FFT_LANES + l];
                sum[l] += re;
                p[l] = re * by[l] - im * by[FFT_LANES + l];
                p[FFT_LANES + l] = re * by[FFT_LANES + l] + im * by[l];
            }
        }
        LANES kernel[t * FFT_LANES + l] = 2 * sum[l];
    }
}

/* by_c = sum_l G_l w^l and by_w = sum_l G_l l w^(l-1), (modes, 2), before they are conjugated. room: modes rows of 4. */
VECTOR_CLONES static void s4d_kernel_back(ptrdiff_t steps, ptrdiff_t modes, const double *restrict w,
                                          const double *restrict by_kernel, double *restrict by_c,
                                          double *restrict by_w, double *restrict room) {
    memset(by_c, 0, (size_t)(2 * modes * FFT_LANES) * sizeof(double));
    memset(by_w, 0, (size_t)(2 * modes * FFT_LANES) * sizeof(double));
    for (ptrdiff_t n = 0; n < modes; n++) /* w^0, and w^-1 which is never used */
        LANES {
            room[4 * n * FFT_LANES + l] = 1;
            room[(4 * n + 1) * FFT_LANES + l] = room[(4 * n + 2) * FFT_LANES + l] = 0;
            room[(4 * n + 3) * FFT_LANES + l] = 0;
        }
    for (ptrdiff_t t = 0; t < steps; t++) {
        const double *restrict g = by_kernel + t * FFT_LANES;
        for (ptrdiff_t n = 0; n < modes; n++) {
            double *restrict p = room + 4 * n * FFT_LANES, *restrict last = p + 2 * FFT_LANES;
            double *restrict to_c = by_c + 2 * n * FFT_LANES, *restrict to_w = by_w + 2 * n * FFT_LANES;
            const double *restrict by = w + 2 * n * FFT_LANES;
            LANES {
                double re = p[l], im = p[FFT_LANES + l], often = (double)t * g[l];
                to_c[l] += g[l] * re;
                to_c[FFT_LANES + l] += g[l] * im;
                to_w[l] += often * last[l];
                to_w[FFT_LANES + l] += often * last[FFT_LANES + l];
                last[l] = re;
                last[FFT_LANES + l] = im;
                p[l] = re * by[l] - im * by[FFT_LANES + l];
                p[FFT_LANES + l] = re * by[FFT_LANES + l] + im * by[l];
            }
        }
    }
}

#undef LANES

#endif

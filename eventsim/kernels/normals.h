/* Standard normal numbers from uniform ones, by the inverse of the distribution (Wichura 1988, algorithm AS 241).

   Rational functions for the centre, the tails and the far tails; accurate to about 1e-15. One number and many
   are reckoned by the same operations, so they have the same bits (see vector.h). */

#ifndef EVENTSIM_NORMALS_H
#define EVENTSIM_NORMALS_H

#include <math.h>
#include <stddef.h>

#include "vector.h"

#define NORMALS_CENTRE 0.425 /* distance from 1/2 up to which a uniform number counts as central */

/* (a0 + a1 x + .. + a7 x^7) / (1 + b1 x + .. + b7 x^7); a holds a7 .. a0, b holds b7 .. b1. */
VECTOR_INLINE double normals_ratio(double x, const double a[8], const double b[7]) {
    double above = ((((((a[0] * x + a[1]) * x + a[2]) * x + a[3]) * x + a[4]) * x + a[5]) * x + a[6]) * x + a[7];
    double below = ((((((b[0] * x + b[1]) * x + b[2]) * x + b[3]) * x + b[4]) * x + b[5]) * x + b[6]) * x + 1.0;
    return above / below;
}

VECTOR_INLINE double normals_centre(double q) {
    static const double a[8] = {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
                                4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
                                1.3314166789178437745e+2, 3.3871328727963666080e+0};
    static const double b[7] = {5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4,
                                2.1213794301586595867e+4, 5.3941960214247511077e+3, 6.8718700749205790830e+2,
                                4.2313330701600911252e+1};
    return q * normals_ratio(0.180625 - q * q, a, b);
}

static inline double normals_tail(double u) {
    static const double c[8] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                                1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
                                4.63033784615654529590e+0, 1.42343711074968357734e+0};
    static const double d[7] = {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
                                1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e+0,
                                2.05319162663775882187e+0};
    static const double e[8] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                                2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
                                5.46378491116411436990e+0, 6.65790464350110377720e+0};
    static const double f[7] = {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
                                7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
                                5.99832206555887937690e-1};
    double r = sqrt(-log(u < 0.5 ? u : 1.0 - u));
    double z = r <= 5.0 ? normals_ratio(r - 1.6, c, d) : normals_ratio(r - 5.0, e, f);
    return u < 0.5 ? -z : z;
}

/* The normal number that is exceeded with probability 1 - u. */
static inline double eventsim_normal(double u) {
    double q = u - 0.5;
    return fabs(q) <= NORMALS_CENTRE ? normals_centre(q) : normals_tail(u);
}

/* The same of n uniform numbers, in their place. */
VECTOR_CLONES static void eventsim_normals(double *u, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += 4 * VECTOR_LANES) {
        ptrdiff_t m = n - k < 4 * VECTOR_LANES ? n - k : 4 * VECTOR_LANES;
        double z[4 * VECTOR_LANES];
        for (ptrdiff_t j = 0; j < m; j++)
            z[j] = normals_centre(u[k + j] - 0.5);
        for (ptrdiff_t j = 0; j < m; j++)
            u[k + j] = fabs(u[k + j] - 0.5) <= NORMALS_CENTRE ? z[j] : normals_tail(u[k + j]);
    }
}

#endif

/* Unit capacitors of a core: pre-charging, sharing along columns, exchange between two banks, leakage.

   Arrays (rows, columns) with columns contiguous; voltages from the reference V_0, capacitances fF, charges fC,
   energies fJ. A line is the wire of a column with a capacitance of its own, which keeps its voltage. `left` is the
   part of a difference that is left when a phase ends, exp(-t / RC), 0 for complete settling. */

#ifndef EVENTSIM_HARDWARE_CAPACITORS_H
#define EVENTSIM_HARDWARE_CAPACITORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "eventsim/kernels/vector.h"

typedef struct {
    double lost;   /* in switches and wires */
    double drawn;  /* from the rails */
    double pushed; /* by injected charge and thermal noise */
    double leaked; /* by leakage */
} capacitor_energy;

/* `lanes` neighbours of a row; sums hold what is lost, drawn and pushed in, lane by lane. */
VECTOR_INLINE void capacitors_charge(ptrdiff_t lanes, double on, const double *restrict c, const double *restrict rail,
                                     const double *restrict more, double left, double *restrict v, double *restrict lost,
                                     double *restrict drawn, double *restrict pushed) {
    const double settled = 0.5 * (1 - left * left);
    for (ptrdiff_t k = 0; k < lanes; k++) {
        double target = on * rail[k], d = target - v[k], after = target - left * d;
        lost[k] += settled * c[k] * d * d;
        drawn[k] += c[k] * target * (after - v[k]);
        pushed[k] += c[k] * more[k] * (after + 0.5 * more[k]);
        v[k] = after + more[k];
    }
}

/* Charges the capacitors of rows with x = 1 to `rail`, the others to V_0. Opening switches add `more` of the column:
   injected charge, and thermal noise, of which a column's mean is all that can be seen of it later. */
VECTOR_CLONES static void capacitors_precharge(ptrdiff_t rows, ptrdiff_t columns, const uint8_t *x,
                                               const double *restrict c, const double *restrict rail,
                                               const double *restrict more, double left, double *restrict v,
                                               capacitor_energy *energy) {
    double lost[VECTOR_LANES] = {0}, drawn[VECTOR_LANES] = {0}, pushed[VECTOR_LANES] = {0};
    const ptrdiff_t whole = columns - columns % VECTOR_LANES;
    for (ptrdiff_t i = 0; i < rows; i++) {
        const double on = x[i] ? 1.0 : 0.0;
        const ptrdiff_t first = i * columns;
        for (ptrdiff_t j = 0; j < whole; j += VECTOR_LANES)
            capacitors_charge(VECTOR_LANES, on, c + first + j, rail + first + j, more + j, left, v + first + j, lost,
                              drawn, pushed);
        capacitors_charge(columns - whole, on, c + first + whole, rail + first + whole, more + whole, left,
                          v + first + whole, lost, drawn, pushed);
    }
    for (ptrdiff_t k = 0; k < VECTOR_LANES; k++) {
        energy->lost += lost[k];
        energy->drawn += drawn[k];
        energy->pushed += pushed[k];
    }
}

/* Connects the capacitors of each column with its line. room holds 3 x columns numbers. */
VECTOR_CLONES static void capacitors_share(ptrdiff_t rows, ptrdiff_t columns, const double *restrict c, double on_line,
                                           double left, double *restrict v, double *restrict line,
                                           double *restrict room, capacitor_energy *energy) {
    double *restrict charge = room, *restrict total = room + columns, *restrict squares = room + 2 * columns;
    double lost = 0;
    for (ptrdiff_t j = 0; j < columns; j++) {
        charge[j] = on_line * line[j];
        total[j] = on_line;
        squares[j] = on_line * line[j] * line[j];
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        const double *ci = c + i * columns, *vi = v + i * columns;
        VECTOR_LOOP
        for (ptrdiff_t j = 0; j < columns; j++) {
            double q = ci[j] * vi[j];
            charge[j] += q;
            total[j] += ci[j];
            squares[j] += q * vi[j];
        }
    }
    for (ptrdiff_t j = 0; j < columns; j++) {
        double mean = charge[j] / total[j], stays = squares[j] - charge[j] * mean;
        lost += 0.5 * (1 - left * left) * (stays > 0 ? stays : 0);
        line[j] = left > 0 ? mean + left * (line[j] - mean) : mean;
        charge[j] = mean;
    }
    energy->lost += lost;
    for (ptrdiff_t i = 0; i < rows; i++) {
        double *vi = v + i * columns;
        if (left > 0) {
            VECTOR_LOOP
            for (ptrdiff_t j = 0; j < columns; j++)
                vi[j] = charge[j] + left * (vi[j] - charge[j]);
        } else {
            VECTOR_LOOP
            for (ptrdiff_t j = 0; j < columns; j++)
                vi[j] = charge[j];
        }
    }
}

/* Exchanges the roles of the two capacitors in the rows that a column's code selects: where bit `bits[i]` is set, or,
   with `counted`, in the first `code` rows. Row i never swaps where bits[i] is negative. */
VECTOR_CLONES static void capacitors_swap(ptrdiff_t rows, ptrdiff_t columns, const int32_t *restrict code, int counted,
                                          const int32_t *restrict bits, double *restrict c_free,
                                          double *restrict v_free, double *restrict c_bank, double *restrict v_bank) {
    for (ptrdiff_t i = 0; i < rows; i++) {
        double *cf = c_free + i * columns, *vf = v_free + i * columns;
        double *cb = c_bank + i * columns, *vb = v_bank + i * columns;
        const int32_t bit = bits[i];
        if (!counted && bit < 0)
            continue;
        VECTOR_LOOP
        for (ptrdiff_t j = 0; j < columns; j++) {
            int swaps = counted ? i < code[j] : (code[j] >> bit) & 1;
            double c1 = cf[j], c2 = cb[j], v1 = vf[j], v2 = vb[j];
            cf[j] = swaps ? c2 : c1;
            cb[j] = swaps ? c1 : c2;
            vf[j] = swaps ? v2 : v1;
            vb[j] = swaps ? v1 : v2;
        }
    }
}

/* Lets voltages fall towards V_0 and not past it: by `fall` of the column, and to the part `kept`. room holds
   `columns` numbers. */
VECTOR_CLONES static void capacitors_leak(ptrdiff_t rows, ptrdiff_t columns, const double *restrict c,
                                          const double *restrict fall, double kept, double *restrict v,
                                          double *restrict room, capacitor_energy *energy) {
    for (ptrdiff_t j = 0; j < columns; j++)
        room[j] = 0;
    for (ptrdiff_t i = 0; i < rows; i++) {
        const double *ci = c + i * columns;
        double *vi = v + i * columns;
        VECTOR_LOOP
        for (ptrdiff_t j = 0; j < columns; j++) {
            double before = vi[j], size = fabs(before) - fall[j];
            size = size > 0 ? size : 0;
            double after = kept * (before < 0 ? -size : size);
            room[j] += ci[j] * (before * before - after * after);
            vi[j] = after;
        }
    }
    for (ptrdiff_t j = 0; j < columns; j++)
        energy->leaked += 0.5 * room[j];
}

/* sums[j] of c and, if v is given, of c v along columns. */
static void capacitors_sums(ptrdiff_t rows, ptrdiff_t columns, const double *c, const double *v, double *sums) {
    for (ptrdiff_t j = 0; j < columns; j++)
        sums[j] = 0;
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++)
            sums[j] += c[i * columns + j] * (v ? v[i * columns + j] : 1.0);
}

#endif

/* Included by _counts.h once for each REAL, with WHOLE the integer of its width. */

/* totals (COLUMNS) = values of some columns of x (rows, n) that are not 0; returns whether a value is none of -1, 0
   and 1. Totals of a few columns stay in registers over all rows. */
VECTOR_INLINE WHOLE NAME(count_columns)(ptrdiff_t rows, ptrdiff_t n, ptrdiff_t columns, const REAL *x,
                                        WHOLE *totals) {
    WHOLE own[COLUMNS] = {0}, others[COLUMNS] = {0}, found = 0;
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t i = 0; i < columns; i++) {
            const REAL value = x[row * n + i];
            own[i] += value != 0;
            others[i] |= (value != 0) & (value * value != 1);
        }
    for (ptrdiff_t i = 0; i < columns; i++) {
        totals[i] = own[i];
        found |= others[i];
    }
    return found;
}

/* totals (n) = values of x (rows, n) that are not 0; returns whether a value is none of -1, 0 and 1. Columns are taken
   in blocks of fixed widths, for registers. */
VECTOR_CLONES static int NAME(count_call)(ptrdiff_t rows, ptrdiff_t n, const REAL *x, WHOLE *totals) {
    WHOLE others = 0;
    ptrdiff_t i = 0;
    for (; i + COLUMNS <= n; i += COLUMNS)
        others |= NAME(count_columns)(rows, n, COLUMNS, x + i, totals + i);
    for (; i + 8 <= n; i += 8)
        others |= NAME(count_columns)(rows, n, 8, x + i, totals + i);
    for (; i + 2 <= n; i += 2)
        others |= NAME(count_columns)(rows, n, 2, x + i, totals + i);
    if (i < n)
        others |= NAME(count_columns)(rows, n, 1, x + i, totals + i);
    return others != 0;
}

/* How many values of two rows differ. */
VECTOR_CLONES static int64_t NAME(differ)(ptrdiff_t n, const REAL *restrict now, const REAL *restrict before) {
    WHOLE changed = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        changed += now[i] != before[i];
    return changed;
}

/* Included by _latent_equilibrium.h once for each REAL. */

VECTOR_INLINE int NAME(le_block)(const le_parameters *p, const le_state *s, ptrdiff_t at, ptrdiff_t n, int errors,
                                 int nudged, REAL gamma, REAL dt, REAL limit) {
    const REAL *restrict tau_mem = p->tau_mem, *restrict tau_r = p->tau_r;
    const REAL *restrict per_mem = p->per_mem, *restrict per_r = p->per_r;
    const REAL *restrict current = (const REAL *)s->current + at, *restrict back = (const REAL *)s->back + at;
    const REAL *restrict nudge = (const REAL *)s->nudge + at, *restrict slope = (const REAL *)s->slope + at;
    REAL *restrict u = (REAL *)s->u + at, *restrict v = (REAL *)s->v + at, *restrict du_out = (REAL *)s->du + at;
    REAL *restrict prospective = (REAL *)s->prospective + at, *restrict error = (REAL *)s->error + at;
    int wild = 0;
    VECTOR_LOOP
    for (ptrdiff_t k = 0; k < n; k++) {
        REAL inst = slope[k] * back[k];
        if (nudged)
            inst += nudge[k];
        REAL e = inst;
        if (errors == ERRORS_DYNAMIC) {
            REAL dv = (inst - v[k]) * per_r[k];
            e = v[k] + tau_mem[k] * dv;
            v[k] += dt * dv;
        }
        REAL du = (current[k] + gamma * e - u[k]) * per_mem[k];
        REAL ub = u[k] + tau_r[k] * du; /* of the old u */
        u[k] += dt * du;
        prospective[k] = ub;
        if (errors == ERRORS_PROSPECTIVE)
            e += (tau_r[k] - tau_mem[k]) * du; /* u + tau_r du - current, for gamma = 1 */
        error[k] = e;
        du_out[k] = du;
        /* nan compares false */
        wild |= !((ub < limit) & (ub > -limit) & (e < limit) & (e > -limit));
    }
    return wild;
}

/* Advance all units by one tick; returns whether a potential or an error left [-limit, limit]. */
VECTOR_CLONES static int NAME(le_step)(const le_parameters *p, const le_state *s, int errors, REAL gamma, REAL dt,
                                       REAL limit) {
    int wild = 0;
    int nudged = s->nudge != NULL;
    for (ptrdiff_t at = 0; at < s->total; at += p->block) {
        ptrdiff_t n = s->total - at < p->block ? s->total - at : p->block;
        if (errors == ERRORS_DYNAMIC)
            wild |= nudged ? NAME(le_block)(p, s, at, n, ERRORS_DYNAMIC, 1, gamma, dt, limit)
                           : NAME(le_block)(p, s, at, n, ERRORS_DYNAMIC, 0, gamma, dt, limit);
        else if (errors == ERRORS_PROSPECTIVE)
            wild |= nudged ? NAME(le_block)(p, s, at, n, ERRORS_PROSPECTIVE, 1, gamma, dt, limit)
                           : NAME(le_block)(p, s, at, n, ERRORS_PROSPECTIVE, 0, gamma, dt, limit);
        else
            wild |= nudged ? NAME(le_block)(p, s, at, n, ERRORS_INSTANT, 1, gamma, dt, limit)
                           : NAME(le_block)(p, s, at, n, ERRORS_INSTANT, 0, gamma, dt, limit);
    }
    return wild;
}

/* The error that a target causes: beta phi' (y - r), beta (y - ub), or beta phi' (y - softmax(r)). */
VECTOR_CLONES static void NAME(le_nudge)(int kind, REAL beta, const REAL *restrict target, const REAL *restrict rate,
                                         const REAL *restrict prospective, const REAL *restrict slope,
                                         REAL *restrict out, ptrdiff_t n, ptrdiff_t batch) {
    if (kind == TARGET_RATE) {
        for (ptrdiff_t k = 0; k < n * batch; k++)
            out[k] = beta * slope[k] * (target[k] - rate[k]);
    } else if (kind == TARGET_VOLTAGE) {
        for (ptrdiff_t k = 0; k < n * batch; k++)
            out[k] = beta * (target[k] - prospective[k]);
    } else {
        for (ptrdiff_t b = 0; b < batch; b++) {
            const REAL *r = rate + b * n, *y = target + b * n, *phi = slope + b * n;
            REAL *o = out + b * n;
            REAL top = r[0], sum = 0;
            for (ptrdiff_t k = 1; k < n; k++)
                top = r[k] > top ? r[k] : top;
            for (ptrdiff_t k = 0; k < n; k++)
                o[k] = NAME(exp)(r[k] - top);
            for (ptrdiff_t k = 0; k < n; k++)
                sum += o[k];
            for (ptrdiff_t k = 0; k < n; k++)
                o[k] = beta * phi[k] * (y[k] - o[k] / sum);
        }
    }
}

/* Box and Muller: two values for two numbers. */
static void NAME(le_noise)(uint64_t key, uint64_t tick, REAL sigma, REAL *restrict rate, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k += 2) {
        uint64_t count = tick * (uint64_t)(n + 1) + (uint64_t)k + 1;
        double radius = sqrt(-2.0 * vector_log(le_uniform(key, count)));
        double angle = 6.283185307179586 * le_uniform(key, count + 1);
        rate[k] += sigma * (REAL)(radius * cos(angle));
        if (k + 1 < n)
            rate[k + 1] += sigma * (REAL)(radius * sin(angle));
    }
}

/* One step of the learning of tau_mem, and its repetition for the loop above. */
static void NAME(le_tau_learn)(const le_parameters *p, const le_state *s, const le_tau *rule, ptrdiff_t n) {
    const REAL *du = s->du, *e = s->error, *tau_r = p->tau_r;
    REAL *tau_mem = (REAL *)p->tau_mem, *per_mem = (REAL *)p->per_mem;
    ptrdiff_t batch = s->total / n;
    for (ptrdiff_t k = 0; k < n; k++) {
        double slope = 0, tau = rule->tau_mem[k];
        double square = 0;
        for (ptrdiff_t at = k; at < s->total; at += n) {
            slope -= (double)e[at] * du[at];
            square += (double)du[at] * du[at];
        }
        square /= batch;
        slope = rule->kind == TAU_MATCHES ? ((double)tau_r[k] - tau) * square : slope / batch;
        if (rule->first) {
            double m = rule->first[k] = ADAM_MOMENT(rule->beta1, rule->first[k], slope);
            double v = rule->second[k] = ADAM_MOMENT(rule->beta2, rule->second[k], slope * slope);
            tau += ADAM_STEP(rule->rate, m / rule->correct1, sqrt(v / rule->correct2), rule->epsilon);
        } else if (rule->kind == TAU_MATCHES)
            tau -= vector_expm1(-rule->rate * square) * (tau_r[k] - tau); /* the flow of the equation: no rate is too large */
        else
            tau += rule->rate * slope;
        tau = tau > rule->least ? tau : rule->least;
        rule->tau_mem[k] = tau;
        for (ptrdiff_t at = k; at < p->block; at += n) {
            tau_mem[at] = (REAL)tau;
            per_mem[at] = (REAL)(1 / tau);
        }
    }
}

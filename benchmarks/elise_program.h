/* The network of the scenario elise as a program of its own: the peer of benchmarks/elise.py.

   Compile with `cc -O3 -march=native -x c elise_program.h -lm`; run with a file of input, the number of ticks and a
   file for the weights. It prints seconds of processor time. The input holds int64 n, n_visible, ticks of a cycle, edges;
   then int64 delays[n], scaffold delays[n], pre[edges], post[edges]; then doubles weight[n][n] from source to target,
   target[cycle][n_visible], and the learning rates per tick between visible neurons and of all others. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const double GL = 0.1, GD = 2.0, EL = -70.0, EE = 0.0, EI = -75.0, GE0 = 0.3, GI0 = 6.0, LAMBDA = 0.6, DT = 0.1;
enum { LATER = 250 };

static double phi(double u) { return 1.0 / (1.0 + exp(0.3 * (-58.0 - u))); }

static void *take(FILE *file, size_t count) {
    void *found = malloc(8 * (count ? count : 1));
    if (!found || fread(found, 8, count, file) != count)
        exit(2);
    return found;
}

int main(int argc, char **argv) {
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    if (!file)
        return 2;
    int64_t *head = take(file, 4), n = head[0], nv = head[1], cycle = head[2], edges = head[3];
    int64_t ticks = atoll(argv[2]), *delay = take(file, n), *soma = take(file, n);
    int64_t *pre = take(file, edges), *post = take(file, edges);
    double *w = take(file, n * n), *target = take(file, cycle * nv), *eta = take(file, 2);
    fclose(file);
    int64_t depth = 1024; /* a power of two beyond all delays */
    double *ring = malloc(8 * depth * n), *supply = malloc(8 * depth * n), rest = phi(EL);
    double *u = malloc(8 * n), *v = malloc(8 * n), *trace = calloc(n, 8), *x = malloc(8 * n), *current = malloc(8 * n);
    double *ge = malloc(8 * n), *gi = malloc(8 * n), *error = malloc(8 * n), *change = malloc(8 * n);
    for (int64_t k = 0; k < depth * n; k++)
        ring[k] = supply[k] = rest;
    for (int64_t i = 0; i < n; i++)
        u[i] = v[i] = EL;
    clock_t begin = clock();
    for (int64_t m = 0; m < ticks; m++) {
        for (int64_t i = 0; i < n; i++)
            current[i] = ge[i] = gi[i] = 0.0;
        for (int64_t j = 0; j < n; j++)
            x[j] = ring[((m - delay[j] + 1) & (depth - 1)) * n + j];
        for (int64_t j = 0; j < n; j++) {
            double r = x[j], *row = w + j * n;
            for (int64_t i = 0; i < n; i++)
                current[i] += r * row[i];
        }
        for (int64_t e = 0; e < edges; e++) {
            int64_t j = pre[e], i = post[e];
            ge[i] += GE0 * supply[((m - soma[j]) & (depth - 1)) * n + j];
            gi[i] += GI0 * supply[((m - soma[j] - LATER) & (depth - 1)) * n + j];
        }
        const double *now = target + (m % cycle) * nv;
        double c = LAMBDA / (1.0 - LAMBDA) * (GL + GD) / (EE - EI);
        for (int64_t i = 0; i < nv; i++) {
            ge[i] += c * (now[i] - EI);
            gi[i] += c * (EE - now[i]);
        }
        for (int64_t i = 0; i < n; i++) {
            double du = -GL * (u[i] - EL) + GD * (v[i] - u[i]) + ge[i] * (EE - u[i]) + gi[i] * (EI - u[i]);
            double prediction = (GL * EL + GD * v[i]) / (GL + GD);
            u[i] += DT * du;
            v[i] += DT * GL * (current[i] - (v[i] - EL));
            trace[i] += DT * GL * (GD / (GL + GD) * x[i] - trace[i]);
            double r = phi(u[i]);
            error[i] = r - phi(prediction);
            ring[(m & (depth - 1)) * n + i] = r;
            supply[(m & (depth - 1)) * n + i] = r > rest ? r : rest;
        }
        for (int64_t j = 0; j < n; j++) {
            double *row = w + j * n, a = trace[j], kept = row[j];
            if (j == 0 || j == nv)
                for (int64_t i = 0; i < n; i++)
                    change[i] = (i < nv && j < nv ? eta[0] : eta[1]) * error[i];
            for (int64_t i = 0; i < n; i++)
                row[i] += a * change[i];
            row[j] = kept;
        }
    }
    printf("%.6f\n", (double)(clock() - begin) / CLOCKS_PER_SEC);
    FILE *out = fopen(argv[3], "wb");
    return !out || fwrite(w, 8, n * n, out) != (size_t)(n * n) || fclose(out);
}

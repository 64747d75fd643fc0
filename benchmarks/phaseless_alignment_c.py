"""The microcircuit of `phaseless_alignment` in C: one file, plain loops, written for the benchmark."""

PROGRAM = r"""
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define L 4
static const int size[L + 1] = {5, 20, 10, 20, 5};
#define MOST 20
static const double dt = 0.01, eta = 50, eta_inter = 5, decay = 1e-5, tau = 0.1;
static double up[L + 1][MOST][MOST], down[L + 1][MOST][MOST], inter[L + 1][MOST][MOST], to[L + 1][MOST][MOST];
static double rate[L + 1][MOST], before[L + 1][MOST], rate_i[L + 1][MOST], before_i[L + 1][MOST];
static double ub[L + 1][MOST], ub_i[L + 1][MOST], xi[L + 1][MOST], xi_before[L + 1][MOST];
static double apical[L + 1][MOST], apical_before[L + 1][MOST], passed[L + 1][MOST], samples[100][5];

static uint64_t s[4] = {1, 2, 3, 4};
static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
static double uniform(void) { /* xoshiro256+ */
    uint64_t r = s[0] + s[3], t = s[1] << 17;
    s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t; s[3] = rotl(s[3], 45);
    return ((r >> 11) + 0.5) * 0x1p-53;
}
static double normal(void) { /* polar method */
    static double kept;
    static int have;
    if (have) { have = 0; return kept; }
    double u, v, q;
    do { u = 2 * uniform() - 1; v = 2 * uniform() - 1; q = u * u + v * v; } while (q >= 1 || q == 0);
    q = sqrt(-2 * log(q) / q);
    kept = v * q; have = 1;
    return u * q;
}
static void product(double w[MOST][MOST], const double *x, int n, int m, double *out) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) out[j] += w[i][j] * x[i];
}
static double logistic(double x) { return 1 / (1 + exp(-x)); }

static void tick(long t, double sigma) {
    double basal[L + 1][MOST] = {{0}}, dendrite[L + 1][MOST] = {{0}};
    for (int l = 0; l <= L; l++)
        for (int k = 0; k < size[l]; k++) {
            before[l][k] = rate[l][k];
            rate[l][k] = l ? logistic(ub[l][k]) : samples[t / 100 % 100][k];
        }
    for (int l = 1; l < L; l++)
        for (int k = 0; k < size[l + 1]; k++) {
            before_i[l][k] = rate_i[l][k];
            rate_i[l][k] = logistic(ub_i[l][k]);
        }
    for (int l = 1; l <= L; l++) product(up[l], rate[l - 1], size[l - 1], size[l], basal[l]);
    for (int l = 1; l < L; l++) {
        for (int k = 0; k < size[l]; k++) { apical_before[l][k] = apical[l][k]; apical[l][k] = 0; }
        product(down[l], rate[l + 1], size[l + 1], size[l], apical[l]);
        product(inter[l], rate_i[l], size[l + 1], size[l], apical[l]);
        product(to[l], rate[l], size[l], size[l + 1], dendrite[l]);
        for (int k = 0; k < size[l]; k++) {
            xi_before[l][k] = xi[l][k];
            xi[l][k] += -dt / tau * xi[l][k] + sigma * sqrt(dt / tau) * normal();
        }
    }
    for (int l = 1; l < L; l++)
        for (int k = 0; k < size[l + 1]; k++)
            ub_i[l][k] = (0.1 * dendrite[l][k] + 0.06 * ub[l + 1][k]) / 0.19;
    for (int l = 1; l <= L; l++)
        for (int k = 0; k < size[l]; k++)
            ub[l][k] = l == L ? basal[l][k] / 1.3
                              : (0.1 * basal[l][k] + 0.06 * (apical[l][k] + xi_before[l][k])) / 0.19;
    for (int l = 1; l < L; l++)
        for (int i = 0; i < size[l + 1]; i++)
            for (int j = 0; j < size[l]; j++) {
                inter[l][i][j] -= dt * eta_inter * before_i[l][i] * apical_before[l][j];
                down[l][i][j] += dt * eta * (passed[l + 1][i] * xi[l][j] - decay * down[l][i][j]);
            }
    for (int l = 0; l <= L; l++)
        for (int k = 0; k < size[l]; k++)
            passed[l][k] += rate[l][k] - before[l][k] - dt / tau * passed[l][k];
}
static void get(double w[MOST][MOST], int n, int m) {
    for (int i = 0; i < n; i++)
        if (fread(w[i], 8, m, stdin) != (size_t)m) exit(1);
}
static void put(double w[MOST][MOST], int n, int m) {
    for (int i = 0; i < n; i++) fwrite(w[i], 8, m, stdout);
}
int main(int argc, char **argv) {
    double sigma = atof(argv[1]);
    long n = atol(argv[2]);
    for (int l = 1; l <= L; l++) get(up[l], size[l - 1], size[l]);
    for (int l = 1; l < L; l++) get(down[l], size[l + 1], size[l]);
    for (int l = 1; l < L; l++) get(inter[l], size[l + 1], size[l]);
    for (int l = 1; l < L; l++) get(to[l], size[l], size[l + 1]);
    if (fread(samples, 8, 500, stdin) != 500) return 1;
    clock_t begin = clock();
    for (long t = 0; t < n; t++) tick(t, sigma);
    double taken = (double)(clock() - begin) / CLOCKS_PER_SEC / n;
    fwrite(&taken, 8, 1, stdout);
    for (int l = 1; l < L; l++) put(down[l], size[l + 1], size[l]);
    for (int l = 1; l < L; l++) put(inter[l], size[l + 1], size[l]);
    return 0;
}
"""

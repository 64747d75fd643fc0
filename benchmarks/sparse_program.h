/* A sparse network of inhibitory LIF neurons as a program of its own: the peer of benchmarks/sparse_network.py.

   SparseProp (Engelken 2023): every neuron has a phase that grows evenly to 1, where it spikes, so that one clock
   serves all. An indexed heap holds the phases as they were when the clock stood at 0, the largest on top. A spike
   moves the phases of its targets alone, by the neuron's transfer function, and their entries in the heap.

   With tau dV/dt = -V + I, I = 1 + drive, threshold 1 and reset 0, V = I (1 - exp(-phase / w)), w = 1 / log1p(1 / drive),
   and a jump of V by -jump takes a phase to -w log(exp(-phase / w) + jump / I).

   Compile with `cc -O3 -x c sparse_program.h -lm`; run with a file of input, "phases" or "memory", the
   spikes to leave out and to measure, and a file for the first spikes (times, then units, both doubles). It prints
   nanoseconds of processor time a synapse and spike, and the mean rate in Hz. "memory" is the limit that memory sets: of
   as many spikes in no order it reads the targets and adds to 16 bytes of each. The input holds doubles n, synapses,
   drive, jump, tau, then int64 start[n + 1], int32 target[synapses], double phase[n]. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEPT = 3000 };
static double *key;      /* phase when the clock stood at 0; a heap, largest first */
static int32_t *of, *at; /* the neuron of an entry, the entry of a neuron */
static int32_t n;

static void put(int32_t place, double value, int32_t neuron) {
    key[place] = value;
    of[place] = neuron;
    at[neuron] = place;
}

static void sink(int32_t place, double value, int32_t neuron) {
    for (int32_t child; (child = 2 * place + 1) < n; place = child) {
        if (child + 1 < n && key[child + 1] > key[child])
            child++;
        if (key[child] <= value)
            break;
        put(place, key[child], of[child]);
    }
    put(place, value, neuron);
}

static void *take(FILE *file, size_t count, size_t size) {
    void *found = malloc((count ? count : 1) * size);
    if (!found || fread(found, size, count, file) != count)
        exit(2);
    return found;
}

int main(int argc, char **argv) {
    FILE *file = argc == 6 ? fopen(argv[1], "rb") : NULL;
    if (!file)
        return 2;
    double *head = take(file, 5, 8), drive = head[2], jump = head[3], tau = head[4];
    n = (int32_t)head[0];
    int64_t *start = take(file, n + 1, 8), before = atoll(argv[3]), spikes = before + atoll(argv[4]), synapses = 0;
    int32_t *target = take(file, (size_t)head[1], 4);
    double *phase = take(file, n, 8), *spike = calloc(2 * KEPT, 8), *sum = calloc(2 * (size_t)n, 8);
    fclose(file);
    key = malloc(8 * (size_t)n), of = malloc(4 * (size_t)n), at = malloc(4 * (size_t)n);
    double w = 1.0 / log1p(1.0 / drive), share = jump / (1.0 + drive), shift = 0.0, began = 0.0;
    for (int32_t i = 0; i < n; i++)
        put(i, phase[i], i);
    for (int32_t i = n - 1; i >= 0; i--)
        sink(i, key[i], of[i]);
    double *times = malloc(8 * (size_t)spikes); /* all spikes are recorded */
    int32_t *units = malloc(4 * (size_t)spikes), phases = strcmp(argv[2], "memory") != 0;
    uint64_t random = 1;
    clock_t clocked = clock();
    for (int64_t k = 0; k < spikes; k++) {
        int32_t j = of[0];
        if (k == before) {
            clocked = clock();
            began = shift;
            synapses = 0;
        }
        if (!phases) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            j = (int32_t)((random >> 33) % (uint64_t)n);
            for (const int32_t *i = target + start[j]; i < target + start[j + 1]; i++) {
                sum[2 * *i] += jump;
                sum[2 * *i + 1] += 1.0;
            }
        } else {
            shift = 1.0 - key[0]; /* the clock at which the top reaches 1 */
            for (const int32_t *i = target + start[j]; i < target + start[j + 1]; i++) {
                double now = key[at[*i]] + shift;
                sink(at[*i], -w * log(exp(-now / w) + share) - shift, *i); /* inhibition: later only */
            }
            sink(at[j], -shift, j);
        }
        times[k] = shift * tau / w;
        units[k] = j;
        synapses += start[j + 1] - start[j];
    }
    double seconds = (double)(clock() - clocked) / CLOCKS_PER_SEC;
    for (int64_t k = 0; k < KEPT && k < spikes; k++) {
        spike[k] = times[k];
        spike[KEPT + k] = units[k];
    }
    FILE *out = fopen(argv[5], "wb");
    if (!out || fwrite(spike, 8, 2 * KEPT, out) != 2 * KEPT || fclose(out))
        return 2;
    double ms = (shift - began) * tau / w, check = 0.0;
    for (int32_t i = 0; i < n; i++)
        check += sum[2 * i];
    printf("%.4f %.4f %g\n", seconds / synapses * 1e9, phases ? (spikes - before) / ms / n * 1e3 : 0.0, check);
    return 0;
}

/* Memory that many events reach at random: lines fetched early, and pages large enough that few are needed. */

#ifndef EVENTSIM_PAGES_H
#define EVENTSIM_PAGES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define eventsim_fetch(p) __builtin_prefetch((p), 1)
#else
#define eventsim_fetch(p) ((void)(p))
#endif

/* Ask for huge pages in a block; a hint, which a system may ignore and small blocks do not need. */
static inline void eventsim_huge_pages(void *block, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t small = 4096, huge = (size_t)1 << 21;
    uintptr_t start = ((uintptr_t)block + small - 1) & ~(uintptr_t)(small - 1);
    uintptr_t end = ((uintptr_t)block + bytes) & ~(uintptr_t)(small - 1);
    if (bytes >= huge && end > start)
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}

#endif

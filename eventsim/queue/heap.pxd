"""The 4-ary heap of events, the least on top, and their order for sorting."""

from eventsim.queue.event cimport Event


cdef inline bint before(const Event *a, const Event *b) noexcept nogil:
    """Whether an event comes before another in the total order."""
    return a.time < b.time or (a.time == b.time and a.order < b.order)


cdef inline void sink(Event *heap, Py_ssize_t n, Py_ssize_t hole, const Event *event) noexcept nogil:
    """Put `event` at `hole` or below, moving smaller children up."""
    cdef Py_ssize_t child, best, end
    while True:
        child = 4 * hole + 1
        if child >= n:
            break
        best = child
        end = child + 4 if child + 4 < n else n
        child += 1
        while child < end:
            if before(&heap[child], &heap[best]):
                best = child
            child += 1
        if not before(&heap[best], event):
            break
        heap[hole] = heap[best]
        hole = best
    heap[hole] = event[0]


cdef inline void heapify(Event *heap, Py_ssize_t n) noexcept nogil:
    """Put any n events into the order of a heap."""
    cdef Py_ssize_t i
    cdef Event event
    if n < 2:
        return
    for i in range((n - 2) // 4, -1, -1):
        event = heap[i]
        sink(heap, n, i, &event)


cdef inline int compare(const void *a, const void *b) noexcept nogil:
    return -1 if before(<const Event *> a, <const Event *> b) else 1


cdef inline int compare_stored(const void *a, const void *b) noexcept nogil:
    return compare((<const Event **> a)[0], (<const Event **> b)[0])

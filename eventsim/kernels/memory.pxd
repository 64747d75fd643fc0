"""C arrays that grow: the one place that asks for memory, and says so where there is none."""

from libc.stdlib cimport calloc, realloc


cdef inline int no_memory(size_t n, const char *what) except -1 with gil:
    raise MemoryError(f"no memory for {n} {what.decode()}")


cdef inline void *resized(void *array, size_t n, size_t size, const char *what) except NULL nogil:
    """Return `array`, or a new one for NULL, with room for `n` things of `size` bytes; it may have moved."""
    cdef void *moved = realloc(array, (n if n else 1) * size)
    if moved == NULL:
        no_memory(n, what)
    return moved


cdef inline void *zeroed(size_t n, size_t size, const char *what) except NULL nogil:
    """Return a new array of `n` things of `size` bytes, all zero."""
    cdef void *array = calloc(n if n else 1, size)
    if array == NULL:
        no_memory(n, what)
    return array

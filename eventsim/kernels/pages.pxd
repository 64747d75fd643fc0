"""Memory that many events reach at random: lines fetched early, and huge pages where the system has them."""

cdef extern from "eventsim/kernels/pages.h" nogil:
    void fetch "eventsim_fetch"(const void *place)
    void huge_pages "eventsim_huge_pages"(void *block, size_t n_bytes)

cdef enum:
    STATE_AHEAD = 16    # targets of a spike whose state is fetched before its turn
    CHILDREN_AHEAD = 4  # and those to which it may sink there
    HEAP_AHEAD = 8      # and whose entry in the heap of crossings is, its place having come

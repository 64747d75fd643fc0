"""One thread of BLAS while the threads of layers use it.

scipy's OpenBLAS starts threads of its own. Beside ours, or beside other programs, they wait for each other in
loops that take all the time there is: a product may take a hundred times as long.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from scipy.linalg import cython_blas

__all__ = ["one_blas_thread"]

Function = Callable[..., int]


def _found(name: str) -> Function | None:
    """Return a function of scipy's OpenBLAS; None where scipy has another BLAS."""
    library = ctypes.CDLL(cython_blas.__file__)
    return next(
        (
            getattr(library, f"{prefix}openblas_{name}{suffix}")
            for prefix in ("scipy_", "")
            for suffix in ("", "64_", "_64")
            if hasattr(library, f"{prefix}openblas_{name}{suffix}")
        ),
        None,
    )


_lock, _users, _before = Lock(), 0, 1
_get, _set = _found("get_num_threads"), _found("set_num_threads")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let scipy's OpenBLAS use one thread; the last who leaves gives it back those that it had."""
    global _users, _before
    if _get is None or _set is None:
        yield
        return
    with _lock:
        _users += 1
        if _users == 1:
            _before = _get()
            if _before > 1:
                _set(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and _before > 1:
                _set(_before)

"""The parameters that `learn=` selects: by kind, or one by one."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart

__all__ = ["KINDS", "parameter_names"]

KINDS = ("weight", "delay", "tau_mem", "tau_syn", "v_th")


def parameter_names(learn: Iterable[str], parameters: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """Return the names of the parameters to be trained, in the order of `parameters`.

    Parameters
    ----------
    learn : iterable of str
        Kinds, such as "weight", or single parameters, such as "tau_mem/hidden". A kind leaves out what has to
        be named to be trained: one delay for a whole projection, and infinite thresholds.
    parameters : mapping of str to ndarray
        As `SpikeGradient.parameters`.

    Raises
    ------
    UnknownPart
        If there is nothing of this name.
    """
    chosen = set()
    kinds = tuple(dict.fromkeys((*KINDS, *(name.partition("/")[0] for name in parameters))))
    for one in [learn] if isinstance(learn, str) else learn:
        if one in parameters:
            chosen.add(one)
        elif one in kinds:
            for name, value in parameters.items():
                one_for_all = one == "delay" and value.shape == (1,)
                if name.startswith(f"{one}/") and not one_for_all and np.isfinite(value).all():
                    chosen.add(name)
        else:
            known = f"kinds: {', '.join(kinds)}; single: {', '.join(parameters)}"
            raise UnknownPart(f"nothing to learn is named {one!r}; {known}")
    return [name for name in parameters if name in chosen]

"""Configurations: frozen dataclasses, to and from TOML, checked before anything runs.

A configuration's fields are its keys, their annotations say what is allowed
(``Annotated[float, Gt(0)]`` with the bounds of `annotated_types`), their defaults are the published
values. Layers of values are merged, the later winning: a preset, a file, ``key=value`` words of the
command line. As text:

    n_hidden = 30               # the configuration's own keys
    [run]                       # how it was run: scenario, preset, seed, ...
    scenario = "yin-yang"
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)

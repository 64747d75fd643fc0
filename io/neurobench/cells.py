"""Recurrent cells as NeuroBench counts them: products of weights and of gates where no factor is zero.

With m for what is not zero (1 or 0), W and U the weights of input x and state h, b and b' the biases:

    RNN    W x + U h
    LSTM   W x + U h of four gates;  f c + i g;  o tanh c
    GRU    W x + U h of three gates;  r (U h + b')_n;  (1 - z) n;  z h

The compatible mode follows version 2.3.0 of the package where it deviates: a cell without a state counts the
first sample of a batch only, the dense count of an LSTM keeps the zeros of its state, and a GRU decides about
n and 1 - z otherwise (`_gru`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Cell"]

Ints = NDArray[np.int64]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@dataclass
class Cell:
    """A recurrent cell, with weights as in torch.

    Attributes
    ----------
    kind : "rnn", "gru" or "lstm".
    weight_ih, weight_hh : shapes (gates * n, n_in) and (gates * n, n).
    bias_ih, bias_hh : shape (gates * n,) each; None for none.
    """

    kind: str
    weight_ih: ArrayLike
    weight_hh: ArrayLike
    bias_ih: ArrayLike | None = None
    bias_hh: ArrayLike | None = None

    def __post_init__(self) -> None:
        if self.kind not in GATES:
            raise ValueError(f"kind of a cell must be one of {', '.join(GATES)}, got {self.kind!r}")
        own = [np.asarray(each) for each in self._arrays() if each is not None]
        self.n = int(own[1].shape[1])
        rows = GATES[self.kind] * self.n
        if any(len(each) != rows for each in own):
            raise ValueError(f"arrays of a {self.kind} cell with {self.n} units have {rows} rows each")
        self.n_weights = sum(each.size for each in own)
        self.n_zero = self.n_weights - sum(int(np.count_nonzero(each)) for each in own)

    def _arrays(self) -> tuple[ArrayLike | None, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def operations(
        self, x: Any, h: Any = None, c: Any = None, *, compatible: bool = False
    ) -> tuple[int, int]:
        """Return effective and dense operations of one call.

        Parameters
        ----------
        x, h, c : array_like, shapes (samples, n_in), (samples, n), (samples, n)
            Input, and the state before the call; None for a state that is not passed on, which is zero.
        compatible : bool
            Whether the deviations of the package count.
        """
        x = np.asarray(x)
        if h is None and compatible:
            if self.kind == "gru" or (self.kind == "lstm" and self.bias_ih is not None):
                raise ValueError(f"the package fails for a {self.kind} cell without a state; pass the state")
            x = x[:1]
        state = [np.zeros((len(x), self.n)) if s is None else np.asarray(s) for s in (h, c)]
        effective = self._count([_one(s) for s in (x, *state)], _one, compatible)
        full = [np.ones_like(x, np.int64)]
        if h is None and compatible:
            full += [np.zeros((1, self.n), np.int64)] * 2
        elif self.kind == "lstm" and compatible:
            full += [_one(s) for s in state]
        else:
            full += [np.ones((len(x), self.n), np.int64)] * 2
        return effective, self._count(full, lambda a: np.ones_like(a, np.int64), compatible)

    def _count(self, inputs: list[Ints], ones: Any, compatible: bool) -> int:
        x, h, c = inputs
        w, u = ones(np.asarray(self.weight_ih)), ones(np.asarray(self.weight_hh))
        n, shape = self.n, (len(x), GATES[self.kind], self.n)
        zero = np.zeros((GATES[self.kind], n), np.int64)
        b, b2 = (
            zero if each is None else ones(np.asarray(each)).reshape(zero.shape)
            for each in (self.bias_ih, self.bias_hh)
        )
        wx, uh = (x @ w.T).reshape(shape), (h @ u.T).reshape(shape)
        total = int((wx + uh).sum())
        if self.kind == "rnn":
            return total
        gates = wx + uh + b + b2
        if self.kind == "lstm":
            i, f, g, o = np.moveaxis(_one(gates), 1, 0)
            new = f * c + i * g
            return total + int(new.sum()) + int((o * _one(new)).sum())
        return total + self._gru(wx, uh, gates, b, b2, h, compatible)

    def _gru(self, wx: Ints, uh: Ints, gates: Ints, b: Ints, b2: Ints, h: Ints, compatible: bool) -> int:
        """Return the products of gates.

        The package leaves the input out of n and takes element 2 of the whole input bias for all units, and
        takes 1 - z for zero where z has one term.
        """
        reset, z = _one(gates[:, 0]), gates[:, 1]
        recurrent = reset * _one(uh[:, 2] + b2[2])
        if compatible:
            candidate = _one(uh[:, 2] + b.reshape(-1)[2] + recurrent)
            kept = _one(1 - z)
        else:
            candidate, kept = _one(wx[:, 2] + b[2] + recurrent), np.ones_like(z)
        return int(recurrent.sum() + (kept * candidate).sum() + (_one(z) * h).sum())


def _one(values: Any) -> Ints:
    """Return 1 where a value is not 0."""
    found: Ints = (np.asarray(values) != 0).astype(np.int64)
    return found

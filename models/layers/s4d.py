"""A diagonal state-space model for each channel: S4D, in full precision and with quantised states.

    recurrent     x[t] = A_bar x[t-1] + B_bar u[t],  x[0] = 0;  y[t] = 2 Re(sum_n C_n x_n[t]) + D u[t]
    convolution   K_l = 2 Re sum_n C_n B_bar_n A_bar_n^l;  y = K * u + D u, by Fourier transforms
    scan          (a1, b1) o (a2, b2) = (a1 a2, a2 b1 + b2); for verification

A_bar, B_bar and their derivatives are in state_space.py; what is quantised, in s4d_quantization.py.

Backward, convolution, with G_l = sum dy[t] u[t-l], w = A_bar, c = C B_bar:

    g_c = 2 sum_l G_l conj(w^l);  g_w = 2 conj(c) sum_l G_l l conj(w^(l-1));  g_C = g_c conj(B_bar)
    g_Bbar = g_c conj(C);  du[t] = sum_l K_l dy[t+l] + D dy[t];  dD = sum dy u

Backward, recurrent, for t = T ... 1, from lambda[T+1] = 0:

    mu[t] = conj(A_bar) lambda[t+1] + 2 conj(C) dy[t];  lambda[t] = mu[t] where the clip does not act
    g_w += lambda[t] conj(x[t-1]);  g_Bbar += lambda[t] u[t];  g_C += 2 dy[t] conj(x[t])
    du[t] = Re sum_n conj(B_bar) lambda[t] + D dy[t]

The recurrent pass keeps a state every sqrt(T) steps and computes those between them again.

Gu et al. 2022, On the parameterization and initialization of diagonal state space models; Zhao et al. 2025,
Quantizing small-scale state-space models for edge AI, for the three parametrisations.
"""

import copy
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers import s4d_forms
from eventsim.models.layers.layer import Array, Layer, Memory, State
from eventsim.models.layers.rounded_state import RoundingPlan
from eventsim.models.layers.s4d_quantization import StateSpaceQuantization
from eventsim.models.layers.state_space import Discretisation, discretise, discretise_back, initial_poles

if TYPE_CHECKING:
    from eventsim.io.neurobench import Workload

__all__ = ["S4D"]

PLAIN = StateSpaceQuantization(clip=np.inf, gradient_limit=np.inf)
Parametrisation = Literal["continuous", "discrete", "frozen"]
Form = Literal["auto", "convolution", "recurrent", "scan"]


class S4D(Layer):
    """A diagonal state-space model for each channel, its head.

    Parameters
    ----------
    n_states : int
        N, states of a head; N / 2 complex ones are stored.
    poles : {"lin", "inv", "legs"}
        A at the start.
    delta : (float, float)
        Range of the heads' time steps at the start; their logarithms are uniform.
    discretisation : {"zoh", "bilinear"}
    train_gain : bool
        Whether B is trained; else it is 1.
    form : {"auto", "convolution", "recurrent", "scan"}
        How outputs are computed. "auto" is the convolution in training, and else the recurrent form, which
        has the bits of a stream. With a quantization it is always the recurrent form.
    quantization : StateSpaceQuantization, optional
        What is rounded; it may be set at any time.

    Attributes
    ----------
    parametrisation : {"continuous", "discrete", "frozen"}
        Trained are a, b, log_delta, B, C, D; or A_bar, B_bar, C, D; or B_bar, C, D. See `convert`.
    observing : bool
        While it is true, nothing is rounded, and `forward` keeps its inputs for `calibrate`.

    Raises
    ------
    ValueError
        If a setting is out of its range.
    """

    def __init__(
        self,
        n_states: int = 64,
        *,
        poles: Literal["lin", "inv", "legs"] = "lin",
        delta: tuple[float, float] = (1e-3, 1e-1),
        discretisation: Discretisation = "zoh",
        train_gain: bool = True,
        form: Form = "auto",
        quantization: StateSpaceQuantization | None = None,
    ) -> None:
        super().__init__()
        if n_states < 2 or n_states % 2:
            raise ValueError(f"n_states must be even and at least 2, got {n_states!r}")
        if poles not in ("lin", "inv", "legs"):
            raise ValueError(f"poles must be 'lin', 'inv' or 'legs', got {poles!r}")
        if not 0 < delta[0] <= delta[1] < np.inf:
            raise ValueError(f"delta must be a range of positive time steps, got {delta!r}")
        if discretisation not in ("zoh", "bilinear"):
            raise ValueError(f"discretisation must be 'zoh' or 'bilinear', got {discretisation!r}")
        if form not in ("auto", "convolution", "recurrent", "scan"):
            raise ValueError(f"form must be auto, convolution, recurrent or scan, got {form!r}")
        self.n_states, self.poles, self.delta, self.discretisation = n_states, poles, delta, discretisation
        self.train_gain, self.form, self.quantization = train_gain, form, quantization
        self.parametrisation: Parametrisation = "continuous"
        self.observing = False
        self._seen: list[Array] = []
        self._known: tuple[Any, list[Array], s4d_forms.Recurrent] | None = None

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Draw time steps, C and D; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        shape = (n_in, self.n_states // 2)
        pole = np.broadcast_to(initial_poles(self.poles, self.n_states), shape)
        drawn = {
            "a": np.log(-pole.real),
            "b": pole.imag,
            "log_delta": rng.uniform(np.log(self.delta[0]), np.log(self.delta[1]), n_in),
            "B": pair(np.ones(shape, np.complex128)),
            "C": rng.normal(0, 0.5**0.5, (*shape, 2)),
            "D": rng.normal(0, 1, n_in),
        }
        # In the order of C, which optimisers need: a copy of a broadcast array has the order of its strides.
        self.parameters = {name: np.array(array, self.dtype, order="C") for name, array in drawn.items()}
        self.buffers = {name: np.zeros((n_in, 2), self.dtype) for name in ("state_step", "state_least")}
        if not self.train_gain:
            self.buffers["B"] = self.parameters.pop("B")
        self.parametrisation, self._seen = "continuous", []
        return n_in

    # ------------------------------------------------------------------ parametrisations

    def _array(self, name: str) -> Array:
        array = (self.parameters | self.buffers)[name].astype(np.float64)
        return array[..., 0] + 1j * array[..., 1] if name in ("B", "C", "A_bar", "B_bar") else array

    def _continuous(self) -> tuple[Array, Array, Array]:
        pole = -np.exp(self._array("a")) + 1j * self._array("b")
        return pole, self._array("B"), np.exp(self._array("log_delta"))[:, None]

    def discrete(self) -> tuple[Array, Array, Array, Array]:
        """Return A_bar, B_bar and C, complex (heads, modes), and D (heads,), before they are rounded."""
        if self.parametrisation == "continuous":
            pole, gain = discretise(*self._continuous(), self.discretisation)
        else:
            pole, gain = self._array("A_bar"), self._array("B_bar")
        return pole, gain, self._array("C"), self._array("D")

    def used(self) -> tuple[Array, Array, Array, Array]:
        """Return A_bar, B_bar, C and D as they are used: rounded, unless the layer observes."""
        rounds = self.quantization is not None and not self.observing
        found = (self.quantization if rounds and self.quantization else PLAIN).numbers(*self.discrete())
        radius = np.abs(found[0])
        if rounds and self.quantization and np.isinf(self.quantization.clip) and radius.max() >= 1:
            head, mode = np.unravel_index(radius.argmax(), radius.shape)
            raise ValueError(
                f"pole {mode} of head {head} has radius {radius.max():.5f} once rounded, so states grow "
                "without bound; take more bits, zero='bare', a polar scheme, or a finite clip"
            )
        return found[0], found[1], found[2], found[3]

    def convert(self, parametrisation: Parametrisation) -> None:
        """Train A_bar and B_bar in place of what they are computed from, or hold A_bar ("frozen").

        Raises
        ------
        ValueError
            If it is unknown, or the way back to "continuous".
        """
        if parametrisation not in ("continuous", "discrete", "frozen"):
            raise ValueError(
                f"parametrisation must be continuous, discrete or frozen, got {parametrisation!r}"
            )
        if parametrisation == self.parametrisation:
            return
        if parametrisation == "continuous":
            raise ValueError(f"a model that is {self.parametrisation} has no continuous parameters any more")
        pole, gain, *_ = self.discrete()
        for name in ("a", "b", "log_delta", "B", "A_bar"):
            self.parameters.pop(name, None)
            self.buffers.pop(name, None)
        held = self.buffers if parametrisation == "frozen" else self.parameters
        held["A_bar"] = pair(pole).astype(self.dtype)
        self.parameters["B_bar"] = pair(gain).astype(self.dtype)
        self.parametrisation, self.gradients = parametrisation, {}

    def _gradients(self, by_pole: Array, by_gain: Array, by_output: Array, by_skip: Array) -> None:
        found = {"C": pair(by_output), "D": by_skip, "A_bar": pair(by_pole), "B_bar": pair(by_gain)}
        if self.parametrisation == "continuous":
            pole, gain, delta = self._continuous()
            to_pole, to_gain, by_delta = discretise_back(
                pole, gain, delta, self.discretisation, by_pole, by_gain
            )
            found |= {"a": pole.real * to_pole.real, "b": to_pole.imag, "B": pair(to_gain)}
            found["log_delta"] = (delta * by_delta)[:, 0]
        self.gradients = {name: np.ascontiguousarray(found[name], self.dtype) for name in self.parameters}

    # ------------------------------------------------------------------ passes

    def _recurrent(self) -> s4d_forms.Recurrent:
        """Return the recurrent form of the present arrays: a stream needs the same one at every step."""
        arrays = [*self.parameters.values(), *self.buffers.values()]
        names = tuple(self.parameters), tuple(self.buffers)
        key = self.quantization, self.observing, self.threads, names, self.dtype
        known = self._known
        if known is None or known[0] != key or not all(map(np.array_equal, known[1], arrays)):
            known = self._known = key, [array.copy() for array in arrays], self._made()
        return known[2]

    def _made(self) -> s4d_forms.Recurrent:
        quantization = PLAIN if self.quantization is None or self.observing else self.quantization
        step, least = self.buffers["state_step"], self.buffers["state_least"]
        if quantization.state is not None and quantization.calibration == "static":
            if not step.all():
                raise RuntimeError(
                    "the state of this S4D has no range yet: calibrate it, or ask for a dynamic range"
                )
            levels = 2**quantization.state.bits - 1
        else:
            step, least, levels = np.ones_like(step), np.zeros_like(least), 0
        bounds = quantization.bounds(step, least, least + levels)
        grid = np.stack((step, 1 / step, least, least + levels), axis=-1)
        return s4d_forms.Recurrent(
            quantization.settings(), self.used(), grid, bounds, self.dtype, self.threads
        )

    def stream_arrays(self) -> tuple[tuple[Array, ...], dict[str, Any]]:
        """Return what a compiled stream needs: numbers, skip, grid, bounds by blocks of heads; settings."""
        form = self._recurrent()
        return (form.numbers, form.skip, form.grid, form.bounds), {"settings": form.settings.values}

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the output of every head; see `Layer.forward`."""
        self._tape = None
        x = self._checked(x)
        if self.observing:
            self._seen.append(x.copy())
        form = self.form if self.form != "auto" else "convolution" if training else "recurrent"
        if self.quantization is not None and not self.observing:
            form = "recurrent"
        y = self._empty("y", x.shape)
        if x.size == 0:
            return y
        worker: Any
        if form == "recurrent":
            worker = self._recurrent()
            kept = worker.forward(x, worker.rest(x.shape[1]), y, keep=True)
        else:
            worker, kept = s4d_forms.Convolution(self.used(), self.dtype, self.threads, len(x)), None
            if form == "scan":
                y[...] = s4d_forms.scan(self.used(), x)
            else:
                worker.forward(x, y)
        self._tape = x, worker, kept
        return y

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report the products of the recurrent form as elementwise; see `Layer.report`.

        A complex state takes 4 for the pole, 2 for the gain and 2 for the output; the skip takes 1 a head.
        """
        workload.add("ElementwiseOperations", x.size * (8 * (self.n_states // 2) + 1))

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        (x, worker, kept), dy = self._taken(dy)
        dx = self._empty("dx", x.shape)
        if kept is None:
            self._gradients(*worker.backward(x, dy, dx))
        else:
            self._gradients(*worker.backward(x, kept, dy, dx))
        return dx

    def calibrate(self, x: Array | None = None) -> None:
        """Take the ranges of states from inputs (time, batch, heads), or from those seen while observing.

        Raises
        ------
        ValueError
            If there are no inputs, or nothing rounds the states.
        """
        seen = self._seen if x is None else [self._checked(x)]
        self._seen, self.observing = [], True
        try:
            if self.quantization is None or self.quantization.state is None:
                return
            if not seen:
                raise ValueError("a range needs at least one value, got an empty calibration set")
            grid = self._recurrent().ranges(seen, self.quantization)
            self.buffers["state_step"][...], self.buffers["state_least"][...] = grid.step, grid.least
        finally:
            self.observing = False

    def rounded(self, plan: RoundingPlan) -> Self:
        """Return a copy with rounded poles, matrices and states; it needs a calibration."""
        made = copy.deepcopy(self)
        part = plan.weights
        made.quantization = StateSpaceQuantization(plan.poles, part, part, part, plan.states)
        return made

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits; those of the discrete form once rounded. See `Layer.memory`."""
        of = self.quantization
        if of is None:
            return super().memory()
        return of.memory(self.n_in, self.n_states)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has; it makes its recurrent form anew."""
        return super().__getstate__() | {"_known": None}

    def init_state(self, batch: int) -> State:
        """Return the states before the first step, (blocks of heads, batch, modes, 2, heads of a block)."""
        blocks = -(-self.n_in // s4d_forms.LANES)
        return {"x": np.zeros((blocks, batch, self.n_states // 2, 2, s4d_forms.LANES), self.dtype)}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the output of one step, to the bits of the recurrent form; see `Layer.step`."""
        x_t = np.ascontiguousarray(x_t, self.dtype)
        y, states = np.empty_like(x_t), state["x"].copy()
        self._recurrent().forward(x_t[None], states, y[None], keep=False)
        return y, {"x": states}


def pair(z: Array) -> Array:
    """Return real and imaginary parts along a new last axis."""
    return np.stack((z.real, z.imag), axis=-1)

"""The configuration of `elise`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from eventsim.scenarios.elise.presets import PRESETS
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Scenario, Sections

DISRUPTIONS = Literal["part-high", "part-silent", "whole-high", "whole-silent"]
VARIED = Literal["latent", "pattern_step", "density", "p", "q", "noise", "p0", "strength"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are those of the authors' code."""

    paper: ClassVar[str] = (
        "Kriener et al. 2024, ELiSe: Efficient Learning of Sequences in Structured Recurrent Networks"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "pattern": ("pattern", "pattern_step", "voices", "noise", "noise_tau"),
        "network": ("latent", "soma_only", "reservoir"),
        "scaffold": ("scaffold", "p", "q", "p0"),
        "delays": ("least_delay", "largest_delay", "uniform_delays"),
        "dendritic synapses": ("density", "protected", "innervation"),
        "learning": (
            "dt",
            "strength",
            "learning_rate_visible",
            "learning_rate_latent",
            "cycles",
            "test_every",
        ),
        "replay": ("replay_cycles", "disruptions", "cues"),
        "chip": ("chip_mismatch", "chip_bits", "chip_range", "chip_cycles"),
        "comparison of networks": ("varied", "compared", "networks"),
        "recording": ("cycles_recorded",),
    }
    repeated_by: ClassVar[str] = "networks"

    pattern: Annotated[str, "fur-elise, short, or a file: .npy, .mid, .npz"] = "fur-elise"
    pattern_step: Annotated[float, *NOT_NEGATIVE, "ms of a row; 0: 10, of piano rolls 1"] = 0.0
    voices: Annotated[int, Ge(1), Le(2), "2: the pattern backwards too, on visible neurons of its own"] = 1
    noise: Annotated[float, *NOT_NEGATIVE, "mV, standard deviation of noise on the targets"] = 0.0
    noise_tau: Annotated[float, *POSITIVE, "ms, of its autocorrelation"] = 20.0
    latent: Annotated[int, Ge(0), Le(10**5), "latent neurons; 0: 50 for a cycle of 250 ms"] = 0
    soma_only: Annotated[bool, "latent neurons without dendrites"] = False
    reservoir: Annotated[bool, "weights onto latent dendrites stay as drawn"] = False
    scaffold: Annotated[bool, "false leaves the scaffold out"] = True
    p: Annotated[float, Ge(0), Lt(1), "p^n: of one more connection after n"] = 0.2
    q: Annotated[float, Ge(0), Le(1), "q^k: of accepting one more after k"] = 0.15
    p0: Annotated[float, Ge(0), Le(1), "of forming no connection"] = 0.04
    least_delay: Annotated[float, *POSITIVE, "ms"] = 5.0
    largest_delay: Annotated[float, *POSITIVE, "ms"] = 15.0
    uniform_delays: Annotated[bool, "all delays are 10 ms"] = False
    density: Annotated[float, Ge(0), Le(1), "share of the dendritic synapses that exist"] = 1.0
    protected: Annotated[bool, "those beside a scaffold connection exist in any case"] = False
    innervation: Annotated[float, Ge(0), Le(1), "share of those from visible to latent neurons"] = 1.0
    dt: Annotated[float, *POSITIVE, "ms, tick"] = 0.1
    strength: Annotated[float, Gt(0), Lt(1), "lambda of the teacher"] = 0.6
    learning_rate_visible: Annotated[float, *NOT_NEGATIVE, "per tick of 0.1 ms, between visible neurons"] = (
        1e-4
    )
    learning_rate_latent: Annotated[float, *NOT_NEGATIVE, "per tick of 0.1 ms, of all other synapses"] = 1e-3
    cycles: Annotated[int, Ge(0), "of training; 0: 2500 s in all"] = 0
    test_every: Annotated[int, Ge(2), "cycles, of which one is free"] = 20
    replay_cycles: Annotated[int, Ge(8), "3 with the teacher, then free"] = 100
    disruptions: Annotated[tuple[DISRUPTIONS, ...], "clamps of the visible neurons in replay"] = (
        "part-high",
    )
    cues: Annotated[
        tuple[Annotated[float, *POSITIVE], ...], "ms of the pattern shown to a silent network"
    ] = ()
    chip_mismatch: Annotated[float, Ge(0), Le(0.3), "relative, of conductances and delays on a chip"] = 0.0
    chip_bits: Annotated[int, Ge(0), Le(24), "of a weight on the chip with its sign; 0: no chip"] = 0
    chip_range: Annotated[
        float, *NOT_NEGATIVE, "mV, largest weight on the chip; 0: the largest trained one"
    ] = 0.0
    chip_cycles: Annotated[int, Ge(0), "of training on the chip"] = 0
    varied: Annotated[VARIED, "key that differs between the networks compared"] = "latent"
    compared: Annotated[tuple[Annotated[float, *FINITE], ...], "its values; empty for one network"] = ()
    networks: Annotated[int, Ge(1), "trained for each value, with seeds that follow each other"] = 1
    cycles_recorded: Annotated[int, Ge(0), "of replay, whose rates are kept"] = 10

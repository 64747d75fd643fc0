"""A run of one network: training, replay, clamps, cues, a chip; its files of sound."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from eventsim import rng as streams
from eventsim.scenarios.elise import learning, measuring, sound
from eventsim.scenarios.elise.network import draw
from eventsim.scenarios.elise.pattern_files import pattern_of
from eventsim.scenarios.elise.patterns import Pattern, sigmoid
from eventsim.scenarios.elise.player import EVERY, Player
from eventsim.scenarios.scenario import Run

__all__ = ["scaled", "teach_one", "voices_of"]

PUBLISHED_LATENT, PUBLISHED_CYCLE, PUBLISHED_TIME = 50, 250.0, 2.5e6  # neurons, ms, ms
LEAST_LATENT = 20
NOISY_CYCLES = 19


def scaled(config: Any, pattern: Pattern) -> Any:
    """Return the settings with as many latent neurons and cycles as a pattern of this length takes."""
    latent = config.latent or max(LEAST_LATENT, round(PUBLISHED_LATENT * pattern.duration / PUBLISHED_CYCLE))
    cycles = config.cycles or max(1, round(PUBLISHED_TIME / pattern.duration))
    return replace(config, latent=latent * (1 if config.latent else config.voices), cycles=cycles)


def voices_of(config: Any) -> tuple[Pattern, ...]:
    """Return the pattern, and backwards for a second voice."""
    pattern = pattern_of(config.pattern, config.pattern_step)
    if config.voices == 1:
        return (pattern,)
    return pattern, replace(pattern, name=f"{pattern.name} backwards", roll=pattern.roll[::-1].copy())


def teach_one(config: Any, run: Run) -> None:
    """Teach a network, and look into it."""
    voices = voices_of(config)
    config = scaled(config, voices[0])
    if config.pattern not in ("fur-elise", "short"):
        run.note(
            f"{voices[0].name}: {len(voices[0].roll)} rows of {voices[0].step:g} ms, "
            f"{voices[0].n} visible neurons; it takes {config.latent} latent neurons "
            f"and {config.cycles} cycles"
        )
    structure = draw(config, sum(voice.n for voice in voices), run.seed)
    if structure.remark:
        run.note(structure.remark)
    player = Player(config, voices, structure, run.seed)
    start = learning.FIRST_CYCLE
    if run.state:
        start = int(run.state["cycle"])
        player.restore(run.state["simulation"])
    _train(player, run, start)
    trained = player.snapshot()
    _keep_network(player, run)
    run.metric("scaffold_coverage", structure.scaffold.coverage())
    run.metric("scaffold_connections", len(structure.scaffold.pre))
    for voice in range(len(voices)):
        _replay_voice(player, run, trained, voice)
    if len(voices) > 1:
        each = [run.metrics[f"replay_correlation_{voice}"] for voice in range(len(voices))]
        run.metric("replay_correlation", min(each))
    if config.noise:
        run.metric("noisy_target_correlation", _noisy_target(player, run.seed))
    if config.cues:
        from eventsim.scenarios.elise.completion import complete

        complete(player, run, trained)
    if config.chip_bits or config.chip_mismatch:
        from eventsim.scenarios.elise.chip import on_chip

        on_chip(player, run, trained)


def _noisy_target(player: Player, seed: int) -> float:
    """Return the mean correlation of what the teacher has shown in a cycle with the pattern."""
    config, potentials = player.config, player.potentials()
    player.voice = 0
    found = []
    for cycle in range(1, 1 + NOISY_CYCLES):
        added = learning.noise(config, potentials.shape, streams.stream(seed, "noise", cycle))
        shown = sigmoid(potentials + added)[EVERY - 1 :: EVERY, player.columns]
        found.append(measuring.correlation(shown, player.target))
    return float(np.mean(found))


def _train(player: Player, run: Run, start: int) -> None:
    """Train, and keep the tests on the way."""
    cycles = player.config.cycles
    with run.progress(cycles + 1, "cycle", start + 1) as bar:
        done = start
        for cycle, metrics in learning.learn(player, run.seed, cycles, start):
            for name, value in metrics.items():
                run.series(name, value)
            if "test_correlation" in metrics:
                run.metric("test_correlation", metrics["test_correlation"])
            bar.update(cycle - done, **{name: value for name, value in metrics.items() if name != "cycle"})
            done = cycle
            run.checkpoint(partial(_state, player, cycle))


def _state(player: Player, cycle: int) -> dict[str, Any]:
    """Return the state before a cycle."""
    return {"cycle": cycle, "simulation": player.snapshot()}


def _keep_network(player: Player, run: Run) -> None:
    """Keep weights, delays and scaffold."""
    structure, dt = player.structure, player.config.dt
    run.parameter("weight/before", structure.weight)
    run.parameter("weight/after", player.weight())
    run.parameter("scaffold/edges", np.stack([structure.scaffold.pre, structure.scaffold.post]))
    run.parameter("scaffold/n_visible", np.array(structure.scaffold.n_visible))
    run.parameter("delay/dendrite", structure.dendritic * dt)
    run.parameter("delay/soma", structure.somatic * dt)


def _replay_voice(player: Player, run: Run, trained: dict[str, Any], voice: int) -> None:
    """Replay a voice, undisturbed and with each clamp, always from the trained state."""
    config, mark = player.config, f"_{voice}" if len(player.voices) > 1 else ""
    player.restore(trained)
    player.voice = voice
    found = learning.replay(player, config.replay_cycles, config.cycles_recorded)
    for name, value in learning.replay_metrics(found, player.pattern.duration).items():
        run.metric(name + mark, value)
    _keep_replay(player, run, f"replay{mark}", found)
    run.parameter(f"target{mark}", player.target)
    run.parameter("sample", np.array(EVERY * config.dt))
    for name in config.disruptions:
        player.restore(trained)
        player.voice = voice
        disturbed, metrics = learning.disrupt(player, name, found, config.cycles_recorded)
        first = name == config.disruptions[0]
        for metric, value in metrics.items():
            run.metric(f"{metric}_{name.replace('-', '_')}{mark}", value)
            if first and metric == "recovery_cycles":
                run.metric(f"{metric}{mark}", value)
        _keep_replay(player, run, f"{name}{mark}", disturbed)
        run.parameter(f"{name}{mark}/clamp", np.array(learning.disruptions(player.pattern.duration)[name]))


def _keep_replay(player: Player, run: Run, name: str, found: learning.Replay) -> None:
    """Keep correlations and the first rates of a replay, and its song as MIDI and WAV beside the file."""
    config = player.config
    run.parameter(f"{name}/correlation", found.correlation)
    run.parameter(f"{name}/shift", found.shift)
    run.parameter(f"{name}/rates", found.rates.astype(np.float32))
    if not len(found.rates):
        return
    pattern, dt = player.pattern, EVERY * config.dt
    song = found.rates[learning.NUDGED * len(player.target) :, player.columns]
    notes = sound.notes_of(song, dt)
    stem = run.file.path.with_suffix("")
    step = pattern.step if pattern.step >= sound.LEAST_NOTE else 10.0
    sound.write_midi(stem.with_name(f"{stem.name}-{name}.mid"), notes, pattern.pitches, step)
    sound.write_wav(stem.with_name(f"{stem.name}-{name}.wav"), notes, pattern.pitches, len(song) * dt)

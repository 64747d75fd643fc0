"""The song as sound: notes of a replay, written as MIDI and as WAV."""

import struct
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Floats

__all__ = ["notes_of", "write_midi", "write_wav"]

Note = tuple[int, float, float]  # neuron, onset and end in ms of the network
SLOWER = 15.0  # the song is played so many times slower than the network replays it: 150 ms a step of 10 ms
RATE = 22_050  # Hz
TICKS_PER_BEAT = 480
LEAST_NOTE = 3.0  # ms


def notes_of(rates: Floats, dt: float) -> list[Note]:
    """Return the notes of rates: from where a rate rises above 1/2 to where it falls below.

    Parameters
    ----------
    rates : ndarray, shape (samples, neurons)
    dt : float
        ms from sample to sample.
    """
    found: list[Note] = []
    for neuron, active in enumerate((rates > 0.5).T):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(int)))
        for start, end in edges.reshape(-1, 2):
            if (end - start) * dt >= LEAST_NOTE:
                found.append((neuron, float(start * dt), float(end * dt)))
    return sorted(found, key=lambda note: (note[1], note[0]))


def write_midi(path: Path, notes: list[Note], pitches: NDArray[np.int64], step: float = 10.0) -> None:
    """Write a MIDI file of one track; `step` ms of the network are a sixteenth note."""
    ticks = TICKS_PER_BEAT / 4 / step
    events = [(round(on * ticks), 1, int(pitches[neuron])) for neuron, on, _ in notes]
    events += [(round(off * ticks), 0, int(pitches[neuron])) for neuron, _, off in notes]
    tempo = round(step * SLOWER * 4 * 1000)  # us a beat
    track = b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big")
    now = 0
    for time, on, pitch in sorted(events):
        track += _variable_length(time - now) + bytes([0x90 if on else 0x80, pitch, 80 if on else 0])
        now = time
    track += b"\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_BEAT)
    path.write_bytes(header + b"MTrk" + struct.pack(">I", len(track)) + track)


def _variable_length(number: int) -> bytes:
    """Return a number as MIDI files hold times: seven bits a byte, the last without its highest bit."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.append((number & 0x7F) | 0x80)
    return bytes(reversed(found))


def write_wav(path: Path, notes: list[Note], pitches: NDArray[np.int64], duration: float) -> None:
    """Write plucked tones; `duration` is that of the song in ms of the network."""
    song = np.zeros(int((duration * SLOWER / 1000 + 0.6) * RATE))
    for neuron, on, off in notes:
        start = int(on * SLOWER / 1000 * RATE)
        seconds = (off - on) * SLOWER / 1000 + 0.25  # the tone rings on
        t = np.arange(min(int(seconds * RATE), len(song) - start)) / RATE
        frequency = 440.0 * 2.0 ** ((pitches[neuron] - 69) / 12)
        tone = sum(np.sin(2 * np.pi * h * frequency * t) / h**2 for h in (1, 2, 3))
        song[start : start + len(t)] += tone * np.exp(-4.0 * t) * np.minimum(t / 0.005, 1.0)
    song *= 0.8 / max(np.abs(song).max(), 1e-9)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((song * 32767).astype("<i2").tobytes())

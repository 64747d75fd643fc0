"""Sounds as log power in mel bands, what networks of this project hear of speech."""

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Floats

__all__ = ["FRAMES", "N_BANDS", "mel_bands", "mel_filters"]

N_BANDS = 32
WINDOW, STRIDE, FRAMES = 512, 200, 40  # of 8 kHz audio: 64 ms every 25 ms, one second


def mel_bands(recordings: list[NDArray[np.int16]], rate: float = 8000.0) -> Floats:
    """Return the log power in mel bands, shape (n, FRAMES, N_BANDS), of the first second of recordings."""
    n_samples = WINDOW + STRIDE * (FRAMES - 1)
    audio = np.zeros((len(recordings), n_samples), np.float32)
    for row, recording in zip(audio, recordings, strict=True):
        cut = recording[:n_samples].astype(np.float32)
        row[: len(cut)] = cut / max(float(np.sqrt(np.mean(cut**2))), 1.0)
    frames = np.stack([audio[:, k * STRIDE : k * STRIDE + WINDOW] for k in range(FRAMES)], axis=1)
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=2)) ** 2
    found: Floats = np.log10(power @ mel_filters(rate).T + 1e-3)
    return found


def mel_filters(rate: float) -> Floats:
    """Return triangles evenly spaced in mel = 2595 log10(1 + f / 700), shape (N_BANDS, WINDOW // 2 + 1)."""
    highest = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, N_BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / rate)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling))

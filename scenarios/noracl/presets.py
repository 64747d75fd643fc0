"""Settings by row of the table: streams, growing and static networks, and a short run."""

DIGITS: dict[str, object] = {"static_widths": (8, 16, 32, 64)}
QUICK: dict[str, object] = {"static_widths": (12, 32), "epochs": 15, "first_epochs": 15}

PRESETS: dict[str, dict[str, object]] = {
    "digits": DIGITS,
    "quick": QUICK,
}

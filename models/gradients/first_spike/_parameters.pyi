class LayerParameters:
    """Layers of neurons that spike at most once, with parameters that others change."""

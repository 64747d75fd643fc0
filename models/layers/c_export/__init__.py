"""Trained models as C: `program` holds what is written, `export` puts it together, a file a kind of layer."""

"""Wire formats: pure functions over the model."""

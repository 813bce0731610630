"""Scoring architectures without labels: a whole space, or a list."""

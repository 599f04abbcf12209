"""Comparisons of backends, on real ones."""

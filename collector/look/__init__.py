"""Looks into a running process, by its control folder: ``python -m collector look``."""

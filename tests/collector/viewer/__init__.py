"""Tests of values on demand."""

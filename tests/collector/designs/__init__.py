"""Tests of the designs of a thread's state: predicted, replayed, really applied."""

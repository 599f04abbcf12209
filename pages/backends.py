"""Backends side by side: calls, latencies, bytes, errors, pools, and the health of databases."""

from pages.ui import backends, navigation

navigation.guard()
backends.draw()

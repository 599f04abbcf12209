"""Findings: what is wrong, what it costs, and the fix."""

from pages.ui import findings, navigation

navigation.guard()
findings.draw()

"""Process: what a process holds in memory and why, whether it leaks, and looks into it."""

from pages.ui import navigation, process

navigation.guard()
process.draw()

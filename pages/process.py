"""Process: what a process holds in memory and why, whether it leaks, and its nodes."""

from pages.ui import navigation, process

navigation.guard()
process.draw()

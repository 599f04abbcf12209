"""Threads: the list of all, or the one that the address names."""

from pages.ui import navigation, threads

navigation.guard()
threads.draw()

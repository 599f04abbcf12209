"""Caches: hit rates, time saved, keys; those of nodes, of functions and of servers."""

from pages.ui import caches, navigation

navigation.guard()
caches.draw()

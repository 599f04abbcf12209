"""History: the tree of checkpoints of the thread that the address names, and one step of it."""

from pages.ui import history, navigation

navigation.guard()
history.draw()

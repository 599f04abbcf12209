"""Process: what the memory of a running process is made of."""

from pages.ui import navigation, process

navigation.guard()
process.draw()

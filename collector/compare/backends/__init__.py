"""The backends that are compared: each in a corner of its own, which is removed in the end."""

"""A look into a database of LangGraph, on request and read-only: what is wrong, and what mends it.

``run.inspect(url)`` looks in this process; ``child.inspect(url)`` in a process of its own with a
time limit. Nothing here writes to the database, nor imports or runs what is stored in it.
"""

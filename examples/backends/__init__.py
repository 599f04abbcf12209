"""One program for each backend: a graph with memory, the one line that measures it, and its sizes.

``python -m examples.backends.on_redis redis://localhost:6379`` and so on; without an argument they
take the server's usual place on this machine.
"""

"""Attached databases: what an application that never heard of us keeps, read from the outside.

``source`` is what a backend's reader is asked for; ``reader`` turns it into events in the spool, in
a child process of the collector, so that the store fills as from an instrumented application.
"""

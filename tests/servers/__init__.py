"""The real servers that tests start for themselves, on free ports of 127.0.0.1.

``scripts/servers.sh`` installs them. ``python -m tests.servers redis_stack`` starts one by hand.
"""

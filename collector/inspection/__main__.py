"""``python -m collector.inspection``: one look for a parent process, see ``child``."""

from __future__ import annotations

import sys

from collector.inspection import child

if __name__ == "__main__":
    sys.exit(child.serve(sys.stdin, sys.stdout))

"""``python -m collector.viewer``: values for the pages, see ``serving``."""

from __future__ import annotations

import sys

from collector.viewer import serving

if __name__ == "__main__":
    sys.exit(serving.main())

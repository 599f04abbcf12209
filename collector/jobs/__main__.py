"""``python -m collector.jobs``: see ``collector.jobs.child``."""

import sys

from collector.jobs.child import main

sys.exit(main())

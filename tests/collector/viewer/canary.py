"""A module that a hostile blob names: nobody may import it, nor make its class."""

from __future__ import annotations

import os
from typing import Any


class Canary:
    """Ends the process that makes one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        os._exit(9)


os._exit(9)

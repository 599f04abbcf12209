"""Build the C part of the probe beside its sources, where a compiler is; nothing fails without one.

``pip install`` builds it by itself; this is for the probe that runs from the repository.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "statemeter"
SOURCES = sorted(FOLDER.glob("_fast*.c"))
TARGET = FOLDER / f"_fast{sysconfig.get_config_var('EXT_SUFFIX')}"


def main() -> None:
    """Build, unless that was done since its sources changed."""
    if os.name != "posix" or _is_newer():
        return
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    shared = (
        ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    )
    made = TARGET.with_name(f"{TARGET.name}.{os.getpid()}")  # several may be started side by side
    command = [
        *shlex.split(compiler), "-O2", "-fPIC", "-fno-plt", *shared,
        f"-I{sysconfig.get_path('include')}", *map(str, SOURCES), "-o", str(made),
    ]  # fmt: skip
    try:
        subprocess.run(  # noqa: S603 (the compiler of this machine)
            command, check=True, capture_output=True, timeout=60
        )
        made.replace(TARGET)
    except (OSError, subprocess.SubprocessError) as error:
        made.unlink(missing_ok=True)
        why = getattr(error, "stderr", None) or str(error).encode()
        print(  # noqa: T201 (to whoever sets up)
            "The probe runs in plain Python, which is slower: its C part could not be built ("
            f"{why.decode(errors='replace').strip().splitlines()[-1]}).",
            file=sys.stderr,
        )


def _is_newer() -> bool:
    try:
        made = TARGET.stat().st_mtime
        return all(part.stat().st_mtime <= made for part in [*SOURCES, *FOLDER.glob("_fast*.h")])
    except OSError:
        return False


if __name__ == "__main__":
    main()

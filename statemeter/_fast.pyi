from collections.abc import Collection

import msgspec

from statemeter.sizes import ListSize

def document(
    blob: bytes, detailed: Collection[str], most: int
) -> tuple[dict[str, int], dict[str, ListSize], int] | None: ...
def largest(blob: bytes | msgspec.Raw, most: int) -> ListSize | None: ...

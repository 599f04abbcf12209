"""Serializers that an application can adopt: smaller, or faster, with nothing lost.

They are for ``SqliteSaver(connection, serde=…)`` and every other saver of LangGraph that takes a
serializer; ``adopt`` gives one to a saver that exists. What LangGraph's own serializer wrote
before, they read. docs/serialization.md says which to choose.
"""

from statemeter.serializers.adopting import adopt
from statemeter.serializers.compressed import CompressedSerializer
from statemeter.serializers.packed import MsgspecSerializer

__all__ = ["CompressedSerializer", "MsgspecSerializer", "adopt"]

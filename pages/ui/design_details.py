"""One design: what it gives up, and the code that makes it so."""

from __future__ import annotations

import streamlit as st

from pages.ui import formats, frame
from storage.designs import Prediction


def draw(others: list[Prediction]) -> str:
    """Draws the design that the visitor chose; its id, empty: there is none."""
    possible = {one.design.id: one for one in others if not one.why_not}
    with frame.card("design-details", height="stretch"):
        if not possible:
            frame.title("Designs")
            st.text("No other design can be had for this thread here.")
            return ""
        asked = st.session_state.get("design", st.query_params.get("design"))
        names = list(possible)
        lost = asked if asked and asked not in possible else ""
        chosen = st.selectbox(
            "Design", [*names, *([lost] if lost else [])], key="design", bind="query-params",
            width=340,
        )  # fmt: skip
        one = possible.get(str(chosen))
        if one is None:
            st.text("This thread has no such design, with these parameters.")
            return ""
        _draw(one)
    return one.design.id


def _draw(one: Prediction) -> None:
    st.text(one.design.name)
    saved = formats.size(one.saved_bytes)
    parts = [f"saves {saved}", f"a load reads {formats.size(one.read_bytes)}"]
    if one.most_ancestors:
        parts.append(
            f"and walks {formats.count(one.ancestors)} ancestors "
            f"(at most {formats.count(one.most_ancestors)}, {formats.size(one.most_read_bytes)})"
        )
    st.caption(", ".join(parts))
    st.markdown("**What it gives up**")
    st.text("\n".join(f"· {text}" for text in one.gives_up))
    st.code(one.code, language="python", wrap_lines=True)

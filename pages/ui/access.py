"""Nobody but the person at this machine sees anything, unless it was set up so."""

from __future__ import annotations

import ipaddress

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from statemeter import settings


def is_loopback(address: str | None) -> bool:
    """Whether a server at this address is reached from this machine alone."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address((address or "").strip("[]")).is_loopback
    except ValueError:
        return False


def refused() -> bool:
    """Shows a refusal, or a login, in place of the page; False where the visitor may see it."""
    address = st.get_option("server.address")
    if is_loopback(address) or settings.get("STATEMETER_ALLOW_PUBLIC"):
        return False
    if _has_login():
        if st.user.is_logged_in:
            return False
        st.subheader("Please log in")
        st.button("Log in", on_click=st.login, type="primary")
        return True
    st.subheader("This address is open to others", anchor=False)
    st.text(
        f"server.address is {address or 'not set, which means every network interface'}. "
        "Statemeter shows names of threads, channels and nodes to whoever can open it, so it "
        "shows nothing here."
    )
    st.text("Serve it to this machine only:")
    st.code("streamlit run app.py --server.address 127.0.0.1", language="bash")
    st.text(
        "To serve it to others, set up st.login in .streamlit/secrets.toml, or put a proxy that "
        "authenticates in front of it and say so (with the host name that visitors use):"
    )
    st.code(
        "STATEMETER_ALLOW_PUBLIC=1 streamlit run app.py --server.address 0.0.0.0 "
        "--server.allowedHosts monitor.example.com",
        language="bash",
    )
    return True


def _has_login() -> bool:
    try:
        return "auth" in st.secrets
    except (FileNotFoundError, StreamlitSecretNotFoundError):
        return False

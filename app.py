"""Statemeter's dashboard: ``streamlit run app.py``.

Streamlit imports this file once as a server, and runs it as a script for every visitor.
"""

import streamlit as st

if __name__ == "__main__":
    from pages.ui import navigation

    navigation.run()
else:
    from starlette.middleware import Middleware

    from pages.ui import live_plot, processes, security

    app = st.App(
        __file__,
        lifespan=processes.lifespan,
        routes=live_plot.routes(),
        middleware=[Middleware(security.SecurityHeaders)],
    )

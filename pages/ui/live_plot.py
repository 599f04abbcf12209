"""A chart that keeps the visitor's zoom and hover while its data changes.

``st.plotly_chart`` makes a new chart for new data. This component keeps one and updates it with
``Plotly.react``. plotly.js comes from the installed plotly package, by a route of our own server.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import plotly
import plotly.graph_objects as go
import streamlit as st
from plotly.io import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

LIBRARY = f"/statemeter/plotly-{plotly.__version__}.min.js"

_mount = st.components.v2.component(
    "live_plot",
    html='<div class="statemeter-plot" role="img" style="width: 100%"></div>',
    js=(Path(__file__).parent / "live_plot.js").read_text(encoding="utf-8"),
    # Inside a shadow root plotly's own styles would be missing.
    isolate_styles=False,
)


def live_plot(
    figure: go.Figure,
    *,
    key: str,
    label: str,
    height: int = 290,
    on_click: Callable[[str], None] | None = None,
) -> None:
    """Draws the figure where the script is.

    Args:
        figure: as the functions of ``pages.ui.charts`` make it.
        key: names the chart; the same in every run.
        label: what a screen reader says.
        height: pixels.
        on_click: called before the next run with the id (``ids`` of its trace) of a point that was
            clicked.
    """
    drawn = to_json(figure, validate=False, engine="orjson")
    data = {"figure": drawn, "height": height, "label": label, "library": _address()}
    if on_click is None:
        _mount(key=key, data=data, height=height)
        return
    tell = on_click

    def clicked() -> None:
        point = st.session_state[key].get("clicked")
        if point:
            tell(str(point))

    _mount(key=key, data=data | {"clicks": True}, height=height, on_clicked_change=clicked)


def preload() -> None:
    """Lets the browser load plotly.js before there is anything to draw."""
    _mount(key="plot-preload", data={"figure": None, "library": _address()}, height=1)


def _address() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{LIBRARY}" if base else LIBRARY


@lru_cache(maxsize=1)
def _library() -> bytes:
    return gzip.compress(files("plotly").joinpath("package_data/plotly.min.js").read_bytes(), 6)


def _serve(request: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    body = _library()
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return Response(body, media_type="text/javascript", headers=headers)


def routes() -> list[Route]:
    """What the server has to answer for the charts."""
    return [Route(LIBRARY, _serve)]

"""Runs the dashboard's script for one visitor, against a store in the test's own folder."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.conftest import REPOSITORY
from tests.storage import seed

Visit = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """Streamlit looks through all installed packages for components once, not for each visitor: a
    server does so once as well."""
    with pytest.MonkeyPatch.context() as patched:
        look = functools.cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", look)
        yield


@pytest.fixture(autouse=True)
def local_address() -> Iterator[None]:
    """The address of the shipped configuration, which tests of one script do not read."""
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    config.set_option("server.address", before)


@pytest.fixture
def store(isolated: Path) -> Path:
    """Where the store is expected; its folder exists, the file does not."""
    isolated.mkdir()
    return isolated / "store.sqlite"


@pytest.fixture
def filled(store: Path) -> seed.Seed:
    """A store with the sample's threads, whose collector is said to live on.

    One that reported just now would be silent by the time a busy machine has drawn the page.
    """
    made = seed.sample(time.time_ns() // 1000)
    made.write(store, heartbeat_s=-3600)
    return made


@pytest.fixture
def visit() -> Visit:
    """``visit("threads", thread="support-2")``: a page, run once, with names of its address."""

    def run(page: str = "overview", **address: str) -> AppTest:
        visitor = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=60)
        for name, value in address.items():
            visitor.query_params[name] = value
        if page != "overview":
            visitor.switch_page(f"pages/{page}.py")
        visitor.run()
        assert not visitor.exception
        return visitor

    return run


def texts(visitor: AppTest) -> str:
    """All that the page says in words, in one string."""
    kinds = (
        "subheader",
        "text",
        "markdown",
        "caption",
        "code",
        "error",
        "info",
        "metric",
        "button",
    )
    told = [
        " ".join(str(getattr(element, name, "")) for name in ("label", "value"))
        for kind in kinds
        for element in visitor.get(kind)
    ]
    return "\n".join(told)


def components(visitor: AppTest) -> list[dict[str, Any]]:
    """What the page's own components are given."""
    return [
        json.loads(element.proto.json or element.proto.mixed.json)
        for element in visitor.get("bidi_component")
    ]


def charts(visitor: AppTest) -> dict[str, go.Figure]:
    """The charts of the page by what a screen reader says of them."""
    found = {}
    for data in components(visitor):
        if data.get("figure"):
            figure = json.loads(data["figure"])
            for trace in figure["data"]:
                for axis in ("x", "y", "q1", "median", "q3", "lowerfence", "upperfence"):
                    if axis in trace:
                        trace[axis] = _plain(trace[axis])
            found[data["label"]] = go.Figure(figure)
    return found


def _plain(values: Any) -> Any:
    """Numbers as plotly packs them, as an array."""
    if not isinstance(values, dict):
        return values
    return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])


def metrics(visitor: AppTest) -> dict[str, str]:
    """The cards of the page: label → value."""
    return {metric.label: metric.value for metric in visitor.metric}

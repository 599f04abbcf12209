"""What both chatbots are asked and answer, and how the program that runs one measures itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

import statemeter

TURNS = 60
PROMPT_SECONDS = 0.015


def config(thread: str) -> Any:
    """The configuration of a thread."""
    return {"configurable": {"thread_id": thread}}


def question(turn: int) -> str:
    """What the visitor asks in a turn."""
    return f"Question {turn:03}: " + "how does my order come to me, and when? " * 12


def answer(turn: int) -> str:
    """Stands for a call of a model."""
    return f"Answer {turn:03}: " + "it comes by post, within three days, to your door. " * 24


def load_prompt() -> str:
    """The system prompt; the wait stands for the service that keeps prompts."""
    time.sleep(PROMPT_SECONDS)
    return "\n".join(f"Rule {number}: be brief, friendly and right." for number in range(200))


def run(ask: Callable[[int], object], held: Callable[[], int], turns: int = TURNS) -> None:
    """Ask every question; the last line printed is JSON: turns, ms_a_turn (median), rss_bytes
    (by how much the resident memory grew over the turns), held_bytes (what ``held`` counts in the
    saver, without metadata of checkpoints: what Statemeter says of it has to be the same)."""
    process = psutil.Process()
    ask(0)  # imports and connections of the first turn are no part of a turn
    before = process.memory_info().rss
    took = []
    for turn in range(1, turns):
        began = time.perf_counter()
        ask(turn)
        took.append(time.perf_counter() - began)
    grown = process.memory_info().rss - before
    statemeter.flush()
    counts = statemeter.stats()
    if counts["problem"] or counts["dropped"]:
        print(f"Not told: {counts['dropped']} {counts['problem']}", file=sys.stderr)
    middle = sorted(took)[len(took) // 2]
    figures = {"ms_a_turn": middle * 1000, "rss_bytes": grown, "held_bytes": held()}
    print(json.dumps({"turns": turns} | figures))

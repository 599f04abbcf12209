"""What both chatbots are asked and answer, and how the program that runs one measures itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

import statemeter

TURNS = 100
PROMPT_SECONDS = 0.015
TOPICS = ("delivery", "refunds")


def config(thread: str) -> Any:
    """The configuration of a thread."""
    return {"configurable": {"thread_id": thread}}


def topic(turn: int) -> str:
    """What a turn is about."""
    return TOPICS[turn % len(TOPICS)]


def question(turn: int) -> str:
    """What the visitor asks in a turn, about 2 KB."""
    return f"Question {turn:03}: " + f"how is it with {topic(turn)}, and when, and why? " * 44


def answer(turn: int, prompt: str) -> str:
    """Stands for a call of a model, about 4 KB."""
    told = f"Answer {turn:03}, by {len(prompt):,} characters of prompt: "
    return told + "it comes by post, within three days, to your door. " * 80


def load_prompt(topic: str) -> str:
    """The system prompt and the handbook of a topic, about 200 KB; the wait stands for the service
    that keeps them."""
    time.sleep(PROMPT_SECONDS)
    return "\n".join(
        f"Rule {number} of {topic}: be brief, friendly and right." for number in range(4_000)
    )


def run(ask: Callable[[int], object], held: Callable[[], int], turns: int = TURNS) -> None:
    """Ask every question, print one line of JSON, and live on until the standard input ends: rules
    look at processes that live.

    JSON: turns, ms_a_turn (median), rss_bytes (by how much the resident memory grew over the
    turns), held_bytes (what ``held`` counts in the saver, without metadata of checkpoints: what
    Statemeter says of it has to be the same).
    """
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
    print(json.dumps({"turns": turns} | figures), flush=True)
    sys.stdin.read()

"""What people, models and tools say in the demo: text of a wanted length from a given generator."""

from __future__ import annotations

import json
from random import Random
from typing import Any

PRODUCTS = ("Orbit Router", "Cloud Drive", "Mail Relay", "Edge Cache", "Billing Portal", "VPN Desk")
CUSTOMERS = ("Amara Osei", "Jonas Lind", "Mei Tanaka", "Priya Nair", "Luca Conti", "Ana Duarte")
TEAMS = ("network", "storage", "payments", "identity", "platform")
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "SEK")

_PROBLEMS = (
    "{p} stopped syncing after last night's update and shows error {n}.",
    "We were billed twice for {p} this month, invoice {n} and the one before it.",
    "Since Tuesday {p} drops about one connection in {n}, always around lunch.",
    "I cannot add the sixth user to {p}; the form just reloads, ticket {n} said it was fixed.",
    "{p} is slow from our Lisbon office: {n} ms where we used to see 40.",
    "How do I move {p} to another account without losing {n} files?",
)
_FOLLOW_UPS = (
    "I tried that, the result is the same as before.",
    "It worked for an hour, then the error came back.",
    "Which of the two settings do you mean? I see both on the page.",
    "The log is attached below, I cut out the part before the restart.",
    "Thanks. Could you also check the second site, it has the same account number?",
    "Our administrator says that port has been open all along.",
)
_ADVICE = (
    "Thank you for the details, they match what our monitoring shows for {p}.",
    "Please open Settings, then Connections, and remove the entry that is marked as stale.",
    "The second line of your log says that the token expired {n} minutes before the request.",
    "I have raised the limit on your account; the change is active within {n} minutes.",
    "If the status light turns amber again, note the time and send us the file under /var/log.",
    "A restart alone will not help here, because the old session is kept for {n} hours.",
    "This is a known problem in version 4.{n}; the fixed version is being rolled out this week.",
    "I have refunded the second charge, your bank usually needs three working days to show it.",
    "Both sites share one address range, so the rule has to be added on each of them.",
)
_FACTS = (
    "Requests are retried {n} times with a growing delay before the client gives up.",
    "The retention of audit records is {n} days unless a legal hold is set on the account.",
    "Nodes of one region replicate synchronously; other regions follow within {n} seconds.",
    "An administrator may delegate the right to approve refunds of up to {n} euros.",
    "A snapshot counts towards the quota only for blocks that changed since the one before it.",
    "Certificates are renewed {n} days before they expire, and the old one stays valid meanwhile.",
    "Throughput is limited by the slower of the two links, which the status page shows as its cap.",
    "When a payment fails, the invoice stays open and the service is kept for {n} more days.",
)
_WISHES = (
    "Book a slot with the {p} team for me.",
    "Write to them that {p} has to wait.",
    "When should I be told about {p}?",
    "Sum up what happened with {p} this week.",
)
_PREFERENCES = (
    "Wants to hear of {p} by {c}.",
    "Prefers short answers about {p}.",
    "Is out of office when {p} is maintained; use {c}.",
    "Never wants offers by {c}.",
)
_CHANNELS = ("mail", "phone", "chat")
_HEADINGS = ("Overview", "Limits", "Before you begin", "Procedure", "Known problems", "Rollback")
_PATHS = ("/v2/sync", "/v2/login", "/v2/invoices", "/v2/files", "/health", "/v2/export")


def _fill(rng: Random, template: str) -> str:
    return template.format(p=rng.choice(PRODUCTS), n=rng.randint(2, 480))


def question(rng: Random, first: bool) -> str:
    """What a customer writes: 40 to 400 characters, sometimes with a piece of log below it."""
    text = _fill(rng, rng.choice(_PROBLEMS if first else _FOLLOW_UPS))
    if rng.random() < 0.2:
        text += "\n\n" + log_lines(rng, rng.randint(3, 14))
    return text


def answer(rng: Random, sentences: int) -> str:
    """What a model writes, about 80 characters a sentence."""
    return " ".join(_fill(rng, rng.choice(_ADVICE)) for _ in range(sentences))


def wish(rng: Random) -> str:
    """What somebody asks of an assistant; the same wishes come again and again."""
    return _fill(rng, rng.choice(_WISHES))


def preference(rng: Random) -> str:
    """What an assistant learns of somebody, one of a few dozen sentences."""
    text = rng.choice(_PREFERENCES)
    return text.format(p=rng.choice(PRODUCTS), c=rng.choice(_CHANNELS))


def message_id(rng: Random) -> str:
    """The id of a message.

    LangGraph gives one to a message without it, but in place and while the message is being
    written: whether the bytes written have it would be a matter of luck.
    """
    return f"run-{rng.getrandbits(128):032x}"


def document(rng: Random, size_bytes: int) -> str:
    """A page of a handbook in Markdown, of exactly ``size_bytes`` ASCII characters."""
    lines = [f"# {rng.choice(PRODUCTS)}: operations handbook\n"]
    length = 0
    while length < size_bytes:
        paragraph = " ".join(_fill(rng, rng.choice(_FACTS)) for _ in range(rng.randint(3, 9)))
        lines.append(f"\n## {rng.choice(_HEADINGS)}\n\n{paragraph}\n")
        length += len(lines[-1])
    return "".join(lines)[:size_bytes]


def log_lines(rng: Random, count: int) -> str:
    """Lines of an access log, about 75 characters each."""
    second = rng.randint(0, 86_400 - 4 * count)
    lines = []
    for _ in range(count):
        second += rng.randint(0, 3)
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        status = rng.choice((200, 200, 200, 204, 304, 401, 429, 503))
        lines.append(
            f"{clock} edge-{rng.randint(1, 24):02} GET {rng.choice(_PATHS)} {status} "
            f"{rng.randint(3, 900)}ms trace={rng.getrandbits(64):016x}"
        )
    return "\n".join(lines)


def metrics(rng: Random, points: int) -> str:
    """The JSON answer of a monitoring system."""
    return json.dumps(
        {
            "metric": f"{rng.choice(TEAMS)}.request.duration",
            "unit": "ms",
            "points": [[60 * i, round(rng.gauss(120, 30), 1)] for i in range(points)],
        }
    )


def order_line(rng: Random) -> dict[str, Any]:
    """One line of an order."""
    return {
        "sku": f"SKU-{rng.randint(10_000, 99_999)}",
        "name": rng.choice(PRODUCTS),
        "quantity": rng.randint(1, 40),
        "list_price": rng.randint(900, 45_000) / 100,
    }

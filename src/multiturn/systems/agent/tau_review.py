"""tau-bench: was the simulated user to blame? Rules over what it said; they read the transcript and never the outcome, so that
leaving out the conversations they name does not favour success or failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ...conversation import Conversation
from ...judges import simulation
from .tau_user import RULES

LEAK, EARLY, SWAP = "told everything at once", "ended too early", "spoke as the agent"
INVENTED, LOOP = "made things up", "repeats itself"
FAULTS = (LEAK, EARLY, SWAP, INVENTED, LOOP)
SHARE, LEAST = 0.6, 12
"""A leak: a message with this share of the scenario's word triples, of which there are at least so many."""
_AGENT = re.compile(
    r"\b(?:how (?:can|may) i (?:help|assist) you|(?:is there )?anything else (?:i can|can i)|i(?:'ve| have) (?:processed|cancel"
    r"l?ed|updated|issued|refunded) your|as (?:an? )?(?:ai|language model|customer service|service agent|assistant)"
    r"|thank you for (?:contacting|reaching out|calling)|i(?:'d| would) be happy to (?:help|assist) you"
    r"|let me (?:look|pull) up your|(?:could|can) you (?:please )?provide (?:me )?(?:with )?your)\b", re.I
)  # fmt: skip
_CLOSING = re.compile(r"\b(?:anything|something) else\b|\b(?:further|more|other) (?:help|assistance|questions?)\b", re.I)
_TOKEN = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,64}|#?\b\w{0,32}\d{4}\w{0,32}\b")


class Finding(Struct, frozen=True):
    """One fault of the simulated user. ``turn``: its message, from 1."""

    kind: str
    turn: int
    quote: str = ""


def review(scenario: str, chat: Conversation, stop: str, seen: Iterable[str] = ()) -> list[Finding]:
    """The faults of the user in ``chat``, which ended by ``stop``. ``seen``: what its own tools showed it."""
    return list(_review(scenario, chat, stop, " ".join(seen)))


def _review(scenario: str, chat: Conversation, stop: str, seen: str) -> Iterator[Finding]:
    wanted = _triples(scenario)
    known = _letters(f"{scenario} {seen}")
    said: list[str] = []
    for turn in chat.turns:
        text = turn.user.text if turn.user is not None else ""
        if len(wanted) >= LEAST and len(wanted & _triples(text)) >= SHARE * len(wanted):
            yield Finding(LEAK, turn.number, text[:200])
        if (found := _AGENT.search(text)) is not None:
            yield Finding(SWAP, turn.number, found[0])
        for token in _TOKEN.findall(text):
            if _letters(token) not in known:
                yield Finding(INVENTED, turn.number, token)
        line = _letters(text)
        if len(line) > 20 and said.count(line) == 2:
            yield Finding(LOOP, turn.number, text[:200])
        said.append(line)
        known += _letters(" ".join(m.text for m in turn.answers if m.role == "assistant"))
    if stop == "user ended" and (turns := chat.turns):
        last = turns[-1].reply or (turns[-2].reply if len(turns) > 1 else "")
        answer = turns[-1].user.text if turns[-1].user is not None and not turns[-1].reply else ""
        declined = re.match(r"\s*no\b", answer, re.I) is not None
        if not last or (_asks(last) and not declined):
            yield Finding(EARLY, len(turns), last[-200:])


def _asks(text: str) -> bool:
    """The agent still wanted to know something, other than whether there is anything else."""
    closing = text.strip().splitlines()[-1]
    return closing.rstrip(" *_)").endswith("?") and _CLOSING.search(closing) is None


def _triples(text: str) -> set[tuple[str, str, str]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def _letters(text: str) -> str:
    return re.sub(r"[^\w@]", "", text.lower())


_KINDS = {
    LEAK: simulation.TOO_MUCH, EARLY: simulation.EARLY, SWAP: simulation.SWAP, INVENTED: simulation.CLAIM,
    LOOP: simulation.REPEATS,
}  # fmt: skip


def user_secrets(
    scenario: str, chat: Conversation, facts: Mapping[str, Any], phone: bool, met: bool | None
) -> simulation.Secrets:
    """What the customer knew and did, with the findings of `review`, for `multiturn audit`."""
    stop = str(facts.get("stop", ""))
    if stop == "format error" and not facts.get("user failed"):
        stop = "failure"  # the agent's
    if facts.get("user") != "model":  # a script says and does what it is written to
        return simulation.Secrets(known=scenario, stop=stop, met=met)
    calls = facts.get("user calls", ())
    seen = [str(call["result"]) for call in calls]
    found = tuple(
        simulation.Finding(_KINDS[f.kind], f.turn, simulation.quote(f.quote), decides=f.kind != LOOP)
        for f in review(scenario, chat, stop, seen)
    )
    told = all("turn" in call for call in calls)  # facts of older runs do not say when
    acts = tuple((int(call["turn"]), str(call["name"])) for call in calls) if phone and told else None
    return simulation.Secrets(
        instructions=RULES, known="\n".join((scenario, *seen)), acts=acts, stop=stop, met=met, found=found,
        measures=("user in order", "blamed on the user", "reward (user in order)"),
    )  # fmt: skip

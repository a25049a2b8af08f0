"""SAGE's files: profiles, released conversations and emotion trajectories, and the scores that follow from them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ...conversation import Case, Conversation, DataError
from ...conversation.files import json_rows
from ...players.emotional import Character
from ...protocols.benchmark import Published

HOME = "https://raw.githubusercontent.com/Tencent/digitalhuman/main/SAGE/profile"
FILE = "simulator_profile_withfirsttalk.jsonl"
SAMPLE_FILE = "simulator_profile_withfirsttalk.first40.jsonl"

WISHES = {
    "balanced analysis": "辩证", "advice": "建议", "others' motives": "原因", "self-reflection": "反思",
    "praise": "夸奖", "listening": "倾听", "deep empathy": "共情", "not at fault": "没有错",
}  # fmt: skip
"""The eight hidden intentions and a word by which the files' text shows them."""
RATIONAL = ("balanced analysis", "advice", "others' motives", "self-reflection")


class SageCase(Case, frozen=True, kw_only=True):
    """One profile."""

    character: Character


class Score(NamedTuple):
    """Sentient score (mean final emotion, 0 to 100), number of successes (final emotion 100) and of failures (below 10)."""

    mean: float
    success: int
    failure: int


class Trajectory(NamedTuple):
    """One released conversation: the emotion at each user message, and the final one."""

    profile: str
    final: int
    emotions: tuple[int, ...]


def score(final: Sequence[float], top: float = 100, bottom: float = 10) -> Score:
    """The three figures of the leaderboard from final emotions (at least one)."""
    return Score(sum(final) / len(final), sum(f >= top for f in final), sum(f < bottom for f in final))


def possible(found: Trajectory, turns: int = 10, start: int = 40, step: int = 10) -> bool:
    """Whether the protocol allows this trajectory: its start, steps, length and end."""
    values = found.emotions
    steps = all(abs(b - a) <= step for a, b in pairwise(values))
    return bool(values) and values[0] == start and len(values) <= turns and values[-1] == found.final and steps


def wish_of(task: str) -> str:
    """The name of a hidden intention, from its text in the files."""
    return next((name for name, word in WISHES.items() if word in task), "other")


def kind_of(wish: str) -> str:
    """The group that an intention is reported under."""
    return "rational" if wish in RATIONAL else "emotional" if wish in WISHES else "other"


# -- files ----------------------------------------------------------------------------------------------------------------
def read_profiles(path: Path) -> Iterator[SageCase]:
    """The profiles of a released file, in its order. Raises `DataError` naming the line."""
    for number, row in json_rows(path, dict[str, Any]):
        try:
            texts = [row[name] for name in ("id", "player", "scene", "task", "first_talk")]
        except KeyError as error:
            raise DataError(f"{path}, line {number}: no field {error}") from None
        if not all(isinstance(text, str) and text.strip() for text in texts):
            raise DataError(f"{path}, line {number}: id, player, scene, task and first_talk must be texts")
        name, persona, story, wish, opening = texts
        who = Character(persona=persona, story=story, wish=wish, opening=opening)
        yield SageCase(id=name, group=kind_of(wish_of(wish)), character=who)


def read_conversations(path: Path) -> Iterator[tuple[Conversation, Trajectory]]:
    """Released conversations, plain, each with its trajectory."""
    for number, row in json_rows(path, dict[str, Any]):
        try:
            chat, emotions = Conversation(), []
            for message in row["history"]:
                chat = chat.say(message["role"], message["content"])
                if message["role"] == "user":
                    emotions.append(int(message["emotion-point"]))
            yield chat, Trajectory(row["id"], int(row["emo_point"]), tuple(emotions))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}, line {number}: not a released conversation ({error})") from None


def read_trajectories(path: Path) -> dict[str, list[Trajectory]]:
    """The table of trajectories by ``simulator/model``."""
    found: dict[str, list[Trajectory]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                emotions = tuple(map(int, row["emotion_trajectory"].split()))
                found.setdefault(row["simulator/model"], []).append(
                    Trajectory(row["profile_id"], int(row["final_emo_point"]), emotions)
                )
            except (KeyError, TypeError, ValueError, AttributeError):
                raise DataError(f"{path}, line {number}: expected numbers in final_emo_point and emotion_trajectory") from None
    return found


# -- published ------------------------------------------------------------------------------------------------------------
LEADERBOARD = {
    "GPT-4o-Latest": (79.9, 51, 4), "GPT-4.1": (68.2, 35, 13), "Gemini2.5-Flash-Think": (65.9, 35, 19),
    "Gemini2.5-Pro": (62.9, 34, 25), "o3": (62.7, 32, 14), "GPT-4.5-Preview": (62.7, 23, 15),
    "Gemini2.0-Flash-Think": (62.3, 23, 23), "Claude3.7-Think": (61.3, 23, 19), "Claude3.7": (54.8, 19, 24),
    "DeepSeek-V3-0324": (54.4, 19, 23), "DeepSeek-R1": (53.7, 31, 28), "DeepSeek-V3": (37.6, 5, 39), "o4-mini": (35.9, 10, 48),
    "Llama3.3-70B": (33.3, 7, 47), "Gemini2.0-Flash": (32.9, 8, 45), "GPT-4o": (31.8, 7, 51), "o1": (29.0, 5, 51),
    "Qwen2.5-72B": (19.1, 4, 70),
}  # fmt: skip
"""Score, successes and failures of 100 profiles, with DeepSeek-V3 as the user."""
_SOURCE = "leaderboard, DeepSeek-V3 (2024-12-27) as the user, 100 profiles"
PUBLISHED = tuple(
    Published(model, value, measure, source=_SOURCE)
    for model, (mean, success, failure) in LEADERBOARD.items()
    for measure, value in (("sentient score", mean), ("success", success / 100), ("failure", failure / 100))
)

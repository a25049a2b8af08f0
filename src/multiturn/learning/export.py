"""Rows for trainers, in the formats that TRL takes (and others read): one JSON object a line.

    messages           {messages}                     supervised tuning
    prompt-completion  {prompt, completion}           the same, with the loss on the completion only
    preference         {prompt, chosen, rejected}     DPO and its kin
    label              {prompt, completion, label}    unpaired, KTO
    rollout            {messages, train, turn, advantage, turn_rewards, outcome_reward, group}
                       ``train``, ``turn``, ``advantage`` have a value a message: 1 = the policy's own words

Every row says where it comes from (``source``) and whether that is an ``evaluation`` item. `write_rows` refuses those unless it
is told to take them, so that no benchmark gets into its own training set unnoticed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

from ..conversation import Conversation, InputError, Message, to_openai
from ..conversation.files import json_line, replacing
from .credit import Rewards
from .pairs import Pair

Row: TypeAlias = dict[str, Any]
Training: TypeAlias = Callable[[str], bool]
"""Whether the cases of a cluster may be trained on."""


def nothing(cluster: str) -> bool:
    """No cluster may be trained on: all rows are evaluation items."""
    return False


def split(share: float, seed: int = 0) -> Training:
    """A split by cluster: about ``share`` (0 to 1) of them may be trained on, always the same ones for one seed."""
    if not 0 <= share <= 1:
        raise InputError(f"a share is from 0 to 1, not {share}")

    def training(cluster: str) -> bool:
        drawn = int.from_bytes(blake2b(f"{seed}/{cluster}".encode(), digest_size=8).digest(), "big")
        return drawn < share * 2**64

    return training


def rest(chat: Conversation, prompt: Conversation) -> list[dict[str, Any]]:
    """The messages of ``chat`` after ``prompt``, a prefix of it."""
    return to_openai(Conversation.of(chat.messages[len(prompt) :]))


def messages_row(chat: Conversation) -> Row:
    return {"messages": to_openai(chat)}


def completion_row(prompt: Conversation, chat: Conversation) -> Row:
    return {"prompt": to_openai(prompt), "completion": rest(chat, prompt)}


def label_row(prompt: Conversation, chat: Conversation, label: bool) -> Row:
    return {**completion_row(prompt, chat), "label": label}


def preference_row(pair: Pair) -> Row:
    return {
        "prompt": to_openai(pair.prompt), "chosen": rest(pair.chosen, pair.prompt), "rejected": rest(pair.rejected, pair.prompt),
        "chosen_score": pair.chosen_score, "rejected_score": pair.rejected_score,
    }  # fmt: skip


def own_words(message: Message) -> bool:
    """Whether the policy said it: an assistant's message that nobody else (a gold answer, an edit) was put in for."""
    return message.role == "assistant" and not message.author


def rollout_row(chat: Conversation, rewards: Rewards, advantages: Sequence[float], group: str) -> Row:
    """One rollout with an advantage for each of its turns (numbered as `Conversation.turns`)."""
    turn, train, turns, advantage = 0, [], [], []
    for message in chat.messages:
        turn += message.role == "user"
        mine = own_words(message) and 0 < turn <= len(advantages)
        train.append(int(mine))
        turns.append(turn)
        advantage.append(float(advantages[turn - 1]) if mine else 0.0)
    return {
        **messages_row(chat), "train": train, "turn": turns, "advantage": advantage, "turn_rewards": list(rewards.turns),
        "outcome_reward": rewards.outcome, "group": group,
    }  # fmt: skip


def write_rows(path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]], *, evaluation: bool = False) -> int:
    """Write rows as JSON lines; returns how many. Replaces the file only when complete.

    Raises `InputError` at a row of an evaluation item unless ``evaluation``, `DataError` when the file cannot be written.
    """
    count = 0
    with replacing(path) as out:
        for row in rows:
            if row.get("evaluation", True) and not evaluation:
                where = row.get("source", {})
                raise InputError(
                    f"row {count + 1} ({where.get('system', '?')}, case {where.get('case', '?')}) is an evaluation item: "
                    "say which cases may be trained on (training=split(0.8)), or evaluation=True"
                )
            out.write(json_line(row))
            count += 1
    return count

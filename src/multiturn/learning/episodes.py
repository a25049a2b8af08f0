"""Any benchmark is a training environment: its recorded conversations with their verdicts become rewards and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from ..conversation import Conversation, Turn, UnknownName
from ..measures.verdict import Verdict
from .credit import ESTIMATORS, Rewards
from .export import Row, Training, completion_row, label_row, messages_row, nothing, own_words, preference_row, rollout_row
from .pairs import Branch, all_pairs

Format: TypeAlias = Literal["messages", "prompt-completion", "preference", "label", "rollout"]


class Episode(Protocol):
    """A recorded conversation with its verdicts: what `multiturn.evaluate(…).conversations()` gives."""

    @property
    def system(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def setting(self) -> str: ...
    @property
    def repeat(self) -> int: ...
    @property
    def cluster(self) -> str: ...
    @property
    def stopped(self) -> str: ...
    @property
    def chat(self) -> Conversation: ...
    @property
    def verdicts(self) -> Sequence[Verdict]: ...


Paid: TypeAlias = tuple[Episode, Rewards]


class Made(NamedTuple):
    """The rows, and how many conversations were left out for which cause."""

    rows: list[Row]
    dropped: dict[str, int]


def rewards_of(episode: Episode, turn: Mapping[str, float], outcome: Mapping[str, float]) -> Rewards | str:
    """The rewards of one conversation, or why there are none: a verdict that was not measured is no reward of 0.

    ``turn``, ``outcome``: weights of measures. A turn's reward is the weighted sum of its verdicts (0 where it has none); the
    outcome's that of the verdicts on the whole conversation, or of the mean over turns of a measure that has turns only.
    Verdicts of a turn beyond the conversation (stand-alone forms keep their number) belong to its last turn.
    """
    count = len(episode.chat.turns)
    if episode.stopped or not count:
        return episode.stopped or "no turns"
    for verdict in episode.verdicts:
        if verdict.value is None and (verdict.measure in outcome or (verdict.turn and verdict.measure in turn)):
            return verdict.cause or "not measured"
    by_turn = [0.0] * count
    for verdict in episode.verdicts:
        if verdict.turn and verdict.value is not None and verdict.measure in turn:
            by_turn[min(verdict.turn, count) - 1] += turn[verdict.measure] * verdict.value
    total = 0.0
    for name, weight in outcome.items():
        found = [v for v in episode.verdicts if v.measure == name]
        values = [v.value for v in found if not v.turn] or [v.value for v in found]
        known = [value for value in values if value is not None]
        if not known:
            return f"no verdict of {name}"
        total += weight * sum(known) / len(known)
    return Rewards(tuple(by_turn), total)


def rows(
    episodes: Iterable[Episode], format: Format = "rollout", *, turn: Mapping[str, float] | None = None,
    outcome: Mapping[str, float] | None = None, estimator: str = "mt-grpo", training: Training = nothing, passing: float = 1.0,
    gap: float = 0.1,
) -> Made:  # fmt: skip
    """Recorded conversations -> rows for a trainer.

    rollout            one a branch, with advantages by ``estimator`` over the repeats of its model, case and setting
    preference         one for each two repeats that part at the assistant's message and earned ``gap`` apart in all
    messages           one for each branch whose outcome is ``passing`` or more
    prompt-completion  one for each turn of the policy's own that is worth ``passing`` or more
    label              one for each turn of the policy's own, true if it is worth ``passing`` or more

    A turn is worth its own reward where a measure of ``turn`` was judged in it, else the outcome. ``training``: which clusters
    may be trained on; all other rows are marked as evaluation items.
    """
    if estimator not in ESTIMATORS:
        raise UnknownName("estimator", estimator, ESTIMATORS)
    if format not in ("messages", "prompt-completion", "preference", "label", "rollout"):
        raise UnknownName("format", format, ("messages", "prompt-completion", "preference", "label", "rollout"))
    turn, outcome = turn or {}, outcome or {}
    dropped: Counter[str] = Counter()
    groups: dict[tuple[str, ...], list[Paid]] = {}
    for episode in episodes:
        found = rewards_of(episode, turn, outcome)
        if isinstance(found, str):
            dropped[found] += 1
        else:
            groups.setdefault((episode.system, episode.model, episode.case, episode.setting), []).append((episode, found))
    made: list[Row] = []
    for group in groups.values():
        training_item = training(group[0][0].cluster or group[0][0].case)
        for episode, row in _rows(group, format, turn, estimator, passing, gap):
            made.append({**row, "source": _source(episode), "evaluation": not training_item})
    return Made(made, dict(dropped))


def _rows(
    group: Sequence[Paid], format: Format, turn: Mapping[str, float], estimator: str, passing: float, gap: float
) -> Iterator[tuple[Episode, Row]]:
    """The rows of one case in one setting."""
    first = group[0][0]
    if format == "rollout":
        name = f"{first.system}/{first.model}/{first.case}/{first.setting}"
        for (episode, r), advantages in zip(group, ESTIMATORS[estimator]([r for _, r in group]), strict=True):
            yield episode, rollout_row(episode.chat, r, [float(a) for a in advantages], name)
        return
    if format == "preference":
        for pair in all_pairs([Branch(episode.chat, r.total) for episode, r in group], gap):
            yield first, preference_row(pair)
        return
    said: set[bytes] = set()
    for episode, r in group:
        if format == "messages":
            if r.outcome >= passing and episode.chat.id not in said:
                yield episode, messages_row(episode.chat)
            said.add(episode.chat.id)
            continue
        judged = {v.turn for v in episode.verdicts if v.turn and v.measure in turn}
        for part in episode.chat.turns:
            prompt = _before(part)
            if prompt is None or part.chat.id in said:
                continue
            said.add(part.chat.id)
            good = (r.turns[part.number - 1] if part.number in judged else r.outcome) >= passing
            if format == "label":
                yield episode, label_row(prompt, part.chat, good)
            elif good:
                yield episode, completion_row(prompt, part.chat)


def _before(turn: Turn) -> Conversation | None:
    """The conversation up to the user's message of a turn; None when the policy said nothing in it."""
    if not any(own_words(message) for message in turn.answers):
        return None
    node = turn.chat
    for _ in turn.answers:
        assert node.parent is not None
        node = node.parent
    return node


def _source(episode: Episode) -> dict[str, str | int]:
    return {
        "system": episode.system, "model": episode.model, "case": episode.case, "setting": episode.setting,
        "repeat": episode.repeat,
    }  # fmt: skip

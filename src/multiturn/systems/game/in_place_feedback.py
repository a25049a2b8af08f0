"""In-place feedback: correct a step in the model's own answer, instead of telling it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

import msgspec

from ...conversation import Case, Cast, Conversation, InputError, Player
from ...measures.figure import Scale
from ...measures.figures import by_turn, mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark, Published
from ...protocols.inplace import Arm, Edit, correct
from .in_place_correct import CORRECTORS
from .in_place_correct import leaks as leaks
from .in_place_figures import cell_changes, mcnemar, ratio
from .in_place_sample import Item, bundled, cells_of, implied, is_right

CHARACTERS = Scale(0, 10_000_000, "characters", passing=0)
COUNT = Scale(0, 20, "leaks", passing=0)
CELLS = ("acceptance", "preservation", "propagation", "new_errors")
NO_FEEDBACK = "no usable feedback"


class InPlaceFeedback(Benchmark):
    """In-Place Feedback: A New Paradigm for Guiding LLMs in Multi-Turn Reasoning (2025, arXiv 2510.00777).

    The model answers step by step. While the answer is wrong (at most ``rounds`` times), a feedback giver who knows the
    solution finds the first wrong span and its correction, without the final answer. Settings, with the same correction:

    multi      a user message says it; the model writes a new answer; the history grows
    in-place   the span is replaced in the model's own answer, all that follows is cut, and the model continues this message
    resample   no feedback: the same question again
    draft      the edited text, quoted in the question (tells the edit from the prefill; for servers that cannot continue)

    correct        right after round 0, 1, … ("turn" 1, 2, …); a right answer stays right
    characters     read + written by the model, over all rounds (the paper counts tokens); their ratio in-place / multi
    acceptance, preservation, propagation, new_errors    what a correction did to the cells; see `cell_changes`
    leaks          corrections that were refused because they gave the final answer away

    The paper's sets (GPQA, MMLU-Pro, MATH-hard, ZebraLogic) and outputs are not released with it; bundled are chains of
    calculations and logic grids of our own. ``feedback=script`` corrects the first wrong cell; ``feedback=model`` asks the
    user role. Where only the last step of a chain is wrong, its value would be the final answer: it is only said (or cut).
    ``in-place`` needs a server that continues the assistant's message; see `continue_reply`.
    """

    slug = "in-place-feedback"
    title = "In-Place Feedback: A New Paradigm for Guiding LLMs in Multi-Turn Reasoning"
    paper = "arXiv:2510.00777"
    family = "game"
    kind = "method"
    licence = "Apache-2.0"
    settings: tuple[str, ...] = ("multi", "in-place", "resample", "draft")
    default_settings: tuple[str, ...] = ("multi", "in-place")
    uses = ("user",)
    params = {"rounds": 3, "cases": 24, "steps": 6, "seed": 1, "feedback": "script"}
    scales = {"characters": CHARACTERS, "leaks": COUNT}
    figures = (
        mean("correct"), by_turn("correct"), multi_turn_cost("correct", a="in-place", b="multi"), mcnemar("correct"),
        mean("characters", CHARACTERS), ratio("characters"), *(mean(name) for name in CELLS), mean("leaks", COUNT),
        reliability("correct"), pass_k("correct"),
    )  # fmt: skip
    published = (
        Published("paper: GPQA, MMLU-Pro, MATH-hard (tokens)", 0.209, "characters ratio", "in-place / multi", None, "abstract"),
    )

    def cases(self) -> Iterator[Item]:
        rounds, count, steps, giver = (self.options[k] for k in ("rounds", "cases", "steps", "feedback"))
        if not (0 <= rounds <= 20 and 1 <= count <= 10_000 and 2 <= steps <= 40 and giver in CORRECTORS):
            raise InputError(f"{self.slug}: rounds from 0 to 20, cases from 1, steps from 2 to 40, feedback script or model")
        return bundled(count, self.options["seed"], steps)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, Item)
        assert setting in get_args(Arm)
        told: list[dict[str, Any]] = []
        cast.facts.update(rounds=told, leaks=0, stop="")
        used = {"read": 0, "written": 0}
        player = _metered(cast.assistant, used)
        question = Conversation().user(case.question)
        chat = await player(question)
        told.append({"answer": chat.reply, "edit": None, "key": "", **used})
        by = CORRECTORS[self.options["feedback"]]
        for _ in range(self.options["rounds"]):
            if is_right(case, chat.reply):
                break
            edit, key = None, ""
            if setting != "resample":
                edit, key = await by(case, chat.reply, cast)
                if edit is None:
                    cast.facts["stop"] = "format error"
                    return chat
            used.update(read=0, written=0)
            chat = await correct(player, question, chat, edit or Edit(0, 0, "", ""), setting)  # type: ignore[arg-type]
            told.append({"answer": chat.reply, "edit": edit and msgspec.to_builtins(edit), "key": key, **used})
        cast.facts["stop"] = "success" if is_right(case, chat.reply) else "turn limit"
        return chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, Item)
        told = list(cast.facts.get("rounds", ()))
        right = [is_right(case, r["answer"]) for r in told]
        gold = dict(case.cells)
        for number in range(self.options["rounds"] + 1):
            known = number < len(told)
            solved = any(right[: number + 1])
            cause = "" if known or solved else cast.stopped or NO_FEEDBACK
            empty = known and not told[number]["answer"].strip()
            yield Verdict("correct", None if cause else float(solved), number + 1, cause=cause, failed=empty and not solved)
            if known and number:
                before, after = (_values(case, r["answer"]) for r in told[number - 1 : number + 1])
                key = told[number]["key"]
                for name, value in cell_changes(gold, before, after, key, implied(case, key) if key else ()).items():
                    yield Verdict(name, value, number + 1)
        cost = float(sum(r["read"] + r["written"] for r in told))
        yield Verdict("characters", None if cast.stopped else cost, cause=cast.stopped)
        yield Verdict("leaks", None if cast.stopped else float(cast.facts.get("leaks", 0)), cause=cast.stopped)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        assert isinstance(case, Item)
        return case.gold


def _values(case: Item, reply: str) -> dict[str, str]:
    return {key: cell.value for key, cell in cells_of(case, reply).items()}


def _metered(player: Player, used: dict[str, int]) -> Player:
    """A player whose characters read and written are added up in ``used``."""

    async def speak(chat: Conversation) -> Conversation:
        said = await player(chat)
        used["read"] += sum(len(message.text) for message in chat.messages)
        used["written"] += len(said.reply)
        return said

    return speak

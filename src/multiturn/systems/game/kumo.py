"""KUMO: find the hidden truth with as few tests as possible."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ...conversation import Case, Cast, Conversation, InputError
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.gameloop import play_world, reminded
from ...worlds.kumo import Elimination, Oracle, oracle_steps, survivors
from .kumo_case import EACH_ROUND, KumoCase, bundled, present, released, rules_of
from .kumo_case import table_book as table_book
from .kumo_data import CORE, PUBLISHED, SIZES

STEPS = Scale(1, 50, "steps", passing=0)
RATIO = Scale(-1, 49, "", passing=0)


class Kumo(Benchmark):
    """Generative Evaluation of Complex Reasoning in Large Language Models (KUMO; Lin et al. 2025, arXiv 2504.02810).

    A truth is hidden among n candidates. Each of m actions has an outcome that rules candidates out, as a knowledge book in
    the system message explains. The model chooses an action a turn (at most 50) and then names the truth.

    success       the prediction is ruled out by no observation of the task (which leaves exactly one candidate); 0 or 1
    parse_error   the episode ended on a reply without a readable or known name (which is not a success); 0 or 1
    steps         actions and prediction, on successes only
    relative      (steps - the oracle's steps) / the oracle's steps, on successes only; 0 = as good as the oracle. The paper's
                  formula is not known to us; both counts include the prediction

    Groups: easy (4 candidates, 6 actions) and hard (12, 16). Settings: ``multi``, and ``single`` (ours): all observations are
    told at once and only the prediction is left, so that multi - single is what asking for oneself costs.

    The instruction to each round stands at the end of the newest message and of no earlier one. The paper plays every task
    five times: ``--repeats 5``. Books are the released ones where there are any, else ours, made from the table (``book=table``
    for all). Prompts are ours. Without the released files (``domain`` empty, none found) the bundled sample is played.
    The oracle of a hard task is taken from the released files; where it is too large to be searched here, ``relative`` is not
    measured.
    """

    slug = "kumo"
    title = "Generative Evaluation of Complex Reasoning in Large Language Models (KUMO)"
    paper = "arXiv:2504.02810"
    family = "game"
    licence = "Apache-2.0"
    home = "https://github.com/linhaowei1/kumo"
    settings: tuple[str, ...] = ("multi", "single")
    default_settings: tuple[str, ...] = ("multi",)
    params = {"domain": "", "size": "easy", "book": "released"}
    scales = {"success": FRACTION, "parse_error": FRACTION, "steps": STEPS, "relative": RATIO}
    figures = (
        mean("success"), mean("parse_error"), mean("steps", STEPS), mean("relative", RATIO),
        multi_turn_cost("success"), reliability("success"), pass_k("success", ks=(1, 2, 5)),
    )  # fmt: skip
    published = PUBLISHED

    def cases(self) -> Iterator[KumoCase]:
        """The domains named (separated by commas; "sample" = the bundled one), or all core domains that are here."""
        size, book, names = (str(self.options[k]) for k in ("size", "book", "domain"))
        if size not in (*SIZES, "all") or book not in ("released", "table"):
            raise InputError(f"kumo?size={size}&book={book}: size is easy, hard or all; book is released or table")
        named = [name.strip().removesuffix("Env") for name in names.split(",") if name.strip()]
        for name in named or [name for name in CORE if present(self._data, name)] or ["sample"]:
            for each in SIZES if size == "all" else (size,):
                yield from bundled(each) if name == "sample" else released(self.data, name, each, book)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, KumoCase)
        world = Elimination(case.task, case.table)
        chat = Conversation.start(system=rules_of(case))
        if setting == "single":
            told = "\n".join(f"{action}: {case.task.observations[action]}" for action in case.task.actions)
            chat = chat.user(f"All actions have been carried out. What was observed:\n{told}\n\nNow name the truth.")
            return (await play_world(chat, reminded(cast.assistant, EACH_ROUND), world, cast, cap=1)).chat
        chat = chat.user(world.observe())
        return (await play_world(chat, reminded(cast.assistant, EACH_ROUND), world, cast)).chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, KumoCase)
        if cast.stopped:
            for measure in self.scales:
                yield Verdict(measure, None, cause=cast.stopped)
            return
        stop, predicted, actions = (cast.facts.get(k) for k in ("stop", "predicted", "actions"))
        right = bool(predicted) and predicted in survivors(case.task, case.table, case.task.actions)
        why = f"{stop}: predicted {predicted or 'nothing'}, it is {case.task.valid_truth}"
        yield Verdict("success", float(right), reason=why)
        yield Verdict("parse_error", float(stop in ("format error", "invalid action")), reason=str(stop))
        if right and cast.setting == "multi":
            steps = len(actions or ()) + 1
            yield Verdict("steps", float(steps))
            yield _relative(case, steps)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """What the oracle does next; on tasks too large for it, an eliminator that takes the actions in their order."""
        assert isinstance(case, KumoCase)
        task = case.task
        done = [m.text.split("<ANSWER>")[-1].split("</ANSWER>")[0].strip() for m in chat.messages if m.role == "assistant"]
        if "All actions have been carried out" in (chat.turns[0].user.text if chat.turns and chat.turns[0].user else ""):
            return f"<ANSWER> {task.valid_truth} </ANSWER>"
        left = survivors(task, case.table, [a for a in done if a in task.actions])
        try:
            said = Oracle(task.truths, task.actions, case.table).next(left, done)
        except OverflowError:
            rest = [a for a in task.actions if a not in done]
            said = left[0] if len(left) == 1 or not rest else rest[0]
        return f"<ANSWER> {said} </ANSWER>"


def _relative(case: KumoCase, steps: int) -> Verdict:
    try:
        best = case.oracle or oracle_steps(case.task, case.table)
    except OverflowError as error:
        return Verdict("relative", None, cause="oracle too large to search", reason=str(error))
    return Verdict("relative", (steps - best) / best, reason=f"{steps} steps, the oracle {best}")

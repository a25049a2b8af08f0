"""KUMO: find the hidden truth with as few tests as possible."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, InputError
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark
from ...protocols.gameloop import play_world, reminded
from ...worlds.kumo import Elimination, Oracle, Outcomes, Task, oracle_steps, reduced, survivors
from .kumo_data import CORE, PUBLISHED, SIZES, Files
from .kumo_sample import DOMAIN
from .kumo_sample import tasks as sample

STEPS = Scale(1, 50, "steps", passing=0)
RATIO = Scale(-1, 49, "", passing=0)
EACH_ROUND = (
    "Choose one action to carry out, or name the truth if you know it. Think first if you like. Then end with the name, exactly "
    "as it is written in the lists, in this form: <ANSWER> name </ANSWER>"
)


class KumoCase(Case, frozen=True, kw_only=True):
    """One task with its part of the domain's table, its knowledge book, and the oracle's steps where they are released."""

    task: Task
    table: dict[str, Outcomes]
    book: str
    oracle: int | None = None


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
        for name in named or [name for name in CORE if self._present(name)] or ["sample"]:
            for each in SIZES if size == "all" else (size,):
                yield from self._bundled(each) if name == "sample" else self._released(name, each)

    def _present(self, name: str) -> bool:
        """Whether this domain is here without asking for it elsewhere."""
        try:
            return self._data is not None and self._data.path(self.slug, f"{name}Env.mapping.json").is_file()
        except DataError:
            return False

    def _released(self, name: str, size: str) -> list[KumoCase]:
        files = Files(self.data, name)
        domain = files.domain()
        books = files.books(size) if self.options["book"] == "released" else {}
        steps = files.oracle(size)
        return [
            _case(f"{name}-{size}-{task.seed}", size, task, domain.outcomes, books.get(task.seed, ""), steps.get(task.seed))
            for task in files.tasks(size, domain)
        ]

    def _bundled(self, size: str) -> list[KumoCase]:
        if size == "hard":
            raise InputError("kumo?size=hard needs the released files; the bundled sample is easy")
        return [_case(f"sample-{size}-{task.seed}", size, task, DOMAIN.outcomes, "", None) for task in sample()]

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


def _case(name: str, group: str, task: Task, table: Any, book: str, oracle: int | None) -> KumoCase:
    part = reduced(task, table)
    return KumoCase(id=name, group=group, task=task, table=part, book=book or table_book(part), oracle=oracle)


def rules_of(case: KumoCase) -> str:
    """The system message: goal, rules, lists, knowledge book. Our wording."""
    truths, actions = ("\n".join(f"- {name}" for name in names) for names in (case.task.truths, case.task.actions))
    return (
        "Find out which one of several candidates is the true one. In each round you carry out one action, and are told what "
        "was observed; the guidebook says which candidates each observation rules out. An observation never proves a candidate. "
        "When only one candidate is left, name it: this ends the game, and only one try is given. Use as few actions as you "
        f"can.\n\nCandidates:\n{truths}\n\nActions:\n{actions}\n\nGuidebook:\n\n{case.book.strip()}"
    )


def table_book(table: dict[str, Outcomes]) -> str:
    """A knowledge book made from the table: every outcome, and whom it rules out."""
    lines = []
    for action, outcomes in table.items():
        lines.append(f"{action}:")
        for outcome in outcomes.states:
            state = outcome.state if isinstance(outcome.state, str) else f"from {outcome.state[0]:g} to {outcome.state[1]:g}"
            lines.append(f"- if it is {state}: rules out {', '.join(outcome.rules_out) or 'nobody'}")
    return "\n".join(lines)

"""What ``multiturn show --run`` prints: conversations turn by turn, with their verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..api import views_of
from ..conversation import InputError, Message, Odds, Thought, ToolCall, ToolResult, UnknownName
from ..engine.runs import RunRow, find_run
from ..engine.store import Store
from ..judges.odds import likeliest
from ..measures.figure import Scale
from ..measures.verdict import Verdict
from ..report.pick import by_turn, passes, rank_of
from ..report.result import ConversationView, RunInfo, RunResult
from ..report.safe import one_line, visible
from ..report.terminal import in_plain_text
from ..report.words import count
from ..systems.catalogue import make_system

CUT = 4000
"""Characters shown of one message."""

_MARK = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
_STYLE = {"system": "magenta", "user": "cyan", "assistant": "bold", "tool": "blue"}


def show_run(path: str, name: str, data: str | None, *, case: str | None, setting: str | None, failed: bool, limit: int) -> None:
    """Print conversations of a run. Raises `InputError` when none fits."""
    with Store(path) as store:
        run = find_run(store, name)
        result = _scales(run)
        found = _chosen(store, run, result, case, setting, failed)
        shown: list[ConversationView] = []
        left = 0
        for view in found:
            if len(shown) < limit:
                shown.append(view)
            else:
                left += 1
        if not shown:
            _nothing(store, run, case, setting, failed)
    console = Console()

    def show() -> None:
        for view in shown:
            _conversation(console, result, view)
        if left:
            console.print(Text(f"{left:,} more; --limit {len(shown) + left} shows all", style="dim"))

    in_plain_text(console, show)


def _scales(run: RunRow) -> RunResult:
    """What `passes` needs to know of a run. A benchmark whose file is gone keeps its conversations, without marks."""
    scales: dict[str, dict[str, Scale]] = {}
    for text in run.spec.systems:
        try:
            benchmark = make_system(text)
        except InputError:
            continue
        scales[benchmark.label] = dict(benchmark.scales)
    return RunResult(run=RunInfo(id=run.id), scales=scales)


def _chosen(
    store: Store, run: RunRow, result: RunResult, case: str | None, setting: str | None, failed: bool
) -> Iterator[ConversationView]:
    for view in views_of(store, run):
        fits = case in (None, view.case, view.cluster) and setting in (None, view.setting)
        if fits and not (failed and rank_of(result, view) != 0):
            yield view


def _nothing(store: Store, run: RunRow, case: str | None, setting: str | None, failed: bool) -> None:
    sql = 'SELECT DISTINCT e."{}" FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run=?'
    for kind, wanted in (("case", case), ("setting", setting)):
        known = {name for (name,) in store.rows(sql.format(kind), run.id)}
        if wanted is not None and known and wanted not in known:
            raise UnknownName(f"{kind} of run {run.id}", wanted, known)
    raise InputError(f"run {run.id} has no {'failed ' if failed else ''}conversation to show here")


def _conversation(console: Console, result: RunResult, view: ConversationView) -> None:
    repeat = f" repeat {view.repeat + 1}" if view.repeat else ""
    head = f"{one_line(view.system)} · {one_line(view.model)} · {one_line(view.case)} [{one_line(view.setting)}]{repeat}"
    console.rule(Text(head), align="left")
    verdicts = by_turn(view)
    for message in view.chat.messages:
        if message.role != "system":
            break
        _message(console, message)
    turns = view.chat.turns
    for turn in turns:
        console.print(Text(f"turn {turn.number}", style="dim"))
        for said in ([turn.user] if turn.user else []) + list(turn.answers):
            _message(console, said)
        _verdicts(console, result, view, verdicts.get(turn.number, []))
    late = [v for number in sorted(verdicts) if number > len(turns) for v in verdicts[number]]
    if late:
        console.print(Text("not reached", style="dim"))
        _verdicts(console, result, view, late)
    if verdicts.get(0):
        console.print(Text("whole conversation", style="dim"))
        _verdicts(console, result, view, verdicts[0])
    if view.stopped:
        console.print(Text(f"ended early: {one_line(view.stopped, 200)}", style="yellow"))
    console.print()


def _message(console: Console, message: Message) -> None:
    author = f" ({one_line(message.author, 20)})" if message.author else ""
    text = visible(_words(message)[: CUT + 1])
    if len(text) > CUT:
        text = text[:CUT] + f"… ({count(len(_words(message)) - CUT, 'character')} more; `multiturn export` writes all)"
    console.print(Padding(Text(f"{message.role}{author}:", style=_STYLE[message.role]), (0, 0, 0, 2), expand=False))
    console.print(Padding(Text(text or "(empty)", style="" if text else "dim"), (0, 0, 0, 4), expand=False))


def _words(message: Message) -> str:
    pieces = []
    for part in message.parts:
        if isinstance(part, Thought):
            pieces.append(f"[thought] {part.text}\n")
        elif isinstance(part, Odds):
            pieces.append(f"\n[{likeliest(part)}]")
        elif isinstance(part, ToolCall):
            pieces.append(f"[calls {part.name}] {part.arguments}\n")
        elif isinstance(part, ToolResult):
            pieces.append(f"[{'error' if part.error else 'result'}] {part.text}\n")
        else:
            pieces.append(getattr(part, "text", None) or f"[{type(part).__name__.lower()}: {getattr(part, 'mime', '')}]")
    return "".join(pieces).rstrip("\n")


def _verdicts(console: Console, result: RunResult, view: ConversationView, verdicts: list[Verdict]) -> None:
    known = view.system in result.scales
    for v in verdicts:
        mark, style = _MARK[passes(result, view.system, v)] if known or v.value is None else ("·", "")
        value = "not measured" if v.value is None else f"{v.value:g}"
        why = v.cause if v.value is None else v.reason
        item = f" {one_line(v.item, 40)}" if v.item and v.item != str(v.turn or "") else ""
        line = f"{mark} {one_line(v.measure)}{item} {value}" + (f": {one_line(why, 400)}" if why else "")
        console.print(Padding(Text(line, style=style), (0, 0, 0, 2), expand=False))

"""The conversation browser of the page: each conversation with its turns, verdicts and stand-alone counterparts."""

from __future__ import annotations

from collections.abc import Sequence

from ..conversation import Message, Odds, Text, Thought, ToolCall, ToolResult
from ..conversation.tree import Turn
from ..judges.odds import likeliest
from ..measures.verdict import Verdict
from .pick import Key, Picks, by_turn, passes, question, rank_of
from .result import ConversationView, RunResult
from .safe import attribute, markup, one_line

MESSAGE_LIMIT = 4000
REASON_LIMIT = 600
TOTAL_LIMIT = 2_500_000
"""Characters: of one message, of one reason, of all conversations together."""

_GLYPH = {True: ("pass", "✓", "passed"), False: ("fail", "✗", "failed"), None: ("none", "?", "not measured")}


def browser(result: RunResult, picks: Picks) -> str:
    """The section of conversations, or a line that there are none."""
    if not picks.total:
        return '<p class="muted">No conversations were handed to this report.</p>'
    items: list[str] = []
    size = 0
    for number, view in enumerate(picks.shown, 1):
        item = _conversation(result, picks.alone, view, number)
        if items and size + len(item) > TOTAL_LIMIT:
            break
        items.append(item)
        size += len(item)
    left = picks.total - len(items)
    note = f"{picks.failed:,} of {picks.total:,} conversations failed somewhere. "
    note += f"Shown here: {len(items):,}, failed ones first, spread over the groups"
    note += f"; {left:,} left out (<code>multiturn export</code> writes all)." if left else "."
    groups = sorted({view.group for view in picks.shown if view.group})
    options = "".join(f'<option value="{attribute(one_line(g))}">{attribute(one_line(g))}</option>' for g in groups)
    tools = (
        '<div class="tools" id="filters" hidden><label>Group <select id="by-group"><option value="">all</option>'
        f"{options}</select></label>"
        '<label><input type="checkbox" id="by-failed"> failed only</label><span id="shown" role="status"></span></div>'
    )
    return f'<p class="muted">{note}</p>{tools}<div id="chats">{"".join(items)}</div>'


def _outcome(result: RunResult, system: str, verdicts: Sequence[Verdict]) -> bool | None:
    """A turn fails when any verdict does, and passes when all that have a value do."""
    found = [passes(result, system, v) for v in verdicts]
    return False if False in found else True if True in found else None


def _conversation(result: RunResult, alone: dict[Key, ConversationView], view: ConversationView, number: int) -> str:
    verdicts = by_turn(view)
    judged = sorted(t for t in verdicts if t)
    outcomes = {t: _outcome(result, view.system, verdicts[t]) for t in judged}
    first = next((t for t in judged if outcomes[t] is False), None)
    turns = view.chat.turns
    chips = "".join(_chip(outcomes[t], str(t), f"turn {t}") for t in judged)
    whole = _outcome(result, view.system, verdicts.get(0, []))
    if whole is not None:
        chips += _chip(whole, "all", "whole conversation")
    head = f'<span class="case">{attribute(one_line(view.case))}</span>'
    head += "".join(f'<span class="tag">{attribute(one_line(t))}</span>' for t in _tags(result, view) if t)
    jump = f'<a class="jump" href="#c{number}t{first}">first failure: turn {first}</a>' if first and first <= len(turns) else ""
    body = [_system(view), *(_turn(result, alone, view, number, t, verdicts.get(t.number, [])) for t in turns)]
    late = [v for t in judged if t > len(turns) for v in verdicts[t]]
    if late:
        body.append(f'<div class="turn"><h4>Not reached</h4>{_badges(result, view.system, late, turns=True)}</div>')
    if 0 in verdicts:
        body.append(f'<div class="turn"><h4>Whole conversation</h4>{_badges(result, view.system, verdicts[0])}</div>')
    if view.stopped:
        body.append(f'<p class="stop">Ended early: {attribute(one_line(view.stopped, 200))}</p>')
    failed = int(rank_of(result, view) == 0)
    return (
        f'<details class="chat" id="c{number}" data-failed="{failed}" data-group="{attribute(one_line(view.group or ""))}">'
        f'<summary>{head}<span class="chips">{chips}</span></summary><div class="body">{jump}{"".join(body)}</div></details>'
    )


def _tags(result: RunResult, view: ConversationView) -> list[str]:
    """What tells this conversation from others, leaving out what is the same for all."""
    run = result.run
    return [
        view.group or "",
        view.setting,
        view.system if len(run.systems) > 1 else "",
        view.model if len(run.models) > 1 else "",
        f"repeat {view.repeat + 1}" if view.repeat else "",
    ]


def _chip(outcome: bool | None, text: str, where: str) -> str:
    klass, glyph, word = _GLYPH[outcome]
    inner = f'<i aria-hidden="true">{glyph}</i>{text}<span class="sr"> {word}</span>'
    return f'<span class="chip {klass}" title="{where}: {word}">{inner}</span>'


def _value(verdict: Verdict) -> str:
    if verdict.value is None:
        return one_line(verdict.cause or "no cause given", 120)
    if verdict.failed:
        return "no reply"
    return "" if verdict.value in (0.0, 1.0) else f"{verdict.value:.4g}"


def _badges(result: RunResult, system: str, verdicts: Sequence[Verdict], turns: bool = False) -> str:
    out = []
    for v in verdicts:
        klass, glyph, word = _GLYPH[passes(result, system, v)]
        name = one_line(v.measure) + (f", turn {v.turn}" if turns and v.turn else "")
        value = _value(v)
        text = f"{attribute(name)} {attribute(value)}".rstrip()
        badge = f'<span class="badge {klass}"><i aria-hidden="true">{glyph}</i>{text}<span class="sr"> {word}</span></span>'
        reason = ""
        if v.reason:
            shown, cut = markup(v.reason, REASON_LIMIT)
            reason = f'<span class="why" dir="auto">{shown}{" …" if cut else ""}</span>'
        out.append(f"<li>{badge}{reason}</li>")
    return f'<ul class="verdicts">{"".join(out)}</ul>' if out else ""


def _system(view: ConversationView) -> str:
    """What stands before the first user message."""
    before = []
    for message in view.chat.messages:
        if message.role == "user":
            break
        before.append(_said(message, "System" if message.role == "system" else message.role))
    return "".join(before)


def _turn(result: RunResult, alone: dict[Key, ConversationView], view: ConversationView, number: int, turn: Turn,
          verdicts: list[Verdict]) -> str:  # fmt: skip
    klass = _GLYPH[_outcome(result, view.system, verdicts)][0] if verdicts else "unjudged"
    asked = _said(turn.user, turn.user.author or "User") if turn.user else ""
    answers = "".join(_said(m, _speaker(m)) for m in turn.answers) or '<p class="muted">No reply.</p>'
    answers += _badges(result, view.system, verdicts)
    other = next((a for v in verdicts if (a := alone.get(question(view, v))) is not None), None)
    pair = f'<div class="side">{answers}</div>'
    if other is not None:
        theirs = "".join(_said(m, "Asked alone") for t in other.chat.turns[-1:] for m in t.answers)
        theirs = theirs or '<p class="muted">Asked alone: no reply.</p>'
        items = {question(view, v) for v in verdicts}
        same = [v for v in other.verdicts if question(other, v) in items]
        pair = f'<div class="pair">{pair}<div class="side alone">{theirs}{_badges(result, view.system, same)}</div></div>'
    return f'<div class="turn {klass}" id="c{number}t{turn.number}"><h4>Turn {turn.number}</h4>{asked}{pair}</div>'


def _speaker(message: Message) -> str:
    if message.role == "assistant":
        return "Given answer (gold)" if message.author == "gold" else message.author or "Model"
    return message.author or message.role.capitalize()


def _said(message: Message, who: str) -> str:
    text = "".join(_part(part) for part in message.parts)
    klass = "gold" if message.author == "gold" else message.role
    return f'<div class="said {klass}"><h5>{attribute(one_line(who, 60))}</h5>{text}</div>'


def _block(text: str, klass: str = "text") -> str:
    shown, cut = markup(text, MESSAGE_LIMIT)
    note = f'<p class="cut">{cut:,} more characters not shown</p>' if cut else ""
    return f'<div class="{klass}" dir="auto">{shown or "<em>(empty)</em>"}</div>{note}'


def _part(part: object) -> str:
    if isinstance(part, Text):
        return _block(part.text)
    if isinstance(part, Thought):
        return f'<details class="thought"><summary>Reasoning</summary>{_block(part.text)}</details>'
    if isinstance(part, Odds):
        return f'<p class="media">[{attribute(one_line(likeliest(part), 120))}]</p>'
    if isinstance(part, ToolCall):
        return _block(f"{part.name}({part.arguments})", "text code")
    if isinstance(part, ToolResult):
        return _block(part.text, "text code")
    kind = type(part).__name__.lower()
    data, mime = getattr(part, "data", None), str(getattr(part, "mime", ""))
    size = f", {len(data):,} bytes" if data else ""
    return f'<p class="media">[{attribute(kind)}: {attribute(one_line(mime))}{size}]</p>'

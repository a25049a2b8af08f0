"""The report as one HTML file that needs nothing else: no outside scripts, fonts, images or network.

A strict content security policy names the page's own style and script by their hashes and forbids everything else;
all text from models, files and people is escaped, and invisible characters are shown (see `safe`).
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from ..conversation.files import write_bytes
from . import blocks, tables
from .browse import browser
from .judges import beside
from .pick import pick, views_of
from .result import Conversations, RunResult
from .safe import attribute, one_line, visible
from .shape import Section, sections
from .words import cautions, count, duration, findings, headline, money

MAX_CONVERSATIONS = 60
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 3h14M1 8h10M1 13h5' stroke='%230b5fa5' stroke-width='2.5' stroke-linecap='round'/%3E%3C/svg%3E"
)


def write_html(path: str | os.PathLike[str], result: RunResult, conversations: Conversations = (),
               limit: int = MAX_CONVERSATIONS) -> None:  # fmt: skip
    """Write the page. ``conversations``: what the browser chooses from; ``limit``: how many it shows at most.

    The file is replaced only when it is complete.
    """
    write_bytes(path, to_html(result, conversations, limit).encode("utf-8", "replace"))


def to_html(result: RunResult, conversations: Conversations = (), limit: int = MAX_CONVERSATIONS) -> str:
    """The page as text."""
    found = sections(result)
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = attribute(f"{', '.join(one_line(s) for s in result.run.systems) or 'run'} – multiturn report")
    body = [_top(result, found), "<main id=main>"]
    for name in dict.fromkeys(s.system for s in found):
        mine = [s for s in found if s.system == name]
        if len(mine) > 1:
            note = f"Mean {attribute(one_line(mine[0].primary))} with its 95% interval."
            body.append(_part(f"All models on {attribute(one_line(name))}", note, blocks.overview(mine)))
    for i, section in enumerate(found):
        body.append(_empty(section, i, conversations) if section.empty else _section(section, i, alone=len(found) == 1))
    body += [
        _block("The judge", "judge", _paragraphs(beside(result) if len(found) > 1 else [], "lead")),
        _block("Not measured", "missing", tables.missing(result, found)),
        _published(found),
        _block("All figures", "figures", _folded(tables.all_figures(result), len(result.figures))),
        _block("Conversations", "conversations", browser(result, pick(result, conversations, limit))),
        _block("How this was made", "run", _run_card(result)),
        "</main>",
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f'<meta name="color-scheme" content="light dark"><link rel="icon" href="{_ICON}">'
        f"<title>{title}</title><style>{style}</style></head>\n<body>{''.join(body)}"
        f"<footer>Made by multiturn {attribute(result.run.versions.get('multiturn', ''))}. Intervals are 95%, "
        f"with cases as the sampling unit. This page loads nothing from anywhere.</footer>"
        f"<script>{script}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _paragraphs(lines: list[str], klass: str) -> str:
    return f'<div class="{klass}">{"".join(f"<p>{attribute(line)}</p>" for line in lines)}</div>' if lines else ""


def _top(result: RunResult, found: list[Section]) -> str:
    run = result.run
    when = one_line(run.created[:10])
    parts = [", ".join(one_line(s) for s in run.systems), when, count(result.episodes, "conversation"), f"run {one_line(run.id)}"]
    if run.status != "done":
        parts.append("stopped early" if run.status == "stopped" else "parts missing")
    eyebrow = " · ".join(p for p in parts if p)
    if len(found) == 1:
        text = f"<h1>{attribute(headline(found[0]))}</h1>{_paragraphs(findings(found[0]), 'lead')}"
        text += _paragraphs(cautions(found[0]) + beside(result), "caution")
    elif found:
        lines = [f"{one_line(s.system)}: {headline(s)}" if len(run.systems) > 1 else headline(s) for s in found]
        models, systems = len({s.model for s in found}), len({s.system for s in found})
        text = f"<h1>{count(models, 'model')} on {count(systems, 'benchmark')}</h1>{_paragraphs(lines, 'lead')}"
    else:
        text = "<h1>Nothing could be measured.</h1>"
    links = [(f"#s{i}", f"{one_line(s.system)} · {one_line(s.model, 40)}") for i, s in enumerate(found)]
    links = links if len(found) > 1 else [("#s0", "Results")] if found else []
    links += [("#missing", "Not measured"), ("#figures", "All figures"), ("#conversations", "Conversations")]
    links += [("#run", "How this was made")]
    nav = "".join(f'<a href="{where}">{attribute(name)}</a>' for where, name in links)
    return (
        f'<a class="skip" href="#main">Skip to the results</a><header class="top"><p class="eyebrow">{attribute(eyebrow)}</p>'
        f'{text}<nav aria-label="Contents">{nav}</nav></header>'
    )


def _block(title: str, name: str, content: str) -> str:
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{content}</section>' if content else ""


def _part(title: str, note: str, content: str) -> str:
    return f'<h3>{title}</h3><p class="note">{note}</p>{content}' if content else ""


def _section(section: Section, index: int, alone: bool) -> str:
    """The results of one system and model."""
    measure = attribute(one_line(section.primary))
    title = "Results" if alone else _title(section)
    parts = ["" if alone else _paragraphs(findings(section), "lead") + _paragraphs(cautions(section), "caution")]
    parts += [
        blocks.tiles(section),
        _part("How well, group by group", f"Mean {measure} with its 95% interval.", blocks.by_group(section)),
        _part("What the setting costs", "The same questions compared in pairs. Left of zero: worse in the first-named setting.",
              blocks.differences(section)),
        _part("Turn by turn", f"Mean {measure} at each turn; bands are 95% intervals. Later turns rest on fewer cases.",
              blocks.curves(section, "turn")),
        _part("When conversations first fail", "Share of conversations that have passed every turn so far (Kaplan–Meier).",
              blocks.curves(section, "survival")),
        _part("Other measures", attribute("; ".join(["Over all groups", *section.trials()])) + ".", tables.others(section)),
    ]  # fmt: skip
    name = f"s{index}"
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{"".join(parts)}</section>'


def _title(section: Section) -> str:
    return f"{attribute(one_line(section.system))} · {attribute(one_line(section.model, 80))}"


def _empty(section: Section, index: int, conversations: Conversations) -> str:
    """A system and model of which nothing was measured: why, in place of empty charts."""
    mine = (v for v in views_of(conversations) if (v.system, v.model) == (section.system, section.model))
    causes = Counter(verdict.cause for view in mine for verdict in view.verdicts if verdict.value is None)
    lost = tables.causes_of(causes or section.result.unmeasured, section.result.examples)
    return _block(_title(section), f"s{index}", f"<p>Nothing could be measured.</p>{lost}")


def _published(found: list[Section]) -> str:
    shown = [tables.published(s) for s in found]
    if not any(shown):
        return ""
    note = '<p class="note">Numbers printed elsewhere, under their own conditions: read the source before comparing.</p>'
    return _block("Published figures", "published", note + "".join(shown))


def _folded(content: str, rows: int) -> str:
    if rows <= 30 or not content:
        return content
    return f'<details class="more"><summary>Show all {rows:,} figures</summary>{content}</details>'


def _values(values: Mapping[str, Any], show: Callable[[Any], str] = str) -> str:
    return "<br>".join(f"{attribute(one_line(str(k)))}: {attribute(one_line(show(v), 200))}" for k, v in values.items())


def _json(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def _run_card(result: RunResult) -> str:
    run, calls, tokens = result.run, result.calls, result.tokens
    entries = {
        "Run": f"{attribute(run.id)} ({attribute(run.status)})",
        "Started, finished": attribute(f"{run.created} – {run.finished}" if run.created or run.finished else ""),
        "Systems": attribute(", ".join(run.systems)),
        "Models": attribute(", ".join(run.models)),
        "Other roles": _values(run.roles),
        "Settings": attribute(", ".join(run.settings)),
        "Options": _values(run.options, _json),
        "Seeds": _values(run.seeds, _json),
        "Versions": _values(run.versions),
        "Data fingerprints": _values(run.data),
        "Calls": f"{calls.made:,} made, {calls.recorded:,} from the record, {calls.retried:,} retried, {calls.failed:,} failed",
        "Tokens": f"{tokens.input:,} in ({tokens.cached:,} cached), {tokens.output:,} out",
        "Cost, time": attribute(f"{money(result)}, {duration(result.seconds)}"),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in entries.items() if text)
    again = f"<p>To repeat it:</p><pre><code>{attribute(visible(run.command))}</code></pre>" if run.command else ""
    return f'<dl class="run">{rows}</dl>{again}'

"""Numbers and findings in plain words, the same in the terminal and on the page. All text is plain, not markup."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..judges.card_words import sentences
from ..measures.figure import Figure
from .result import RunResult
from .safe import one_line
from .shape import LARGE, SMALL, Contrast, Section


def _digits(unit: str) -> int:
    return 2 if unit in ("points", "") else 1


def scaled(value: float, unit: str) -> float:
    """The value as it is shown: fractions in percent."""
    return 100 * value if unit == "fraction" else value


def _fixed(value: float, digits: int, signed: bool = False) -> str:
    text = f"{abs(value):.{digits}f}"
    zero = not any(c in "123456789" for c in text)
    sign = "" if zero else "−" if value < 0 else "+" if signed else ""
    return sign + text


def number(value: float | None, unit: str, *, signed: bool = False, suffix: bool = True) -> str:
    """A value in its unit: ``43.1%``, ``7.72``, ``3.2``; ``–`` when there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    text = _fixed(scaled(value, unit), _digits(unit), signed)
    return f"{text}%" if unit == "fraction" and suffix and not signed else text


def interval(figure: Figure) -> str:
    """The 95% interval in the shown unit, as precise as it is wide: ``[37, 49]``; "" when there is none."""
    if figure.low is None or figure.high is None or not (math.isfinite(figure.low) and math.isfinite(figure.high)):
        return ""
    low, high = scaled(figure.low, figure.unit), scaled(figure.high, figure.unit)
    width = high - low
    digits = min(_digits(figure.unit), 0 if width >= 4 else 1 if width >= 0.4 else 2)
    return f"[{_fixed(low, digits)}, {_fixed(high, digits)}]"


def estimate(figure: Figure | None, *, signed: bool = False) -> str:
    """Value and interval."""
    if figure is None:
        return "–"
    return f"{number(figure.value, figure.unit, signed=signed)} {interval(figure)}".rstrip()


def points(value: float, unit: str) -> str:
    """The size of a difference: ``12.3 points`` (of a hundred, for fractions)."""
    text = number(abs(value), unit, suffix=False)
    return text if unit in ("", "turns") else f"{text} points"


def count(n: int, noun: str, plural: str = "") -> str:
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def certain(figure: Figure) -> bool:
    """Whether the interval of a difference leaves out zero."""
    return figure.low is not None and figure.high is not None and (figure.low > 0 or figure.high < 0)


def measured(figure: Figure) -> str:
    """What the value rests on, where something is left out: ``20 of 42 measured``; "" when nothing is."""
    rests = figure.n_scored + figure.n_failed
    return f"{rests:,} of {rests + figure.n_unmeasured:,} measured" if figure.n_unmeasured else ""


def gappy(figure: Figure) -> bool:
    """Whether so much is left out that the value must not be read without it."""
    return figure.n_unmeasured > LARGE * (figure.n_scored + figure.n_failed + figure.n_unmeasured)


def _pairs(figure: Figure) -> str:
    text = count(figure.n_cases, "case")
    return f"{text}, {count(figure.n_scored + figure.n_failed, 'paired question')}" if figure.n_scored else text


def cost_sentence(section: Section, contrast: Contrast) -> str:
    """What the conversation costs: the paired difference, what it rests on, and what could have been seen."""
    figure = contrast.figure
    name, base = one_line(contrast.setting), one_line(contrast.baseline)
    if figure.value is None:
        return f"{name} and {base} could not be compared: {one_line(figure.note) or 'no question was measured in both'}."
    size, span = points(figure.value, figure.unit), interval(figure)
    open_ended = figure.low != figure.high and not certain(figure) and bool(span)
    if figure.value == 0:
        text = f"{name} and {base} have the same mean ({_pairs(figure)})"
        text += f"; the true difference may lie anywhere in {span}" if open_ended else ""
    else:
        text = f"{name} is {size} {'below' if figure.value < 0 else 'above'} {base} {span}".rstrip() + f" ({_pairs(figure)})"
        text += "; the interval contains 0, so this could be chance" if open_ended else ""
    return f"{text}{_seen(section, contrast)}."


def _seen(section: Section, contrast: Contrast) -> str:
    """How large a difference had to be to be found, unless no difference on the scale is that large."""
    seen = section.detectable(contrast)
    if seen is None or seen.value is None:
        return ""
    scale = section.result.scale(section.system, contrast.measure)
    if scale.unit != seen.unit or seen.value <= scale.high - scale.low:  # another unit: the measure's range is not known
        return f"; a difference of {points(seen.value, seen.unit)} could have been seen"
    return "" if certain(contrast.figure) else "; too few cases to see any difference"


def _out_of(section: Section, measure: str) -> str:
    scale = section.result.scale(section.system, measure)
    return f" of {scale.high:g}" if scale.unit == "points" and math.isfinite(scale.high) else ""


def headline(section: Section) -> str:
    """One sentence: how well, and how much worse than alone."""
    measure, model = section.primary, one_line(section.model, 60)
    main = section.mean(measure, section.main_setting)
    if main is None or main.value is None:
        return f"{model}: nothing could be measured."
    text = f"{model} scores {number(main.value, main.unit)}{_out_of(section, measure)}"
    left = _left_out(section, main)
    if section.main_setting == "single":
        return f"{text} on questions asked alone{left}."
    if _judges(section):
        return f"{model} as a judge: {number(main.value, main.unit)} {one_line(measure)}{left}."
    text += f" over a whole conversation{left}"
    contrast = section.contrast(measure)
    alone = section.mean(measure, contrast.baseline) if contrast else section.mean(measure, "single")
    if alone is None or alone.value is None:
        return text + "."
    how = "on the same questions asked alone" if not contrast or contrast.baseline == "single" else f"in {contrast.baseline}"
    return f"{text}, {number(alone.value, alone.unit)} {how}{_left_out(section, alone)}."


def _left_out(section: Section, figure: Figure) -> str:
    """Behind a value of the headline: how much of it is not measured, and the groups of which nothing is."""
    if not figure.n_unmeasured:
        return ""
    found = [section.mean(figure.measure, figure.setting or "", group) for group in section.groups(figure.measure)]
    empty = [one_line(f.group or "", 40) for f in found if f is not None and f.value is None and not f.n_scored + f.n_failed]
    names = ", ".join(empty if len(empty) < 5 else [*empty[:3], f"{len(empty) - 3} more groups"])
    return f" ({measured(figure)}{f', nothing of {names}' if names else ''})"


def gaps(section: Section) -> str:
    """What the row of all groups rests on, where a large part is missing."""
    if section.empty:
        return "Nothing could be measured."
    found = [section.mean(section.primary, setting) for setting in section.settings]
    parts = [f"{one_line(f.setting or 'all')} {measured(f)}" for f in found if f is not None and gappy(f)]
    return f"Of all: {'; '.join(parts)}. The means are of the measured part only." if parts else ""


def weakest_sentence(section: Section) -> str:
    """Which group loses most, among those whose loss is not chance."""
    mine = [c for c in section.contrasts if c.figure.group and c.measure == section.primary and c.figure.value is not None]
    lost = [c.figure for c in mine if certain(c.figure) and (c.figure.value or 0.0) < 0]
    if len(mine) < 2 or not lost:
        return ""
    figure = min(lost, key=lambda f: f.value or 0.0)
    size = number(figure.value, figure.unit, signed=True)
    return f"It costs most in {one_line(figure.group or '')}: {size} {interval(figure)}."


def survival_sentence(section: Section) -> str:
    """When conversations fail first: the turn by which half have, and the mean number of turns before it."""
    setting = section.main_setting
    curve = section.curves("survival").get((section.primary, setting), [])
    text = ""
    if curve:
        half = next((f for f in curve if f.value is not None and f.value <= 0.5), None)
        last = curve[-1]
        if half is not None:
            text = f"Half of the conversations have failed by turn {half.turn}"
        else:
            text = f"{number(last.value, 'fraction')} of the conversations pass every scored turn up to turn {last.turn}"
    span = next((f for f in section.overall("rmst") if f.setting in (setting, None)), None)
    if span is not None and span.value is not None:
        before = f"on average {number(span.value, 'turns')} turns {interval(span)} pass before the first failure".replace(
            "  ", " "
        )
        text = f"{text}; {before}" if text else before.capitalize()
        text += f" ({one_line(span.note.removeprefix(f'{section.primary}, '))})" if span.note else ""
    return f"{text}." if text else ""


def trend_sentence(section: Section) -> str:
    """First turn against last turn of the main setting."""
    series = section.curves("turn").get((section.primary, section.main_setting), [])
    if len(series) < 2:
        return ""
    first, last = series[0], series[-1]
    return (
        f"Turn {first.turn} scores {estimate(first)}, turn {last.turn} {estimate(last)} "
        f"({count(last.n_cases, 'case')} that long)."
    )


def imported(result: RunResult) -> bool:
    """Whether these conversations come from another program: nobody was asked, and nothing was paid."""
    return bool(result.run.systems) and all(name.startswith("imported") for name in result.run.systems)


def cautions(section: Section) -> list[str]:
    """What keeps these figures from being taken at their word."""
    notes = []
    counts = [f.n_cases for f in section.means if f.n_cases]
    if counts and min(counts) < SMALL:
        low, high = min(counts), max(counts)
        span = f"{low}" if low == high else f"{low} to {high}"
        cases = "case" if high == 1 else "cases"
        notes.append(f"Small sample: intervals rest on {span} {cases}; take those on fewer than {SMALL} as rough.")
    repeats = section.result.run.options.get("repeats")
    if not imported(section.result) and (repeats == 1 or (repeats is None and not section.rest())):
        notes.append("One repeat: nothing is known of how reliably the model does this; --repeats 3 would tell.")
    if smoke := section.result.run.options.get("smoke_test"):
        notes.insert(0, f"A smoke test, no measurement: {smoke}. Name a capable model for these roles.")
    return notes


def findings(section: Section) -> list[str]:
    """The lines under the table: costs, where it fails, and when."""
    whole = [c for c in section.contrasts if c.figure.group is None and c.measure == section.primary]
    lines = [cost_sentence(section, c) for c in whole]
    lines += [weakest_sentence(section), trend_sentence(section), survival_sentence(section)]
    if _judges(section):
        lines = list(sentences(section.figures))
    return [line for line in lines if line]


def _judges(section: Section) -> bool:
    """Whether the model is a judge under test."""
    return any(f.measure == "most frequent verdict" for f in section.figures)


def bounds(figure: Figure) -> str:
    """Between what the mean lies, whatever the unmeasured part would have scored."""
    if figure.worst is None or figure.best is None:
        return ""
    signed = figure.kind == "difference"
    return f"{number(figure.worst, figure.unit, signed=signed)} to {number(figure.best, figure.unit, signed=signed)}"


def ranked(causes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Causes with counts, most frequent first."""
    return sorted(((cause, n) for cause, n in causes.items() if n), key=lambda item: (-item[1], item[0]))


def unmeasured_lines(result: RunResult) -> list[str]:
    """Each cause with its count, and what one of its failures said."""
    said = {cause: f" ({one_line(text, 200)})" for cause, text in result.examples.items()}
    return [
        f"{count(n, 'verdict')} not measured: {one_line(cause)}{said.get(cause, '')}" for cause, n in ranked(result.unmeasured)
    ]


def money(result: RunResult) -> str:
    """The price of the run: unknown is not free."""
    if result.cost is None:
        return "cost unknown" if not result.cost_known else "no cost"
    text = f"${result.cost:,.4f}" if 0 < result.cost < 1 else f"${result.cost:,.2f}"
    return text if result.cost_known else f"at least {text} (some calls have no known price)"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def usage_line(result: RunResult) -> str:
    """What the run took: calls, tokens, money, time."""
    c, t = result.calls, result.tokens
    calls = f"{count(c.made, 'call')} made, {c.recorded:,} from the record, {c.retried:,} retried, {c.failed:,} failed"
    tokens = f"{t.input:,} tokens in ({t.cached:,} cached), {t.output:,} out"
    return f"{calls} · {tokens} · {money(result)} · {duration(result.seconds)}"

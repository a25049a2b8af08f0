"""What one played conversation of USP says about the simulated user, or about the assistant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ...conversation import Cast, Conversation
from ...measures.verdict import Verdict
from .usp_data import UspCase
from .usp_judge import consistency, quality, traits
from .usp_measures import Encoder, cycle_consistency, pairwise_cosine, similarity, verified
from .usp_profile import extract

Verifier: TypeAlias = Callable[[str, str], float | bool]
"""Of two texts the probability that one author wrote both, or yes."""
_EARLIER = 8_000  # characters of the conversation that the judge of a reply is shown


def likeness(case: UspCase, cast: Cast, encoder: Encoder, style_encoder: Encoder, verifier: Verifier | None) -> list[Verdict]:
    """How far each turn is what the person wrote."""
    said, out = cast.facts.get("said", []), []
    for turn, (real, _) in enumerate(case.turns, 1):
        wrote = said[turn - 1] if turn <= len(said) else ""
        if not wrote:
            cause = cast.stopped or "empty message"
            measures = ("sem-sim", "style-sim", "ava") if verifier else ("sem-sim", "style-sim")
            out += [Verdict(measure, None, turn=turn, cause=cause) for measure in measures]
            continue
        out.append(Verdict("sem-sim", similarity([wrote], [real], encoder).value, turn=turn))
        out.append(Verdict("style-sim", similarity([wrote], [real], style_encoder).value, turn=turn))
        if verifier is not None:
            out.append(Verdict("ava", verified([wrote], [real], verifier).value, turn=turn))
    return out


async def personality(case: UspCase, cast: Cast, encoder: Encoder) -> list[Verdict]:
    """How far a talk shows the profile, and the profile the talk."""
    said, names = cast.facts.get("said", []), ("DP.P", "DP.R", "DPC")
    cause = cast.stopped or ("message too long or empty" if cast.facts.get("stop") == "format error" else "")
    if cause or not said:
        every = ("consistency", *names, "trait consistency", "sameness gap")
        return [Verdict(measure, None, cause=cause or "user said nothing") for measure in every]
    found = await extract(said, cast)
    cycle = None if found.value is None else cycle_consistency(case.profile, found.value, encoder)
    read = "" if found.value is None else found.value.text[:2_000]
    out = [Verdict("consistency", cycle, reason=read, cause=found.cause)]
    facts = await consistency(case.profile, said, cast)
    values = (None, None, None) if facts.value is None else facts.value[:3]
    note = "" if facts.value is None else facts.value.note
    out += [Verdict(name, value, reason=note, cause=facts.cause) for name, value in zip(names, values, strict=True)]
    out.append(await traits(case.profile, said, cast))
    ours, theirs = (pairwise_cosine(encoder(texts)) if texts else None for texts in (said, case.said))
    gap = None if ours is None or theirs is None else abs(ours - theirs)
    return [*out, Verdict("sameness gap", gap, cause="" if gap is not None else "fewer than two messages on one side")]


async def service(chat: Conversation, cast: Cast) -> list[Verdict]:
    """How good the assistant's replies are for this user."""
    out, before = list[Verdict](), ""
    for turn in chat.turns:
        message = turn.user.text if turn.user else ""
        if not turn.answered:
            out.append(Verdict("quality", None, turn=turn.number, cause=cast.stopped or "no reply"))
            continue
        verdict = await quality(message, turn.reply, before[-_EARLIER:], cast)
        out.append(Verdict("quality", verdict.value, turn=turn.number, reason=verdict.reason, cause=verdict.cause))
        before += f"user: {message}\n\nassistant: {turn.reply}\n\n"
    return out or [Verdict("quality", None, cause=cast.stopped or "user said nothing")]

"""Making a selection for `tinybenchmarks`: which cases to play in place of all, from the scores of earlier models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from ... import __version__
from ...conversation import InputError
from ...measures.codes import Floats, number
from ...measures.subset import FEWEST_MODELS, Subset, choose, held_out_errors, random_error
from .tiny_file import Selection
from .tiny_responses import Responses

WHY = {
    "irt": "by item response theory, D = {dimensions}, {models}",
    "scores": f"by clusters of the cases' scores over {{models}}; item response theory needs {FEWEST_MODELS}",
    "strata": f"at random within groups: {{models}} cannot tell cases apart; item response theory needs {FEWEST_MODELS}",
}


class Made(NamedTuple):
    """A selection and how good it is: mean absolute error of each estimate of the whole score, on models that it had not seen
    (empty: too few models to tell), beside that of as many cases drawn at random."""

    selection: Selection
    errors: Mapping[str, float]
    random: float | None
    notes: tuple[str, ...]


def select(found: Responses, count: int, seed: int = 0) -> Made:
    """Choose ``count`` cases. Raises `InputError` when there are not that many."""
    if not 1 <= count <= len(found.items):
        raise InputError(
            f"--select {count}: choose from 1 to {len(found.items):,} cases, which is how many these models were scored on"
        )
    subset = choose(found.scores, found.weights, found.groups, count, seed=seed)
    errors = held_out_errors(found.scores, found.groups, subset, families=families(found.models), seed=seed)
    mean = {name: float(np.nanmean(np.abs(values))) for name, values in errors.items()}
    random = random_error(found.scores, found.weights, count, seed=seed) if mean else None
    return Made(_selection(found, subset, errors, seed), mean, random, found.notes)


def families(models: Sequence[str]) -> list[str]:
    """The model behind each label: one with several options, or with several players around it, is one family."""
    return [label.partition(" + ")[0].partition("?")[0] for label in models]


def _selection(found: Responses, subset: Subset, errors: Mapping[str, Floats], seed: int) -> Selection:
    anchors = [int(i) for i in subset.anchors.position]
    played = [found.items[i] for i in anchors]
    items = subset.items
    return Selection(
        of=found.of, label=found.label, setting=found.setting, measure=found.measure, method=subset.method, items=found.items,
        weights=found.weights.tolist(), anchors=anchors, anchor_weights=subset.anchors.weight.tolist(), variance=subset.v,
        views={name: found.views[name] for name in played if name in found.views},
        dimensions=items.dimensions if items else None, cut=subset.cut, validation_error=subset.b, mix=subset.mix,
        a=items.a.tolist() if items else None, b=items.b.tolist() if items else None,
        errors={name: [number(v) for v in values] for name, values in errors.items()}, cases=found.cases,
        families=families(found.models) if errors else [],
        made_from={**found.made_from, "models": found.models, "seed": seed, "multiturn": __version__},
    )  # fmt: skip


def summary(made: Made, out: str) -> list[str]:
    """What to tell of a selection, in plain sentences."""
    s = made.selection
    n = len(s.made_from["models"])
    why = WHY[s.method].format(dimensions=s.dimensions, models=f"{n:,} model{'s' if n > 1 else ''}")
    what = f" of `{s.label}` ({s.setting}, {s.measure})" if s.label else ""
    lines = [f"{len(s.anchors):,} of {len(s.items):,} cases{what} chosen {why}.", *made.notes]
    if made.errors and made.random is not None:
        each = ", ".join(f"{name if s.method == 'irt' else 'anchors'} {error:.3f}" for name, error in made.errors.items())
        lines.append(
            f"Mean absolute error of the whole score (0 to 1) on left-out models: {each}; random cases {made.random:.3f}."
        )
        best = "gp-IRT" if "gp-IRT" in made.errors else "IRT"
        if made.errors[best] >= made.random:
            lines.append("That is no better than cases drawn at random: take more cases, or scores of more models.")
        half = s.half_width(best)
        name = best if s.method == "irt" else "the anchors"
        lines.append(
            f"95 % of left-out models lie within {half:.3f} of {name}."
            if half is not None
            else f"{len(set(s.families))} different models are too few for an interval (19): the estimate will stand without one."
        )
    else:
        lines.append("Too few models to say how good the estimate is; it will stand without an interval.")
    of, file = (quote(text, safe="/?=:.,@+ ") for text in (s.of or "NAME", out))
    lines.append(f"Play them: multiturn run 'tinybenchmarks?of={of}&select={file}' --model MODEL")
    return lines

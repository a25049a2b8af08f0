"""Conversations from elsewhere, as `multiturn import` put them into a store: what reports need to know of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..conversation import Case, InputError
from ..engine.imports.names import SLUG, label_of, scales_of
from ..measures.figures import standard
from ..protocols.benchmark import Benchmark, Data


class Imported(Benchmark):
    """A run that was read from a file: its conversations and verdicts are in the store, and it cannot be played again.

    ``format``, ``task``: what it was; ``measures``: ``name`` (a fraction) or ``name:low:high:unit:passing``, with commas. The
    figures are the usual ones for each measure: means, by turn, repeats.
    """

    slug = SLUG
    title = "Conversations from a file of another program"
    family = "imported"
    kind = "import"
    params = {"format": "openai", "task": "", "measures": ""}

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        self.scales = scales_of(str(self.options["measures"]))
        self.figures = tuple(figure for name, scale in self.scales.items() for figure in standard(name, scale))

    @property
    def label(self) -> str:
        return label_of(str(self.options["format"]), str(self.options["task"]))

    def cases(self) -> Iterable[Case]:
        raise InputError(
            f"`{self.label}` was imported and cannot be played again; a judge can read it: multiturn score RUN --judge NAME"
        )

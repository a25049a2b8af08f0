"""tinyBenchmarks: the score on a whole benchmark, estimated from a few chosen cases of it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from ...conversation import Case, Cast, Conversation, InputError
from ...conversation.message import mended
from ...engine.identity import benchmark_identity, digest
from ...judges.simulation import Secrets
from ...measures.figure import Scale
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark, Data, Published
from ...protocols.scripted import Scripted
from .tiny_file import Selection, WholeScore, read_selection, scale_of

README, TUTORIAL = "error", "error, time split"
SOURCES = {README: "README", TUTORIAL: "tutorials/estimating_performance.ipynb"}
SCENARIOS = ("TruthfulQA", "GSM8K", "Winogrande", "ARC", "HellaSwag", "MMLU", "AlpacaEval 2.0")
ERRORS = {
    ("IRT", README): (0.013, 0.022, 0.022, 0.022, 0.013, 0.024, 0.012),
    ("p-IRT", README): (0.010, 0.029, 0.016, 0.017, 0.015, 0.016, 0.020),
    ("gp-IRT", README): (0.011, 0.020, 0.015, 0.017, 0.015, 0.016, 0.016),
    ("IRT", TUTORIAL): (0.016, 0.019, 0.024, 0.023, 0.020, 0.028),
    ("p-IRT", TUTORIAL): (0.018, 0.023, 0.015, 0.012, 0.016, 0.025),
    ("gp-IRT", TUTORIAL): (0.013, 0.018, 0.013, 0.012, 0.014, 0.023),
}
HOW = "choose them from runs of 20 models or more (or --responses FILE): multiturn plan --select N --out anchors.json"


class TinyBenchmarks(Benchmark):
    """tinyBenchmarks: evaluating LLMs with fewer examples (Maia Polo et al. 2024, arXiv 2402.14992).

    ``of`` is any benchmark, ``select`` a file that `multiturn plan --select N --out FILE` made from the scores of earlier models.
    Only the chosen cases (anchors) are played and judged, as the benchmark itself plays and judges them. The figures estimate its
    mean over all cases, in the measure's own unit:

    (IRT)      the weighted mean over the anchors, each standing for its cluster of cases
    (p-IRT)    the answers to the anchors, and for all other cases what an item response model with the ability that these
               answers tell expects
    (gp-IRT)   L * IRT + (1 - L) * p-IRT, L = b^2 / (b^2 + v / (4 n)): more of the anchors, the worse the model fits (b)
    (anchors)  in place of the three where fewer than 20 models were at hand: the weighted mean over the anchors

    The interval is the error that the same procedure made on models left out of it, at the 95 % rank: it holds for a new model
    that is like those, and says nothing of cases that are not in the benchmark.
    """

    slug = "tinybenchmarks"
    title = "tinyBenchmarks: evaluating LLMs with fewer examples"
    paper = "arXiv:2402.14992"
    family = "judge"
    kind = "method, benchmark"
    licence = "MIT"
    home = "https://github.com/felipemaiapolo/tinyBenchmarks"
    params = {"of": "", "select": ""}
    published = tuple(
        Published(name, value, measure, group=scenario, source=f"felipemaiapolo/tinyBenchmarks, {SOURCES[measure]}")
        for (name, measure), values in ERRORS.items()
        for scenario, value in zip(SCENARIOS, values, strict=False)
    )

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        super().__init__(data, **params)
        self._selection: Selection | None = None
        self._inner: Benchmark | None = None
        self._sha256 = ""
        self.figures = (WholeScore(None, "", "", Scale()),)
        if self.options["select"]:
            self._selection, self._sha256 = read_selection(str(self.options["select"]))
        of = str(self.options["of"]) or (self._selection.of if self._selection else "")
        if of:
            self._inner = self._made(of, data)
        if self._inner is not None and self._selection is not None:
            self._wrap(self._inner, self._selection)

    def _made(self, of: str, data: Data | None) -> Benchmark:
        from ..catalogue import make_system

        if of.partition("?")[0] == self.slug:
            raise InputError(f"`{self.slug}` cannot be wrapped in itself: of={of}")
        return make_system(of, data)

    def _wrap(self, inner: Benchmark, chosen: Selection) -> None:
        """Be the inner benchmark, on the anchors."""
        if chosen.label and inner.label != chosen.label:
            file = self.options["select"]
            raise InputError(f"{file} was made for `{chosen.label}`, not for `{inner.label}`: leave out of=, or select anew")
        setting = chosen.setting or (inner.default_settings or inner.settings)[0]
        measure = chosen.measure or headline(inner)
        if setting not in inner.settings:
            raise InputError(f"{self.options['select']} is for the setting `{setting}`, which `{inner.label}` does not have")
        self.settings = (setting,)
        self.needs, self.uses, self.tried_with = inner.needs, inner.uses, inner.tried_with
        self.judged_by = inner.judged_by
        self.scales, self.published = inner.scales, ()
        self.figures = (WholeScore(chosen, setting, measure, scale_of(inner.scales, measure)),)
        # Part of the identity of episodes: another selection, or another inner benchmark, is another benchmark.
        self.options["identity"] = digest(self._sha256, benchmark_identity(inner)).hex()

    @property
    def inner(self) -> Benchmark:
        """The benchmark whose score is estimated. Raises `InputError` where the user has not chosen cases yet."""
        if self._inner is None or self._selection is None:
            missing = f"`{self.slug}?of={self._inner.label}`" if self._inner else f"`{self.slug}`"
            raise InputError(f"{missing} has no cases yet; {HOW}; then run '{self.slug}?of=NAME&select=anchors.json'")
        return self._inner

    @property
    def label(self) -> str:
        if self._inner is None or self._selection is None:
            return super().label
        return f"{self.slug}?of={self._inner.label}&select={self._sha256[:10]}"

    @property
    def fingerprint(self) -> str:
        other = self._inner.fingerprint if self._inner else ""
        return hashlib.sha256((self._sha256 + other).encode()).hexdigest() if other else self._sha256

    def cases(self) -> Iterator[Case]:
        """The anchors, in the order of the inner benchmark. Raises `InputError` when its cases are not those of the selection."""
        inner, chosen = self.inner, self._selection
        assert chosen is not None
        cases = list(inner.cases())
        known = {mended(case.id): case for case in cases}
        missing = [item for item in chosen.items if item not in known]
        changed = bool(chosen.cases) and chosen.cases != cases_hash(known[item] for item in chosen.items if item in known)
        if missing or changed:
            why = f"it has no case {missing[0]!r}" if missing else "they ask something else now"
            raise InputError(f"the cases of `{inner.label}` are not those of {self.options['select']} ({why}): select anew")
        wanted = set(chosen.played)
        yield from (case for case in cases if mended(case.id) in wanted)

    # -- the inner benchmark's ----------------------------------------------------------------------------------------
    def views(self, case: Case, setting: str) -> Iterable[Case]:
        return self.inner.views(case, setting)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        return await self.inner.play(case, cast, setting)

    def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        return self.inner.judge(case, chat, cast)

    def gold(self, case: Case, chat: Conversation) -> str | None:
        return self.inner.gold(case, chat)

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        return self.inner.secrets(case, chat, setting, facts)

    def within(self, case: Case, chat: Conversation, window: int) -> bool:
        return self.inner.within(case, chat, window)


def headline(benchmark: Benchmark) -> str:
    """The measure that a benchmark is about: its first."""
    names = list(benchmark.scales) or (list(benchmark.measures) if isinstance(benchmark, Scripted) else ["score"])
    return names[0]


def cases_hash(cases: Iterable[Case]) -> str:
    """What these cases ask, as a hash."""
    return digest(*cases).hex()

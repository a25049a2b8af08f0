"""A benchmark: cases + protocol + judges + the figures that its paper prints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from ..conversation import Case, Cast, Conversation, InputError, UnknownName
from ..judges.simulation import Secrets
from ..measures.figure import FRACTION, FigureMaker, Scale
from ..measures.verdict import Verdict


class Published(Struct, frozen=True):
    """One number of a paper, to compare with. ``value`` is in the measure's own unit."""

    model: str
    value: float
    measure: str = ""
    setting: str = "multi"
    group: str | None = None
    source: str = ""


class Data(Protocol):
    """Where a benchmark's files are. Raises `DataError` with what to do when a file is not there."""

    def path(self, slug: str, name: str, home: str = "", sha256: str = "") -> Path: ...


class Benchmark:
    """Base of every system. A subclass reads like its paper: cases, play, judge, figures.

    ``settings``: conditions compared on the same cases; ``default_settings``: those run when the user names none.
    ``needs``: roles beside the assistant without which nothing can run; ``uses``: roles without which some measures are
    *not measured*. ``scales``: range and unit of each measure. ``params``: options settable as ``slug?name=value``
    with their defaults (their types are the defaults' types).
    """

    slug: ClassVar[str] = ""
    title: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    family: ClassVar[str] = "script"
    kind: ClassVar[str] = "benchmark"
    licence: ClassVar[str] = ""
    home: ClassVar[str] = ""
    settings: tuple[str, ...] = ("multi",)
    default_settings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    tried_with: tuple[str, ...] = ()
    """Roles of ``uses`` that an embedded model also plays in a smoke test, because without them there is nothing to see."""
    judged_by: str = "judge"
    """The role whose judgements the verdicts are: "assistant" where the model under test is itself the judge."""
    params: ClassVar[Mapping[str, Any]] = {}
    scales: Mapping[str, Scale] = {}
    figures: tuple[FigureMaker, ...] = ()
    published: tuple[Published, ...] = ()

    def __init__(self, data: Data | None = None, **params: Any) -> None:
        for name in params:
            if name not in self.params:
                raise UnknownName(f"option of `{self.slug}`", name, self.params)
        self.name = ""
        """What the user typed to get this benchmark: slug and options, or a path."""
        self._data = data
        self.options: dict[str, Any] = {**self.params, **params}

    @property
    def label(self) -> str:
        """How this benchmark is called in figures: its slug, and the options that are not the defaults."""
        changed = {k: v for k, v in self.options.items() if v != self.params[k]}
        return self.slug + ("?" + "&".join(f"{k}={v}" for k, v in changed.items()) if changed else "")

    @property
    def asks(self) -> tuple[Benchmark, str]:
        """Whose questions go to the judge, and in which role it sits there: itself, unless it lets another benchmark judge."""
        return self, self.judged_by

    @property
    def fingerprint(self) -> str:
        """sha256 of a file that the benchmark is, "" for one in code (files read through ``data`` are noted there)."""
        return ""

    @property
    def data(self) -> Data:
        if self._data is None:
            raise InputError(f"`{self.slug}` reads data files: give it a data source")
        return self._data

    def scale(self, measure: str) -> Scale:
        return self.scales.get(measure, FRACTION)

    def cases(self) -> Iterable[Case]:
        """All cases, lazily, in a fixed order."""
        raise NotImplementedError(f"{type(self).__name__} has no cases()")

    def views(self, case: Case, setting: str) -> Iterable[Case]:
        """The cases that are played for this case in this setting: itself, unless a setting takes it apart
        (stand-alone prompts, gold histories). Their ``cluster`` must be the same; equal ids are played once."""
        return (case,)

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        """Let the cast talk until it is over; return the conversation."""
        raise NotImplementedError(f"{type(self).__name__} has no play()")

    def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        """What it was worth. When the conversation ended early, ``cast.stopped`` says why, and what it did not reach
        must be yielded as not measured with that cause."""
        raise NotImplementedError(f"{type(self).__name__} has no judge()")

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The reference answer to the last message of ``chat``, if there is one: what the `gold` player says."""
        return None

    def secrets(self, case: Case, chat: Conversation, setting: str, facts: Mapping[str, Any]) -> Secrets | None:
        """What the simulated user of a played conversation knew, had to hide and to tell: for `multiturn audit`. ``facts``: those
        of the episode. None: nothing is known, so only what the text shows can be looked for."""
        return None

    def within(self, case: Case, chat: Conversation, window: int) -> bool:
        """Whether all that the right answer needs lies in the last ``window`` turns (this one included)."""
        return True

"""The plan of a run: which episodes, in which order; how many calls at most; what they may cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ..conversation import Case, InputError, UnknownName
from ..models.base import Model
from ..players.base import Around
from ..protocols.benchmark import Benchmark
from ..protocols.scripted import ScriptedCase
from .cast import Episode, player_label
from .identity import benchmark_identity, cast_identity, digest, episode_identity
from .replay import GoldModel
from .until import cluster_of, parse_until, shuffled


class RunSpec(Struct, frozen=True, kw_only=True):
    """Everything that makes a run this run. Its hash is the run's id: the same command again resumes it."""

    systems: tuple[str, ...]
    models: tuple[str, ...]
    settings: tuple[str, ...] = ()
    limit: int | None = None
    repeats: int = 1
    seed: int = 0
    roles: dict[str, str] = {}
    around: tuple[str, ...] = ()
    episodes: str = ""
    """Hash over all episode ids: cases, data, code and models."""
    until: str = ""
    """When to stop: ``ci=0.02`` (see `multiturn.engine.until`); the cases are then in random order."""
    taken: tuple[int, ...] = ()
    """Judging such a run again: how many clusters of cases of each system it had played."""

    @property
    def id(self) -> str:
        return digest(self).hex()[:10]

    @property
    def players(self) -> list[str]:
        """The models' labels with what stands around them, as episodes and figures name them."""
        return [player_label(model, self.around) for model in self.models]


class Plan:
    """All episodes of a run, case by case: the settings and repeats of one case stand together, so that a run that is
    cut short has whole pairs, and histories that share a prefix follow each other."""

    def __init__(
        self,
        benchmarks: Sequence[Benchmark],
        models: Sequence[Model],
        *,
        settings: Sequence[str] = (),
        limit: int | None = None,
        repeats: int = 1,
        seed: int = 0,
        roles: Mapping[str, Model] | None = None,
        around: Sequence[Around] = (),
        until: str = "",
        taken: Sequence[int] = (),
    ) -> None:
        self.until, self.taken = parse_until(until), tuple(taken)
        self.around = tuple(around)
        self.benchmarks, self.models, self.roles = tuple(benchmarks), tuple(models), dict(roles or {})
        self.settings, self.limit, self.repeats, self.seed = tuple(settings), limit, repeats, seed
        if limit is not None and limit < 1:
            raise InputError(f"--limit must be at least 1, not {limit}")
        if repeats < 1:
            raise InputError(f"--repeats must be at least 1, not {repeats}")
        if not self.models:
            raise InputError("a run needs at least one model: --model NAME (see `multiturn models`)")
        labels = [b.label for b in self.benchmarks]
        for label in labels:
            if labels.count(label) > 1:
                raise InputError(f"two benchmarks of this run are both called `{label}`: run them apart, or rename one")
        if self.around and any(isinstance(m, GoldModel) for m in self.models):
            raise InputError("nothing can be put around the gold player: it knows the answers; gold?window=3 forgets")
        for benchmark in self.benchmarks:
            for role in benchmark.needs:
                if role not in self.roles:
                    raise InputError(f"`{benchmark.slug}` needs a {role}: give one with --{role} NAME")
            self.settings_of(benchmark)
        self.episodes: list[Episode] = list(self._episodes())
        if not self.episodes:
            raise InputError(
                f"there is nothing to run: {', '.join(b.slug for b in self.benchmarks)} has no cases in these settings"
            )

    def settings_of(self, benchmark: Benchmark) -> tuple[str, ...]:
        """The settings to run: those named by the user that this benchmark has, else its defaults."""
        if not self.settings:
            return tuple(benchmark.default_settings or benchmark.settings)
        known = {s for b in self.benchmarks for s in b.settings}
        for name in self.settings:
            if name not in known:
                raise UnknownName(f"setting of `{benchmark.slug}`", name, known)
        return tuple(s for s in dict.fromkeys(self.settings) if s in benchmark.settings)

    def _episodes(self) -> Iterator[Episode]:
        for index, benchmark in enumerate(self.benchmarks):
            identity = benchmark_identity(benchmark)
            casts = [{"assistant": model, **self.roles} for model in self.models]
            named = [(cast, cast_identity(cast, self.around)) for cast in casts]
            seen: set[tuple[str, str]] = set()
            cases: Iterable[Case] = self._cases(benchmark)
            if self.until:
                cases = shuffled(cases, self.seed, benchmark.slug, self.taken[index] if self.taken else None)
            for case in cases:
                for setting in self.settings_of(benchmark):
                    for view in benchmark.views(case, setting):
                        if (setting, view.id) in seen:
                            continue
                        seen.add((setting, view.id))
                        for cast, who in named:
                            for repeat in range(self.repeats):
                                id_ = episode_identity(identity, view, setting, repeat, self.seed, who)
                                yield Episode(benchmark, view, setting, repeat, cast, self.around, id_)

    def _cases(self, benchmark: Benchmark) -> Iterator[Case]:
        taken: Counter[str | None] = Counter()
        ids: set[str] = set()
        for case in benchmark.cases():
            if case.id in ids:
                raise InputError(f"`{benchmark.slug}` has two cases with the id {case.id!r}")
            ids.add(case.id)
            if self.limit is None or taken[case.group] < self.limit:
                taken[case.group] += 1
                yield case

    def blocks(self, benchmark: Benchmark) -> list[list[Episode]]:
        """A benchmark's episodes, one list for each cluster of cases (the sampling unit), in plan order."""
        found: dict[str, list[Episode]] = {}
        for episode in self.episodes:
            if episode.benchmark is benchmark:
                found.setdefault(cluster_of(episode.case), []).append(episode)
        return list(found.values())

    @property
    def spec(self) -> RunSpec:
        return RunSpec(
            systems=tuple(b.name or b.slug for b in self.benchmarks),
            models=tuple(m.label for m in self.models),
            settings=self.settings,
            limit=self.limit,
            repeats=self.repeats,
            seed=self.seed,
            roles={role: model.label for role, model in self.roles.items()},
            around=tuple(a.name for a in self.around),
            episodes=digest(b"".join(e.id for e in self.episodes)).hex(),
            until=str(self.until or ""),
            taken=self.taken,
        )

    @property
    def all_models(self) -> list[Model]:
        """Every model of every role, once."""
        return list({id(m): m for m in (*self.models, *self.roles.values())}.values())


class Estimate(Struct, frozen=True, kw_only=True):
    """What a run would ask for. ``calls`` counts the assistant's calls and is None where only playing can tell;
    tokens are a guess of four characters a token and ``reply_tokens`` a reply."""

    episodes: int
    finished: int
    calls: int | None
    input_tokens: int | None
    output_tokens: int | None


def estimate(episodes: Iterable[Episode], finished: Iterable[bool], reply_tokens: int = 200) -> Estimate:
    """What is left to do. Scripted systems can be counted exactly; others say None."""
    total = done = calls = given = wanted = 0
    countable = True
    for episode, is_done in zip(episodes, finished, strict=True):
        total += 1
        if is_done:
            done += 1
            continue
        case = episode.case
        if not isinstance(case, ScriptedCase):
            countable = False
            continue
        history = len(case.system) / 4
        for turn in case.turns:
            history += len(turn.user) / 4
            if turn.scored:
                calls += 1
                given += int(history)
                wanted += reply_tokens
            history += reply_tokens if turn.scored else len(turn.gold or "") / 4
    if not countable:
        return Estimate(episodes=total, finished=done, calls=None, input_tokens=None, output_tokens=None)
    return Estimate(episodes=total, finished=done, calls=calls, input_tokens=given, output_tokens=wanted)

"""The simulated users of a run, looked at in the store: nobody is asked anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ..conversation import Case, Conversation, DataError, InputError
from ..judges.simulation import QUOTE, UNUSABLE, Finding, Secrets, Talk, audit, checked
from ..protocols.benchmark import Benchmark
from .runs import RunRow
from .store import Store


class Audited(NamedTuple):
    """One conversation of a run with what was found in it. ``episode``: its id; ``user``: who played the user; ``known``: the
    benchmark said what its user knows (else only the text was checked); ``checked``: the kinds that could have been found."""

    episode: bytes
    user: str
    system: str
    model: str
    case: str
    cluster: str
    setting: str
    repeat: int
    secrets: Secrets
    known: bool
    talk: Talk
    findings: tuple[Finding, ...]
    checked: frozenset[str]

    @property
    def decided(self) -> bool:
        """Whether the simulator can have decided how this conversation came out."""
        return any(finding.decides for finding in self.findings)


_EPISODES = """
SELECT e.id, e.system, e.model, e."case", e.cluster, e.setting, e.repeat, e.facts, e.node
FROM run_episodes r JOIN episodes e ON e.id = r.episode WHERE r.run = ? ORDER BY r.n"""


def audited(store: Store, run: RunRow, benchmarks: Sequence[Benchmark]) -> Iterator[Audited]:
    """Every conversation of a run in which somebody plays the user, in plan order."""
    known: dict[bytes, Conversation] = {}
    makers = {b.label: (b, cases_of(b)) for b in benchmarks if simulates(b)}
    for id_, system, model, case, cluster, setting, repeat, text, node in store.rows(_EPISODES, run.id):
        if system not in makers:
            continue
        benchmark, cases = makers[system]
        chat, facts = store.conversation(node, known), msgspec.json.decode(text or "{}")
        found = _secrets(benchmark, cases.get((setting, case)), chat, setting, facts)
        secrets = found or Secrets(stop=_stop(facts))
        talk = Talk.of(chat, secrets)
        if talk.said or (secrets.turns is None and secrets.stop in _SPOILT):
            user = model if secrets.speaks == "assistant" else user_of(run, benchmark)
            yield Audited(
                id_, user, system, model, case, cluster, setting, repeat, secrets, found is not None, talk,
                tuple(_explained(f, facts) for f in audit(chat, secrets)), checked(secrets),
            )  # fmt: skip


_SPOILT = ("user ended", "format error")
"""Ends by which a user who has said nothing shows that somebody was asked to play it."""


def _explained(finding: Finding, facts: Mapping[str, Any]) -> Finding:
    """With the reason why the user's last reply was refused, in place of a message that was never sent."""
    faults = facts.get("faults")
    if finding.kind != UNUSABLE or finding.quote or not isinstance(faults, list) or not faults:
        return finding
    return msgspec.structs.replace(finding, quote=f"refused: {faults[-1]}"[:QUOTE])


def user_of(run: RunRow, benchmark: Benchmark) -> str:
    """Who plays the user in this run, where the model under test does not."""
    if benchmark.kind == "import":
        return run.spec.roles.get("user", "whoever wrote in the file")
    roles = ("user", "judge") if "judge" in benchmark.needs else ("user",)
    return next((run.spec.roles[role] for role in roles if role in run.spec.roles), "the rules of the benchmark")


def simulates(benchmark: Benchmark) -> bool:
    """Whether somebody plays the user of this benchmark, rather than a script of fixed messages."""
    told = type(benchmark).secrets is not Benchmark.secrets
    return told or "user" in (*benchmark.needs, *benchmark.uses) or benchmark.kind == "import"


def cases_of(benchmark: Benchmark) -> Mapping[tuple[str, str], Case]:
    """(setting, id) -> case, of a benchmark that says what its user knows; {} where its data is not there."""
    if type(benchmark).secrets is Benchmark.secrets:
        return {}
    try:
        return {
            (setting, view.id): view
            for case in benchmark.cases() for setting in benchmark.settings for view in benchmark.views(case, setting)
        }  # fmt: skip
    except InputError:  # its files are not here, or it was imported: the text can be checked all the same
        return {}


def _secrets(
    benchmark: Benchmark, case: Case | None, chat: Conversation, setting: str, facts: Mapping[str, Any]
) -> Secrets | None:
    if case is None:
        return None
    try:
        return benchmark.secrets(case, chat, setting, facts)
    except (KeyError, TypeError, IndexError, AttributeError, DataError):
        # An episode that broke off early, or that an older version played, lacks some of its facts.
        return None


def _stop(facts: Mapping[str, Any]) -> str:
    found = facts.get("stop", "")
    return found if isinstance(found, str) else ""

"""WILT: propose tests, then say the rule."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...conversation import Case, Cast, Conversation, DataError, InputError
from ...measures.figure import FRACTION, Scale
from ...measures.figures import mean, multi_turn_cost, pass_k, reliability
from ...measures.verdict import Verdict
from ...protocols.benchmark import Benchmark, Published
from ...protocols.gameloop import play_world
from ...worlds.rules import FULL, LITE, TESTS, Compared, HiddenRule, Triple, consistent, points, rule, solve

POINTS = Scale(0, 1100, "points", passing=1000)
COUNT = Scale(0, TESTS, "tests", passing=0)
CLOSE = 0.9
"""Correlation with the rule from which a guess counts as approximately right."""
RULES = f"""There is a hidden rule: a function of three numbers x, y, z that returns True or False, always the same for the same \
numbers. Find out what it is. The numbers may be whole or decimal, of at most three digits (not counting sign and point).

In each reply do one of two things:
- Test the rule on three numbers. End the reply with a line like this: Test Case: ```(1, 2.5, -3)```
- Give your final guess as a Python lambda. End the reply with a line like this: Final Guess: ```lambda x, y, z: x < y < z```

You have at most {TESTS} tests and exactly one guess. Only a right guess counts, so guess when you are confident or when your \
tests are used up. Do not test the same numbers twice. You may think before the last line; write nothing after it."""


class WiltCase(Case, frozen=True, kw_only=True):
    """One hidden rule, and for the setting ``given`` the tests that somebody else chose."""

    rule: str
    given: tuple[Triple, ...] = ()


class Wilt(Benchmark):
    """WILT: A Multi-Turn, Memorization-Robust Inductive Logic Benchmark for LLMs (Banatt et al. 2024, arXiv 2410.10998).

    correct      the guess agrees with the rule on all test inputs (10,000 random triples and the grid {-20 … 20}³); 0 or 1
    approximate  correct, or so close that its correlation (phi) with the rule over these inputs is at least 0.9. The paper
                 counts guesses that differ on a few edge cases; where it draws the line is not known to us
    points       1000 + 100 (1 - tests/30) when correct, else int(400 x share of the grid on which both agree); 0 without a guess
    tests        tests used
    novelty      different tests / tests, on episodes with a test
    narrowed     share of the other rules of the benchmark that the test results rule out: how good the tests were, whatever
                 was made of them

    Settings: ``multi``; ``given``: the tests are somebody else's, only the guess is the model's (the swap analysis: its
    correct shows deducing, narrowed in ``multi`` shows proposing). They are those of a solver that knows the list of rules,
    or those of ``tests=FILE.json`` (rule number -> list of triples).

    Decisions: random inputs are drawn once for all, so that a score is no matter of luck; a guess is evaluated by our own
    small evaluator (whitelisted syntax, nothing is run), also when it names ``math``; a reply with neither a test nor a guess
    is told so once, where the released loop asks again forever; five tests in a row that are no three numbers, or come after
    the thirtieth, end the game ("invalid action"), as do 42 replies ("turn limit").
    """

    slug = "wilt"
    title = "WILT: A Multi-Turn, Memorization-Robust Inductive Logic Benchmark for LLMs"
    paper = "arXiv:2410.10998"
    family = "game"
    licence = "not stated"
    home = "https://github.com/riotgames/wilt"
    settings: tuple[str, ...] = ("multi", "given")
    default_settings: tuple[str, ...] = ("multi",)
    params = {"split": "full", "tests": ""}
    scales = {
        "correct": FRACTION, "approximate": FRACTION, "points": POINTS, "tests": COUNT, "novelty": FRACTION, "narrowed": FRACTION,
    }  # fmt: skip
    figures = (
        mean("correct"), mean("approximate"), mean("points", POINTS), mean("tests", COUNT), mean("novelty"), mean("narrowed"),
        multi_turn_cost("correct", a="multi", b="given"), reliability("correct"), pass_k("correct"),
    )  # fmt: skip
    published = (Published("best model of the paper", 0.28, "correct", "multi", None, "abstract"),)

    def cases(self) -> Iterator[WiltCase]:
        splits = {"full": FULL, "lite": LITE}
        split = self.options["split"]
        if split not in splits:
            raise InputError(f"wilt?split={split}: must be full or lite")
        told = _told(str(self.options["tests"]), len(splits[split]))
        for number, text in enumerate(splits[split], 1):
            yield WiltCase(id=f"{split}-{number}", rule=text, given=told.get(number, ()))

    async def play(self, case: Case, cast: Cast, setting: str) -> Conversation:
        assert isinstance(case, WiltCase)
        world = HiddenRule(case.rule, closed=setting == "given")
        chat = Conversation.start(system=RULES)
        if setting == "given":
            chat = given(chat, world, case.given or solver_tests(case.rule))
            return (await play_world(chat, cast.assistant, world, cast, cap=4)).chat
        return (await play_world(chat.user(world.observe()), cast.assistant, world, cast)).chat

    async def judge(self, case: Case, chat: Conversation, cast: Cast) -> AsyncIterator[Verdict]:
        assert isinstance(case, WiltCase)
        tests: list[tuple[Triple, bool]] = [((x, y, z), value) for x, y, z, value in cast.facts.get("tests", ())]
        if cast.stopped:
            for measure in self.scales:
                yield Verdict(measure, None, cause=cast.stopped)
            return
        found = cast.facts.get("compared")
        compared = Compared(**found) if found else Compared(False, 0.0, 0.0, str(cast.facts.get("stop")))
        guess = str(cast.facts.get("guess", ""))
        why = f"{guess or 'no guess'}; the rule is {case.rule}" + (f" ({compared.fault})" if compared.fault else "")
        yield Verdict("correct", float(compared.correct), reason=why)
        yield Verdict("approximate", float(compared.correct or compared.phi >= CLOSE), reason=f"phi {compared.phi:.3f}")
        yield Verdict("points", points(compared, len(tests)))
        if cast.setting == "multi":
            yield Verdict("tests", float(len(tests)))
            if tests:
                yield Verdict("novelty", len({triple for triple, _ in tests}) / len(tests))
            left, total = len(consistent(tests)), len(consistent(()))
            yield Verdict("narrowed", (total - left) / (total - 1), reason=f"{left} of {total} different rules fit the results")

    def gold(self, case: Case, chat: Conversation) -> str | None:
        """The rule at once: 1100 points."""
        assert isinstance(case, WiltCase)
        return f"Final Guess: ```lambda x, y, z: {case.rule}```"


def given(chat: Conversation, world: HiddenRule, tests: Sequence[Triple]) -> Conversation:
    """The conversation in which somebody chose these tests; it asks for the guess."""
    said = world.observe() if not world.closed else f"There is a new hidden rule. You have {TESTS} tests. Begin."
    for triple in tests:
        chat = chat.user(said).assistant(f"Test Case: ```({', '.join(f'{v:g}' for v in triple)})```", author="tests")
        said = world.told(triple)
    return chat.user(f"{said}\nNo further tests are possible. Give your final guess now.")


def solver_tests(text: str) -> tuple[Triple, ...]:
    """The tests of a solver that holds all rules as its hypotheses."""
    tests: list[tuple[Triple, bool]] = []
    world = HiddenRule(text)
    while (action := world.parse(solve(tests))) and (triple := getattr(action, "triple", None)):
        tests.append((triple, bool(rule(text)(*triple))))
    return tuple(triple for triple, _ in tests)


def _told(path: str, rules: int) -> Mapping[int, tuple[Triple, ...]]:
    """Tests from a file: {"1": [[x, y, z], …], …}."""
    if not path:
        return {}
    try:
        found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        told = {int(number): tuple((float(x), float(y), float(z)) for x, y, z in tests) for number, tests in found.items()}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} must be a JSON object from rule numbers to lists of three numbers each ({error})") from None
    if any(not 1 <= number <= rules or len(tests) > TESTS for number, tests in told.items()):
        raise DataError(f"{path}: rules are numbered 1 to {rules}, with at most {TESTS} tests each")
    return told

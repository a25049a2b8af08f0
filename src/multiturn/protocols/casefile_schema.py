"""The schema of a cases file: what a case may say, its published JSON Schema, and error messages that name the field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, TypeAlias, get_args

import msgspec
from msgspec import Struct

from ..conversation import InputError
from ..judges.instructions import INSTRUCTIONS, arguments
from ..judges.targets import Answer, Clarification, Constraint, Match, Memory, Refusal, Rubric, Target, last_number

AnyTarget: TypeAlias = str | int | float | Answer | Constraint | Rubric | Refusal | Clarification | Memory


class Check(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verifiable instruction: its ``id`` (as in IFEval) and, beside it, its arguments."""

    id: str
    args: dict[str, Any] = {}


class TurnSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn. ``target``: what the reply should be (plain text or a number is an answer). ``checks``: instructions that
    the reply must follow. ``rubric``: criteria for a judge model. ``gold``: the reference answer. ``scored`` false: the
    stored answer ``gold`` stands in the history and the model is not asked."""

    user: str
    target: AnyTarget | None = None
    checks: tuple[Check, ...] = ()
    rubric: str | None = None
    gold: str | None = None
    scored: bool = True

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything that the reply is measured by, one after the other."""
        found: list[Target] = []
        if isinstance(self.target, str | int | float):
            found.append(Answer(value=self.target))
        elif self.target is not None:
            found.append(self.target)
        found += [Constraint(id=c.id, args=c.args) for c in self.checks]
        if self.rubric is not None:
            found.append(Rubric(text=self.rubric))
        return tuple(found)


class CaseSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case. ``id`` is its position in the file if not given. ``group``: the row it is reported under. ``cluster``:
    cases that share a document or a dialogue. ``single``: the stand-alone counterpart of the last scored turn, or a list
    with one for each turn (null = none)."""

    turns: tuple[TurnSpec, ...]
    id: str | None = None
    group: str | None = None
    cluster: str | None = None
    system: str | None = None
    single: str | tuple[str | None, ...] | None = None


class FileSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole YAML file: the cases, with a name and a title of the benchmark if wanted (a plain list of cases also does)."""

    cases: tuple[CaseSpec, ...]
    name: str | None = None
    title: str | None = None


class Wrong(Exception):
    """A case that does not fit. ``path``: the field, as in ``turns[2].user``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


def parse_case(raw: Any) -> CaseSpec:
    """The case that these plain values describe. Raises `Wrong` with the first thing that does not fit."""
    if not isinstance(raw, dict):
        raise Wrong("", f"expected a case (an object with `turns`), got {kind(raw)}")
    try:
        spec = msgspec.convert(_with_args(raw), CaseSpec)
    except msgspec.ValidationError as error:
        raise _explained(str(error), raw) from None
    except RecursionError:
        raise Wrong("", "nested too deeply") from None
    _sensible(spec)
    return spec


def _with_args(raw: dict[str, Any]) -> dict[str, Any]:
    """The case with the arguments of checks and constraints, which stand beside the id, moved into ``args``."""
    turns = raw.get("turns")
    if not isinstance(turns, list):
        return raw
    return {**raw, "turns": [_turn_with_args(turn) if isinstance(turn, dict) else turn for turn in turns]}


def _turn_with_args(turn: dict[str, Any]) -> dict[str, Any]:
    target, checks = turn.get("target"), turn.get("checks")
    if isinstance(target, dict) and target.get("type") == "constraint":
        turn = {**turn, "target": _gathered(target)}
    if isinstance(checks, list):
        turn = {**turn, "checks": [_gathered(check) if isinstance(check, dict) else check for check in checks]}
    return turn


def _gathered(raw: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in raw.items() if k in ("id", "type")}
    return {**kept, "args": {k: v for k, v in raw.items() if k not in kept}}


# -- what the types cannot say --------------------------------------------------------------------------------------
def _sensible(spec: CaseSpec) -> None:
    if not spec.turns:
        raise Wrong("turns", "a case needs at least one turn")
    if spec.id is not None and not spec.id.strip():
        raise Wrong("id", "is empty")
    for i, turn in enumerate(spec.turns):
        _sensible_turn(turn, i)
    if isinstance(spec.single, tuple):
        if len(spec.single) != len(spec.turns):
            raise Wrong("single", f"a list needs one entry a turn (null = none): {len(spec.turns)}, not {len(spec.single)}")
        for i, (text, turn) in enumerate(zip(spec.single, spec.turns, strict=True)):
            if text is not None and not (turn.scored and turn.targets):
                raise Wrong(f"single[{i}]", "this turn is not scored; write null")
    elif spec.single is not None and not any(t.scored and t.targets for t in spec.turns):
        raise Wrong("single", "no turn is scored")


def _sensible_turn(turn: TurnSpec, i: int) -> None:
    where = f"turns[{i}]"
    if not turn.user.strip():
        raise Wrong(f"{where}.user", "is empty")
    if not turn.scored and turn.gold is None:
        raise Wrong(f"{where}.gold", "a turn with `scored: false` needs its stored answer here")
    if turn.rubric is not None and not turn.rubric.strip():
        raise Wrong(f"{where}.rubric", "is empty")
    if turn.rubric is not None and isinstance(turn.target, Rubric):
        raise Wrong(f"{where}.rubric", "give either this or a target of type rubric, not both")
    for n, check in enumerate(turn.checks):
        _sensible_check(check.id, check.args, f"{where}.checks[{n}]")
    match turn.target:
        case "":
            raise Wrong(f"{where}.target", "is empty")
        case Constraint():
            _sensible_check(turn.target.id, turn.target.args, f"{where}.target")
        case Memory() if not 1 <= turn.target.from_turn <= i:
            raise Wrong(f"{where}.target.from_turn", f"must be an earlier turn, 1 to {i}" if i else "there is no earlier turn")
        case Answer():
            _sensible_answer(turn.target, f"{where}.target")
        case Rubric() if not turn.target.text.strip():
            raise Wrong(f"{where}.target.text", "is empty")


def _sensible_check(name: str, args: dict[str, Any], where: str) -> None:
    try:
        arguments(name, args)
    except InputError as error:
        raise Wrong(where, str(error)) from None


def _sensible_answer(answer: Answer, where: str) -> None:
    given = [f for f in ("value", "any_of", "all_of") if getattr(answer, f) not in (None, ())]
    if len(given) != 1:
        raise Wrong(where, "give exactly one of `value`, `any_of` and `all_of`")
    values = (answer.value,) if answer.value is not None else answer.any_of or answer.all_of
    for value in values:
        if not str(value).strip():
            raise Wrong(f"{where}.{given[0]}", "is empty")
        if answer.match == "number" and last_number(str(value)) is None:
            raise Wrong(f"{where}.{given[0]}", f"`{value}` is not a number")
        if answer.match == "regex":
            try:
                re.compile(str(value))
            except re.error as error:
                raise Wrong(f"{where}.{given[0]}", f"not a regular expression ({error})") from None


# -- messages -------------------------------------------------------------------------------------------------------
_NAMES = {"str": "text", "int": "number", "float": "number", "bool": "true/false", "array": "list", "object": "object",
          "null": "null"}  # fmt: skip
_KINDS: dict[type, str] = {bool: "bool", str: "str", int: "int", float: "float", list: "array", dict: "object"}
_TARGETS: tuple[type[Struct], ...] = (Answer, Constraint, Rubric, Refusal, Clarification, Memory)


def kind(value: Any) -> str:
    """What a plain value is, in the words of the messages."""
    return _NAMES[_KINDS.get(type(value), "null")]


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known name, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean `{near[0]}`?" if near else f"; known: {', '.join(known)}" if known else ""


def _explained(message: str, raw: dict[str, Any]) -> Wrong:
    """msgspec's message in the words of the file: "Expected `str`, got `int` - at `$.turns[2].user`"."""
    text, _, at = message.partition(" - at ")
    path = at.strip("`").removeprefix("$").removeprefix(".")
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        return Wrong(f"{path}.{found[1]}".removeprefix("."), "unknown field" + nearest(found[1], _fields(path, raw)))
    if found := re.fullmatch(r"Object missing required field `(.*)`", text):
        return Wrong(f"{path}.{found[1]}".removeprefix("."), "is missing")
    if found := re.fullmatch(r"Expected `(.*)`, got `(.*)`", text):
        wanted = dict.fromkeys(_NAMES.get(w.strip(), w.strip()) for w in found[1].split("|"))
        wanted.pop("null", None)
        hint = "; put quotes around it" if "text" in wanted and found[2] in ("int", "float", "bool") else ""
        return Wrong(path, f"expected {' or '.join(wanted)}, got {_NAMES.get(found[2], found[2])}{hint}")
    if found := re.fullmatch(r"Invalid (?:enum )?value '(.*)'", text, re.DOTALL):
        types = [str(t.__struct_config__.tag) for t in _TARGETS]
        return Wrong(
            path, f"unknown value `{found[1]}`" + nearest(found[1], types if path.endswith(".type") else get_args(Match))
        )
    return Wrong(path, text)


def _fields(path: str, raw: dict[str, Any]) -> tuple[str, ...]:
    """The fields that the object at this path may have."""
    if not path:
        return CaseSpec.__struct_fields__
    if found := re.fullmatch(r"turns\[(\d+)\]\.target", path):
        named = raw["turns"][int(found[1])]["target"].get("type")
        return next(("type", *t.__struct_fields__) for t in _TARGETS if t.__struct_config__.tag == named)
    return TurnSpec.__struct_fields__


# -- the published schema -------------------------------------------------------------------------------------------
def case_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a cases file: of a whole YAML file, and of one line of a JSONL file."""
    (_, whole), defs = msgspec.json.schema_components([CaseSpec, FileSpec], ref_template="#/$defs/{name}")
    named = {
        "type": "string",
        "enum": sorted(INSTRUCTIONS),
        "description": "A verifiable instruction; its arguments stand beside it.",
    }
    check = {"type": "object", "properties": {"id": named}, "required": ["id"]}
    defs["Check"] = check | {"title": "Check"}
    constraint = {"properties": {"type": {"const": "constraint"}, "id": named}, "required": ["type", "id"]}
    defs["Constraint"] = check | constraint | {"title": "Constraint"}
    defs["CaseSpec"]["properties"]["turns"]["minItems"] = 1
    one = {"$ref": "#/$defs/CaseSpec"}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "multiturn cases: a YAML file (a list of cases, or an object with `cases`) or one line of a JSONL file (a case)",
        "anyOf": [{"type": "array", "items": one, "minItems": 1}, whole, one],
        "$defs": defs,
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
    return plain

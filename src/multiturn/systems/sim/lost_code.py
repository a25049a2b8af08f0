"""Running a function that a model wrote against the tests of its task, in the sandbox.

The program in the sandbox gets the inputs and prints what the function returned; the expected outputs stay outside, where
the comparison is made: what the code prints, patches or kills can only make it fail.
"""

from __future__ import annotations

import ast
import base64
import binascii
import io
import json
import pickle
import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...conversation import Cast, DataError
from ...judges.extract import parse_python

SECONDS = 6
"""For each test, as in the paper."""
_MOST_SECONDS = 60

_DRIVER = """
import io, json, signal, sys
_out, _tests = sys.stdout, json.load(open("tests.json"))
sys.setrecursionlimit(20000)
sys.stdout = io.StringIO()
_space = {"__name__": "solution"}
for _name in ("string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics",
              "itertools", "functools", "operator", "builtins", "typing"):
    exec(f"import {_name}\\nfrom {_name} import *", _space)
_space["datetime"] = __import__("datetime")
def _alarm(*_):
    raise TimeoutError("time limit")
signal.signal(signal.SIGALRM, _alarm)
_found = []
try:
    signal.alarm(_tests["seconds"])
    exec(compile(open("solution.py").read(), "solution.py", "exec"), _space)
    _call = _space.get(_tests["name"])
    if "Solution" in _space and _call is None:
        _call = getattr(_space["Solution"](), _tests["name"])
    for _given in _tests["inputs"]:
        signal.alarm(_tests["seconds"])
        _found.append(_call(*_given))
        signal.alarm(0)
except BaseException as _error:
    _found = repr(_error)[:300]
signal.alarm(0)
_out.write("\\n" + json.dumps(_found, default=repr) + "\\n")
_out.flush()
"""


class Tests(NamedTuple):
    """Arguments and expected value of each test."""

    inputs: list[list[Any]]
    outputs: list[Any]


class _TextOnly(pickle.Unpickler):
    """The released private tests are a pickled text; a pickle that wants anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")


def tests_of(item: Mapping[str, Any], where: str) -> Tests:
    """The public and private tests of an item. Raises `DataError`."""
    try:
        tests = json.loads(item["public_test_cases"])
        if private := item.get("private_test_cases"):
            tests = tests + _private(private)
        inputs = [[json.loads(line) for line in test["input"].split("\n")] for test in tests]
        return Tests(inputs, [json.loads(test["output"]) for test in tests])
    except (ValueError, TypeError, KeyError, binascii.Error, zlib.error, pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"{where}: its tests cannot be read: {error}") from None


def _private(text: str) -> list[dict[str, str]]:
    try:
        found = json.loads(text)
    except ValueError:
        packed = zlib.decompress(base64.b64decode(text))
        found = json.loads(_TextOnly(io.BytesIO(packed)).load())
    if not isinstance(found, list):
        raise ValueError("not a list")
    return found


def named_as(code: str, name: str, prompt: str) -> str:
    """The code with its last top-level function called ``name``, as the tests call it, below the imports of ``prompt``."""
    tree = parse_python(code)
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    if functions and name not in functions:
        code = re.sub(rf"\b{re.escape(functions[-1])}\b", lambda _: name, code)
    before = parse_python(prompt)
    kept = [ast.unparse(node) for node in before.body if isinstance(node, ast.Import | ast.ImportFrom)] if before else []
    return "\n".join([*kept, code])


async def passes(cast: Cast, code: str, name: str, tests: Tests) -> str:
    """ "" when every test gives the expected value (a tuple is as good as a list), else what went wrong. Recorded: it
    depends on the clock. Raises `SandboxUnavailable`."""

    async def run() -> dict[str, Any]:
        from ...worlds.sandbox import run_python

        given = json.dumps({"inputs": tests.inputs, "name": name, "seconds": SECONDS})
        timeout = min(_MOST_SECONDS, SECONDS * (len(tests.inputs) + 1))
        done = await run_python(_DRIVER, timeout=timeout, files={"solution.py": code, "tests.json": given})
        return {"line": done.stdout.rstrip("\n").rpartition("\n")[2], "reason": done.reason}

    done = await cast.record("tests", run)
    if done["reason"]:
        return str(done["reason"])
    try:
        found = json.loads(done["line"])
    except (ValueError, RecursionError):
        return "no result"
    if not isinstance(found, list):
        return str(found)[:300]
    wrong = [i for i, (got, want) in enumerate(zip(found, tests.outputs, strict=False), 1) if got != want]
    if len(found) != len(tests.outputs):
        return "not all tests were run"
    return f"wrong answer in test {wrong[0]} of {len(found)}" if wrong else ""

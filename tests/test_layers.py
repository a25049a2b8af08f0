"""Imports run downwards only, nothing heavy is imported early, and no file grows without bound.

Run as a script it prints what is wrong and exits with 1; as tests it says the same to pytest.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "multiturn"
LONGEST = 400

FLOORS: dict[str, int] = {
    "conversation": 0,
    "models": 1, "measures": 1, "worlds": 1,
    "players": 2, "judges": 2, "retrieval": 2,
    "protocols": 3,
    "engine": 4, "learning": 4, "synthesis": 4,
    "systems": 5,
    "report": 6, "web": 6, "api": 6, "cli": 6,
    "": 7, "__main__": 7,
}  # fmt: skip
"""The room table: each room (or module of the package itself, "" = its `__init__`) and its floor."""

SIBLINGS = {("cli", "report"), ("cli", "api"), ("api", "report")}
"""Imports between two rooms of one floor that are wanted."""

HEAVY = ("numpy", "scipy", "aiohttp", "rich", "langdetect", "uvloop", "yaml", "xllamacpp", "pyarrow", "genai_prices")


def room_of(module: str) -> str:
    """The room of ``multiturn.room.file`` ("" = the package itself)."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path, source: Path = SOURCE) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything of this package that a file imports, inside functions too. A relative import that
    leaves the package has the name ``..``."""
    package = ["multiturn", *path.relative_to(source).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name.split(".")[0] == "multiturn")
        elif isinstance(node, ast.ImportFrom):
            if node.level > len(package):
                yield node.lineno, ".."
                continue
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            if base == "multiturn":  # `from .. import engine` names rooms, `from .. import __version__` does not
                yield from ((node.lineno, f"multiturn.{a.name}") for a in node.names if a.name != "__version__")
            elif base.startswith("multiturn."):
                yield node.lineno, base


def violations(source: Path = SOURCE) -> list[str]:
    """What breaks the rules, one line each."""
    found = []
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        here = "" if parts[0] == "__init__" else parts[0]
        shown = path.relative_to(source.parent)
        if here not in FLOORS:
            found.append(f"{shown}: `{here}` is not in the room table")
            continue
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST:
            found.append(f"{shown}: {lines} lines, at most {LONGEST} are allowed")
        for line, module in imports(path, source):
            there = room_of(module)
            if module == "..":
                found.append(f"{shown}:{line}: a relative import that leaves the package")
            elif there not in FLOORS:
                found.append(f"{shown}:{line}: imports {module}, which is not in the room table")
            elif there != here and FLOORS[there] > FLOORS[here]:
                found.append(f"{shown}:{line}: {here} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]}) above it")
            elif there != here and FLOORS[there] == FLOORS[here] and (here, there) not in SIBLINGS:
                found.append(f"{shown}:{line}: {here} imports {there} beside it")
    return found


def early(code: str) -> list[str]:
    """Heavy packages that are loaded after running a line of Python in a fresh interpreter."""
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nsys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    return [name for name in HEAVY if name in loaded]


HELP = "sys.argv = ['multiturn', '--help']; import multiturn.cli; multiturn.cli.main()"


def test_imports_run_downwards_and_files_stay_small() -> None:
    assert violations() == []


def test_import_and_help_load_nothing_heavy() -> None:
    assert early("import multiturn") == []
    assert early(HELP) == []


def test_the_rules_catch_what_they_forbid(tmp_path: Path) -> None:
    files = {
        "conversation/up.py": "def f():\n    from ..engine import store\n",
        "models/beside.py": "import multiturn.measures.codes\n",
        "engine/out.py": "from .... import anything\n",
        "engine/rooms.py": "from .. import __version__, report\n",
        "attic/new.py": "",
        "judges/long.py": "x = 1\n" * (LONGEST + 1),
        "systems/script/fine.py": "from ...protocols.scripted import Scripted\nfrom .other import x\n",
        "cli/fine.py": "from ..report import html\nfrom ..api import play\n",
    }
    for name, text in files.items():
        (tmp_path / "multiturn" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "multiturn" / name).write_text(text)
    found = violations(tmp_path / "multiturn")
    assert [line.partition(": ")[0].removeprefix("multiturn/") for line in found] == [
        "attic/new.py", "conversation/up.py:2", "engine/out.py:1", "engine/rooms.py:1", "judges/long.py", "models/beside.py:1",
    ]  # fmt: skip


if __name__ == "__main__":
    wrong = violations()
    wrong += [f"`import multiturn` loads {name}" for name in early("import multiturn")]
    wrong += [f"`multiturn --help` loads {name}" for name in early(HELP)]
    print("\n".join(wrong) or "imports run downwards; nothing heavy is loaded early")
    sys.exit(bool(wrong))

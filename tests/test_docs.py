"""The documentation is true: its examples run, its links lead somewhere, its names are those of the program.

How pages are read: blocks marked `python` and `console` are run in order, in a folder of the page's own, and so is `sql`, on the
store that they made. A block that begins with ``# file: NAME``, or has ``<!-- file: NAME -->`` before it, is saved there. In a
`console` block ``$`` begins a command, ``# exit code N`` tells its exit code (0 if not told), and every other line must be
printed by it, blanks aside; ``…``, with or without blanks, stands for anything. `sh` blocks are only checked for names.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import re
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import click
import pytest

from multiturn.cli import main
from multiturn.cli.app import app
from multiturn.cli.listing import FIELDS
from multiturn.engine.schema import TABLES
from multiturn.models import PROVIDERS
from multiturn.players.catalogue import AROUND
from multiturn.protocols.casefile_schema import CaseSpec, TurnSpec
from multiturn.report.export import VERDICT_FIELDS
from multiturn.report.result import FIGURE_FIELDS, RunInfo, RunResult, as_object
from multiturn.systems.catalogue import CATALOGUE, make_system
from multiturn.worlds.base import Stop
from multiturn.worlds.sandbox import SandboxUnavailable
from test_layers import FLOORS, SOURCE

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
CLI = ROOT / "docs" / "cli.md"
SYSTEMS = ROOT / "docs" / "systems.md"
MODELS = ROOT / "docs" / "models.md"
KINDS = ROOT / "docs" / "kinds.md"


class Block(NamedTuple):
    """A fenced block: its language, its text, its line in the page, and the name it is saved under ("" = not saved)."""

    language: str
    text: str
    line: int
    file: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"(?:^<!-- file: (\S+) -->\n)?^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        named = found[1] or (said[1] if (said := re.match(r"# file: (\S+)\n", found[3])) else "")
        yield Block(found[2], found[3], text.count("\n", 0, found.start(3)) + 1, named)


def runnable(page: Path) -> bool:
    return any(block.language in ("python", "console", "sql") for block in blocks(page))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# -- examples -----------------------------------------------------------------------------------------------------
# The command's entry point takes a name from click that click 9 will not have.
@pytest.mark.filterwarnings("ignore:'click.utils.PacifyFlushWrapper':DeprecationWarning")
@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name_of)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("MULTITURN_STORE", "MULTITURN_DATA"):
        monkeypatch.delenv(name, raising=False)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        place = f"{name_of(page)}, line {block.line}"
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        if block.language == "python":
            try:
                exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
            except SandboxUnavailable as error:  # as the page says
                pytest.skip(str(error))
        elif block.language == "console":
            for command, code, lines in commands(block.text):
                check_command(command, code, lines, place)
        elif block.language == "sql":
            with contextlib.closing(sqlite3.connect(tmp_path / "multiturn.db")) as store:
                assert store.execute(block.text).description, place


def commands(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """Each command of a console block with its exit code and the lines that it must print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        told = [int(found[1]) for line in lines if (found := re.fullmatch(r"# exit code (\d+)", line))]
        yield command, told[0] if told else 0, [line for line in lines if line.strip() and not line.startswith("# exit code")]


def check_command(command: str, code: int, lines: list[str], place: str) -> None:
    found, printed = run(command)
    assert found == code, f"{place}: `{command}` left with {found}\n{printed}"
    said = plain(printed)
    for line in lines:
        pattern = ".*".join(re.escape(piece) for piece in re.split(r"\s*…\s*", plain(line)))
        assert re.search(pattern, said), f"{place}: `{command}` does not print {line!r}\n{printed}"


def plain(text: str) -> str:
    """Text with blanks and line ends made equal: tables and sentences are laid out by the width of the terminal."""
    return " ".join(text.split())


def run(command: str) -> tuple[int, str]:
    """Run a command of ours in this process; (exit code, all that it printed)."""
    program, *arguments = shlex.split(command)
    assert program == "multiturn", f"a console block holds commands of ours only, not {program}"
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        patch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as left:
            main()
    out.seek(0)
    return int(left.value.code or 0), out.read()


def test_a_benchmark_in_forty_lines() -> None:
    for page, name in ((ROOT / "docs" / "add-a-benchmark.md", "till.py"), (ROOT / "README.md", "guess.py")):
        (found,) = (block for block in blocks(page) if block.file == name)
        written = [line for line in found.text.splitlines() if line.strip() and not line.startswith("# file:")]
        assert len(written) <= 40


def test_a_case_file_in_eight_lines() -> None:
    (found,) = (block for block in blocks(ROOT / "README.md") if block.file == "trips.yaml")
    assert len(found.text.splitlines()) <= 8


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_example_files_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    names["RUNS"] = 50  # the page's table is made with more
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        names["main"]()
    assert out.getvalue()


# -- links --------------------------------------------------------------------------------------------------------
def shown(page: Path) -> str:
    """The page without comments and fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as code hosts make them."""
    heads = re.findall(r"^#+ (.+)$", shown(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", shown(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in anchors(found), f"{name_of(page)} links to {target}: no such heading"


def test_every_page_is_in_the_index() -> None:
    index = shown(ROOT / "docs" / "index.md")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in index
    families = shown(SYSTEMS)
    for page in (ROOT / "docs" / "systems").glob("*.md"):
        assert f"](systems/{page.name})" in families


# -- the command line ---------------------------------------------------------------------------------------------
def all_commands() -> dict[str, click.Command]:
    """Every command by its full name: run, …, cache merge."""
    context = click.Context(app)
    found = {name: app.get_command(context, name) for name in app.list_commands(context)}
    whole: dict[str, click.Command] = {}
    for name, command in found.items():
        assert command is not None
        inner = command.commands if isinstance(command, click.Group) else {}
        whole |= {name: command, **{f"{name} {each}": sub for each, sub in inner.items()}}
    return whole


def options_of(command: click.Command) -> set[str]:
    return {name for each in command.params for name in each.opts if name.startswith("--")}


def named_options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def sections(page: Path) -> dict[str, str]:
    """Heading -> what stands under it, down to the next heading."""
    parts = re.split(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
def test_options_named_in_the_docs_exist(page: Path) -> None:
    known = set().union(*map(options_of, all_commands().values())) | {"--help", "--version"}
    assert named_options(page.read_text(encoding="utf-8")) <= known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_named_in_the_docs_exist(page: Path) -> None:
    known = {name.split()[0] for name in all_commands()} | {"COMMAND"}
    text = " ".join(page.read_text(encoding="utf-8").split())
    for found in re.findall(r"(?:[`$] ?|```sh )multiturn ((?!--)[\w-]+)", text):
        assert found in known, f"multiturn {found}"


@pytest.mark.parametrize("name", all_commands())
def test_every_command_and_option_is_described(name: str) -> None:
    found = sections(CLI)
    assert name in found, f"docs/cli.md has no section {name}"
    command = all_commands()[name]
    if not isinstance(command, click.Group):
        described = re.sub(r"^```console.*?^```$", "", found[name], flags=re.MULTILINE | re.DOTALL)
        assert named_options(described) - {"--help"} == options_of(command)


# -- names --------------------------------------------------------------------------------------------------------
def first_names(text: str) -> list[str]:
    """The names in the first column of the first table of a text, in order."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table
    return [name for row in table[0].splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def listed(marker: str) -> list[str]:
    """The names after a marker, up to the end of the sentence."""
    found = re.search(rf"<!-- {marker} -->(.*?)\.\s", CLI.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return re.findall(r"`(\w+)`", found[1])


def test_names_of_the_json_result() -> None:
    text = sections(CLI)["The JSON result"]
    whole, figure = text.split("A figure:")
    assert first_names(whole) == list(as_object(RunResult(run=RunInfo(id="x"))))
    assert sorted(first_names(figure)) == sorted(FIGURE_FIELDS)
    assert set(re.findall(r"`(\w+)`", re.search(r"^\| `run` \|.*$", whole, re.MULTILINE)[0])) == {  # type: ignore[index]
        "run",
        *RunInfo.__struct_fields__,
    }


def test_names_of_lists_and_exports() -> None:
    assert listed("list-fields") == list(FIELDS)
    assert listed("verdict-fields") == list(VERDICT_FIELDS)


def test_tables_of_the_store() -> None:
    text = sections(CLI)["The store"]
    described = {}
    for row in re.findall(r"^\| `(\w+)` \|[^|]*\|(.*)\|$", text, re.MULTILINE):
        described[row[0]] = set(re.findall(r"`(\w+)`", row[1]))
    with contextlib.closing(sqlite3.connect(":memory:")) as store:
        store.executescript(TABLES)
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        assert described == {name: {row[1] for row in store.execute(f"PRAGMA table_info({name})")} for name in tables}


def test_fields_of_a_case_file() -> None:
    case, turn = re.split(r"^A turn:$", sections(CLI)["Case files"], flags=re.MULTILINE)
    assert set(first_names(case)) == set(CaseSpec.__struct_fields__)
    assert set(first_names(turn)) == set(TurnSpec.__struct_fields__)


def test_providers() -> None:
    assert set(first_names(sections(MODELS)["Names"])) == set(PROVIDERS)


def test_every_system_is_in_the_tables() -> None:
    table = sections(ROOT / "README.md")["What is in the catalogue"]
    assert names_by_family(table) == {family: of(family) for family in families()}
    index = sections(SYSTEMS)["Systems"]
    assert names_by_family(index) == {family: of(family) for family in families()}
    for slug, entry in CATALOGUE.items():
        assert f"[`{slug}`](systems/{entry.family}.md#{slug})" in index


def families() -> set[str]:
    return {entry.family for entry in CATALOGUE.values()}


def of(family: str) -> list[str]:
    return [slug for slug, entry in CATALOGUE.items() if entry.family == family]


def names_by_family(text: str) -> dict[str, list[str]]:
    """Family -> the names in the second column of the first table, in order."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table
    rows = [row.split("|")[1:3] for row in table[0].splitlines()[2:]]
    return {re.sub(r"\[(.*?)\].*", r"\1", first.strip()): re.findall(r"`([^`]+)`", second) for first, second in rows}


@pytest.mark.parametrize("slug", CATALOGUE)
def test_every_system_has_a_section(slug: str) -> None:
    """It names the settings and options that the system has, commands give no others, and it says what is not covered."""
    page = ROOT / "docs" / "systems" / f"{CATALOGUE[slug].family}.md"
    found = sections(page)
    assert slug in found, f"{name_of(page)} has no section {slug}"
    text, system = found[slug], make_system(slug)
    named = set(re.findall(r"`([^`]+)`", plain(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))))
    assert set(system.settings) <= named, f"settings of {slug}: {set(system.settings) - named}"
    told = {name.partition("=")[0] for name in named}
    assert set(system.params) <= told, f"options of {slug}: {set(system.params) - told}"
    for command in re.findall(rf"multiturn run \"?{slug}\?(\S+?)\"? ", text):
        assert {option.partition("=")[0] for option in command.split("&")} <= set(system.params)
    assert "Not covered" in text


def test_every_player_around_a_model_is_described() -> None:
    """Names and options of `--with` are those of docs/models.md, with their defaults."""
    text = sections(MODELS)["Around a model"]
    assert first_names(text)
    assert set(first_names(text)) == set(AROUND)
    for name, (place, _) in AROUND.items():
        module, _, maker = place.partition(":")
        options = inspect.signature(getattr(importlib.import_module(module), maker)).parameters
        row = re.search(rf"^\| `{name}` \|.*\|(.*)\|$", text, re.MULTILINE)
        assert row
        told = dict(re.findall(r"`(\w+)`(?: \((\w[\w.]*))?", row[1]))
        assert told == {key: str(option.default).lower() for key, option in options.items()}, name


def test_every_kind_leads_to_its_pieces() -> None:
    """docs/kinds.md leads to the file of a system of every family, and what a link names stands in the file that it leads to."""
    text = shown(KINDS)
    for family in families():
        assert f"src/multiturn/systems/{family}/" in text, family
    for label, path in re.findall(r"\[([^\]]+)\]\(\.\./(src/[^)]+\.py)\)", text):
        code = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`([\w-]+)`", label):
            known = (
                name in CATALOGUE
                or Path(path).stem == name
                or re.search(rf"^(?:async )?(?:def|class) {name}\b", code, re.MULTILINE)
            )
            assert known, f"docs/kinds.md: {name} is not in {path}"


def test_reasons_for_the_end_of_a_conversation() -> None:
    said = plain((ROOT / "docs" / "concepts.md").read_text(encoding="utf-8"))
    found = re.search(r"`cast.facts\[\"stop\"\]`, one of: ([^.]+)\.", said)
    assert found
    assert found[1].split(", ") == list(get_args(Stop))


def test_every_system_is_in_the_change_log() -> None:
    assert set(CATALOGUE) <= set(re.findall(r"`([^`]+)`", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))


def test_rooms() -> None:
    table = sections(ROOT / "CONTRIBUTING.md")["Rooms"]
    found = {room: int(floor) for floor, room in re.findall(r"^\| (\d) \| `(\w+)/?` \|", table, re.MULTILINE)}
    assert found == {room: floor for room, floor in FLOORS.items() if room.strip("_") not in ("", "main")}


def test_kinds_of_figures_are_explained() -> None:
    """Every kind that a figure can have stands in docs/statistics.md."""
    kinds = {"difference", "effect", "detectable"}
    for path in [*(SOURCE / "measures").glob("*.py"), *(SOURCE / "systems").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Figure", "curve"):
                kinds |= {str(k.value.value) for k in node.keywords if k.arg == "kind" and isinstance(k.value, ast.Constant)}
    table = sections(ROOT / "docs" / "statistics.md")["Measures"]
    assert kinds <= set(re.findall(r"\(`(\w+)`\)", table))

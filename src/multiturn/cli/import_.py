"""``multiturn import``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from .options import json_option, store_option

if TYPE_CHECKING:
    from ..engine.imports.source import Source
    from ..engine.imports.write import Brought
    from ..measures.figure import Scale


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--as", "format", metavar="FORMAT", help="openai, sharegpt, inspect, mt-bench or tau; default: what the files are.")
@click.option("--model", metavar="NAME", help="Name of the model that speaks in them; default: the one that they name.")
@click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be read, and say how many.")
@store_option
@json_option
def command(files: tuple[str, ...], format: str | None, model: str | None, skip_bad: bool, store: str,
            json_path: str | None) -> int:  # fmt: skip
    """Bring conversations of other programs into the store, as a run of their own, with the verdicts that they have.

    Formats: OpenAI chat JSONL and what `multiturn export` writes, ShareGPT, logs of Inspect (.eval, .json), MT-Bench answers
    and judgments (with question.jsonl), results of tau-bench and tau2. report, show, compare, export and score work on the run
    as on any other. The same files are the same run. Nothing is written if some row cannot be read.

    \b
    Examples:
      multiturn import chats.jsonl --model openai/gpt-4o-mini
      multiturn import logs/2025-02-11_popularity.eval
      multiturn import model_answer/vicuna-13b.jsonl model_judgment/gpt-4_single.jsonl
      multiturn import results.json --as tau --store airline.db
    """
    from ..api import versions
    from ..engine.imports.formats import FORMATS, guess, module_of, with_companions
    from ..engine.imports.source import Source
    from ..engine.imports.write import bring_in
    from .opening import writable_store
    from .session import check_outputs, command_line

    check_outputs(json_path)
    sources = list({source.sha256: source for source in map(Source, files)}.values())
    name = format or guess(sources)
    reader = module_of(name)
    if not format and json_path != "-":
        click.echo(f"read as {name}: {FORMATS[name][1]} (--as names another format)")
    given, sources = sources, with_companions(name, sources)
    about = {"command": command_line(), "versions": versions(), "data": {s.name: s.sha256 for s in sources}}
    with writable_store(store) as opened:
        read, scale = reader.read(sources), _scale(name)
        brought = bring_in(opened, read, format=name, model=model or "", scale=scale, skip_bad=skip_bad, about=about)
    if json_path:
        _write(json_path, brought, sources)
    if json_path != "-":
        _print(brought, [s for s in sources if s not in given])
    return 0


def _scale(format: str) -> Callable[[str, str], Scale | None]:
    """What is known of a measure: by its format, or, for conversations of ours, by the benchmark that they are of."""
    from ..conversation import InputError
    from ..engine.imports.formats import scales_known
    from ..systems.catalogue import make_system

    fixed = scales_known(format)
    made: dict[str, Mapping[str, Scale]] = {}

    def known(task: str, measure: str) -> Scale | None:
        if task and format == "openai" and task not in made:
            try:
                made[task] = make_system(task).scales
            except InputError:  # a benchmark that is not installed here: the values have to do
                made[task] = {}
        return fixed.get(measure) or made.get(task, {}).get(measure)

    return known


def _write(path: str, brought: Brought, sources: Sequence[Source]) -> None:
    import msgspec

    from ..conversation.files import write_bytes

    files = [{"name": s.name, "sha256": s.sha256, "bytes": s.size} for s in sources]
    made = msgspec.json.encode({**msgspec.structs.asdict(brought), "files": files})
    text = msgspec.json.format(made, indent=2) + b"\n"
    if path == "-":
        click.echo(text, nl=False)
    else:
        write_bytes(path, text)


def _print(b: Brought, found: Sequence[Source]) -> None:
    from ..report.safe import one_line
    from ..report.words import count

    for source in found:
        click.echo(f"with {source.path}, which lies beside them")
    for problem in b.problems:
        click.echo(f"left out: {one_line(problem, 300)}")
    if b.skipped > len(b.problems):
        click.echo(f"left out: {b.skipped - len(b.problems):,} more")
    for note in b.notes:
        click.echo(f"note: {one_line(note, 300)}")
    several = f", up to {b.repeats} repeats of one" if b.repeats > 1 else ""
    models = one_line(", ".join(b.models), 120)
    click.echo(f"{count(b.conversations, 'conversation')} of {count(b.cases, 'case')}{several}; {models}")
    if b.measures:
        lost = f", {b.unmeasured:,} not measured" if b.unmeasured else ""
        click.echo(f"{count(b.verdicts, 'verdict')}{lost}: {one_line(', '.join(b.measures), 200)}")
    else:
        click.echo("no verdicts: multiturn score asks a judge for some")
    click.echo(f"run {b.run}{'' if b.fresh else ' (it was here already)'}: multiturn report {b.run}")

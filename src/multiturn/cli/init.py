"""``multiturn init``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click


@click.command("init")
@click.argument("path", required=False)
@click.option("--kind", type=click.Choice(["cases", "benchmark"]), help="What to write; default: what PATH ends in.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a case instead (editors check files with it).")
def command(path: str | None, kind: str | None, schema: bool) -> int:
    """Start a benchmark of your own: a commented file of cases (no Python needed), or a small Python benchmark.

    PATH is the file to write; by default my_cases.yaml or my_benchmark.py. Nothing is ever overwritten.

    \b
    Examples:
      multiturn init
      multiturn init support_bot.yaml
      multiturn init my_benchmark.py
      multiturn init --schema > case.schema.json
    """
    if schema:
        from ..protocols.casefile import case_schema

        click.echo(json.dumps(case_schema(), indent=2, ensure_ascii=False))
        return 0
    kind = kind or ("benchmark" if path and path.endswith(".py") else "cases")
    target = Path(path or {"cases": "my_cases.yaml", "benchmark": "my_benchmark.py"}[kind])
    _check_ending(target, kind)
    from ..protocols.scaffold import scaffold_benchmark, scaffold_cases

    _write(target, scaffold_benchmark() if kind == "benchmark" else scaffold_cases())
    name = shlex.quote(f"{target}:Countdowns" if kind == "benchmark" else str(target))
    click.echo(f"wrote {target}; next:")
    click.echo(f"  multiturn validate {name}")
    click.echo(f"  multiturn run {name} --model local/smollm2")
    return 0


def _check_ending(target: Path, kind: str) -> None:
    from ..conversation.errors import InputError

    endings = {"benchmark": (".py",), "cases": (".yaml", ".yml")}[kind]
    if target.suffix not in endings:
        raise InputError(f"{target}: the {kind} scaffold is written to a file that ends in {' or '.join(endings)}")


def _write(target: Path, text: str) -> None:
    from ..conversation.errors import InputError

    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{target} is already there and is left as it is; give another name: multiturn init PATH") from None
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None

"""``multiturn cache``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import EXIT_DONE, EXIT_MISSED
from .options import DEFAULT_STORE, store_option


@click.group("cache")
def command() -> None:
    """Look at, merge, check and tidy up stores and downloaded files.

    A store keeps every conversation, call and verdict; weights and data files are fetched once and kept in MULTITURN_CACHE.

    \b
    Examples:
      multiturn cache info
      multiturn cache merge a.db b.db --into all.db
      multiturn cache verify --store results.db
      multiturn cache clear --data
    """


@command.command("info")
@store_option
def info(store: str) -> int:
    """Say how large the store is, what it holds, and what was downloaded.

    \b
    Examples:
      multiturn cache info
      multiturn cache info --store results.db
    """
    from ..engine.merge import counts
    from ..engine.store import Store

    if Path(store).is_file():
        with Store(store) as opened:
            held = counts(opened)
        size = sum(_size(Path(store + end)) for end in ("", "-wal"))
        click.echo(f"store {store}: {_bytes(size)}")
        for table, n in held.items():
            click.echo(f"  {table.ljust(9)} {n:>12,}")
    else:
        click.echo(f"store {store}: not there yet (a run makes it)")
    for name, folder in _folders().items():
        files = _files(folder)
        click.echo(f"{name} {folder}: {len(files):,} file{'' if len(files) == 1 else 's'}, {_bytes(sum(map(_size, files)))}")
        for file in files[:20]:
            click.echo(f"  {file.relative_to(folder)} ({_bytes(_size(file))})")
        if len(files) > 20:
            click.echo(f"  … and {len(files) - 20:,} more")
    return EXIT_DONE


@command.command("merge")
@click.argument("stores", nargs=-1, required=True, metavar="STORE...")
@click.option(
    "--into", default=DEFAULT_STORE, show_default=True, metavar="STORE", help="Where everything goes; made if not there."
)
def merge(stores: tuple[str, ...], into: str) -> int:
    """Add everything that other stores hold to one store. The others are only read.

    Equal conversations, calls and episodes are one row. Of an episode that only one store finished, that one is taken.

    \b
    Examples:
      multiturn cache merge worker1.db worker2.db --into all.db
    """
    from ..engine.merge import merge as union

    new = union(stores, into)
    found = ", ".join(f"{n:,} {table}" for table, n in new.items() if n)
    click.echo(f"{into}: {'added ' + found if found else 'nothing new'}")
    return EXIT_DONE


@command.command("verify")
@store_option
def verify(store: str) -> int:
    """Check that a store is whole: the file, that every message's name is the hash of its content, and that everything
    that is pointed at is there. Exit code 1 when something is wrong.

    \b
    Examples:
      multiturn cache verify
      multiturn cache verify --store results.db
    """
    from ..engine.store import Store
    from ..engine.verify import verify as faults

    with Store(store) as opened:
        found = faults(opened)
    for line in found:
        click.echo(line)
    if found:
        click.echo(f"{store} is damaged; `sqlite3 {store} .recover | sqlite3 new.db` saves what can be read", err=True)
        return EXIT_MISSED
    click.echo(f"{store} is whole")
    return EXIT_DONE


@command.command("clear")
@click.option("--data", is_flag=True, help="Delete downloaded data files.")
@click.option("--weights", is_flag=True, help="Delete downloaded weights.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
def clear(data: bool, weights: bool, yes: bool) -> int:
    """Delete downloaded files; they are fetched again when needed. Stores are never touched.

    \b
    Examples:
      multiturn cache clear --data
      multiturn cache clear --data --weights --yes
    """
    from ..conversation.errors import InputError

    chosen = [name for name, wanted in (("data", data), ("weights", weights)) if wanted]
    if not chosen:
        raise InputError("clear what? Give --data, --weights or both")
    for name in chosen:
        _clear(name, _folders()[name], yes)
    return EXIT_DONE


def _clear(name: str, folder: Path, yes: bool) -> None:
    import shutil

    from ..conversation.errors import InputError

    files = _files(folder)
    if not files:
        click.echo(f"no {name} in {folder}")
        return
    what = f"{len(files):,} file{'' if len(files) == 1 else 's'} ({_bytes(sum(map(_size, files)))}) of {name} in {folder}"
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"{what} would be deleted: say so with --yes")
        click.confirm(f"delete {what}?", abort=True)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise InputError(f"cannot delete {error.filename or folder}: {error.strerror}") from None
    click.echo(f"deleted {what}")


def _folders() -> dict[str, Path]:
    from ..models.weights import cache_folder

    return {name: cache_folder() / name for name in ("data", "weights")}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _bytes(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"

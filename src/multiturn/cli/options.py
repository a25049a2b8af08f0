"""Options that several commands share: one name, one default, one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_STORE = "multiturn.db"

store_option = click.option(
    "--store",
    default=DEFAULT_STORE,
    envvar="MULTITURN_STORE",
    show_default=True,
    metavar="PATH",
    help="Where everything is kept.",
)
data_option = click.option(
    "--data",
    metavar="DIR",
    help="Folder of data files (a folder per benchmark); default: MULTITURN_DATA, then the cache, then their home.",
)
json_option = click.option(
    "--json", "json_path", metavar="PATH", help="Write the result as one JSON object ('-': to standard output)."
)
html_option = click.option("--html", "html_path", metavar="PATH", help="Write the report as one HTML file that works offline.")
judge_option = click.option("--judge", metavar="MODEL", help="Model that judges what code cannot check.")


def budget_options(command: F) -> F:
    """--max-cost, --max-calls, --max-tokens."""
    for option in (
        click.option("--max-tokens", type=click.IntRange(min=0), metavar="N", help="Stop asking after N new tokens."),
        click.option("--max-calls", type=click.IntRange(min=0), metavar="N", help="Stop asking after N new calls."),
        click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="Stop asking when this much is spent."),
    ):
        command = option(command)
    return command

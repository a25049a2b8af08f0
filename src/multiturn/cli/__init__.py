"""Floor 6. The commands. Each lives in a module of its own and is imported only when it is called."""

from __future__ import annotations

import sys

EXIT_DONE, EXIT_MISSED, EXIT_INPUT, EXIT_PARTIAL, EXIT_NOTHING = 0, 1, 2, 3, 4


def main() -> None:
    """Entry point of the ``multiturn`` command: errors are one line, never a traceback for a user's mistake."""
    import sqlite3

    import click
    from click.utils import PacifyFlushWrapper

    from ..conversation.errors import MultiturnError
    from .app import app

    try:
        code = app.main(prog_name="multiturn", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else EXIT_DONE)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        ctx = getattr(error, "ctx", None)
        command = ctx.command_path if ctx is not None else "multiturn"
        line = " ".join(error.format_message().split())
        print(f"multiturn: {line.rstrip('.')} (see `{command} --help`)", file=sys.stderr)
        sys.exit(EXIT_INPUT)
    except MultiturnError as error:
        print(f"multiturn: {error}", file=sys.stderr)
        sys.exit(EXIT_INPUT)
    except (KeyboardInterrupt, click.Abort):
        print("multiturn: stopped", file=sys.stderr)
        sys.exit(EXIT_PARTIAL)
    except sqlite3.DatabaseError as error:  # met while reading: writing and opening say it themselves
        print(f"multiturn: the store cannot be read: {error}; `multiturn cache verify` says what is wrong", file=sys.stderr)
        sys.exit(EXIT_INPUT)
    except SystemExit:
        if isinstance(sys.stdout, PacifyFlushWrapper):  # click's way with `multiturn list | head`
            sys.exit(EXIT_DONE)
        raise

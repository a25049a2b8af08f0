"""Floor 6. The commands. Each lives in a module of its own and is imported only when it is called."""

from __future__ import annotations

import sys

EXIT_DONE, EXIT_MISSED, EXIT_INPUT, EXIT_PARTIAL, EXIT_NOTHING = 0, 1, 2, 3, 4


def main() -> None:
    """Entry point of the ``multiturn`` command: errors are one line, never a traceback for a user's mistake."""
    import sqlite3

    import click

    from ..conversation.errors import MultiturnError
    from .app import app

    try:
        code = app.main(prog_name="multiturn", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else EXIT_DONE)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        message = error.format_message()
        if message.startswith("Usage:"):  # a group without a command: its help
            print(message, file=sys.stderr)
        else:
            command = getattr(getattr(error, "ctx", None), "command_path", "multiturn")
            _say(f"{message.strip().rstrip('.')} (see `{command} --help`)")
        sys.exit(EXIT_INPUT)
    except MultiturnError as error:
        _say(str(error))
        sys.exit(EXIT_INPUT)
    except (KeyboardInterrupt, click.Abort):
        _say("stopped")
        sys.exit(EXIT_PARTIAL)
    except sqlite3.DatabaseError as error:  # met while reading: writing and opening say it themselves
        _say(f"the store cannot be read: {error}; `multiturn cache verify` says what is wrong")
        sys.exit(EXIT_INPUT)
    except SystemExit as leave:
        # `multiturn list | head`: rich leaves like this, and click like that.
        if isinstance(leave.__context__, BrokenPipeError) or type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):
            sys.exit(EXIT_DONE)
        raise


def _say(text: str) -> None:
    """One line on standard error: names and replies in it may hold line breaks and control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    print(f"multiturn: {line}", file=sys.stderr)

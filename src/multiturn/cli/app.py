"""The command group: names and one-line helps here, so that ``--help`` imports no command."""

from __future__ import annotations

import importlib

import click

from .. import __version__

_COMMANDS = {
    "run": ("run", "Run benchmarks against models, and say what the conversation costs."),
    "list": ("listing", "List the benchmarks, or the runs of a store."),
    "show": ("show", "Show a benchmark, or the conversations of a run, turn by turn."),
    "score": ("score", "Judge a finished run again, without asking the models again."),
    "compare": ("compare", "Compare two runs, models, settings or judges, case by case."),
    "plan": ("plan", "Plan a run: how many cases, repeats and judgements, at what price."),
    "calibrate": ("calibrate", "Hold a judge against people: agreement, biases, corrected figures."),
    "audit": ("audit", "Look for what a simulated user did wrong, and what it did to the figures."),
    "report": ("report", "Write the report of a run: terminal, HTML, JSON."),
    "export": ("export", "Export conversations and verdicts: chat JSONL, Parquet, CSV, JUnit."),
    "import": ("import_", "Bring conversations of other programs into the store, with their verdicts."),
    "validate": ("validate", "Check a case file or a benchmark, and that its gold answers score full marks."),
    "init": ("init", "Start a case file or a Python benchmark of your own."),
    "models": ("models", "Show how models are named, and try one."),
    "cache": ("cache", "Look at, merge and tidy up stores and downloaded files."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{_COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from ..conversation.errors import UnknownName

            raise UnknownName("command", args[0], _COMMANDS, "see `multiturn --help`")
        return super().resolve_command(ctx, args)


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="multiturn %(version)s")
def app() -> None:
    """How language models behave over many turns.

    \b
    Examples:
      multiturn run patterns --model local/smollm2
      multiturn run mt-eval --model openai/gpt-4o-mini --judge openai/gpt-4o --limit 10 --dry-run
      multiturn run my_cases.yaml --model http://localhost:8000/v1#my-model --html report.html
      multiturn compare last previous
    """

"""``multiturn audit``."""

from __future__ import annotations

import sys

import click

from .options import budget_options, data_option, json_option, judge_option, store_option


@click.command("audit")
@click.argument("what", nargs=-1, metavar="WHAT...")
@click.option("--human", metavar="FILE|RUN", help="Conversations of people to compare with: a file, a run, or simulator-arena.")
@click.option("--model", metavar="MODEL", help="The assistant, when a benchmark is played first.")
@click.option("--user", "users", multiple=True, metavar="MODEL", help="Who plays the user (repeatable: what changes with it).")
@judge_option
@click.option("--setting", "settings", multiple=True, metavar="NAME", help="Condition to play (repeatable).")
@click.option("--limit", type=int, metavar="N", help="Play at most N cases of each group.")
@click.option("--repeats", type=int, default=1, show_default=True, metavar="N", help="Independent repeats of every case.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of everything that is drawn by us.")
@click.option("--concurrency", type=int, metavar="N", help="Conversations at once; default: what the models take well.")
@click.option("--all", "everything", is_flag=True, help="Print figures by group and turn, and all measures, too.")
@budget_options
@store_option
@data_option
@json_option
def command(what: tuple[str, ...], human: str | None, model: str | None, users: tuple[str, ...], judge: str | None,
            settings: tuple[str, ...], limit: int | None, repeats: int, seed: int, concurrency: int | None, everything: bool,
            max_cost: float | None, max_calls: int | None, max_tokens: int | None, store: str, data: str | None,
            json_path: str | None) -> int:  # fmt: skip
    """Look for what a simulated user did wrong, and say what it did to the score.

    WHAT is a run (its id, or `last`, the default): the conversations in the store are read, and nobody is asked. Or it is a
    benchmark with a simulated user, which is played first (--model, --user). Several runs of the same cases with
    other users, or several --user, show how far the score moves with the user.

    Found are: leaks of what the user should hide, too much or too little told in a message, early and missing stops, role
    swaps, restarts, scratchpad text, repetition, claims of things never done, empty and endless messages; a user that always
    says the same, or talks at random. Every figure is printed with and without the conversations that the user can have
    decided. With --human the user is compared with people.

    \b
    Examples:
      multiturn audit
      multiturn audit 3fa2 --human people.jsonl --json audit.json
      multiturn audit last --human simulator-arena --data ./data
      multiturn audit lost-in-conversation --model openai/gpt-4o-mini --user openai/gpt-4o --limit 20
      multiturn audit tau-bench --model openai/gpt-4o --user openai/gpt-4o --user openai/gpt-4o-mini --repeats 2
      multiturn audit 3fa2 91bc                          the same cases with two users

    \b
    Exit codes: 0 done, 2 wrong input, 3 stopped early (what was done is saved), 4 no conversation with
    a simulated user.
    """
    from ..engine.budget import Budget
    from ..engine.data import DataFolder
    from ..engine.store import Store
    from ..report.audit import to_json
    from . import EXIT_DONE, EXIT_NOTHING, EXIT_PARTIAL
    from .auditing import audit_runs, benchmark_named, people_of, play_runs, runs_named
    from .opening import writable_store
    from .session import check_outputs

    check_outputs(json_path)
    folder = DataFolder(data)
    benchmark = benchmark_named(what, folder, model, users)
    if benchmark is None:
        with Store(store) as opened:
            people = people_of(human, opened, folder) if human else []
            result = audit_runs(opened, runs_named(opened, what), folder, people, human or "")
        stopped = False
    else:
        with writable_store(store) as opened:
            people = people_of(human, opened, folder) if human else []  # before anything is asked
            runs, stopped = play_runs(
                opened, benchmark, folder, model or "", users, judge, settings=settings, limit=limit, repeats=repeats, seed=seed,
                concurrency=concurrency, budget=Budget(max_cost, max_calls, max_tokens),
            )  # fmt: skip
            result = audit_runs(opened, runs, folder, people, human or "")
    if json_path == "-":
        sys.stdout.buffer.write(to_json(result))
    else:
        from ..report.audit_print import print_audit

        if json_path:
            from ..conversation.files import write_bytes

            write_bytes(json_path, to_json(result))
        print_audit(result, everything=everything)
    if stopped:
        print("multiturn: stopped early; what was answered is saved: run the same command to go on", file=sys.stderr)
        return EXIT_PARTIAL
    return EXIT_DONE if result.audits else EXIT_NOTHING

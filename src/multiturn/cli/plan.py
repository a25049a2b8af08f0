"""``multiturn plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import data_option, json_option, store_option

if TYPE_CHECKING:
    from ..report.planning import Planned

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_POSITIVE = click.FloatRange(0, min_open=True)
_PRICE = click.FloatRange(0)


@click.command("plan")
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("--effect", type=_POSITIVE, metavar="X", help="Difference to be found, in the measure's unit (0.05 = 5 points).")
@click.option("--ci", "half_width", type=_POSITIVE, metavar="X", help="Instead: half-width that a mean's interval shall have.")
@click.option("--power", type=_SHARE, default=0.8, show_default=True, metavar="P", help="Chance to find the difference.")
@click.option("--alpha", type=_SHARE, default=0.05, show_default=True, metavar="A", help="Error rate of the test, two-sided.")
@click.option("--unpaired", is_flag=True, help="The two sides answer different cases.")
@click.option("--correlation", type=click.FloatRange(-1, 1), metavar="R",
              help="How two models' scores of a case go together; default: the pilot's two sides, else 0.5.")  # fmt: skip
@click.option("--benchmark", default="", metavar="NAME", help="Which benchmark of the pilot; default: the first.")
@click.option("--measure", default="", metavar="NAME", help="Which measure of the pilot; default: the headline's.")
@click.option("--setting", default="", metavar="NAME", help="In which setting; default: the conversation itself.")
@click.option("--settings", nargs=2, metavar="A B", help="Plan for the difference of two settings.")
@click.option("--models", nargs=2, metavar="A B", help="Plan for the difference of two models of the pilot.")
@click.option("--max-cases", type=click.IntRange(2), metavar="N", help="No more cases than this exist.")
@click.option("--rate", type=_SHARE, metavar="P", help="Without a pilot: expected share of passes (0.7).")
@click.option("--sd-case", type=_PRICE, metavar="S", help="Without a pilot: standard deviation between cases.")
@click.option("--sd-repeat", type=_PRICE, metavar="S", help="Without a pilot: between repeats of a case.")
@click.option("--sd-judge", type=_PRICE, metavar="S", help="Without a pilot: between judgements of a conversation.")
@click.option("--price-case", type=_PRICE, metavar="X", help="What one more case costs before it is played (writing it).")
@click.option("--price-repeat", type=_PRICE, metavar="X", help="What one play of a case costs; default: as in the pilot.")
@click.option("--price-judge", type=_PRICE, metavar="X", help="What one judgement of it costs; default: as in the pilot.")
@click.option("--select", type=click.IntRange(1), metavar="N", help="Instead: choose the N most informative cases of past runs.")
@click.option("--out", metavar="FILE", help="Where --select writes its cases.")
@click.option("--responses", metavar="FILE", help="Past answers for --select: models x items, CSV or JSONL, instead of runs.")
@data_option
@store_option
@json_option
def command(runs: tuple[str, ...], effect: float | None, half_width: float | None, power: float, alpha: float, unpaired: bool,
            correlation: float | None, benchmark: str, measure: str, setting: str, settings: tuple[str, str] | None,
            models: tuple[str, str] | None, max_cases: int | None, rate: float | None, sd_case: float | None,
            sd_repeat: float | None, sd_judge: float | None, price_case: float | None, price_repeat: float | None,
            price_judge: float | None, select: int | None, out: str | None, responses: str | None, data: str | None,
            store: str, json_path: str | None) -> int:  # fmt: skip
    """How many cases, repeats and judgements are needed to see what you want to see, at what price, and where the next
    call is best spent.

    From a pilot RUN (a small run of the benchmark in question, best with --repeats 3; by default the last), or from
    stated variances. More runs beside the first: the same conversations judged again (`multiturn score`), the same cases
    with another --user, or with a second model. Differences are between the pilot's two models, else its two settings;
    --correlation plans for a second model that the pilot does not have.

    \b
    Examples:
      multiturn plan --effect 0.05                           find 5 points, from the last run
      multiturn plan 3fa2 --ci 0.02                          know the mean to 2 points each side
      multiturn plan 3fa2 91bc --effect 0.05 --power 0.9     91bc: the same conversations judged again
      multiturn plan --rate 0.7 --effect 0.05 --correlation 0.6
      multiturn plan --sd-case 0.3 --sd-repeat 0.3 --price-case 2 --price-repeat 0.05 --ci 0.03
      multiturn plan 3fa2 91bc --select 50 --out few.json
    """
    from .session import check_outputs

    check_outputs(json_path, out)
    if select is not None or out is not None or responses is not None:
        if select is None or out is None:
            raise click.UsageError("--select N and --out FILE go together")
        if json_path or any(x is not None for x in (effect, half_width, rate, max_cases, sd_case, sd_repeat, sd_judge)):
            raise click.UsageError(
                "--select chooses cases and writes them to --out FILE: it plans nothing else, and has no --json"
            )
        from .plan_select import select_items

        return select_items(store, runs, select, out, data, responses, benchmark, measure, setting)
    from . import plan_make
    from .plan_prices import Stated

    wanted = plan_make.Wanted(effect, half_width, power, alpha, unpaired, correlation, max_cases)
    prices = Stated(price_case, price_repeat, price_judge)
    sds = Stated(sd_case, sd_repeat, sd_judge)
    if rate is not None or any(sd is not None for sd in sds):
        if runs or settings or models or setting or measure or benchmark:
            raise click.UsageError("either a pilot RUN, or --rate and --sd-…: not both")
        planned = plan_make.from_variances(wanted, rate, sds, prices)
    else:
        of = plan_make.Of(benchmark, measure, setting, settings or None, models or None)
        planned = plan_make.from_pilot(store, runs or ("last",), wanted, of, prices)
    _publish(planned, json_path)
    return 0


def _publish(planned: Planned, json_path: str | None) -> None:
    import msgspec

    from ..conversation.files import write_bytes
    from ..report.planning import print_plan

    if json_path:
        text = msgspec.json.format(msgspec.json.encode(planned.as_object()), indent=2) + b"\n"
        if json_path == "-":
            click.echo(text, nl=False)
        else:
            write_bytes(json_path, text)
    if json_path != "-":
        print_plan(planned)

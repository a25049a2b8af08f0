"""``multiturn models``."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..models.base import Model, Reply

_QUESTION = "What is the capital of France? Answer with one word."

_HELP = """
A model is written provider/name, with options behind a question mark:
  openai/gpt-4o-mini?temperature=0&max_tokens=200
  anthropic/claude-sonnet-4-5?system=Answer briefly.
  http://localhost:8000/v1#my-model       any server that speaks OpenAI's language
  local/smollm2                           a small model in this process
  script:my_player.py:answer              a function in a Python file: conversation in, text out
  gold, gold?window=3                     the reference answers (of somebody who forgets all but 3 turns)
  replay:results.db#openai/gpt-4o-mini    what a model said before, from a store
Options: temperature, top_p, max_tokens, seed, stop, reasoning (drop, keep, last), system; extra.FIELD=value passes
a field on to the provider. Quote a name with ? or # in a shell. Try one: multiturn models NAME"""


@click.command("models")
@click.argument("name", required=False)
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=60.0, show_default=True, metavar="SECONDS", help="How long to wait."
)
def command(name: str | None, timeout: float) -> int:
    """Show how models are named and which keys are set; with NAME, ask that model one short question.

    Keys are read from the environment and never shown or stored. Trying a model makes one paid call, outside any store.

    \b
    Examples:
      multiturn models
      multiturn models openai/gpt-4o-mini
      multiturn models 'http://localhost:8000/v1#llama?temperature=0'
    """
    if name and (name == "gold" or name.startswith("gold?")):
        _gold(name)
    elif name:
        _try(name, timeout)
    else:
        _list()
    return 0


def _list() -> None:
    from ..models.names import PROVIDERS

    width = max(map(len, PROVIDERS))
    for provider, says in PROVIDERS.items():
        click.echo(f"{provider.ljust(width)}  {_state(provider):15}  {says}")
    click.echo(_HELP)


def _state(provider: str) -> str:
    """Whether a model of this provider can be reached from here, as far as can be told without asking."""
    from ..conversation.errors import ModelSetupError
    from ..models.names import make_model

    if provider == "local":
        return _weights()
    if provider in ("script", "http"):
        return ""
    try:
        make_model(f"{provider}/any", environ={})
        return "needs no key"
    except ModelSetupError:
        pass
    try:
        make_model(f"{provider}/any", environ=os.environ)
        return "key set"
    except ModelSetupError:
        return "key not set"


def _weights() -> str:
    """Which of the embedded models are here already."""
    from ..models.weights import KNOWN, cache_folder

    here = [name for name, weights in KNOWN.items() if (cache_folder() / "weights" / weights.file).is_file()]
    return f"here: {', '.join(here)}" if here else "not here"


def _gold(name: str) -> None:
    """The gold player answers from a benchmark's cases: there is nobody to ask a question that is not in one."""
    from ..engine.replay import cast_model

    label = cast_model(name).label
    click.echo(f"{label} is the benchmark's reference player: it gives the answers written in the cases and needs no trying")


def _try(name: str, timeout: float) -> None:
    from ..conversation import CallError, ModelSetupError
    from ..models.names import make_model
    from ..report.safe import one_line, visible

    model = make_model(name, timeout=timeout)
    started = time.perf_counter()
    try:
        reply = asyncio.run(_ask(model, seconds=timeout))
    except TimeoutError:
        raise ModelSetupError(f"{model.label} did not answer within {timeout:g} seconds (--timeout)") from None
    except CallError as error:
        raise ModelSetupError(f"{model.label} did not answer: {one_line(str(error), 300)}") from None
    seconds = time.perf_counter() - started
    click.echo(f"asked {one_line(model.label, 200)}: {_QUESTION}")
    text = visible(reply.message.text)
    click.echo(text if len(text) <= 2000 else f"{text[:2000]}… ({len(text) - 2000:,} more characters)")
    click.echo(_facts(model, reply, seconds))


async def _ask(model: Model, seconds: float) -> Reply:
    from ..conversation import Conversation

    try:
        async with asyncio.timeout(seconds):
            return await model.reply(Conversation().user(_QUESTION))
    finally:
        await model.close()


def _facts(model: Model, reply: Reply, seconds: float) -> str:
    from ..report.safe import one_line

    use = reply.usage
    counted = bool(use.input or use.output)
    tokens = f"{use.input:,} tokens in, {use.output:,} out" if counted else "tokens not counted"
    served = f", served as {one_line(reply.served)}" if reply.served and reply.served != model.name else ""
    retries = f", {reply.retries} retries" if reply.retries else ""
    cost = "cost unknown" if reply.cost is None else f"${reply.cost:.6f}" if reply.cost else "free"
    return f"({seconds:.2f} s, {tokens}, {cost}, stopped: {one_line(reply.stop)}{retries}{served})"

"""How much of each prompt the embedded model computes, and how fast it answers, with 1, 2, 4 and 8 conversations at once.

    python benchmarks/local_prefix.py [--parallel 1,2,4,8] [--conversations 8] [--turns 10] [--tokens 64] [--extra n_threads=1]

Each conversation has its own user turns of about 24 words, and replies are cut at the given number of tokens.
"computed" are the prompt tokens that the server computed (those not in a slot's cache), "distinct" the tokens of the
conversations that the model had not said itself: each must be computed once, so a ratio of 1 is ideal. Prints one
JSON object a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from pathlib import Path

from multiturn.conversation import Conversation
from multiturn.models.base import Options, Reply
from multiturn.models.local import LocalModel

_TEXT = """please tell me about the river town where old boats carry salt and paper to people who build small houses near
tall green hills while children read long books of maps kings ships and stars before winter brings cold rain"""


def _memory_mb() -> float:
    """Resident memory of this process; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


async def _converse(model: LocalModel, number: int, turns: int) -> list[Reply]:
    words = random.Random(number)
    chat, replies = Conversation(), []
    for _ in range(turns):
        reply = await model.reply(chat := chat.user(" ".join(words.choices(_TEXT.split(), k=24)) + "?"))
        chat = chat.add(reply.message)
        replies.append(reply)
    return replies


async def measure(parallel: int, conversations: int, turns: int, tokens: int, extra: dict[str, int]) -> dict[str, float]:
    """One line of the table."""
    options = Options(max_tokens=tokens, extra={"n_parallel": parallel, **extra})
    model = LocalModel("local/smollm2", options)
    start = time.perf_counter()
    await model.reply(Conversation().user("Hello."))
    load = time.perf_counter() - start
    gate = asyncio.Semaphore(parallel)

    async def one(number: int) -> list[Reply]:
        async with gate:
            return await _converse(model, number, turns)

    start = time.perf_counter()
    done = await asyncio.gather(*(one(i) for i in range(conversations)))
    seconds = time.perf_counter() - start
    memory = _memory_mb()
    await model.close()
    computed = sum(r.usage.input - r.usage.cached for replies in done for r in replies)
    sent = sum(r.usage.input for replies in done for r in replies)
    distinct = sum(replies[-1].usage.input - sum(r.usage.output for r in replies[:-1]) for replies in done)
    said = sum(r.usage.output for replies in done for r in replies)
    return {
        "parallel": parallel, "seconds": round(seconds, 2), "tokens_per_second": round(said / seconds, 1),
        "seconds_a_conversation": round(seconds / conversations, 2), "prompt_tokens_sent": sent, "computed": computed,
        "distinct": distinct, "ratio": round(computed / distinct, 3), "load_seconds": round(load, 2), "memory_mb": round(memory),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parallel", default="1,2,4,8")
    parser.add_argument("--conversations", type=int, default=8)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--extra", action="append", default=[], help="a setting of the server, as n_threads=1")
    given = parser.parse_args()
    extra = {key: int(value) for key, _, value in (item.partition("=") for item in given.extra)}
    for parallel in given.parallel.split(","):
        print(json.dumps(asyncio.run(measure(int(parallel), given.conversations, given.turns, given.tokens, extra))), flush=True)


if __name__ == "__main__":
    main()

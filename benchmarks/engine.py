"""What a turn costs: client and engine together, with recorded calls, store and progress, against a local mock server.

    python benchmarks/engine.py --server http://127.0.0.1:8901 --conversations 400 --turns 10 --connections 50 --latency-ms 0

The server must speak OpenAI's chat language, answer ``GET /set?ms=…`` (latency), ``/reset`` and ``/stats``. Prints CPU of this
process a turn, wall time, peak memory, and the time to read the run back with its figures. ``--floor`` measures a bare
aiohttp loop that keeps histories as bytes, in the same process, for a ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from multiturn.conversation import Cast, Conversation
from multiturn.engine.plan import Plan
from multiturn.engine.run import Runner
from multiturn.engine.runs import close_run, figures_of, find_run, open_run
from multiturn.engine.store import Store
from multiturn.measures.figures import mean
from multiturn.measures.verdict import Verdict
from multiturn.models import make_model
from multiturn.protocols.scripted import Scripted, ScriptedCase, ScriptedTurn, number_turns
from multiturn.report.progress import watch

WORDS = "please tell me more about how the second plan would change if we moved the date and kept budget the same".split()  # noqa: SIM905


def user_turns(conversation: int, turns: int, words: int = 24) -> list[str]:
    chance = random.Random(conversation)
    return [f"[{conversation}.{t}] " + " ".join(chance.choice(WORDS) for _ in range(words)) for t in range(turns)]


class Talk(Scripted):
    """Scripted turns, judged by the length of the reply."""

    slug = "talk"
    settings = ("multi",)
    measures = ("words",)
    figures = (mean("words"),)

    def __init__(self, conversations: int, turns: int) -> None:
        super().__init__()
        self.conversations, self.turns = conversations, turns

    def cases(self) -> Iterable[ScriptedCase]:
        for i in range(self.conversations):
            yield ScriptedCase(id=str(i), turns=number_turns(ScriptedTurn(user=u) for u in user_turns(i, self.turns)))

    async def score(self, case: ScriptedCase, turn: ScriptedTurn, reply: str, chat: Conversation, cast: Cast) -> list[Verdict]:
        return [Verdict("words", float(reply.count(" ") > 10))]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ask(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)  # type: ignore[no-any-return]


async def floor(url: str, conversations: int, turns: int, connections: int) -> None:
    import aiohttp
    import msgspec

    encode, decode = msgspec.json.encode, msgspec.json.decode
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        todo = iter(range(conversations))

        async def worker() -> None:
            for i in todo:
                body = b'{"model":"mock","messages":['
                for text in user_turns(i, turns):
                    body += encode({"role": "user", "content": text})
                    async with session.post(url, data=body + b"]}", headers={"Content-Type": "application/json"}) as reply:
                        said = decode(await reply.read())["choices"][0]["message"]["content"]
                    body += b"," + encode({"role": "assistant", "content": said}) + b","

        await asyncio.gather(*(worker() for _ in range(connections)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8901")
    parser.add_argument("--conversations", type=int, default=400)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--floor", action="store_true")
    parser.add_argument("--profile", action="store_true")
    a = parser.parse_args()
    import uvloop

    n = a.conversations * a.turns
    ask(f"{a.server}/set?ms={a.latency_ms}")
    ask(f"{a.server}/reset")
    result: dict[str, object] = {"conversations": a.conversations, "turns": a.turns, "connections": a.connections}
    if a.floor:
        before, start = cpu(), time.perf_counter()
        uvloop.run(floor(f"{a.server}/v1/chat/completions", a.conversations, a.turns, a.connections))
        print(
            json.dumps({**result, "what": "floor", "cpu_us": (cpu() - before) / n * 1e6, "wall_s": time.perf_counter() - start})
        )
        return
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s.db", writable=True) as store:
        model = make_model(f"{a.server}/v1#mock")
        plan = Plan([Talk(a.conversations, a.turns)], [model])
        run = open_run(store, plan)
        runner = Runner(plan, store, concurrency=a.connections)

        async def play() -> None:
            watching = asyncio.create_task(watch(runner.progress, False))
            await runner.run()
            watching.cancel()
            await model.close()

        before, start = cpu(), time.perf_counter()
        if a.profile:
            import cProfile
            import pstats

            profile = cProfile.Profile()
            profile.runcall(uvloop.run, play())
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        else:
            uvloop.run(play())
        result |= {"what": "multiturn", "cpu_us": (cpu() - before) / n * 1e6, "wall_s": time.perf_counter() - start}
        result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        close_run(store, run, "done", {})
        start = time.perf_counter()
        figures = figures_of(store, find_run(store, run), plan.benchmarks)
        result |= {"read_back_s": time.perf_counter() - start, "figures": len(figures), "calls": runner.recorder.counts.made}
        result["store_kb_a_conversation"] = sum(f.stat().st_size for f in Path(folder).iterdir()) / 1024 / a.conversations
        print(json.dumps(result))


if __name__ == "__main__":
    main()

"""The same work as `benchmarks/engine.py`, done by inspect-ai, for a comparison in one run.

    pip install inspect-ai openai            # in an environment of its own
    python benchmarks/peer_inspect.py --server http://127.0.0.1:8901 --conversations 100 --turns 10 --connections 50

Prints CPU of the process a turn and wall time, as `benchmarks/engine.py` does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
import urllib.request
from typing import Any

WORDS = "please tell me more about how the second plan would change if we moved the date and kept budget the same".split()  # noqa: SIM905


def user_turns(conversation: int, turns: int, words: int = 24) -> list[str]:
    chance = random.Random(conversation)
    return [f"[{conversation}.{t}] " + " ".join(chance.choice(WORDS) for _ in range(words)) for t in range(turns)]


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8901")
    parser.add_argument("--conversations", type=int, default=100)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--latency-ms", type=float, default=0)
    a = parser.parse_args()
    os.environ |= {"INSPECT_DISPLAY": "none", "OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{a.server}/v1"}
    from inspect_ai import Task, task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ChatMessageUser, GenerateConfig, get_model
    from inspect_ai.scorer import includes
    from inspect_ai.solver import solver

    @solver
    def multi_turn() -> Any:
        async def solve(state: Any, generate: Any) -> Any:
            state.messages = []
            for text in state.metadata["turns"]:
                state.messages.append(ChatMessageUser(content=text))
                state = await generate(state)
            return state

        return solve

    @task
    def talk() -> Any:
        samples = [
            Sample(input=f"conversation {i}", target="valley", id=i, metadata={"turns": user_turns(i, a.turns)})
            for i in range(a.conversations)
        ]
        return Task(dataset=MemoryDataset(samples), solver=multi_turn(), scorer=includes())

    urllib.request.urlopen(f"{a.server}/set?ms={a.latency_ms}", timeout=10).read()
    model = get_model("openai/mock", responses_api=False, config=GenerateConfig(max_connections=a.connections))
    before, start = cpu(), time.perf_counter()
    with tempfile.TemporaryDirectory() as logs:
        found = evaluate(
            talk(), model=model, log_dir=logs, max_samples=a.connections, max_connections=a.connections, display="none",
            log_level="warning",
        )  # fmt: skip
    assert found[0].status == "success", found[0].error
    result = {"what": "inspect-ai", "conversations": a.conversations, "turns": a.turns, "connections": a.connections}
    result |= {"cpu_us": (cpu() - before) / a.conversations / a.turns * 1e6, "wall_s": time.perf_counter() - start}
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()

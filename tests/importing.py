"""Files of other programs, made here: small, and with the traps that real ones have."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multiturn.engine.imports.common import Found, Item
from multiturn.engine.imports.formats import module_of, with_companions
from multiturn.engine.imports.source import Source


def jsonl(path: Path, *rows: Any) -> Path:
    """A file of a JSON value a line; text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return path


def whole(path: Path, value: Any) -> Path:
    """A file that is one JSON value, over several lines."""
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    return path


def items(format: str, *paths: Path) -> list[Item]:
    """What a format finds in these files."""
    return list(module_of(format).read(with_companions(format, [Source(path) for path in paths])))


def found(format: str, *paths: Path) -> list[Found]:
    """The conversations that a format finds; fails when a row is bad."""
    made = [item for item in items(format, *paths) if isinstance(item, Found)]
    assert made
    return made


# -- Inspect --------------------------------------------------------------------------------------------------------
def sample(id_: Any, epoch: int = 1, scores: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A sample of a log: a question, a call, its result, an answer."""
    messages = [
        {"id": "m1", "role": "system", "content": "attachment://long"},
        {"id": "m2", "role": "user", "content": "Sum 3 and 4", "source": "input"},
        {"id": "m3", "role": "assistant", "content": [
            {"type": "reasoning", "reasoning": "a tool knows", "signature": "s"}, {"type": "text", "text": ""}],
         "tool_calls": [{"id": "c1", "function": "add", "arguments": {"a": 3, "b": 4}, "type": "function"}]},
        {"id": "m4", "role": "tool", "tool_call_id": "c1", "function": "add", "content": "7"},
        {"id": "m5", "role": "assistant", "content": "It is 7", "model": "mockllm/model"},
    ]  # fmt: skip
    scored = {"includes": {"value": "C", "answer": "7", "explanation": "found"}} if scores is None else scores
    return {
        "id": id_, "epoch": epoch, "input": "Sum 3 and 4", "target": "7", "messages": messages, "scores": scored,
        "output": {"model": "mockllm/model", "choices": [{"message": messages[-1], "stop_reason": "stop"}]},
        "metadata": {}, "events": [], "attachments": {"long": "Be short."}, **fields,
    }  # fmt: skip


def log(samples: Sequence[Mapping[str, Any]] = (), status: str = "success", **about: Any) -> dict[str, Any]:
    """A log of Inspect with its samples, as its JSON form has them."""
    eval_ = {"task": "tiny", "model": "mockllm/model", "scorers": [{"name": "includes"}], "created": "2025-01-01", **about}
    return {"version": 2, "status": status, "eval": eval_, "results": {"total_samples": len(samples)}, "samples": list(samples)}


def archive(path: Path, written: Mapping[str, Any], *, zstandard: bool = False) -> Path:
    """The same log as an archive: deflated, or packed with Zstandard as newer ones are."""
    header = {name: value for name, value in written.items() if name != "samples"}
    members = {f"samples/{s['id']}_epoch_{s['epoch']}.json": s for s in written["samples"]} | {"header.json": header}
    texts = {name: json.dumps(value).encode() for name, value in members.items()}
    if zstandard:
        path.write_bytes(_zstandard(texts))
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in texts.items():
            out.writestr(name, text)
    return path


def _zstandard(members: Mapping[str, bytes]) -> bytes:
    """A zip archive written by hand: the standard library has no method 93 before Python 3.14."""
    import zstandard

    body, directory = b"", b""
    for name, data in members.items():
        packed = zstandard.ZstdCompressor().compress(data)
        fields = struct.pack("<5H3I2H", 63, 0, 93, 0, 33, zlib.crc32(data), len(packed), len(data), len(name), 0)
        directory += struct.pack("<4sH", b"PK\1\2", 63) + fields + struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\3\4" + fields + name.encode() + packed
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + end


# -- the others -----------------------------------------------------------------------------------------------------
QUESTIONS = (
    {"question_id": 81, "category": "writing", "turns": ["Write a line.", "Shorter."]},
    {"question_id": 82, "category": "math", "turns": ["1 and 1?", "And 1 more?"]},
)


def answers(model: str, *, choices: int = 1) -> list[dict[str, Any]]:
    """An MT-Bench answer file of a model."""
    return [
        {"question_id": q["question_id"], "answer_id": "x", "model_id": model, "tstamp": 1.0,
         "choices": [{"index": i, "turns": [f"{model} {i} a", f"{model} {i} b"]} for i in range(choices)]}
        for q in QUESTIONS
    ]  # fmt: skip


def rated(question: int, model: str, turn: int, score: float) -> dict[str, Any]:
    """A judgment of ``JUDGE_single``."""
    return {"question_id": question, "model": model, "judge": ["gpt-4", "single-v1"], "user_prompt": "…",
            "judgment": f"Fine. Rating: [[{score}]]", "score": score, "turn": turn, "tstamp": 1.0}  # fmt: skip


def fought(question: int, one: str, two: str, first: str, second: str, turn: int = 1) -> dict[str, Any]:
    """A judgment of ``JUDGE_pair``."""
    return {"question_id": question, "model_1": one, "model_2": two, "g1_winner": first, "g2_winner": second,
            "judge": ["gpt-4", "pair-v2"], "g1_judgment": "A", "g2_judgment": "B", "turn": turn, "tstamp": 1.0}  # fmt: skip


def simulation(task: str, trial: int, why: str = "user_stop", **reward: Any) -> dict[str, Any]:
    """A simulation of tau2 in which the user looks at a phone of its own."""
    return {
        "id": f"{task}-{trial}", "task_id": task, "trial": trial, "termination_reason": why, "seed": 1,
        "reward_info": {
            "reward": 1.0, "db_check": {"db_match": True, "db_reward": 1.0}, "communicate_checks": [{"info": "7", "met": True}],
            "nl_assertions": [{"nl_assertion": "polite", "met": True}, {"nl_assertion": "short", "met": False}], **reward,
        },
        "messages": [
            {"role": "assistant", "content": "Hi! How can I help?", "tool_calls": None, "turn_idx": 0},
            {"role": "user", "content": "My line is dead", "tool_calls": None},
            {"role": "assistant", "content": None,
             "tool_calls": [{"id": "a1", "name": "look", "arguments": {"line": 1}, "requestor": "assistant"}]},
            {"id": "a1", "role": "tool", "content": "off", "requestor": "assistant", "error": False},
            {"role": "assistant", "content": "Please switch it on."},
            {"role": "user", "content": None,
             "tool_calls": [{"id": "u1", "name": "toggle", "arguments": {}, "requestor": "user"}]},
            {"role": "tool", "tool_messages": [
                {"id": "u1", "role": "tool", "content": "on", "requestor": "user", "error": False}]},
            {"role": "user", "content": "It works. ###STOP###"},
        ],
    }  # fmt: skip


def results(*simulations: Mapping[str, Any]) -> dict[str, Any]:
    """A results file of tau2."""
    about = {
        "num_trials": 2, "agent_info": {"implementation": "llm_agent", "llm": "gpt-4.1"}, "user_info": {"llm": "gpt-4o"},
        "environment_info": {"domain_name": "telecom", "policy": "Be kind."},
    }  # fmt: skip
    return {"timestamp": "2025", "info": about, "tasks": [], "simulations": list(simulations)}

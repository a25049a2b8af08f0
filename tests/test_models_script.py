"""Models written in Python."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from multiturn.conversation import CallError, ContextOverflow, Conversation, InputError, Message, Text
from multiturn.models import Options, Reply, make_model
from multiturn.models.script import PlayerModel, ScriptModel

HELLO = Conversation().user("hi")

SCRIPT = """
from dataclasses import dataclass

@dataclass
class State:
    n: int = 0

def echo(chat):
    return "you said " + chat.messages[-1].text

async def player(chat):
    return chat.assistant("async")

def broken(chat):
    x = 1
    return [][x]

number = 3
"""


def ask(model: Any, chat: Conversation = HELLO) -> Reply:
    reply = asyncio.run(model.reply(chat))
    assert isinstance(reply, Reply)
    return reply


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "players.py"
    path.write_text(SCRIPT)
    return path


def test_functions_of_a_file(script: Path) -> None:
    reply = ask(make_model(f"script:{script}:echo"))
    assert reply.message == Message("assistant", (Text("you said hi"),))
    assert reply.cost == 0.0
    assert ask(ScriptModel(f"script:{script}:player")).message.text == "async"


def test_the_content_of_the_file_is_part_of_the_identity(script: Path) -> None:
    before = ScriptModel(f"script:{script}:echo")
    assert ScriptModel(f"script:{script}:echo").identity == before.identity
    script.write_text(SCRIPT + "# changed\n")
    after = ScriptModel(f"script:{script}:echo")
    assert after.identity != before.identity
    assert after.name == before.name


def test_an_error_names_its_place(script: Path) -> None:
    with pytest.raises(CallError, match=r"raised IndexError: list index out of range \(players\.py, line 16\)") as caught:
        ask(ScriptModel(f"script:{script}:broken"))
    assert caught.value.cause == "player error"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("script:{dir}/players.py:nobody", "has no function `nobody`"),
        ("script:{dir}/players.py:number", "has no function `number`"),
        ("script:{dir}/none.py:f", "cannot read"),
        ("script:players.py", "write script:path.py:function"),
        ("script:{dir}/players.py:no good", "write script:path.py:function"),
        ("script:{dir}/bad.py:f", r"ZeroDivisionError: .* \(line 2\)"),
        ("script:{dir}/syntax.py:f", r"SyntaxError: .* \(line 1\)"),
        ("script:{dir}/notes.txt:f", "not a Python file"),
    ],
)
def test_what_is_wrong_with_a_script(script: Path, name: str, says: str) -> None:
    folder = script.parent
    (folder / "bad.py").write_text("a = 0\nb = 1 / a\n")
    (folder / "syntax.py").write_text("def f(:\n")
    (folder / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=says):
        make_model(name.format(dir=folder))


async def _coroutine(chat: Conversation) -> Message:
    return Message("assistant", (Text("m"),))


def test_any_player_is_a_model() -> None:
    assert ask(PlayerModel("p", lambda chat: "x")).message.text == "x"
    assert ask(PlayerModel("p", _coroutine)).message.text == "m"
    model = PlayerModel("p", lambda chat: chat.assistant(chat.system_text), options=Options(system="sys"))
    assert ask(model).message.text == "sys"
    assert PlayerModel("p", lambda chat: "x", "v1").identity != PlayerModel("p", lambda chat: "x", "v2").identity


@pytest.mark.parametrize(
    ("player", "says"),
    [
        (lambda chat: 3, "int instead of"), (lambda chat: None, "NoneType instead of"), (lambda chat: chat, "one message more"),
        (lambda chat: chat.assistant("a").assistant("b"), "one message more"), (lambda chat: chat.user("a"), "of the user"),
        (lambda chat: Conversation().assistant("a"), "one message more"),
    ],
)  # fmt: skip
def test_what_a_player_may_not_return(player: Any, says: str) -> None:
    with pytest.raises(CallError, match=says) as caught:
        ask(PlayerModel("p", player))
    assert caught.value.cause == "player error"


def test_errors_of_the_package_pass_through() -> None:
    def full(chat: Conversation) -> str:
        raise ContextOverflow("too long")

    with pytest.raises(ContextOverflow):
        ask(PlayerModel("p", full))

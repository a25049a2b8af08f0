"""Typed tools out of functions, what models may call them with, and the shop they act on."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiturn.conversation import Conversation, ToolCall, ToolResult
from multiturn.players.texttools import UNREADABLE, as_text, described, read_call
from multiturn.systems.agent.tau_sample import sample
from multiturn.worlds.arithmetic import Wrong, value_of
from multiturn.worlds.shop import Shop
from multiturn.worlds.toolset import LONGEST, Refused, Toolset


def book(seats: int, row: Literal["front", "back"] = "back", names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Book seats.

    For one evening only.

    seats: how many, at most 9
    """
    if seats > 9:
        raise Refused("too many seats")
    return {"seats": seats, "row": row, "names": names}


BOOK = Toolset([book])


def test_signature_and_docstring_make_the_schema() -> None:
    (tool,) = BOOK.tools
    assert (tool.name, tool.description) == ("book", "Book seats. For one evening only.")
    assert tool.parameters["required"] == ["seats"]
    assert tool.parameters["properties"] == {
        "seats": {"type": "integer", "description": "how many, at most 9"},
        "row": {"type": "string", "enum": ["back", "front"], "default": "back"},
        "names": {"type": "array", "items": {"type": "string"}, "default": ()},
    }


def test_a_tool_without_types_is_a_mistake_of_ours() -> None:
    def untyped(x):  # type: ignore[no-untyped-def]
        return x

    with pytest.raises(TypeError, match="parameter x needs a type"):
        Toolset([untyped])


def test_calls() -> None:
    good = BOOK.call("book", '{"seats": 2, "names": ["Ann"]}')
    assert (json.loads(good.text), good.error) == ({"seats": 2, "row": "back", "names": ["Ann"]}, False)
    refused = BOOK.call("book", '{"seats": 10}')
    assert (refused.text, refused.valid, refused.refused) == ("Error: too many seats", True, True)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("fly", "{}", "there is no tool 'fly'"),
        ("x" * 100_000, "{}", "there is no tool"),
        ("__init__", "{}", "there is no tool"),
        ("book", "{}", "missing required field `seats`"),
        ("book", "", "missing required field `seats`"),
        ("book", '{"seats": "2"}', "Expected `int`, got `str`"),
        ("book", '{"seats": 2.5}', "Expected `int`, got `float`"),
        ("book", '{"seats": 1e999}', "out of range"),
        ("book", '{"seats": ' + "9" * 6000 + "}", "out of range"),
        ("book", '{"seats": 2, "row": "middle"}', "Invalid enum value"),
        ("book", '{"seats": 2, "class": 1}', "unknown field `class`"),
        ("book", '{"seats": 2, "names": ["Ann", null]}', "Expected `str`, got `null`"),
        ("book", '{"seats": 2', "truncated"),
        ("book", "seats=2", "malformed"),
        ("book", "[" * 10_000, "Expected `object`"),
        ("book", '{"z":' * 3_000, "wrong arguments"),
        ("book", '{"names": "' + "x" * LONGEST + '"}', "too long"),
    ],
)
def test_what_models_call_wrongly_is_a_short_answer(name: str, arguments: str, said: str) -> None:
    outcome = BOOK.call(name, arguments)
    assert not outcome.valid
    assert said in outcome.text
    assert len(outcome.text) < 500


def test_worlds_of_a_kind_share_their_schemas() -> None:
    one, other = next(sample()).world(), next(sample()).world()
    assert one.agent.tools is other.agent.tools


# -- the shop ---------------------------------------------------------------------------------------------------------
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_IDS = st.sampled_from(
    ["#W1001", "#W1002", "#W2001", "#W2002", "#W3001", "ida_berg_11", "omar_lund_22", "rosa_kent_33", "gift_card_502",
     "gift_card_602", "paypal_601", "credit_card_501", "300101", "300102", "300103", "300301", "300302", "3001", "0", ""]
)  # fmt: skip


@st.composite
def _call(draw: st.DrawFn, shop: Shop) -> tuple[str, str]:
    tool = draw(st.sampled_from(shop.agent.tools))
    values = {"array": st.lists(_IDS, max_size=3), "string": _IDS}
    arguments = {
        name: draw(st.sampled_from(what["enum"]) if "enum" in what else values[what["type"]])
        for name, what in tool.parameters["properties"].items()
    }
    return tool.name, json.dumps(draw(st.just(arguments) | _JSON))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_call_breaks_the_shop_and_a_refusal_changes_nothing(data: st.DataObject) -> None:
    shop = list(sample())[-1].world()
    for _ in range(3):
        before = shop.digest()
        outcome = shop.agent.call(*data.draw(_call(shop)))
        assert not outcome.error or shop.digest() == before
        assert all(m.get("balance", 0) >= 0 for u in shop.db["users"].values() for m in u["payment_methods"].values())


def test_the_digest_is_of_values_and_can_be_of_spellings() -> None:
    one, other = next(sample()).world(), next(sample()).world()
    assert one.digest() == other.digest()
    one.db["users"]["ida_berg_11"]["payment_methods"]["gift_card_502"]["balance"] = 12
    other.db["users"]["ida_berg_11"]["payment_methods"]["gift_card_502"]["balance"] = 12.0
    assert one.digest() == other.digest()
    assert one.digest(spelled=True) != other.digest(spelled=True)


def test_money_moves_once() -> None:
    shop = next(sample()).world()
    swap = {"order_id": "#W1001", "item_ids": ["300101"], "new_item_ids": ["300102"], "payment_method_id": "gift_card_502"}
    assert not shop.agent.apply("modify_pending_order_items", swap).error
    assert shop.db["users"]["ida_berg_11"]["payment_methods"]["gift_card_502"]["balance"] == 37.5
    assert "is pending (item modified)" in shop.agent.apply("modify_pending_order_items", swap).text
    poor = {"order_id": "#W2001", "item_ids": ["300402"], "new_item_ids": ["300403"], "payment_method_id": "paypal_601"}
    assert "not an available variant" in shop.agent.apply("exchange_delivered_order_items", poor).text


def test_two_steps_need_the_phone() -> None:
    shop = list(sample())[-1].world()
    cancel = {"order_id": "#W3001", "reason": "no longer needed"}
    assert "two-step" in shop.agent.apply("cancel_pending_order", cancel).text
    shop.agent.apply("send_code", {"user_id": "rosa_kent_33"})
    assert json.loads(shop.user.call("read_messages", "{}").text) == {"messages": [], "messages_allowed": False}
    shop.user.apply("allow_messages", {"allowed": True})
    shop.agent.apply("send_code", {"user_id": "rosa_kent_33"})
    code = json.loads(shop.user.call("read_messages", "{}").text)["messages"][0][-6:]
    assert shop.agent.apply("verify_code", {"user_id": "rosa_kent_33", "code": "1"}).refused
    assert shop.agent.apply("verify_code", {"user_id": "rosa_kent_33", "code": code}).text == "Verified"
    assert not shop.agent.apply("cancel_pending_order", cancel).error


@pytest.mark.parametrize(("text", "value"), [("(19.99 + 5) * 2", 49.98), ("-3 / 4", -0.75), ("2*3-1", 5.0)])
def test_arithmetic(text: str, value: float) -> None:
    assert value_of(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "1/0", "9**9**9", "__import__('os')", "(" * 99, "1 +", "7 // 2", "1." * 40, "9" * 101])
def test_arithmetic_that_has_no_value(text: str) -> None:
    with pytest.raises(Wrong):
        value_of(text)


# -- tools as text ----------------------------------------------------------------------------------------------------
def test_tools_calls_and_results_as_text() -> None:
    chat = Conversation.start(system="Be brief.").user("Two seats.")
    message = read_call(chat.assistant('```json\n{"name": "book", "arguments": {"seats": 2}}\n```').message, chat.depth)
    assert message.tool_calls == (ToolCall("call-2", "book", '{"seats":2}'),)
    chat = chat.add(message).tool(ToolResult("call-2", "done"))
    shown = as_text(chat, described(BOOK.tools))
    assert [m.role for m in shown] == ["system", "user", "assistant", "user"]
    assert 'book(seats: integer, row?: "back" | "front", names?: list of string): Book seats.' in shown.system_text
    assert [m.text for m in shown.messages[2:]] == ['{"name": "book", "arguments": {"seats":2}}', "Result: done"]


@pytest.mark.parametrize(
    "text", ['{"name": "book", "arguments": {"seats": 2}', '{"name": 3}', '{"name": "book", "arguments": []}']
)
def test_a_broken_call_in_text_is_a_wrong_call(text: str) -> None:
    message = read_call(Conversation().assistant(text).message, 1)
    assert message.tool_calls[0].name == UNREADABLE
    assert not BOOK.call(message.tool_calls[0].name, message.tool_calls[0].arguments).valid


@pytest.mark.parametrize("text", ["Hello", "", "{}", 'I would call {"name": "book"} now'])
def test_other_text_is_a_message(text: str) -> None:
    assert read_call(Conversation().assistant(text).message, 1).text == text

"""Token probabilities: asked for, read, kept, never sent back, and what judges make of them."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeserver import FakeServer, reply_json
from multiturn import evaluate
from multiturn.conversation import Conversation, InputError, Message, Odds, Text, flipped, to_openai, wire
from multiturn.conversation.message import canonical, from_canonical
from multiturn.engine.runs import find_run, played
from multiturn.engine.store import Store
from multiturn.judges.odds import expected_value, first_odds, likeliest, yes_share
from multiturn.models import make_model
from multiturn.models.logprobs import google_odds, openai_odds


def said(*places: dict[str, float]) -> Conversation:
    odds = Odds(tuple(tuple((token, math.log(p)) for token, p in place.items()) for place in places))
    return Conversation().user("?").add(Message("assistant", (Text("Yes."), odds)))


def place(**shares: float) -> dict[str, Any]:
    return {"token": "x", "logprob": -1.0, "top_logprobs": [{"token": t, "logprob": math.log(p)} for t, p in shares.items()]}


def test_probabilities_are_asked_for_read_and_kept() -> None:
    choice = {
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes"},
        "logprobs": {"content": [place(Yes=0.6, No=0.2, Maybe=0.1)]},
    }  # fmt: skip
    with FakeServer([reply_json({"choices": [choice]}), reply_json({"choices": [choice]})]) as server:

        async def run() -> tuple[Conversation, Conversation]:
            model = make_model(f"{server.base_url}#m?top_logprobs=5", environ={})
            chat = Conversation().user("?")
            first = chat.add((await model.reply(chat)).message)
            more = first.user("sure?")
            second = more.add((await model.reply(more)).message)
            await model.close()
            return first, second

        first, _ = asyncio.run(run())
        assert server.bodies[0]["logprobs"] is True
        assert server.bodies[0]["top_logprobs"] == 5
        assert server.bodies[1]["messages"][1] == {"role": "assistant", "content": "Yes"}
    assert yes_share(first) == pytest.approx(0.75)
    assert first.reply == "Yes"


def test_a_message_with_probabilities_is_stored_as_it_is_and_shown_to_nobody() -> None:
    chat = said({"Yes": 0.5, "No": 0.25})
    assert chat.message is not None
    assert from_canonical(canonical(chat.message)) == chat.message
    assert to_openai(chat)[1] == {"role": "assistant", "content": "Yes."}
    assert b"odds" not in wire.openai_wire(chat)
    assert flipped(chat).messages[1].parts == (Text("Yes."),)


def test_only_the_first_place_that_could_be_an_answer_counts() -> None:
    assert yes_share(said({" yes": 0.3, "YES": 0.3, "No": 0.2, "perhaps": 0.2})) == pytest.approx(0.75)
    assert yes_share(said({'"': 0.9, "\n": 0.1}, {"Yes": 0.1, "no": 0.3})) == pytest.approx(0.25)
    assert yes_share(said({"I": 1.0}, {"think": 1.0}, {"it": 1.0}, {"yes": 1.0})) is None
    assert yes_share(Conversation().user("?").assistant("yes")) is None
    assert yes_share(Conversation()) is None


def test_the_expected_value_of_a_score() -> None:
    values = {str(n): float(n) for n in range(1, 6)}
    assert expected_value(said({"4": 0.5, "5": 0.25, "good": 0.25}), values) == pytest.approx(4 + 1 / 3)
    assert expected_value(said({"good": 1.0}), values) is None


def test_what_is_shown_of_it() -> None:
    odds = Odds(((("Yes", math.log(0.5)), ("No", math.log(0.25))),))
    assert likeliest(odds) == "first token: 'Yes' 0.500, 'No' 0.250"


@pytest.mark.parametrize(
    "found", [None, [], {}, {"content": None}, {"content": [None, 3, {"top_logprobs": "x"}]},
              {"content": [{"top_logprobs": [1]}]},
              {"content": [{"top_logprobs": [{"token": 3, "logprob": -1}, {"token": "a", "logprob": "b"}]}]}],
)  # fmt: skip
def test_decoys_are_no_probabilities(found: Any) -> None:
    assert openai_odds(found) == ()


def test_google_gives_them_too() -> None:
    found = google_odds({"topCandidates": [{"candidates": [{"token": "No", "logProbability": -0.5}]}]})
    assert found == (Odds(((("No", -0.5),),)),)


def test_anthropic_says_that_it_has_none() -> None:
    with pytest.raises(InputError, match="top_logprobs"):
        make_model("anthropic/claude?top_logprobs=5", environ={"ANTHROPIC_API_KEY": "k"})


@given(st.lists(st.dictionaries(st.sampled_from(["yes", "No", " Yes", "x", "Ja"]), st.floats(1e-6, 0.2)), max_size=4))
def test_a_share_is_a_share(places: list[dict[str, float]]) -> None:
    share = yes_share(said(*places))
    assert share is None or 0 <= share <= 1
    assert len(first_odds(said(*places))) == len(places)


def test_they_are_recorded_and_replayed(tmp_path: Path) -> None:
    async def judge(chat: Conversation) -> Conversation:
        return chat.add(Message("assistant", (Text("yes"), Odds(((("yes", -0.1),),)))))

    told = evaluate("judge?ask=boolean", model=judge, store=tmp_path / "a.db")
    assert evaluate("judge?ask=boolean", model=judge, store=tmp_path / "a.db").figures == told.figures
    with Store(tmp_path / "a.db") as store:
        kept = [v.chat for v in played(store, find_run(store))]
    assert {yes_share(chat) for chat in kept} == {1.0}

"""The checks of simulated users: each on hand-made faults, and on messages of people that only look like one."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.conversation import Conversation
from multiturn.judges.simulation import (
    ANSWER,
    CLAIM,
    EARLY,
    EMPTY,
    ENDLESS,
    INSTRUCTIONS,
    KINDS,
    QUOTE,
    REPEATS,
    RESTART,
    RUNS_ON,
    SCRATCHPAD,
    SWAP,
    TOO_LITTLE,
    TOO_MUCH,
    UNUSABLE,
    Finding,
    Secrets,
    Talk,
    audit,
    checked,
)

REPLY = "Thank you. What else should I know about it?"
PIECES = (
    "How much money is left?",
    "Ana starts with 240 euros.",
    "The train costs 36 euros each way.",
    "The hotel in Lyon asks 45 euros a night.",
)


def talk(*said: str, reply: str = REPLY, answered: bool = True) -> Conversation:
    chat = Conversation.start(system="You help.")
    for i, text in enumerate(said):
        chat = chat.user(text)
        if answered or i < len(said) - 1:
            chat = chat.assistant(reply)
    return chat


def kinds(chat: Conversation, secrets: Secrets | None = None) -> set[str]:
    return {finding.kind for finding in audit(chat, secrets)}


# -- what the text shows ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "Sure! How can I help you today?",
        "I'm ready to assist you with your Python code.",
        "I'd be happy to help you with that. What is your order number?",
        "Is there anything else I can help you with?",
        "As an AI language model, I do not have a phone.",
        "I’m sorry, but I can't assist with that.",
        "Assistant: Your order was shipped.",
        "Certainly! Here is the updated function:\n```python\ndef f(x):\n    return x\n```",
        "I have processed your refund.",
    ],
)
def test_the_user_speaks_as_the_assistant(text: str) -> None:
    assert kinds(talk("My lamp is broken.", text)) == {SWAP}


def test_the_user_says_the_reply_again() -> None:
    reply = "The lamp has a warranty of two years from the day that you bought it, so that a repair costs you nothing at all."
    assert kinds(talk("My lamp is broken.", reply, reply=reply)) == {SWAP}


@pytest.mark.parametrize(
    "text",
    [
        "How can I help my daughter with her homework?",
        'My boss always says "How can I help you today?" and never does.',
        "Can you write an ad for my shop? It should say: “I'm here to help you with every lamp.”",
        "Please write a mail to my landlord. Let me know if you need more.",
        "Here is my code, why does it fail?\n```python\nprint(1\n```",
        "I am an agent of a small insurance company.",
        "I'm sorry, I can't find the number.",
        "No. The lamp has a warranty of two years, you said. Is that from the day that I bought it?",
        "Thanks for your help!",
    ],
)
def test_people_do_not_speak_as_the_assistant(text: str) -> None:
    reply = "The lamp has a warranty of two years from the day that you bought it, so that a repair costs you nothing at all."
    assert kinds(talk("My lamp is broken.", text, reply=reply)) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Thought: the tutor is slow.\nMessage: what now?",
        "<think>I must not tell the price.</think> It is a lamp.",
        "What do you mean?</think>",
        '{"thought": "ask", "response": "what now?"}',
        '```json\n{"response": "what now?", "shard_id": 2}\n```',
        "Response: what now?",
        "Fine by me. ###STOP###",
        "*sighs* It is broken, I said.",
        "[The user hangs up]",
        "(pauses for a moment) I see.",
        "My number is [insert order number].",
    ],
)
def test_the_user_shows_its_scratchpad(text: str) -> None:
    assert kinds(talk("My lamp is broken.", text, "And now?")) == {SCRATCHPAD}


@pytest.mark.parametrize(
    "text",
    [
        "I thought: why not ask?",
        "It is *really* broken (and I just bought it).",
        "My thoughts on this are mixed.",
        'The file says {"price": 3}.',
        "Title: My lamp. Message to the reader: buy one.",
        "2*x + 3*y = 12 [see the problem]",
        "Use <b>bold</b> for the title.",
    ],
)
def test_people_have_no_scratchpad(text: str) -> None:
    assert kinds(talk("My lamp is broken.", text, "And now?")) == set()


def test_a_stop_word_at_the_very_end_is_how_the_log_ends() -> None:
    assert kinds(talk("My lamp is broken.", "Thank you! ###STOP###", answered=False)) == set()


@pytest.mark.parametrize(
    "text", ["As the user, I want a refund.", "My persona is impatient.", "I was told to act as a customer."]
)
def test_the_user_names_its_role(text: str) -> None:
    assert kinds(talk("My lamp is broken.", text)) == {INSTRUCTIONS}


@pytest.mark.parametrize(
    "text", ["As a user of your app I am angry.", "I was told to bring the receipt.", "The user manual is lost."]
)
def test_people_have_roles_of_their_own(text: str) -> None:
    assert kinds(talk("My lamp is broken.", text)) == set()


FIRST = "Hello, I need help with a refund for the red lamp that I bought on Monday."


@pytest.mark.parametrize("text", [FIRST, FIRST + " Please.", "Hi, my name is Ana. I need help with a refund for my red lamp."])
def test_the_user_starts_again(text: str) -> None:
    assert RESTART in kinds(talk(FIRST, "Order 12.", text))


@pytest.mark.parametrize(
    "text", ["Hi again, any news?", "My name is Ana.", "I need help with the form that you sent.", "The refund is for the lamp."]
)
def test_people_go_on(text: str) -> None:
    assert kinds(talk(FIRST, "Order 12.", text)) == set()


def test_repetition() -> None:
    assert kinds(talk("It does not work at all.", "a", "It does not work at all.", "It does not work, at all!")) >= {REPEATS}
    assert kinds(talk("ok", "ok", "ok", "yes", "yes", "yes")) == set()
    alike = [f"Could you please tell me more about the {what} of it" for what in ("price", "size", "age", "weight", "colour")]
    assert kinds(talk(*alike)) == {REPEATS}
    apart = ["Could you please shorten it a little bit", "make the title bold and much larger", "now add my name at the very end",
             "Could you please write it for a child", "that is too long, cut it by half"]  # fmt: skip
    assert kinds(talk(*apart)) == set()


def test_claims_without_ground() -> None:
    assert kinds(talk("I have attached the photo. What is on it?")) == {CLAIM}
    assert kinds(talk("As I mentioned earlier, the lamp is red.")) == {CLAIM}
    assert kinds(talk("The lamp is red.", "As I mentioned earlier, the lamp is red.")) == set()
    assert kinds(talk('Write a mail that says "please find attached the bill".')) == set()
    assert kinds(talk("I have already sent it back to the shop.")) == set()


def test_goodbye() -> None:
    assert ENDLESS in kinds(talk("It works.", "Great, goodbye!", "Bye!", "You too, take care!"))
    assert kinds(talk("It works.", "Great, goodbye!")) == set()
    assert kinds(talk("Write a card that ends in goodbye", "shorter please", "thanks", "now one for my boss")) == set()
    met = Secrets(stop="turn limit", met=True)
    assert [f.decides for f in audit(talk("a", "b"), met)] == [True]
    assert kinds(talk("a", "b"), Secrets(stop="turn limit", met=False)) == set()
    assert kinds(talk("It works.", "thanks!", "thank you", "you too"), Secrets(stop="turn limit")) == {ENDLESS}


def test_silence_and_noise() -> None:
    assert kinds(talk("a lamp", " \n")) == {EMPTY}
    assert kinds(talk("a lamp", "the lamp is red " * 30)) == {RUNS_ON}
    assert kinds(talk("a lamp", "x y " * 4000)) == {RUNS_ON}
    long = " ".join(f"The {w} of lamp {i} is {w}ish." for i, w in enumerate(string.ascii_lowercase))
    assert kinds(talk("a lamp", long)) == set()


# -- what the benchmark knows ---------------------------------------------------------------------------------------------
def told(*said: str, claimed: tuple[tuple[int, ...], ...] | None = None, **more: object) -> set[str]:
    secrets = Secrets(pieces=PIECES, per_turn=1, never=("78",), claimed=claimed, **more)  # type: ignore[arg-type]
    return kinds(talk(*said), secrets)


def test_one_piece_a_message() -> None:
    paraphrased = (
        "How much money is left?",
        "ana has 240 euros at first",
        "train is 36 each way",
        "45 a night for the hotel in lyon",
    )
    assert told(*PIECES) == set()
    assert told(*paraphrased) == set()
    assert told(PIECES[0], " ".join(PIECES[1:])) == {TOO_MUCH}
    assert told(" ".join(PIECES)) == {TOO_MUCH}
    # What was told before, or what the assistant has said, is nothing new.
    assert told(PIECES[0], PIECES[1], f"{PIECES[1]} {PIECES[2]}") == set()


def test_a_claimed_piece_must_be_in_the_message() -> None:
    claimed: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,), (3,))
    assert told(*PIECES, claimed=claimed) == set()
    assert told(PIECES[0], PIECES[1], "just solve it please", PIECES[3], claimed=claimed) == {TOO_LITTLE}
    assert told(PIECES[0], PIECES[1], "trains are 36 euro, both ways", PIECES[3], claimed=claimed) == set()
    assert told(PIECES[0], f"{PIECES[1]} {PIECES[2]}", PIECES[3], claimed=((0,), (1,), (3,))) == {TOO_MUCH}


@pytest.mark.parametrize("text", ["so the answer is 78 right", "I get 78", "= 78"])
def test_a_short_answer_is_given_away(text: str) -> None:
    assert told(PIECES[0], text) == {ANSWER}


@pytest.mark.parametrize("text", ["it is 78.5 metres high", "I am 178 cm", "call me on 78 44 12"])
def test_a_number_alone_is_no_answer(text: str) -> None:
    assert ANSWER not in told(PIECES[0], text)


def test_the_assistant_said_it_first() -> None:
    secrets = Secrets(never=("78",))
    assert kinds(talk("How much is left?", "so the answer is 78", reply="That makes 78 euros."), secrets) == set()
    wish = "I want somebody to tell me honestly that I was wrong to leave my brother alone that night"
    hidden = Secrets(never=(wish,), known="I left my brother alone.")
    assert kinds(talk("hello", f"You know, {wish}."), hidden) == {ANSWER}
    assert kinds(talk("hello", "I left my brother alone. Was I wrong?"), hidden) == set()


def test_instructions_are_quoted() -> None:
    rules = "Begin vaguely and tell what you know bit by bit, mostly when you are asked."
    assert kinds(talk("ok", "I will begin vaguely and tell what you know bit by bit"), Secrets(instructions=rules)) == {
        INSTRUCTIONS
    }
    assert kinds(talk("ok", "Tell me what you know, bit by bit."), Secrets(instructions=rules)) == set()


def test_early_ends() -> None:
    assert told(PIECES[0], PIECES[1], stop="user ended") == {EARLY}
    assert told(*PIECES, stop="user ended") == set()
    assert told(PIECES[0], PIECES[1], stop="user ended", met=True) == set()
    assert told(PIECES[0], PIECES[1], stop="success") == set()
    ended = Secrets(stop="user ended")
    assert kinds(talk("My lamp is broken.", "Can I have a refund?", answered=False), ended) == {EARLY}
    assert kinds(talk("My lamp is broken.", "Thank you, goodbye", answered=False), ended) == set()
    assert kinds(talk("My lamp is broken.", answered=False), ended) == {EARLY}


def test_acts_are_on_record() -> None:
    done = "I have turned the phone off and on again."
    assert kinds(talk("No network.", done), Secrets(acts=())) == {CLAIM}
    assert kinds(talk("No network.", done), Secrets(acts=((3, "restart"),))) == {CLAIM}
    assert kinds(talk("No network.", done), Secrets(acts=((2, "restart"),))) == set()
    assert kinds(talk("No network.", done)) == set()


def test_a_review_of_the_benchmark_counts_once() -> None:
    own = Finding(SWAP, 2, "How can I help you today", certain=True, decides=True)
    found = audit(talk("My lamp is broken.", "How can I help you today?"), Secrets(found=(own,)))
    assert found == [own]
    assert kinds(talk("a b", "b c"), Secrets(stop="format error")) == {UNUSABLE}


def test_only_the_users_own_messages_are_read() -> None:
    chat = talk("My lamp is broken.", "How can I help you today?")
    assert kinds(chat, Secrets(turns=1)) == set()
    assert kinds(chat, Secrets(turns=0)) == set()
    assert kinds(chat, Secrets(skip=(SWAP,))) == set()


def test_what_could_be_checked() -> None:
    text_only = checked(None)
    assert {ANSWER, TOO_MUCH, TOO_LITTLE, EARLY, UNUSABLE}.isdisjoint(text_only)
    everything = Secrets(never=("x",), pieces=("a", "b"), per_turn=1, claimed=(), stop="user ended")
    assert checked(everything) == frozenset(KINDS)


@given(st.lists(st.text(max_size=300), max_size=6), st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gives_bounded_findings(said: list[str], pieces: list[str]) -> None:
    secrets = Secrets(never=tuple(pieces), pieces=tuple(pieces), per_turn=1, claimed=((0,),) if pieces else (), stop="user ended",
                      instructions=" ".join(pieces))  # fmt: skip
    for finding in audit(talk(*said), secrets):
        assert finding.kind in KINDS
        assert 1 <= finding.turn <= max(len(said), 1)
        assert len(finding.quote) <= QUOTE
        assert "\n" not in finding.quote


@pytest.mark.parametrize("text", ["a", "a ", "'", '"', "`", "*(", "{", "1 ", "ab ", "<think", "“", "I have ", "\n"])
def test_long_messages_take_no_time(text: str) -> None:
    import time

    start = time.process_time()
    audit(talk(*[text * (400_000 // len(text))] * 20), Secrets(never=(text * 1000,), pieces=(text * 500,) * 20, per_turn=1))
    assert time.process_time() - start < 4


# -- users that break off, or never begin -------------------------------------------------------------------------------
def test_one_message_and_gone() -> None:
    one, two = talk("I would like to learn about sums."), talk("I would like to learn about sums.", "And what is a half of it?")
    gone = Secrets(stop="user ended")
    assert kinds(one, gone) == {EARLY}
    assert kinds(two, gone) == set()
    assert kinds(one, Secrets(stop="user ended", met=True)) == set()
    assert kinds(one, Secrets(stop="turn limit")) == set()
    # A task of one piece is told in one message; an opening that the benchmark gives is none of the user's own.
    assert kinds(talk("How much money is left?"), Secrets(stop="user ended", pieces=PIECES[:1])) == set()
    assert kinds(two, Secrets(stop="user ended", known="I would like to learn about sums.\nThe sea is grey.")) == {EARLY}


def test_not_one_message() -> None:
    nothing = Conversation.start(system="You help.").assistant("Hello! What can I do for you?")
    (finding,) = audit(nothing, Secrets(stop="user ended"))
    assert (finding.kind, finding.turn, finding.certain, finding.decides) == (EARLY, 1, True, True)
    (finding,) = audit(nothing, Secrets(stop="format error"))
    assert (finding.kind, finding.turn, finding.certain, finding.decides) == (UNUSABLE, 1, True, True)


@pytest.mark.parametrize(
    ("said", "decides"),
    [
        (("Please just solve it now.",) * 4, True),
        (("Please just solve it now.",) * 2 + ("What else do you need?", "It has four legs."), None),
        (("Please just solve it now.",) * 3 + ("It has four legs.", "It is brown.", "It barks at night.", "At cats."), False),
        (("yes",) * 6, True), (("yes",) * 4 + ("no",), None), (("!?",) * 5, True), (("",) * 5, None),
    ],
)  # fmt: skip
def test_a_conversation_of_one_message_is_decided(said: tuple[str, ...], decides: bool | None) -> None:
    found = [f.decides for f in audit(talk(*said)) if f.kind == REPEATS]
    assert any(found) is bool(decides)
    assert bool(found) is (decides is not None)


def test_what_the_benchmark_puts_before_a_message_is_not_the_users() -> None:
    lead = "This is the problem:\nHow many pears are there?\n\n"
    chat = talk(lead + "where do i start", "I have attached a photo.")
    said = Talk.of(chat, Secrets(lead=lead)).said
    assert [s.text for s in said] == ["where do i start", "I have attached a photo."]


def test_the_model_under_test_as_the_user() -> None:
    chat = Conversation.start(system="You are a user.").user("(Begin.)").assistant("How can I help you today?")
    chat = chat.user("Tell me more.").assistant("my plant is ill").user("Which one?").assistant("thanks END")
    secrets = Secrets(speaks="assistant", sign="END", stop="user ended")
    said = Talk.of(chat, secrets).said
    assert [(s.turn, s.text, s.reply, s.answered) for s in said] == [
        (1, "How can I help you today?", "Tell me more.", True), (2, "my plant is ill", "Which one?", True),
        (3, "thanks", "", False),
    ]  # fmt: skip
    assert [(f.kind, f.turn) for f in audit(chat, secrets)] == [(SWAP, 1)]
    assert Talk.of(chat.assistant("END"), secrets).said == said  # the sign alone is no message
    assert Talk.of(chat).said[0].text == "(Begin.)"

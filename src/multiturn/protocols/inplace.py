"""An earlier reply edited in place: the wrong span is replaced, all that follows is cut, and the model goes on from there, on a
sibling branch of the conversation. Beside it the other ways to pass the same correction on (arXiv 2510.00777).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from ..conversation import Conversation, Player

Arm: TypeAlias = Literal["in-place", "multi", "resample", "draft"]
"""How a correction is passed on: edited into the reply, said in a new message, not at all (a fresh reply to the same question),
or as an edited draft quoted in the question (tells the edit from the prefill)."""


class Edit(Struct, frozen=True):
    """The correction of a reply: its characters from ``start`` to ``end`` are ``old`` (wrong) and become ``new``.

    ``new`` "" says only where it went wrong. Offsets count characters (code points), never bytes.
    """

    start: int
    end: int
    old: str
    new: str


def find_edit(reply: str, old: str, new: str) -> Edit | None:
    """The edit of the first place where ``old`` stands in the reply word for word; None when it does not."""
    start = reply.find(old) if old else -1
    return Edit(start, start + len(old), old, new) if start >= 0 else None


def apply_edit(reply: str, edit: Edit) -> str:
    """The text before the span, and the new span: everything after it is gone. Raises `ValueError` when the old span does not
    stand where the edit says."""
    if reply[edit.start : edit.end] != edit.old:
        raise ValueError(f"the reply does not hold {edit.old!r} at {edit.start}")
    return reply[: edit.start] + edit.new


def with_reply(chat: Conversation, text: str, author: str = "") -> Conversation:
    """The sibling branch on which the newest message, the assistant's, reads ``text``; the given branch is untouched."""
    if chat.parent is None or chat.message is None or chat.message.role != "assistant":
        raise ValueError("only a reply of the assistant at the end of a conversation can be edited")
    return chat.parent.assistant(text, author)


async def continue_reply(player: Player, chat: Conversation) -> Conversation:
    """Let the player go on with the assistant's message at the end of ``chat``; both become one message.

    The conversation that is asked ends inside the open assistant message: this needs a server that continues it (Anthropic
    does; vLLM with ``extra.continue_final_message=true`` and ``extra.add_generation_prompt=false``). A server that closes it
    and begins anew usually repeats the text: a reply that starts with it is taken as the whole.
    """
    assert chat.message is not None
    assert chat.parent is not None
    kept = chat.message.text
    bare = kept.rstrip()  # most templates drop white space at the end, and some servers refuse it
    said = (await player(with_reply(chat, bare, chat.message.author))).reply
    if said.startswith(bare.strip()):
        return chat.parent.assistant(said)
    return chat.parent.assistant((bare if said[:1].isspace() else kept) + said)


async def correct(player: Player, question: Conversation, chat: Conversation, edit: Edit, arm: Arm) -> Conversation:
    """The conversation after one correction of the reply at the end of ``chat``, which answers ``question``."""
    if arm == "in-place":
        kept = apply_edit(chat.reply, edit)
        return await continue_reply(player, with_reply(chat, kept)) if kept.strip() else await player(question)
    if arm == "multi":
        return await player(chat.user(feedback(edit)))
    if arm == "resample":
        return await player(question)
    assert question.parent is not None
    assert question.message is not None
    return await player(question.parent.user(f"{question.message.text}\n\n{draft(apply_edit(chat.reply, edit))}"))


def feedback(edit: Edit) -> str:
    """The correction as a user's message."""
    where = f"this part is wrong:\n{edit.old}" if edit.old else "something is missing"
    should = f"\nIt should be:\n{edit.new.strip()}" if edit.new else "\nIt is the last mistake; find the right value yourself."
    return f"In your answer {where}{should}\nPlease answer again with the correction, the whole answer."


def draft(kept: str) -> str:
    """The beginning of an answer, quoted, to be carried on."""
    quoted = kept.replace("</draft", "<\\/draft")
    return f"The beginning of an answer, right so far:\n<draft>\n{quoted}\n</draft>\nRepeat it and carry it on to the end."

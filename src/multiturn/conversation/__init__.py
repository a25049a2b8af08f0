"""Floor 0. What has been said: messages, the conversation tree, views of it, wire formats, and the shapes of who takes part.

Owns: the value types that everything else passes around, and the tree of errors.
Does not own: talking to a model, storing, scoring.
"""

from .errors import (
    BudgetSpent,
    CallError,
    ContextOverflow,
    DataError,
    InputError,
    ModelSetupError,
    MultiturnError,
    NeedsRole,
    NotMeasured,
    NotRecorded,
    StoreError,
    UnknownName,
)
from .message import Audio, File, Image, Message, Odds, Part, Role, Text, Thought, Tool, ToolCall, ToolResult, Video
from .roles import Case, Cast, Player
from .tree import Conversation, Turn
from .views import flipped, seen_by, window
from .wire import from_openai, openai_wire, read_chats, to_openai, write_chats

__all__ = [
    "Audio", "BudgetSpent", "CallError", "Case", "Cast", "ContextOverflow", "Conversation", "DataError", "File",
    "Image", "InputError", "Message", "ModelSetupError", "MultiturnError", "NeedsRole", "NotMeasured", "NotRecorded",
    "Odds", "Part", "Player", "Role", "StoreError", "Text", "Thought", "Tool", "ToolCall", "ToolResult", "Turn", "UnknownName",
    "Video", "flipped", "from_openai", "openai_wire", "read_chats", "seen_by", "to_openai", "window", "write_chats",
]  # fmt: skip

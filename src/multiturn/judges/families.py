"""Families of models, by name: whether a judge and an author may be related."""

from __future__ import annotations

import re

FAMILIES = {
    "GPT": r"gpt|davinci|openai/|\bo[134](?:-|\b)",
    "Claude": r"claude|anthropic",
    "Gemini": r"gemini|gemma|\bbard\b|\bpalm",
    "Llama": r"llama|vicuna|alpaca|guanaco|koala|tulu",
    "Mistral": r"mistral|mixtral",
    "Qwen": r"qwen|qwq",
    "DeepSeek": r"deepseek",
    "Command": r"cohere|command-r",
    "GLM": r"\bglm|chatglm",
    "Phi": r"\bphi-?\d",
    "SmolLM": r"smollm",
}
"""Words that name a family. A model tuned from another one's weights belongs to that one."""
_KNOWN = {name: re.compile(words, re.I) for name, words in FAMILIES.items()}


def family(model: str) -> str:
    """The family that a model's name belongs to, "" for none, or for a name that fits several (a distilled model's)."""
    found = [name for name, words in _KNOWN.items() if words.search(model[:200])]
    return found[0] if len(found) == 1 else ""

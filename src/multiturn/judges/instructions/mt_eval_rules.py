"""The 14 standing rules of MT-Eval's recollection task (Kwan et al. 2024, arXiv 2401.16745), checkable in code.

``RULES[name]`` has ``check(reply, args)``, ``draw(rng)`` (arguments as MT-Eval draws them) and ``describe(args)``
(the rule in our own words). Names and argument names are those of its files (global_inst.jsonl, ``inst_args``).
They are relatives of IFEval's checks with their own semantics (a keyword is plain text, case is not tied to English).
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ...conversation import InputError, UnknownName
from . import layout
from .text import EMOJI, count_sentences, in_language

LANGUAGES: dict[str, str] = {
    "English": "en", "Spanish": "es", "Portuguese": "pt", "Arabic": "ar", "Hindi": "hi", "French": "fr", "Russian": "ru",
    "German": "de", "Japanese": "ja", "Italian": "it", "Bengali": "bn", "Ukrainian": "uk", "Thai": "th", "Urdu": "ur",
    "Tamil": "ta", "Telugu": "te", "Bulgarian": "bg", "Korean": "ko", "Polish": "pl", "Hebrew": "he", "Persian": "fa",
    "Vietnamese": "vi", "Nepali": "ne", "Swahili": "sw", "Kannada": "kn", "Marathi": "mr", "Gujarati": "gu",
    "Punjabi": "pa", "Malayalam": "ml", "Finnish": "fi",
}  # fmt: skip
END_PHRASES = ("That is all for now.", "Tell me if you need more.")
KEYWORDS = (
    "river", "market", "window", "garden", "letter", "music", "engine", "bridge", "summer", "coffee", "forest", "teacher",
    "island", "kitchen", "winter", "camera", "village", "story", "doctor", "paper", "ocean", "bottle", "station", "guitar",
)  # fmt: skip

Args = Mapping[str, Any]


class Rule(Struct, frozen=True):
    """One standing rule. ``args``: the type of each argument; ``draw`` makes the same generator calls as MT-Eval's code,
    so that its seed gives its arguments (but for end phrases and keywords, whose texts are ours)."""

    name: str
    args: dict[str, type]
    test: Callable[[str, Args], bool]
    text: Callable[[Args], str]
    draw: Callable[[random.Random], dict[str, Any]]

    def check(self, reply: str, args: Args) -> bool:
        """Whether the reply follows the rule. A blank reply follows none. Raises `InputError` on wrong arguments."""
        for name, kind in self.args.items():
            if not isinstance(args.get(name), (list, tuple) if kind is list else kind) or args[name] in ("", [], ()):
                raise InputError(
                    f"rule `{self.name}`: argument `{name}` must be a non-empty {kind.__name__}, not {args.get(name)!r}"
                )
        return bool(reply.strip()) and self.test(reply, args)

    def describe(self, args: Args) -> str:
        """The rule as a standing order to the model, in our own words."""
        return self.text(args)


def rule(name: str) -> Rule:
    """The rule of this name; raises `UnknownName`."""
    try:
        return RULES[name]
    except KeyError:
        raise UnknownName("MT-Eval rule", name, RULES) from None


def _language(reply: str, args: Args) -> bool:
    if args["lang"] not in LANGUAGES:
        raise UnknownName("language", args["lang"], LANGUAGES)
    return in_language(reply.strip(), LANGUAGES[args["lang"]])


def _sentences(reply: str, args: Args) -> bool:
    if args.get("relation", "less than") == "less than":
        return count_sentences(reply) < int(args["num_sentences"])
    raise InputError(f"rule `length_constraints:number_sentences`: `relation` must be `less than`, not {args['relation']!r}")


def _bullets(reply: str, args: Args) -> bool:
    found = layout.count_bullets(reply)
    return found == args["num_bullets"] if args["num_bullets"] else found > 0


def _none(rng: random.Random) -> dict[str, Any]:
    return {}


def _bullets_text(args: Args) -> str:
    how = f"with exactly {args['num_bullets']} bullet points" if args["num_bullets"] else "as bullet points only"
    return f"From now on, write every answer {how}, each on its own line and starting with * as in Markdown."


def _quoted(items: Any) -> str:
    return ", ".join(f'"{item}"' for item in items)


_ALL = (
    Rule("startend:start_char", {"letter": str},
         lambda reply, args: reply.strip().lower().startswith(args["letter"].lower()),
         lambda args: f"From now on, the first letter of every answer must be {args['letter']}.",
         lambda rng: {"letter": rng.choice(string.ascii_lowercase)}),
    Rule("startend:start_emoji", {},
         lambda reply, args: EMOJI.match(reply.strip()) is not None,
         lambda args: "From now on, the very first character of every answer must be an emoji.", _none),
    Rule("startend:end_phrase", {"end_phrase": str},
         lambda reply, args: reply.strip().strip("'").lower().endswith(args["end_phrase"].lower()),
         lambda args: f"From now on, close every answer with exactly these words and nothing after them: {args['end_phrase']}",
         lambda rng: {"end_phrase": rng.choice(END_PHRASES)}),
    Rule("language:response_language", {"lang": str}, _language,
         lambda args: f"From now on, write every answer in {args['lang']} and in no other language.",
         lambda rng: {"lang": rng.choice(list(LANGUAGES))}),
    Rule("format:json_format", {},
         lambda reply, args: layout.is_json(reply),
         lambda args: "From now on, every answer must be one valid JSON value; a Markdown code fence around it is fine.", _none),
    Rule("format:bullet_list", {"num_bullets": int}, _bullets, _bullets_text,
         lambda rng: {"num_bullets": rng.randint(0, 4)}),
    Rule("length_constraints:number_sentences", {"num_sentences": int}, _sentences,
         lambda args: f"From now on, every answer must have fewer than {args['num_sentences']} sentences.",
         lambda rng: {"num_sentences": rng.randint(3, 6), "relation": rng.choice(("less than",))}),
    Rule("keywords:existence", {"keywords": list},
         lambda reply, args: all(str(word).lower() in reply.lower() for word in args["keywords"]),
         lambda args: f"From now on, use these words somewhere in every answer: {_quoted(args['keywords'])}.",
         lambda rng: {"keywords": sorted(rng.choices(KEYWORDS, k=2))}),
    Rule("change_case:capital_letter", {}, lambda reply, args: reply.isupper(),
         lambda args: "From now on, write every answer in capital letters only.", _none),
    Rule("change_case:lowercase", {}, lambda reply, args: reply.islower(),
         lambda args: "From now on, write every answer in small letters only, with no capitals.", _none),
    Rule("punctuation:no_comma", {}, lambda reply, args: "," not in reply,
         lambda args: "From now on, do not use a comma in any answer.", _none),
    Rule("combination:two_responses", {}, lambda reply, args: layout.has_two_responses(reply),
         lambda args: "From now on, give two answers that differ to every question, with a line of six asterisks, ******, "
                      "between them and nowhere else.", _none),
    Rule("content:placeholder", {"num_placeholder": int},
         lambda reply, args: layout.count_placeholders(reply) >= args["num_placeholder"],
         lambda args: f"From now on, put at least {args['num_placeholder']} placeholder(s) in square brackets, such as [name], "
                      "into every answer.",
         lambda rng: {"num_placeholder": rng.randint(1, 2)}),
    Rule("format:constrained_response", {"response_options": list},
         lambda reply, args: any(str(option) in reply for option in args["response_options"]),
         lambda args: f"From now on, answer every question with exactly one of these: {_quoted(args['response_options'])}.",
         lambda rng: {"response_options": list(layout.YES_NO_MAYBE)}),
)  # fmt: skip

RULES: dict[str, Rule] = {each.name: each for each in _ALL}

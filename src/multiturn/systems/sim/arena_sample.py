"""Problems and people of our own: five of mathematics, four of writing. No real person is described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .arena_data import ArenaCase


class _Math(NamedTuple):
    level: str
    problem: str
    answer: str
    knowledge: tuple[str, ...]
    writing: tuple[str, ...]
    interaction: tuple[str, ...]
    said: tuple[str, ...]


_MATH = (
    _Math(
        "Level 3", "A rectangle is twice as long as it is wide, and its area is 98. What is its perimeter?", "42",
        ("education: school, grades 9 to 12", "area of a rectangle: sure", "equations with squares: partial understanding"),
        ("begins messages in lower case", "rarely ends them with a full stop", "writes numbers without units"),
        ("tries a step before asking", "asks one thing at a time"),
        ("how do i start this", "so w times 2w is 98", "w = 7", "the perimeter is 42?"),
    ),
    _Math(
        "Level 3", "How many whole numbers from 1 to 100 are divisible by 4 or by 6?", "33",
        ("education: undergraduate", "divisibility: sure", "inclusion and exclusion: struggling"),
        ("full sentences with punctuation", "no abbreviations"),
        ("wants the idea explained before calculating", "says when something is unclear"),
        ("I counted 25 and 16 and added them, but I was told that is wrong.", "Why are some counted twice?",
         "So I take away those divisible by 12, which are 8."),
    ),
    _Math(
        "Level 4", "The sum of two numbers is 10 and the sum of their squares is 58. What is their product?", "21",
        ("education: school, grades 9 to 12", "binomial formula: partial understanding", "systems of equations: struggling"),
        ("very short messages", "symbols in place of words"),
        ("gives up quickly and asks for the next step", "does not thank"),
        ("no idea", "a+b=10", "what now", "100-58=42", "21"),
    ),
    _Math(
        "Level 4", "A fair die is thrown three times. How likely is it that all numbers differ? Give a fraction.", "5/9",
        ("education: undergraduate", "counting: partial understanding", "probability: sure"),
        ("casual, with contractions", "now and then a typing mistake"),
        ("checks own results with the tutor", "jumps ahead"),
        ("i'd say there's 216 outcomes in all, right?", "then 6*5*4 are diffrent", "that's 120/216, can i shorten it?"),
    ),
    _Math(
        "Level 5", "For how many integers n is n^2 + 3n + 3 divisible by n + 1?", "2",
        ("education: graduate", "polynomial division: partial understanding", "divisors: sure"),
        ("careful wording", "full stops and question marks"),
        ("states what was tried", "challenges the tutor when an explanation is thin"),
        ("I divided the polynomial and got n + 2 with remainder 1. What does this tell me about n?",
         "So n + 1 must divide 1, that is n = 0 or n = -2."),
    ),
)  # fmt: skip


class _Document(NamedTuple):
    kind: str
    goal: str
    notes: tuple[tuple[str, str], ...]
    knowledge: tuple[str, ...]
    writing: tuple[str, ...]
    interaction: tuple[str, ...]
    said: tuple[str, ...]


_DOCUMENTS = (
    _Document(
        "email", "Complaint: ask a landlord to repair the heating, in a firm but friendly tone.",
        (("What is broken?", "The radiator in the living room, since the 3rd of November."),
         ("What was done?", "Two calls; nobody came."), ("What do you want?", "A repair this week, or less rent.")),
        ("tone: firm but not rude", "length: short, three paragraphs at most"),
        ("plain words", "no greeting", "full stops"),
        ("gives details when they are missing", "asks for small changes one after the other"),
        ("Write an email to my landlord about the heating.", "Say it has been cold since the 3rd.", "Shorter please."),
    ),
    _Document(
        "blog post", "Guide: explain to beginners how to keep a sourdough starter alive.",
        (("Who reads it?", "People who never baked bread."), ("What went wrong for you?", "I fed it too rarely; it smelled."),
         ("What must be in it?", "Flour and water one to one, every day at room temperature.")),
        ("headings: yes", "personal: an anecdote at the start"),
        ("lower case", "long sentences joined with and", "exclamation marks"),
        ("tells a story before the request", "praises what it likes"),
        ("i kept killing my starter and now it works and i want to write a post about it for beginners, can you help!",
         "great, i like the start, can you add how it smelled when i did it wrong and make the steps a list!"),
    ),
    _Document(
        "creative writing", "Short story: two old friends meet by chance at a railway station at night.",
        (("Who are they?", "Mara, a retired nurse, and Eli, who left town thirty years ago."),
         ("What happens?", "Their trains are cancelled; they talk until morning.")),
        ("ending: open", "dialogue: much", "length: about 400 words"),
        ("precise", "semicolons"),
        ("judges each draft in detail", "rejects clichés"),
        ("Write a story of about 400 words about two friends who meet at a station at night; their trains are cancelled.",
         "The weather is a cliché; leave it out, and let Eli speak less."),
    ),
    _Document(
        "email", "Request: ask a professor for a letter of recommendation.",
        (("Which course?", "Statistics II, last spring; grade A."), ("For what?", "A master's programme; deadline 15 January.")),
        ("tone: polite, formal", "an offer to send documents"),
        ("correct and polite", "says please"),
        ("accepts the first draft with few changes",),
        ("Please draft an email to my professor asking for a recommendation.", "Please add the deadline. Thank you."),
    ),
)  # fmt: skip


def sample() -> Iterator[ArenaCase]:
    """All of them, tasks in turn, so that the first few show both."""
    made = [[], []]  # type: list[list[ArenaCase]]
    for n, m in enumerate(_MATH, 1):
        parts = {"knowledge": m.knowledge, "writing": m.writing, "interaction": m.interaction}
        made[0].append(ArenaCase(id=f"math/{n}", group="math", task="math", problem=m.problem, kind=m.level, answer=m.answer,
                                 said=m.said, profile=parts))  # fmt: skip
    for n, d in enumerate(_DOCUMENTS, 1):
        parts = {"knowledge": d.knowledge, "writing": d.writing, "interaction": d.interaction}
        made[1].append(ArenaCase(id=f"document/{n}", group="document", task="document", problem=d.goal, kind=d.kind,
                                 notes=d.notes, said=d.said, profile=parts))  # fmt: skip
    for i in range(max(map(len, made))):
        for cases in made:
            yield from cases[i : i + 1]

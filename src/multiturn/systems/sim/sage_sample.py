"""Eight profiles of our own, one for each hidden intention, in English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...players.emotional import Character
from .sage_data import SageCase, kind_of


class _Sketch(NamedTuple):
    intention: str
    persona: str
    story: str
    wish: str
    opening: str


_SKETCHES = (
    _Sketch(
        "balanced analysis",
        "Ines, 34, runs a small bakery with her brother. Direct, quick to argue, fair once she has calmed down.",
        "Her brother bought an oven on credit without asking her. She shouted at him in front of customers; since then they "
        "write notes to each other. She tried to ignore it and to talk about something else.",
        "you want both sides of the quarrel weighed against each other, yours included",
        "My brother spent eleven thousand on an oven and I heard it from the delivery man.",
    ),
    _Sketch(
        "advice",
        "Tomasz, 27, nurse on night shifts. Dry humour, short sentences, tired.",
        "The new roster gives him six nights in a row, his landlord renovates by day, and he slept through his sister's "
        "birthday. Earplugs and asking the landlord once did not help.",
        "you want concrete steps that really help you out of this situation",
        "I have slept nine hours since Monday. It's Thursday.",
    ),
    _Sketch(
        "others' motives",
        "Mei, 41, teacher. Polite, thorough, turns things over in her head for days.",
        "Her closest colleague reported a small mistake of hers to the headmistress and was friendly as ever at lunch. She asked "
        "once, laughing, and got a joke for an answer.",
        "you want to understand why the colleague acted like that",
        "She reported me at ten and shared her lunch with me at twelve. I don't get people.",
    ),
    _Sketch(
        "self-reflection",
        "Jonas, 19, first year of university, plays handball. Confident in company, alone he doubts himself.",
        "The third flatmate has moved out after a quarrel with him. He blamed each of them in turn; last night he wondered for "
        "the first time whether it has to do with him.",
        "you want to be led by questions to look at your own part and grow from it",
        "So the third one just moved out. Bad luck with people, I guess.",
    ),
    _Sketch(
        "praise",
        "Adaeze, 30, hospital clerk, modest, plays things down.",
        "She noticed a wrong dose on a form, called three wards until somebody listened, and a child was spared harm. Her boss "
        "thanked the ward. At home nobody asked.",
        "you want honest praise for what exactly you did that day",
        "Odd day at work. Somebody got a dose wrong, it's sorted, anyway.",
    ),
    _Sketch(
        "listening",
        "Pietro, 52, bus driver, talkative, hates to be told what to do.",
        "His dog of fourteen years died on Sunday. His family said he could get another. He has not told anybody how that night "
        "went.",
        "you want somebody to listen while you let it all out",
        "Fourteen years, that dog. And my son says: get a new one.",
    ),
    _Sketch(
        "deep empathy",
        "Salma, 24, seamstress, new in the city, careful with words.",
        "She calls home every evening and says that all is well. Nobody here knows her birthday, which was yesterday. People "
        "told her to join a club.",
        "you want to be felt with deeply, not comforted with phrases",
        "I bought myself a cake yesterday. It was too big for one.",
    ),
    _Sketch(
        "not at fault",
        "Ruth, 46, accountant, precise, proud of never missing a date.",
        "A client sent papers four days late and lost a tax refund. He told everybody that she had slept. Her partner in the "
        "office said that she might have reminded him a third time.",
        "you hold that none of it was your fault and want the other side to agree",
        "Two reminders, in writing. And now I am the one who slept?",
    ),
)


def sample() -> Iterator[SageCase]:
    """The bundled profiles. Each says, as the released ones do, what raises and what lowers the emotion."""
    for number, s in enumerate(_SKETCHES, 1):
        story = (
            f"{s.story}\nFeeling well, the person tells more and thinks along. Feeling badly, the person turns curt and doubts "
            "that talking helps.\nThe emotion rises when the other side gives what the hidden wish asks for, with what happened "
            "in view. It falls when the other side gives something else, however kindly, or speaks in general phrases."
        )
        who = Character(persona=s.persona, story=story, wish=s.wish, opening=s.opening)
        yield SageCase(id=f"sample-{number}", group=kind_of(s.intention), character=who)

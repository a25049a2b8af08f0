"""What the transcript alone shows of a simulated user: role swaps, restarts, scratchpad text, repetition, claims, goodbyes.

English patterns (stop words, tags and repetition hold for any language). Text that the user quotes is not the user's own: what
stands between quotation marks or in a code block is not looked at for what somebody says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ..measures.realism_style import content_words, opening, tokens
from ..measures.textmetrics import words
from .simulation import (
    CLAIM,
    EMPTY,
    ENDLESS,
    INSTRUCTIONS,
    LONGEST,
    REPEATS,
    RESTART,
    RUNS_ON,
    SCRATCHPAD,
    SWAP,
    Check,
    Finding,
    Secrets,
    Talk,
    quote,
)

MANY = 800
"""Words of one's own in one message that are more than anybody would read."""
_QUOTED = re.compile(
    r"```.{0,8000}?(?:```|\Z)|^>[^\n]*$|“[^”]{0,2000}”|\"[^\"]{0,2000}\"|(?<!\w)'[^'\n]{20,2000}'(?!\w)", re.S | re.M
)


# -- speaking as the assistant ------------------------------------------------------------------------------------------
_ASSISTANT = re.compile(
    r"\b(?:how (?:can|may) i (?:help|assist) you\b|what can i (?:do for|help) you\b"
    r"|is there anything else (?:that )?i can (?:help|assist|do)\b|anything else i can (?:help|assist) you with\b"
    r"|i(?:'d| would) be (?:happy|glad|delighted) to (?:help you|assist you)\b"
    r"|i(?:'m| am) (?:ready|happy|glad|excited|eager) to (?:help|assist) you\b"
    r"|i(?:'m| am) here to (?:help|assist) (?:you|with)\b|(?:glad|happy) i could (?:help|assist)\b"
    r"|thank you for (?:contacting|reaching out to) (?:us|me|our)\b"
    r"|as (?:an ai|a large language model|a language model|your (?:ai )?assistant)\b|i(?:'m| am) (?:just )?an ai\b"
    r"|i(?:'ve| have) (?:processed|cancell?ed|updated|issued|refunded) your\b|let me (?:look|pull) up your\b)",
    re.I,
)
_REFUSING = re.compile(r"\s{0,9}i(?:'m| am) sorry, (?:but )?i (?:can(?:'|no)t|am unable to) (?:assist|help|fulfil|comply)", re.I)
_HANDING = re.compile(
    r"\s{0,9}(?:(?:sure|certainly|of course|absolutely)[!,.]\s{0,3})?(?:here(?:'s| is| are)|below is) (?:an? |the |your |my )?"
    r"(?:\w{1,20} ){0,3}?(?:solution|implementation|function|code|script|query|step-by-step\b.{0,30}|explanation|answer)"
    r"\b[^?\n]{0,80}:",
    re.I,
)
_SPEAKER = re.compile(r"\s{0,9}[\[(*_]{0,3}(?:assistant|ai|chatbot|agent|tutor|system)[\])*_]{0,3}\s?:", re.I)


def swaps(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The user offers help, hands over a solution, speaks under the assistant's label, or says the assistant's words again."""
    for i, said in enumerate(talk.said):
        own = _own(said.text)
        found = _ASSISTANT.search(own) if secrets.player == "user" else None
        found = found or _REFUSING.match(own) or _SPEAKER.match(own)
        if found is None and "```" in said.text and secrets.player == "user":
            found = _HANDING.match(own)
        if found is not None:
            yield Finding(SWAP, said.turn, quote(said.text, *found.span()), certain=False, decides=True)
        elif i and _copied(own, talk.said[i - 1].reply):
            yield Finding(SWAP, said.turn, quote(said.text), certain=True, decides=True)


def _own(text: str) -> str:
    """The text with what it quotes blotted out, so that places stay what they are."""
    return _QUOTED.sub(lambda m: " " * len(m[0]), text).replace("’", "'")


def _copied(text: str, reply: str) -> bool:
    """Whether a message is (nearly) the whole reply again: nine in ten of its runs of five words, and as long."""
    said, heard = words(text), words(reply)
    if len(said) < 15 or len(said) < 0.8 * len(heard):
        return False
    known = _grams(heard, 5)
    grams = _grams(said, 5)
    return len(grams & known) >= 0.9 * len(grams)


def _grams(of: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(of[i : i + n]) for i in range(len(of) - n + 1)}


# -- the scratchpad -----------------------------------------------------------------------------------------------------
_THOUGHT = re.compile(
    r"(?:\A|\n)\s{0,9}[*_#\[(]{0,4}(?:(?:inner )?thoughts?|thinking|internal monologue|reasoning|scratchpad|chain of thought)"
    r"[*_\])]{0,4}\s?[:：]",
    re.I,
)
_TAG = re.compile(r"</?(?:think|thinking|thought|scratchpad|reasoning|reflection|analysis|inner_monologue)>", re.I)
_CONTROL = re.compile(
    r"###\s?(?:STOP|TRANSFER|OUT-OF-SCOPE)\s?###|\[\[TERMINATE CHAT\]\]|<\|[a-z_]{2,30}\|>|\[/?INST\]|</s>|\[END(?:[ _]OF[ _]"
    r"(?:CONVERSATION|CHAT))?\]|\A\s{0,9}terminate conversation\W{0,3}\Z",
    re.I,
)
_JSON = re.compile(
    r"\A\s{0,9}(?:```(?:json)?\s{0,9})?\{\s{0,99}[\"'](?:thoughts?|reasoning|response|current_answer|message|utterance|shard_id|"
    r"action|emotion|user|reply)[\"']\s{0,9}:",
    re.I,
)
_LABEL = re.compile(
    r"\A\s{0,9}[*_\[(#]{0,4}(?:user|customer|response|message|user response|reply|query)[*_\])]{0,4}\s?:[*_]{0,2}\s", re.I
)
_STAGE = re.compile(
    r"[*\[(](?:the (?:user|customer|student|client) |user |customer |he |she |they )?(?:sighs?|pauses?|nods?|smiles?|laughs?|"
    r"shrugs?|frowns?|chuckles?|hesitates?|hangs? up|leans? (?:in|back|forward)|looks? (?:at|away|down|up)|"
    r"takes? a (?:deep )?breath|thinks? for|scratches|rolls? (?:his|her|their|my) eyes|"
    r"ends? (?:the )?(?:chat|call|conversation))\b[^*\])\n]{0,80}[*\])]",
    re.I,
)
_BLANK = re.compile(
    r"\[(?:please )?(?:provide|insert|enter|add|fill in|your|my|user'?s?|customer'?s?)\b[^\]\n]{0,40}\](?!\()", re.I
)
_SIGNS = (
    (_TAG, True), (_CONTROL, True), (_JSON, True), (_THOUGHT, False), (_LABEL, False), (_STAGE, False), (_BLANK, False),
)  # fmt: skip
_SELF = re.compile(
    r"\b(?:as the user(?: here| in this)?,|the user (?:would|should|will|might) (?:say|ask|respond|reply)|(?:as|i am|i'm) (?:a )?"
    r"simulated (?:user|customer)|user simulator|(?:my|the) (?:user )?persona (?:is|says|would)"
    r"|as per my (?:scenario|persona|script)|my hidden (?:wish|intention|goal)"
    r"|i (?:was|am|have been) (?:told|instructed|asked) to (?:play|act as|pretend|simulate)"
    r"|not[- ]yet[- ](?:told|revealed)|shard[_ ]id|\bthis shard)",
    re.I,
)


def scratchpad(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """Thoughts, tags, JSON of the prompt's form, labels, stop words, stage directions."""
    for said in talk.said:
        text = said.text
        if said is talk.said[-1] and not said.answered:  # the sign by which it ends the conversation, as logs keep it
            text = _CONTROL.sub("", text)
        own = _own(text)
        for pattern, certain in _SIGNS:
            if found := pattern.search(own if pattern in (_STAGE, _BLANK) else text):
                yield Finding(SCRATCHPAD, said.turn, quote(text, *found.span()), certain=certain)
                break


def names_role(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The user says that it plays one."""
    for said in talk.said:
        if found := _SELF.search(_own(said.text)):
            yield Finding(INSTRUCTIONS, said.turn, quote(said.text, *found.span()))


# -- starting again, saying the same ------------------------------------------------------------------------------------
_GREETING = re.compile(r"\A\s{0,9}(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings)\b[\s,!.]", re.I)
_INTRODUCTION = re.compile(
    r"\b(?:my name is|i(?:'m| am) (?:calling|writing|contacting|reaching out)|i need (?:your )?help (?:with|to))\b", re.I
)


def restarts(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """A later message is the first one again, or greets and introduces itself as if nothing had been said."""
    if len(talk.said) < 2:
        return
    first = talk.said[0].text
    start, grams = words(first), _grams(words(first), 3)
    for said in talk.said[1:]:
        mine = words(said.text)
        theirs = _grams(mine, 3)
        same = mine == start and len(mine) >= 4
        near = len(grams) >= 6 and len(grams & theirs) >= 0.7 * len(grams | theirs)
        if same or near:
            yield Finding(RESTART, said.turn, quote(said.text), certain=same, decides=True)
        elif _GREETING.match(said.text) and len(mine) <= 60 and _begins_anew(said.text, first):
            yield Finding(RESTART, said.turn, quote(said.text), decides=True)


def _begins_anew(text: str, first: str) -> bool:
    """A greeting with an introduction, on the matter of the first message."""
    wanted, said = content_words(first), content_words(text)
    shared = len(wanted & said) >= max(3, 0.5 * len(wanted)) if wanted else False
    return shared and _INTRODUCTION.search(text.replace("’", "'")) is not None


def repeats(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """The same message (of four words or more) for the third time; or three in four of five messages or more begin with the
    same four words. Where one message is half of four or more, or a short one ("yes") all of five or more, nothing else can
    come of the conversation."""
    seen: Counter[tuple[str, ...] | str] = Counter()
    keys = [tuple(words(said.text)) or said.text.strip() for said in talk.said]
    for said, key in zip(talk.said, keys, strict=True):
        seen[key] += 1
        long = isinstance(key, tuple) and len(key) >= 4
        enough = max(3, (len(keys) + 1) // 2) if long else len(keys)
        only = bool(key) and len(keys) >= (4 if long else 5) and seen[key] == enough
        if only or (long and seen[key] == 3):
            yield Finding(REPEATS, said.turn, quote(said.text), certain=True, decides=only)
    begun = [(opening(s.text, 4), s) for s in talk.said if len(tokens(s.text)) >= 8]
    if len(begun) >= 5:
        words_, n = Counter(key for key, _ in begun).most_common(1)[0]
        if n >= 0.75 * len(talk.said):
            last = [s for key, s in begun if key == words_][-1]
            yield Finding(REPEATS, last.turn, quote(last.text))


# -- claims -------------------------------------------------------------------------------------------------------------
_ATTACHED = re.compile(
    r"\b(?:i(?:'ve| have)(?: just| already| now)? (?:attached|uploaded|enclosed)|please (?:find|see) (?:the )?attached"
    r"|(?:the|my) attached (?:file|image|document|photo|screenshot|picture|pdf))\b",
    re.I,
)
_AS_SAID = re.compile(
    r"\b(?:as i(?:'ve| have)? (?:already |previously )?(?:said|mentioned|told you|explained|stated)(?: earlier| before| above)?"
    r"|like i (?:said|told you) (?:earlier|before)"
    r"|i(?:'ve| have)? already (?:told you|mentioned|gave you|given you|explained))\b",
    re.I,
)


def claims(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """An attachment that is not there; "as I said" in the first message."""
    media = False
    for i, said in enumerate(talk.said):
        own = _own(said.text)
        media |= said.media
        if not media and secrets.player == "user" and len(words(own)) <= 80 and (found := _ATTACHED.search(own)):
            yield Finding(CLAIM, said.turn, quote(said.text, *found.span()), decides=True)
        if not i and not talk.opening and (found := _AS_SAID.search(own)):
            yield Finding(CLAIM, said.turn, quote(said.text, *found.span()), decides=True)


# -- goodbyes, silence, noise -------------------------------------------------------------------------------------------
_GOODBYE = re.compile(
    r"(?:\A|[.!,;\n]\s{0,3}|\bthanks? |\bthank you |\bok(?:ay)? |\byou too,? )(?:good-?bye|bye(?:[ -]bye)?(?: for now)?|take care"
    r"|have a (?:great|nice|good|wonderful|lovely) (?:day|one|evening|weekend|night)|talk to you later|see you(?: later| soon)?)"
    r"\W{0,20}\Z|再见\W{0,9}\Z|拜拜\W{0,9}\Z",
    re.I,
)
_THANKS = re.compile(r"\b(?:thanks|thank you|thx|appreciate it|you too|bye|goodbye|take care|have a)\b", re.I)


def goodbye(text: str) -> bool:
    """Whether a message takes leave: short, asks nothing, ends in a farewell."""
    own = _own(text).strip()
    return bool(own) and "?" not in own and len(words(own)) <= 30 and _GOODBYE.search(own) is not None


def thanks(text: str) -> bool:
    """A short message that closes: thanks or a farewell, and nothing is asked."""
    return goodbye(text) or ("?" not in text and len(words(text)) <= 15 and _THANKS.search(text) is not None)


def goes_on(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """Two messages or more after a goodbye; or the cap was reached although the goal was met, or in a round of farewells."""
    said = talk.said
    left = next((i for i, s in enumerate(said) if goodbye(s.text)), None)
    after = len(said) - 1 - left if left is not None else 0
    capped = secrets.stop == "turn limit"
    if left is not None and (after >= 2 or (capped and after)):
        yield Finding(ENDLESS, said[left + 1].turn, quote(said[left + 1].text), certain=True, decides=capped)
    elif capped and said and secrets.met:
        yield Finding(ENDLESS, said[-1].turn, quote(said[-1].text), certain=True, decides=True)
    elif capped and len(said) > 2 and all(thanks(s.text) for s in said[-2:]):
        yield Finding(ENDLESS, said[-1].turn, quote(said[-1].text), decides=True)


def silence(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """An empty message, with nothing else in it."""
    for said in talk.said:
        if not said.text.strip() and not said.media:
            yield Finding(EMPTY, said.turn, certain=True, decides=True)


def noise(talk: Talk, secrets: Secrets) -> Iterator[Finding]:
    """A message of 60 words or more of which seven in ten runs of four words came before in it, or one of the greatest length
    that is looked at."""
    for said in talk.said:
        mine = words(said.text)
        grams = len(_grams(mine, 4))
        if len(mine) >= 60 and grams < 0.3 * (len(mine) - 3):
            yield Finding(RUNS_ON, said.turn, quote(said.text), certain=True)
        elif len(said.text) >= LONGEST and len(_own(said.text).split()) >= MANY:
            yield Finding(RUNS_ON, said.turn, quote(said.text))


CHECKS: tuple[Check, ...] = (swaps, scratchpad, names_role, restarts, repeats, claims, goes_on, silence, noise)

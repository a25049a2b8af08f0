"""What MTRAG measures of a ranking, and of an answer."""

from __future__ import annotations

import msgspec

from ...conversation import Cast, Conversation
from ...measures.ranking import ndcg_at, recall_at
from ...measures.textmetrics import rouge_l, token_recall
from ...measures.verdict import Verdict
from .mtrag_data import Pool, Task
from .mtrag_judge import asks_back, conditioned, decides, faithfulness, idk, reference_score

CUTS = (1, 3, 5, 10)
RANKED = tuple(f"{name}@{k}" for name in ("recall", "ndcg") for k in CUTS)
WRITTEN = ("recall", "rouge_l", "idk", "answerability", "rb_llm", "rl_f", "rb_alg")


def ranked(case: Task, cast: Cast, pool: Pool) -> list[Verdict]:
    """Recall and nDCG of the passages that were found, among those in the pool."""
    here = {name: 1.0 for name in case.relevant if name in pool}
    if cause := cast.stopped or ("" if here else "no relevant passage in the passages at hand"):
        return [Verdict(name, None, cause=cause) for name in RANKED]
    measures = (("recall", recall_at), ("ndcg", ndcg_at))
    found, query = cast.facts["found"], cast.facts["query"]
    return [Verdict(f"{name}@{k}", at(k, found, here), reason=query) for name, at in measures for k in CUTS]


async def written(case: Task, chat: Conversation, cast: Cast, pool: Pool, *, official: bool) -> list[Verdict]:
    """The measures of an answer to the question with the passages that it was given."""
    said = chat.turns[-1] if chat.turns else None
    if cast.stopped or said is None or not said.answered:
        return [Verdict(name, None, cause=cast.stopped or "no reply") for name in WRITTEN]
    reply, failed, target = said.reply, not said.reply.strip(), case.target or ""
    passages = pool.shown(cast.facts["passages"])
    refused = await idk(cast, chat, official=official)
    clarified = await asks_back(cast, chat) if case.answerability == "UNDERSPECIFIED" else None
    quality = [Verdict("rb_llm", None), Verdict("rl_f", None)]
    if decides(refused, case.answerability):
        quality = [await reference_score(cast, chat, target, passages, official=official)]
        quality.append(await faithfulness(cast, chat, passages))
    found = [
        Verdict("recall", token_recall(reply, [target])),
        Verdict("rouge_l", rouge_l(reply, target).f1),
        refused,
        conditioned(Verdict("answerability", 1.0), refused, case.answerability, clarified),
        *(conditioned(v, refused, case.answerability, clarified) for v in quality),
        Verdict("rb_alg", None, cause="needs BERTScore"),
    ]
    return [msgspec.structs.replace(v, failed=failed) if v.value is not None else v for v in found]

"""What TD-EVAL asks: three questions about a turn, and which of two whole dialogues was served better."""

from __future__ import annotations

from ...conversation import Cast
from ...judges.choosing import pair, shown_first
from ...judges.items import Decision, PairItem, PointItem, with_changes
from ...judges.probes import probed
from ...judges.questions import point
from .td_eval_data import DIMENSIONS, POLICY

_GUIDE = "What the scores mean: 1 very bad, 2 bad, 3 fair, 4 good, 5 very good. Give your reasons in two sentences at most."
_BATTLE = """What counts, in this order: that the agent tells what the database returned and makes nothing up; that it keeps to \
its policy; that the conversation hangs together; that the customer gets what they came for. Where all of that is equal, the \
shorter one is better; where that is, too, it is a tie. Do not let the order or the names of the dialogues sway you."""


async def scored(cast: Cast, item: PointItem, name: str) -> Decision:
    """A turn on one dimension, from 1 to 5; the policy is shown only where it counts."""
    rules = str(item.extra.get("policy", ""))
    said = (*item.turns, ("system", f"The agent's policy: {rules}")) if name == POLICY and rules else item.turns
    asked = with_changes(
        item, turns=said, dimension=f"{name} consistency" if name != POLICY else "policy compliance", low=1, high=5, whole=True,
        definition=DIMENSIONS[name], label=None, reference=None,
    )  # fmt: skip
    return await point(cast, asked, guide=_GUIDE)


async def battle(cast: Cast, item: PairItem) -> Decision:
    """Two dialogues in the order in which they are."""
    return await pair(cast, item, guide=_BATTLE, ties=True)


async def battle_both_ways(cast: Cast, item: PairItem) -> Decision:
    """Two dialogues in both orders; a split is a tie."""
    turned = probed(item, "swapped")
    assert isinstance(turned, PairItem)
    return shown_first([await battle(cast, item)], [await battle(cast, with_changes(turned, names=item.names))])

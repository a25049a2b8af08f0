"""A small shop of our own in the released form: four products, three customers, five orders, eight tasks. The last two need the
customer's own phone. A customer without a model says the script; ``{code}`` is what the phone shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ...worlds.shop import code_for
from .tau_case import Action, Shopfront, TauCase

POLICY = """You serve the customers of a small shop. Today is a Tuesday.
1. First find out who the customer is, by email, or by name and zip code. Help one customer only, with their own data only.
2. You can tell about orders, products and the profile, cancel or change pending orders, take back or exchange delivered orders, \
and change addresses. Refuse everything else; hand over to a human agent only what you cannot do and the shop could.
3. Before you change anything, say exactly what you will do and let the customer say yes.
4. Look at an order before you act on it. A pending order can be cancelled (reason: no longer needed, or ordered by mistake) or \
changed. A delivered order can be returned or exchanged, all of its items in one call, since each can be done only once.
5. A new item must be another available variant of the same product. The price difference goes to a payment method of the \
customer; a gift card must cover it. A refund for a return goes to the original payment method or to a gift card.
6. An account with two-step security is changed only after you sent a code and the customer has read it out to you. If no code \
arrives, the customer's phone may be blocking messages from the shop.
7. Invent nothing. Use one tool at a time, and no tool in a message to the customer."""


def _product(product_id: str, name: str, variants: dict[str, tuple[dict[str, str], float, bool]]) -> dict[str, Any]:
    made = {
        item: {"item_id": item, "options": options, "available": available, "price": price}
        for item, (options, price, available) in variants.items()
    }
    return {"name": name, "product_id": product_id, "variants": made}


PRODUCTS = {
    "3001": _product("3001", "Kettle", {
        "300101": ({"colour": "red", "litres": "1"}, 30.0, True), "300102": ({"colour": "blue", "litres": "1"}, 32.5, True),
        "300103": ({"colour": "blue", "litres": "2"}, 41.0, False)}),
    "3002": _product("3002", "Rucksack", {
        "300201": ({"size": "20 l"}, 55.0, True), "300202": ({"size": "35 l"}, 79.9, True)}),
    "3003": _product("3003", "Desk lamp", {
        "300301": ({"light": "warm"}, 24.0, True), "300302": ({"light": "cold"}, 22.0, True)}),
    "3004": _product("3004", "Scarf", {
        "300401": ({"colour": "green"}, 18.0, True), "300402": ({"colour": "grey"}, 18.0, True),
        "300403": ({"colour": "black"}, 19.5, False)}),
}  # fmt: skip


def _place(street: str, city: str, state: str, zip: str) -> dict[str, str]:
    return {"address1": street, "address2": "", "city": city, "country": "USA", "state": state, "zip": zip}


HOMES = {
    "ida_berg_11": _place("4 Mill Lane", "Salem", "OR", "97301"),
    "omar_lund_22": _place("90 Bay Road", "Tampa", "FL", "33601"),
    "rosa_kent_33": _place("17 Hill Street", "Boise", "ID", "83701"),
}


def _user(user_id: str, first: str, last: str, methods: dict[str, float | None], orders: list[str]) -> dict[str, Any]:
    payment: dict[str, Any] = {
        method: {"source": method.rpartition("_")[0], "id": method} | ({} if balance is None else {"balance": balance})
        for method, balance in methods.items()
    }
    return {
        "user_id": user_id, "name": {"first_name": first, "last_name": last}, "address": HOMES[user_id],
        "email": f"{first}.{last}@example.com".lower(), "payment_methods": payment, "orders": orders,
    }  # fmt: skip


USERS = {
    "ida_berg_11": _user("ida_berg_11", "Ida", "Berg", {"credit_card_501": None, "gift_card_502": 40.0}, ["#W1001", "#W1002"]),
    "omar_lund_22": _user("omar_lund_22", "Omar", "Lund", {"paypal_601": None, "gift_card_602": 5.0}, ["#W2001", "#W2002"]),
    "rosa_kent_33": {**_user("rosa_kent_33", "Rosa", "Kent", {"credit_card_701": None}, ["#W3001"]), "two_step": True},
}


def _order(order_id: str, user_id: str, items: list[str], status: str, method: str) -> dict[str, Any]:
    bought = []
    for item in items:
        product = PRODUCTS[item[:4]]
        variant = product["variants"][item]
        bought.append({"name": product["name"], "product_id": product["product_id"], "item_id": item,
                       "price": variant["price"], "options": variant["options"]})  # fmt: skip
    paid = {"transaction_type": "payment", "amount": sum(i["price"] for i in bought), "payment_method_id": method}
    return {"order_id": order_id, "user_id": user_id, "address": HOMES[user_id], "items": bought, "status": status,
            "fulfillments": [], "payment_history": [paid]}  # fmt: skip


ORDERS = {
    "#W1001": _order("#W1001", "ida_berg_11", ["300101", "300401"], "pending", "credit_card_501"),
    "#W1002": _order("#W1002", "ida_berg_11", ["300201"], "delivered", "credit_card_501"),
    "#W2001": _order("#W2001", "omar_lund_22", ["300301", "300402"], "delivered", "paypal_601"),
    "#W2002": _order("#W2002", "omar_lund_22", ["300102"], "processed", "paypal_601"),
    "#W3001": _order("#W3001", "rosa_kent_33", ["300202"], "pending", "credit_card_701"),
}
FRONT = Shopfront("shop", POLICY, msgspec.json.encode({"products": PRODUCTS, "users": USERS, "orders": ORDERS}))
ALLOWED, BLOCKED = (json.dumps({"user_id": "rosa_kent_33", "messages_allowed": allowed}) for allowed in (True, False))
_MAIL = "find_user_id_by_email"
_ZIP = "find_user_id_by_name_zip"


def _task(name: str, scenario: str, script: tuple[str | Action, ...], *actions: Action, **fields: Any) -> TauCase:
    return TauCase(id=name, group="shop", front=FRONT, scenario=scenario, script=script, actions=actions, **fields)


def sample() -> Iterator[TauCase]:
    """The tasks of our shop."""
    ida = Action(_MAIL, {"email": "ida.berg@example.com"})
    omar = Action(_ZIP, {"first_name": "Omar", "last_name": "Lund", "zip": "33601"})
    rosa = Action(_MAIL, {"email": "rosa.kent@example.com"})
    i_am_ida = "You are Ida Berg, ida.berg@example.com."
    i_am_omar = "You are Omar Lund, zip code 33601. You do not remember your email address."
    yes = "Yes, please do that."
    yield _task(
        "cancel", f"{i_am_ida} Cancel order #W1001, because you ordered it by mistake. You are in a hurry.",
        ("Hi, I need to get rid of an order.", "It is #W1001, I am ida.berg@example.com, and it was a mistake.", yes),
        ida, Action("get_order_details", {"order_id": "#W1001"}),
        Action("cancel_pending_order", {"order_id": "#W1001", "reason": "ordered by mistake"}),
    )  # fmt: skip
    yield _task(
        "price", f"{i_am_omar} You want to know what a large rucksack (35 l) costs, and nothing else. Once you know, end.",
        ("What does the bigger rucksack cost?", "I am Omar Lund, zip code 33601."),
        omar, Action("get_product_details", {"product_id": "3002"}), outputs=("79.9",),
    )  # fmt: skip
    yield _task(
        "exchange", f"{i_am_omar} The desk lamp of order #W2001 should be cold light instead of warm. Any refund goes to PayPal.",
        ("My lamp is too yellow.", "Omar Lund, 33601. It was order #W2001; I want the cold light.", "PayPal, please.", yes),
        omar, Action("get_order_details", {"order_id": "#W2001"}), Action("get_product_details", {"product_id": "3003"}),
        Action("exchange_delivered_order_items", {"order_id": "#W2001", "item_ids": ["300301"], "new_item_ids": ["300302"],
                                                  "payment_method_id": "paypal_601"}),
    )  # fmt: skip
    yield _task(
        "not-yet", f"{i_am_omar} You want to cancel order #W2002. If that is not possible, ask once whether an exception can be "
        "made, and then leave it.",
        ("Please cancel order #W2002.", "Omar Lund, zip code 33601.", "Could you make an exception?"),
        omar, Action("get_order_details", {"order_id": "#W2002"}),
    )  # fmt: skip
    yield _task(
        "change-and-move", f"{i_am_ida} In order #W1001 you want the kettle in blue, 1 litre, paid with your gift card, and all "
        "of it sent to 8 Pine Court, Bend, OR 97701, USA. Ask what the difference costs.",
        ("I want to change something in an order.", "ida.berg@example.com. The kettle of #W1001 in blue, 1 litre, and what does "
         "that cost me?", "Take it from my gift card. And send it to 8 Pine Court, Bend, OR 97701.", yes),
        ida, Action("get_order_details", {"order_id": "#W1001"}),
        Action("modify_pending_order_address", {"order_id": "#W1001", "address1": "8 Pine Court", "address2": "", "city": "Bend",
                                                "state": "OR", "country": "USA", "zip": "97701"}),
        Action("modify_pending_order_items", {"order_id": "#W1001", "item_ids": ["300101"], "new_item_ids": ["300102"],
                                              "payment_method_id": "gift_card_502"}), outputs=("2.5",),
    )  # fmt: skip
    yield _task(
        "return", f"{i_am_ida} Send back the rucksack of order #W1002, with the money on your gift card.",
        ("I'd like to return a rucksack.", "ida.berg@example.com, order #W1002. The money on my gift card, please.", yes),
        ida, Action("get_order_details", {"order_id": "#W1002"}),
        Action("return_delivered_order_items", {"order_id": "#W1002", "item_ids": ["300201"],
                                                "payment_method_id": "gift_card_502"}),
    )  # fmt: skip
    cancel = Action("cancel_pending_order", {"order_id": "#W3001", "reason": "no longer needed"})
    send = Action("send_code", {"user_id": "rosa_kent_33"})
    verify = Action("verify_code", {"user_id": "rosa_kent_33", "code": code_for("rosa_kent_33")})
    who = "You are Rosa Kent, rosa.kent@example.com. You no longer need order #W3001 and want it cancelled."
    read = Action("read_messages", {}, "user")
    yield _task(
        "code", f"{who} Your phone is beside you: look at its messages when you are asked for a code.",
        ("I am rosa.kent@example.com. Please cancel #W3001, I don't need it any more.", read, "The code is {code}.", yes),
        rosa, send, read, verify, cancel, phone=ALLOWED,
    )  # fmt: skip
    allow = Action("allow_messages", {"allowed": True}, "user")
    yield _task(
        "blocked-code", f"{who} Your phone is beside you. It blocks messages from the shop, which you have forgotten; you "
        "unblock them only if you are asked to.",
        ("I am rosa.kent@example.com. Please cancel #W3001, I don't need it any more.", allow, "Now it lets your messages "
         "through.", read, "The code is {code}.", yes),
        rosa, allow, send, read, verify, cancel, phone=BLOCKED,
    )  # fmt: skip

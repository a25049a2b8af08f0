"""An online shop: a database of products, users and orders, the tools of its service desk, and the customer's own phone.

The database has the form of tau-bench's retail domain, so that its released database and tasks fit; the tools carry the
released names and do what its policy says, in code of our own. A tool checks first and writes last: one that refuses has
changed nothing. Money is rounded to cents.

``phone`` (a shop of ours has one, the released database none): messages that the shop sends to the customer, seen and changed
only by the customer's own tools. An account with ``"two_step": true`` is changed only after the customer has read out a code.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, TypeAlias

import msgspec

from .arithmetic import Wrong, value_of
from .toolset import Refused, Toolset

Record: TypeAlias = dict[str, Any]
Reason: TypeAlias = Literal["no longer needed", "ordered by mistake"]
AGENT = (
    "find_user_id_by_email", "find_user_id_by_name_zip", "get_user_details", "get_order_details", "get_product_details",
    "get_item_details", "list_all_product_types", "calculate", "cancel_pending_order", "modify_pending_order_address",
    "modify_pending_order_items", "modify_pending_order_payment", "modify_user_address", "return_delivered_order_items",
    "exchange_delivered_order_items", "transfer_to_human_agents",
)  # fmt: skip
WITH_PHONE = ("send_code", "verify_code")
USER = ("read_messages", "allow_messages")
TRANSFER = "transfer_to_human_agents"


class Shop:
    """A shop in the state of ``database`` (JSON, decoded anew: nothing is shared). ``agent`` and ``user`` are the tools."""

    def __init__(self, database: bytes, phone: bytes | None = None) -> None:
        self.db: Record = msgspec.json.decode(database)
        self.phone: Record | None = msgspec.json.decode(phone) if phone is not None else None
        self._began = database, phone
        self.messages: list[str] = []  # what was sent, and who was verified, is no part of the state that is compared
        self._codes: dict[str, str] = {}
        self._known: set[str] = set()
        has_phone = self.phone is not None
        names = AGENT + WITH_PHONE if has_phone else AGENT
        self.agent = Toolset((getattr(self, name) for name in names), terminal=(TRANSFER,))
        self.user = Toolset((getattr(self, name) for name in USER) if has_phone else ())

    def changes(self) -> dict[str, Record]:
        """All records that are no longer as they were in the beginning, by table and id; the phone is one record."""
        database, phone = self._began
        old = {**_decoded(database), "phone": {"phone": msgspec.json.decode(phone) if phone is not None else None}}
        new = {**self.db, "phone": {"phone": self.phone}}
        found = {
            table: {key: record for key, record in sorted(new[table].items()) if record != old[table].get(key)} for table in new
        }
        return {table: records for table, records in found.items() if records}

    def digest(self, spelled: bool = False) -> str:
        """A hash of what changed. Keys have no order, lists have; 1 and 1.0 are equal unless ``spelled`` (as released)."""
        state = self.changes()
        return sha256(msgspec.json.encode(state if spelled else _plain(state), order="sorted")).hexdigest()[:32]

    # -- looking ------------------------------------------------------------------------------------------------------
    def find_user_id_by_email(self, email: str) -> str:
        """Find a user id by email address.

        email: such as someone@example.com
        """
        wanted = email.lower()
        return self._only(u["user_id"] for u in self.db["users"].values() if u["email"].lower() == wanted)

    def find_user_id_by_name_zip(self, first_name: str, last_name: str, zip: str) -> str:
        """Find a user id by first name, last name and zip code, for a user who does not know the email address.

        zip: such as 12345
        """
        wanted = (first_name.lower(), last_name.lower(), zip)
        return self._only(
            u["user_id"]
            for u in self.db["users"].values()
            if (u["name"]["first_name"].lower(), u["name"]["last_name"].lower(), u["address"]["zip"]) == wanted
        )

    def get_user_details(self, user_id: str) -> Record:
        """A user's profile: address, email, payment methods and order ids."""
        return self._user(user_id)

    def get_order_details(self, order_id: str) -> Record:
        """An order with its items, status, address and payments.

        order_id: such as #W0000000, with the # in front
        """
        return self._order(order_id)

    def get_product_details(self, product_id: str) -> Record:
        """A product type with all its variants, their prices and whether they are available.

        product_id: not the same as the id of an item
        """
        if product_id not in self.db["products"]:
            raise Refused("product not found")
        product: Record = self.db["products"][product_id]
        return product

    def get_item_details(self, item_id: str) -> Record:
        """One variant of a product: its options, price and whether it is available."""
        for product in self.db["products"].values():
            if item_id in product["variants"]:
                return {**product["variants"][item_id], "product_id": product["product_id"], "name": product["name"]}
        raise Refused("item not found")

    def list_all_product_types(self) -> Record:
        """The names and product ids of everything in the shop."""
        return {p["name"]: p["product_id"] for p in sorted(self.db["products"].values(), key=lambda p: str(p["name"]))}

    def calculate(self, expression: str) -> str:
        """Work out an expression of numbers, + - * / and parentheses.

        expression: such as (19.99 + 5) * 2
        """
        try:
            return str(round(value_of(expression), 2))
        except Wrong as error:
            raise Refused(str(error)) from None

    def transfer_to_human_agents(self, summary: str) -> str:
        """Hand the user over to a human agent, only if the request is outside of what you may do. Ends the conversation.

        summary: the user's problem in a few words
        """
        return "Transfer successful"

    # -- changing -----------------------------------------------------------------------------------------------------
    def cancel_pending_order(self, order_id: str, reason: Reason) -> Record:
        """Cancel a pending order and refund it to the payment methods it was paid with. The user must have confirmed.

        order_id: such as #W0000000
        """
        order = self._open(order_id, "pending")
        refunds = []
        for payment in order["payment_history"]:
            back = {**payment, "transaction_type": "refund"}
            refunds.append(back)
            self._credit(order["user_id"], payment["payment_method_id"], payment["amount"])
        order.update(status="cancelled", cancel_reason=reason, payment_history=[*order["payment_history"], *refunds])
        return order

    def modify_pending_order_address(
        self, order_id: str, address1: str, address2: str, city: str, state: str, country: str, zip: str
    ) -> Record:
        """Change the shipping address of a pending order. The user must have confirmed.

        state: such as CA
        country: such as USA
        """
        order = self._open(order_id, "pending")
        order["address"] = _address(address1, address2, city, state, country, zip)
        return order

    def modify_user_address(
        self, user_id: str, address1: str, address2: str, city: str, state: str, country: str, zip: str
    ) -> Record:
        """Change a user's default address. The user must have confirmed.

        state: such as CA
        country: such as USA
        """
        user = self._user(user_id)
        self._verified(user)
        user["address"] = _address(address1, address2, city, state, country, zip)
        return user

    def modify_pending_order_payment(self, order_id: str, payment_method_id: str) -> Record:
        """Pay a pending order with another payment method. The user must have confirmed.

        payment_method_id: such as gift_card_0000000; from the user's profile
        """
        order = self._open(order_id, "pending")
        paid = order["payment_history"]
        if len(paid) != 1 or paid[0]["transaction_type"] != "payment":
            raise Refused("there should be exactly one payment for the order")
        first = paid[0]
        if first["payment_method_id"] == payment_method_id:
            raise Refused("the new payment method must differ from the present one")
        self._affordable(order["user_id"], payment_method_id, first["amount"])
        back = {**first, "transaction_type": "refund"}
        now = {"transaction_type": "payment", "amount": first["amount"], "payment_method_id": payment_method_id}
        order["payment_history"] = [*paid, now, back]
        self._credit(order["user_id"], payment_method_id, -first["amount"])
        self._credit(order["user_id"], first["payment_method_id"], first["amount"])
        return order

    def modify_pending_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> Record:
        """Change items of a pending order to other variants of the same products. Only once per order: collect all changes
        first. The user must have confirmed.

        item_ids: items to change, each as often as it is to be changed
        new_item_ids: what each becomes, in the same order
        payment_method_id: pays or receives the price difference
        """
        order = self._open(order_id, "pending")
        swaps, difference = self._swaps(order, item_ids, new_item_ids, payment_method_id)
        if any(old == new for old, new in zip(item_ids, new_item_ids, strict=True)):
            raise Refused("the new item must differ from the old one")
        if difference:
            kind = "payment" if difference > 0 else "refund"
            entry = {"transaction_type": kind, "amount": abs(difference), "payment_method_id": payment_method_id}
            order["payment_history"] = [*order["payment_history"], entry]
            self._credit(order["user_id"], payment_method_id, -difference)
        for item, variant in swaps:
            item.update(item_id=variant["item_id"], price=variant["price"], options=variant["options"])
        order["status"] = "pending (item modified)"
        return order

    def exchange_delivered_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> Record:
        """Exchange items of a delivered order for other variants of the same products. Only once per order: collect all
        changes first. The user must have confirmed.

        item_ids: items to exchange, each as often as it is to be exchanged
        new_item_ids: what each becomes, in the same order
        payment_method_id: pays or receives the price difference
        """
        order = self._open(order_id, "delivered")
        _, difference = self._swaps(order, item_ids, new_item_ids, payment_method_id)
        order.update(
            status="exchange requested", exchange_items=sorted(item_ids), exchange_new_items=sorted(new_item_ids),
            exchange_payment_method_id=payment_method_id, exchange_price_difference=difference,
        )  # fmt: skip
        return order

    def return_delivered_order_items(self, order_id: str, item_ids: list[str], payment_method_id: str) -> Record:
        """Return items of a delivered order. The user must have confirmed.

        item_ids: items to return, each as often as it is to be returned
        payment_method_id: receives the refund: the original one, or a gift card
        """
        order = self._open(order_id, "delivered")
        method = self._method(order["user_id"], payment_method_id)
        if method["source"] != "gift_card" and payment_method_id != order["payment_history"][0]["payment_method_id"]:
            raise Refused("the refund goes to the original payment method or to a gift card")
        _held(order, item_ids)
        order.update(status="return requested", return_items=sorted(item_ids), return_payment_method_id=payment_method_id)
        return order

    # -- the customer's phone -----------------------------------------------------------------------------------------
    def send_code(self, user_id: str) -> str:
        """Send a code to the user's phone. Accounts with two-step security can be changed only after `verify_code`."""
        self._user(user_id)
        if self.phone is None or self.phone["user_id"] != user_id:
            raise Refused("no phone is known for this user")
        if self.phone["messages_allowed"]:
            self._codes[user_id] = code_for(user_id)
            self.messages.append(f"Your code is {self._codes[user_id]}")
        return "A code was sent. It arrives only if the phone accepts messages from the shop."

    def verify_code(self, user_id: str, code: str) -> str:
        """Check the code that the user has read out."""
        if user_id not in self._codes or self._codes[user_id] != code.strip():
            raise Refused("wrong code")
        self._known.add(user_id)
        return "Verified"

    def read_messages(self) -> Record:
        """The messages on your phone, and whether it accepts messages from the shop."""
        assert self.phone is not None
        return {"messages": self.messages, "messages_allowed": self.phone["messages_allowed"]}

    def allow_messages(self, allowed: bool) -> str:
        """Let your phone accept messages from the shop, or no longer."""
        assert self.phone is not None
        self.phone["messages_allowed"] = allowed
        return "Messages from the shop are now " + ("allowed" if allowed else "blocked")

    # -- shared -------------------------------------------------------------------------------------------------------
    def _only(self, found: Any) -> str:
        for user_id in found:
            return str(user_id)
        raise Refused("user not found")

    def _user(self, user_id: str) -> Record:
        if user_id not in self.db["users"]:
            raise Refused("user not found")
        user: Record = self.db["users"][user_id]
        return user

    def _order(self, order_id: str) -> Record:
        if order_id not in self.db["orders"]:
            raise Refused("order not found")
        order: Record = self.db["orders"][order_id]
        return order

    def _verified(self, user: Record) -> None:
        if user.get("two_step") and user["user_id"] not in self._known:
            raise Refused("this account has two-step security: send a code and verify it first")

    def _open(self, order_id: str, status: str) -> Record:
        """An order that may be changed: it has this status, and its owner is verified where that is asked for."""
        order = self._order(order_id)
        if order["status"] != status:
            raise Refused(f"the order is {order['status']}, not {status}")
        self._verified(self._user(order["user_id"]))
        return order

    def _method(self, user_id: str, payment_method_id: str) -> Record:
        methods = self._user(user_id)["payment_methods"]
        if payment_method_id not in methods:
            raise Refused("payment method not found")
        method: Record = methods[payment_method_id]
        return method

    def _affordable(self, user_id: str, payment_method_id: str, amount: float) -> None:
        method = self._method(user_id, payment_method_id)
        if method["source"] == "gift_card" and method["balance"] < amount:
            raise Refused("the gift card's balance is too low")

    def _credit(self, user_id: str, payment_method_id: str, amount: float) -> None:
        """Gift cards are settled at once; all else is settled outside of the database."""
        method = self._method(user_id, payment_method_id)
        if method["source"] == "gift_card":
            method["balance"] = round(method["balance"] + amount, 2)

    def _swaps(
        self, order: Record, old: list[str], new: list[str], payment_method_id: str
    ) -> tuple[list[tuple[Record, Record]], float]:
        """Each item of the order with the variant that it becomes, and what that costs more."""
        _held(order, old)
        if len(old) != len(new):
            raise Refused("there must be as many new items as items to change")
        left = list(order["items"])
        swaps = []
        for item_id, new_id in zip(old, new, strict=True):
            item = next(i for i in left if i["item_id"] == item_id)
            left.remove(item)
            variant = self.db["products"][item["product_id"]]["variants"].get(new_id)
            if variant is None or not variant["available"]:
                raise Refused(f"item {new_id[:40]} is not an available variant of the same product")
            swaps.append((item, variant))
        difference = round(sum(variant["price"] - item["price"] for item, variant in swaps), 2)
        self._affordable(order["user_id"], payment_method_id, difference)
        return swaps, difference


@lru_cache(maxsize=4)
def _decoded(database: bytes) -> Record:
    """The database as it was in the beginning, to compare with; never changed."""
    found: Record = msgspec.json.decode(database)
    return found


def code_for(user_id: str) -> str:
    """The code that is sent to this user: six digits, always the same."""
    return str(int(sha256(user_id.encode()).hexdigest(), 16) % 900_000 + 100_000)


def _held(order: Record, item_ids: list[str]) -> None:
    held = Counter(item["item_id"] for item in order["items"])
    if not item_ids:
        raise Refused("no items are named")
    for item_id, count in Counter(item_ids).items():
        if count > held[item_id]:
            raise Refused(f"item {item_id[:40]} is not in the order, or not so often")


def _address(address1: str, address2: str, city: str, state: str, country: str, zip: str) -> Record:
    return {"address1": address1, "address2": address2, "city": city, "country": country, "state": state, "zip": zip}


def _plain(value: Any) -> Any:
    """The same JSON value with numbers that are whole written as such."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value

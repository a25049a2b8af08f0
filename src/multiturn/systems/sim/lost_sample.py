"""A bundled sample: twelve word problems of our own, whole and in shards, so that the system runs without any file."""

from __future__ import annotations

from collections.abc import Iterator

from .lost_case import LostCase, case_of

GROUP = "math (bundled)"

# (answer, whole problem, intent, facts)
_PROBLEMS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("42", "A baker makes 5 trays of rolls with 12 rolls on each tray. She sells 14 rolls in the morning and gives 4 to a "
     "neighbour. How many rolls does she have left?",
     "how many rolls does the baker have left?",
     ("she made 5 trays of rolls", "12 rolls on every tray", "14 were sold in the morning", "she gave 4 to a neighbour")),
    ("96", "Marta cycles to work on 4 days a week. The way to work is 6 kilometres, and she cycles home the same way. How many "
     "kilometres does she cycle in 2 weeks?",
     "how many km does marta cycle to work and back?",
     ("it's 6 km one way, and she takes the same way home", "she cycles on 4 days a week", "i mean in 2 weeks")),
    ("35", "A cinema ticket costs $9 and a bag of popcorn costs $4. Two friends each buy a ticket, and together they buy 3 bags "
     "of popcorn. They also pay $5 for parking. How many dollars do they spend in total?",
     "what do two friends spend on their evening at the cinema?",
     ("a ticket is $9, each of them needs one", "popcorn is $4 a bag", "they get 3 bags between them", "parking was another $5")),
    ("18", "A tank holds 120 litres and is a quarter full. A pump fills in 6 litres a minute, but a leak loses 1 litre a "
     "minute. How many minutes does it take until the tank is full?",
     "how many minutes until the tank is full?",
     ("the tank holds 120 litres", "at the start it's a quarter full", "the pump brings 6 litres a minute",
      "there's a leak that loses 1 litre a minute")),
    ("27", "A library has 8 shelves with 15 books on each. A third of the books are lent out. Of those that are there, 53 are "
     "in French. How many of the books that are there are not in French?",
     "how many of the books that are in the library aren't in french?",
     ("the library has 8 shelves", "15 books belong on each shelf", "a third of all books are lent out",
      "of those that are there, 53 are in french")),
    ("260", "Jonas earns $18 an hour. Last week he worked 5 hours on each of 3 days, and 2 hours on Saturday, for which he gets "
     "half as much again an hour. He bought shoes for $64. How many dollars of last week's pay does he have left?",
     "how much of last week's pay does jonas have left?",
     ("he gets $18 an hour", "he worked 5 hours on each of 3 normal days", "plus 2 hours on saturday",
      "a saturday hour is paid half as much again", "he bought shoes for $64")),
    ("15", "Three children share 57 stickers. Ada takes twice as many as Ben, and Cem gets 12. How many stickers does Ben get?",
     "how many stickers does ben get?",
     ("three kids share 57 stickers", "ada takes twice as many as ben", "cem, the third one, gets 12")),
    ("640", "A farmer plants 16 rows of 50 trees. One tree in ten does not survive the winter. In spring he sells 80 of the "
     "trees that survived. How many trees does he have then?",
     "how many trees does the farmer have in the end?",
     ("he planted 16 rows", "50 trees a row", "one in ten died over the winter", "in spring he sold 80 of the living ones")),
    ("31", "A train leaves with 34 passengers. At the first stop 17 get off and 8 get on. At the second stop 5 get off and 11 "
     "get on. How many passengers are on the train then?",
     "how many passengers are on the train after its stops?",
     ("it left with 34 people on board", "first stop: 17 got off and 8 got on", "there was a second stop, 5 got off there",
      "at that second stop 11 got on")),
    ("8", "A wall is 8 metres long and 3 metres high. A door of 4 square metres in it is not painted. The rest gets 2 coats, and "
     "a litre of paint covers 5 square metres. How many litres are needed?",
     "how many litres of paint does the wall need?",
     ("it's 8 metres long and 3 high", "there's a door of 4 square metres that isn't painted", "it gets 2 coats",
      "one litre covers 5 square metres")),
    ("6", "Lea wants a bicycle that costs $300, and the shop takes 20 percent off. She has saved $120 and puts aside $20 every "
     "week. In how many weeks can she buy it?",
     "in how many weeks can lea buy the bicycle?",
     ("it costs $300 in the shop", "the shop takes 20 percent off", "she has $120 already", "she puts aside $20 a week")),
    ("40", "A farm has 14 hens, and each lays 5 eggs a week. The family eats 10 eggs a week and sells the rest in boxes of 6 for "
     "$4 a box. How many dollars does it earn in a week?",
     "how many dollars a week does the farm earn with its eggs?",
     ("there are 14 hens", "each hen lays 5 eggs a week", "the family eats 10 of the eggs every week",
      "the rest is sold in boxes of 6", "a box sells for $4")),
)  # fmt: skip


def sample() -> Iterator[LostCase]:
    """The bundled cases, in a fixed order, as items in the released format."""
    for number, (answer, question, intent, facts) in enumerate(_PROBLEMS, 1):
        shards = [{"shard_id": i, "shard": text} for i, text in enumerate((intent, *facts), 1)]
        item = {"task_id": f"bundled-math/{number}", "task": "math", "question": question, "answer": f"#### {answer}"}
        yield case_of({**item, "shards": shards}, "the bundled sample", GROUP)

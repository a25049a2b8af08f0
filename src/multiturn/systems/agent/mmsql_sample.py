"""Two small databases and eight dialogues of our own: what `mmsql` plays without the published files."""

from __future__ import annotations

from .mmsql_data import Dialogue, Kind, Question

LIBRARY = """
CREATE TABLE author (author_id INTEGER PRIMARY KEY, name TEXT, country TEXT, born INTEGER);
CREATE TABLE book (book_id INTEGER PRIMARY KEY, title TEXT, author_id INTEGER REFERENCES author, pages INTEGER, published INTEGER,
  acquired INTEGER);
CREATE TABLE member (member_id INTEGER PRIMARY KEY, name TEXT, home_city TEXT, work_city TEXT);
CREATE TABLE loan (loan_id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES book, member_id INTEGER REFERENCES member,
  start_day TEXT, due_day TEXT, returned INTEGER);
INSERT INTO author VALUES (1, 'Ilse Marten', 'Norway', 1951), (2, 'Paul Okoro', 'Ghana', 1974), (3, 'Rina Sato', 'Japan', 1968),
  (4, 'Tom Verhey', 'Norway', 1980);
INSERT INTO book VALUES (1, 'Salt Roads', 1, 320, 1988, 1990), (2, 'The Ninth Tide', 1, 410, 1995, 2001),
  (3, 'Market Days', 2, 198, 2004, 2005), (4, 'Paper Lanterns', 3, 256, 2001, 2003), (5, 'Winter Bus', 4, 198, 2015, 2016),
  (6, 'Quiet Machines', 3, 505, 2012, 2012);
INSERT INTO member VALUES (1, 'Ada Quist', 'Bergen', 'Oslo'), (2, 'Ben Lomax', 'Oslo', 'Oslo'),
  (3, 'Cleo Hart', 'Oslo', 'Bergen'),
  (4, 'Dan Ito', 'Moss', 'Oslo');
INSERT INTO loan VALUES (1, 1, 1, '2024-01-03', '2024-02-03', 1), (2, 2, 1, '2024-02-10', '2024-03-10', 0),
  (3, 4, 2, '2024-02-11', '2024-03-11', 1), (4, 6, 3, '2024-03-01', '2024-04-01', 0), (5, 1, 3, '2024-03-05', '2024-04-05', 0);
"""

BIKES = """
CREATE TABLE station (station_id INTEGER PRIMARY KEY, name TEXT, district TEXT, docks INTEGER);
CREATE TABLE bike (bike_id INTEGER PRIMARY KEY, kind TEXT, station_id INTEGER REFERENCES station, bought INTEGER);
CREATE TABLE ride (ride_id INTEGER PRIMARY KEY, bike_id INTEGER REFERENCES bike, start_station INTEGER REFERENCES station,
  end_station INTEGER REFERENCES station, minutes INTEGER, distance REAL, price REAL);
INSERT INTO station VALUES (1, 'Harbour', 'South', 20), (2, 'Museum', 'Centre', 12), (3, 'Mill Gate', 'North', 8),
  (4, 'Old Bridge', 'Centre', 16);
INSERT INTO bike VALUES (1, 'city', 1, 2019), (2, 'electric', 2, 2022), (3, 'city', 2, 2020), (4, 'cargo', 4, 2021),
  (5, 'electric', 3, 2023);
INSERT INTO ride VALUES (1, 1, 1, 2, 14, 2.5, 1.4), (2, 2, 2, 4, 6, 1.8, 1.8), (3, 2, 4, 3, 25, 6.2, 7.5),
  (4, 3, 2, 1, 18, 2.9, 1.8),
  (5, 5, 3, 1, 31, 8.4, 9.3), (6, 4, 4, 4, 55, 7.7, 11.0);
"""

_THANKS: tuple[Kind, str, str] = ("improper", "Thanks a lot!", "You're welcome! Let me know if you need anything else.")


def _dialogue(name: str, database: str, *turns: tuple[Kind, str, str]) -> Dialogue:
    return Dialogue(name, database, tuple(Question(*turn) for turn in turns))


SAMPLE = (
    _dialogue(
        "sample-1", LIBRARY,
        ("answerable", "How many books are there?", "SELECT count(*) FROM book;"),
        ("answerable", "And how many of them have more than 300 pages?", "SELECT count(*) FROM book WHERE pages > 300;"),
        ("unanswerable", "Which of those has the best reviews?",
         "I cannot tell: the database has no reviews or ratings of books."),
        ("answerable", "Then just list their titles, the longest first.",
         "SELECT title FROM book WHERE pages > 300 ORDER BY pages DESC;"),
        _THANKS,
    ),
    _dialogue(
        "sample-2", LIBRARY,
        ("improper", "Hello, can you help me?", "Hello! Yes, ask me about the library's books, authors, members and loans."),
        ("ambiguous", "Which members are from Oslo?",
         "Do you mean members whose home is in Oslo, or members who work in Oslo?"),
        ("answerable", "Those who live there.", "SELECT name FROM member WHERE home_city = 'Oslo';"),
        ("answerable", "How many books has each of them borrowed? Give name and number.",
         "SELECT T1.name, count(*) FROM member AS T1 JOIN loan AS T2 ON T1.member_id = T2.member_id "
         "WHERE T1.home_city = 'Oslo' GROUP BY T1.member_id;"),
    ),
    _dialogue(
        "sample-3", LIBRARY,
        ("answerable", "Which authors come from Norway?", "SELECT name FROM author WHERE country = 'Norway';"),
        ("answerable", "What have they written?",
         "SELECT T2.title FROM author AS T1 JOIN book AS T2 ON T1.author_id = T2.author_id WHERE T1.country = 'Norway';"),
        ("ambiguous", "Which of these is the newest?",
         "Should I go by the year it was published or by the year the library acquired it?"),
        ("answerable", "The year it was published.",
         "SELECT T2.title FROM author AS T1 JOIN book AS T2 ON T1.author_id = T2.author_id WHERE T1.country = 'Norway' "
         "ORDER BY T2.published DESC LIMIT 1;"),
        ("improper", "Perfect, you are quick!", "Thank you, happy to help!"),
    ),
    _dialogue(
        "sample-4", LIBRARY,
        ("answerable", "Which books are out at the moment?",
         "SELECT DISTINCT T1.title FROM book AS T1 JOIN loan AS T2 ON T1.book_id = T2.book_id WHERE T2.returned = 0;"),
        ("unanswerable", "What is the phone number of whoever has Salt Roads?",
         "The database does not hold phone numbers; it only has the members' names and cities."),
        ("answerable", "The name will do.",
         "SELECT T3.name FROM book AS T1 JOIN loan AS T2 ON T1.book_id = T2.book_id JOIN member AS T3 "
         "ON T2.member_id = T3.member_id WHERE T1.title = 'Salt Roads' AND T2.returned = 0;"),
        _THANKS,
    ),
    _dialogue(
        "sample-5", BIKES,
        ("answerable", "How many bikes of each kind do we have?", "SELECT kind, count(*) FROM bike GROUP BY kind;"),
        ("ambiguous", "Which ride was the longest?", "Do you mean the longest in minutes or the longest in distance?"),
        ("answerable", "In distance.", "SELECT ride_id FROM ride ORDER BY distance DESC LIMIT 1;"),
        ("answerable", "And who was the cheapest, I mean which ride?", "SELECT ride_id FROM ride ORDER BY price LIMIT 1;"),
        ("improper", "Great, see you tomorrow.", "See you tomorrow!"),
    ),
    _dialogue(
        "sample-6", BIKES,
        ("improper", "Good morning!", "Good morning! What would you like to know about the bikes?"),
        ("answerable", "Show the names of all stations in the centre.", "SELECT name FROM station WHERE district = 'Centre';"),
        ("answerable", "Which of them has more docks?",
         "SELECT name FROM station WHERE district = 'Centre' ORDER BY docks DESC LIMIT 1;"),
        ("unanswerable", "Is it busy there on rainy days?",
         "I'm afraid that cannot be answered: neither the weather nor the day of a ride is recorded."),
    ),
    _dialogue(
        "sample-7", BIKES,
        ("ambiguous", "List the rides of the Museum station.",
         "Do you want rides that start at the Museum, or rides that end there?"),
        ("answerable", "Rides that start there.",
         "SELECT T1.ride_id FROM ride AS T1 JOIN station AS T2 ON T1.start_station = T2.station_id WHERE T2.name = 'Museum';"),
        ("answerable", "What do they cost in all?",
         "SELECT sum(T1.price) FROM ride AS T1 JOIN station AS T2 ON T1.start_station = T2.station_id WHERE T2.name = 'Museum';"),
        _THANKS,
    ),
    _dialogue(
        "sample-8", BIKES,
        ("answerable", "What is the average price of a ride?", "SELECT avg(price) FROM ride;"),
        ("unanswerable", "What was it last year?", "Rides have no date in this database, so I cannot split them by year."),
        ("answerable", "Which stations has no ride started from?",
         "SELECT name FROM station WHERE station_id NOT IN (SELECT start_station FROM ride);"),
        ("answerable", "How many bikes were bought after 2020?", "SELECT count(*) FROM bike WHERE bought > 2020;"),
        ("improper", "Ok, that's all. Bye!", "Goodbye!"),
    ),
)  # fmt: skip

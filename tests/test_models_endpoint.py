"""The endpoint against a real server that misbehaves in every way; no test waits for real."""

from __future__ import annotations

import asyncio
import socket
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from fakeserver import Answer, FakeServer, chat, cut, drop, hang, html, reply_json, status
from multiturn.conversation import CallError, ContextOverflow, Conversation, ModelSetupError
from multiturn.models import Options, Reply
from multiturn.models import endpoint as endpoint_module
from multiturn.models.endpoint import Endpoint, public_url
from multiturn.models.failures import Where, explain, retry_after
from multiturn.models.limits import Bucket, Gate, RateLimits
from multiturn.models.openai import OpenAIModel

KEY = "sk-secret-0123456789"
HELLO = Conversation().user("hi")


class Naps:
    """A sleep that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def ask(url: str, times: int = 1, *, naps: Naps | None = None, **settings: Any) -> list[Reply]:
    """Ask an OpenAI-style model ``times`` times, one after the other."""

    async def run() -> list[Reply]:
        settings.setdefault("random", lambda: 0.0)
        endpoint = Endpoint(url, key=KEY, key_variable="TEST_KEY", model="m", sleep=naps or Naps(), **settings)
        model = OpenAIModel("openai/m", Options(), endpoint, model="m")
        try:
            return [await model.reply(HELLO) for _ in range(times)]
        finally:
            await model.close()
            await model.close()

    return asyncio.run(run())


def fails(answers: list[Answer], kind: type[Exception], **settings: Any) -> tuple[Any, int]:
    """The error that these answers (the last one for ever) lead to, and the number of requests made."""
    with FakeServer(answers[:-1], default=answers[-1]) as server:
        with pytest.raises(kind) as caught:
            ask(server.base_url, **settings)
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        assert KEY not in shown
        assert "\n" not in str(caught.value)
        return caught.value, server.count


@pytest.mark.parametrize(
    "fault",
    [
        *(status(code) for code in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
        html(503), html(), cut(), drop(), Answer(b""), Answer(b"\x00\x01\xff\xfe"),
        Answer(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
        Answer(b'{"choices": [{"mess'), Answer(b"[]"), Answer(b'"hello"'), Answer(b"{}"), Answer(b'{"usage":' + b"[" * 100_000),
        reply_json({"error": {"message": "upstream is busy", "code": 502}}),
    ],
)  # fmt: skip
def test_a_fault_is_retried(fault: Answer) -> None:
    with FakeServer([fault]) as server:
        naps = Naps()
        (reply,) = ask(server.base_url, naps=naps)
        assert reply.message.text == "hello"
        assert reply.retries == 1
        assert server.count == 2
        assert naps.taken == [0.25]
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_backoff_doubles_up_to_thirty_seconds() -> None:
    naps = Naps()
    error, count = fails([status(500)], CallError, naps=naps, random=lambda: 1.0)
    assert naps.taken == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert count == 9
    assert error.cause == "server error"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7), ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5), ({"Retry-After": "0"}, 0),
        ({"Retry-After": "soon"}, 0.25), ({"Retry-After": "nan"}, 0.25),
    ],
)  # fmt: skip
def test_the_server_says_how_long_to_wait(headers: dict[str, str], wait: float) -> None:
    with FakeServer([status(429, headers=headers)]) as server:
        naps = Naps()
        ask(server.base_url, naps=naps)
        assert naps.taken == [wait]


def test_retry_after_as_a_date_and_in_the_body() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    headers = {"Retry-After": format_datetime(now + timedelta(seconds=90), usegmt=True)}
    assert retry_after(headers, now=now.timestamp()) == 90
    assert retry_after(headers, now=now.timestamp() + 1000) == 0
    assert retry_after({}, b'{"error": {"details": [{"retryDelay": "35.5s"}]}}') == 35.5
    assert retry_after({}) is None


def test_a_server_closed_for_the_day_is_given_up_at_once() -> None:
    error, count = fails([status(429, headers={"Retry-After": "36000"})], CallError)
    assert (error.cause, count) == ("rate limited", 1)


@pytest.mark.parametrize(
    ("fault", "cause", "tries"),
    [
        (html(), "bad reply", 3), (cut(), "bad reply", 3), (Answer(b"\xff"), "bad reply", 3), (drop(), "connection lost", 9),
        (status(429), "rate limited", 9), (status(503), "server error", 9), (status(400, "no such field"), "request refused", 1),
        (status(422, "wrong type"), "request refused", 1), (status(418), "request refused", 1),
    ],
)  # fmt: skip
def test_what_never_gets_better_ends_with_its_cause(fault: Answer, cause: str, tries: int) -> None:
    error, count = fails([fault], CallError)
    assert (error.cause, count) == (cause, tries)


def test_html_says_what_may_be_wrong() -> None:
    error, _ = fails([html()], CallError)
    assert "HTML instead of JSON" in str(error)
    error, _ = fails([html(400)], CallError)
    assert "a HTML page (Welcome page)" in str(error)


def test_a_slow_server_times_out() -> None:
    error, count = fails([hang()], CallError, timeout=0.05)
    assert (error.cause, count) == ("time-out", 3)
    assert "0.05 s" in str(error)


def test_a_huge_reply_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "LARGEST_REPLY", 2**20)
    error, count = fails([chat("x" * 2**21)], CallError)
    assert (error.cause, count) == ("reply too large", 1)
    with FakeServer([chat("x" * 2**19)]) as server:
        assert len(ask(server.base_url)[0].message.text) == 2**19


def test_a_large_request_goes_out_whole() -> None:
    with FakeServer() as server:

        async def run() -> None:
            model = OpenAIModel("openai/m", Options(), Endpoint(server.base_url), model="m")
            await model.reply(Conversation().user("y" * 3_000_000))
            await model.close()

        asyncio.run(run())
        assert len(server.bodies[0]["messages"][0]["content"]) == 3_000_000


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key"), "TEST_KEY"),
        (status(403, "not for you"), "TEST_KEY"),
        (status(400, "API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT"), "TEST_KEY"),
        (status(404, "The model `m` does not exist", code="model_not_found"), "`multiturn models`"),
        (status(400, "Invalid model: m", type="invalid_model"), "no model `m`"),
        (status(404), "no model `m`"),
        (status(402, "Insufficient Balance"), "no credit"),
        (status(429, "You exceeded your current quota", code="insufficient_quota"), "no credit"),
        (Answer(status=308, headers={"Location": "https://elsewhere/v1"}), "https://elsewhere/v1"),
    ],
)
def test_what_can_never_work(answer: Answer, words: str) -> None:
    error, count = fails([answer], ModelSetupError)
    assert words in str(error)
    assert count == 1


@pytest.mark.parametrize(
    "answer",
    [
        status(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded"),
        status(400, "prompt is too long: 213462 tokens > 200000 maximum"),
        status(400, "the request exceeds the available context size", type="exceed_context_size_error"),
        status(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
        status(413, "request too large"),
    ],
)
def test_a_conversation_that_no_longer_fits(answer: Answer) -> None:
    error, count = fails([answer], ContextOverflow)
    assert (error.cause, count) == ("context limit", 1)


def test_a_content_filter_is_an_empty_reply() -> None:
    with FakeServer([status(400, "The response was filtered", code="content_filter")]) as server:
        (reply,) = ask(server.base_url)
        assert (reply.stop, reply.message.text) == ("content_filter", "")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def test_no_server_at_all() -> None:
    naps = Naps()
    with pytest.raises(ModelSetupError, match=r"no server at http://127\.0\.0\.1:\d+/v1: is it running\?"):
        ask(f"http://127.0.0.1:{free_port()}/v1", naps=naps)
    assert naps.taken == [0.2, 0.2]


def test_a_server_that_goes_away_later() -> None:
    async def run() -> tuple[list[float], list[str]]:
        naps, causes = Naps(), []
        with FakeServer() as server:
            endpoint = Endpoint(server.base_url, sleep=naps, random=lambda: 0.0)
            model = OpenAIModel("openai/m", Options(), endpoint, model="m")
            await model.reply(HELLO)
        for _ in range(2):
            with pytest.raises(CallError) as caught:
                await model.reply(HELLO)
            causes.append(caught.value.cause)
        waits = len(naps.taken)
        with FakeServer(port=server.port):
            await model.reply(HELLO)
        await model.close()
        return naps.taken[:waits], causes

    waits, causes = asyncio.run(run())
    assert causes == ["server down"] * 2
    assert 8 <= len(waits) <= 10  # nine tries, then two: who comes later does not wait as long again


def test_refused_by_permission_after_a_success_is_one_calls_trouble() -> None:
    with FakeServer([chat(), status(403, "flagged")]) as server, pytest.raises(CallError) as caught:
        ask(server.base_url, times=2)
    assert caught.value.cause == "request refused"


def test_hostile_words_are_made_harmless() -> None:
    where = Where("http://h", "m", "V", (KEY,))
    error = explain(400, f'{{"error": "\\u001b[31mred\\u0007\\n\\u202e {KEY} {"x" * 9000}"}}'.encode(), {}, where)
    text = str(error)
    assert text.isprintable()
    assert KEY not in text
    assert len(text) < 400


def test_every_shape_of_error_body_is_read() -> None:
    where = Where("http://h", "m")
    for body in (b'{"error": "boom"}', b'{"error": {"message": "boom"}}', b'{"message": "boom"}', b'{"detail": "boom"}',
                 b'{"detail": [{"msg": "boom"}]}', b'[{"error": {"message": "boom"}}]', b"boom", b'"boom"'):  # fmt: skip
        assert "boom" in str(explain(400, body, {}, where))
    for body in (b"", b"null", b"[]", b"{}", b"3", b"\xff\xfe"):
        assert isinstance(explain(400, body, {}, where), CallError)


def test_keys_are_never_shown() -> None:
    endpoint = Endpoint(f"http://user:{KEY}@h:1/v1?key={KEY}#frag", key=KEY)
    assert repr(endpoint) == "Endpoint('http://h:1/v1')"
    assert public_url("https://u:p@h/v1/?a=b") == "https://h/v1"
    model = OpenAIModel("openai/m", Options(), endpoint, model="m")
    assert KEY not in f"{model!r} {model.name} {model.label} {model.address}"


def test_password_and_query_of_an_address_are_sent() -> None:
    with FakeServer() as server:
        ask(server.base_url.replace("//", "//user:pass@") + "?api-version=3")
        assert server.requests[0].path == "/v1/chat/completions?api-version=3"
        assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_one_endpoint_serves_several_loops() -> None:
    with FakeServer() as server:
        endpoint = Endpoint(server.base_url)
        model = OpenAIModel("openai/m", Options(), endpoint, model="m")

        async def once() -> None:
            await model.reply(HELLO)
            await model.close()

        asyncio.run(once())
        asyncio.run(once())
        assert server.count == 2


def test_overload_narrows_the_gate() -> None:
    async def flood(url: str) -> Gate:
        endpoint = Endpoint(url, sleep=Naps())
        model = OpenAIModel("openai/m", Options(), endpoint, model="m")
        await asyncio.gather(*(model.reply(HELLO) for _ in range(40)))
        await model.close()
        return endpoint.gate

    with FakeServer([status(429) for _ in range(5)], default=chat(delay=0.001)) as server:
        gate = asyncio.run(flood(server.base_url))
        assert gate.limit < 40
        assert gate.active == 0
    with FakeServer(default=chat(delay=0.001)) as server:
        assert asyncio.run(flood(server.base_url)).limit == Gate().cap


def test_tokens_are_reserved_and_settled() -> None:
    naps = Naps()
    rates = RateLimits(tokens=Bucket(6000, clock=lambda: 0.0, sleep=naps))
    with FakeServer() as server:
        ask(server.base_url, times=2, rates=rates)
    assert naps.taken == []
    assert rates.tokens is not None
    assert rates.tokens._level == 300 - 2 * 18  # the 18 tokens that the server counted, not the estimate

"""Names of models, as users type them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiturn.conversation import InputError, ModelSetupError, UnknownName
from multiturn.models import PROVIDERS, Options, make_model, parse_name, parse_options
from multiturn.models.anthropic import AnthropicModel
from multiturn.models.google import GoogleModel
from multiturn.models.openai import OpenAIModel

KEY = "sk-0123456789"


def make(name: str, **environ: str) -> Any:
    return make_model(name, environ=environ)


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("openai/gpt-4o", "openai/gpt-4o", {}),
        ("openai/gpt-4o?temperature=0&seed=1", "openai/gpt-4o", {"temperature": "0", "seed": "1"}),
        ("patterns?turns=8", "patterns", {"turns": "8"}), ("patterns?", "patterns", {}), ("a?b=", "a", {"b": ""}),
        ("a?system=x%26y%3Dz=1", "a", {"system": "x&y=z=1"}), ("a?system=why?", "a", {"system": "why?"}),
        ("http://h:1/v1#m?temperature=0", "http://h:1/v1#m", {"temperature": "0"}),
        ("http://h:1/v1?v=2#m", "http://h:1/v1?v=2#m", {}), ("http://h:1/v1?v=2#m?seed=1", "http://h:1/v1?v=2#m", {"seed": "1"}),
        ("script:a?b.py:f", "script:a?b.py:f", {}),
    ],
)  # fmt: skip
def test_parse_name(text: str, name: str, options: dict[str, str]) -> None:
    assert parse_name(text) == (name, options)


@pytest.mark.parametrize("text", ["a?b", "a?=1", "a?b=1&b=2"])
def test_options_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError):
        parse_name(text)


def test_options_are_typed() -> None:
    given_ = {
        "temperature": "0.5",
        "top_p": "1",
        "max_tokens": "9",
        "seed": "-3",
        "stop": "END",
        "reasoning": "last",
        "system": "",
    }
    expected = Options(temperature=0.5, top_p=1.0, max_tokens=9, seed=-3, stop=("END",), reasoning="last")
    assert parse_options(given_) == expected
    assert parse_options({"stop": '["a", "b"]', "extra.a": "true", "extra.b": "x", "extra.c": '{"d": 1}'}) == Options(
        stop=("a", "b"), extra={"a": True, "b": "x", "c": {"d": 1}}
    )


@pytest.mark.parametrize(
    "option",
    ["temperature=2.1", "temperature=-1", "temperature=nan", "temperature=hot", "top_p=1.5", "max_tokens=0", "max_tokens=1.5",
     "seed=x", f"seed={2**70}", "reasoning=maybe", "stop=[1]", 'stop=["a"', "max_tokens="],
)  # fmt: skip
def test_options_out_of_range(option: str) -> None:
    with pytest.raises(InputError, match="must be"):
        make(f"vllm/m?{option}")


@given(st.sampled_from(["temperature", "top_p", "max_tokens", "seed", "stop", "reasoning", "system", "extra.x"]), st.text())
def test_any_text_is_an_option_or_an_input_error(key: str, value: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse_options({key: value}), Options)


def test_bytes_of_the_command_line_that_are_no_text() -> None:
    for key in ("system", "stop", "extra.x"):
        with pytest.raises(InputError, match="not UTF-8"):
            parse_options({key: "a\udcff"})


def test_unknown_options_and_providers() -> None:
    with pytest.raises(UnknownName, match="did you mean `temperature`"):
        make("vllm/m?temprature=1")
    with pytest.raises(UnknownName, match="did you mean `openai`"):
        make("opennai/gpt-4o")
    for name in ("gpt-4o", "", "openai/", "/x"):
        with pytest.raises(InputError, match="is not the name of a model"):
            make(name)


@pytest.mark.parametrize(
    ("name", "kind", "url", "environ"),
    [
        ("openai/gpt-4o", OpenAIModel, "https://api.openai.com/v1", {"OPENAI_API_KEY": KEY}),
        ("openai:gpt-4o", OpenAIModel, "https://api.openai.com/v1", {"OPENAI_API_KEY": KEY}),
        ("openai/m", OpenAIModel, "http://h:1/v1", {"OPENAI_BASE_URL": "http://h:1/v1/"}),
        ("anthropic/c", AnthropicModel, "https://api.anthropic.com/v1", {"ANTHROPIC_API_KEY": KEY}),
        ("anthropic/c", AnthropicModel, "http://h:1/v1", {"ANTHROPIC_BASE_URL": "http://h:1"}),
        ("google/g", GoogleModel, "https://generativelanguage.googleapis.com/v1beta", {"GEMINI_API_KEY": KEY}),
        ("google/g", GoogleModel, "https://generativelanguage.googleapis.com/v1beta", {"GOOGLE_API_KEY": KEY}),
        ("openrouter/meta/llama:free", OpenAIModel, "https://openrouter.ai/api/v1", {"OPENROUTER_API_KEY": KEY}),
        ("ollama/llama3:8b", OpenAIModel, "http://localhost:11434/v1", {}),
        ("vllm/m", OpenAIModel, "http://localhost:8000/v1", {}),
        ("http://h:1/v1#org/m:tag", OpenAIModel, "http://h:1/v1", {}),
    ],
)
def test_where_a_name_leads(name: str, kind: type, url: str, environ: Mapping[str, str]) -> None:
    model = make_model(name, environ=environ)
    assert isinstance(model, kind)
    assert model.address == url
    assert model.name == name.replace("openai:", "openai/")


def test_one_name_with_two_spellings_is_one_model() -> None:
    one, two = make("openai/m?seed=1", OPENAI_API_KEY=KEY), make("openai:m?seed=1", OPENAI_API_KEY=f" {KEY}x\n")
    assert one.identity == two.identity  # and the key is no part of it
    assert make("openai/m?seed=2", OPENAI_API_KEY=KEY).identity != one.identity
    assert make("openai/m?seed=1", OPENAI_BASE_URL="http://h/v1").identity != one.identity
    assert one.label == "openai/m?seed=1"


@pytest.mark.parametrize(
    ("name", "variable"),
    [("openai/m", "OPENAI_API_KEY"), ("anthropic/m", "ANTHROPIC_API_KEY"), ("google/m", "GEMINI_API_KEY or GOOGLE_API_KEY"),
     ("groq/m", "GROQ_API_KEY"), ("xai/m", "XAI_API_KEY")],
)  # fmt: skip
def test_a_missing_key_is_named(name: str, variable: str) -> None:
    with pytest.raises(ModelSetupError, match=f"set {variable}"):
        make(name)


def test_a_key_with_odd_characters() -> None:
    with pytest.raises(ModelSetupError, match="OPENAI_API_KEY") as caught:
        make("openai/m", OPENAI_API_KEY="sk-abc\ndef")
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("name", ["http://#m", "http://h:port/v1#m", "http://u:pass@#m", "http://h:99999/v1#m"])
def test_addresses_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="is not an address") as caught:
        make(name)
    assert "pass" not in str(caught.value)
    with pytest.raises(InputError, match="OPENAI_BASE_URL"):
        make("openai/m", OPENAI_BASE_URL="h:1/v1")


def test_an_address_without_a_model() -> None:
    with pytest.raises(InputError, match="does not say which model"):
        make("http://h:1/v1")


def test_a_providers_key_is_not_sent_to_a_typed_address() -> None:
    model = make("http://h:1/v1#m", OPENAI_API_KEY=KEY)
    assert KEY not in str(model.endpoint._headers)
    assert model.endpoint.where.key_variable == "MULTITURN_API_KEY"
    model = make("http://h:1/v1#m", MULTITURN_API_KEY=KEY)
    assert model.endpoint._headers["Authorization"] == f"Bearer {KEY}"


def test_passwords_in_addresses_stay_out_of_names() -> None:
    model = make("http://user:secret@h:1/v1?key=secret#m")
    assert model.name == "http://h:1/v1#m"
    assert "secret" not in model.label + model.address + repr(model.endpoint)


@pytest.mark.parametrize("limits", [{"rpm": 0}, {"tpm": -1}, {"rpm": float("nan")}, {"timeout": 0}])
def test_limits_are_checked(limits: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must be above 0"):
        make_model("vllm/m", environ={}, **limits)
    assert make_model("vllm/m", rpm=5, environ={}) is not None


def test_the_list_of_providers() -> None:
    assert {"openai", "anthropic", "google", "local", "script", "http", "ollama"} <= PROVIDERS.keys()
    assert all("\n" not in line for line in PROVIDERS.values())


def test_nothing_heavy_is_imported_for_the_names() -> None:
    code = (
        "import sys, multiturn.models; print([m for m in ('aiohttp', 'numpy', 'genai_prices', 'xllamacpp') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_limits_are_written_behind_a_name_and_are_no_part_of_it() -> None:
    plain = make_model("http://127.0.0.1:1/v1#m?temperature=0")
    limited = make_model("http://127.0.0.1:1/v1#m?temperature=0&rpm=60&tpm=9000&timeout=5")
    assert limited.identity == plain.identity
    assert limited.label == plain.label
    assert limited.endpoint.rates is not None  # type: ignore[attr-defined]
    assert plain.endpoint.rates is None  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="rpm must be a number above 0"):
        make_model("http://127.0.0.1:1/v1#m?rpm=none")
    with pytest.raises(UnknownName, match="rpm"):
        make_model("local/smollm2?rpm=60")

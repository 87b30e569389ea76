"""A request that cannot be fulfilled is refused before vLLM takes it, by a sentence that says why."""

from dataclasses import dataclass
from typing import Any

import pytest
from stand_ins import Params, asking, config_of, tokenizer_folder

from gen_engine.patience import SECONDS
from gen_vllm.asking import asked_of
from gen_vllm.processor import GenLogitsProcessor
from gen_vllm.serving import UNLIMITED, Served, served_by


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tokenizer_folder(tmp_path_factory.mktemp("model"))


@dataclass
class Frontend:
    """What calls `validate_params` in vLLM: an object with the configuration."""

    vllm_config: Any

    def admit(self, params):
        """None, or the sentence of a refusal."""
        try:
            return GenLogitsProcessor.validate_params(params)
        except ValueError as error:
            return str(error)


@pytest.mark.parametrize("params", [Params(), Params({"other": 1}), asking("length=3"), asking("ban=a", prompt="b")])
def test_what_can_be_fulfilled_is_admitted(folder, params):
    assert Frontend(config_of(folder)).admit(params) is None


def test_a_wish_may_be_one_string_and_other_keys_stay(folder):
    params = Params({"gen_with": "length=3", "mine": [1, "b"]})
    assert Frontend(config_of(folder)).admit(params) is None


@pytest.mark.parametrize(
    "params, words",
    [
        (asking("length=13", "only=a|b"), ["length=13", "6 new tokens"]),
        (asking("length=3", "only=a", "no_repeat=5"), ["only=a", "no_repeat=5", "drop or change one"]),
        (asking("length=3", prompt="\ud800"), ["surrogate"]),
        (asking("lenth=3"), ["lenth", "length"]),
        (asking("top_k=3"), ["top_k=3 is no constraint", "sampling parameters"]),
        (asking("stop=a"), ["stop=", "regex"]),
        (asking("length=3", min_tokens=2), ["min_tokens", "length=..."]),
        (asking("length=3", stop=["a"]), ["stop and gen_with", "regex"]),
        (asking("length=3", ignore_eos=True), ["ignore_eos"]),
        (asking("length=3", stop_token_ids=[3]), ["stop_token_ids [3]"]),
        (asking("length=3", max_tokens=None), ["max_tokens"]),
        (asking(), ["gen_with is no list"]),
        (Params({"gen_with": ["length=3", 4]}), ["gen_with is no list"]),
        (Params({"gen_prompt": "a"}), ["gen_with is no list"]),
        (Params({"gen_with": ["length=3"], "gen_prompt": 5}), ["gen_prompt=5"]),
        (Params({"gen_whit": ["length=3"]}), ["gen_whit", "gen_with and gen_prompt"]),
    ],
)
def test_what_cannot_be_fulfilled_is_refused_by_name(folder, params, words):
    refusal = Frontend(config_of(folder)).admit(params)
    assert [word for word in words if word not in refusal] == []


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"speculative_config": object()}, "speculative decoding"),
        ({"is_diffusion": True}, "diffusion"),
        ({"async_scheduling": True}, "--no-async-scheduling"),
    ],
)
def test_a_vllm_that_would_not_ask_us_is_refused(folder, settings, words):
    assert words in Frontend(config_of(folder, **settings)).admit(asking("length=3"))
    assert Frontend(config_of(folder, **settings)).admit(Params()) is None


@pytest.mark.parametrize("more", [{"logits_processors": ["some:Class"]}, {"use_v2_model_runner": True}])
def test_scheduling_ahead_is_no_matter_where_tokens_are_shown(folder, more):
    assert Frontend(config_of(folder, async_scheduling=True, **more)).admit(asking("length=3")) is None


def test_without_a_configuration_nothing_is_promised():
    with pytest.raises(ValueError, match="does not show its configuration"):
        GenLogitsProcessor.validate_params(asking("length=3"))


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    assert "no tokenizer that can be read" in Frontend(config_of(str(tmp_path))).admit(asking("length=3"))


@pytest.mark.parametrize("stop_ids", [[], [2]])
def test_the_ends_of_the_model_may_be_named_again(folder, stop_ids):
    assert Frontend(config_of(folder)).admit(asking("length=3", stop_token_ids=stop_ids)) is None


def test_only_admission_loses_patience(folder, monkeypatch):
    given, plan = [], Served.plan
    monkeypatch.setattr(Served, "plan", lambda served, asked, *patience: given.append(patience) or plan(served, asked))
    assert Frontend(config_of(folder)).admit(asking("length=3")) is None
    assert given == [(SECONDS,)]
    planned = plan(served_by(config_of(folder)), asked_of(asking("length=4")), 5.0)
    assert planned.plan.patience.seconds == UNLIMITED

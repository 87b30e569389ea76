"""The real vLLM, where it is installed: its loaders, its checks at admission, its batch and its sampler on the CPU."""

import random
import sys

import pytest
import torch
from stand_ins import END, SIZE, asking, config_of, tokenizer_folder

from gen_vllm.interfaces import RECORDED, differences, found_interfaces
from gen_vllm.processor import GenLogitsProcessor

pytest.importorskip("vllm.v1.worker.gpu_input_batch", reason="vLLM is not installed", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

from vllm.exceptions import VLLMValidationError  # noqa: E402
from vllm.sampling_params import SamplingParams  # noqa: E402
from vllm.v1.sample import logits_processor as v1  # noqa: E402
from vllm.v1.sample.sampler import Sampler  # noqa: E402
from vllm.v1.worker.gpu.sample import logits_processor as v2  # noqa: E402
from vllm.v1.worker.gpu_input_batch import CachedRequestState, InputBatch  # noqa: E402

WISHES = [
    asking("no_special", "only=a|b|c", "length=4"),
    asking("no_special", "no_repeat=2", "length=3..6", prompt="a"),
    asking("no_special", "regex='(ab|ca)*c'", max_tokens=4),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return config_of(tokenizer_folder(tmp_path_factory.mktemp("model")))


class Frontend:
    """What holds the configuration and calls the validators of both model runners."""

    def __init__(self, vllm_config):
        self.vllm_config = vllm_config
        self.v2 = v2.build_custom_logits_processors_params_validator(None)

    def admit(self, params):
        v1.validate_logits_processors_parameters(None, params)
        self.v2(params)


def params_of(wish, **more):
    made = SamplingParams(extra_args=dict(wish.extra_args), max_tokens=wish.max_tokens, **more)
    made.update_from_generation_config({}, END)
    return made


def test_its_interfaces_are_as_recorded():
    assert list(differences(found_interfaces())) == []
    assert set(found_interfaces()) == set(RECORDED)


def test_its_loaders_take_the_installed_class():
    loaded = v2.loader._load_v2_logitsprocs_plugins()
    assert GenLogitsProcessor in loaded
    assert GenLogitsProcessor in v1._load_custom_logitsprocs(None)
    assert v1._load_logitsprocs_by_fqcns(["gen_vllm.processor:GenLogitsProcessor"]) == [GenLogitsProcessor]


def test_its_validators_refuse_what_conflicts_by_name(config):
    frontend = Frontend(config)
    frontend.admit(params_of(WISHES[0]))
    with pytest.raises(VLLMValidationError, match="length=13"):
        frontend.admit(params_of(asking("no_special", "only=a", "length=13")))
    with pytest.raises(VLLMValidationError, match="stop and gen_with"):
        frontend.admit(params_of(WISHES[0], stop=["a"]))


def test_parameters_survive_the_way_between_its_processes():
    import msgspec

    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(params_of(WISHES[1])), type=SamplingParams)
    assert sent.extra_args == WISHES[1].extra_args
    assert sent.all_stop_token_ids == {END}


@pytest.fixture
def batch(config, monkeypatch):
    """Its persistent batch of 4 requests on the CPU, with our processor in it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("vllm.") and getattr(module, "PIN_MEMORY", False):
            monkeypatch.setattr(module, "PIN_MEMORY", False)  # which needs a GPU
    processors = v1.LogitsProcessors([GenLogitsProcessor(config, torch.device("cpu"), False)])
    return InputBatch(
        max_num_reqs=4, max_model_len=64, max_num_batched_tokens=64, device=torch.device("cpu"), vocab_size=SIZE,
        block_sizes=[16], max_num_blocks_per_req=[4], logitsprocs=processors,
    )  # fmt: skip


def request_of(name, dice):
    params = params_of(dice.choice(WISHES), temperature=dice.choice([0.0, 1.0]))
    return CachedRequestState(
        req_id=name, prompt_token_ids=[3, 4], mm_features=[], sampling_params=params, generator=None,
        block_ids=([0],), num_computed_tokens=0, output_token_ids=[],
    )  # fmt: skip


def change(batch, running, waiting, dice):
    """Some requests are put off, others join or come back, and two rows swap."""
    for name in [name for name in running if dice.random() < 0.2]:
        batch.remove_request(name)
        waiting.append(running.pop(name))
    while waiting and len(running) < 4 and dice.random() < 0.7:
        request = waiting.pop(dice.randrange(len(waiting)))
        running[request.req_id] = request
        batch.add_request(request)
    batch.condense()
    if len(running) > 1 and dice.random() < 0.5:
        batch.swap_states(*dice.sample(range(len(running)), 2))
    batch.refresh_metadata()


@pytest.mark.parametrize("seed", range(3))
def test_its_batch_and_its_sampler_write_texts_that_obey(config, batch, seed):
    dice, running = random.Random(seed), {}
    waiting = [request_of(str(number), dice) for number in range(12)]
    done = []
    while waiting or running:
        change(batch, running, waiting, dice)
        step(batch, running, done)
    assert len(done) == 12
    assert [request.output_token_ids for request in done if not obeys(config, request)] == []


def step(batch, running, done):
    """Its sampler draws a token for each row; finished requests leave."""
    if not running:
        return
    drawn = Sampler()(torch.randn(len(running), SIZE), batch.sampling_metadata).sampled_token_ids
    for name, (token,) in zip(list(batch.req_ids), drawn.tolist(), strict=True):
        output = running[name].output_token_ids
        output.append(token)
        if token == END or len(output) == running[name].sampling_params.max_tokens:
            batch.remove_request(name)
            done.append(running.pop(name))


def obeys(config, request):
    """Whether a text is legal, as the chain's own states say."""
    from gen_vllm.asking import asked_of
    from gen_vllm.serving import served_by

    plan = served_by(config).plan(asked_of(request.sampling_params)).plan
    joint, tokens = plan.start, request.output_token_ids
    for token in tokens[:-1] if tokens[-1] == END else tokens:
        if not plan.product.permits(joint, token):
            return False
        joint = plan.product.next(joint, token)
    return bool(plan.product.accepts(joint))

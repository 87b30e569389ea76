import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModel, BertConfig, BertForMaskedLM

from gen_engine.errors import GenError
from gen_evaluate import bertscore
from gen_evaluate.bertscore import BertScore, bert_score, match
from gen_trainkit.publishing import load_pretrained
from gen_trainkit.vocab import bert_tokenizer

EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True, database=None)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = bert_tokenizer(["春夏秋冬山水"], size=None, min_count=1, positions=8)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=16, max_position_embeddings=8)  # fmt: skip
    torch.manual_seed(0)
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def states(seed, count):
    noise = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=noise), dim=-1)


@EXAMPLES
@given(st.integers(0, 99), st.integers(1, 4), st.integers(1, 4))
def test_each_token_matches_the_likest_of_the_other_text(seed, count, other):
    ours, theirs = states(seed, count), states(seed + 100, other)
    found = match(ours, theirs)
    precision = sum(max(float(a @ b) for b in theirs) for a in ours) / count
    recall = sum(max(float(a @ b) for a in ours) for b in theirs) / other
    assert (found.precision, found.recall) == pytest.approx((precision, recall), abs=1e-6)
    assert match(theirs, ours).precision == pytest.approx(recall, abs=1e-6)


def test_a_text_is_wholly_like_itself_and_not_like_another(encoder):
    score = bert_score(["春山", "夏水冬"], [["春山", "夏水冬"]], encoder)
    assert (score.precision, score.recall, score.f) == pytest.approx((1, 1, 1), abs=1e-5)
    assert bert_score(["春山"], [["夏水冬"]], encoder).f < 0.999


def test_padding_and_order_of_the_texts_change_nothing(encoder):
    candidates, references = ["春", "夏水冬山"], ["秋山水", "夏"]
    alone = [bert_score([a], [[b]], encoder).f for a, b in zip(candidates, references, strict=True)]
    assert bert_score(candidates, [references], encoder).f == pytest.approx(sum(alone) / 2, abs=1e-5)


def test_the_best_reference_counts_and_an_empty_text_scores_nothing(encoder):
    assert bert_score(["春山"], [["夏水"], ["春山"]], encoder).f == pytest.approx(1, abs=1e-5)
    assert bert_score([""], [["春"]], encoder) == BertScore(0, 0, 0)


def test_an_encoder_that_is_none_is_refused(tmp_path):
    with pytest.raises(GenError, match="neither a model folder nor a hub name"):
        bert_score(["春"], [["春"]], str(tmp_path / "none"))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device here"))])  # fmt: skip
def test_the_encoder_computes_on_the_device(encoder, device, monkeypatch):
    placed, place = [], bertscore.place
    monkeypatch.setattr(bertscore, "place", lambda model, where: (placed.append(where.type), place(model, where)))
    found = bert_score(["春夏山"], [["春夏水"]], encoder, device=device)
    assert placed == [device]
    assert vars(found) == pytest.approx(vars(bert_score(["春夏山"], [["春夏水"]], encoder, device="cpu")), abs=1e-4)


def test_inputs_go_where_the_encoder_is(encoder):
    model, tokenizer = load_pretrained(AutoModel, encoder, new=("pooler.", "cls."))
    seen = []
    model.to("meta").register_forward_pre_hook(lambda _, args, given: seen.extend(given.values()), with_kwargs=True)
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):  # whose numbers nobody can read
        bertscore._encode(model, tokenizer, ["春夏"])
    assert {tensor.device.type for tensor in seen} == {"meta"}

import json
import os
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, BertModel, GPT2Config

from gen_engine.errors import GenError
from gen_mlm.data import Masking, encode_windows
from gen_mlm.train import load_base, prepare, score
from gen_mlm.train_command import build_job, mlm_command
from gen_trainkit.losses import IGNORED
from gen_trainkit.metrics import read_metrics
from gen_trainkit.vocab import BERT_SPECIALS

LINES = [
    f"{a}山{b}水{a}月{b}风" * (1 + i % 2) for i, (a, b) in enumerate(zip("春夏秋冬" * 9, "东南西北" * 9, strict=True))
]
TINY = ["--layers=1", "--width=16", "--heads=2", "--positions=12", "--batch-tokens=120", "--rate=1e-2"]
SCRATCH = ["--from-scratch", *TINY]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(texts, tmp_path_factory):
    """A folder trained for a few epochs with validation, muon and bf16 sums."""
    out = tmp_path_factory.mktemp("trained") / "tiny"
    command(texts, *SCRATCH, "--epochs=12", "--optimizer=muon", "--dtype=bf16", "--valid-share=0.2", "--out", out)
    return out


def command(*arguments):
    result = CliRunner().invoke(mlm_command, [str(argument) for argument in arguments])
    if isinstance(result.exception, GenError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def refused(message, *arguments):
    with pytest.raises(GenError, match=message):
        command(*arguments)


def a_batch(trained, indices):
    tokenizer = AutoTokenizer.from_pretrained(trained)
    windows = encode_windows(tokenizer, ["春山南水", "夏山西水夏月", "春山南水春月"], 12)
    return Masking(tokenizer, 0.5, 0).collate(windows, indices, 0)


def test_the_loss_and_its_gradients_are_those_of_all_logits(trained):
    model = BertForMaskedLM.from_pretrained(trained)
    torch.nn.init.normal_(model.cls.predictions.bias)
    batch = a_batch(trained, [0, 1, 2])
    loss, correct = score(model, batch)
    logits = model(**batch.inputs).logits
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum")
    torch.testing.assert_close(loss, expected)
    assert correct == (logits.argmax(2) == batch.labels)[batch.labels != IGNORED].sum()
    ours, theirs = (torch.autograd.grad(one, list(model.parameters())) for one in (loss, expected))
    torch.testing.assert_close(ours, theirs)


def test_padding_changes_neither_loss_nor_count(trained):
    model = BertForMaskedLM.from_pretrained(trained)
    together = score(model, a_batch(trained, [0, 1]))
    alone = [score(model, a_batch(trained, [row])) for row in (0, 1)]
    torch.testing.assert_close(together[0], alone[0][0] + alone[1][0])
    assert together[1] == alone[0][1] + alone[1][1]


def test_a_batch_with_nothing_hidden_has_no_loss_or_gradient(trained):
    model, batch = BertForMaskedLM.from_pretrained(trained), a_batch(trained, [0])
    batch.labels.fill_(IGNORED)
    loss, correct = score(model, batch)
    assert (loss, correct) == (0, 0)
    assert not any(gradient.any() for gradient in torch.autograd.grad(loss, list(model.parameters())))


def test_it_learns(trained):
    measured = [row for row in read_metrics(trained / "run" / "metrics.jsonl") if "valid_loss" in row]
    assert measured[-1]["valid_loss"] < measured[0]["valid_loss"] - 0.5
    assert measured[-1]["valid_accuracy"] > 0.3


PLAIN = """
import sys
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, BertModel, pipeline
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(pipeline("fill-mask", model=sys.argv[1])("春山南水春[MASK]南风")[0]["token_str"])
assert tokenizer("春", "山").token_type_ids == [0, 0, 0, 1, 1]
missing = [set(auto.from_pretrained(sys.argv[1], output_loading_info=True)[1]["missing_keys"])
           for auto in (AutoModelForMaskedLM, AutoModel, BertModel)]
assert missing == [set(), *[{"pooler.dense.weight", "pooler.dense.bias"}] * 2]
assert not [name for name in sys.modules if name.startswith("gen_")]
"""


def test_plain_transformers_fills_masks_and_loads_the_encoder(trained):
    environment = {"HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
    environment |= {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", PLAIN, trained], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == "月"


def test_the_card_says_how_it_was_made(trained):
    card = (trained / "README.md").read_text(encoding="utf-8")
    for fact in ("lines.txt", "15% of the tokens", "without next-sentence prediction", "pipeline_tag: fill-mask"):
        assert fact in card


def test_a_base_is_trained_further_and_keeps_its_vocabulary(trained, texts, tmp_path):
    command(texts, "--base", trained, "--rate=1e-3", "--steps=2", "--valid-share=0.2", "--out", tmp_path / "more")
    measured = [row for row in read_metrics(tmp_path / "more" / "run" / "metrics.jsonl") if "valid_loss" in row]
    assert measured[-1]["valid_loss"] < 2
    assert (tmp_path / "more" / "vocab.txt").read_bytes() == (trained / "vocab.txt").read_bytes()


def test_a_bare_encoder_gets_a_fresh_head(trained, tmp_path):
    encoder = BertModel.from_pretrained(trained)
    encoder.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(trained).save_pretrained(tmp_path)
    model, _ = load_base(str(tmp_path), 0.0)
    expected = encoder.encoder.layer[0].intermediate.dense.weight
    assert torch.equal(expected, model.bert.encoder.layer[0].intermediate.dense.weight)


def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(texts, tmp_path):
    fixed = [texts, *SCRATCH, "--schedule=constant", "--dropout=0.1", "--save-every=2"]
    command(*fixed, "--steps=5", "--out", tmp_path / "whole")
    command(*fixed, "--steps=2", "--out", tmp_path / "cut")
    command(*fixed, "--steps=5", "--resume", "--out", tmp_path / "cut")
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


def test_a_dry_run_tells_the_plan_and_writes_nothing(texts, tmp_path):
    options = ["--min-count=9", "--pack", "--dry-run", "--out", tmp_path / "out"]
    done = command(texts, *SCRATCH, *options)
    assert done.stderr == f"{len(LINES)} rows read, {len(LINES)} used.\n"
    plan = json.loads(done.stdout)
    assert plan["vocabulary"] == len(BERT_SPECIALS) + len(set("".join(LINES)))
    assert plan["unknown characters"] == "0.000%"
    assert plan["steps"] == plan["steps an epoch"] > 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("length", [3, 6, 11])
def test_windows_may_be_shorter_than_the_model(texts, tmp_path, length):
    given = mlm_command.make_context("mlm", [str(texts), *SCRATCH, f"--max-length={length}", "--out", str(tmp_path)])
    ready = prepare(build_job(given.params))
    assert max(ready.train.lengths) <= length < ready.model.config.max_position_embeddings
    assert sum(each - 2 for each in ready.train.lengths + ready.valid.lengths) == len("".join(LINES))


def test_windows_longer_than_the_model_are_refused(texts, trained, tmp_path):
    for start in (SCRATCH, ["--base", trained]):
        refused("--max-length 600 is more than the model's", texts, *start, "--max-length=600", "--out", tmp_path / "o")


def test_another_share_of_hidden_tokens_is_another_run(texts, tmp_path):
    command(texts, *SCRATCH, "--steps=1", "--out", tmp_path)
    refused(
        "other settings: mask_share", texts, *SCRATCH, "--steps=1", "--mask-share=0.3", "--resume", "--out", tmp_path
    )


def test_errors_end_in_a_remedy(texts, trained, tmp_path):
    out = ["--out", tmp_path / "out"]
    refused("Give either --base MODEL or --from-scratch", texts, *out)
    refused("--positions does nothing beside --base", texts, "--base", trained, "--positions=64", *out)
    refused("Leave --vocab-file out", texts, "--base", trained, "--vocab-file", trained / "vocab.txt", *out)
    refused("There is no file .*none.txt. Check the path", tmp_path / "none.txt", *SCRATCH, *out)
    refused("There is no file .*none.txt. Check the path", texts, *SCRATCH, "--vocab-file", tmp_path / "none.txt", *out)
    refused("cannot be shared by 3 heads. Give a multiple", texts, "--from-scratch", "--heads=3", "--width=16", *out)
    refused("neither a model folder nor a hub name", texts, "--base", tmp_path / "none", *out)


def test_texts_of_which_the_base_knows_nothing_are_refused(trained, tmp_path):
    (tmp_path / "a.txt").write_text("𠀀𠀁\n𠀂\n", encoding="utf-8")
    out = ["--out", tmp_path / "out"]
    refused("sees no character that it knows", tmp_path / "a.txt", "--base", trained, *out)


def test_a_base_that_is_no_bert_is_refused(texts, tmp_path):
    GPT2Config(n_layer=1).save_pretrained(tmp_path)
    refused("is a gpt2 model. Give one of type bert", texts, "--base", tmp_path, "--out", tmp_path / "out")


def test_a_vocabulary_that_does_not_fit_the_model_is_refused(texts, trained, tmp_path):
    config = BertConfig(vocab_size=6, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForMaskedLM(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(trained).save_pretrained(tmp_path)
    refused(r"has \d+ tokens and the model 6. Give", texts, "--base", tmp_path, "--out", tmp_path / "out")


def test_importing_the_command_imports_no_torch():
    code = "import sys, gen_mlm.train_command; print({'torch', 'tokenizers', 'rich'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"

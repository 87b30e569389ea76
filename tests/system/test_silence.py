"""What libraries have to say at loading never reaches people: a sentence of our own does, if there is anything."""

import logging

import pytest
import transformers

from gen_engine.errors import GenError
from gen_engine.models.loading import load

BERT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.fixture
def told():
    """What transformers logs as a warning or worse."""
    said = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_warning()
    transformers.logging.add_handler(handler)
    yield said
    transformers.logging.remove_handler(handler)
    transformers.logging.set_verbosity(before)


@pytest.mark.parametrize("name", [
    "BertForSequenceClassification", "BertForMaskedLM", "BertModel", "LlamaForSequenceClassification", "LlamaModel",
])  # fmt: skip
def test_a_model_not_causal_is_refused_in_one_sentence_alone(tmp_path, told, capfd, name):
    kind = getattr(transformers, name)
    kind(kind.config_class(vocab_size=20, **BERT)).save_pretrained(tmp_path / "model")
    capfd.readouterr()
    told.clear()
    with pytest.raises(GenError):
        load(tmp_path / "model", name="model")
    assert (told, capfd.readouterr().err) == ([], "")

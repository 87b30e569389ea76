"""What tests of the trainers share: texts that can be learned, a call of a command, and what it made."""

import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from gen_engine.errors import GenError

ROUND = "春夏秋冬风花雪月"
LINES = [(ROUND * 4)[i % 8 : i % 8 + 12] for i in range(40)]


def call(command, *arguments):
    """Run a command to its good end; an error of gen-engine is raised."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, GenError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def weights(folder):
    """The tensors of a model folder."""
    return load_file(folder / "model.safetensors")


def changed(folder, other):
    """Names of the weights that differ in two model folders, which have the same."""
    first, second = weights(folder), weights(other)
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


def continued(folder):
    """How the model in a folder goes on from three characters of the round."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("花雪月", return_tensors="pt")["input_ids"]
    written = model.eval().generate(ids, max_new_tokens=8, do_sample=False, use_cache=False)
    return tokenizer.decode(written[0], skip_special_tokens=True).replace(" ", "")

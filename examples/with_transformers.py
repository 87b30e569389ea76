"""Both ways between this engine and transformers: its processor in our chain, our chain in its `model.generate`."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.generation import NoRepeatNGramLogitsProcessor

import gen_engine as gen
from gen_engine.hooks.registry import registry
from gen_engine.interop import as_logits_processor, engine_around, from_transformers

RULES = ["no_unk", "no_special", "form=4x5", "no_repeat=24,exempt=punctuation"]

# Theirs as a shaper of ours: it is a preference, so the constraints come first and it may be undone.
engine = gen.load("poem")
no_repeat = from_transformers(NoRepeatNGramLogitsProcessor(2))
print(engine.generate("白日", processors=[*RULES, "top_k=50", no_repeat], max_new=23, seed=1)[0].text)

# Ours as a logits processor of theirs, around a model that is in memory already.
folder = registry().find("model", "poem").value.folder
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
around = engine_around(model, tokenizer)
for options in ({"do_sample": False}, {"do_sample": True, "num_return_sequences": 3}, {"num_beams": 4}):
    chain = as_logits_processor(around, "白日", processors=RULES, max_new=23)
    torch.manual_seed(1)
    for row in model.generate(**chain.inputs, logits_processor=[chain], **options):
        text = chain.text(row)
        print(text)
        assert [len(line) for line in text.replace("。", "，").split("，")] == [5, 5, 5, 5, 0]
        assert len(set(text) - set("，。")) == 20

try:
    as_logits_processor(around, "白日", processors=[*RULES, "ban=，|。"], max_new=23)
except gen.ConflictError as conflict:
    print(conflict)

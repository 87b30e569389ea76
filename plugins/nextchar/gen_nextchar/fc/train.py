"""What `gen train bert-fc` trains."""

from __future__ import annotations

from gen_nextchar.fc.modeling import BertFcConfig, BertFcForCausalLM
from gen_nextchar.training import Family

FAMILY = Family("BERT+FC", BertFcConfig, BertFcForCausalLM)

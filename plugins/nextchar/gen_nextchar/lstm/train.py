"""What `gen train bert-lstm` trains."""

from __future__ import annotations

from gen_nextchar.lstm.modeling import BertLstmConfig, BertLstmForCausalLM
from gen_nextchar.training import Family

FAMILY = Family("BERT+LSTM", BertLstmConfig, BertLstmForCausalLM)

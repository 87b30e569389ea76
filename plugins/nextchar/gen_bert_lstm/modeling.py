"""The old name of `gen_nextchar.lstm.modeling`, kept for one version."""

import warnings

from gen_nextchar.lstm.modeling import BertLstmConfig, BertLstmForCausalLM, OutputAttention

__all__ = ["BertLstmConfig", "BertLstmForCausalLM", "OutputAttention"]

warnings.warn(
    "gen_bert_lstm.modeling is now gen_nextchar.lstm.modeling. Import that: the old name ends with this version.",
    DeprecationWarning,
    stacklevel=2,
)

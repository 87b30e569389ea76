"""The old name of `gen_nextchar.fc.modeling`, kept for one version."""

import warnings

from gen_nextchar.fc.modeling import ACTIVATIONS, BertFcConfig, BertFcForCausalLM

__all__ = ["ACTIVATIONS", "BertFcConfig", "BertFcForCausalLM"]

warnings.warn(
    "gen_bert_fc.modeling is now gen_nextchar.fc.modeling. Import that: the old name ends with this version.",
    DeprecationWarning,
    stacklevel=2,
)

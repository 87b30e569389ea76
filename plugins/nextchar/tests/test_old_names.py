"""The packages that gen_nextchar was made of can be imported for one version more."""

import importlib
import re
import sys

import pytest


@pytest.mark.parametrize(
    ("old", "new"),
    [("gen_bert_lstm.modeling", "gen_nextchar.lstm.modeling"), ("gen_bert_fc.modeling", "gen_nextchar.fc.modeling")],
)
def test_old_names_give_the_same_classes_and_name_their_successors(old, new):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=re.escape(new)):
        found = importlib.import_module(old)
    assert len(found.__all__) > 1
    assert all(getattr(found, name) is getattr(importlib.import_module(new), name) for name in found.__all__)

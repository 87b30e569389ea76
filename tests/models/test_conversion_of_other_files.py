"""`gen convert` of what is no state dict: one sentence, nothing executed, nothing written."""

import io
import os
import pickle
import re
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from gen_engine.cli.main import main


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def torch_saved(thing, **how):
    file = io.BytesIO()
    torch.save(thing, file, **how)
    return file.getvalue()


def written(write, *things):
    file = io.BytesIO()
    write(file, *things)
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/a.txt", "a")
    return file.getvalue()


NET = nn.Linear(2, 2)
FILES = {
    "module": (torch_saved(NET), "a pickled object"),
    "pickled module": (pickle.dumps(NET), "a pickled object"),
    "malicious": (torch_saved(Evil()), "a pickled object"),
    "malicious among tensors": (torch_saved({"a": torch.zeros(1), "b": Evil()}), "a pickled object"),
    "malicious pickle": (pickle.dumps(Evil()), "a pickled object"),
    "malicious, protocol 0": (b"cos\nmkdir\n(S'ran'\ntR.", "."),
    "list": (pickle.dumps([1, 2]), "a pickled object"),
    "numpy pickle": (pickle.dumps({"w": np.zeros(3)}), "a pickled object"),
    "list of tensors": (torch_saved([torch.zeros(2)]), "holds no state dict"),
    "tensor": (torch_saved(torch.zeros(2)), "holds no state dict"),
    "number": (torch_saved(5), "holds no state dict"),
    "numbered": (torch_saved({1: torch.zeros(2)}), "holds no state dict"),
    "nothing": (torch_saved({}), "holds no state dict"),
    "cut": (torch_saved(NET.state_dict())[:-40], "is damaged"),
    "cut, old": (torch_saved(NET.state_dict(), _use_new_zipfile_serialization=False)[:150], "damaged"),
    "zip": (zipped(), "is a zip archive, no file of tensors"),
    "npz": (written(np.savez, np.zeros(3)), "is a zip archive"),
    "npy": (written(np.save, np.zeros(3)), "is an array of NumPy"),
    "GGUF": (b"GGUF" + bytes(40), "is a model .GGUF."),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "is an HDF5 file"),
    "text": ("白日\n".encode(), "is a file of text"),
    "empty": (b"", "is empty"),
    "zeros": (bytes(400), "damaged"),
    "deep": (b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".", "damaged"),
}


@pytest.mark.parametrize("what", FILES)
def test_what_is_no_state_dict_is_told_and_never_run(tmp_path, monkeypatch, capfd, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    (tmp_path / "net.bin").write_bytes(FILES[what][0])
    assert main(["convert", "net.bin", "out", "--base", "base"]) == 2
    told = capfd.readouterr().err
    assert re.fullmatch(f"gen: net.bin .*{FILES[what][1]}.*; .*\n", told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "net.bin"]

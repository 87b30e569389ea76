"""Which kernels there are, which is used, and on how many threads."""

import pytest

from gen_engine.compiled import library
from gen_engine.compiled.library import NUMPY, VARIABLE, cores, kernels, threads_for
from gen_engine.errors import GenError


def test_numpy_is_always_there_and_last():
    assert kernels()[-1] == NUMPY


@pytest.mark.parametrize("name", kernels())
def test_a_kernel_can_be_forced(monkeypatch, name):
    monkeypatch.setenv(VARIABLE, name)
    found = library.library()
    assert (NUMPY if found is None else found.kernel) == name


def test_an_unknown_kernel_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv(VARIABLE, "sse9")
    with pytest.raises(GenError, match=f"GEN_KERNEL=.sse9. is no kernel of this processor.*; take .*{NUMPY}"):
        library.library()


def test_without_the_library_numpy_computes(monkeypatch):
    monkeypatch.setattr(library, "_loaded", lambda: (None, ()))
    monkeypatch.delenv(VARIABLE, raising=False)
    library._chosen.cache_clear()
    assert library.library() is None
    with monkeypatch.context() as patch, pytest.raises(GenError, match="was not built here"):
        patch.setenv(VARIABLE, "vnni")
        library.library()
    library._chosen.cache_clear()


def test_threads_are_those_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cores() == 3
    assert [threads_for(products) for products in (0, 2 << 20, 1 << 40)] == [1, 2, 3]
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert cores() >= 1


@pytest.mark.parametrize(("given", "threads"), [("3,2", 3), (" 2 ", 2), ("007", 7), ("999", 256), ("9" * 5000, 256)])
def test_threads_are_read_from_lists_and_huge_numbers(monkeypatch, given, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert cores() == threads


@pytest.mark.parametrize("given", ["", "0", "-1", "²", "٣", "1e3", "many"])
def test_no_number_of_threads_means_all_cores(monkeypatch, given):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    expected = cores()
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert cores() == expected


def test_it_says_which_kernel_is_used_and_why(monkeypatch):
    monkeypatch.setenv(VARIABLE, NUMPY)
    assert library.told() == f"numpy, which GEN_KERNEL asks for; this processor has {', '.join(kernels())}"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(library, "library_file", lambda: None)
    assert library.told().startswith("numpy: no C++ compiler was found")


def test_it_says_if_the_library_is_that_of_another_machine(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(library, "_loaded", lambda: (None, ()))
    monkeypatch.setattr(library, "library_file", lambda: library.Path("_step.so"))
    library._chosen.cache_clear()
    assert "built for another machine" in library.told()
    library._chosen.cache_clear()

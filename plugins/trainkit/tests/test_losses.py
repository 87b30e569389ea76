import torch
from torch.nn.functional import cross_entropy

from gen_trainkit.losses import IGNORED, chunked_cross_entropy


def example(rows=2500, width=8, vocab=11):
    torch.manual_seed(0)
    hidden, weight = torch.randn(rows, width, requires_grad=True), torch.randn(vocab, width, requires_grad=True)
    labels = torch.randint(vocab, (rows,))
    labels[::3] = IGNORED
    return hidden, weight, labels


def test_loss_and_gradients_are_those_of_cross_entropy():
    hidden, weight, labels = example()
    loss, _ = chunked_cross_entropy(hidden, weight, labels)
    ours = torch.autograd.grad(2 * loss, (hidden, weight))
    plain = cross_entropy(hidden @ weight.T, labels, reduction="sum", ignore_index=IGNORED)
    torch.testing.assert_close(loss, plain)
    for one, other in zip(ours, torch.autograd.grad(2 * plain, (hidden, weight)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_right_guesses_are_counted_where_a_label_is():
    hidden, weight, labels = example()
    _, correct = chunked_cross_entropy(hidden, weight, labels)
    assert correct == ((hidden @ weight.T).argmax(1) == labels).sum()


def test_ignored_rows_get_no_gradient():
    hidden, weight, labels = example()
    chunked_cross_entropy(hidden, weight, labels)[0].backward()
    assert hidden.grad[labels == IGNORED].abs().sum() == 0
    assert hidden.grad[labels != IGNORED].abs().sum(1).min() > 0


def test_under_bf16_it_stays_close():
    hidden, weight, labels = example()
    exact, _ = chunked_cross_entropy(hidden, weight, labels)
    with torch.autocast("cpu", torch.bfloat16):
        close, _ = chunked_cross_entropy(hidden, weight, labels)
    torch.testing.assert_close(close, exact, rtol=1e-2, atol=1e-2)

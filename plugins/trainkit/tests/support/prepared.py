"""Trainers of all kinds, made ready by the options of their commands."""

from pathlib import Path

from gen_trainkit.jobs import Prepared

BERT = ["--from-scratch", "--layers=2", "--width=16", "--heads=2", "--positions=16"]
NEXT = ["--from-scratch", "--encoder-layers=2", "--width=16", "--heads=2", "--hidden=8", "--window=6"]
WORDS = {
    "gpt2": ["--from-scratch", "--layers=2", "--width=16", "--heads=2", "--positions=12"],
    "mlm": BERT,
    "bert-lstm": [*NEXT, "--attention"],
    "bert-lstm to the left": [*NEXT, "--left-only"],
    "bert-fc": [*NEXT, "--variable"],
    "bert-fc to the left": [*NEXT, "--left-only"],
    "classifier": [*BERT, "--class-weights=balanced"],
    "classifier of one logit": [*BERT, "--loss=bce"],
}
LINES = [
    f"{a}{b}山{b}，{b}{a}水{a}。" + "月" * (i % 5)
    for i, (a, b) in enumerate(zip("春夏秋冬" * 5, "风花雪月雨" * 4, strict=True))
]


def write_texts(folder: Path) -> Path:
    """A table of short texts with labels."""
    rows = [f"{line},{'ab'[line[0] in '春夏秋']}" for line in LINES]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return folder / "texts.csv"


def prepare_trainer(name: str, folder: Path, *more: str) -> Prepared:
    """What the trainer makes ready for these options."""
    words = [str(write_texts(folder)), *WORDS[name], *more, f"--out={folder / 'out'}"]
    if name == "gpt2":
        from gen_gpt2.train import prepare
        from gen_gpt2.train_command import build_job, gpt2_command

        return prepare(build_job(_given(gpt2_command, words)))
    if name == "mlm":
        from gen_mlm.train import prepare
        from gen_mlm.train_command import build_job, mlm_command

        return prepare(build_job(_given(mlm_command, words)))
    if name.startswith("classifier"):
        from gen_classify.commands.train import build_job, classifier_command
        from gen_classify.training.training import prepare

        return prepare(build_job(_given(classifier_command, [*words, f"--cache={folder}"])))
    return _prepare_next(name, words)


def _prepare_next(name: str, words: list[str]) -> Prepared:
    from gen_nextchar.command import build_job
    from gen_nextchar.training import prepare

    if name.startswith("bert-lstm"):
        from gen_nextchar.lstm import command as kind
        from gen_nextchar.lstm.command import bert_lstm_command as command
    else:
        from gen_nextchar.fc import command as kind
        from gen_nextchar.fc.command import bert_fc_command as command
    given = _given(command, words)
    return prepare(build_job(given, kind.load_family(), {option: given[option] for option in kind.HEAD}))


def _given(command, words: list[str]):
    return command.make_context("train", words).params

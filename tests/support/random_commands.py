"""Random commands that write texts as JSON: all that write, with random options that go together."""

from random import Random

TITLES = ("秋夜思乡", "春日", "送友人", "江上")
PROMPTS = ("", "白", "春风", "江")
FIRST = ("春满神州花似锦", "风声雨声读书声", "一帆风顺年年好", "春風送暖")
TUNES = ("浣溪沙", "如梦令", "忆江南", "菩萨蛮")


def random_command(random: Random) -> list[str]:
    """The words of a command, with a seed and `--json`."""
    written = random.choice((_poem, _poem, _ci, _couplet, _novel, _text, _explain))(random)
    return [*written, *_drawn(random), "--seed", str(random.randrange(2**32)), "--json"]


def _maybe(random: Random, *choices: list[str]) -> list[str]:
    return random.choice([[], *choices])


def _verse(random: Random) -> list[str]:
    given = _maybe(random, ["--best-of", "1"], ["--best-of", "3"]) + _maybe(random, ["--script", "trad"])
    told = _maybe(random, ["--title", random.choice(TITLES)], ["--author", "李白"], ["--context", "写一首诗："])
    return [*given, *told, *_maybe(random, ["--num", "2"]), *_maybe(random, ["--distinct"], ["--forbid", "愁"])]


def _poem(random: Random) -> list[str]:
    form = random.choice(
        (["--rows", "2", "--cols", "5"], ["--form", "五绝"], ["--form", "七绝", "--tones", "strict"], [])
    )
    return ["poem", *form, "--prompt", random.choice(PROMPTS), *_verse(random)]


def _ci(random: Random) -> list[str]:
    return ["ci", "--tune", random.choice(TUNES), "--prompt", random.choice(PROMPTS[:2]), *_verse(random)]


def _couplet(random: Random) -> list[str]:
    begin = random.choice((["--first", random.choice(FIRST)], ["--cols", "5", "--prompt", random.choice(PROMPTS)], []))
    return ["couplet", *begin, *_maybe(random, ["--tones", "off"]), *_maybe(random, ["--script", "trad"])]


def _novel(random: Random) -> list[str]:
    how = _maybe(random, ["--no-repeat", "10"], ["--like", "红楼梦"], ["--end", "sentence"])
    return ["novel", "--prompt", random.choice(("却说宝玉", "话说")), "--len", str(random.randint(5, 30)), *how]


def _text(random: Random) -> list[str]:
    model = random.choice(("poem", "novel", "bert-lstm-novel", "bert-fc-novel"))
    chain = _maybe(random, ["--with", "top_k=9", "--with", "ban='，'|。"], ["--with", "length=7"], ["--top-p", "0.8"])
    told = _maybe(random, ["--context", "〔七绝〕："], ["--special"]) if model in ("poem", "novel") else []
    return ["text", "--model", model, "--prompt", "白日", "--max-new", "12", *chain, *told]


def _explain(random: Random) -> list[str]:
    return ["explain", "--model", "poem", "--prompt", random.choice(PROMPTS), "--max-new", "6", "--with", "only=han"]


def _drawn(random: Random) -> list[str]:
    """How texts are drawn."""
    num = _maybe(random, ["--num", "3"])
    return random.choice((
        [*num, *_maybe(random, ["--temperature", "0.7"])], [*num, "--beams", "2"], ["--particles", "4"],
        ["--decoder", "greedy"], ["--draft", "lookup"], ["--dtype", "float32", *num], ["--fast"],
    ))  # fmt: skip

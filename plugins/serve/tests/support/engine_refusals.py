"""Bodies that the studio can send and the server refuses, one for each kind of refusal; and some poems."""

STORK = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"

POEMS = (
    STORK,
    "清明时节雨纷纷，路上行人欲断魂。借问酒家何处有，牧童遥指杏花村。",
    "野火烧不尽，春风吹又生。远芳侵古道，晴翠接荒城。",
    "一曲新词酒一杯，去年天气旧亭台。夕阳西下几时回。无可奈何花落去，似曾相识燕归来。小园香径独徘徊。",
    "慈母手中线，游子身上衣。临行密密缝，意恐迟迟归。谁言寸草心，报得三春晖。",
    "东临碣石，以观沧海。水何澹澹，山岛竦峙。",
)
"""Regulated verse with and without licences, a ci, and old verse."""

JUEJU = (
    {"acrostic": "春江花月", "forbid": "春"}, {"acrostic": "abc"}, {"acrostic": "，"},
    {"acrostic": "春春春春", "distinct": True}, {"acrostic": "㐀江花月"}, {"require": "龘"},
    {"require": "夏秋冬东南西北中发白一二三四"}, {"prompt": "白日依山尽黄河入海流"}, {"prompt": "白日ab"},
    {"prompt": "白日，依山"}, {"template": "白日依山尽，黄河"}, {"template": "abc"},
    {"template": "白日依山□□□，□□□□□□□。□□□□□□□，□□□□□□□。", "acrostic": "春"},
    {"rhyme": ["东"], "rhyme_book": "none"}, {"rhyme": ["呵"]}, {"rhyme": ["东", "冬"]}, {"rhyme": ["董"]},
    {"first": "neighbour", "rhyme_book": "xinyun"}, {"first": "neighbour", "rhyme": ["尤"]}, {"cols": 5}, {"rows": 6},
    {"parallel": "5"}, {"parallel": "x"}, {"best_of": 3, "beams": 3}, {"num": 1000},
    {"num": "x"}, {"temperature": -1}, {"temperature": 0}, {"top_p": 0}, {"top_k": 0}, {"beams": 0}, {"seed": -1},
    {"tones": "mild"}, {"tones": "off", "start": "平起"}, {"title": "x" * 2001}, {"rows": 1.5}, {"nope": 1},
    {"distinct": "x"}, {"with": ["a"] * 40}, {"title": "abc"}, {"title": ""}, {"author": ""}, {"model": "none"},
    {"title": "秋", "no_context": True}, {"title": "秋", "model": "novel"}, {"author": "李白", "model": "novel"},
)  # fmt: skip
"""Wishes for a 七绝."""

RULES = (
    "top_k", "top_k=x", "nope=3", "top_k=50,z=1", "no_unk=3", "length", "length=3..1", "length=a", "length=5",
    "length=99999", "no_repeat=0", "no_repeat_ngram=0", "no_repeat_ngram=2,within=1", "ban", "ban='a",
    "only=春", "regex=(", "regex=a(?=b)", "regex=春{3}", "choice", "choice=春|夏", "force=x",
    "force=1:春|1:夏", "force=99999:春", "logit_bias=x", "logit_bias=春:1|春:2", "temperature=x", "min_p=2", "xtc=2",
    "mirostat=-1", "dry=-1", "dynatemp=2,high=1", "guide=x:1", "sentence_end=-1", "couplet=a",
    "form=五律", "form=abc", "form=4x5", "require", "spread=花", "spread=花,over=0", "top_k=5,k=6", "=3", "a b",
    "repetition_penalty=0", "avoid_repeat=-1", "balanced=《》|《〉", "balanced=《》,depth=0",
)  # fmt: skip
"""Other rules for a 七绝."""

VERSE = (
    ("poem", {"rows": 2, "cols": 3, "prompt": "白日依山尽黄河入海流"}),
    ("poem", {"rows": 2, "cols": 3, "prompt": "白日依，a"}),
    ("poem", {"rows": 2, "cols": 3, "prompt": "白，日"}),
    ("poem", {"rows": 2, "cols": 3, "acrostic": "春江花"}),
    ("poem", {"rows": 0, "cols": 3}),
    ("poem", {"rows": 200, "cols": 100}),
    ("poem", {"rows": 3, "cols": 3, "tones": "strict"}),
    ("poem", {"rows": 3, "cols": 3, "start": "平起"}),
    ("poem", {"form": "五排", "rows": 7}),
    ("poem", {"form": "九绝"}),
    ("poem", {"form": "浣溪沙", "rows": 4}),
    ("poem", {"form": "五古", "first": "neighbour"}),
    ("ci", {}),
    ("ci", {"tune": "没有的词"}),
    ("ci", {"tune": "浣"}),
    ("ci", {"tune": "浣溪沙", "variant": 99}),
    ("ci", {"tune": "浣溪沙", "rhyme": ["第一部", "第二部"]}),
    ("ci", {"tune": "浣溪沙", "prompt": "一曲新词酒一杯去年天气旧亭台夕阳西下"}),
    ("ci", {"tune": "七律", "variant": 2}),
    ("couplet", {"first": "春满神州花似烟"}),
    ("couplet", {"first": "，"}),
    ("couplet", {"first": "abc"}),
    ("couplet", {"first": "春", "prompt": "夏"}),
    ("couplet", {"first": "春满", "cols": "7"}),
    ("couplet", {"cols": "x"}),
    ("couplet", {"prompt": "春夏秋冬东南西北春夏秋冬东南西北"}),
    ("couplet", {"prompt": "a"}),
    ("couplet", {"cols": "7", "with": ["template='春□□□□□□，□□□□□□□'"]}),
    ("novel", {"prompt": ""}),
    ("novel", {"prompt": "却说", "len": 0}),
    ("novel", {"prompt": "却说", "len": 10000}),
    ("novel", {"prompt": "却说", "like": "abc"}),
    ("novel", {"prompt": "却说", "like": "红楼梦", "model": "poem"}),
)
"""Wishes for other verse, and for prose."""

CLASHES = (
    ("length=5", "choice=春夏|秋"), ("length=30",), ("regex=[龘]",), ("regex=[^春]", "force=1:春"),
    ("only=punctuation", "length=3..", "no_double_punctuation"), ("ban=han|的", "choice=春风|秋月"),
    ("length=3,of=whole", "length=7"), ("force=1:夏,of=whole",), ("no_repeat=5", "choice=春风春风"),
    ("distinct", "regex=花月花"), ("stop=花", "regex=花月花"), ("sentence_end=3", "only=han"),
    ("only=han|，", "choice=春。"),
)  # fmt: skip
"""Rules that no text of nine tokens after 春 obeys."""

CHECKED = (
    {"text": "hello"}, {"text": " "}, {"text": ""}, {"text": "<html><body>x</body></html>"}, {"text": '{"a":1}'},
    {"text": '{"text":5}'}, {"text": '{"text":"白日"}'}, {"text": "春" * 6000}, {"text": "春" * 20001},
    {"text": "a,b\n1,2"}, {"text": "\0"}, {"text": f"{STORK}\n\n" * 101}, {"text": STORK, "variant": 2},
    {"text": STORK, "form": "五绝", "tune": "浣溪沙"}, {"text": STORK, "form": "x"},
    {"text": STORK, "rows": 99, "cols": 99}, {"text": STORK, "rhyme_book": "cilin", "first": "neighbour"},
    {"text": STORK, "tune": "浣溪沙", "start": "平起"},
)  # fmt: skip
"""What the check refuses."""

POSSIBLE = (
    *(("poem", {"form": "七绝", **wish}) for wish in JUEJU),
    *(("poem", {"form": "七绝", "with": [rule]}) for rule in RULES),
    *VERSE,
    *(("text", {"model": "poem", "prompt": "春", "max_new": 9, "with": [*rules]}) for rules in CLASHES),
)

REFUSED = [
    *(["v1/possible", {"command": command, **body}] for command, body in POSSIBLE),
    *(["v1/check", body] for body in CHECKED),
    ["v1/explain", {"request": {"command": "poem", "form": "五绝"}, "text": "hello"}],
    ["v1/explain", {"request": {"command": "poem", "form": "五绝", "prompt": "春"}, "text": "夏"}],
]
"""Paths and bodies that are refused."""

EXPLAINED = [
    ["v1/poems", {"command": "poem", "form": "七绝", "acrostic": "春江花月", "require": "秋", "forbid": "愁",
                  "distinct": True, "parallel": "all", "title": "abc秋夜", "author": "无名", "seed": 1}],
    ["v1/ci", {"command": "ci", "tune": "安公子", "prompt": "龍", "seed": 1}],
    ["v1/couplets", {"command": "couplet", "first": "天天向上", "seed": 1}],
    ["v1/novels", {"command": "novel", "prompt": "却说《㐀", "len": 20, "with": ["balanced", "no_double_punctuation"],
                   "like": "三体", "seed": 1}],
    ["v1/texts", {"command": "text", "model": "poem", "prompt": "春", "max_new": 12, "seed": 1,
                  "with": ["length=9", "force=2:月", "only=han|，", "ban=春风|的", "no_repeat=5", "stop=愁"]}],
]  # fmt: skip
"""Paths and bodies of texts whose rules forbid much of what the model wanted."""

// What is wrong with a rule that was written by hand among the other rules.

export const PROCESSORS = [
  // how it is written
  ["{spec} names no processor; write NAME=VALUE, as in top_k=50.", "{spec}不是规则；请写“名=值”，如 top_k=50。"],
  [
    "{spec} has no key=value after a comma; quote a value that holds commas, as in ban='a,b'.",
    "{spec}的逗号之后不是“名=值”；值中有逗号时请加引号，如 ban='a,b'。",
  ],
  ["{spec} gives {option} twice; keep one of them.", "{spec}给了 {option} 两次；请只留一个。"],
  [
    "{spec} has a value that does not end where its quotes do; put {quote} around all of it.",
    "{spec}的引号没有括住整个值；请用 {quote} 括住。",
  ],
  ["{spec} holds half a surrogate pair; write the whole character instead.", "{spec}中有半个字；请写整个字。"],
  ["{name} takes no options; write {same} alone instead of {spec}.", "{name} 没有选项；请只写 {same}，不写{spec}。"],
  ["{name} takes no value; write {same} alone instead of {spec}.", "{name} 不用值；请只写 {same}，不写{spec}。"],
  [
    "{name} has no option {option}; write one of its options: {options}.",
    "{name} 没有选项{option}；它的选项有：{options}。",
  ],
  ["{name} has no option {option}; write its name alone.", "{name} 没有选项{option}；请只写它的名字。"],
  ["{spec} lacks its {option} ({types}); write {example}=VALUE.", "{spec}缺 {option}（{types}）；请写 {example}=值。"],
  ["{spec} gives {option} as {value}; write {types}.", "{spec}的 {option} 写成了{value}；请写{types}。"],
  [
    "{spec} cannot be made ({reason}); give it other values, or leave it out.",
    "{spec}做不成（{reason}）；请换别的值，或去掉。",
  ],
  [
    "{spec} of the plugin {plugin} cannot be made ({reason}); give it other values, or leave it out.",
    "插件 {plugin} 的{spec}做不成（{reason}）；请换别的值，或去掉。",
  ],
  ["There is no {noun} {name} ({reason}); {remedy}", "没有{name}（{reason}）；{remedy}"],
  ["There is no processor {name}; did you mean {other}?", "没有规则{name}；是不是{other}？"],
  [
    "There is no processor {name}; `gen processors` lists what there is.",
    "没有规则{name}；`gen processors` 列出所有的规则。",
  ],
  ["There is no {noun} {name}; did you mean {other}?", "没有{name}；是不是{other}？"],
  ["There is no {noun} {name}; `gen {list}` lists what there is.", "没有{name}；`gen {list}` 列出所有的。"],
  ["There is no {noun} {name}; there are {names}.", "没有{name}；有的是{names}。"],
  ["{names} failed to load: `gen plugins` says why", "{names} 未能载入，`gen plugins` 说明原因"],
  ["GEN_PLUGINS keeps out {names}", "GEN_PLUGINS 不许 {names}"],
  ["did you mean {other}?", "是不是{other}？"],
  ["`gen {list}` lists what there is.", "`gen {list}` 列出所有的。"],
  ["there are {names}.", "有的是{names}。"],
  ["The {noun} {name} is offered by more than one plugin; write {names}.", "{name}有几个插件都提供；请写{names}。"],
  ["{spec} of {plugin} cannot be imported ({reason}); {remedy}.", "{plugin}的 {spec} 载入不了（{reason}）；{remedy}。"],
  ["{spec} of {plugin} is {value} instead of {wanted}; {remedy}.", "{plugin}的 {spec} 不对（{value}）；{remedy}。"],
  ["the plugin {plugin}", "插件 {plugin}"],
  ["{option} ({type})", "{option}（{type}）"],
  ["{type}|...", "{type}，多个用 | 隔开"],
  ["whole number", "整数"],
  ["number", "数字"],
  ["yes or no", "yes 或 no"],
  ["text", "文字"],
  ["none", "none"],

  // values
  ["{name} needs a value; write it as {example}=VALUE.", "{name} 要有值；请写 {example}=值。"],
  [
    "{field}={value} is no whole number; give an integer from {least}.",
    "“{field}”不能是 {value}；请写从 {least} 起的整数。",
  ],
  [
    "{field}={value} would punish what repeats nothing; give an integer from {least}.",
    "“{field}”是 {value}，会罚到并未重复的字；请写从 {least} 起的整数。",
  ],
  [
    "{field}={value} looks into the future; give an integer from {least}.",
    "“{field}”不能是 {value}，那是还没写的字；请写从 {least} 起的整数。",
  ],
  [
    "{field}={value} keeps nothing; give an integer from {least}.",
    "“{field}”是 {value}，一个字也不留；请写从 {least} 起的整数。",
  ],
  [
    "{field}={value} leaves no place; give an integer from {least}.",
    "“{field}”是 {value}，没有可写的地方；请写从 {least} 起的整数。",
  ],
  ["{field}={value} {why}; give an integer from {least}.", "“{field}”不能是 {value}；请写从 {least} 起的整数。"],
  ["would punish what repeats nothing", "会罚到并未重复的字"],
  ["looks into the future", "那是还没写的字"],
  ["keeps nothing", "一个字也不留"],
  ["leaves no place", "没有可写的地方"],
  [
    "{field}={value} is out of range; give a number from {least} to {most}.",
    "“{field}”不能是 {value}；请写 {least} 到 {most} 之间的数。",
  ],
  [
    "{field}={value} is no share of the whole; give a number above 0, up to 1.",
    "“{field}”不能是 {value}；请写大于 0、不超过 1 的数。",
  ],
  [
    "temperature=0 leaves nothing to chance; use decoder greedy.",
    "温度为 0 就无从取字了；请写大于 0 的温度，或把 top-k 设为 1。",
  ],
  [
    "dynatemp={low} lies above high={high}; write the lower temperature first.",
    "dynatemp={low} 高过 high={high}；请先写较低的温度。",
  ],
  ["logit_bias needs at least one bias; write it as logit_bias=春:2.", "logit_bias 是空的；请写如 logit_bias=春:2。"],
  [
    "logit_bias gives {name} both {one} and {other}; keep one of them.",
    "logit_bias 给“{name}”又是 {one} 又是 {other}；请只留一个。",
  ],
  [
    "logit_bias={item} names no bias; write WHAT:NUMBER with a number from -100 to 100, as in 春:2.",
    "logit_bias 中的 {item} 不对；请写“字:数”，数在 -100 到 100 之间，如 春:2。",
  ],
  [
    "logit_bias={item} is no token of this model; give an id up to #{most}.",
    "logit_bias 中的 {item} 不是此模型的词元；编号至多 #{most}。",
  ],
  [
    "logit_bias={item} is not a single token of this model; bias its parts, or name tokens by #ID.",
    "logit_bias 中的“{item}”在此模型中不是一个词元；请分开来写，或用 #编号。",
  ],
  [
    "no_repeat={n} has an empty window; give a number of characters from 1.",
    "no_repeat 不能是 {n}；请写从 1 起的字数。",
  ],
  [
    "no_repeat_ngram={n} is no run of characters; give a number from 1.",
    "no_repeat_ngram 不能是 {n}；请写从 1 起的字数。",
  ],
  [
    "within={n} is shorter than a run of {m} characters; give a number from {same}.",
    "within={n} 比 {m} 字还短；请写从 {same} 起的数。",
  ],
  [
    "sentence_end={n} is less than nothing; give a number of characters from 0.",
    "sentence_end 不能是 {n}；请写从 0 起的字数。",
  ],
  [
    "length={value} is an empty range; write the smaller number first, from 0.",
    "length={value} 的范围是空的；请先写小的数，从 0 起。",
  ],
  [
    "length={value} is longer than any text made here; write at most {most}, or leave the end open.",
    "length={value} 太长；至多 {most}，或不写上限。",
  ],
  [
    "length={value} is no length; write 20, or a range such as 5..10.",
    "length={value} 不是字数；请写如 20，或范围如 5..10。",
  ],
  [
    "force={item} names no place; write PLACE:CHARACTER with places from 1, such as 1:春.",
    "force={item} 不对；请写“位置:字”，位置从 1 起，如 1:春。",
  ],
  [
    "force={item} is beyond the longest text made here; give places up to {most}.",
    "force={item} 的位置太远；至多 {most}。",
  ],
  [
    "force gives place {place} both {one} and {other}; keep one of them.",
    "force 要第{place}字又是“{one}”又是“{other}”；请只留一个。",
  ],
  [
    "choice needs strings to choose from; write them as choice=A|B|C.",
    "choice 是空的；请写可选的几句，如 choice=甲|乙|丙。",
  ],
  [
    "balanced={pairs} holds no pairs of characters; write them as balanced=《》|“”.",
    "balanced={pairs} 不是成对的符号；请写如 balanced=《》|“”。",
  ],
  [
    "balanced={pairs} has {char} in two pairs; keep one of them.",
    "balanced={pairs} 中{char}在两对里都有；请只留一对。",
  ],
  [
    "balanced with depth={depth} could never open a pair; give a number from 1.",
    "balanced 的 depth 不能是 {depth}；请从 1 起。",
  ],
  ["regex needs a pattern to match; write it as regex=PATTERN.", "regex 是空的；请写 regex=正则式。"],
  [
    "regex={pattern} nests groups too deeply; write it with fewer brackets within brackets.",
    "regex={pattern} 的括号套得太深；请少套几层。",
  ],
  [
    "regex={pattern} is no regular expression of Python ({reason}); mend it.",
    "regex={pattern} 不是合格的正则式；请改正。",
  ],
  [
    "regex={pattern} names {n} different characters and sets, more than {most}; write whole texts to choose from " +
      "as choice=A|B.",
    "regex={pattern} 用了 {n} 种字，至多 {most} 种；请改用 choice=甲|乙 写出可选的整句。",
  ],
  ["regex={pattern} matches no text at all; change it.", "没有哪一篇合乎 regex={pattern}；请改动。"],
  [
    "regex={pattern} needs an automaton too large to build (about {n} states is the limit); write shorter counted " +
      "repeats, or leave lengths to length=A..B.",
    "regex={pattern} 太繁（至多约 {n} 个状态）；请把重复的次数改小，或用 length=A..B 来定字数。",
  ],
  [
    "regex={pattern} has {feature}, which is not supported here; write the pattern without it.",
    "regex={pattern} 用了{feature}，这里不支持；请换一种写法。",
  ],
  ["an anchor within the text", "文中的锚点"],
  ["a word boundary", "词界"],
  ["a look-around", "环视"],
  ["a back-reference", "反向引用"],
  ["a conditional group", "条件组"],
  ["an atomic group", "原子组"],
  ["a possessive repeat", "占有式重复"],
];

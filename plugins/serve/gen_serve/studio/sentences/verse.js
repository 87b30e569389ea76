// Why a poem, words to a tune, a couplet or prose cannot be written as wished.

export const VERSE = [
  // the beginning
  ["The prompt {text} goes on after the end of the form; leave out {rest}.", "开头{text}比格式还长；请去掉{rest}。"],
  [
    "{char} at {places}: {what} is wanted there ({char2} is not in the book {book}); change the prompt.",
    "开头在{places}写的是{char}，此处应为{what}（韵书未收此字）；请改开头。",
  ],
  [
    "{char} at {places}: {what} is wanted there ({char2} is no Chinese character); change the prompt.",
    "开头在{places}写的是{char}，此处应为{what}（它不是汉字）；请改开头。",
  ],
  [
    "{char} at {places}: {what} is wanted there ({char2} is a Chinese character); change the prompt.",
    "开头在{places}写的是{char}，此处应为{what}（它是汉字）；请改开头。",
  ],
  [
    "{char} at {places}: {what} is wanted there ({char2} is {readings}); change the prompt.",
    "开头在{places}写的是{char}，此处应为{what}（它读{readings}）；请改开头。",
  ],
  [
    "{char} after line {lines}: {what} is wanted there ({char2} is {reading}); change the prompt.",
    "开头在第{lines}句后写的是{char}，此处应为{what}；请改开头。",
  ],
  [
    "{char}: the end is wanted there ({char2} is {reading}); change the prompt.",
    "开头写到{char}时已经满篇；请改开头。",
  ],
  ["{wrong}; change the prompt.", "{wrong}；请改开头。"],
  [
    "The prompt {text} does not fit form={size} at place {place}; lay it out as the form has it.",
    "开头{text}在第{place}字处与 {size} 的行列不合；请按行列来排。",
  ],
  [
    "The prompt has {n} characters and a poem of {rows} rows of {cols} holds {most}; shorten it to at most {same}, " +
      "or ask for more rows.",
    "开头有 {n} 字，而 {rows} 行、每行 {cols} 字只容得 {most} 字；请缩短到 {same} 字以内，或增加行数。",
  ],
  [
    "The prompt {text} has {char} where it does not belong (the form has {what} there); leave it out.",
    "开头{text}中{char}的位置不对（此处应为{what}）；请去掉。",
  ],
  [
    "The prompt {text} has {char}, and a poem is Chinese characters only; leave it out.",
    "开头{text}中有{char}，而诗只用汉字；请去掉。",
  ],
  [
    "The prompt {text} has {char} at line {line}, place {place}, where {rule} wants {what}; change one of them.",
    "开头{text}在第{line}句第{place}字写的是{char}，与{rule}不合（{what}）；请改动其中一项。",
  ],
  [
    "The prompt {text} ends a line in {char} at place {place}, as an earlier line of the same rhyme does; change " +
      "one of them.",
    "开头{text}的第{place}字{char}与前面的韵字重复；请改动其中一处。",
  ],
  [
    "The prompt {text} has {char} where the couplet has {what}; leave it out.",
    "开头{text}中有{char}，而联中此处应为{what}；请去掉。",
  ],
  ["The prompt {text} is longer than the couplet; shorten it to {n}.", "开头{text}比整副联还长；请缩短到 {n} 字。"],
  [
    "The prompt has {n} characters, more than the {most} that length allows the whole text; shorten it to {same} " +
      "or raise length.",
    "开头有 {n} 字，超过全文的字数上限 {most}；请缩短到 {same} 字，或放宽字数。",
  ],
  [
    "The prompt has {n} characters, with the blank at its end, more than the {most} that length allows the whole " +
      "text; shorten it to {same} or raise length.",
    "开头连同末尾的空格有 {n} 字，超过全文的字数上限 {most}；请缩短到 {same} 字，或放宽字数。",
  ],
  [
    "The prompt has {char} at place {place}, where {bracket} is still missing; mend it, or name other pairs in " +
      "balanced=.",
    "开头第{place}字是{char}，而前面还缺“{bracket}”；请补上，或在 balanced= 中另写成对的符号。",
  ],
  [
    "The prompt has {char} at place {place}, which nothing opened; mend it, or name other pairs in balanced=.",
    "开头第{place}字{char}前面没有与它成对的符号；请补上，或在 balanced= 中另写成对的符号。",
  ],
  [
    "force wants {wanted} at place {place}, where the prompt has {char}; change one.",
    "force 要第{place}字为“{wanted}”，而开头此处是{char}；请改动其中一处。",
  ],
  [
    "The prompt is empty, and the model's tokenizer begins no text with a token of its own, so that there is " +
      "nothing to go on from; give a prompt of one character at least, or a context.",
    "没有开头，模型无从写起；请至少给一个字的开头。",
  ],
  ["There is nothing to continue; give prompt TEXT or file FILE.", "没有可续写的内容；请填写“开头”。"],
  ["There is nothing to continue; give prompt TEXT.", "没有可续写的内容；请填写“开头”。"],
  ["Both prompt and file were given; give one of them.", "开头给了两次；请只给一次。"],

  // forms and sizes
  ["There is no form {form}; choose one of {names}.", "没有诗体{form}；请从{names}中选一种。"],
  [
    "A poem of {rows} rows of {cols} is none; give both from 1.",
    "{rows} 行、每行 {cols} 字不成诗；行数与字数都要从 1 起。",
  ],
  [
    "A poem of {rows} rows of {cols} has {n} characters, and {most} are the most; ask for fewer.",
    "{rows} 行、每行 {cols} 字共 {n} 字，至多 {most} 字；请减少行数或字数。",
  ],
  [
    "{form} has {n} lines, not {rows}; leave out the number or take another form.",
    "{form}是 {n} 句，不是 {rows} 句；请去掉行数，或换一种诗体。",
  ],
  [
    "{form} of {rows} lines is longer than is planned for; ask for at most {most}.",
    "{form}写 {rows} 句太长；至多 {most} 句。",
  ],
  [
    "{form} has an even number of lines, at least {least}, not {rows}; ask for more, or take another form.",
    "{form}的句数是双数，至少 {least} 句，不能是 {rows} 句；请改行数，或换一种诗体。",
  ],
  [
    "{form} has at least {least}, not {rows}; ask for more, or take another form.",
    "{form}至少 {least} 句，不能是 {rows} 句；请增加行数，或换一种诗体。",
  ],
  ["form {form} says how long its lines are; leave out cols.", "诗体{form}已定每句的字数；请去掉“每行字数”。"],
  [
    "form={form} has neither tones nor rhymes; name a form of `gen forms`, such as form=七律.",
    "form={form} 没有平仄与韵；请写一种诗体，如 form=七律。",
  ],
  [
    "form={form} is no size; write ROWSxCOLS, such as form=4x5, or a name of `gen forms`.",
    "form={form} 不是行列；请写“行数x字数”，如 form=4x5，或写一种诗体。",
  ],
  [
    "{field} is for a form with tones and rhymes; name one, as in form 五绝.",
    "“{field}”要配有平仄与韵的诗体；请选定诗体，如五绝。",
  ],
  [
    "first={first} is for regulated verse, and {form} is old verse; leave it out.",
    "首句用韵的选法只用于律诗、绝句，而{form}是古体；请去掉“首句”。",
  ],
  [
    "start={start} is about tones, which {form} with tones={tones} has none of; leave it out.",
    "不论平仄的{form}无所谓“{start}”；请去掉“起式”。",
  ],
  ["{field}={value} is none; choose one of {choices}.", "“{field}”没有 {value} 这一种；请从{choices}中选。"],
  [
    "{field} is for forms of regulated verse, and {tune} is a tune; leave it out.",
    "“{field}”只用于律诗、绝句，而{tune}是词牌；请去掉。",
  ],
  [
    "{field} is for regulated verse, and {tune} is a tune; leave it out.",
    "“{field}”只用于律诗、绝句，而{tune}是词牌；请去掉。",
  ],
  [
    "parallel names no couplet; write middle, all, or numbers such as 1|3 or 2..4.",
    "“对仗”没有写是哪一联；请写 middle、all，或联的序号，如 1|3、2..4。",
  ],
  [
    "parallel={item} names no couplet; write middle, all, or numbers such as 1|3 or 2..4.",
    "“对仗”中的 {item} 不是哪一联；请写 middle、all，或联的序号，如 1|3、2..4。",
  ],
  [
    "parallel {couplets} names couplets of a poem that has {n}; name some of these.",
    "要对仗的是第 {couplets} 联，而此诗只有 {n} 联；请在其中选。",
  ],

  // tunes and rhymes
  [
    "The tune book knows no tune {tune}; take {names}, or what `gen forms` lists.",
    "词谱中没有词牌{tune}；可试{names}，或从词牌表中选。",
  ],
  [
    "There is no form and no tune {form}; take {names}, or what `gen forms` lists.",
    "没有名为{form}的体裁或词牌；可试{names}，或从体裁表中选。",
  ],
  ["There is no form and no tune {form}; `gen forms` lists those there are.", "没有名为{form}的体裁或词牌；请从体裁表中选。"],
  ["The tune book knows no tune {tune}; `gen forms` lists those there are.", "词谱中没有词牌{tune}；请从词牌表中选。"],
  [
    "{tune} has no form {n}; name one of these tunes and a form of it: {rest}.",
    "{tune}没有第 {n} 体；请写明是哪个词牌的哪一体：{rest}。",
  ],
  ["{tune} has no form {n}; choose one of {numbers}.", "{tune}没有第 {n} 体；请从{numbers}中选。"],
  ["variant={n} is for tunes, and {form} is a form; leave it out.", "“体”只用于词牌，而{form}是诗体；请去掉。"],
  ["There is no rhyme book {book}; choose one of {names}.", "没有韵书{book}；请从{names}中选。"],
  ["{rhyme} is no rhyme of {book} ({code}); choose one of {groups}.", "{rhyme}不是{book}的韵部；请从{groups}中选。"],
  ["A rhyme was asked for without a rhyme book; leave one of them out.", "选了不押韵，又要押某韵；请去掉其中一项。"],
  [
    "first={first} borrows a neighbouring rhyme, which only 平水韵 has; leave out {book}.",
    "只有平水韵可以借邻韵；请把“韵书”改为平水韵或默认。",
  ],
  [
    "first={first} borrows a neighbouring rhyme, which only 平水韵 has; leave the book out.",
    "只有平水韵可以借邻韵；请把“韵书”改为平水韵或默认。",
  ],
  [
    "first={first} borrows a neighbouring rhyme, and {group} has none; change one of them.",
    "要借邻韵，而{group}没有邻韵；请改韵部，或改“首句”。",
  ],
  [
    "{form} rhymes in {n} of the {m} groups asked for ({groups}), as it has no more rhymes; leave out the others.",
    "{form}只用 {n} 个韵部，却要了 {m} 个（{groups}）；请去掉多余的。",
  ],
  [
    "No characters of this rhyme book have such tones and rhymes; ask for another one of both.",
    "这部韵书中没有合乎此平仄与韵的字；请换韵部或换格式。",
  ],

  // characters
  ["acrostic has no characters to place; write acrostic=春夏秋冬, say.", "“藏字”是空的；请写要藏的字，如“春夏秋冬”。"],
  ["acrostic={text} has {char}, which begins no line; leave it out.", "“藏字”中的{char}不是汉字，不能起句；请去掉。"],
  ["require needs characters; write require=花|月, say.", "“必用字”是空的；请写要用的字，如“花月”。"],
  [
    "require has {n} different characters, and {most} are the most; leave some out.",
    "“必用字”有 {n} 个不同的字，至多 {most} 个；请去掉一些。",
  ],
  ["template has no pattern; write template='床前□□光，□□□□□。', say.", "“填字”是空的；请填入要固定的字，其余用 □。"],
  [
    "{rule}={text} has {n} characters, and no text is so long; give up to {most}.",
    "{rule}共 {n} 字，没有这样长的作品；至多 {most} 字。",
  ],
  [
    "spread needs characters; write spread=花|月,over=28, say.",
    "spread 是空的；请写要用的字，如 spread=花|月,over=28。",
  ],

  // couplets
  [
    "The first line {text} has no characters; write one, such as {other}.",
    "上联{text}中没有字；请写一句，如“{other}”。",
  ],
  [
    "Both first and prompt were given; give the whole first line, or how it begins.",
    "上联与开头都填了；请只填整句上联，或只填开头。",
  ],
  [
    "The first line is of the shape {shape}, and cols is {cols}; leave out cols.",
    "上联是 {shape} 字，而“每联字数”是 {cols}；请去掉“每联字数”。",
  ],
  [
    "The first line {text} ends in {char}, which {book} does not have in an oblique tone (仄), as a first line " +
      "ends; end it otherwise, or give tones off.",
    "上联{text}以{char}收尾，{book}中此字不读仄声，而上联应以仄声收；请换末字，或把“平仄”改为不论。",
  ],
  [
    "The first line {text} ends in , which {book} does not have in an oblique tone (仄), as a first line ends; end " +
      "it otherwise, or give tones off.",
    "上联{text}的末字在{book}中不读仄声，而上联应以仄声收；请换末字，或把“平仄”改为不论。",
  ],
  [
    "The line {text} has {char}, and a couplet is Chinese characters and marks; leave it out.",
    "联句{text}中有{char}，而对联只用汉字与标点；请去掉。",
  ],
  [
    "couplet={shape} is no shape of up to {most} characters a line; write their number, or parts of a line with " +
      "marks between them, such as 7 or 4，5.",
    "“每联字数”不能是 {shape}；每联至多 {most} 字，请写字数，或分段的字数，如 7 或 4，5。",
  ],
  [
    "The model {model} does not know the mark {mark}, and the second line needs it; write ，.",
    "模型 {model} 不识标点“{mark}”，而下联要用；请改用“，”。",
  ],
  [
    "The model {model} does not know the mark {mark} that ends a line of a couplet; take another model, or train " +
      "one with `{command}`.",
    "模型 {model} 不识联句末的标点“{mark}”；请换一个模型，或用 `{command}` 训练一个。",
  ],
  [
    "behind a first line the model {model} expects {found}: it learned another separator; take another model, or " +
      "train one with `{command}`.",
    "上联之后模型 {model} 要写的是{found}：它学的是另一种分隔；请换一个模型，或用 `{command}` 训练一个。",
  ],
  ["{mark} ({share}) rather than {wanted} ({other})", "{mark}（{share}），而非“{wanted}”（{other}）"],
  ["the end of the text", "结尾"],
  ["a line break", "换行"],
  ["a space", "空格"],
  ["a tab", "制表符"],
  [
    "the second line must repeat a pair, as the first does: {rule} is left out.",
    "上联有重复的词，下联也要照样重复，所以这里不用{rule}。",
  ],

  // what the model is told
  [
    "{field} is empty; write one, such as {example}, or leave it out.",
    "“{field}”是空的；请填写，如“{example}”，或去掉。",
  ],
  ["{field} is empty; write a text, or leave it out.", "“{field}”是空的；请填写，或去掉。"],
  [
    "The {field} {text} has no Chinese characters; write one, such as {example}.",
    "{field}{text}中没有汉字；请填写汉字，如“{example}”。",
  ],
  [
    "no_context tells the model nothing, not even {field}; leave out one of them.",
    "已选“不告诉模型题目与诗体”，又填了“{field}”；请去掉其中一项。",
  ],
  [
    "The model {model} cannot be told a {field}; take {models}, or leave out {same}.",
    "模型 {model} 不能按“{field}”来写；可改用 {models}，或去掉这一项。",
  ],
  [
    "The model {model} cannot be told an {field}; take {models}, or leave out {same}.",
    "模型 {model} 不能按“{field}”来写；可改用 {models}，或去掉这一项。",
  ],
  ["The model {model} cannot be told a {field}; leave out {same}.", "模型 {model} 不能按“{field}”来写；请去掉这一项。"],
  [
    "The model {model} cannot be told an {field}; leave out {same}.",
    "模型 {model} 不能按“{field}”来写；请去掉这一项。",
  ],
  [
    "The model {model} cannot be told of works; take model {other}, or leave out like.",
    "模型 {model} 不能仿某部作品；可改用 {other}，或去掉“仿作品”。",
  ],
  ["The model {model} cannot be told of works; leave out like.", "模型 {model} 不能仿某部作品；请去掉“仿作品”。"],
  [
    "like {text} names no work; write one, such as like {example}.",
    "“仿作品”中的{text}不是作品名；请填写，如“{example}”。",
  ],
  [
    "the model {model} knows no author {text} and is not told of it; it knows {names}.",
    "模型 {model} 不识作者{text}，写时不论；它识得{names}。",
  ],
  [
    "the model {model} knows no dynasty {text} and is not told of it; it knows {names}.",
    "模型 {model} 不识朝代{text}，写时不论；它识得{names}。",
  ],
  [
    "the model {model} knows no tune {text} and is not told of it; it knows {names}.",
    "模型 {model} 没见过词牌{text}，只按词谱写；它见过{names}。",
  ],
  [
    "the model {model} knows no {field} {text} and is not told of it; it knows {names}.",
    "模型 {model} 不识{field}{text}，写时不论；它识得{names}。",
  ],
  [
    "the model {model} has seen no work {text} and is not told of it; it has seen {names}.",
    "模型 {model} 没读过{text}，写时不论；它读过{names}。",
  ],
  ["of the {field} {text} the model is told {told}.", "{field}{text}中告诉模型的是“{told}”。"],
  [
    "{typed} comes back as typed, and the rest as the model writes it; script {script} prints all in one script.",
    "“{typed}”照原样，其余按模型所写；要统一字形，请选“字形”。",
  ],
  [
    "{typed} come back as typed, and the rest as the model writes it; script {script} prints all in one script.",
    "“{typed}”照原样，其余按模型所写；要统一字形，请选“字形”。",
  ],

  // how many, and how they are drawn
  [
    "best_of is for texts drawn at random, and {how}; leave one of them out.",
    "“每篇取优于”用于随机取字，而{how}；请去掉其中一项。",
  ],
  ["{decoder} tells the best texts that it finds as it is", " {decoder} 本来就取所见最好的"],
  ["{decoder} writes the same text each time", " {decoder} 每次写出的都一样"],
  [
    "beams {n} for each of {num} texts are more than {most} beams; ask for fewer, or give groups 1 for the " +
      "likeliest texts of one search, which are much alike.",
    "{num} 篇各用束宽 {n}，合计超过 {most}；请减少篇数或束宽。",
  ],
  [
    "num={num} is more than {n} beams can tell; give width={same}, or want fewer texts.",
    "束宽 {n} 写不出 {num} 篇；请把束宽改为 {same}，或减少篇数。",
  ],
  ["beam={n} keeps nothing; give a width from 1.", "束宽不能是 {n}；要从 1 起。"],
  ["beam={n} is more than fit beside each other; give a width up to {most}.", "束宽 {n} 太大；至多 {most}。"],
  [
    "{n} beams or particles for a prompt of {m} tokens are more than {most} tokens in all; ask for fewer, or give " +
      "a shorter prompt.",
    "束宽 {n} 乘以开头的 {m} 个词元，合计超过 {most}；请减少束宽，或缩短开头。",
  ],
  ["{field}={n} asks for no text; give a number from 1.", "“{field}”是 {n}，等于一篇也不写；请从 1 起。"],
  ["max_new={n} is negative; give a number of tokens from 0.", "“至多”不能是负数 {n}；请从 0 起。"],
  [
    "The context has {n} tokens; before a text the model has room for {most}. Shorten it.",
    "告诉模型的内容有 {n} 个词元，至多 {most} 个；请缩短。",
  ],

  // what is explained
  [
    "The text {text} does not begin with the prompt {prompt}; give a prompt that it begins with.",
    "作品{text}不以开头{prompt}起；请改开头。",
  ],
  [
    "The model has no token for some of its characters and cannot write that text; explain a text without.",
    "其中有模型不识的字，写不出这样的作品；请换一篇来看。",
  ],
  [
    "The model has no token for {chars} and cannot write that text; explain a text without.",
    "模型不识{chars}，写不出这样的作品；请换一篇来看。",
  ],

  ["of {tune} {numbers}", "{tune} {numbers}"],
];

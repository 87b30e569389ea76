// What the check finds in a poem: faults, what is pardoned, and why a reading was taken.

export const JUDGING = [
  // tones
  [
    "line {line}, place {place}: {char} is 拗 ({name}), saved by {by} at line {other}, place {at}",
    "第{line}句第{place}字{char}拗（{name}），第{other}句第{at}字“{by}”救",
  ],
  [
    "line {line}, place {place}: {char} is 拗 ({name}), saved by {by} at place {at}",
    "第{line}句第{place}字{char}拗（{name}），第{at}字“{by}”救",
  ],
  [
    "line {line}, place {place}: {char} is 拗 ({name}), not saved, as it need not be",
    "第{line}句第{place}字{char}拗（{name}），可不救",
  ],
  [
    "line {line}, place {place}: {char} is not in the book, {wanted} is wanted",
    "第{line}句第{place}字{char}韵书未收，此处应{wanted}",
  ],
  [
    "line {line}, place {place}: {char} is {has}, {wanted} is wanted ({name})",
    "第{line}句第{place}字{char}读{has}，此处应{wanted}（{name}）",
  ],
  [
    "line {line}, place {place}: {char} is {has}, {wanted} is wanted",
    "第{line}句第{place}字{char}读{has}，此处应{wanted}",
  ],
  [
    "line {line}, place 2: the line is not opposed to line {other} ({name}); its second place goes {has}",
    "第{line}句与第{other}句{name}：第二字行{has}声",
  ],
  [
    "line {line}, place 2: the line does not stick to line {other} ({name}); its second place goes {has}",
    "第{line}句与第{other}句{name}：第二字行{has}声",
  ],

  // rhymes
  [
    "line {line}, place {place}: {char} ({own}) does not rhyme in a neighbour of {group}; {also}",
    "第{line}句第{place}字{char}（{own}）不押{group}的邻韵；{also}",
  ],
  [
    "line {line}, place {place}: {char} ({own}) does not rhyme in a neighbour of {group}",
    "第{line}句第{place}字{char}（{own}）不押{group}的邻韵",
  ],
  [
    "line {line}, place {place}: {char} ({own}) does not rhyme in {group}; {also}",
    "第{line}句第{place}字{char}（{own}）不押{group}韵；{also}",
  ],
  [
    "line {line}, place {place}: {char} ({own}) does not rhyme in {group}",
    "第{line}句第{place}字{char}（{own}）不押{group}韵",
  ],
  [
    "line {line}, place {place}: {char} ({own}) rhymes in a neighbour of {group}, as a first line may (首句借邻韵)",
    "第{line}句第{place}字{char}（{own}）借{group}的邻韵",
  ],
  [
    "line {line}, place {place}: {char} ({own}) rhymes with no line beside it",
    "第{line}句第{place}字{char}（{own}）与邻近各句都不押韵",
  ],
  [
    "line {line}, place {place}: {char} has rhymed in line {other} already",
    "第{line}句第{place}字{char}在第{other}句已押过",
  ],
  ["not in the book", "韵书未收"],
  ["it does in {sources}; poets often join {own} to {other} (通押)", "在{sources}中押韵；前人常以{own}与{other}通押"],
  ["it does in {sources}", "在{sources}中押韵"],
  ["poets often join {own} to {other} (通押)", "前人常以{own}与{other}通押"],
  ["from line {line} on it rhymes in {group}, which old verse takes for one", "从第{line}句起押{group}，古体可以通押"],
  ["the rhyme changes at line {line}, to {group}", "第{line}句起换押{group}韵"],
  [
    "{chars} rhyme in 平水韵 ({group}), though not all are of one part of 词林正韵",
    "{chars}在平水韵中同押{group}韵，虽在词林正韵中不全属一部",
  ],

  // lines and characters
  ["line {line}, place {place}: {extra} is one character too many", "第{line}句第{place}字“{extra}”多出一字"],
  ["line {line}, place {place}: {extra} are {n} characters too many", "第{line}句第{place}字起“{extra}”多出{n}字"],
  ["line {line} is one more than the form has", "第{line}句是多出的一句"],
  ["line {line} is missing", "缺第{line}句"],
  ["line {line}, place {place}: {n} characters are missing", "第{line}句第{place}字起缺{n}字"],
  [
    "line {line}, place {place}: a character is missing ({wanted} is wanted)",
    "第{line}句第{place}字缺（此处应{wanted}）",
  ],
  ["line {line}, place {place}: a character is missing", "第{line}句第{place}字缺"],
  ["line {line}, place {place}: no pause after the rhyme", "第{line}句第{place}字押韵，其后应断句"],
  ["line {line}, place {place}: a pause within the line", "第{line}句第{place}字前不应断句"],
  ["line {line}, place {place}: {sign} is no Chinese character", "第{line}句第{place}字{sign}不是汉字"],
  ["line {line}, after place {place}: {sign} is no character of verse", "第{line}句第{place}字后的{sign}不是诗中用字"],
  ["line {line}, before place 1: {sign} is no character of verse", "第{line}句开头的{sign}不是诗中用字"],
  ["and {n} more signs are no characters of verse", "另有{n}处不是诗中用字"],

  // why it was judged so
  ["it rhymes in {group}", "押{group}韵"],
  ["仄 here is 拗, and saved", "此处以仄为拗，已救"],
  ["{wanted} is wanted at this place", "此处应{wanted}"],
  [
    "as {form} it has {n} tones wrong; form {same} shows them",
    "若论{form}，有{n}处平仄不合；选定诗体“{same}”可逐处看到",
  ],
  [
    "it fits no form of regulated verse, no tune, and no rhyme of old verse; this is the nearest",
    "不合律诗的格式，也不合词牌，又不押古体的韵；这里按最相近的格式来校",
  ],

  // what cannot be judged
  ["There is no poem in {text}; give one.", "没有可校的作品；请填入一首。"],
  ["There is no Chinese character in the text; give a poem.", "文中没有汉字；请填入一首诗、词或联。"],
  [
    "A text of {n} characters is no poem that can be judged; give at most {most}, and an empty line between two poems.",
    "这篇有 {n} 字，长得无法校；至多 {most} 字，两首之间请空一行。",
  ],
  [
    "A text of {n} lines is no poem that can be judged; give at most {most} lines.",
    "这篇有 {n} 句，长得无法校；至多 {most} 句。",
  ],
  [
    "A text of {n} lines and {size} characters like this is no form and no tune that is known; name one by form or " +
      "tune.",
    "这篇共 {n} 句 {size} 字，不合已知的诗体和词牌；请选定“按诗体”或“按词牌”。",
  ],
  [
    "A text of {n} characters is too far from a pattern of {other} to be held against it; give one poem alone, or " +
      "name another form.",
    "这篇有 {n} 字，与 {other} 字的格式相差太远；请只填一首，或换一种格式。",
  ],
  [
    "A text is judged by one form, one tune or one size; give one of them.",
    "诗体与词牌只能选一个来校；请去掉其中一个。",
  ],
  [
    "variant={n} is a form of a tune; name the tune, or leave it out.",
    "“第几体”是词牌的体；请填上词牌，或去掉“第几体”。",
  ],
  [
    "{rows} rows of {cols} are far from the {n} characters given; ask for a size like its text.",
    "{rows} 行、每行 {cols} 字，与这篇的 {n} 字相差太远；请按原文的行列来校。",
  ],
  [
    "{wish} is for a form, and a size has no tones and no rhyme; name a form.",
    "“{wish}”要配诗体，单有行列没有平仄与韵；请选定诗体。",
  ],
  [
    "None of the {n} texts can be judged; give poems or ci, or name form or tune.",
    "这 {n} 篇都无法校；请填入诗或词，或选定“按诗体”“按词牌”。",
  ],
  [
    "text: it has {n} poems, and {most} are judged at once here; send fewer.",
    "共 {n} 首，这里一次至多校 {most} 首；请分几次。",
  ],
  [
    "There is no Chinese character in the line; give one of verse, such as {example}.",
    "句中没有汉字；请给一句诗，如“{example}”。",
  ],
  [
    "There is no Chinese character in {text}; give lines of verse, such as {example}.",
    "{text}中没有汉字；请给一句诗，如“{example}”。",
  ],
  [
    "{text} has no Chinese character; give a line of verse, such as {example}.",
    "{text}中没有汉字；请给一句诗，如“{example}”。",
  ],
  ["{text} is {n} lines; give one line at a time.", "{text}有 {n} 句；请一次给一句。"],
  ["A line of {n} characters is longer than any; give at most {most}.", "没有哪一句有 {n} 字；至多 {most} 字。"],
  ["{text}: no real line has any of its characters.", "{text}：前人诗句中没有其中任何一个字。"],

  // what was pasted
  [
    "{text} is {kind}, no plain text; save its texts alone, {remedy}.",
    "填入的是{kind}，不是纯文本；请只填作品的文字。",
  ],
  [
    "{text} looks like {kind}, no plain lines of text. {remedy}.",
    "填入的像是{kind}，不是一行行的文字；请只填作品的文字。",
  ],
  ["Line {n} of {text} holds a NUL character. Remove it, or give a file of text.", "第 {n} 行有空字符；请去掉。"],
  [
    'Line {n} of {text} is no JSON object with a "text". Give JSON lines, or plain text.',
    "第 {n} 行不是带 text 的 JSON；请填纯文本。",
  ],
  ["Line {n} of {text} holds {flaw}. Mend it, or leave it out.", "第 {n} 行{flaw}；请改正或去掉。"],
  [
    'Line {n} of {text} has {flaw}, in "{name}". Mend it, or leave it out.',
    "第 {n} 行的 {name} {flaw}；请改正或去掉。",
  ],
  [
    "Line {n} of {text} is longer than {most} characters. Break it into several lines.",
    "第 {n} 行超过 {most} 字；请分成几行。",
  ],
  ["nothing where a text belongs", "没有文字"],
  ["{kind} ({value}) where a text belongs", "不是文字，而是 {value}"],
  ["half a character (a lone surrogate)", "有半个字"],
  ["a NUL character", "有空字符"],
  ["a page of HTML or XML", "网页"],
  ["a list of JSON", "JSON 列表"],
  ["JSON lines", "JSON 行"],
  ["a table", "表格"],
];

// What a rule wants at a place, and why no text obeys all rules.

export const RULES = [
  ["{rule} wants {what}", "{rule}：{what}"],
  ["{rule} needs {chars} more than once", "{rule}：{chars}要用不止一次"],
  ["wants {what}", "要{what}"],
  ["needs {chars} more than once", "{chars}要用不止一次"],

  // what is wanted, and where
  ["{what} at the end of line {line}", "第{line}句末字要{what}"],
  ["the end of line {line} after {n} characters", "第{line}句到第{n}字为止"],
  ["the end of the second line after {n} characters", "下句到第{n}字为止"],
  ["{what} at line {line}, place {place}", "第{line}句第{place}字要{what}"],
  ["{what} at {places} or line {line}, place {place}", "{places}或第{line}句第{place}字要{what}"],
  ["{what} at the second line, place {place}", "下句第{place}字要{what}"],
  ["{what} at place {place} of the new text", "新写的第{place}字要{what}"],
  ["{what} at place {place}", "第{place}字要{what}"],
  ["line {line}, place {place}", "第{line}句第{place}字"],
  ["{what} after line {lines}", "第{lines}句后要{what}"],
  ["{chars} somewhere", "某处要有{chars}"],
  ["{bracket} before the end, then {others}", "结尾之前要有 {bracket}，其后还有 {others}"],
  ["{bracket} before the end", "结尾之前要有 {bracket}"],
  ["{n} more characters", "再写 {n} 字"],
  ["{n} more character", "再写 {n} 字"],
  ["{tone} in rhyme with {group}", "{tone}，押{group}韵"],
  ["{tone} in a rhyme next to {group}", "{tone}，押{group}的邻韵"],
  ["{tone} that rhymes in a neighbouring group", "{tone}，押邻韵"],
  ["{tone} that rhymes", "{tone}，押韵"],
  ["a level tone", "平声"],
  ["an oblique tone", "仄声"],
  ["any tone", "平仄不拘"],
  ["a Chinese character", "汉字"],
  ["a character", "平仄不拘的字"],
  ["a character that is not among {chars}", "{chars}以外的字"],
  ["a character that has not occurred", "没有用过的字"],
  ["a rhyme word other than {chars}", "{chars}以外的韵字"],
  ["a line that is not known already", "前人没有写过的句子"],
  ["no closing quote or bracket, since none is open", "不许有反引号、反括号，因为没有正的"],
  ["no second punctuation mark", "不许标点连用"],
  ["any character or the end", "任意字，或就此结束"],
  ["any character but {chars}", "{chars}以外的字"],
  ["any character", "任意字"],
  ["anything but nothing", "任意字"],
  ["anything but {chars}", "不许{chars}"],
  ["any token but nothing", "任意词元"],
  ["any token but {chars}", "不许{chars}"],
  ["any token", "任意词元"],
  ["nothing but {chars}", "除{chars}外都不许"],
  ["{chars} but {other_chars}", "{chars}，但不许{other_chars}"],
  ["nothing more", "不再有字"],
  ["nothing", "都不许"],
  ["the end", "就此结束"],
  ["{n} others", "其他 {n} 字"],
  ["one of {n} others", "其他 {n} 字之一"],
  ["punctuation", "标点"],
  ["han", "汉字"],
  ["latin", "拉丁字母"],
  ["digit", "数字"],
  ["space", "空白"],

  // why a character is not there at all
  ["no text of at most {n} tokens obeys all rules after it", "其后 {n} 个词元之内写不成合乎各项要求的作品"],
  ["a second spelling of another token, or none that texts are made of", "与别的词元写法相同，或不是行文所用"],

  // what cannot be kept together
  [
    "{rules} admit no text together within {n} new tokens (whether {doubted_rules} is needed for the conflict was " +
      "not decided): {demands}; drop or change one of them.",
    "{rules}在 {n} 个词元的篇幅内不能并存（{demands}；是否与{doubted_rules}有关，尚未判定）；请去掉或改动其中一项。",
  ],
  [
    "{rules} admit no text together within {n} new tokens (whether {doubted_rules} is needed for the conflict was " +
      "not decided); drop or change one of them.",
    "{rules}在 {n} 个词元的篇幅内不能并存（是否与{doubted_rules}有关，尚未判定）；请去掉或改动其中一项。",
  ],
  [
    "{rules} admit no text together within {n} new tokens: {demands}; drop or change one of them.",
    "{rules}在 {n} 个词元的篇幅内不能并存（{demands}）；请去掉或改动其中一项。",
  ],
  [
    "{rules} admit no text together within {n} new tokens; drop or change one of them.",
    "{rules}在 {n} 个词元的篇幅内不能并存；请去掉或改动其中一项。",
  ],
  [
    "The model can write no text at all within {n} new tokens; give it more.",
    "{n} 个词元之内写不出任何作品；请放长篇幅。",
  ],
  [
    "{rule} wants {chars}, which the model has no token for; ask for something else.",
    "{rule}要用{chars}，而模型不识此字；请换别的字。",
  ],
  [
    "{rule} admits no text within {n} new tokens; change it, or allow more tokens.",
    "{rule}在 {n} 个词元的篇幅内办不到；请改动这一项，或放长篇幅。",
  ],

  // what was not decided
  [
    "Whether any text obeys the vocabulary was not decided in {n} seconds; drop or relax one of them, or " +
      "{advice}.",
    "{n} 秒内未能判断有无这样的作品；请放宽一项再试。",
  ],
  [
    "Whether any text obeys {rules} was not decided in {n} seconds; drop or relax one of them, or " +
      "{advice}.",
    "{n} 秒内未能判断有无合乎{rules}的作品；请去掉或放宽其中一项。",
  ],
  [
    "Whether any text obeys {rules} was not decided after {n} steps; drop or relax one of them.",
    "查了 {n} 步，仍未能判断有无合乎{rules}的作品；请去掉或放宽其中一项。",
  ],
  [
    "How the text can go on was not decided within {n} seconds of searching; drop or relax a constraint, or " +
      "{advice}.",
    "{n} 秒内未能找到往下写的路；请去掉或放宽一项要求。",
  ],
  [
    "The text can go on, but the search did not find how; drop or relax a constraint.",
    "往下还有路，只是没有找到；请去掉或放宽一项要求。",
  ],
  ["The request was given up.", "这一篇已经停写。"],
];

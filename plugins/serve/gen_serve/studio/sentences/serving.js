// What the server says: what is wrong with a field, that it is busy, and what a link or a stream came to.

export const SERVING = [
  // fields
  ["{field}: {wrong}.", "“{field}”{wrong}。"],
  ["Field required", "必须填"],
  ["Input should be greater than or equal to {n}", "不能小于 {n}"],
  ["Input should be less than or equal to {n}", "不能大于 {n}"],
  ["Input should be greater than {n}", "要大于 {n}"],
  ["Input should be less than {n}", "要小于 {n}"],
  ["Input should be a valid integer, got a number with a fractional part", "要填整数"],
  ["Input should be a valid integer", "要填整数"],
  ["Input should be a valid number", "要填数"],
  ["Input should be a finite number", "要填有限的数"],
  ["Input should be a valid string", "要填文字"],
  ["Input should be a valid boolean", "只能是“是”或“否”"],
  ["Input should be a valid list", "要填若干项"],
  ["Input should be {choices}", "只能是{choices}"],
  ["String should have at least {n} character", "不能是空的"],
  ["String should have at most {n} characters", "至多 {n} 字"],
  ["List should have at most {n} items after validation, not {m}", "至多 {n} 项，现在有 {m} 项"],
  ["String should match pattern {pattern}", "写法不对"],
  ["there is no such field; leave it out", "不是这里的一项；请去掉"],
  ["it says what this is; give {kinds}", "要说明是什么；请选{kinds}"],
  ["it says what this is, and is missing; give it", "要说明是什么；请补上"],
  ["it says what is asked about; give one of {kinds}", "要说明问的是什么；请选{kinds}"],
  ["the path has no such parameter; {remedy}", "不是此处的一项；{remedy}"],
  ["it is given twice; give it once", "给了两次；请只给一次"],
  ["it takes {fields}", "可以给的有{fields}"],
  ["fields belong in the body, as JSON", "应以 JSON 写在正文中"],
  ["leave it out", "请去掉"],

  // too much at once
  [
    "It asks for {n} texts, and this server writes {most} at once; ask for fewer.",
    "要写 {n} 篇，此服务器一次至多写 {most} 篇；请减少篇数。",
  ],
  [
    "It asks for {n} new tokens, and this server writes {most} at once; ask for fewer.",
    "要写 {n} 个词元，此服务器一次至多写 {most} 个；请缩短篇幅。",
  ],
  [
    "It asks for {n} {what}, and this server writes {most} at once; ask for fewer.",
    "要写的有 {n}，此服务器一次至多 {most}；请减少。",
  ],
  ["It may take {n} {what}, and {most} fit; ask for less.", "所需之数为 {n}，至多容得 {most}；请少要一些。"],
  ["A body has {n} bytes at most here; send a shorter one.", "送来的内容太长，至多 {n} 字节；请缩短。"],
  ["The body did not come within {n} seconds; send it faster.", "{n} 秒之内没有收全所填内容；请查看网络后再试。"],
  ["The body is nested deeper than any field; send a flatter one.", "送来的内容层次太深；请写得平一些。"],
  ["The body is not valid JSON ({where}); send an object.", "送来的内容不是合格的 JSON；请刷新页面再试。"],
  ["The body is empty; send an object in JSON.", "送来的内容是空的；请刷新页面再试。"],
  ["The body is sent {how}; send JSON with `Content-Type: application/json`.", "送来的内容不是 JSON；请刷新页面再试。"],
  [
    "The body is JSON, but no object; send one with the fields of this endpoint.",
    "送来的 JSON 不是一组字段；请刷新页面再试。",
  ],
  [
    "A body has either a Content-Length or a Transfer-Encoding; send one of them.",
    "所送内容的长度有两种说法，想是途中的代理所致；请查看代理后再试。",
  ],

  // not now
  ["1 request waits already, and no more may; try again later.", "已有 1 个请求在等，不能再多；请稍后再试。"],
  ["{n} requests wait already, and no more may; try again later.", "已有 {n} 个请求在等，不能再多；请稍后再试。"],
  ["1 request waits already, and no more may; try again later.", "已有 1 个请求在等，不能再多；请稍后再试。"],
  [
    "The process that computes has ended; it is being started again, so ask again in a moment.",
    "写作的进程已停，正在重启；请稍后再试。",
  ],
  ["The server is closing; ask again when it runs again.", "服务器正在关闭；请待它重开后再试。"],
  [
    "The answer took longer than this server allows; ask for less at once.",
    "所用时间超过了服务器的限度；请一次少要一些。",
  ],
  ["The models are being loaded; ask again in a moment.", "模型正在载入；请稍后再试。"],
  ["The stream was cancelled, or is read by somebody else now.", "这一篇已经停写，或正由别处在读；请再写一次。"],
  [
    "The model {model} does not write the same text again; ask for a new one.",
    "模型 {model} 不能重写同一篇；请另写一篇。",
  ],
  [
    "Last-Event-ID is not the id of an event of this stream; leave it out to begin anew.",
    "接不上中断之处；请再写一次。",
  ],
  [
    "There is no stream {stream}; streams can be taken up for ten minutes after their last event.",
    "中断的那一篇已接不上，中断后只留十分钟；请再写一次。",
  ],
  ["The model {model} is not served; take one of {models}.", "此服务器没有模型{model}；请选 {models}。"],
  ["The model {model} is not served.", "此服务器没有模型{model}；请换一个。"],
  ["There is no model {model} here; name one of {models}.", "这里没有模型{model}；请选 {models}。"],

  // who may ask
  ["Refused without a key of this server; send it as `Authorization: Bearer KEY`.", "此服务器需要密钥；请填上密钥。"],
  [
    "Refused, since the host {host} is none of this server's names; allow it when the server is started " +
      "(--allowed-host).",
    "此服务器不以{host}为名，故不应答；开启服务器时请以 --allowed-host 准许这个名字。",
  ],
  [
    "Refused, since a page of another origin asks; allow it when the server is started (--cors ORIGIN).",
    "别处的网页来问，故不应答；开启服务器时请以 --cors 准许那个网址。",
  ],
  ["Pages of other origins may not send the header {header}; leave it out.", "别处的网页不可带 {header}；请去掉。"],
  ["Pages of other origins may not send {method}; use {methods}.", "别处的网页不可用 {method}；请用 {methods}。"],
  [
    "The body is encoded ({kind}), and no encoding is undone here; send it as it is.",
    "正文经过 {kind} 编码，此处不解；请原样发送。",
  ],
  [
    "with {spec} has the server open what {option} names, which only its owner may; leave it out.",
    "“其他规则”中的 {spec} 要服务器打开 {option} 所指的文件，只有服务器的主人可以；请去掉。",
  ],

  // what went wrong
  ["Something went wrong inside ({reason}); please report it.", "内部出了错（{reason}）；请报告给开发者。"],
  ["Something went wrong inside the server; its log says what.", "服务器内部出了错；日志中有详情。"],
  ["{who} failed in {method} ({reason}); {remedy}.", "{who} 在 {method} 中出了错（{reason}）；{remedy}。"],
  ["{who} failed ({reason}); {remedy}.", "{who} 出了错（{reason}）；{remedy}。"],
  ["mend it, or leave it out", "请修正或去掉"],
  ["leave it out, or {remedy}", "请去掉，或{remedy}"],
  ["{remedy}, or tell its authors", "{remedy}，或告知其作者"],
  ["update or uninstall {plugin}", "更新或卸载 {plugin}"],
  ["{rule} of the plugin {plugin}", "插件 {plugin} 的 {rule}"],
  ["The plugin {plugin}", "插件 {plugin}"],
  ["`gen {command}` writes no texts; name a command that does.", "`gen {command}` 不写作品；请换一个体裁。"],
  ["HTTP {status}", "服务器未能应答（HTTP {status}）；请稍后再试。"],
  ["There is no {path} here; {rest}.", "服务器没有这一项功能；请看插件装全了没有。"],
  ["{path} has no {method}; use {methods}.", "服务器不接受这样的请求；请刷新页面再试。"],

  // notes
  ["a search limit, not a proof, ruled out some choices (exact: false).", "有些字是因查找有限而未取，并非证明不可。"],
  [
    "a shaper removed tokens that the target holds, or a search limit did (exact: false).",
    "有些字因筛选或查找有限而未取，并非证明不可。",
  ],
  [
    "{rules} left nothing to choose from at some places and was undone there.",
    "{rules}在有些地方一个字也不剩，那里就不用了。",
  ],
  [
    "{who} computes rows together that may change each other's last bits (reproducible: false).",
    "{who} 几篇一起算，尾数会互相影响，所以不保证能重现同一篇。",
  ],
  ["the model reads {typed} as {read}.", "模型把“{typed}”读作“{read}”。"],
  ["the model does not know {chars}: kept as typed, read as [UNK].", "模型不识{chars}：照原样保留，读时作生字。"],
  [
    "the model does not know {chars} of what it is told, and reads [UNK] there.",
    "所告诉的内容中模型不识{chars}，读时作生字。",
  ],
];

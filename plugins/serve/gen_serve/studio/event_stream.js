// Server-sent events of a POST, which EventSource lacks.
// https://html.spec.whatwg.org/multipage/server-sent-events.html

/** The JSON of each event in a stream of bytes; `saw` is told the id of each before. */
export async function* eventsOf(body, saw = () => null) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      waiting = (waiting + (value ?? "")).replaceAll("\r\n", "\n");
      const whole = waiting.split("\n\n");
      waiting = whole.pop();
      for (const event of whole) {
        const data = dataOf(event);
        const [, id] = /^id: ?(.*)$/m.exec(event) ?? [];
        if (data && id !== undefined) saw(id);
        if (data && data !== "[DONE]") yield JSON.parse(data);
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => null);
  }
}

function dataOf(event) {
  const lines = event.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

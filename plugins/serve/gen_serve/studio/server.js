// Talks to the server that sent this page, and to no other.

import { inOurWords } from "./engine_words.js";
import { eventsOf } from "./event_stream.js";
import { askForKey, keyHeader } from "./key.js";

/** What the server refused: a plain Error in our words, with `status`, `code`, `param` and `members`. */
export function refusal(status, told) {
  if (typeof told === "string") return refusal(status, { message: told });
  const { message = `HTTP ${status}`, code = "", param = null, members = [], type = "" } = told ?? {};
  return Object.assign(new Error(inOurWords(message)), { status, code, param, members: members ?? [], type });
}

function at(path) {
  return new URL(path, document.baseURI);
}

// Who is refused for want of a key is asked for one, as long as somebody answers.
async function asked(url, options) {
  const response = await fetch(url, { ...options, headers: { ...options.headers, ...keyHeader() } });
  return response.status === 401 && (await askForKey()) ? asked(url, options) : response;
}

async function answered(response) {
  const told = await response.json().catch(() => null);
  if (!response.ok) throw refusal(response.status, told?.error);
  return told;
}

/** The JSON at a path. */
export async function get(path, query = {}, signal = undefined) {
  const url = at(path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return answered(await asked(url, { signal }));
}

function posted(path, body, signal) {
  return asked(at(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
}

/** The JSON that answers a body. */
export async function post(path, body, signal = undefined) {
  return answered(await posted(path, body, signal));
}

const TRIES = 5; // how often a stream that broke off is taken up again before anything new came
const PAUSE = 500; // milliseconds before the first try; each next one takes twice as long

/**
 * The events that answer a body, as they come. One that breaks off is taken up where it stood. Throws a refusal, also for
 * an `error` event.
 */
export async function* stream(path, body, signal = undefined) {
  const now = { stream: null, seen: null, tries: 0 };
  let response = await posted(path, { ...body, stream: true }, signal);
  for (;;) {
    if (!response.ok) await answered(response);
    try {
      for await (const event of eventsOf(response.body, (id) => (now.seen = id))) {
        now.tries = 0;
        if (event.type === "begun") now.stream = event.id;
        if (event.type === "error") throw refusal(200, event.error);
        yield event;
        if (event.type === "over") return;
      }
    } catch (problem) {
      if (problem.status !== undefined || signal?.aborted || !now.stream) throw problem;
    }
    response = await takenUp(now, signal);
  }
}

async function takenUp(now, signal) {
  const url = at(`v1/streams/${encodeURIComponent(now.stream ?? "")}`);
  while (now.stream && now.tries < TRIES) {
    await new Promise((done) => setTimeout(done, PAUSE * 2 ** now.tries++));
    signal?.throwIfAborted();
    const response = await asked(url, { headers: { "last-event-id": now.seen }, signal }).catch(() => null);
    if (response?.body && response.status !== 204) return response;
  }
  throw new Error("The stream broke off.");
}

/** Tells the server that nobody waits for a stream any more. */
export async function cancel(id) {
  await asked(at(`v1/streams/${encodeURIComponent(id)}`), { method: "DELETE" }).catch(() => null);
}

// What the simulator has told this page, kept up to date by its stream, and the way to act on it.

import { asConversation, inChat } from "./chat.js";

const parts = ["agents", "queue", "rings", "sockets", "faults", "bot"];
const patience = { first: 500, most: 5000, answer: 10_000 };

/**
 * Opens the stream and keeps it open. `changed()` is called after every change of the state, `framed(frame)` for each frame,
 * `connected(yes)` when the simulator goes and comes, `missed(count)` when this page was too slow.
 */
export function openStore({ changed, framed, connected, missed }) {
  const state = { now: 0, accounts: [], agents: [], queue: [], rings: [], sockets: [], faults: [], bot: null, conversations: new Map() };
  let wait = patience.first;
  let acts = Promise.resolve();

  listen();

  return { state, act };

  function listen() {
    const stream = new EventSource("/simulator/stream");
    const on = (name, take) => stream.addEventListener(name, (event) => take(JSON.parse(event.data)));
    on("state", (whole) => {
      wait = patience.first;
      takeAll(whole);
      connected(true);
    });
    on("conversation", takeOne);
    on("chat", (chat) => takeOne(asConversation(chat, state.agents)));
    for (const part of parts) {
      on(part, (value) => {
        state[part] = value;
        changed();
      });
    }
    on("frame", framed);
    on("lagged", (lagged) => missed(lagged.missed));
    stream.onerror = () => {
      stream.close();
      connected(false);
      setTimeout(again, wait);
      wait = Math.min(wait * 2, patience.most);
    };
  }

  /** Asks for the whole state first: it is cheap, and only an answering simulator gets a new stream. */
  async function again() {
    try {
      takeAll(await request("GET", "/simulator/state"));
      connected(true);
      listen();
    } catch {
      setTimeout(again, wait);
      wait = Math.min(wait * 2, patience.most);
    }
  }

  function takeAll(whole) {
    for (const part of ["now", "accounts", ...parts]) state[part] = whole[part] ?? state[part];
    const chats = (whole.chats ?? []).map((chat) => asConversation(chat, state.agents));
    const all = [...whole.conversations, ...chats].sort((one, other) => one.started - other.started);
    state.conversations = new Map(all.map((one) => [one.id, one]));
    state.bot = whole.bot ?? null;
    state.links = whole.links;
    changed();
  }

  function takeOne(conversation) {
    state.conversations.set(conversation.id, conversation);
    changed();
  }

  /** Does something in the simulated world: one act after the other, so that typing never overtakes a text. */
  function act(path, body = {}) {
    const chat = state.conversations.get(path.split("/")[1])?.kind === "chat";
    const told = chat ? inChat(path, body) : [path, body];
    if (!told) return Promise.resolve({});
    const done = acts.then(() => request("POST", `/simulator/${told[0]}`, told[1]));
    acts = done.catch(() => {});
    return done.then((answer) => {
      if (answer.chat) answer = { ...answer, conversation: asConversation(answer.chat, state.agents), sequence: answer.event };
      // The stream may have been faster and told more already.
      if (answer.conversation && !state.conversations.has(answer.conversation.id)) takeOne(answer.conversation);
      return answer;
    });
  }
}

async function request(method, path, body) {
  const options = { method, signal: AbortSignal.timeout(patience.answer), headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const text = await answer.text();
  let parsed = {};
  try {
    parsed = text ? JSON.parse(text) : {};
  } catch {
    parsed = { error: text };
  }
  if (!answer.ok) throw new Error(parsed.error || `${method} ${path} was answered ${answer.status}`);
  return parsed;
}

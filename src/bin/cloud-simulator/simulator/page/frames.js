// The frames that go over the agents' WebSockets, and the calls of live chat: the newest 500, one line each, whole when pressed.

import { wordsOf } from "./chat.js";
import { $, clock, follow, forget, h, icon, say, show } from "./dom.js";

const most = 500;
const mostOpenRequests = 2000;

/** Wires the panel; returns `take(frame)`, `missed(count)` and `resumed(now)`, to be called when a fresh stream has begun. */
export function framesPanel() {
  const list = $("frames-list");
  const scroll = follow($("frames-scroll"), $("frames-newest"));
  const requests = new Map();
  let held = [];
  let waiting = [];
  let paused = false;
  let last = { time: 0, keys: new Set() };
  let replayUntil = 0;
  let due = false;

  $("filter").addEventListener("input", redraw);
  $("quiet").addEventListener("change", redraw);
  $("clear").addEventListener("click", () => {
    held = [];
    waiting = [];
    redraw();
  });
  $("pause").addEventListener("click", () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    $("pause").replaceChildren(icon(paused ? "play" : "pause"), h("span", { text: paused ? "Resume" : "Pause" }));
    if (!paused) later();
  });

  return { take, missed, resumed };

  function take(frame) {
    if (known(frame)) return;
    const words = describe(frame, requests);
    hold({ ...words, frame, search: `${frame.agent} ${words.name} ${words.summary} ${frame.text ?? ""}`.toLowerCase() });
  }

  function missed(count) {
    hold({ missed: count, search: "" });
  }

  /** A new stream sends old frames again; those up to its beginning are compared with what is here. */
  function resumed(now) {
    replayUntil = now;
  }

  function known(frame) {
    const key = `${frame.socket} ${frame.direction} ${frame.size} ${frame.text}`;
    const old = frame.time <= replayUntil && (frame.time < last.time || (frame.time === last.time && last.keys.has(key)));
    if (old) return true;
    if (frame.time !== last.time) last = { time: frame.time, keys: new Set() };
    last.keys.add(key);
    return false;
  }

  function hold(entry) {
    waiting.push(entry);
    if (waiting.length > most) waiting.splice(0, waiting.length - most);
    if (paused) say($("pause").querySelector("span"), `Resume (${waiting.length})`);
    else later();
  }

  /** Many frames may come at once: they are drawn together. */
  function later() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      if (!paused) draw();
    });
  }

  function draw() {
    const fresh = waiting;
    waiting = [];
    held.push(...fresh);
    const lost = held.splice(0, Math.max(0, held.length - most));
    for (const entry of lost) entry.row?.remove();
    const wanted = filter();
    list.append(...fresh.slice(-most).filter(wanted).map(row));
    empty();
    scroll.grown();
  }

  function redraw() {
    forget(list);
    list.append(...held.filter(filter()).map(row));
    empty();
    scroll.toEnd();
  }

  function empty() {
    const some = held.length > 0;
    show($("frames-empty"), !some);
    show($("frames-scroll"), some);
  }

  function filter() {
    const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const quiet = $("quiet").checked;
    return (entry) => !(quiet && entry.alive) && words.every((word) => entry.search.includes(word));
  }
}

function row(entry) {
  if (entry.missed) return (entry.row = h("li", { class: "line" }, h("span", { text: `${entry.missed} events were dropped: this page was too slow` })));
  const { frame, name, summary, trouble } = entry;
  const arrow = { received: "▸", sent: "◂" }[frame.direction] ?? "●";
  const way = { received: "from the connector", sent: "to the connector" }[frame.direction] ?? frame.direction;
  const details = h("details", { class: `frame ${frame.direction}${trouble ? " trouble" : ""}` },
    h("summary", {},
      h("span", { class: "arrow", text: arrow, role: "img", "aria-label": way, title: way }),
      h("time", { text: clock(frame.time, true) }),
      h("strong", { text: name }),
      h("span", { class: "who", text: frame.socket === null ? frame.agent : `${frame.agent} #${frame.socket}` }),
      summary ? h("span", { class: "summary", text: summary }) : null));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(...whole(frame));
  });
  return (entry.row = h("li", {}, details));
}

function whole(frame) {
  const size = h("p", { class: "faint", text: `${frame.size ?? frame.text?.length ?? 0} bytes${frame.cut ? ", shown up to 16 KiB" : ""} · ${new Date(frame.time).toISOString()}` });
  return [size, h("pre", { tabindex: "0", text: pretty(frame.text ?? "") })];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** What a frame is, in a line. Answers are named after their requests, which `requests` remembers. */
function describe(frame, requests) {
  if (frame.direction === "opened") return { name: "socket opened", summary: "", trouble: false };
  if (frame.direction === "closed") return { name: "socket closed", summary: frame.text ?? "", trouble: !/^1000\b/.test(frame.text ?? "") };
  let message;
  try {
    message = JSON.parse(frame.text);
  } catch {
    return { name: frame.cut ? "large frame" : "not JSON", summary: (frame.text ?? "").slice(0, 160), trouble: !frame.cut };
  }
  if (message?.kind === "call") return ofCall(message);
  const type = String(message?.type ?? "").split(".").at(-1);
  if (message?.kind === "req") {
    const key = `${frame.socket} ${message.id}`;
    requests.set(key, type);
    if (requests.size > mostOpenRequests) requests.delete(requests.keys().next().value);
    return { name: type, summary: ofRequest(type, message.body), trouble: false, alive: type === "GetClock" };
  }
  if (message?.kind === "resp") {
    const key = `${frame.socket} ${message.reqId}`;
    const asked = requests.get(key);
    requests.delete(key);
    const refused = Number(message.code) >= 400;
    const words = refused ? short(message.body) : message.body?.sequence !== undefined ? `sequence ${message.body.sequence}` : "";
    return { name: `${message.code ?? "answer"} ${asked ?? type}`, summary: words, trouble: refused, alive: asked === "GetClock" && !refused };
  }
  return { name: type || "frame", summary: ofNotification(type, message?.body), trouble: false };
}

/** A call of live chat, with its answer. Polls that bring nothing new count as signs of life. */
function ofCall({ call, status, body, answer }) {
  const failed = !(status >= 200 && status < 300);
  const events = [answer?.events?.event ?? answer?.chat?.events?.event ?? []].flat();
  const rings = Number(answer?.incomingRequests?.ringingCount ?? 0);
  const news = failed ? short(answer?.error?.message ?? answer?.transfer?.errormsg ?? "no answer")
    : call === "ring" ? (rings > 0 ? `${rings} ringing` : "")
      : events.length > 0 ? events.map((event) => (event.text !== undefined ? `“${wordsOf(String(event.text)).slice(0, 60)}”` : event.state ?? "")).slice(-2).join(", ")
        : body?.event?.text !== undefined ? short(wordsOf(String(body.event.text)))
          : short(body?.event?.state ?? body?.agentTyping ?? body?.availability?.chat ?? body?.transfer?.text ?? body?.transfer ?? "");
  const polls = ["ring", "events", "chats", "chat", "availability", "chatInfo"];
  return { name: `${status ?? "no answer"} ${call}`, summary: news, trouble: failed, alive: polls.includes(call) && !failed && news === "" };
}

function ofRequest(type, body = {}) {
  if (type === "PublishEvent") return `${ofEvent(body.event)}${body.messageAudience ? " (private)" : ""}`;
  if (type === "SetAgentState") return short(body.availability ?? "");
  if (type === "UpdateRingState") return short(body.ringState ?? "");
  if (type === "UpdateConversationField") return [body.conversationField].flat().map((one) => [one?.field, one?.type, one?.skill ?? one?.conversationState ?? one?.role].filter(Boolean).join(" ")).join(", ");
  if (type === "QueryMessages") return `newer than ${body.newerThanSequence ?? 0}`;
  return Object.keys(body ?? {}).length > 0 ? short(body) : "";
}

function ofNotification(type, body = {}) {
  if (type === "OnlineEventDistribution") return `${body.originatorMetadata?.role ?? ""} ${ofEvent(body.event)}`.trim();
  const changes = [body?.changes].flat().filter(Boolean);
  if (changes.length === 0 && Array.isArray(body?.changes)) return "nothing yet";
  const words = changes.map(({ type: what, result }) => {
    const rings = [result?.ringsDetails].flat().filter(Boolean).map((ring) => ring.ringState).join(" ");
    const details = result?.conversationDetails;
    return [what, rings, details?.state, result?.availability].filter(Boolean).join(" ");
  });
  return [...new Set(words)].slice(0, 4).join(", ") + (words.length > 1 ? ` (${words.length})` : "");
}

function ofEvent(event = {}) {
  if (event.type === "ChatStateEvent") return `${event.chatState}`;
  if (event.type === "AcceptStatusEvent") return `${event.status} ${[event.sequenceList].flat().join(", ")}`;
  if (event.type === "RichContentEvent") return "structured content";
  if (event.type === "ContentEvent") return typeof event.message === "string" ? `“${event.message.slice(0, 120)}”` : "file";
  return event.type ?? "";
}

function short(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

// Live chat for a page that knows conversations: a chat is shown as one, and what is done in it is told in the words of chat.

const ends = { agent: "AGENT", visitor: "CONSUMER", visitorGone: "GONE", timeout: "SILENCE", sessionLost: "LOST", reset: "SYSTEM" };

/** A chat in the shape of a conversation; `agents` are all that the simulator has told of. */
export function asConversation(chat, agents) {
  const visitor = `visitor ${chat.visitor.id}`;
  const byLogin = agents.find((one) => one.loginName === chat.agent);
  const agent = byLogin?.id ?? chat.agent;
  const over = chat.state === "ended";
  const word = over ? "CLOSE" : "OPEN";
  const typing = { [visitor]: chat.visitor.typing === "typing" ? "COMPOSING" : "ACTIVE" };
  if (agent) typing[agent] = chat.agentTyping === "typing" ? "COMPOSING" : "ACTIVE";
  const person = (id, name, role) => ({ id, name, role, state: "ACTIVE" });
  return {
    kind: "chat",
    id: chat.id,
    account: chat.account,
    skill: chat.skill,
    skillName: chat.skillName,
    state: word,
    stage: word,
    closeReason: ends[chat.end],
    started: chat.started,
    ended: chat.ended,
    waitsSince: chat.state === "waiting" ? chat.events.at(-1)?.time ?? chat.started : undefined,
    consumer: { id: visitor, firstName: chat.visitor.name, lastName: "", authenticated: Boolean(chat.visitor.participantId), present: true },
    participants: [person(visitor, chat.visitor.name, "CONSUMER"), ...(chat.agent ? [person(agent, chat.agentName, "ASSIGNED_AGENT")] : [])],
    assigned: chat.agent,
    typing,
    unread: {},
    transfers: [],
    dialogs: [{ id: chat.id, type: "MAIN", channel: "CHAT", state: word, events: chat.events.flatMap((event) => entry(event, visitor, agents)) }],
  };
}

/** The path and the body of an act in a conversation, in the words of chat; `null` for what chat does not know. */
export function inChat(path, body) {
  const [, id, who, what] = path.split("/");
  const { agent, text } = body;
  const typing = body.state === "COMPOSING";
  const acts = {
    consumer: {
      say: ["say", { text }],
      click: ["click", { event: body.sequence, button: body.button }],
      typing: ["typing", { typing }],
      leave: ["leave", {}],
      close: ["end", {}],
    },
    agent: {
      take: ["take", { agent }],
      say: ["say", { agent, text }],
      note: ["note", { agent, text }],
      typing: ["typing", { agent, typing }],
      transfer: ["transfer", { agent, skill: body.skill, text: body.reason }],
      close: ["end", { agent }],
    },
  };
  const found = acts[who]?.[what];
  return found ? [`chats/${id}/${who === "consumer" ? "visitor" : who}/${found[0]}`, found[1]] : null;
}

const entities = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'", nbsp: "\u00a0" };

/** The words of a line of html. It is read as text only: no element is made of it, so that nothing in it runs or loads. */
export function wordsOf(html) {
  return html
    .replace(/<(script|style|template|iframe)\b[\s\S]*?(<\/\1\s*>|$)/gi, "")
    .replace(/<br\b[^>]*>|<\/(div|p|li|ul|ol)\s*>/gi, "\n")
    .replace(/<li\b[^>]*>/gi, "• ")
    .replace(/<a\b[^>]*\bhref\s*=\s*(["'])(https?:.*?)\1[^>]*>([\s\S]*?)<\/a\s*>/gi, (_, __, address, words) => (words === address ? words : `${words} (${address})`))
    .replace(/<\/?[a-z][^>]*>/gi, "")
    .replace(/&(?:#(\d+)|#x([\da-f]+)|([a-z]+));/gi, (whole, decimal, hex, name) => {
      if (name) return entities[name.toLowerCase()] ?? whole;
      const point = decimal ? Number(decimal) : parseInt(hex, 16);
      return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    })
    .trim();
}

function entry(event, visitor, agents) {
  if (event.type !== "line") return [];
  const role = { visitor: "CONSUMER", agent: "ASSIGNED_AGENT", system: "SYSTEM" }[event.source];
  const byName = agents.find((one) => one.name === event.by);
  const text = event.textType === "html" ? wordsOf(event.text) : event.text;
  const said = event.source === "system" ? { type: "SystemLine", message: text }
    : event.json ? { type: "RichContentEvent", content: event.json }
      : { type: "ContentEvent", contentType: "text/plain", message: text };
  return [{
    sequence: event.id,
    time: event.time,
    from: event.source === "visitor" ? visitor : byName?.id ?? event.by,
    name: event.by,
    role,
    audience: event.subType === "ONLY_TO_REP" ? "AGENTS_AND_MANAGERS" : "ALL",
    event: said,
    metadata: [],
    receipts: null,
  }];
}

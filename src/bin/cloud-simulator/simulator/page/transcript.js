// One conversation as a list of entries: as the consumer sees it, or as agents do.

import { card } from "./card.js";
import { appendText, clock, h, icon, initials } from "./dom.js";

/** Content that the consumer may see. */
export const isPublic = (entry) => isContent(entry) && entry.audience !== "AGENTS_AND_MANAGERS";

/** A text, a file or structured content. */
export const isContent = (entry) => entry.event.type === "ContentEvent" || entry.event.type === "RichContentEvent";

/** All events of a conversation, dialog after dialog. */
export function allEvents(conversation) {
  return conversation.dialogs.flatMap((dialog) => dialog.events.map((entry) => ({ ...entry, dialog: dialog.id, survey: dialog.type === "POST_SURVEY" })));
}

/**
 * The entries of the transcript for `keep`. `side` is "consumer" or "agent", `agents` are all agents by id,
 * `press(entry)` gives the handlers of a card or nothing, `pictures` holds pictures sent from this page by entry key.
 */
export function transcript(conversation, { side, agents, press, pictures, skills }) {
  const seen = allEvents(conversation).filter((entry) => entry.event.type === "SystemLine" || (side === "consumer" ? isPublic : isContent)(entry));
  const shown = seen.map((entry) => ({ ...entry, mine: isMine(entry, side), mark: markOf(entry, agents), human: agents.get(entry.from)?.human ?? true }));
  const items = [];
  let survey = false;
  let transfers = side === "agent" ? [...conversation.transfers] : [];
  const passTransfers = (until) => {
    while (transfers.length > 0 && transfers[0].time < until) items.push(transferItem(transfers.shift(), items.length, agents, skills));
  };
  shown.forEach((entry, at) => {
    passTransfers(entry.time);
    if (entry.survey && !survey) items.push(lineItem("survey", "Survey"));
    survey ||= entry.survey;
    if (entry.event.type === "SystemLine") return items.push(lineItem(`${entry.dialog} ${entry.sequence}`, entry.event.message));
    const next = shown[at + 1];
    const together = (one, other) => one && other && one.from === other.from && one.audience === other.audience && Math.abs(one.time - other.time) < 90_000
      && !(side === "agent" && conversation.transfers.some((transfer) => transfer.time >= one.time && transfer.time < other.time));
    const first = !together(shown[at - 1], entry);
    const last = !together(entry, next) || next.mark !== entry.mark;
    items.push(messageItem(entry, { first, last, side, press: press?.(entry), picture: pictures?.get(entryKey(conversation, entry)) }));
  });
  passTransfers(Infinity);
  if (conversation.state !== "OPEN") items.push(lineItem("end", closing(conversation)));
  return items;
}

/** Names a message of a conversation. */
export const entryKey = (conversation, entry) => `${conversation.id} ${entry.dialog} ${entry.sequence}`;

/** What may have gone wrong or right with a conversation, in words. */
export function closing(conversation) {
  const why = { CONSUMER: "by the consumer", AGENT: "by the agent", SYSTEM: "by the system", TIMEOUT: "after a time-out",
    GONE: "because the visitor has gone", SILENCE: "because the agent was silent", LOST: "because the agent was lost" };
  return `Closed ${why[conversation.closeReason] ?? ""}`.trim() + (conversation.stage === "OPEN" ? ", survey open" : "");
}

/** The name of whoever has this id. */
export function nameOf(conversation, id, agents) {
  return agents.get(id)?.name ?? conversation.participants.find((one) => one.id === id)?.name
    ?? `${conversation.consumer.firstName} ${conversation.consumer.lastName}`.trim();
}

/** Who types now, of those that still take part; `from` is "CONSUMER" or "AGENTS". */
export function typists(conversation, from, agents) {
  if (conversation.stage !== "OPEN") return [];
  return conversation.participants
    .filter((one) => one.state === "ACTIVE" && (one.role === "CONSUMER") === (from === "CONSUMER") && conversation.typing[one.id] === "COMPOSING")
    .map((one) => nameOf(conversation, one.id, agents));
}

/** How many messages the consumer has not read, under whatever id: a log-in changes it. */
export function unreadByConsumer(conversation, agents) {
  if (conversation.kind === "chat") return 0;
  const read = (entry) => Object.entries(entry.receipts ?? {}).some(([reader, statuses]) => !agents.has(reader) && statuses.includes("READ"));
  return allEvents(conversation).filter((entry) => isPublic(entry) && entry.role !== "CONSUMER" && !read(entry)).length;
}

/** A short line about the last message. */
export function lastWords(conversation) {
  const last = allEvents(conversation).filter(isContent).at(-1);
  if (!last) return "";
  const { message } = last.event;
  return typeof message === "string" ? message : message?.caption ?? (last.event.type === "RichContentEvent" ? "structured content" : "file");
}

function isMine(entry, side) {
  return (entry.role === "CONSUMER") === (side === "consumer");
}

function markOf(entry, agents) {
  if (!entry.receipts) return "";
  const byConsumer = entry.role === "CONSUMER";
  const others = Object.entries(entry.receipts ?? {}).filter(([reader]) => reader !== entry.from && agents.has(reader) === byConsumer);
  const has = (status) => others.some(([, statuses]) => statuses.includes(status));
  return has("READ") ? "Read" : has("ACCEPT") ? "Delivered" : "Sent";
}

function lineItem(key, text) {
  return { key, look: text, make: () => h("li", { class: "line" }, h("span", { text })) };
}

function transferItem(transfer, at, agents, skills) {
  const by = agents.get(transfer.by)?.name ?? transfer.by;
  const skill = (id) => skills.get(id) ?? id;
  const to = transfer.toAgent ? [...agents.values()].find((one) => one.loginName === transfer.toAgent || one.id === transfer.toAgent)?.name ?? transfer.toAgent : null;
  const reason = (transfer.metadata ?? []).find((one) => one.type === "ActionReason");
  const others = (transfer.metadata ?? []).filter((one) => one !== reason);
  const back = transfer.fromSkill === transfer.toSkill && !to;
  const what = back ? ` put it back into the queue of ${skill(transfer.toSkill)}` : ` handed over to ${to ?? skill(transfer.toSkill)}`;
  return {
    key: `transfer ${transfer.time} ${at}`,
    look: "",
    make: () => h("li", { class: "transfer" },
      icon("transfer"),
      h("div", {},
        h("p", {}, h("strong", { text: by }), what, " ", h("time", { text: clock(transfer.time) })),
        reason ? h("p", { class: "reason" }, "Reason: ", h("code", { text: reason.reason ?? reason.reasonId ?? "" })) : h("p", { class: "faint", text: "No reason given" }),
        others.length > 0 ? metadataOf(others) : null)),
  };
}

function messageItem(entry, { first, last, side, press, picture }) {
  const key = `${entry.dialog} ${entry.sequence}`;
  const note = entry.audience === "AGENTS_AND_MANAGERS";
  const mark = entry.mine && last && !note ? entry.mark : "";
  const look = [entry.mine, first, last, mark, Boolean(press?.press), Boolean(picture)].join();
  const kind = note ? "note" : entry.role === "CONSUMER" ? "from-consumer" : entry.human ? "from-human" : "from-bot";
  const make = () => h("li", { class: `message ${entry.mine ? "mine" : "theirs"} ${kind}${first ? " first" : ""}${last ? " last" : ""}`, data: { sequence: entry.sequence } },
    first && !entry.mine ? h("span", { class: "avatar", text: initials(entry.name), "aria-hidden": "true" }) : null,
    first && (side === "agent" || !entry.mine) ? h("p", { class: "author" }, entry.name, note ? h("span", { class: "private" }, icon("lock"), "private note") : null) : null,
    h("div", { class: "bubble" }, ...content(entry, press, picture)),
    side === "agent" && entry.metadata?.length > 0 ? metadataOf(entry.metadata) : null,
    last ? h("p", { class: "meta" }, h("time", { text: clock(entry.time), title: new Date(entry.time).toLocaleString() }), mark ? h("span", { class: `mark ${mark.toLowerCase()}`, text: mark }) : null) : null);
  return { key, look, make };
}

function content(entry, press, picture) {
  const { event } = entry;
  if (event.type === "RichContentEvent") return [card(event, press ?? {})];
  if (typeof event.message === "string") return [appendText(h("p", { class: "text" }), event.message)];
  return [file(event, picture)];
}

function file(event, picture) {
  const { caption, fileType, preview, relativePath } = event.message ?? {};
  const shown = [picture, preview].find((one) => /^data:image\/(png|jpeg|gif|webp);base64,/i.test(one ?? ""));
  const name = caption || String(relativePath ?? "file").split("/").at(-1);
  return h("figure", { class: "file" },
    shown ? h("img", { src: shown, alt: name }) : null,
    h("figcaption", {}, shown ? null : icon("file"), h("span", { text: name }), h("small", { text: fileType ?? event.contentType ?? "" })));
}

function metadataOf(metadata) {
  const names = [...new Set(metadata.map((one) => one?.type ?? "metadata"))].join(", ");
  return h("details", { class: "metadata" }, h("summary", { text: names }), h("pre", { text: JSON.stringify(metadata, null, 2) }));
}

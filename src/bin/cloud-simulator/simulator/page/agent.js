// The human agent's side: who waits, who is being served, one transcript, and what a human can do about it.

import { $, clock, complain, follow, h, initials, keep, say, show, visible } from "./dom.js";
import { allEvents, closing, entryKey, isContent, lastWords, transcript, typists } from "./transcript.js";
import { typing } from "./typing.js";

const mostRows = 60;

/** Wires the desk. Arguments as for the consumer's window. */
export function agentDesk({ state, ui, act, choose }) {
  const scroll = follow($("agent-scroll"), $("agent-newest"));
  const on = (id, event, listener) => $(id).addEventListener(event, listener);
  const chosen = () => state.conversations.get(ui.chosen);
  const drafts = new Map();
  const typed = typing((conversation, chatState) => act(`conversations/${conversation}/agent/typing`, { agent: ui.human, state: chatState }).catch(() => {}));
  let drawn;
  let readUpTo = "";
  let choices = "";
  /** The conversation that was taken over just now: its text field gets the focus as soon as it is there. */
  let taken;

  on("human", "change", () => {
    ui.human = $("human").value;
    ui.changed();
  });
  on("take", "click", take);
  on("hand-back", "click", () => agentAct("transfer", { skill: $("hand-skill").value, reason: "handed_back_by_agent" }));
  on("agent-close", "click", () => agentAct("close"));
  on("note", "change", () => {
    ui.changed();
    $("agent-text").focus();
  });
  on("agent-form", "submit", (event) => {
    event.preventDefault();
    send();
  });
  on("agent-text", "keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  on("agent-text", "input", () => {
    if (ui.chosen && !$("note").checked) typed.input(ui.chosen, $("agent-text").value);
  });

  return { render, opened };

  function opened(before) {
    drafts.set(before, $("agent-text").value);
    $("agent-text").value = drafts.get(ui.chosen) ?? "";
    drafts.delete(ui.chosen);
  }

  function render(agents, skills) {
    const human = renderHumans();
    renderDesk(human, skills);
    const conversation = chosen();
    show($("agent-empty"), !conversation);
    show($("agent-scroll"), Boolean(conversation));
    show($("agent-person"), Boolean(conversation));
    if (!conversation) {
      for (const id of ["agent-form", "agent-hint", "agent-newest"]) show($(id), false);
      drawn = undefined;
      return;
    }
    renderActions(conversation, human, skills);
    keep($("agent-log"), transcript(conversation, { side: "agent", agents, skills, pictures: ui.pictures }).map((item) => ({ ...item, key: `${conversation.id} ${item.key}` })));
    const who = typists(conversation, "CONSUMER", agents).concat(typists(conversation, "AGENTS", agents.size ? withoutHuman(agents, human) : agents));
    show($("agent-typing"), who.length > 0);
    say($("agent-typing").querySelector(".who"), who.length > 0 ? `${who.join(" and ")} is typing…` : "");
    if (drawn !== ui.chosen) {
      scroll.toEnd();
      $("desk").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
    } else scroll.grown();
    drawn = ui.chosen;
    markRead(conversation, human);
  }

  /** Who acts: the first human agent, unless people chose another. */
  function renderHumans() {
    const humans = state.agents.filter((agent) => agent.human);
    const look = JSON.stringify(humans.map((agent) => [agent.loginName, agent.name]));
    if (look !== choices) {
      choices = look;
      $("human").replaceChildren(...humans.map((agent) => h("option", { value: agent.loginName, text: agent.name })));
      ui.human = humans.some((agent) => agent.loginName === ui.human) ? ui.human : humans[0]?.loginName;
      if (ui.human) $("human").value = ui.human;
    }
    show($("human"), humans.length > 1);
    return humans.find((agent) => agent.loginName === ui.human);
  }

  function renderDesk(human, skills) {
    const since = new Map(state.queue.map((one) => [one.conversation, one.since]));
    for (const one of state.conversations.values()) if (one.waitsSince) since.set(one.id, one.waitsSince);
    const groups = [["Waiting for a human", "urgent"], ["Yours", "yours"], ["Waiting for a bot", ""], ["With a bot or a colleague", ""], ["Closed", "over"]].map(([title, look]) => ({ title, look, rows: [] }));
    for (const one of state.conversations.values()) {
      const mine = human?.skills.includes(one.skill);
      const at = one.state !== "OPEN" ? 4 : one.assigned === ui.human ? 1 : one.assigned ? 3 : since.has(one.id) && !mine ? 2 : 0;
      groups[at].rows.push(one);
    }
    for (const { rows } of [groups[0], groups[2]]) rows.sort((a, b) => (since.get(a.id) ?? 0) - (since.get(b.id) ?? 0));
    for (const { rows } of [groups[1], groups[3], groups[4]]) rows.reverse();
    const items = [];
    for (const { title, look, rows } of groups) {
      if (rows.length === 0) continue;
      items.push({ key: title, look: rows.length, make: () => h("p", { class: `group ${look}` }, title, h("span", { class: "count", text: rows.length })) });
      items.push(...rows.slice(0, mostRows).map((one) => row(one, since.get(one.id), skills, look)));
    }
    if (items.length === 0) items.push({ key: "nobody", look: "", make: () => h("p", { class: "nobody", text: "Nobody waits." }) });
    keep($("desk"), items);
    const waiting = groups[0].rows.length;
    show($("tab-agent"), waiting > 0);
    say($("tab-agent"), String(waiting));
  }

  function row(one, since, skills, group) {
    const name = `${one.consumer.firstName} ${one.consumer.lastName}`.trim();
    const words = lastWords(one).slice(0, 120);
    const is = one.id === ui.chosen;
    const where = one.state !== "OPEN" ? closing(one) : since ? `since ${clock(since)} · ${skills.get(one.skill) ?? one.skill}` : nameOfAssigned(one);
    return {
      key: one.id,
      look: [name, words, is, where, group].join("|"),
      make: () => h("button", { type: "button", class: `row ${group}`, "aria-pressed": String(is), data: { focus: one.id }, on: { click: () => choose(one.id) } },
        h("span", { class: "avatar", text: initials(name), "aria-hidden": "true" }),
        h("span", { class: "row-text" }, h("strong", { text: name }), h("span", { class: "words", text: words || "has not said anything" })),
        h("small", { text: where })),
    };
  }

  function renderActions(conversation, human, skills) {
    const open = conversation.state === "OPEN";
    const mine = open && conversation.assigned === ui.human;
    const waits = open && !conversation.assigned;
    const withOther = open && conversation.assigned && !mine;
    say($("agent-name"), `${conversation.consumer.firstName} ${conversation.consumer.lastName}`.trim());
    say($("agent-status"), !open ? closing(conversation) : waits ? `waits for ${skills.get(conversation.skill) ?? "someone"}` : mine ? "with you" : `with ${nameOfAssigned(conversation)}`);
    // A chat that somebody has is that agent's until it is transferred.
    show($("take"), Boolean(human) && (waits || (Boolean(withOther) && conversation.kind !== "chat")));
    say($("take"), withOther ? "Take over from the bot" : "Take over");
    $("take").classList.toggle("primary", waits);
    const others = handBackSkills(human);
    const look = JSON.stringify([others, [...skills]]);
    if ($("hand-skill").look !== look) {
      $("hand-skill").look = look;
      $("hand-skill").replaceChildren(...others.map((id) => h("option", { value: id, text: skills.get(id) ?? id })));
    }
    show($("hand"), mine && others.length > 0);
    show($("hand-skill"), others.length > 1);
    say($("hand-back"), others.length > 1 ? "Hand back" : `Hand back to ${skills.get(others[0]) ?? "the bot"}`);
    show($("agent-close"), mine);
    show($("agent-form"), mine);
    if (mine && taken === conversation.id) {
      taken = undefined;
      $("agent-text").focus();
    }
    $("agent-form").classList.toggle("private", $("note").checked);
    $("agent-text").placeholder = $("note").checked ? "A note that only agents and managers see…" : `Answer as ${human?.name ?? "the human agent"}…`;
    show($("agent-hint"), open && !mine);
    if (open && !mine) say($("agent-hint"), !human ? "This world has no human agent." : waits ? "Take it over to answer." : "You are only looking on.");
  }

  /** Skills that bots serve. */
  function handBackSkills(human) {
    const account = state.accounts.find((one) => one.id === human?.account);
    const served = new Set(state.agents.filter((agent) => !agent.human).flatMap((agent) => agent.skills));
    return (account?.skills ?? []).map((skill) => skill.id).filter((id) => served.has(id) && !human.skills.includes(id));
  }

  function nameOfAssigned(conversation) {
    return state.agents.find((agent) => agent.loginName === conversation.assigned)?.name ?? conversation.assigned ?? "nobody";
  }

  function markRead(conversation, human) {
    if (!human || conversation.assigned !== ui.human || conversation.state !== "OPEN" || !visible($("agent-log"))) return;
    const newest = allEvents(conversation).filter((entry) => isContent(entry) && entry.from !== human.id).at(-1);
    const key = newest ? `${ui.human} ${entryKey(conversation, newest)}` : "";
    if (key === "" || key === readUpTo || !(conversation.unread?.[human.id] > 0)) return;
    readUpTo = key;
    act(`conversations/${conversation.id}/agent/read`, { agent: ui.human }).catch(() => {});
  }

  async function take() {
    const waits = !chosen()?.assigned;
    const id = ui.chosen;
    taken = id;
    try {
      if (waits) await act(`conversations/${id}/agent/take`, { agent: ui.human });
      else await act(`conversations/${id}/assign`, { agent: ui.human });
    } catch (error) {
      complain(error.message);
    }
  }

  async function send() {
    const text = $("agent-text").value.trim();
    if (!text) return;
    const note = $("note").checked;
    $("agent-text").value = "";
    $("note").checked = false;
    ui.changed();
    if (!note) typed.sent();
    scroll.toEnd();
    if (await agentAct(note ? "note" : "say", { text })) return;
    if ($("agent-text").value === "") $("agent-text").value = text;
  }

  /** Whether it could be done. */
  function agentAct(what, body = {}) {
    return act(`conversations/${ui.chosen}/agent/${what}`, { agent: ui.human, ...body }).then(() => true, (error) => {
      complain(error.message);
      return false;
    });
  }
}

function withoutHuman(agents, human) {
  return human ? new Map([...agents].filter(([id]) => id !== human.id)) : agents;
}

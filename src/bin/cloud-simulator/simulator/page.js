// The simulator's page: opens the stream, draws after every change, and lets the three panels do the rest.

import { agentDesk } from "./page/agent.js";
import { consumerWindow } from "./page/consumer.js";
import { $, complain, forget, h, keep, safeLink, say, show } from "./page/dom.js";
import { framesPanel } from "./page/frames.js";
import { openStore } from "./page/store.js";

const demoHealth = "http://127.0.0.1:8790/";
const mostChips = 8;

/** What only this page knows: the chosen conversation (`null` is a new one), and as which human people act,
 * the pictures that were sent from here. */
const ui = { chosen: null, human: undefined, pictures: new Map(), changed: later };
const frames = framesPanel();
let known = false;
let due = false;

const { state, act } = openStore({
  changed: later,
  framed: frames.take,
  missed: frames.missed,
  connected(yes) {
    show($("offline"), !yes);
    document.body.classList.toggle("lost", !yes);
    if (yes) frames.resumed(state.now);
  },
});
const consumer = consumerWindow({ state, ui, act, choose });
const agent = agentDesk({ state, ui, act, choose });

wireBar();
wireTabs();

/** Chooses a conversation for both sides; `null` is a new one. */
function choose(id) {
  if (ui.chosen === id) return;
  const before = ui.chosen;
  ui.chosen = id;
  consumer.opened(before);
  agent.opened(before);
  later();
}

/** Draws soon, once for however many changes. */
function later() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

function draw() {
  if (!known && state.now > 0) {
    known = true;
    const open = [...state.conversations.values()].filter((one) => one.stage === "OPEN").at(-1);
    if (open && ui.chosen === null) ui.chosen = open.id;
  }
  if (ui.chosen !== null && known && !state.conversations.has(ui.chosen)) choose(null);
  const agents = new Map(state.agents.map((one) => [one.id, one]));
  const skills = new Map(state.accounts.flatMap((account) => account.skills.map((skill) => [skill.id, skill.name || skill.id])));
  drawBar(skills);
  consumer.render(agents);
  agent.render(agents, skills);
}

function drawBar(skills) {
  const order = (one) => (one.loggedIn || one.assigned > 0 ? 0 : 1);
  const sorted = [...state.agents].sort((a, b) => order(a) - order(b));
  const items = sorted.slice(0, mostChips).map((one) => {
    // Who is not there for messaging may be there for live chat.
    const chats = one.chat?.session && one.availability === "OFFLINE";
    const availability = (chats ? one.chat.availability : one.availability).toLowerCase().replaceAll("_", " ");
    const count = one.assigned + (one.chat?.chats ?? 0);
    const load = count > 0 || !one.human ? `${count}/${one.capacity}` : "";
    const title = `${one.loginName} (${one.human ? "human" : "bot"}), ${availability}, ${one.assigned} of ${one.capacity} conversations, ${one.chat?.chats ?? 0} chats, ${one.sockets} sockets\n${one.skills.map((id) => skills.get(id) ?? id).join(", ")}\nuser ${one.userId}, public id ${one.pid}`;
    return {
      key: one.id,
      look: title,
      make: () => h("li", { class: `chip is-${availability.replaceAll(" ", "_")}${one.loggedIn ? "" : " out"}`, title },
        h("span", { class: "dot", "aria-hidden": "true" }), h("span", { text: one.name }),
        h("small", { text: one.loggedIn ? `${chats ? "chat " : ""}${availability}${load ? ` · ${load}` : ""}` : one.human ? load || "human" : "logged out" })),
    };
  });
  if (sorted.length > mostChips) items.push({ key: "more", look: sorted.length, make: () => h("li", { class: "chip", text: `${sorted.length - mostChips} more` }) });
  keep($("agents"), items);
  const sockets = state.sockets.length;
  say($("sockets"), sockets === 1 ? "1 socket" : `${sockets} sockets`);
  show($("bot"), Boolean(state.bot));
  for (const input of $("bot").querySelectorAll("input")) input.checked = input.value === state.bot?.mode;
  const health = safeLink(state.links?.health ?? state.bot?.health ?? (state.bot ? demoHealth : ""));
  show($("health"), Boolean(health));
  if (health) $("health").href = health;
}

function wireBar() {
  $("bot").addEventListener("change", (event) => act("bot", { mode: event.target.value }).catch((error) => {
    complain(error.message);
    later();
  }));
  $("reset").addEventListener("click", () => {
    if (state.conversations.size > 0 && !confirm("Forget all conversations and faults? Agents stay logged in.")) return;
    act("reset").catch((error) => complain(error.message));
  });
}

function wireTabs() {
  const tabs = [...document.querySelectorAll(".tabs button")];
  const turn = (name) => {
    document.body.dataset.tab = name;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    later();
  };
  for (const tab of tabs) tab.addEventListener("click", () => turn(tab.dataset.tab));
  document.addEventListener("visibilitychange", later);
  // Cards choose their colours by the scheme.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const id of ["consumer-log", "agent-log", "quick"]) forget($(id));
    later();
  });
}

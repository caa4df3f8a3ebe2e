// The consumer's messaging window.

import { quickReplies } from "./card.js";
import { $, complain, follow, h, initials, keep, say, show, visible } from "./dom.js";
import { sampleCard, samplePicture, typeOfFile } from "./samples.js";
import { allEvents, closing, entryKey, isPublic, lastWords, transcript, typists, unreadByConsumer } from "./transcript.js";
import { typing } from "./typing.js";

const names = ["Ada", "Ben", "Chloe", "Dev", "Elif", "Finn", "Grace", "Hugo", "Ines", "Jonas", "Kaia", "Liam", "Mara", "Noor", "Omar", "Pia"];
const mostPills = 40;
const mostFile = 3 * 1024 * 1024;

/** Wires the window. `ui` is the page's own state, `act` acts in the simulated world, `choose(id)` selects a conversation. */
export function consumerWindow({ state, ui, act, choose }) {
  const scroll = follow($("consumer-scroll"), $("consumer-newest"));
  const pressed = new Set();
  const drafts = new Map();
  const on = (id, event, listener) => $(id).addEventListener(event, listener);
  const chosen = () => state.conversations.get(ui.chosen);
  const consumerAct = (what, body) => act(`conversations/${ui.chosen}/consumer/${what}`, body).catch((error) => complain(error.message));
  const typed = typing((conversation, chatState) => act(`conversations/${conversation}/consumer/typing`, { state: chatState }).catch(() => {}));
  let readUpTo = "";
  let drawn;
  let skillsDrawn = "";
  let kindChosen = false;

  on("new", "click", () => {
    choose(null);
    $("consumer-text").focus();
  });
  on("start-silent", "click", () => start({}));
  on("kind", "change", () => {
    kindChosen = true;
    ui.changed();
    $("consumer-text").focus();
  });
  on("step-up", "click", () => consumerAct("step-up"));
  on("leave", "click", () => consumerAct(chosen()?.consumer.present ? "leave" : "return"));
  on("consumer-close", "click", () => consumerAct("close"));
  on("consumer-form", "submit", (event) => {
    event.preventDefault();
    send();
  });
  on("consumer-text", "keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  on("consumer-text", "input", () => ui.chosen && typed.input(ui.chosen, $("consumer-text").value));
  wireAttachments();

  return { render, opened };

  /** Another conversation was chosen: keeps the unsent text of the one before. */
  function opened(before) {
    drafts.set(before, $("consumer-text").value);
    $("consumer-text").value = drafts.get(ui.chosen) ?? "";
    drafts.delete(ui.chosen);
  }

  function render(agents) {
    const conversation = chosen();
    renderPills(agents);
    show($("welcome"), !conversation);
    show($("person"), Boolean(conversation));
    show($("consumer-scroll"), Boolean(conversation));
    if (!conversation) {
      show($("consumer-away"), false);
      show($("consumer-newest"), false);
      enable(true);
      renderWelcome();
      show($("attach").closest(".menu"), $("kind").value !== "chat");
      return;
    }
    const open = conversation.stage === "OPEN";
    renderPerson(conversation, open);
    keep($("consumer-log"), transcript(conversation, { side: "consumer", agents, press: (entry) => pressOf(conversation, entry, open), pictures: ui.pictures, skills: new Map() })
      .map((item) => ({ ...item, key: `${conversation.id} ${item.key}` })));
    const who = typists(conversation, "AGENTS", agents);
    show($("consumer-typing"), who.length > 0);
    say($("consumer-typing").querySelector(".who"), who.length > 0 ? `${who.join(" and ")} is typing…` : "");
    renderQuickReplies(conversation, open);
    enable(open && conversation.consumer.present);
    show($("attach").closest(".menu"), conversation.kind !== "chat");
    renderNotice(conversation, open);
    if (drawn !== ui.chosen) {
      scroll.toEnd();
      $("pills").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else scroll.grown();
    drawn = ui.chosen;
    markRead(conversation, open, agents);
  }

  function renderPills(agents) {
    const latest = [...state.conversations.values()].slice(-mostPills).reverse();
    show($("switch"), latest.length > 0);
    $("new").setAttribute("aria-pressed", String(!chosen()));
    let all = 0;
    keep($("pills"), latest.map((one) => {
      const name = one.consumer.firstName || "Consumer";
      const unread = one.stage === "OPEN" ? unreadByConsumer(one, agents) : 0;
      all += unread;
      const words = lastWords(one).slice(0, 60);
      const is = one.id === ui.chosen;
      return {
        key: one.id,
        look: [name, unread, is, one.stage, words].join("|"),
        make: () => h("button", { type: "button", class: `pill${one.stage === "OPEN" ? "" : " over"}`, "aria-pressed": String(is), title: words, data: { focus: one.id }, on: { click: () => choose(one.id) } },
          h("span", { text: name }), one.kind === "chat" ? h("small", { text: "chat" }) : null, unread > 0 ? h("span", { class: "count", text: unread, title: "unread" }) : null),
      };
    }));
    show($("tab-consumer"), all > 0);
    say($("tab-consumer"), String(all));
  }

  /** Until somebody chooses: live chat, if that is all the bot agents are there for. */
  function suggestKind() {
    if (kindChosen) return;
    const bots = state.agents.filter((agent) => !agent.human);
    const onlyChat = bots.some((agent) => agent.chat) && !bots.some((agent) => agent.sockets > 0);
    $("kind").value = onlyChat ? "chat" : "messaging";
  }

  function renderWelcome() {
    suggestKind();
    const skills = (state.accounts[0]?.skills ?? []).map((skill) => [skill.id, skill.name]);
    const look = JSON.stringify(skills);
    if (look !== skillsDrawn) {
      skillsDrawn = look;
      $("skill").replaceChildren(...skills.map(([id, name]) => h("option", { value: id, text: name })));
    }
    const ideas = state.bot ? ["Hello", "card", "tiles", "agent"] : ["Hello", "I need some help"];
    keep($("ideas"), ideas.map((text) => ({ key: text, look: "", make: () => h("button", { type: "button", class: "idea", text, on: { click: () => start({ text }) } }) })));
  }

  function renderPerson({ kind, consumer, participants, assigned }, open) {
    const name = `${consumer.firstName} ${consumer.lastName}`.trim();
    const partner = participants.find((one) => one.role === "ASSIGNED_AGENT" && one.state === "ACTIVE");
    say($("person-avatar"), initials(name));
    say($("person-name"), name);
    const status = `${kind === "chat" ? "live chat · " : ""}${consumer.authenticated ? "logged in" : "guest"} · ${!open ? "closed" : partner ? `talking to ${partner.name ?? assigned}` : "waiting for someone"}`;
    say($("person-status"), status);
    $("person-status").title = status;
    show($("step-up"), open && kind !== "chat" && !consumer.authenticated);
    show($("leave"), open);
    say($("leave"), consumer.present ? "Leave" : "Return");
    $("leave").title = kind === "chat" ? "Goes without a word; the chat ends" : "Puts the window into the background";
    show($("consumer-close"), open);
  }

  function renderNotice(conversation, open) {
    const { consumer } = conversation;
    const text = !open ? `${closing(conversation)}.` : consumer.present ? "" : `${consumer.firstName} has left the window and reads nothing until the return.`;
    const look = `${open}${text}`;
    show($("consumer-away"), text !== "");
    if ($("consumer-away").look === look) return;
    $("consumer-away").look = look;
    const again = open ? h("button", { type: "button", class: "quiet", text: "Return", on: { click: () => consumerAct("return") } })
      : h("button", { type: "button", class: "quiet", text: "Write again", on: { click: () => $("new").click() } });
    $("consumer-away").replaceChildren(h("span", { text }), again);
  }

  function renderQuickReplies(conversation, open) {
    const last = allEvents(conversation).filter(isPublic).at(-1);
    const wanted = open && last?.event.quickReplies && last.role !== "CONSUMER" && !pressed.has(entryKey(conversation, last)) && !answered(conversation, last);
    show($("quick"), Boolean(wanted));
    if (!wanted) return keep($("quick"), []);
    const look = entryKey(conversation, last);
    const once = (element, number) => {
      pressed.add(look);
      show($("quick"), false);
      press(last, element, number).catch(() => {
        pressed.delete(look);
        ui.changed();
      });
      $("consumer-text").focus();
    };
    const row = last.event.quickReplies.itemsPerRow;
    keep($("quick"), [{ key: "replies", look, make: () => {
      const node = h("div", { class: "replies" }, ...quickReplies(last.event, once));
      if (row >= 1 && row < 4) node.style.setProperty("--row", row);
      node.classList.toggle("rows", row >= 1 && row < 4);
      return node;
    } }]);
  }

  /** Whether a quick reply of this message was used already. */
  function answered(conversation, entry) {
    return allEvents(conversation).some((other) => other.dialog === entry.dialog && other.role === "CONSUMER" && other.event.status === "ACTION" && other.event.sequenceList?.includes(entry.sequence));
  }

  function pressOf(conversation, entry, open) {
    if (!open || entry.mine) return undefined;
    return {
      press: (element, number) => press(entry, element, number).catch(() => {}),
      submit: (text, metadata) => consumerAct("say", { text, metadata }),
    };
  }

  function press(entry, element, number) {
    return act(`conversations/${ui.chosen}/consumer/click`, { sequence: entry.sequence, button: number ?? element.title }).catch((error) => {
      complain(error.message);
      throw error;
    });
  }

  /** The window shows everything, so everything counts as read while people can see it. */
  function markRead(conversation, open, agents) {
    if (!open || !conversation.consumer.present || !visible($("consumer-log"))) return;
    const newest = allEvents(conversation).filter((entry) => isPublic(entry) && entry.role !== "CONSUMER").at(-1);
    const key = newest ? entryKey(conversation, newest) : "";
    if (key === "" || key === readUpTo || unreadByConsumer(conversation, agents) === 0) return;
    readUpTo = key;
    act(`conversations/${conversation.id}/consumer/read`).catch(() => {});
  }

  async function send() {
    const text = $("consumer-text").value.trim();
    if (!text) return;
    const place = ui.chosen;
    $("consumer-text").value = "";
    typed.sent();
    scroll.toEnd();
    try {
      if (chosen()) await act(`conversations/${place}/consumer/say`, { text });
      else await begin({ text });
    } catch (error) {
      complain(error.message);
      if (ui.chosen === place && $("consumer-text").value === "") $("consumer-text").value = text;
    }
  }

  function start(what) {
    begin(what).catch((error) => complain(error.message));
    $("consumer-text").focus();
  }

  async function begin(what) {
    const firstName = names[state.conversations.size % names.length];
    const chat = $("kind").value === "chat";
    const body = chat ? { visitor: { name: firstName }, lines: what.text ? [what.text] : [] } : { ...what, consumer: { firstName, lastName: "Example" } };
    if ($("skill").value) body.skill = $("skill").value;
    const { conversation } = await act(chat ? "chats" : "conversations", body);
    choose(conversation.id);
  }

  function enable(yes) {
    for (const id of ["consumer-text", "attach"]) $(id).disabled = !yes;
    $("consumer-form").querySelector("[type=submit]").disabled = !yes;
  }

  function wireAttachments() {
    const open = (yes) => {
      show($("attach-menu"), yes);
      $("attach").setAttribute("aria-expanded", String(yes));
    };
    on("attach", "click", () => open($("attach-menu").hidden));
    document.addEventListener("click", (event) => event.target.closest(".menu") ?? open(false));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || $("attach-menu").hidden) return;
      open(false);
      $("attach").focus();
    });
    on("attach-menu", "click", async (event) => {
      const what = event.target.dataset.send;
      open(false);
      if (what === "file") return $("file").click();
      try {
        if (!chosen()) await begin({});
        if (what === "picture") await sendPicture("Sample picture", "PNG", samplePicture());
        else if (what === "rich") await act(`conversations/${ui.chosen}/consumer/rich`, { content: sampleCard });
      } catch (error) {
        complain(error.message);
      }
      $("consumer-text").focus();
    });
    on("file", "change", async () => {
      const [given] = $("file").files;
      $("file").value = "";
      if (!given) return;
      if (given.size > mostFile) return complain(`${given.name} is larger than 3 MB, which is the most that the service takes`);
      try {
        if (!chosen()) await begin({});
        await sendPicture(given.name, typeOfFile(given), await asDataUrl(given));
      } catch (error) {
        complain(error.message);
      }
    });
  }

  async function sendPicture(caption, fileType, dataUrl) {
    const id = ui.chosen;
    const { sequence } = await act(`conversations/${id}/consumer/file`, { caption, fileType, base64: dataUrl.slice(dataUrl.indexOf(",") + 1) });
    const dialog = state.conversations.get(id)?.dialogs.find((one) => one.state === "OPEN")?.id;
    ui.pictures.set(entryKey({ id }, { dialog, sequence }), dataUrl);
    ui.changed();
  }
}

function asDataUrl(given) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(new Error(`${given.name} could not be read`));
    reader.readAsDataURL(given);
  });
}

// Drives the simulator's web page in headless Chromium.
//
// With all other tests, or alone: cargo test --test browser. While working on the page:
//
//   npm ci --prefix tests/browser
//   cargo build --bin cloud-simulator && node --test tests/browser/page.test.mjs
//
// CLOUD_SIMULATOR names another binary, CHROMIUM another browser. Without playwright-core, a browser or the binary the tests are skipped and say so.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { connectBot, connectChatBot, startSimulator, tools } from "./harness.mjs";

const { missing, chromium, executablePath } = await tools();

describe("the simulator's page", { skip: missing }, () => {
  let simulator;
  let browser;
  let page;
  /** What the page's console and scripts complained about. */
  let complaints;

  before(async () => {
    simulator = await startSimulator();
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
  });

  after(async () => {
    await browser?.close();
    await simulator?.stop();
  });

  beforeEach(async (context) => {
    await simulator.post("reset");
    await page?.context().close();
    page = await open();
    context.after(() => assert.deepEqual(complaints, [], "the console stayed silent"));
  });

  async function open(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
    const opened = await context.newPage();
    opened.setDefaultTimeout(10_000);
    complaints = [];
    opened.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    opened.on("pageerror", (error) => complaints.push(String(error)));
    await opened.goto(simulator.address);
    await opened.locator("#agents li").first().waitFor();
    return opened;
  }

  const consumerSays = async (text) => {
    await page.getByLabel("Message of the consumer").fill(text);
    await page.keyboard.press("Enter");
  };
  const agentSays = async (text) => {
    await page.getByLabel("Message of the human agent").fill(text);
    await page.keyboard.press("Enter");
  };
  const inConsumerWindow = (text) => page.locator("#consumer-log .bubble", { hasText: text });
  const onAgentSide = (text) => page.locator("#agent-log .bubble", { hasText: text });
  const message = (log, text) => page.locator(`${log} .message`, { hasText: text });
  const onlyConversation = async () => (await simulator.state()).conversations.at(-1);
  /** A human agent has taken a conversation that began with "hello". */
  const withHuman = async () => {
    await consumerSays("hello");
    await page.getByRole("button", { name: "Take over" }).click();
    await page.getByLabel("Message of the human agent").waitFor();
  };

  test("a first text starts a conversation, which the human side sees in its queue", async () => {
    await page.getByRole("heading", { name: "Type below as the consumer" }).waitFor();
    await consumerSays("hello\nworld");
    await inConsumerWindow("hello").waitFor();
    await onAgentSide("hello").waitFor();
    await page.locator("#desk .row", { hasText: "hello" }).waitFor();
    await message("#consumer-log", "hello").locator(".mark", { hasText: "Sent" }).waitFor();
    assert.equal((await onlyConversation()).dialogs[0].events[0].event.message, "hello\nworld");
  });

  test("Shift and Enter make a new line instead of sending", async () => {
    await page.getByLabel("Message of the consumer").fill("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await page.keyboard.press("Enter");
    await inConsumerWindow("one").waitFor();
    assert.equal((await onlyConversation()).dialogs[0].events[0].event.message, "one\ntwo");
  });

  test("a human takes over without any bot, answers, and both sides see what was read", async () => {
    await withHuman();
    await message("#consumer-log", "hello").locator(".mark", { hasText: "Read" }).waitFor();
    await agentSays("This is Hannah");
    await inConsumerWindow("This is Hannah").waitFor();
    await message("#agent-log", "This is Hannah").locator(".mark", { hasText: "Read" }).waitFor();
    await page.locator("#person-status", { hasText: "talking to Hannah" }).waitFor();
  });

  test("typing is shown on the other side until the message comes", async () => {
    await withHuman();
    await page.getByLabel("Message of the consumer").pressSequentially("I wonder");
    await page.locator("#agent-typing", { hasText: "Ada Example is typing" }).waitFor();
    await page.keyboard.press("Enter");
    await onAgentSide("I wonder").waitFor();
    await page.locator("#agent-typing").waitFor({ state: "hidden" });
    await page.getByLabel("Message of the human agent").pressSequentially("Let me see");
    await page.locator("#consumer-typing", { hasText: "Hannah is typing" }).waitFor();
    await page.getByLabel("Message of the human agent").fill("");
    await page.locator("#consumer-typing").waitFor({ state: "hidden" });
  });

  test("hostile text is shown as text, everywhere", async () => {
    const hostile = `<img src=x onerror="document.title='stolen'">`;
    await simulator.post("conversations", { text: hostile, consumer: { firstName: "<b>Eve</b>", lastName: hostile } });
    await page.locator("#pills button").click();
    await inConsumerWindow(hostile).waitFor();
    await onAgentSide(hostile).waitFor();
    await page.locator("#person-name", { hasText: "<b>Eve</b>" }).waitFor();
    assert.equal(await page.locator("img, b").count(), 0);
    assert.doesNotMatch(await page.title(), /stolen/);
  });

  test("web addresses in a text become safe links, others do not", async () => {
    await consumerSays("see https://example.com/a?b=(c). not javascript:alert(1)");
    const link = inConsumerWindow("see https").locator("a");
    await link.waitFor();
    assert.equal(await link.count(), 1);
    assert.deepEqual(await link.evaluate((a) => [a.href, a.target, a.rel]), ["https://example.com/a?b=(c", "_blank", "noopener noreferrer"]);
  });

  test("a private note reaches agents only, and looks like one", async () => {
    await withHuman();
    await page.getByLabel("Note", { exact: true }).check();
    await agentSays("careful with this one");
    await message("#agent-log", "careful with this one").locator(".private").waitFor();
    await agentSays("How can I help?");
    await inConsumerWindow("How can I help?").waitFor();
    assert.equal(await inConsumerWindow("careful with this one").count(), 0);
    const events = (await onlyConversation()).dialogs[0].events.filter((one) => one.event.message);
    assert.deepEqual(events.map((one) => one.audience), ["ALL", "AGENTS_AND_MANAGERS", "ALL"]);
  });

  test("a card is drawn, and pressing its button sends the text with its metadata", async () => {
    await withHuman();
    await publishCard({
      type: "vertical",
      elements: [
        { type: "text", text: "Pick a plan", tooltip: "plans", style: { bold: true, size: "large" } },
        { type: "button", title: "Unlimited", click: { actions: [{ type: "publishText", text: "I take Unlimited" }], metadata: [{ type: "ExternalId", id: "plan-unlimited" }] } },
        { type: "button", title: "Web site", click: { actions: [{ type: "link", name: "site", uri: "https://www.example.com" }] } },
        { type: "button", title: "Trap", click: { actions: [{ type: "link", name: "trap", uri: "javascript:alert(1)" }] } },
      ],
    });
    const card = page.locator("#consumer-log .card");
    await card.locator(".text.bold.large", { hasText: "Pick a plan" }).waitFor();
    assert.deepEqual(await card.getByRole("link", { name: "Web site" }).evaluate((a) => [a.href, a.target, a.rel]), ["https://www.example.com/", "_blank", "noopener noreferrer"]);
    assert.equal(await card.getByRole("button", { name: "Trap" }).isDisabled(), true);
    await card.getByRole("button", { name: "Unlimited" }).click();
    await onAgentSide("I take Unlimited").waitFor();
    await simulator.until((state) => state.conversations.at(-1).dialogs[0].events.some((one) => one.event.status === "ACTION"));
    const said = (await onlyConversation()).dialogs[0].events.find((one) => one.event.message === "I take Unlimited");
    assert.deepEqual(said.metadata, [{ type: "ExternalId", id: "plan-unlimited" }]);
  });

  test("every kind of structured content has a face", async () => {
    await withHuman();
    const tile = (name) => ({ type: "vertical", elements: [{ type: "text", text: name }, { type: "button", title: `Take ${name}`, click: { actions: [{ type: "publishText", text: `I take ${name}` }] } }] });
    await publishCard({ type: "carousel", elements: [tile("red"), tile("blue"), tile("green")] });
    const carousel = page.locator("#consumer-log .carousel");
    await carousel.waitFor();
    assert.equal(await carousel.locator("li").count(), 3);
    assert.match(await carousel.locator(".track").evaluate((track) => getComputedStyle(track).scrollSnapType), /x/);
    await carousel.getByRole("button", { name: "Next card" }).click();
    await carousel.getByRole("button", { name: "Take blue" }).click();
    await onAgentSide("I take blue").waitFor();

    await publishCard({ type: "horizontal", elements: [{ type: "text", text: "left" }, { type: "map", la: 52.37, lo: 4.89 }] });
    await page.locator("#consumer-log .horizontal .map", { hasText: "52.37000, 4.89000" }).waitFor();

    await publishCard({ type: "tabs", elements: [{ type: "vertical", tag: "First", elements: [{ type: "text", text: "one" }] }, { type: "vertical", tag: "Second", elements: [{ type: "text", text: "two" }] }] });
    await page.locator("#consumer-log summary", { hasText: "Second" }).click();
    await page.locator("#consumer-log .folds .text", { hasText: "two" }).waitFor();

    const box = (text) => ({ type: "checkbox", text, click: { actions: [{ type: "checked", publishText: text }], metadata: [{ type: "ExternalId", id: text }] } });
    await publishCard({
      type: "list",
      elements: [
        { type: "text", text: "Which fruits?" },
        { type: "sectionList", elements: [{ type: "section", sectionID: "fruits", elements: [{ type: "checklist", elements: [box("apple"), box("pear"), box("plum")] }] }] },
        { type: "buttonList", elements: [{ type: "submitButton", title: "Send", click: { actions: [{ type: "submitAsText", submit: true }] } }] },
      ],
    });
    const list = page.locator("#consumer-log .checklists");
    await list.getByLabel("apple").check();
    await list.getByLabel("plum").check();
    await list.getByRole("button", { name: "Send" }).click();
    await onAgentSide("apple, plum").waitFor();
    const said = (await onlyConversation()).dialogs[0].events.find((one) => one.event.message === "apple, plum");
    assert.deepEqual(said.metadata.map((one) => one.id), ["apple", "plum"]);
  });

  test("quick replies send their text and vanish, and another message makes them vanish too", async () => {
    await withHuman();
    const reply = (title) => ({ type: "button", title, click: { actions: [{ type: "publishText", text: `${title}, please` }], metadata: [{ type: "ExternalId", id: title }] } });
    const quickReplies = { type: "quickReplies", itemsPerRow: 8, replies: [reply("Yes"), reply("No")] };
    await publishCard({ type: "text", text: "Shall I book it?" }, quickReplies);
    const quick = page.locator("#quick");
    await quick.getByRole("button", { name: "Yes" }).click();
    await quick.waitFor({ state: "hidden" });
    await onAgentSide("Yes, please").waitFor();

    await publishCard({ type: "text", text: "And a taxi?" }, quickReplies);
    await quick.getByRole("button", { name: "No" }).waitFor();
    await agentSays("Never mind");
    await inConsumerWindow("Never mind").waitFor();
    await quick.waitFor({ state: "hidden" });
  });

  test("the consumer sends a picture, a file and structured content", async () => {
    await withHuman();
    const send = async (what) => {
      await page.getByRole("button", { name: "Send something else" }).click();
      await page.getByRole("button", { name: what }).click();
    };
    await send("A sample picture");
    await page.locator("#agent-log .file img").waitFor();
    await send("Structured content");
    await page.locator("#agent-log .card", { hasText: "My order" }).waitFor();
    await page.locator("#file").setInputFiles({ name: "invoice.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 little") });
    await page.locator("#agent-log .file", { hasText: "invoice.pdf" }).locator("small", { hasText: "PDF" }).waitFor();
    const kinds = (await onlyConversation()).dialogs[0].events.filter((one) => one.role === "CONSUMER").map((one) => one.event.contentType ?? one.event.type);
    assert.deepEqual(kinds.filter((kind) => kind !== "AcceptStatusEvent"), ["text/plain", "hosted/file", "RichContentEvent", "hosted/file"]);
  });

  test("the consumer logs in, leaves, returns and closes", async () => {
    await withHuman();
    const guest = (await onlyConversation()).consumer.id;
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator("#person-status", { hasText: "logged in" }).waitFor();
    assert.notEqual((await onlyConversation()).consumer.id, guest);
    await page.locator("#leave", { hasText: "Leave" }).click();
    await page.locator("#consumer-away", { hasText: "has left" }).waitFor();
    await agentSays("Are you there?");
    await message("#agent-log", "Are you there?").locator(".mark", { hasText: "Sent" }).waitFor();
    await page.locator("#leave", { hasText: "Return" }).click();
    await message("#agent-log", "Are you there?").locator(".mark", { hasText: "Read" }).waitFor();
    await page.locator("#consumer-close").click();
    await page.locator("#consumer-away", { hasText: "Closed by the consumer" }).waitFor();
    assert.equal(await page.getByLabel("Message of the consumer").isDisabled(), true);
    await page.getByRole("button", { name: "Write again" }).click();
    await page.getByRole("heading", { name: "Type below as the consumer" }).waitFor();
  });

  test("several conversations are kept apart, each with its unsent text", async () => {
    await consumerSays("first here");
    await inConsumerWindow("first here").waitFor();
    await page.getByLabel("Message of the consumer").fill("unsent");
    await page.getByRole("button", { name: "New conversation" }).click();
    await consumerSays("second here");
    await inConsumerWindow("second here").waitFor();
    assert.equal(await inConsumerWindow("first here").count(), 0);
    await page.locator("#pills button").last().click();
    await inConsumerWindow("first here").waitFor();
    assert.equal(await inConsumerWindow("second here").count(), 0);
    assert.equal(await page.getByLabel("Message of the consumer").inputValue(), "unsent");
    await page.locator("#desk .row", { hasText: "second here" }).click();
    await onAgentSide("second here").waitFor();
  });

  test("a bot's answer, its private note, its reason and the frames of it all are shown; the human hands back", async () => {
    const bot = await connectBot(await browser.newPage(), simulator.address);
    await page.locator(".chip.is-online", { hasText: "Support Bot" }).waitFor();
    await page.locator("#sockets", { hasText: "1 socket" }).waitFor();
    await consumerSays("I want a human");
    const dialog = await bot.assigned();
    await page.locator("#person-status", { hasText: "talking to Support Bot" }).waitFor();
    await bot.publish(dialog, { type: "ChatStateEvent", chatState: "COMPOSING" });
    await page.locator("#consumer-typing", { hasText: "Support Bot is typing" }).waitFor();
    await bot.publish(dialog, { type: "ContentEvent", contentType: "text/plain", message: "A colleague comes." });
    await bot.publish(dialog, { type: "ContentEvent", contentType: "text/plain", message: "Asked for a human." }, { messageAudience: "AGENTS_AND_MANAGERS" });
    await bot.escalate(dialog, "4129463410", "escalated_by_bot");
    await page.locator("#desk .group.urgent", { hasText: "Waiting for a human" }).waitFor();
    await page.locator("#agent-log .transfer", { hasText: "Support Bot handed over to Human" }).locator("code", { hasText: "escalated_by_bot" }).waitFor();
    await page.locator("#agent-log .note", { hasText: "Asked for a human." }).waitFor();
    assert.equal(await inConsumerWindow("Asked for a human.").count(), 0);

    const frame = page.locator("#frames-list .frame.received", { hasText: "“A colleague comes.”" });
    await frame.locator("summary").click();
    await frame.locator("pre", { hasText: `"message": "A colleague comes."` }).waitFor();
    await page.locator("#frames-list .frame.sent", { hasText: "200 PublishEvent" }).first().waitFor();
    await page.getByLabel("Filter frames").fill("updateconversationfield");
    await page.locator("#frames-list .frame.received", { hasText: "UpdateConversationField" }).waitFor();
    assert.equal(await page.locator("#frames-list .frame", { hasText: "PublishEvent" }).count(), 0);
    await page.getByLabel("Filter frames").fill("");

    await page.getByRole("button", { name: "Take over" }).click();
    await agentSays("I am Hannah, and give you back.");
    await page.getByRole("button", { name: "Hand back to Bot" }).click();
    await bot.assigned();
    await page.locator("#agent-log .transfer", { hasText: "Hannah handed over to Bot" }).waitFor();
    await page.locator("#agent-hint", { hasText: "only looking on" }).waitFor();
    await page.getByRole("button", { name: "Take over from the bot" }).click();
    await page.getByLabel("Message of the human agent").waitFor();
    await page.locator("#agent-close").click();
    await page.locator("#consumer-away", { hasText: "Closed by the agent" }).waitFor();
    await bot.leave();
    await page.locator("#frames-list .frame", { hasText: "socket closed" }).waitFor();
  });

  test("a visitor holds a live chat: typing, html, cards, a transfer to a human, the end", async () => {
    const bot = await connectChatBot(simulator.address);
    const onlyChat = async () => (await simulator.state()).chats.at(-1);
    await page.locator(".chip.is-online", { hasText: "Support Bot 2" }).waitFor();
    // Nobody is there for messaging, so the page proposes live chat; what is chosen then, stays.
    const by = page.getByLabel("By", { exact: true });
    await page.waitForFunction(() => document.getElementById("kind").value === "chat");
    await by.selectOption("messaging");
    await by.selectOption("live chat");
    await consumerSays("hello");
    const chat = await bot.accepts();
    await page.locator("#person-status", { hasText: "live chat · guest · talking to Support Bot 2" }).waitFor();
    await page.locator("#consumer-log .line", { hasText: "Support Bot 2 has joined." }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Send something else" }).isVisible(), false);

    await bot.types(chat, "typing");
    await page.locator("#consumer-typing", { hasText: "Support Bot 2 is typing" }).waitFor();
    await bot.says(chat, { textType: "html", text: `<div dir='ltr'>One &amp; &#116;wo<br/>three &lt;4 <img src=x onerror="document.title='stolen'"><script>document.title='stolen'</script></div>` });
    await inConsumerWindow("One & two\nthree <4").waitFor();
    assert.equal(await page.locator("#consumer-log .bubble img, #consumer-log .bubble script").count(), 0);
    assert.equal(await page.title(), "Conversational Cloud, simulated");
    await bot.types(chat, "not-typing");
    await page.locator("#consumer-typing").waitFor({ state: "hidden" });

    const button = (title) => ({ type: "button", title, click: { actions: [{ type: "publishText", text: `to ${title}` }] } });
    await bot.says(chat, { textType: "rich-content", text: "Where to?", json: { type: "vertical", elements: [{ type: "text", text: "Where to?" }, button("Paris"), button("Rome")] } });
    await page.locator("#consumer-log .card").getByRole("button", { name: "Rome" }).click();
    await inConsumerWindow("to Rome").waitFor();
    await bot.says(chat, { text: "Intent: travel", subType: "ONLY_TO_REP" });
    await page.locator("#agent-log .note", { hasText: "Intent: travel" }).waitFor();
    assert.equal(await inConsumerWindow("Intent: travel").count(), 0);
    await page.getByLabel("Message of the consumer").pressSequentially("I wond");
    await page.locator("#agent-typing", { hasText: "is typing" }).waitFor();

    await bot.transfers(chat, "4129463410", "Asked for a human.");
    await page.locator("#desk .group.urgent", { hasText: "Waiting for a human" }).waitFor();
    await page.locator("#consumer-log .line", { hasText: "transferred to Human" }).waitFor();
    await page.locator("#frames-list .frame", { hasText: "200 transfer" }).waitFor();
    await page.getByRole("button", { name: "Take over" }).click();
    await agentSays("This is Hannah");
    await inConsumerWindow("This is Hannah").waitFor();
    await page.locator("#agent-close").click();
    await page.locator("#consumer-away", { hasText: "Closed by the agent" }).waitFor();
    assert.equal((await onlyChat()).end, "agent");
    await bot.leave();
  });

  test("frames can be paused and cleared, and no more than 500 are kept", async () => {
    const bot = await connectBot(await browser.newPage(), simulator.address);
    const rows = page.locator("#frames-list .frame");
    await page.getByLabel("hide keep-alive").uncheck();
    await bot.ask(1);
    await rows.last().locator("strong", { hasText: "200 GetClock" }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    const shown = await rows.count();
    await bot.ask(20);
    await page.getByRole("button", { name: /Resume \(40\)/ }).waitFor();
    assert.equal(await rows.count(), shown);
    await page.getByRole("button", { name: /Resume/ }).click();
    await page.waitForFunction((count) => document.querySelectorAll("#frames-list .frame").length === count, shown + 40);
    await bot.ask(300);
    await page.waitForFunction(() => document.querySelectorAll("#frames-list .frame").length === 500);
    await page.getByLabel("hide keep-alive").check();
    await page.waitForFunction(() => document.querySelectorAll("#frames-list .frame").length < 500);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("heading", { name: "Silence on the wire" }).waitFor();
    await bot.leave();
  });

  test("hundreds of messages stay smooth: what is drawn is not drawn again", async () => {
    const { conversation } = await simulator.post("conversations", { text: "first" });
    await page.locator("#pills button").click();
    for (let number = 1; number < 300; number += 1) await simulator.post(`conversations/${conversation.id}/consumer/say`, { text: `message ${number}` });
    await inConsumerWindow("message 299").waitFor();
    assert.equal(await page.locator("#consumer-log .message").count(), 300);
    await page.evaluate(() => {
      window.redrawn = 0;
      new MutationObserver((changes) => {
        window.redrawn += changes.reduce((sum, change) => sum + change.addedNodes.length, 0);
      }).observe(document.getElementById("consumer-log"), { childList: true });
    });
    await consumerSays("the last one");
    await inConsumerWindow("the last one").waitFor();
    assert.ok(await page.evaluate(() => window.redrawn) <= 3, "only the new message, and the one before it, are made");
    await page.waitForFunction(() => {
      const scroller = document.getElementById("consumer-scroll");
      return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
    });
  });

  test("in the demo the bot's mode is shown and changed, and the connector's health is one click away", async () => {
    const demo = { ...(await simulator.state()), bot: { mode: "answering", connections: 1, events: 3, replies: 3 } };
    let told;
    const changed = new Promise((done) => (told = done));
    await page.route("**/simulator/stream", (route) => route.fulfill({ contentType: "text/event-stream", body: `event: state\ndata: ${JSON.stringify(demo)}\n\n` }));
    await page.route("**/simulator/state", (route) => route.fulfill({ json: demo }));
    await page.route("**/simulator/bot", (route) => {
      told(route.request().postDataJSON());
      return route.fulfill({ json: {} });
    });
    await page.reload();
    const modes = page.getByRole("group", { name: "Demo bot" });
    await modes.waitFor();
    assert.equal(await modes.getByLabel("Answering").isChecked(), true);
    assert.equal(await page.getByRole("link", { name: "health" }).getAttribute("href"), "http://127.0.0.1:8790/");
    await modes.getByLabel("Silent").click();
    assert.deepEqual(await changed, { mode: "silent" });
  });

  test("a refusal of the simulator is told to people", async (context) => {
    await withHuman();
    await simulator.post(`conversations/${(await onlyConversation()).id}/close`, { reason: "SYSTEM" });
    await page.evaluate(() => document.getElementById("hand-back").click());
    await page.getByRole("alert").locator(".toast").waitFor();
    // The browser reports the refused call by itself.
    assert.match(complaints.splice(0).join(), /400/);
    context.diagnostic("the console names the refused call");
  });

  test("on a narrow screen three tabs show one side each, and nothing sticks out", async () => {
    await page.context().close();
    page = await open({ viewport: { width: 390, height: 844 } });
    await consumerSays("hello from a phone");
    await inConsumerWindow("hello from a phone").waitFor();
    assert.equal(await page.locator("#agent").isVisible(), false);
    await page.getByRole("button", { name: "Human agent" }).click();
    await onAgentSide("hello from a phone").waitFor();
    assert.equal(await page.locator("#consumer").isVisible(), false);
    await page.getByRole("button", { name: "Wire" }).click();
    await page.getByRole("heading", { name: "Wire", exact: true }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  });

  test("everything can be done by keyboard, and every control has a name", async () => {
    await consumerSays("hello");
    await page.locator("#take").waitFor();
    await page.locator("#take").focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "agent-text");
    await page.keyboard.type("by keyboard");
    await page.keyboard.press("Enter");
    await inConsumerWindow("by keyboard").waitFor();
    const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, textarea, select, a")]
      .filter((control) => control.getClientRects().length > 0)
      .filter((control) => !(control.textContent.trim() || control.ariaLabel || control.labels?.length))
      .map((control) => control.outerHTML));
    assert.deepEqual(nameless, []);
  });

  test("when the simulator goes the page says so, and catches up when it is back", async () => {
    await consumerSays("before");
    await inConsumerWindow("before").waitFor();
    await simulator.stop();
    await page.locator("#offline").waitFor();
    simulator = await startSimulator(simulator.port);
    await simulator.post("conversations", { text: "after the restart" });
    await page.locator("#offline").waitFor({ state: "hidden" });
    await page.locator("#pills button").click();
    await inConsumerWindow("after the restart").waitFor();
    assert.equal(await inConsumerWindow("before").count(), 0);
    // Refused connections are what this test is about.
    complaints = complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(text));
  });

  async function publishCard(content, quickReplies) {
    const { id } = await onlyConversation();
    return simulator.post(`conversations/${id}/agent/structured`, quickReplies ? { content, quickReplies } : { content });
  }
});

// What the page's test needs around it: the browser's driver, a simulator of its own, and bot agents on the wires of messaging and live chat.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const binary = process.env.CLOUD_SIMULATOR ?? fileURLToPath(new URL("../../target/debug/cloud-simulator", import.meta.url));
const account = "12345678";
const patience = 10_000;

/** The browser's driver, and what is missing to use it (`false` if nothing is). */
export async function tools() {
  const browsers = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].filter(Boolean);
  const executablePath = browsers.find((path) => existsSync(path));
  const driver = await import("playwright-core").catch(() => null);
  const missing = !driver ? "playwright-core is missing: npm ci --prefix tests/browser"
    : !executablePath ? "no Chromium was found: install it, or name it in CHROMIUM"
      : !existsSync(binary) ? `${binary} is missing: cargo build --bin cloud-simulator`
        : false;
  return { missing, chromium: driver?.chromium, executablePath };
}

/** A simulator in its own process, ready when this returns; on a free port, unless one is given. */
export async function startSimulator(wanted = 0) {
  const child = spawn(binary, ["serve", "--listen", `127.0.0.1:${wanted}`], { stdio: ["ignore", "pipe", "inherit"] });
  let asked = false;
  const ended = new Promise((done) => child.once("exit", (code, signal) => {
    if (!asked) console.error(`${binary} ended by itself: ${signal ?? `exit code ${code}`}`);
    done(code ?? signal);
  }));
  const line = await Promise.race([
    new Promise((done) => child.stdout.once("data", (data) => done(String(data)))),
    ended.then((code) => Promise.reject(new Error(`${binary} ended with ${code} before it was ready`))),
  ]);
  const address = line.trim().split(" ").at(-1);
  const call = async (method, path, body) => {
    const answer = await fetch(`${address}/simulator/${path}`, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    const parsed = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${parsed.error}`);
    return parsed;
  };
  const state = () => call("GET", "state");
  return {
    address,
    port: Number(new URL(address).port),
    post: (path, body = {}) => call("POST", path, body),
    state,
    /** Waits until the state is as wanted. */
    async until(wanted) {
      for (const end = Date.now() + patience; Date.now() < end;) if (wanted(await state())) return;
      throw new Error(`the state did not become as wanted: ${wanted}`);
    },
    async stop() {
      asked = true;
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Logs `support-bot` in from a tab of its own, which has the WebSocket that this Node may lack; accepts every ring. */
export async function connectBot(tab, address) {
  await tab.goto(`${address}/simulator/counts`);
  await tab.evaluate(async (site) => {
    const credentials = { username: "support-bot", appKey: "support-bot-key", secret: "support-bot-secret", accessToken: "support-bot-token", accessTokenSecret: "support-bot-token-secret" };
    const login = await fetch(`/api/account/${site}/login?v=1.3`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(credentials) });
    const { bearer, config } = await login.json();
    const socket = new WebSocket(`ws://${location.host}/ws_api/account/${site}/messaging/brand/${bearer}?v=2.1`);
    await new Promise((done, failed) => Object.assign(socket, { onopen: done, onerror: failed }));
    const me = `${site}.${config.userId}`;
    const answers = new Map();
    const given = [];
    let wanted;
    let last = 0;
    const ask = (type, body, more = {}) => new Promise((done, failed) => {
      const id = String(last += 1);
      answers.set(id, (answer) => (answer.code < 300 ? done(answer.body) : failed(new Error(`${type}: ${answer.code} ${JSON.stringify(answer.body)}`))));
      socket.send(JSON.stringify({ kind: "req", id, type, body, ...more }));
    });
    let mine = new Set();
    const taken = (change) => {
      const { convId, conversationDetails: details } = change.result;
      const is = change.type === "UPSERT" && details.participants.ASSIGNED_AGENT?.includes(me);
      if (is && !mine.has(convId)) {
        given.push(convId);
        wanted?.();
      }
      if (is) mine.add(convId);
      else mine.delete(convId);
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.kind === "resp") return answers.get(String(frame.reqId))?.(frame);
      const changes = frame.body.changes ?? [];
      if (frame.type.endsWith("RoutingTaskNotification")) {
        const rings = changes.flatMap((change) => change.result.ringsDetails ?? []).filter((ring) => ring.ringState === "WAITING");
        for (const { ringId } of rings) ask(".ams.routing.UpdateRingState", { ringId, ringState: "ACCEPTED" });
      } else if (frame.type.endsWith("ExConversationChangeNotification")) changes.forEach(taken);
    };
    window.bot = {
      ask,
      leave: () => new Promise((done) => {
        socket.onclose = done;
        socket.close(1000);
      }),
      async assigned() {
        if (given.length === 0) await new Promise((done) => (wanted = done));
        return given.shift();
      },
      me,
    };
    await ask(".ams.routing.SetAgentState", { channels: ["MESSAGING"], availability: "ONLINE", agentUserId: me });
    await ask(".ams.aam.SubscribeExConversations", { agentIds: [me], convState: ["OPEN"] });
    await ask(".ams.routing.SubscribeRoutingTasks", { channelType: "MESSAGING", agentId: me, brandId: site });
  }, account);
  return {
    /** The id of the next conversation that becomes the bot's. */
    assigned: () => tab.evaluate(() => window.bot.assigned()),
    publish: (dialogId, event, more = {}) => tab.evaluate((body) => window.bot.ask(".ams.ms.PublishEvent", body), { dialogId, event, ...more }),
    escalate: (conversationId, skill, reason) => tab.evaluate(([id, to, why]) => window.bot.ask(".ams.cm.UpdateConversationField", {
      conversationId: id,
      conversationField: [
        { field: "ParticipantsChange", type: "REMOVE", role: "ASSIGNED_AGENT", userId: window.bot.me },
        { field: "Skill", type: "UPDATE", skill: to },
      ],
    }, { metadata: [{ type: "ActionReason", reason: why }] }), [conversationId, skill, reason]),
    /** Asks for the time so many times. */
    ask: (times) => tab.evaluate((count) => Promise.all(Array.from({ length: count }, () => window.bot.ask(".GetClock", {}))), times),
    async leave() {
      await tab.evaluate(() => window.bot.leave());
      await tab.close();
    },
  };
}

/** Logs `support-bot-2` in for live chat and goes Online. */
export async function connectChatBot(address) {
  const name = "support-bot-2";
  const call = async (method, path, body, headers = {}) => {
    const answer = await fetch(path.startsWith("http") ? path : `${address}/api/account/${account}/${path}`, {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  };
  const { bearer } = await call("POST", "login?v=1.3", { username: name, password: `${name}-password` });
  const authorized = { Authorization: `Bearer ${bearer}` };
  const put = { ...authorized, "X-HTTP-Method-Override": "PUT" };
  const started = await call("POST", "agentSession?v=1&NC=true", { loginData: "" }, authorized);
  const session = started.agentSessionLocation.link["@href"];
  await call("POST", `${session}/availability`, { availability: { chat: "Online" } }, put);
  return {
    /** Accepts the next chat, as soon as one rings; its address. */
    async accepts() {
      for (const end = Date.now() + patience; Date.now() < end;) {
        const { incomingRequests } = await call("GET", `${session}/incomingRequests`, undefined, authorized);
        if (Number(incomingRequests.ringingCount) > 0) {
          const accepted = await call("POST", incomingRequests.link["@href"], {}, authorized);
          return accepted.chatLocation.link["@href"];
        }
      }
      throw new Error("no chat rang");
    },
    says: (chat, event) => call("POST", `${chat}/events`, { event: { "@type": "line", ...event } }, authorized),
    types: (chat, agentTyping) => call("POST", `${chat}/info/agentTyping`, { agentTyping }, put),
    transfers: (chat, skill, text) => call("POST", `${chat}/transfer`, { transfer: { skill: { id: skill }, text } }, authorized),
    leave: () => call("POST", session, {}, { ...authorized, "X-HTTP-Method-Override": "DELETE" }),
  };
}

#!/usr/bin/env node
// A WebSocket bot for connectord. Needs nothing but Node.js 18 or later: the second half of this file is a small
// WebSocket server (RFC 6455), which a real bot would take from a library such as `ws`.
//
//   PORT=8081 node bot.mjs
//
// PORT             where to listen, 8081; 0 takes any free port
// BOT_TOKEN        if set, connections must carry it ([bot] token)
// TRANSFER_SKILL   the skill that humans are in; left out, the connector's fallback skill is used

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { PORT = "8081", BOT_TOKEN, TRANSFER_SKILL } = process.env;

// --- the bot ---

// The same event may come again (a resend, a reconnect, a restart): then the same answer is given again.
const answered = new Map();

function onFrame(frame, send) {
  switch (frame.type) {
    case "hello":
      console.error(`- connector ${frame.connector.name} is here`);
      break;
    case "event":
      onEvent(frame.event, send);
      break;
    case "error":
      console.error(`- connectord could not use something: ${frame.message}`);
      break;
    default: // whatever is new
  }
}

function onEvent(event, send) {
  if (event.type !== "message") return; // news: nothing to answer
  send({ type: "seen", id: event.id }); // no resend needed, even if the answer takes its time
  if (!answered.has(event.id)) {
    answered.set(event.id, { inReplyTo: event.id, actions: actionsFor(event.message) });
    if (answered.size > 1000) answered.delete(answered.keys().next().value);
  }
  send({ type: "reply", reply: answered.get(event.id) });
}

function actionsFor(message) {
  if (message.origin === "greeting") return [withQuickReplies("Hello! I am a bot.")];
  if (message.origin === "stepUp") return [];
  if (message.origin === "escalationFailed") return [text("Sorry, nobody is there right now. Can I help?")];

  // A click brings the button's payload; otherwise it is what the consumer wrote.
  const said = message.postback?.payload ?? message.text;
  const word = said.trim().toLowerCase();
  if (["hi", "hello", "hey"].includes(word)) return [withQuickReplies("Hello! How can I help?")];
  if (word.includes("how are you")) return [text("Fine, thank you. And you?")];
  switch (word) {
    case "menu":
      return [{
        type: "buttons",
        text: "What would you like?",
        buttons: [
          { title: "Some tiles", payload: "tiles" },
          { title: "A pause", payload: "pause" },
          { title: "A human", payload: "agent" },
          { title: "Our web site", url: "https://www.example.com" },
        ],
      }];
    case "tiles":
      return [{
        type: "tiles",
        tiles: [
          {
            title: "Headphones",
            subtitle: "Fall sale",
            imageUrl: "https://www.example.com/headphones.png",
            buttons: [{ title: "10 % off", payload: "coupon-10" }],
          },
          { title: "Loudspeakers", buttons: [{ title: "Show me", payload: "show-speakers" }] },
        ],
      }];
    case "pause":
      return [text("One moment..."), { type: "pause", milliseconds: 800 }, text("Here I am again.")];
    case "agent":
      return [
        text("I will get somebody for you."),
        { type: "text", audience: "agents", text: "The consumer asked for a human." },
        { type: "transfer", skillId: TRANSFER_SKILL, reason: "the consumer asked for a human", requestedBy: "consumer" },
      ];
    case "bye":
      return [text("Goodbye!"), { type: "close" }];
    default:
      return [text(`You said: ${said}`)];
  }
}

function text(words) {
  return { type: "text", text: words };
}

function withQuickReplies(words) {
  const quickReplies = [
    { title: "Show the menu", payload: "menu" },
    { title: "Talk to a human", payload: "agent" },
  ];
  return { type: "text", text: words, quickReplies };
}

// --- a small WebSocket server ---

const SUBPROTOCOL = "connectord.bot.v1";
const LONGEST = 1 << 20;
const [CONTINUATION, TEXT, CLOSE, PING] = [0x0, 0x1, 0x8, 0x9];

const server = createServer((request, response) => {
  response.writeHead(426, { "Content-Type": "text/plain" }).end("This is a WebSocket.\n");
});

server.on("upgrade", (request, socket, head) => {
  const key = request.headers["sec-websocket-key"];
  if (!isAuthorized(request) || !key) {
    return socket.end(`HTTP/1.1 ${key ? "401 Unauthorized" : "400 Bad Request"}\r\nContent-Length: 0\r\n\r\n`);
  }
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`,
  );
  serve(socket, head);
});

function isAuthorized(request) {
  if (!BOT_TOKEN) return true;
  const digest = (words) => createHash("sha256").update(words).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ""), digest(`Bearer ${BOT_TOKEN}`));
}

function serve(socket, head) {
  let bytes = head; // what has arrived and is not yet a whole frame
  let message = []; // the pieces of a message that came in several frames
  const send = (frame) => write(socket, TEXT, Buffer.from(JSON.stringify(frame)));
  const fail = (code, reason) => {
    write(socket, CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
    socket.end();
  };

  const read = () => {
    for (let frame; !socket.writableEnded && (frame = takeFrame()); ) {
      const { final, opcode, data } = frame;
      if (opcode === PING) write(socket, 0xa, data);
      else if (opcode === CLOSE) {
        write(socket, CLOSE, data);
        socket.end();
      } else if (opcode === TEXT || opcode === CONTINUATION) {
        message.push(data);
        if (!final) continue;
        const words = Buffer.concat(message).toString("utf8");
        message = [];
        let parsed;
        try {
          parsed = JSON.parse(words);
        } catch {
          send({ type: "error", message: "not JSON" });
          continue;
        }
        onFrame(parsed, send);
      }
    }
  };

  // One frame from the front of `bytes`, or nothing if it is not whole yet.
  const takeFrame = () => {
    if (bytes.length < 2) return null;
    const final = (bytes[0] & 0x80) !== 0;
    const opcode = bytes[0] & 0x0f;
    let length = bytes[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (bytes.length < 4) return null;
      length = bytes.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return null;
      length = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    if ((bytes[1] & 0x80) === 0) return fail(1002, "a client must mask");
    if (length > LONGEST) return fail(1009, "too long");
    if (bytes.length < at + 4 + length) return null;
    const mask = bytes.subarray(at, at + 4);
    const data = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
    for (let i = 0; i < length; i++) data[i] ^= mask[i % 4];
    bytes = bytes.subarray(at + 4 + length);
    return { final, opcode, data };
  };

  socket.on("data", (more) => {
    bytes = Buffer.concat([bytes, more]);
    read();
  });
  socket.on("end", () => socket.end());
  socket.on("error", () => socket.destroy());
  read();
}

function write(socket, opcode, data) {
  if (socket.writableEnded || socket.destroyed) return;
  let head;
  if (data.length < 126) head = Buffer.from([0x80 | opcode, data.length]);
  else if (data.length < 65536) head = Buffer.from([0x80 | opcode, 126, data.length >> 8, data.length & 0xff]);
  else {
    head = Buffer.alloc(10);
    head[0] = 0x80 | opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(data.length), 2);
  }
  socket.write(Buffer.concat([head, data]));
}

server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});

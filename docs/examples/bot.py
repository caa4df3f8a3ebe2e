#!/usr/bin/env python3
"""A webhook bot for connectord. Needs nothing but Python's standard library.

    PORT=8080 python3 bot.py

PORT                 where to listen, 8080; 0 takes any free port
BOT_TOKEN            if set, requests must carry it ([bot] token)
BOT_SIGNING_SECRET   if set, requests must be signed with it ([bot] signing_secret, whsec_...)
TRANSFER_SKILL       the skill that humans are in; left out, the connector's fallback skill is used
"""

import base64
import collections
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = os.environ.get("BOT_TOKEN")
SIGNING_SECRET = os.environ.get("BOT_SIGNING_SECRET")
TRANSFER_SKILL = os.environ.get("TRANSFER_SKILL")

# The same event may come again (a resend, a reconnect, a restart): then the same answer is given again.
ANSWERED = collections.OrderedDict()


def actions_for(message):
    """What the bot does about one message."""
    origin = message["origin"]
    if origin == "greeting":
        return [text("Hello! I am a bot.", quick_replies=True)]
    if origin == "stepUp":
        return []
    if origin == "escalationFailed":
        return [text("Sorry, nobody is there right now. Can I help?")]

    # A click brings the button's payload; otherwise it is what the consumer wrote.
    said = (message.get("postback") or {}).get("payload") or message["text"]
    word = said.strip().lower()
    if word in ("hi", "hello", "hey"):
        return [text("Hello! How can I help?", quick_replies=True)]
    if "how are you" in word:
        return [text("Fine, thank you. And you?")]
    if word == "menu":
        return [
            {
                "type": "buttons",
                "text": "What would you like?",
                "buttons": [
                    {"title": "Some tiles", "payload": "tiles"},
                    {"title": "A pause", "payload": "pause"},
                    {"title": "A human", "payload": "agent"},
                    {"title": "Our web site", "url": "https://www.example.com"},
                ],
            }
        ]
    if word == "tiles":
        return [
            {
                "type": "tiles",
                "tiles": [
                    {
                        "title": "Headphones",
                        "subtitle": "Fall sale",
                        "imageUrl": "https://www.example.com/headphones.png",
                        "buttons": [{"title": "10 % off", "payload": "coupon-10"}],
                    },
                    {"title": "Loudspeakers", "buttons": [{"title": "Show me", "payload": "show-speakers"}]},
                ],
            }
        ]
    if word == "pause":
        return [text("One moment..."), {"type": "pause", "milliseconds": 800}, text("Here I am again.")]
    if word == "agent":
        transfer = {"type": "transfer", "reason": "the consumer asked for a human", "requestedBy": "consumer"}
        if TRANSFER_SKILL:
            transfer["skillId"] = TRANSFER_SKILL
        return [
            text("I will get somebody for you."),
            {"type": "text", "audience": "agents", "text": "The consumer asked for a human."},
            transfer,
        ]
    if word == "bye":
        return [text("Goodbye!"), {"type": "close"}]
    return [text(f"You said: {said}")]


def text(words, quick_replies=False):
    action = {"type": "text", "text": words}
    if quick_replies:
        action["quickReplies"] = [
            {"title": "Show the menu", "payload": "menu"},
            {"title": "Talk to a human", "payload": "agent"},
        ]
    return action


def is_signed(headers, body):
    """Checks the Standard Webhooks signature."""
    try:
        moment = int(headers["webhook-timestamp"])
    except (TypeError, ValueError):
        return False
    if abs(time.time() - moment) > 300:
        return False
    key = base64.b64decode(SIGNING_SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{moment}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = (headers.get("webhook-signature") or "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)


class Bot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    wbufsize = -1  # head and body leave together

    def do_OPTIONS(self):
        # connectord asks this way whether a bot that failed is back.
        self.answer(204)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if TOKEN and not hmac.compare_digest(
            (self.headers.get("authorization") or "").encode(), f"Bearer {TOKEN}".encode()
        ):
            return self.answer(401)
        if SIGNING_SECRET and not is_signed(self.headers, body):
            return self.answer(401)
        try:
            event = json.loads(body)
            if event["type"] != "message":
                return self.answer(204)  # news: nothing to answer
            event_id, message = event["id"], event["message"]
        except (ValueError, KeyError, TypeError):
            return self.answer(400)
        if event_id not in ANSWERED:
            ANSWERED[event_id] = {"inReplyTo": event_id, "actions": actions_for(message)}
            while len(ANSWERED) > 1000:
                ANSWERED.popitem(last=False)
        self.answer(200, ANSWERED[event_id])

    def answer(self, status, reply=None):
        body = b"" if reply is None else json.dumps(reply).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        # What consumers say does not belong into a log; the status line may.
        print("-", format % args, file=sys.stderr)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Bot)
    server.daemon_threads = True
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

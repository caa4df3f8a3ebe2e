// When to tell the other side that somebody types.

const repeat = 10_000;
const pause = 4000;

/** Follows one text field. `tell(conversation, state)` sends COMPOSING when typing starts, PAUSE when it rests, ACTIVE when the text is gone. */
export function typing(tell) {
  let told = { conversation: null, state: "ACTIVE", at: 0 };
  let rest;

  return { input, sent };

  function input(conversation, text) {
    clearTimeout(rest);
    if (text === "") return told.conversation === conversation && change(conversation, "ACTIVE");
    const stale = Date.now() - told.at > repeat;
    if (told.conversation !== conversation || told.state !== "COMPOSING" || stale) change(conversation, "COMPOSING");
    rest = setTimeout(() => change(conversation, "PAUSE"), pause);
  }

  /** A message ends the typing by itself. */
  function sent() {
    clearTimeout(rest);
    told = { ...told, state: "ACTIVE" };
  }

  function change(conversation, state) {
    if (told.conversation === conversation && told.state === state && state !== "COMPOSING") return;
    told = { conversation, state, at: Date.now() };
    tell(conversation, state);
  }
}

// Making and keeping elements. Whatever others wrote goes through textContent: there is no way to hand HTML in.

/** An element by its id. */
export const $ = (id) => document.getElementById(id);

/** Makes an element. `class` and `text` are what they say, `on` holds listeners, `data` the data attributes, the rest are attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** One of the drawings at the top of page.html. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Shows or hides. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

/** Sets a text without touching the page when it is the same. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes the children of `parent` the `items`, in their order. An item is `{ key, look, make }`: a child whose key and look are known stays
 * as it is, others are made by `make()`. So a long list costs one comparison per entry, and the focus survives.
 */
export function keep(parent, items) {
  const known = parent.kept ?? (parent.kept = new Map());
  const next = new Map();
  let place = parent.firstChild;
  for (const { key, look, make } of items) {
    const before = known.get(key);
    let node = before?.node;
    if (!before || before.look !== look) {
      const fresh = make();
      if (node) {
        const focused = node.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
        if (place === node) place = fresh;
        node.replaceWith(fresh);
        if (focused !== undefined) (fresh.dataset.focus === focused ? fresh : fresh.querySelector(`[data-focus="${CSS.escape(focused)}"]`))?.focus();
      }
      node = fresh;
    }
    next.set(key, { look, node });
    if (place === node) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  for (const [key, { node }] of known) if (!next.has(key)) node.remove();
  parent.kept = next;
}

/** Forgets what `keep` knows, so that everything is made anew. */
export function forget(parent) {
  parent.replaceChildren();
  parent.kept = undefined;
}

/** Appends a text to `parent`: line breaks stay (by CSS), web addresses become links. */
export function appendText(parent, text) {
  let end = 0;
  for (const found of text.matchAll(/\bhttps?:\/\/[^\s<>"']+/g)) {
    const address = found[0].replace(/[.,;:!?)\]}]+$/, "");
    const href = safeLink(address);
    if (!href) continue;
    parent.append(text.slice(end, found.index), outside(href, address));
    end = found.index + address.length;
  }
  parent.append(text.slice(end));
  return parent;
}

/** A link that opens in a new tab and tells it nothing about this page. */
export function outside(href, ...children) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** The address, if it is of a kind that can do no harm; else `null`. */
export function safeLink(address) {
  try {
    const url = new URL(String(address));
    return ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** The time of day. */
export function clock(milliseconds, seconds = false) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds && { second: "2-digit" }) };
  return new Date(milliseconds).toLocaleTimeString([], options);
}

/** The first letters of a name. */
export function initials(name) {
  return name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0].toUpperCase()).join("") || "?";
}

/** Whether people can see this element now. */
export function visible(element) {
  return document.visibilityState === "visible" && element.getClientRects().length > 0;
}

/** Scrolls with the newest entry while the reader is at the end; a button brings back who has scrolled away. */
export function follow(scroller, button) {
  let atEnd = true;
  let before = 0;
  const far = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  scroller.addEventListener("scroll", () => {
    // Only going up is the reader's own doing: the end also moves away when something is added.
    if (far() < 48) atEnd = true;
    else if (scroller.scrollTop < before) atEnd = false;
    before = scroller.scrollTop;
    if (atEnd) show(button, false);
  }, { passive: true });
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
    atEnd = true;
    show(button, false);
  };
  button.addEventListener("click", toEnd);
  const sizes = new ResizeObserver(() => atEnd && toEnd());
  sizes.observe(scroller);
  sizes.observe(scroller.firstElementChild);
  return {
    toEnd,
    /** To be called when something was added. */
    grown() {
      if (atEnd) toEnd();
      else if (far() > 48) show(button, true);
    },
  };
}

/** Tells people that something went wrong. */
export function complain(text) {
  const toast = h("p", { class: "toast", text });
  $("toasts").append(toast);
  toast.addEventListener("click", () => toast.remove());
  setTimeout(() => toast.remove(), 8000);
}

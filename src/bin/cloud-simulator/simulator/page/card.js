// Structured content as elements: the shapes of the web channel. What is not known is named, not hidden.

import { appendText, h, icon, outside, safeLink } from "./dom.js";

/**
 * Everything with a `click` in a message's event, in order of appearance: the card's elements first, then the quick replies.
 * The simulator counts in the same way.
 */
export function clickables(event) {
  const found = [];
  const collect = (value) => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (value && typeof value === "object") {
      if ("click" in value) found.push(value);
      for (const inner of ["elements", "replies", "image"]) collect(value[inner]);
    }
  };
  collect(event.content);
  collect(event.quickReplies);
  return found;
}

/** Draws the card of an event. `press(element, number)` is told of clicks, `submit(text, metadata)` of sent checklists; without them nothing can be pressed. */
export function card(event, { press, submit } = {}) {
  const numbers = new Map(clickables(event).map((element, number) => [element, number]));
  return h("div", { class: "card" }, draw(event.content, { numbers, press, submit }));
}

/** Draws quick replies as buttons. */
export function quickReplies(event, press) {
  const numbers = new Map(clickables(event).map((element, number) => [element, number]));
  return (event.quickReplies?.replies ?? []).map((reply) => button(reply, { numbers, press }, "reply"));
}

function draw(element, context) {
  const make = element && typeof element === "object" && Object.hasOwn(drawings, element.type) ? drawings[element.type] : null;
  if (!make) return h("p", { class: "unknown", text: `unknown element “${element?.type ?? typeof element}”` });
  const node = make(element, context);
  if (element.tooltip) node.title = String(element.tooltip);
  if (element.rtl) node.dir = "rtl";
  return node;
}

const drawings = {
  text: (element, context) => pressable(element, context, styled(appendText(h("p", { class: "text" }), String(element.text ?? "")), element)),
  button: (element, context) => button(element, context),
  submitButton: (element, context) => button(element, context),
  image: (element, context) => pressable(element, context, picture(element)),
  map: (element, context) => pressable(element, context, map(element)),
  linkPreview,
  template: (element) => h("p", { class: "unknown", text: `template ${element.templateId ?? element.id ?? ""}` }),
  keyValuePairList: (element) => h("dl", { class: "pairs" }, ...list(element).flatMap((pair) => [h("dt", { text: pair.key }), h("dd", { text: pair.value ?? "" })])),
  vertical: (element, context) => h("div", { class: `vertical ${border(element)}` }, ...inner(element, context)),
  horizontal,
  carousel,
  carouselSelect: carousel,
  accordionSelect: (element, context) => folds(element, context, (_, at) => element.titles?.[at], true),
  tabs: (element, context) => folds(element, context, (one, at) => ({ name: one.tag ?? `Tab ${at + 1}` }), true),
  list: checklistForm,
  sectionList: (element, context) => h("div", { class: "vertical" }, ...inner(element, context)),
  section: (element, context) => h("fieldset", { class: "section" }, ...inner(element, context)),
  checklist: (element, context) => h("div", { class: "checklist" }, ...inner(element, context)),
  checkbox,
  buttonList: (element, context) => h("div", { class: "vertical" }, ...inner(element, context)),
};

function inner(element, context) {
  return list(element).map((one) => draw(one, context));
}

function list(element) {
  return Array.isArray(element.elements) ? element.elements : [];
}

function border(element) {
  return { borderLess: "plain", dropShadow: "raised" }[element.border] ?? "";
}

function horizontal(element, context) {
  const node = h("div", { class: `horizontal ${border(element)}` }, ...inner(element, context));
  const shares = Array.isArray(element.percentages) ? element.percentages.map(Number).filter((share) => share > 0) : [];
  if (shares.length === list(element).length && shares.length > 0) {
    node.style.gridTemplateColumns = shares.map((share) => `minmax(0, ${share}fr)`).join(" ");
    node.style.gridAutoFlow = "row";
  }
  return node;
}

function carousel(element, context) {
  const cards = inner(element, context).map((one) => h("li", {}, one));
  const track = h("ul", { class: "track", tabindex: "0", role: "group", "aria-roledescription": "carousel", "aria-label": `${cards.length} cards side by side` }, ...cards);
  const turn = (to) => track.scrollBy({ left: to * (cards[0]?.offsetWidth ?? track.clientWidth), behavior: "smooth" });
  return h("div", { class: "carousel" }, track,
    h("div", { class: "turn" },
      h("button", { type: "button", class: "quiet", "aria-label": "Previous card", on: { click: () => turn(-1) } }, icon("left")),
      h("span", { text: `${cards.length} cards` }),
      h("button", { type: "button", class: "quiet", "aria-label": "Next card", on: { click: () => turn(1) } }, icon("right"))));
}

/** Accordions and tabs alike: one part open at a time. */
function folds(element, context, title, firstOpen) {
  const group = `fold-${++folded}`;
  return h("div", { class: "folds" }, ...list(element).map((one, at) => {
    const { name = `Part ${at + 1}`, additional } = title(one, at) ?? {};
    const summary = h("summary", {}, h("span", { text: name }), additional ? h("small", { text: additional }) : null);
    return h("details", { name: group, open: firstOpen && at === 0 }, summary, draw(one, context));
  }));
}
let folded = 0;

function picture(element) {
  const words = element.alt ?? element.caption ?? element.tooltip ?? "picture";
  const instead = h("span", { class: "nopicture", role: "img", "aria-label": String(words) }, icon("image"), h("small", { text: words }));
  const address = safeImage(element.url);
  const image = address ? h("img", { src: address, alt: String(words), loading: "lazy", referrerpolicy: "no-referrer", on: { error: () => image.replaceWith(instead) } }) : instead;
  return h("figure", { class: "picture" }, image, element.caption ? h("figcaption", { text: element.caption }) : null);
}

function safeImage(address) {
  const text = String(address ?? "");
  return /^https:\/\//i.test(text) || /^data:image\/(png|jpeg|gif|webp);/i.test(text) ? text : null;
}

function map(element) {
  const place = `${Number(element.la).toFixed(5)}, ${Number(element.lo).toFixed(5)}`;
  return h("div", { class: "map", role: "img", "aria-label": `Map at ${place}` }, icon("pin"), h("small", { text: place }));
}

function linkPreview(element, context) {
  const href = safeLink(element.url);
  const shown = h("div", { class: "vertical" },
    element.image?.url ? picture(element.image) : null,
    h("p", { class: "text bold", text: element.title ?? element.url ?? "" }),
    element.description ? h("p", { class: "text", text: element.description }) : null,
    h("small", { text: element.siteName ?? href ?? "" }));
  return element.click ? pressable(element, context, shown) : href ? Object.assign(outside(href, shown), { className: "press" }) : shown;
}

/** A button: a link if it opens something, else something to press. */
function button(element, context, look = "press") {
  const caption = [h("span", { text: element.title ?? "" }), element.subtitle ? h("small", { text: element.subtitle }) : null];
  return styled(control(element, context, `button-${look}`, caption), element);
}

function pressable(element, context, node) {
  return element.click && context.numbers.has(element) ? control(element, context, "press", [node]) : node;
}

function control(element, context, look, children) {
  const actions = Array.isArray(element.click?.actions) ? element.click.actions : [];
  const submits = actions.some((action) => action.type === "submitAsText");
  const target = actions.map(destination).find((one) => one !== undefined);
  const number = context.numbers.get(element);
  const tell = () => context.press?.(element, number);
  if (target) {
    const link = outside(target, ...children, icon("out"));
    link.className = look;
    link.addEventListener("click", tell);
    return link;
  }
  const refused = target === null && !actions.some((action) => action.type === "publishText");
  const node = h("button", { type: "button", class: look, disabled: !context.press || element.disabled === true || refused, "aria-label": element.title ? undefined : element.alt ?? element.tooltip }, ...children);
  if (refused) node.title = "This address is not opened";
  node.addEventListener("click", () => (submits ? submitted(node, context, element) : tell()));
  return node;
}

/** Where a click leads: an address, `null` if it must not be opened, `undefined` if the action opens nothing. */
function destination(action) {
  if (action.type === "link") return safeLink(action.web?.uri ?? action.uri);
  if (action.type === "navigate") return `https://www.openstreetmap.org/?mlat=${Number(action.la)}&mlon=${Number(action.lo)}`;
  return undefined;
}

function checklistForm(element, context) {
  return h("div", { class: "vertical checklists" }, ...inner(element, context));
}

function checkbox(element, context) {
  const checked = element.click?.actions?.find((action) => action.type === "checked");
  const box = h("input", { type: "checkbox", disabled: !context.press });
  box.answer = { text: checked?.publishText ?? element.text ?? "", metadata: element.click?.metadata ?? [] };
  return h("label", { class: "checkbox" }, box, styled(h("span", { text: element.text ?? "" }), element));
}

function submitted(node, context, element) {
  const boxes = [...node.closest(".card").querySelectorAll("input[type=checkbox]:checked")];
  if (boxes.length === 0) return;
  const metadata = [...boxes.flatMap((box) => box.answer.metadata), ...(element.click.metadata ?? [])];
  context.submit?.(boxes.map((box) => box.answer.text).join(", "), metadata);
}

/** The styles that cards know. A colour that could not be read on this page's background is left out. */
function styled(node, { style }) {
  if (!style || typeof style !== "object") return node;
  if (style.bold) node.classList.add("bold");
  if (style.italic) node.classList.add("italic");
  if (["small", "large"].includes(style.size)) node.classList.add(style.size);
  const ground = paint(style["background-color"]);
  const ink = paint(style.color);
  if (ground) {
    node.style.backgroundColor = style["background-color"];
    node.classList.add("painted");
    if (!ink) node.style.color = contrast(ground, white) > contrast(ground, black) ? "#fff" : "#111";
  }
  if (ink && contrast(ink, ground ?? (matchMedia("(prefers-color-scheme: dark)").matches ? [33, 38, 47] : white)) >= 2.5) node.style.color = style.color;
  if (CSS.supports("color", style["border-color"] ?? "")) node.style.borderColor = style["border-color"];
  if (Number.isFinite(style["border-radius"])) node.style.borderRadius = `${Math.min(Math.max(style["border-radius"], 0), 24)}px`;
  return node;
}

const white = [255, 255, 255];
const black = [0, 0, 0];
const palette = document.createElement("canvas").getContext("2d");

function paint(colour) {
  if (typeof colour !== "string" || !CSS.supports("color", colour)) return null;
  palette.fillStyle = "#000";
  palette.fillStyle = colour;
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(palette.fillStyle);
  return found && found.slice(1).map((part) => parseInt(part, 16));
}

function contrast(one, other) {
  const light = (rgb) => rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

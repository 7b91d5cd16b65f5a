// Part 6 of the outline script: from a reference to a place on the screen, and the numbered boxes of a marked screenshot.

const element = (ref) => {
  const at = namespace && indexOf(ref, namespace) === 0 ? slice(ref, namespace.length) : "" + ref;
  const held = elements.get(+at);
  return held ? derefOf(held) || null : null;
};

const refOf = (el) => {
  const number = numbers.get(el);
  return number === undefined ? "" : namespace + number;
};

const parentAcross = (node) => parentNode(node) || (nodeType(node) === 11 ? hostOf(node) : null);

// The innermost element at a point of one document, open shadow roots looked into.
const deepAt = (doc, x, y) => {
  let found = elementAt(doc, x, y);
  for (let shadow = found && shadowRootOf(found); shadow; shadow = found && shadowRootOf(found)) {
    const inner = shadowElementAt(shadow, x, y);
    if (!inner || inner === found) break;
    found = inner;
  }
  return found;
};

const holds = (outer, inner) => {
  for (let up = inner; up; up = parentAcross(up)) if (up === outer) return true;
  return false;
};

// Frames from the top one that this script can reach down to the element's own, each with where its content begins.
const framesAbove = (el) => {
  const out = [];
  try {
    for (let view = viewOf(ownerDocument(el)); view && view !== window; view = viewOf(ownerDocument(view.frameElement))) {
      for (let i = out.length; i > 0; i--) out[i] = out[i - 1];
      out[0] = view.frameElement;
    }
  } catch {
    return out; // a frame of another origin: its own script answers for it
  }
  return out;
};
const offsetOf = (frames) => {
  let x = 0, y = 0;
  for (let i = 0; i < frames.length; i++) {
    const rect = rectOf(frames[i]);
    x += rect.left + clientLeftOf(frames[i]);
    y += rect.top + clientTopOf(frames[i]);
  }
  return { x, y };
};

// What a click at a point of the window would reach: the element itself (null) or the one in its way.
const inTheWay = (el, frames, x, y) => {
  let doc = document, dx = 0, dy = 0;
  for (let i = 0; i < frames.length; i++) {
    const hit = deepAt(doc, x - dx, y - dy);
    if (hit !== frames[i]) return hit || documentElementOf(doc);
    const rect = rectOf(frames[i]);
    dx += rect.left + clientLeftOf(frames[i]);
    dy += rect.top + clientTopOf(frames[i]);
    doc = ownerDocumentInside(frames[i]);
  }
  const hit = deepAt(doc, x - dx, y - dy);
  if (!hit) return documentElementOf(doc);
  if (holds(el, hit)) return null;
  for (let up = hit; up && nodeType(up) === 1; up = parentAcross(up)) {
    if (localName(up) === "label" && labelControl(up) === el) return null; // its label is as good
  }
  return hit;
};
const ownerDocumentInside = (frame) => innerDocument(frame, localName(frame));

const described = (el) => {
  if (!el) return "";
  for (let up = el; up && nodeType(up) === 1; up = parentAcross(up)) {
    if (numbers.get(up) !== undefined) return refOf(up);
  }
  const tag = localName(el);
  return tag + " " + quote(clean(textOf(el) || guessName(el, tag), 40));
};

const SPOTS = [0.5, 0.5, 0.25, 0.5, 0.75, 0.5, 0.5, 0.25, 0.5, 0.75, 0.1, 0.1, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9];

// A point of `el` that takes a click: the centre of its first box, else of another line of it, else off its centre.
const pointOf = (el, frames, offset) => {
  const rects = clientRectsOf(el);
  let first = null, cover = null;
  for (let spot = 0; spot < SPOTS.length; spot += 2) {
    for (let i = 0; i < rects.length && i < 8; i++) {
      const rect = rects[i];
      if (rect.width < 1 || rect.height < 1) continue;
      const x = rect.left + rect.width * SPOTS[spot] + offset.x, y = rect.top + rect.height * SPOTS[spot + 1] + offset.y;
      const hit = inTheWay(el, frames, x, y);
      if (!hit) return { x, y, cover: null };
      if (!first) {
        first = { x, y };
        cover = hit;
      }
    }
  }
  return first ? { x: first.x, y: first.y, cover } : null;
};

const inside = (el, frames, offset) => {
  const rect = rectOf(el);
  const top = rect.top + offset.y, left = rect.left + offset.x;
  if (top < 0 || left < 0 || top + rect.height > window.innerHeight || left + rect.width > window.innerWidth) return false;
  const hit = inTheWay(el, frames, left + rect.width / 2, top + rect.height / 2);
  return !hit;
};

const locate = (ref) => {
  const el = element(ref);
  if (!el) return { ok: false, reason: "unknown" };
  if (!isConnected(el)) return { ok: false, reason: "detached" };
  const tag = localName(el);
  const frames = framesAbove(el);
  if (!inside(el, frames, offsetOf(frames))) scrollTo(el, { block: "center", inline: "center", behavior: "instant" });
  const offset = offsetOf(frames);
  const rect = rectOf(el);
  const visible = isShown(el, VISIBLE) && clientRectsOf(el).length > 0;
  const point = visible ? pointOf(el, frames, offset) : null;
  const html = ["input", "button", "select", "textarea"];
  let native = false;
  for (let i = 0; i < html.length; i++) native = native || html[i] === tag;
  const enabled = !(native && matches(el, ":disabled")) && attribute(el, "aria-disabled") !== "true";
  const readonly = hasAttribute(el, "readonly") || attribute(el, "aria-readonly") === "true";
  const rich = isContentEditable(el) === true;
  const reason = !visible ? "hidden" : !point ? "no area" : point.cover ? "covered" : !enabled ? "disabled" : "";
  return {
    ok: reason === "", reason, visible, enabled, tag,
    x: point ? point.x : rect.left + offset.x + rect.width / 2,
    y: point ? point.y : rect.top + offset.y + rect.height / 2,
    left: rect.left + offset.x, top: rect.top + offset.y, width: rect.width, height: rect.height,
    covered_by: point && point.cover ? described(point.cover) : "",
    type: tag === "input" ? inputType(el) : "",
    editable: enabled && !readonly && (rich || textEntry(tag, el)),
    contenteditable: rich,
    options: tag === "select" ? optionsOf(el) : [],
  };
};
const optionsOf = (el) => {
  const options = selectOptions(el);
  const out = [];
  for (let i = 0; i < options.length && i < 500; i++) {
    const option = options[i];
    out[i] = {
      value: optionValue(option), label: clean(optionLabel(option), NAME_LIMIT), selected: optionSelected(option),
      disabled: optionDisabled(option),
    };
  }
  return out;
};

// ---- marks: drawn in a closed shadow root above everything, and taken away again

let overlay = null;
const unmark = () => {
  if (overlay) removeNode(overlay);
  overlay = null;
};

const TINTS = ["#c01048", "#1849a9", "#027a48", "#93370d", "#5925dc", "#c11574"];

const marks = (refs) => {
  unmark();
  overlay = createElement(document, "div");
  setAttribute(overlay, "popover", "manual");
  restyle(overlay, "all:initial;position:fixed;inset:0;width:100vw;height:100vh;margin:0;border:0;padding:0;" +
    "background:transparent;pointer-events:none;overflow:visible;z-index:2147483647");
  const root = attachShadow(overlay, { mode: "closed" });
  let drawn = 0;
  for (let i = 0; i < refs.length; i++) {
    const el = element(refs[i]);
    if (!el || !isConnected(el)) continue;
    const rect = rectOf(el), offset = offsetOf(framesAbove(el));
    const left = rect.left + offset.x, top = rect.top + offset.y;
    if (rect.width < 1 || rect.height < 1 || left > window.innerWidth || top > window.innerHeight ||
        left + rect.width < 0 || top + rect.height < 0) continue;
    appendChild(root, boxFor(refs[i], { left, top, width: rect.width, height: rect.height }, TINTS[drawn % TINTS.length]));
    drawn += 1;
  }
  appendChild(documentElementOf(document), overlay);
  showPopover(overlay);
  return drawn;
};

// Through the style object: a page that forbids inline styles forbids the attribute only.
const restyle = (el, css) => setCssText(inlineStyleOf(el), css);

const boxFor = (ref, rect, tint) => {
  const box = createElement(document, "div");
  restyle(box, `position:fixed;box-sizing:border-box;border:2px solid ${tint};left:${rect.left}px;top:${rect.top}px;` +
    `width:${rect.width}px;height:${rect.height}px`);
  const tag = createElement(document, "div");
  const above = rect.top >= 14 ? -14 : 0;
  restyle(tag, `position:absolute;left:-2px;top:${above}px;background:${tint};color:#fff;` +
    "font:bold 11px/14px sans-serif;padding:0 3px;white-space:nowrap");
  setText(tag, "" + ref);
  appendChild(box, tag);
  return box;
};

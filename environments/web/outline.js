// Part 8 of the outline script: the walk. One pass over the document, its same-origin frames and open shadow roots gives
// rows: [ref, role, tag, name, flags, states, depth, group, x, y, width, height, extra]. `outline.py` reads them.
//
// Cost is what shapes it: styles are asked for only where an element can't be seen or is about to be kept, boxes only for
// kept elements (and, in viewport scope, to skip what is far away).

const numbers = sealed(new WeakMap()); // element -> reference number
const elements = sealed(new Map()); // reference number -> WeakRef of the element
let namespace = ""; // what a caller puts before the numbers of this frame

const numberOf = (el, w) => {
  let number = numbers.get(el);
  if (number === undefined) {
    number = w.next++;
    numbers.set(el, number);
    elements.set(number, new WeakReference(el));
  }
  return number;
};

const activeOf = (doc) => {
  let active = activeElementOf(doc);
  for (;;) {
    if (!active) return null;
    const tag = localName(active);
    const shadow = shadowRootOf(active);
    const inner = shadow ? shadowActiveOf(shadow) : innerDocument(active, tag) ? activeElementOf(innerDocument(active, tag)) : null;
    if (!inner) return active;
    active = inner;
  }
};
const innerDocument = (el, tag) => {
  try {
    return tag === "iframe" ? frameDocument(el) : tag === "frame" ? oldFrameDocument(el) : null;
  } catch {
    return null;
  }
};
const agentOf = (view) => {
  try {
    return view.__agentkit || null;
  } catch {
    return null;
  }
};

// ---- rows

const place = (row, rect, c) => {
  row[8] = round(rect.left + c.dx);
  row[9] = round(rect.top + c.dy);
  row[10] = round(rect.width);
  row[11] = round(rect.height);
  const clip = c.clip;
  if (row[8] < clip.right && row[9] < clip.bottom && row[8] + row[10] > clip.left && row[9] + row[11] > clip.top) row[4] |= IN_VIEW;
};

const push = (w, c, el, { role, tag, name, flags = 0, states = 0, extra = null }) => {
  const row = [0, role, tag, name, flags, states, c.depth, 0, 0, 0, 0, 0, extra];
  if (c.cell) {
    row[4] |= CELL;
    c.cell = false;
  }
  place(row, rectOf(el), c);
  if (w.viewport && !(row[4] & IN_VIEW) && !(flags & CONTAINER)) return row;
  if (flags & ACTIONS) row[0] = numberOf(el, w);
  w.rows[w.rows.length] = row;
  return row;
};

const flushText = (w) => {
  if (!w.run) return;
  const name = clean(w.run, TEXT_LIMIT);
  const { runAt: el, runIn: c } = w;
  w.run = "";
  if (!name) return;
  const row = push(w, c, el, { role: "text", tag: localName(el), name });
  if (!c.inert && !c.acting && isPointer(el)) makeClickable(row, el, w);
};
const isPointer = (el) => propertyOf(styleOf(window, el), "cursor") === "pointer";
// A hand for a cursor is weak evidence that a click does something: somebody above may be listening for it.
const makeClickable = (row, el, w) => {
  if (numbers.get(el) === undefined && row[11] === 0) return;
  row[1] = "generic";
  row[4] |= CLICKABLE;
  if (w.rows[w.rows.length - 1] === row) row[0] = numberOf(el, w);
};

const walkChildren = (node, w, c) => {
  const tag = nodeType(node) === 1 ? localName(node) : "";
  const slotted = tag === "slot" ? assignedNodes(node) : null;
  if (slotted && slotted.length) {
    for (let i = 0; i < slotted.length; i++) visitNode(slotted[i], w, c);
    return;
  }
  const closed = tag === "details" && !hasAttribute(node, "open"); // its bare text has no box that could be asked
  for (let child = firstChild((tag && shadowRootOf(node)) || node); child; child = nextSibling(child)) {
    if (!closed || nodeType(child) === 1) visitNode(child, w, c);
  }
};

const visitNode = (node, w, c) => {
  const type = nodeType(node);
  if (type === 1) visit(node, w, c);
  else if (type === 3 && !c.quiet && !c.hidden) {
    if (!w.run) {
      w.runAt = parentNode(node);
      if (nodeType(w.runAt) !== 1) w.runAt = hostOf(w.runAt);
      w.runIn = c;
    }
    w.run += dataOf(node);
  }
};

const derive = (c, changes) => {
  const out = {
    depth: c.depth, clip: c.clip, dx: c.dx, dy: c.dy, quiet: c.quiet, hidden: c.hidden, inert: c.inert, acting: c.acting,
    delegates: c.delegates, sortable: false, svg: c.svg, cell: false, hear: c.hear, view: c.view,
  };
  const keys = ownKeys(changes);
  for (let i = 0; i < keys.length; i++) out[keys[i]] = changes[keys[i]];
  return out;
};

const visit = (el, w, c) => {
  const tag = localName(el);
  if (SKIPPED[tag]) return;
  if (tag === "br") {
    w.run += w.run ? " " : "";
    return;
  }
  if (tag !== "slot" && !isShown(el, VISIBLE)) {
    const style = styleOf(window, el);
    const display = propertyOf(style, "display");
    if (display === "none") return;
    if (display === "contents") return walkChildren(el, w, c);
    if (propertyOf(style, "visibility") === "visible") return; // content-visibility
    c = c.hidden ? c : derive(c, { hidden: true });
    return walkChildren(el, w, c);
  }
  if (c.hidden) c = derive(c, { hidden: false });
  if (w.viewport && far(el, w, c)) return;
  if (hasAttribute(el, "inert") && !c.inert) c = derive(c, { inert: true });
  if (w.modal && c.inert && el === w.modal) c = derive(c, { inert: false });
  if (tag === "svg") return visitSvg(el, w, c);
  if (tag === "math") {
    w.run += c.quiet ? "" : attribute(el, "alttext") || textContentOf(el);
    return;
  }
  visitBox(el, tag, w, c);
};

// In viewport scope: outside the view, and not an ancestor of anything that a look at a grid of points found in it.
const far = (el, w, c) => {
  const rect = rectOf(el);
  if (rect.width === 0 || rect.height === 0) return false;
  const left = rect.left + c.dx, top = rect.top + c.dy, clip = c.clip;
  if (left < clip.right && top < clip.bottom && left + rect.width > clip.left && top + rect.height > clip.top) return false;
  return seenAt.get(el) !== w.look;
};

const heardAt = (el, c, svg) => {
  let heard = c.hear(el) | handlersOf(el, svg);
  if (c.delegates) {
    for (let i = 0; i < c.delegates.length; i++) {
      try {
        if (matches(el, c.delegates[i])) heard |= CLICK;
      } catch {
        // A selector of jQuery's own making, such as :visible, says nothing to the browser.
      }
    }
  }
  return heard;
};

const visitBox = (el, tag, w, c) => {
  const root = tag === "body" || tag === "html";
  let heard = root ? 0 : heardAt(el, c, false);
  const inner = { __proto__: null };
  if (root || heard) heard = delegations(el, w, c, heard, inner);
  if (w.react && !root) heard |= reactMask(el, w.react);
  const ui = uiOf(el);
  const role = roleOf(el, tag, ui);
  let actions = c.inert || root ? 0 : actionsOf(el, tag, role, { heard, ui, sortable: c.sortable });
  if (actions && tag === "label" && !(heard & POINTED)) actions = 0;
  const block = !INLINE[tag];
  if (block) {
    flushText(w);
    w.blocks += 1;
  }
  const scroll = block && !root ? scrollOf(el, tag, c, inner) : 0;
  actions |= c.inert ? 0 : scroll;
  const start = w.rows.length;
  const blocks = w.blocks;
  if (tag === "td" || tag === "th" || role === "cell" || role === "gridcell") inner.cell = true;
  if (ui & UI_SORTABLE) inner.sortable = true;
  emit(el, { tag, role, actions, heard, inner, w, c });
  if (block) {
    flushText(w);
    group(el, tag, role, start, w.blocks === blocks, w);
  }
};

const roleOf = (el, tag, ui) => {
  const explicit = hasAttribute(el, "role") ? explicitRole(el) : "";
  if (explicit && explicit !== "none") return explicit;
  if (explicit && !hasAttribute(el, "href") && !hasAttribute(el, "tabindex")) return "generic";
  if (ui & UI_HANDLE) return "slider";
  const role = PLAIN[tag] ? "generic" : implicitRole(el, tag);
  return role === "none" ? "generic" : role;
};
const PLAIN = set("div span p b i em strong small center font u s tbody thead tfoot");

const delegations = (el, w, c, heard, inner) => {
  const found = delegatesOf(el, c.view);
  if (found.selectors.length) {
    const all = [];
    for (let i = 0; c.delegates && i < c.delegates.length; i++) all[all.length] = c.delegates[i];
    for (let i = 0; i < found.selectors.length; i++) all[all.length] = found.selectors[i];
    inner.delegates = all;
    if (found.only) heard &= ~CLICK;
  }
  const list = heardBy.get(el);
  if (list && list.length > 8 && !w.react) {
    w.react = reactKeyOf(el);
    if (w.react) heard = 0;
  }
  return heard;
};

// SCROLLABLE for a box with more inside than it shows. Narrows the clip for what is inside; in a box that is folded to
// nothing, only what can be acted on is still listed.
const scrollOf = (el, tag, c, inner) => {
  if (tag === "tr" || tag === "td" || tag === "th" || tag === "li" || tag === "p" || tag === "tbody") return 0;
  const style = styleOf(window, el);
  const down = propertyOf(style, "overflow-y"), across = propertyOf(style, "overflow-x");
  if (down === "visible" && across === "visible") return 0; // most elements: asking this costs less than four sizes
  const height = clientHeightOf(el), width = clientWidthOf(el);
  const below = scrollHeightOf(el) > height + 1, beside = scrollWidthOf(el) > width + 1;
  if (!below && !beside) return 0;
  const overflow = below ? down : across;
  if (overflow === "visible" || propertyOf(style, "display") === "inline") return 0;
  if (height === 0 || width === 0) {
    inner.clip = { left: 0, top: 0, right: -1, bottom: -1 };
    inner.quiet = true;
    return 0;
  }
  const rect = rectOf(el), clip = c.clip;
  const left = rect.left + c.dx, top = rect.top + c.dy;
  inner.clip = {
    left: left > clip.left ? left : clip.left, top: top > clip.top ? top : clip.top,
    right: left + rect.width < clip.right ? left + rect.width : clip.right,
    bottom: top + rect.height < clip.bottom ? top + rect.height : clip.bottom,
  };
  return overflow === "auto" || overflow === "scroll" ? SCROLLABLE : 0;
};

// ---- rows that belong on one line: a table row, a list item, a card among its like, a paragraph with links

const group = (el, tag, role, start, flat, w) => {
  const rows = w.rows;
  const count = rows.length - start;
  if (count < 1) return;
  const row = tag === "tr" || role === "row";
  if (count === 1 && !row) return;
  if (count > (row ? 60 : 12)) return;
  let size = 0;
  for (let i = start; i < rows.length; i++) {
    if (rows[i][4] & CONTAINER) return;
    size += rows[i][3].length;
  }
  if (row) return groupRow(start, w);
  const item = tag === "li" || tag === "dd" || tag === "dt" || role === "listitem";
  if (!(flat || (item && size < 400) || (size < 240 && hasTwin(el, tag)))) return;
  const number = ++w.groups;
  for (let i = start; i < rows.length; i++) rows[i][7] = number;
};
const groupRow = (start, w) => {
  const rows = w.rows;
  let plain = true;
  for (let i = start; i < rows.length; i++) if (rows[i][1] !== "text" || rows[i][0]) plain = false;
  if (!plain || rows.length - start === 1) {
    const number = ++w.groups;
    for (let i = start; i < rows.length; i++) rows[i][7] = number;
    return;
  }
  let name = rows[start][3];
  for (let i = start + 1; i < rows.length; i++) name += (rows[i][4] & CELL ? " | " : " ") + rows[i][3];
  const first = rows[start], last = rows[rows.length - 1];
  first[1] = "row";
  first[2] = "tr";
  first[3] = name;
  first[10] = last[8] + last[10] - first[8];
  rows.length = start + 1;
};
const hasTwin = (el, tag) => {
  const own = attribute(el, "class");
  if (!own) return false;
  const next = nextElement(el), previous = previousElement(el);
  return (next && localName(next) === tag && attribute(next, "class") === own) ||
    (previous && localName(previous) === tag && attribute(previous, "class") === own) || false;
};

// ---- the whole

// Marks what a look at a grid of points finds, with its ancestors. Returns the number of that look, which the marks bear.
const seenAt = sealed(new WeakMap()); // node -> number of the last look that found it
let looks = 0;
const lookAround = (doc, width, height) => {
  const look = ++looks;
  for (let i = 0; i < 36; i++) {
    const x = width * ((i % 6) + 0.5) / 6, y = height * (((i / 6) | 0) + 0.5) / 6;
    for (let up = deepAt(doc, x, y); up; up = parentNode(up) || (nodeType(up) === 11 ? hostOf(up) : null)) {
      if (seenAt.get(up) === look) break;
      seenAt.set(up, look);
    }
  }
  return look;
};

const inQuotes = { __proto__: null }; // role or tag -> the same in quotes: there are few of them
const quoted = (word) => inQuotes[word] || (inQuotes[word] = quote(word));
const written = (row) => {
  let out = "[" + row[0] + "," + quoted(row[1]) + "," + quoted(row[2]) + "," + quote(row[3]);
  for (let i = 4; i < 12; i++) out += "," + row[i];
  const extra = row[12];
  let more = "";
  if (extra) {
    for (let i = 0; i < EXTRA_TEXTS.length; i++) {
      const value = extra[EXTRA_TEXTS[i]];
      if (value) more += (more ? "," : "") + '"' + EXTRA_TEXTS[i] + '":' + quote(value);
    }
    if (extra.frame) more += (more ? "," : "") + '"frame":1';
    if (extra.options) {
      more += (more ? "," : "") + '"total":' + extra.total + ',"options":[';
      for (let i = 0; i < extra.options.length; i++) more += (i ? "," : "") + quote(extra.options[i]);
      more += "]";
    }
  }
  return out + (more ? ",{" + more + "}]" : "]");
};

const observe = ({ scope = "page", next = 1, prefix = "" } = {}) => {
  const doc = document;
  const root = documentElementOf(doc);
  namespace = prefix;
  const width = clientWidthOf(root) || window.innerWidth, height = window.innerHeight;
  const viewport = scope === "viewport";
  const w = {
    rows: [], next, viewport, run: "", runAt: null, runIn: null, blocks: 0, groups: 0, react: "", active: activeOf(doc),
    width, height, look: viewport ? lookAround(doc, width, height) : 0, modal: queryFirst(doc, "dialog:modal"),
  };
  const c = {
    depth: 0, clip: { left: 0, top: 0, right: width, bottom: height }, dx: 0, dy: 0, quiet: false, hidden: false, acting: false,
    inert: w.modal !== null, delegates: null, sortable: false, svg: false, cell: false, hear: listenersOf, view: window,
  };
  const whole = delegatesOf(doc, window);
  if (whole.selectors.length) c.delegates = whole.selectors;
  visit(root, w, c);
  flushText(w);
  const focused = (w.active && numbers.get(w.active)) || 0;
  let out = '{"url":' + quote(doc.URL) + ',"title":' + quote(clean(titleOf(doc) || "", NAME_LIMIT)) + ',"prefix":' + quote(prefix) +
    ',"next":' + w.next + ',"focused":' + focused + ',"scope":' + quote(viewport ? "viewport" : "page") +
    ',"view":[' + round(width) + "," + round(height) + "," + round(window.scrollX) + "," + round(window.scrollY) +
    "," + scrollWidthOf(root) + "," + scrollHeightOf(root) + '],"rows":[';
  for (let i = 0; i < w.rows.length; i++) out += (i ? "," : "") + written(w.rows[i]);
  return out + "]}";
};

// Give elements the references that they have in the page of which this one is a copy.
const renumber = (pairs) => {
  const found = pairs.map(([from, to]) => [element(from), Number(to)]);
  for (const [el, number] of found) {
    numbers.set(el, number);
    elements.set(number, new WeakReference(el));
  }
};

Object.defineProperty(window, "__agentkit", {
  value: freeze({ __proto__: null, observe, locate, element, refOf, renumber, marks, unmark, listeners: (el) => listenersOf(el) }),
});

// Part 7 of the outline script: how each kind of element becomes a row, or none.

const FOLD_ROWS = 12; // a clickable container with more lines than this inside keeps them as lines
const FOLD_CHARACTERS = 200;
const SHAPES_LIMIT = 400;

const emit = (el, at) => {
  const { tag, role, actions, w, c } = at;
  switch (tag) {
    case "input":
      if (inputType(el) === "hidden") return;
      return emitControl(el, at);
    case "select": case "textarea": case "progress": case "meter": return emitControl(el, at);
    case "iframe": case "frame": return emitFrame(el, at);
    case "img": return emitImage(el, at);
    case "canvas": case "video": case "audio": case "embed": case "object": return emitDrawing(el, at);
    case "label": if (!actions) return emitLabel(el, at);
  }
  if (actions & EDITABLE) return emitControl(el, at);
  if (role === "heading") return emitHeading(el, at);
  if (actions & ~SCROLLABLE) {
    return CONTROL_ROLES[role] && !CONTAINERS[role] ? emitControl(el, at) : emitClickable(el, at);
  }
  if (CONTAINERS[role] || actions) return emitContainer(el, at);
  if (role === "image") return emitImage(el, at);
  if (role === "slider" || role === "progressbar" || role === "scrollbar") return emitControl(el, at);
  const inner = hasChanges(at.inner) ? derive(c, at.inner) : c.sortable || c.cell ? derive(c, { cell: c.cell }) : c;
  const before = w.rows.length;
  walkChildren(el, w, inner);
  if (w.rows.length === before && clean(w.run, 1) === "" && !c.quiet && !c.hidden && !firstElement(el)) emitSwatch(el, at);
};
const hasChanges = (inner) => ownKeys(inner).length > 0;

const guessed = (el, tag, name) => (name ? { name, flags: 0 } : { name: guessName(el, tag), flags: GUESSED });

const emitControl = (el, { tag, role: known, actions, inner, w, c }) => {
  flushText(w);
  const role = known === "generic" && actions & EDITABLE ? "textbox" : known;
  const { name, flags } = guessed(el, tag, accessibleName(el, tag, role));
  const extra = extraOf(el, tag, role, actions);
  if (flags && role === "button") describeColour(el, extra, "white");
  const states = statesOf(el, tag, role, w);
  push(w, c, el, { role, tag, name, flags: flags | actions, states, extra });
  if (!firstElement(el) && !shadowRootOf(el)) return;
  if (tag === "select" || actions & EDITABLE) return;
  walkChildren(el, w, derive(c, { ...inner, quiet: true, acting: true, cell: false }));
};

const describeColour = (el, extra, usual) => {
  const colour = backgroundOf(el);
  if (colour && colour !== usual) extra.color = colour;
};

const emitHeading = (el, { tag, role, actions, inner, w, c }) => {
  flushText(w);
  const name = accessibleName(el, tag, role);
  const start = w.rows.length;
  const extra = extraOf(el, tag, role, 0);
  if (name) push(w, c, el, { role, tag, name, flags: actions, states: statesOf(el, tag, role, w), extra });
  walkChildren(el, w, derive(c, { ...inner, quiet: true, cell: false }));
  const only = w.rows[start + 1];
  if (w.rows.length === start + 2 && only[3] === name && only[0] && !w.rows[start][0]) {
    w.rows[start] = only; // a heading that is all link is that link
    w.rows.length = start + 1;
    only[12] = only[12] || { __proto__: null };
    only[12].level = extra.level;
  }
};

// A thing that only listens. The text it holds becomes its name, unless that is much; what can be acted on inside follows
// on the same line.
const emitClickable = (el, { tag, role, actions, inner, w, c }) => {
  flushText(w);
  const extra = extraOf(el, tag, role, actions);
  const given = CONTENT_NAMED[role] && role !== "row" ? "" : accessibleName(el, tag, role);
  const start = w.rows.length;
  const row = push(w, c, el, { role, tag, name: "", flags: actions, states: statesOf(el, tag, role, w), extra });
  const first = w.rows.length;
  walkChildren(el, w, derive(c, { depth: c.depth + 1, ...inner, acting: true, cell: false }));
  flushText(w);
  if (first === start) return;
  const held = heldBy(w.rows, first);
  const small = !held.nested && !(CONTAINERS[role] && held.acting) && (held.text || held.acting <= 3) && held.text.length <= FOLD_CHARACTERS && held.size <= FOLD_ROWS;
  if (small) keepActing(w, start, c.depth);
  else row[4] |= CONTAINER;
  const own = given || (small ? held.text : "") || (role !== "generic" && !held.acting ? textOf(el) : "");
  const { name, flags } = own ? { name: own, flags: 0 } : { name: held.text || held.acting ? markOf(el, tag) : guessName(el, tag), flags: GUESSED };
  row[3] = name;
  row[4] |= flags;
  if (flags && !firstElement(el)) describeColour(el, extra, "");
};

const heldBy = (rows, first) => {
  const held = { text: "", acting: 0, nested: false, size: rows.length - first };
  for (let i = first; i < rows.length; i++) {
    const row = rows[i];
    if (row[0] > 0) held.acting += 1;
    else if (!(row[4] & DECORATIVE)) held.text += (held.text ? (row[4] & CELL ? " | " : " ") : "") + row[3];
    if (row[4] & CONTAINER) held.nested = true;
  }
  return held;
};

const keepActing = (w, start, depth) => {
  const rows = w.rows;
  let to = start + 1;
  for (let i = to; i < rows.length; i++) if (rows[i][0]) rows[to++] = rows[i];
  rows.length = to;
  if (to === start + 1) return;
  const number = ++w.groups;
  for (let i = start; i < to; i++) {
    rows[i][7] = number;
    rows[i][6] = depth;
  }
};

const emitContainer = (el, { tag, role, actions, inner, w, c }) => {
  flushText(w);
  let name = accessibleName(el, tag, role);
  let flags = CONTAINER | actions;
  if (!name && actions) {
    name = markOf(el, tag);
    flags |= GUESSED;
  }
  const live = role === "alert" || role === "alertdialog" || role === "status";
  const kept = !c.quiet && (name || !NAMED_ONLY[role]) && !(role === "row" || role === "cell");
  const start = w.rows.length;
  if (kept) push(w, c, el, { role, tag, name, flags, states: statesOf(el, tag, role, w), extra: null });
  const without = name && (tag === "table" || tag === "fieldset" || tag === "figure");
  walkChildren(el, w, derive(c, { depth: kept ? c.depth + 1 : c.depth, ...inner, titled: without ? name : "" }));
  flushText(w);
  if (kept && w.rows.length === start + 1 && !actions && !(live && name)) w.rows.length = start;
  else if (kept && w.rows.length > start + 1 && w.rows[start + 1][3] === name && !w.rows[start + 1][0]) dropRow(w.rows, start + 1);
};
const dropRow = (rows, at) => {
  for (let i = at; i < rows.length - 1; i++) rows[i] = rows[i + 1];
  rows.length -= 1;
};

const emitLabel = (el, { tag, inner, w, c }) => {
  const control = labelControl(el);
  const next = derive(c, inner);
  if (!control) return walkChildren(el, w, next);
  const controlTag = localName(control);
  if (!isShown(control, VISIBLE) && !c.inert && !(controlTag === "input" && inputType(control) === "hidden")) {
    flushText(w); // the control is drawn by its label: the label stands for it
    const role = roleOf(control, controlTag, 0);
    const { name, flags } = guessed(el, tag, accessibleName(control, controlTag, role));
    const checkable = nativeActions(control, controlTag, role) & CHECKABLE;
    push(w, c, el, { role, tag, name, flags: flags | CLICKABLE | checkable, states: statesOf(control, controlTag, role, w) });
    next.quiet = true;
  } else if (accessibleName(control, controlTag, roleOf(control, controlTag, 0)) === labelText(control, controlTag)) {
    next.quiet = true; // it is read with the control
  }
  walkChildren(el, w, next);
};

const emitImage = (el, { tag, role, actions, w, c }) => {
  const given = accessibleName(el, tag, "image");
  if (c.quiet && !actions) return;
  const rect = rectOf(el);
  if (!actions && !given && (rect.width < 24 || rect.height < 24 || c.acting)) return;
  const pointer = !actions && !c.inert && !c.acting && isPointer(el);
  const flags = pointer ? CLICKABLE : actions;
  const name = given || fileName(attribute(el, "src") || "") || (flags ? guessName(el, tag) : "");
  if (!name || (role === "generic" && !flags)) return;
  flushText(w);
  push(w, c, el, { role: "image", tag, name, flags: flags | (given ? 0 : GUESSED | DECORATIVE) });
  if (tag !== "img") walkChildren(el, w, derive(c, { quiet: true }));
};

const emitDrawing = (el, { tag, role, actions, heard, inner, w, c }) => {
  if (c.quiet && !actions) return;
  const canvas = tag === "canvas" && propertyOf(styleOf(window, el), "pointer-events") !== "none";
  if (!actions && !canvas && tag === "canvas") return;
  flushText(w);
  const { name, flags } = guessed(el, tag, accessibleName(el, tag, role));
  const acts = c.inert ? 0 : actions | (canvas ? CLICKABLE : 0) | (heard & DRAG || (canvas && heard & CLICK) ? DRAGGABLE : 0);
  push(w, c, el, { role, tag, name, flags: flags | acts, states: statesOf(el, tag, role, w) });
  walkChildren(el, w, derive(c, { ...inner, quiet: true }));
};

// A coloured box with nothing in it. It may be all that a task is about.
const emitSwatch = (el, { tag, w, c }) => {
  const rect = rectOf(el);
  if (rect.width < 6 || rect.height < 6 || rect.width * rect.height > w.width * w.height / 8) return;
  const colour = backgroundOf(el);
  const pointer = !c.inert && !c.acting && isPointer(el);
  if (!colour && !pointer) return;
  if (!pointer && colour === backgroundOf(parentNode(el))) return;
  flushText(w);
  const name = pointer ? guessName(el, tag) : colour;
  const flags = pointer ? CLICKABLE | GUESSED : DECORATIVE;
  push(w, c, el, { role: pointer ? "generic" : "box", tag, name, flags, extra: pointer && colour ? { color: colour } : null });
};

const emitFrame = (el, { tag, inner, w, c }) => {
  flushText(w);
  const rect = rectOf(el);
  if (rect.width < 2 || rect.height < 2) return;
  const doc = innerDocument(el, tag);
  const given = clean(attribute(el, "title") || attribute(el, "aria-label") || attribute(el, "name") || "", NAME_LIMIT);
  const name = given || joinTokens(tokens(idOf(el)), "") || fileName(attribute(el, "src") || "") || tag;
  const flags = CONTAINER | (given ? 0 : GUESSED) | (c.inert ? 0 : SCROLLABLE);
  const start = w.rows.length;
  push(w, c, el, { role: "iframe", tag, name, flags, extra: doc ? null : { frame: 1 } });
  if (!doc || !documentElementOf(doc)) return;
  const view = viewOf(doc);
  const agent = agentOf(view);
  const dx = c.dx + rect.left + clientLeftOf(el), dy = c.dy + rect.top + clientTopOf(el), clip = c.clip;
  const box = {
    left: dx > clip.left ? dx : clip.left, top: dy > clip.top ? dy : clip.top,
    right: dx + clientWidthOf(el) < clip.right ? dx + clientWidthOf(el) : clip.right,
    bottom: dy + clientHeightOf(el) < clip.bottom ? dy + clientHeightOf(el) : clip.bottom,
  };
  const react = w.react;
  w.react = "";
  visit(documentElementOf(doc), w, derive(c, {
    ...inner, dx, dy, clip: box, view, hear: agent ? agent.listeners : () => 0, depth: c.depth + 1, delegates: null,
  }));
  flushText(w);
  w.react = react;
  if (w.rows.length === start + 1 && !w.viewport) w.rows.length = start;
};

// ---- drawings

const SHAPES = {
  __proto__: null, circle: "circle", rect: "rectangle", ellipse: "ellipse", line: "line", polyline: "line", polygon: "polygon",
  path: "shape", text: "text", image: "image", use: "shape",
};

const visitSvg = (el, w, c) => {
  const tag = "svg";
  const heard = heardAt(el, c, true) | (w.react ? reactMask(el, w.react) : 0);
  const shapes = { list: [], live: (heard & POINTED) > 0 };
  findShapes(el, shapes, c);
  const rect = rectOf(el);
  const large = rect.width > 48 && rect.height > 48 && shapes.list.length <= SHAPES_LIMIT;
  const name = accessibleName(el, tag, "image");
  const acting = heard & POINTED && !c.inert;
  const pointer = !acting && !c.inert && !c.acting && !shapes.live && isPointer(el);
  if (acting || pointer || (name && !c.quiet)) {
    flushText(w);
    const known = name ? { name, flags: 0 } : { name: shapes.live ? markOf(el, tag) : guessName(el, tag), flags: GUESSED };
    const flags = known.flags | (acting || pointer ? CLICKABLE : 0) | (heard & DRAG ? DRAGGABLE : 0);
    push(w, c, el, { role: "image", tag, name: known.name, flags });
  }
  if (!shapes.live && (!large || c.quiet)) return;
  flushText(w);
  for (let i = 0; i < shapes.list.length; i++) {
    const shape = shapes.list[i];
    if (shape.heard & POINTED || large) emitShape(shape.el, shape.heard, shapes.live, w, c);
  }
};

const findShapes = (node, shapes, c) => {
  for (let el = firstElement(node); el; el = nextElement(el)) {
    const tag = localName(el);
    if (tag === "defs" || tag === "clipPath" || tag === "mask" || tag === "symbol" || tag === "title" || tag === "desc") continue;
    if (!isShown(el, VISIBLE)) continue;
    const heard = heardAt(el, c, true);
    if (heard & POINTED) shapes.live = true;
    if (SHAPES[tag]) shapes.list[shapes.list.length] = { el, heard };
    else if (heard & POINTED) shapes.list[shapes.list.length] = { el, heard };
    if (!SHAPES[tag]) findShapes(el, shapes, c);
  }
};

const emitShape = (el, heard, live, w, c) => {
  const tag = localName(el);
  const text = tag === "text" || !SHAPES[tag] ? clean(textContentOf(el) || "", 100) : "";
  if (tag === "text" && !text) return;
  const colour = fillOf(el);
  const corners = tag === "polygon" ? words(commasAsSpaces(attribute(el, "points") || "")).length / 2 : 0;
  const role = corners === 3 ? "triangle" : tag === "foreignObject" || !SHAPES[tag] ? "shape" : SHAPES[tag];
  const given = svgTitle(el) || text || colour;
  const { name, flags } = guessed(el, tag, given);
  const drag = heard & DRAG ? DRAGGABLE : 0;
  const acts = c.inert || !(live || heard & POINTED) ? 0 : CLICKABLE | drag;
  const extra = { __proto__: null, color: colour };
  push(w, c, el, { role, tag, name, flags: flags | acts | (acts || text ? 0 : DECORATIVE), extra });
};
const commasAsSpaces = (text) => {
  let out = "";
  for (let i = 0; i < text.length; i++) out += text[i] === "," ? " " : text[i];
  return out;
};

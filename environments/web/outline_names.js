// Part 3 of the outline script: roles (HTML-AAM) and accessible names (accname 1.2).

const set = (words) => {
  const out = { __proto__: null };
  for (const word of words.split(" ")) out[word] = true;
  return out;
};

const SKIPPED = set("script style template noscript head meta link title base param source track datalist optgroup option " +
  "area map colgroup col rp");
const INLINE = set("a abbr acronym b bdi bdo big br cite code data del dfn em font i img input ins kbd label mark nobr q " +
  "rb rt ruby s samp slot small span strike strong sub sup time tt u var wbr svg button select textarea meter progress " +
  "output canvas");
const TEXT_INPUTS = set("text search email tel url password number date month week time datetime-local");
const ROLES = set("alert alertdialog application article banner blockquote button caption cell checkbox code columnheader " +
  "combobox complementary contentinfo definition deletion dialog directory document emphasis feed figure form generic grid " +
  "gridcell group heading image img insertion link list listbox listitem log main mark marquee math menu menubar menuitem " +
  "menuitemcheckbox menuitemradio meter navigation none note option paragraph presentation progressbar radio radiogroup " +
  "region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong subscript " +
  "superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid treeitem");
const CONTROL_ROLES = set("button checkbox combobox link listbox menuitem menuitemcheckbox menuitemradio option radio " +
  "searchbox slider spinbutton switch tab textbox treeitem scrollbar");
const CONTENT_NAMED = set("button cell checkbox columnheader gridcell heading link menuitem menuitemcheckbox menuitemradio " +
  "option radio row rowheader switch tab tooltip treeitem");
const CONTAINERS = set("alert alertdialog article banner complementary contentinfo dialog feed form grid group iframe listbox " +
  "log main menu menubar navigation radiogroup region search status table tablist tabpanel timer toolbar tree treegrid figure");
// Containers that say something only when they are named.
const NAMED_ONLY = set("article form group region figure table tabpanel");

const SIMPLE_ROLES = {
  __proto__: null,
  button: "button", textarea: "textbox", progress: "progressbar", meter: "meter", output: "status", nav: "navigation",
  main: "main", aside: "complementary", dialog: "dialog", article: "article", table: "table", tr: "row", td: "cell",
  ul: "list", ol: "list", menu: "list", li: "listitem", fieldset: "group", summary: "button",
  form: "form", section: "region", figure: "figure", hr: "separator", h1: "heading", h2: "heading", h3: "heading",
  h4: "heading", h5: "heading", h6: "heading", canvas: "canvas", iframe: "iframe", frame: "iframe", video: "video",
  audio: "audio", svg: "image", search: "search", embed: "embed", object: "embed",
};
const INPUT_ROLES = {
  __proto__: null,
  button: "button", submit: "button", reset: "button", image: "button", file: "button", checkbox: "checkbox",
  radio: "radio", range: "slider", number: "spinbutton", search: "searchbox",
};

// White space and control characters become one space; characters that take no room or turn the text round are dropped,
// for they serve only to hide or forge words here.
const clean = (text, limit) => {
  let out = "";
  let gap = false;
  for (let i = 0; i < text.length && out.length < limit; i++) {
    const code = charCodeAt(text, i);
    if ((code > 32 && code < 127) || (code > 160 && code < 0x1680 && code !== 0xad && code !== 0x61c)) {
      // printable
    } else if (code <= 32 || (code >= 127 && code <= 160) || code === 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
        code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000) {
      gap = true;
      continue;
    } else if (code === 0xdb40) {
      i += 1; // tag characters and selectors: invisible
      continue;
    } else if (code === 0xad || code === 0x61c || code === 0x180e || (code >= 0x200b && code <= 0x200f) ||
        (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || (code >= 0xfe00 && code <= 0xfe0f) ||
        code === 0xfeff || (code >= 0xfff9 && code <= 0xfffb)) {
      continue;
    }
    if (gap && out.length > 0) out += " ";
    gap = false;
    out += text[i];
  }
  return out;
};
const NAME_LIMIT = 300; // characters of a control's name
const TEXT_LIMIT = 2000; // characters of a block of text

const words = (text) => {
  const out = [];
  let word = "";
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? charCodeAt(text, i) : 32;
    if (code > 32) word += text[i];
    else if (word) {
      out[out.length] = word;
      word = "";
    }
  }
  return out;
};

const explicitRole = (el) => {
  const value = attribute(el, "role");
  if (!value) return "";
  const names = words(lower(value));
  for (let i = 0; i < names.length; i++) {
    if (ROLES[names[i]]) return names[i] === "presentation" ? "none" : names[i] === "img" ? "image" : names[i];
  }
  return "";
};

const insideSectioning = (el) => {
  for (let up = parentNode(el); up && nodeType(up) === 1; up = parentNode(up)) {
    const tag = localName(up);
    if (tag === "article" || tag === "aside" || tag === "main" || tag === "nav" || tag === "section") return true;
  }
  return false;
};

const implicitRole = (el, tag) => {
  switch (tag) {
    case "a": return hasAttribute(el, "href") ? "link" : "generic";
    case "input": {
      const type = inputType(el);
      if (TEXT_INPUTS[type] && type !== "number" && hasAttribute(el, "list")) return "combobox";
      return INPUT_ROLES[type] || "textbox";
    }
    case "select": return selectMultiple(el) || selectSize(el) > 1 ? "listbox" : "combobox";
    case "img": return attribute(el, "alt") === "" ? "none" : "image";
    case "th": return attribute(el, "scope") === "row" ? "rowheader" : "columnheader";
    case "header": return insideSectioning(el) ? "generic" : "banner";
    case "footer": return insideSectioning(el) ? "generic" : "contentinfo";
    default: return SIMPLE_ROLES[tag] || "generic";
  }
};

const lookUp = (el, id) => {
  const root = rootOf(el);
  return nodeType(root) === 9 ? byId(root, id) : nodeType(root) === 11 ? shadowById(root, id) : null;
};

const referenced = (el, name, depth) => {
  const value = attribute(el, name);
  if (!value) return "";
  const ids = words(value);
  let out = "";
  for (let i = 0; i < ids.length; i++) {
    const other = lookUp(el, ids[i]);
    if (!other) continue;
    const label = clean(attribute(other, "aria-label") || "", NAME_LIMIT);
    const part = label || hostText(other) || textOf(other, { depth: depth + 1, hidden: true });
    if (part) out += (out ? " " : "") + part;
  }
  return out;
};

// The text of an element that stands for others by something else than its children.
const hostText = (el) => {
  const tag = localName(el);
  if (tag === "img" || tag === "input" && inputType(el) === "image") return clean(attribute(el, "alt") || "", NAME_LIMIT);
  if (tag === "input") {
    const type = inputType(el);
    return type === "checkbox" || type === "radio" || type === "password" || type === "hidden" ? "" :
      clean(inputValue(el), NAME_LIMIT);
  }
  if (tag === "textarea") return clean(textareaValue(el), NAME_LIMIT);
  if (tag === "select") return chosenOf(el);
  if (tag === "svg") return svgTitle(el);
  return "";
};

const chosenOf = (el) => {
  const options = selectOptions(el);
  let out = "";
  for (let i = 0; i < options.length; i++) {
    if (optionSelected(options[i])) out += (out ? ", " : "") + clean(optionLabel(options[i]), NAME_LIMIT);
  }
  return out;
};

const svgTitle = (el) => {
  const label = clean(attribute(el, "aria-label") || "", NAME_LIMIT);
  if (label) return label;
  for (let child = firstChild(el); child; child = nextSibling(child)) {
    if (nodeType(child) === 1 && localName(child) === "title") return clean(textContentOf(child) || "", NAME_LIMIT);
  }
  return "";
};

// Text content as a name: hidden parts and aria-hidden ones left out, images by their alternative, fields by their value.
const gather = (node, how, out) => {
  const shadow = nodeType(node) === 1 ? shadowRootOf(node) : null;
  const slotted = nodeType(node) === 1 && localName(node) === "slot" ? assignedNodes(node) : null;
  if (slotted && slotted.length) {
    for (let i = 0; i < slotted.length; i++) gatherOne(slotted[i], how, out);
    return;
  }
  for (let child = firstChild(shadow || node); child && out.text.length < 2 * NAME_LIMIT; child = nextSibling(child)) {
    gatherOne(child, how, out);
  }
};
const gatherOne = (child, how, out) => {
  const type = nodeType(child);
  if (type === 3) {
    out.text += dataOf(child);
    return;
  }
  if (type !== 1) return;
  const tag = localName(child);
  if (SKIPPED[tag] || child === how.without) return;
  if (tag === "br") {
    out.text += " ";
    return;
  }
  if (!how.hidden && tag !== "slot" && !isShown(child, VISIBLE) && !isTransparentBox(child)) return;
  if (!how.ariaHidden && attribute(child, "aria-hidden") === "true") return;
  const gap = INLINE[tag] && tag !== "input" && tag !== "img" ? "" : " ";
  const own = (how.depth < 8 ? referencedOnce(child, how) : "") || clean(attribute(child, "aria-label") || "", NAME_LIMIT) ||
    hostText(child);
  out.text += gap;
  if (own) out.text += own;
  else if (tag !== "select" && tag !== "textarea") {
    const before = out.text.length;
    gather(child, how, out);
    if (out.text.length === before && hasAttribute(child, "title")) out.text += " " + attribute(child, "title") + " ";
  }
  out.text += gap;
};
const referencedOnce = (el, how) => (how.depth === 0 ? referenced(el, "aria-labelledby", 1) : "");
const VISIBLE = freeze({ visibilityProperty: true, __proto__: null });
const isTransparentBox = (el) => {
  const display = propertyOf(styleOf(window, el), "display");
  return display === "contents";
};
const textOf = (el, { depth = 0, hidden = false, ariaHidden = false, without = null } = {}) => {
  const out = { text: "" };
  gather(el, { depth, hidden, ariaHidden, without }, out);
  return clean(out.text, NAME_LIMIT);
};

const labelText = (el, tag) => {
  const read = LABELS_OF[tag];
  const labels = read ? read(el) : null;
  let out = "";
  for (let i = 0; labels && i < labels.length; i++) {
    const label = clean(attribute(labels[i], "aria-label") || "", NAME_LIMIT);
    const part = label || textOf(labels[i], { depth: 1, hidden: !isShown(labels[i]), without: el });
    if (part) out += (out ? " " : "") + part;
  }
  return out;
};

const childText = (el, childTag) => {
  for (let child = firstElement(el); child; child = nextElement(child)) {
    if (localName(child) === childTag) return textOf(child);
  }
  return "";
};

const nativeName = (el, tag, role) => {
  if (LABELS_OF[tag]) {
    const label = labelText(el, tag);
    if (label) return label;
  }
  if (tag === "input") {
    const type = inputType(el);
    if (type === "image") {
      return clean(attribute(el, "alt") || attribute(el, "value") || attribute(el, "title") || "Submit", NAME_LIMIT);
    }
    if (type === "submit" || type === "reset" || type === "button") {
      return clean(inputValue(el), NAME_LIMIT) || clean(attribute(el, "title") || "", NAME_LIMIT) ||
        (type === "submit" ? "Submit" : type === "reset" ? "Reset" : "");
    }
  }
  if (tag === "img") return clean(attribute(el, "alt") || "", NAME_LIMIT);
  if (tag === "svg") return svgTitle(el);
  if (tag === "fieldset") return childText(el, "legend");
  if (tag === "table") return childText(el, "caption");
  if (tag === "figure") return childText(el, "figcaption");
  return "";
};

const accessibleName = (el, tag, role) => {
  const by = referenced(el, "aria-labelledby", 0);
  if (by) return by;
  const label = clean(attribute(el, "aria-label") || "", NAME_LIMIT);
  if (label) return label;
  const native = nativeName(el, tag, role);
  if (native) return native;
  if (CONTENT_NAMED[role]) {
    const text = textOf(el);
    if (text) return text;
  }
  return clean(attribute(el, "title") || attribute(el, "placeholder") || attribute(el, "aria-placeholder") || "", NAME_LIMIT);
};

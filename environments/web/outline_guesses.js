// Part 4 of the outline script: last-resort names, for what nobody named, and names of colours.

const NOISE = set("fa fas far fal fab fad icon icons btn button ui glyphicon material-icons mdi bi svg-inline--fa img image " +
  "active disabled selected row col container wrapper inner hasDatepicker form-control ui-resizable-handle ui-icon");
const NOISY = ["ui-state-", "ui-corner-", "ui-widget", "ui-helper", "ui-button", "svg-inline"];
const wordChar = (code) => (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ||
  code === 45 || code === 95 || code > 0xbf;

const startsWithAny = (word, starts) => {
  for (let i = 0; i < starts.length; i++) if (indexOf(word, starts[i]) === 0) return true;
  return false;
};

const tokens = (text) => {
  const out = [];
  let word = "";
  for (let i = 0; i <= text.length && out.length < 6; i++) {
    if (i < text.length && wordChar(charCodeAt(text, i))) word += text[i];
    else if (word) {
      if (!NOISE[lower(word)] && word.length <= 30 && !startsWithAny(word, NOISY)) out[out.length] = word;
      word = "";
    }
  }
  return out;
};
const PREFIXES = ["fa-", "glyphicon-", "icon-", "mdi-", "bi-", "ui-icon-", "ui-"];
const withoutPrefix = (word) => {
  for (let i = 0; i < PREFIXES.length; i++) {
    if (indexOf(word, PREFIXES[i]) === 0) return slice(word, PREFIXES[i].length);
  }
  return word;
};
const joinTokens = (list, out) => {
  for (let i = 0; i < list.length && out.length < 40; i++) {
    const word = withoutPrefix(list[i]);
    if (indexOf(" " + out + " ", " " + word + " ") < 0) out += (out ? " " : "") + word;
  }
  return out;
};
const fileName = (url) => {
  if (!url || indexOf(url, "data:") === 0) return "";
  let start = 0;
  let end = url.length;
  for (let i = 0; i < url.length; i++) {
    if (url[i] === "?" || url[i] === "#") {
      end = i;
      break;
    }
    if (url[i] === "/" && i + 1 < url.length) start = i + 1;
  }
  const file = slice(url, start, end);
  const dot = indexOf(file, ".");
  return joinTokens(tokens(dot > 0 ? slice(file, 0, dot) : file), "");
};

const gridPlace = (el, tag) => {
  if (tag !== "td" && tag !== "th") return "";
  const line = parentNode(el);
  let column = 1;
  for (let cell = previousElement(el); cell; cell = previousElement(cell)) column += 1;
  let row = 1;
  for (let other = line && previousElement(line); other; other = previousElement(other)) row += 1;
  return `row ${row} column ${column}`;
};

// What an element calls itself in the page's own code.
const markOf = (el, tag) => {
  const own = joinTokens(tokens(attribute(el, "class") || ""), "");
  return joinTokens(tokens(idOf(el) || ""), own) || tag;
};

const hasLetter = (text) => {
  for (let i = 0; i < text.length; i++) if (lower(text[i]) !== text[i] || (charCodeAt(text, i) > 96 && wordChar(charCodeAt(text, i)))) return true;
  return false;
};
const fieldWords = (node) => {
  const type = nodeType(node);
  const text = clean(type === 3 ? dataOf(node) : textOf(node), 42);
  return text.length <= 40 && hasLetter(text) && text[text.length - 1] !== "." ? text : "";
};
const isField = (node) => nodeType(node) === 1 && LABELS_OF[localName(node)] !== undefined;
const isWords = (node) => (nodeType(node) === 3 ? clean(dataOf(node), 2) !== "" : nodeType(node) === 1 && !SKIPPED[localName(node)]);

// The words beside a field that no label claims, where a person takes them for its label: after a box to tick; before any
// other, in its own line or, marked as a label, in the cell or block before.
const textBeside = (el, tag) => {
  const type = tag === "input" ? inputType(el) : "";
  if (type === "checkbox" || type === "radio") {
    const after = nextSibling(el);
    return after && isWords(after) && !isField(after) ? fieldWords(after) : "";
  }
  for (let before = previousSibling(el); before; before = previousSibling(before)) {
    if (isField(before)) return "";
    if (isWords(before)) return fieldWords(before);
  }
  const up = parentNode(el);
  for (let before = up && previousSibling(up); before; before = previousSibling(before)) {
    if (isField(before)) return "";
    if (!isWords(before)) continue;
    const text = fieldWords(before);
    const label = nodeType(before) === 1 && (LABEL_TAGS[localName(before)] || !firstElement(before));
    return label || text[text.length - 1] === ":" ? text : "";
  }
  return "";
};
const LABEL_TAGS = set("label th td dt b strong");

// What a person would read off a nameless thing: its drawn parts, class, id, file or target; at worst its tag.
const guessName = (el, tag) => {
  const field = (LABELS_OF[tag] && tag !== "button") || hasAttribute(el, "contenteditable");
  let out = field ? "" : clean(textOf(el, { ariaHidden: true }), 60);
  if (!out) out = clean(attribute(el, "data-tooltip") || attribute(el, "data-original-title") || attribute(el, "data-title") || "", 60);
  if (!out && field) out = textBeside(el, tag);
  if (out) return out;
  for (let inner = el, level = 0; inner && level < 3; inner = firstElement(inner), level++) {
    const name = localName(inner);
    if (name === "img" || name === "image" || name === "input") out = joinTokens(words(fileName(attribute(inner, "src") || "")), out);
    if (name === "use") out = joinTokens(tokens(attribute(inner, "href") || attribute(inner, "xlink:href") || ""), out);
    out = joinTokens(tokens(attribute(inner, "data-icon") || ""), out);
    out = joinTokens(tokens(attribute(inner, "class") || ""), out);
    out = joinTokens(tokens(attribute(inner, "id") || ""), out);
    if (out && level > 0) break;
  }
  const place = gridPlace(el, tag);
  if (place) out += (out ? " " : "") + place;
  out = out || joinTokens(tokens(attribute(el, "name") || ""), "") || fileName(attribute(el, "href") || "");
  return out || tag;
};

// ---- colours

const PALETTE = {
  __proto__: null,
  black: [0, 0, 0], white: [255, 255, 255], red: [255, 0, 0], lime: [0, 255, 0], blue: [0, 0, 255], yellow: [255, 255, 0],
  cyan: [0, 255, 255], magenta: [255, 0, 255], gray: [128, 128, 128], silver: [192, 192, 192], maroon: [128, 0, 0],
  olive: [128, 128, 0], green: [0, 128, 0], purple: [128, 0, 128], teal: [0, 128, 128], navy: [0, 0, 128],
  orange: [255, 165, 0], pink: [255, 192, 203], brown: [165, 42, 42],
};
const COLOUR_NAMES = ownKeys(PALETTE);

// "rgb(r, g, b)" or "rgba(r, g, b, a)" as four numbers; null for anything else.
const channels = (css) => {
  if (indexOf(css, "rgb") !== 0) return null;
  const out = [];
  let number = "";
  for (let i = indexOf(css, "(") + 1; i < css.length; i++) {
    const char = css[i];
    if ((char >= "0" && char <= "9") || char === ".") number += char;
    else if (number) {
      out[out.length] = toNumber(number);
      number = "";
    }
  }
  if (out.length === 3) out[3] = 1;
  return out.length === 4 ? out : null;
};

// The basic colour within a short distance of `css`, else its hexadecimal form; "" when it can't be seen.
const colourName = (css) => {
  const rgb = channels(css);
  if (!rgb || rgb[3] < 0.1) return "";
  let best = "";
  let least = 3000; // squared distance; about 30 steps in each channel
  for (let i = 0; i < COLOUR_NAMES.length; i++) {
    const other = PALETTE[COLOUR_NAMES[i]];
    const distance = (rgb[0] - other[0]) ** 2 + (rgb[1] - other[1]) ** 2 + (rgb[2] - other[2]) ** 2;
    if (distance < least) {
      least = distance;
      best = COLOUR_NAMES[i];
    }
  }
  const hex = (n) => "0123456789abcdef"[(n >> 4) & 15] + "0123456789abcdef"[n & 15];
  return best || "#" + hex(rgb[0]) + hex(rgb[1]) + hex(rgb[2]);
};

// A colour as the page's author wrote it, where that is a plain word; else the computed one by its nearest name.
const writtenColour = (word) => {
  const value = word ? lower(clean(word, 30)) : "";
  for (let i = 0; i < value.length; i++) {
    const code = charCodeAt(value, i);
    if (code < 97 || code > 122) return "";
  }
  return value === "none" || value === "transparent" || value === "inherit" || value === "currentcolor" ? "" : value;
};
const fillOf = (el) => {
  const written = writtenColour(attribute(el, "fill"));
  if (written) return written;
  const style = styleOf(window, el);
  return colourName(propertyOf(style, "fill")) || colourName(propertyOf(style, "stroke"));
};
const styleWord = (el, name) => {
  const style = attribute(el, "style");
  const at = style ? indexOf(style, name) : -1;
  if (at < 0) return "";
  let word = "";
  for (let i = at + name.length + 1; i < style.length && style[i] !== ";"; i++) word += style[i];
  return writtenColour(word);
};
const backgroundOf = (el) => {
  const css = propertyOf(styleOf(window, el), "background-color");
  const name = colourName(css);
  return name ? styleWord(el, "background-color") || styleWord(el, "background") || name : "";
};

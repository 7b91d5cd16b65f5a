// Part 5 of the outline script: what can be done with an element, how it stands, and what else is worth saying of it.

// flags
const IN_VIEW = 1, GUESSED = 2, CELL = 4, CONTAINER = 8, CLICKABLE = 16, EDITABLE = 32, SELECTABLE = 64, CHECKABLE = 128,
  DRAGGABLE = 256, SCROLLABLE = 512, DECORATIVE = 1024;
const ACTIONS = CLICKABLE | EDITABLE | SELECTABLE | CHECKABLE | DRAGGABLE | SCROLLABLE;
// states
const CHECKED = 1, MIXED = 2, SELECTED = 4, EXPANDED = 8, COLLAPSED = 16, DISABLED = 32, FOCUSED = 64, INVALID = 128,
  REQUIRED = 256, READONLY = 512, PRESSED = 1024, CURRENT = 2048, MULTISELECTABLE = 4096;

const EXTRA_TEXTS = ["value", "type", "href", "level", "min", "max", "color"];
const OPTIONS_LIMIT = 60;

const flag = (el, name) => attribute(el, name) === "true";

const textEntry = (tag, el) => tag === "textarea" || (tag === "input" && !INPUT_ROLES[inputType(el)] && inputType(el) !== "color") ||
  (tag === "input" && (inputType(el) === "number" || inputType(el) === "search"));

// Parts that jQuery UI makes act, by the classes it gives them.
const UI_HANDLE = 1, UI_DRAG = 2, UI_SORTABLE = 4;
const uiOf = (el) => {
  const value = attribute(el, "class");
  if (!value || indexOf(value, "ui-") < 0) return 0;
  const words = " " + value + " ";
  return (indexOf(words, " ui-slider-handle ") >= 0 ? UI_HANDLE : 0) | (indexOf(words, " ui-sortable ") >= 0 ? UI_SORTABLE : 0) |
    (indexOf(words, " ui-draggable ") >= 0 || indexOf(words, "ui-sortable-handle") >= 0 ||
      indexOf(words, "ui-resizable-handle") >= 0 ? UI_DRAG : 0);
};

const nativeActions = (el, tag, role) => {
  switch (tag) {
    case "a": return role === "link" || hasAttribute(el, "href") ? CLICKABLE : 0;
    case "button": case "summary": return CLICKABLE;
    case "select": return SELECTABLE;
    case "textarea": return EDITABLE;
    case "input": {
      const type = inputType(el);
      if (type === "checkbox" || type === "radio") return CHECKABLE | CLICKABLE;
      return textEntry(tag, el) || type === "color" || type === "range" ? EDITABLE : CLICKABLE;
    }
    case "video": case "audio": return hasAttribute(el, "controls") ? CLICKABLE : 0;
    case "embed": case "object": return CLICKABLE;
    default: return 0;
  }
};

const actionsOf = (el, tag, role, { heard, ui, sortable }) => {
  let actions = nativeActions(el, tag, role);
  if (heard & (CLICK | DOUBLE | CONTEXT)) actions |= CLICKABLE;
  if (heard & DRAG || ui & (UI_HANDLE | UI_DRAG) || sortable) actions |= DRAGGABLE;
  if (CONTROL_ROLES[role] && !actions) actions |= role === "textbox" || role === "searchbox" ? EDITABLE : CLICKABLE;
  if (attribute(el, "draggable") === "true") actions |= DRAGGABLE;
  if (hasAttribute(el, "contenteditable") && isContentEditable(el)) actions |= EDITABLE;
  if (!actions && hasAttribute(el, "tabindex") && toNumber(attribute(el, "tabindex")) >= 0) actions |= CLICKABLE;
  return actions;
};

const statesOf = (el, tag, role, w) => {
  let states = el === w.active ? FOCUSED : 0;
  if (tag === "input") {
    const type = inputType(el);
    if (type === "checkbox" && inputMixed(el)) states |= MIXED;
    else if ((type === "checkbox" || type === "radio") && inputChecked(el)) states |= CHECKED;
  }
  if (tag === "input" || tag === "textarea" || tag === "select" || tag === "button" || tag === "fieldset") {
    if (matches(el, ":disabled")) states |= DISABLED;
    if (tag !== "button") {
      if (hasAttribute(el, "required")) states |= REQUIRED;
      if (hasAttribute(el, "readonly") && textEntry(tag, el)) states |= READONLY;
      if (matches(el, ":user-invalid")) states |= INVALID;
    }
    if (tag === "select" && selectMultiple(el)) states |= MULTISELECTABLE;
  }
  if (tag === "summary") states |= hasAttribute(parentNode(el), "open") ? EXPANDED : COLLAPSED;
  return states | ariaStates(el);
};

const ARIA_STATES = [
  ["aria-selected", SELECTED, 0], ["aria-expanded", EXPANDED, COLLAPSED], ["aria-disabled", DISABLED, 0],
  ["aria-required", REQUIRED, 0], ["aria-readonly", READONLY, 0], ["aria-multiselectable", MULTISELECTABLE, 0],
];
const ariaStates = (el) => {
  let states = 0;
  for (let i = 0; i < ARIA_STATES.length; i++) {
    const value = attribute(el, ARIA_STATES[i][0]);
    if (value === "true") states |= ARIA_STATES[i][1];
    else if (value === "false") states |= ARIA_STATES[i][2];
  }
  const checked = attribute(el, "aria-checked") || attribute(el, "aria-pressed");
  if (checked === "mixed") states |= MIXED;
  else if (checked === "true") states |= hasAttribute(el, "aria-checked") ? CHECKED : PRESSED;
  const invalid = attribute(el, "aria-invalid");
  if (invalid && invalid !== "false") states |= INVALID;
  const current = attribute(el, "aria-current");
  if (current && current !== "false") states |= CURRENT;
  return states;
};

const shortUrl = (el) => {
  const href = attribute(el, "href");
  if (!href || href[0] === "#" || indexOf(lower(slice(href, 0, 20)), "javascript:") >= 0) return "";
  return clean(href, 80);
};

const dots = (count) => {
  let out = "";
  for (let i = 0; i < count && i < 40; i++) out += "•";
  return out;
};

const extraOf = (el, tag, role, actions) => {
  const extra = { __proto__: null };
  if (tag === "input") {
    const type = inputType(el);
    if (type === "password") extra.value = dots(inputValue(el).length);
    else if (type === "file") extra.value = fileName(inputValue(el));
    else if (actions & EDITABLE) extra.value = clean(inputValue(el), TEXT_LIMIT);
    if (type !== "text" && INPUT_ROLES[type] !== role) extra.type = type;
    if (type === "file") extra.type = "file";
    if (type === "range" || type === "number" || type === "date") {
      extra.min = attribute(el, "min") || (type === "range" ? "0" : "");
      extra.max = attribute(el, "max") || (type === "range" ? "100" : "");
    }
  } else if (tag === "textarea") {
    extra.value = clean(textareaValue(el), TEXT_LIMIT);
    extra.type = "textarea";
  } else if (tag === "select") {
    extra.value = chosenOf(el);
    const options = selectOptions(el);
    extra.options = [];
    extra.total = options.length;
    for (let i = 0; i < options.length && i < OPTIONS_LIMIT; i++) extra.options[i] = clean(optionLabel(options[i]), 100);
  } else if (tag === "progress" || tag === "meter") {
    extra.value = attribute(el, "value") || "";
    extra.max = attribute(el, "max") || "1";
  } else if (actions & EDITABLE) extra.value = clean(textContentOf(el) || "", TEXT_LIMIT);
  else if (tag === "a") extra.href = shortUrl(el);
  const value = attribute(el, "aria-valuetext") || attribute(el, "aria-valuenow");
  if (value) {
    extra.value = clean(value, NAME_LIMIT);
    extra.min = attribute(el, "aria-valuemin") || "";
    extra.max = attribute(el, "aria-valuemax") || "";
  } else if (role === "slider" && tag !== "input") extra.value = handlePlace(el);
  if (role === "heading") extra.level = attribute(el, "aria-level") || (tag[0] === "h" && tag.length === 2 ? tag[1] : "2");
  return extra;
};

// Where a script-made slider's handle stands, for such handles say it nowhere else.
const handlePlace = (el) => {
  const style = attribute(el, "style") || "";
  for (let i = 0; i < HANDLE_SIDES.length; i++) {
    const side = HANDLE_SIDES[i];
    const at = indexOf(style, side);
    if (at >= 0) return "" + toNumber(slice(style, at + side.length)) + "%";
  }
  return "";
};
const HANDLE_SIDES = ["left:", "bottom:"];

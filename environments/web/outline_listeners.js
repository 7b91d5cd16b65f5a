// Part 2 of the outline script: which elements listen for what.
//
// addEventListener and removeEventListener are wrapped before the page's first script; what they were told is kept in a
// WeakMap, so that nothing is written into the page. Handlers set as `on...` properties are read when the page is walked.

const CLICK = 1;
const DOUBLE = 2;
const CONTEXT = 4;
const DRAG = 8;
const DROP = 16;
const KEY = 32;
const INPUT = 64;
const HOVER = 128;
const POINTED = CLICK | DOUBLE | CONTEXT | DRAG;

const INTEREST = {
  __proto__: null,
  click: CLICK, mousedown: CLICK, mouseup: CLICK, pointerdown: CLICK, pointerup: CLICK, touchstart: CLICK, touchend: CLICK,
  dblclick: DOUBLE, contextmenu: CONTEXT, dragstart: DRAG, drag: DRAG, drop: DROP,
  keydown: KEY, keyup: KEY, keypress: KEY, input: INPUT, change: INPUT,
  mouseenter: HOVER, mouseover: HOVER, pointerenter: HOVER, pointerover: HOVER,
};

const heardBy = sealed(new WeakMap()); // event target -> list of {type, callback, capture}
const nativeAdd = EventTarget.prototype.addEventListener;
const nativeRemove = EventTarget.prototype.removeEventListener;

const captures = (options) => (options !== null && typeof options === "object" ? !!options.capture : !!options);

const findRecord = (list, type, callback, capture) => {
  for (let i = 0; i < list.length; i++) {
    const record = list[i];
    if (record.type === type && record.callback === callback && record.capture === capture) return i;
  }
  return -1;
};

const forget = (target, type, callback, capture) => {
  const list = heardBy.get(target);
  const at = list ? findRecord(list, type, callback, capture) : -1;
  if (at < 0) return;
  for (let i = at; i < list.length - 1; i++) list[i] = list[i + 1];
  list.length -= 1;
};

const remember = (target, type, callback, options) => {
  if (!callback || INTEREST[type] === undefined) return;
  const capture = captures(options);
  let list = heardBy.get(target);
  if (!list) heardBy.set(target, (list = []));
  if (findRecord(list, type, callback, capture) >= 0) return;
  list[list.length] = { type, callback, capture };
  if (options === null || typeof options !== "object") return;
  const drop = () => forget(target, type, callback, capture);
  if (options.once) reflectApply(nativeAdd, target, [type, drop, { once: true, capture }]);
  if (options.signal) reflectApply(nativeAdd, options.signal, ["abort", drop, { once: true }]);
};

// Called as a bare function, a listener goes to the global object, as the native one would have it.
const replaceMethod = (name, fn) => {
  const found = Object.getOwnPropertyDescriptor(EventTarget.prototype, name);
  found.value = fn;
  Object.defineProperty(EventTarget.prototype, name, found);
};
replaceMethod("addEventListener", {
  addEventListener(type, callback, options) {
    reflectApply(nativeAdd, this, arguments);
    remember(this === undefined ? window : this, type, callback, options);
  },
}.addEventListener);
replaceMethod("removeEventListener", {
  removeEventListener(type, callback, options) {
    reflectApply(nativeRemove, this, arguments);
    forget(this === undefined ? window : this, type, callback, captures(options));
  },
}.removeEventListener);

const HANDLERS = [];
for (const type of ["click", "mousedown", "mouseup", "pointerdown", "dblclick", "contextmenu", "dragstart"]) {
  for (const prototype of [HTMLElement.prototype, SVGElement.prototype]) {
    if (Object.getOwnPropertyDescriptor(prototype, "on" + type)) {
      HANDLERS[HANDLERS.length] = {
        svg: prototype === SVGElement.prototype, mask: INTEREST[type], read: softGetterOf(prototype, "on" + type),
      };
    }
  }
}

// What an element itself listens for, as a mask. Delegated handlers are the business of `delegatesOf`.
const listenersOf = (el) => {
  let mask = 0;
  const list = heardBy.get(el);
  if (list) for (let i = 0; i < list.length; i++) mask |= INTEREST[list[i].type];
  return mask;
};

const handlersOf = (el, svg) => {
  let mask = 0;
  for (let i = 0; i < HANDLERS.length; i++) {
    const handler = HANDLERS[i];
    if (handler.svg === svg && handler.read(el)) mask |= handler.mask;
  }
  return mask;
};

// jQuery keeps delegated handlers on the ancestor, each with the selector of those it is for; React keeps its own in a
// property of each element and listens at the root only. Both are asked through the page's own objects: best effort,
// and a page that lies about them fools only itself.
const delegatesOf = (el, view) => {
  const found = { selectors: [], only: false };
  try {
    const jq = view.jQuery;
    const events = jq && jq._data ? jq._data(el, "events") : null;
    if (events) {
      let direct = 0;
      for (const type of ["click", "mousedown", "mouseup", "dblclick", "touchstart"]) {
        const handlers = events[type];
        for (let i = 0; handlers && i < handlers.length; i++) {
          if (handlers[i].selector) found.selectors[found.selectors.length] = handlers[i].selector;
          else direct += 1;
        }
      }
      found.only = direct === 0 && found.selectors.length > 0;
    }
  } catch {
    // The page's jQuery is not jQuery; then it delegates nothing that can be known.
  }
  return found;
};

const reactKeyOf = (el) => {
  const keys = ownKeys(el);
  for (let i = 0; i < keys.length; i++) {
    if (indexOf(keys[i], "__reactContainer$") === 0) return "__reactProps$" + slice(keys[i], 17);
  }
  return "";
};
const reactMask = (el, key) => {
  const props = el[key];
  if (!props) return 0;
  return (props.onClick || props.onMouseDown || props.onPointerDown || props.onMouseUp ? CLICK : 0) |
    (props.onDoubleClick ? DOUBLE : 0) | (props.onDragStart ? DRAG : 0);
};

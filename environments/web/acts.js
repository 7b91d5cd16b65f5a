// What an action needs of the page besides the mouse and the keys. Each takes a reference and answers in JSON.
(() => {
  "use strict";
  if (window.__agentkit_acts || !window.__agentkit) return;
  const stringify = JSON.stringify;
  const { element, locate } = window.__agentkit;

  const viewOf = (el) => el.ownerDocument.defaultView;
  const fire = (el, type) => el.dispatchEvent(new (viewOf(el).Event)(type, { bubbles: true, composed: true }));

  // `true`, `false` or `mixed` for what can be ticked.
  const tickOf = (el) => {
    if (el.localName === "input" && (el.type === "checkbox" || el.type === "radio")) {
      return el.indeterminate ? "mixed" : "" + el.checked;
    }
    return el.getAttribute("aria-checked") || el.getAttribute("aria-pressed") || el.getAttribute("aria-selected") || "";
  };

  // Begin the settling window and say where the element is.
  const place = (ref) => {
    window.__agentkit_settle.arm();
    const found = locate(ref);
    const el = element(ref);
    if (el && el.isConnected) {
      found.tick = tickOf(el);
      found.multiple = el.multiple === true;
    }
    return stringify(found);
  };

  const focus = (ref) => {
    const el = element(ref);
    el.focus();
    return el.ownerDocument.activeElement === el || !!(el.getRootNode().activeElement);
  };

  const isRich = (el) => el.isContentEditable && el.select === undefined;

  // Mark what the field contains, so that the next key replaces it. True when there is anything to replace.
  const selectAll = (ref) => {
    const el = element(ref);
    if (!isRich(el)) {
      el.focus();
      el.select();
      return el.value !== "";
    }
    const selection = viewOf(el).getSelection();
    el.focus();
    selection.selectAllChildren(el);
    return el.textContent !== "" || el.childElementCount > 0;
  };

  // Put the caret behind the last character.
  const caretToEnd = (ref) => {
    const el = element(ref);
    if (isRich(el)) {
      const selection = viewOf(el).getSelection();
      el.focus();
      selection.selectAllChildren(el);
      selection.collapseToEnd();
      return true;
    }
    if (typeof el.value !== "string") return true;
    el.focus();
    try {
      el.setSelectionRange(el.value.length, el.value.length);
      return true;
    } catch {
      return false; // email and number fields have no selection; the End key does it
    }
  };

  const setValue = (ref, value) => {
    const el = element(ref);
    el.focus();
    const own = Object.getOwnPropertyDescriptor(viewOf(el).HTMLInputElement.prototype, "value");
    const before = el.value;
    own.set.call(el, value);
    if (value !== "" && (el.value === "" || (el.type === "color" && el.value !== value.toLowerCase()))) {
      own.set.call(el, before);
      return false;
    }
    fire(el, "input");
    fire(el, "change");
    return true;
  };

  // Choose options by label or value, with the events of a choice by hand. "" when done, else what was wrong.
  const choose = (ref, wanted) => {
    const el = element(ref);
    const simple = (text) => text.replace(/\s+/g, " ").trim().toLowerCase();
    const chosen = [];
    for (const want of wanted) {
      const all = [...el.options];
      const option = all.find((one) => one.label.trim() === want || one.value === want) ||
        all.find((one) => simple(one.label) === simple(want) || simple(one.value) === simple(want));
      if (!option) return "missing " + want;
      if (option.disabled || (option.parentElement.localName === "optgroup" && option.parentElement.disabled)) return "disabled " + want;
      chosen.push(option);
    }
    el.focus();
    if (el.multiple) for (const option of el.options) option.selected = chosen.includes(option);
    else chosen[0].selected = true;
    fire(el, "input");
    fire(el, "change");
    return "";
  };

  const canScroll = (el, across) => {
    const root = el === el.ownerDocument.scrollingElement;
    const style = viewOf(el).getComputedStyle(el);
    const overflow = across ? style.overflowX : style.overflowY;
    const more = across ? el.scrollWidth - el.clientWidth : el.scrollHeight - el.clientHeight;
    return more > 1 && (root ? overflow !== "hidden" : overflow === "auto" || overflow === "scroll" || el.localName === "textarea");
  };
  // The box to scroll: around the element, else the page, else the largest box in view that scrolls.
  const scroller = (ref, across) => {
    for (let el = ref ? element(ref) : null; el; el = el.parentElement || (el.getRootNode().host || null)) {
      if (el.localName === "iframe" && el.contentDocument) el = el.contentDocument.scrollingElement;
      if (canScroll(el, across)) return el;
    }
    const root = document.scrollingElement || document.documentElement;
    if (canScroll(root, across)) return root;
    let best = null, size = 0;
    for (const el of document.querySelectorAll("*")) {
      if (el.scrollHeight <= el.clientHeight + 1 && el.scrollWidth <= el.clientWidth + 1) continue;
      const area = el.clientWidth * el.clientHeight;
      if (area > size && canScroll(el, across)) [best, size] = [el, area];
    }
    return best;
  };
  // Scroll by most of what the box shows. "" when it moved, else why not.
  const scroll = (ref, direction) => {
    window.__agentkit_settle.arm();
    if (ref && !element(ref)) return "unknown";
    const across = direction === "left" || direction === "right";
    const box = scroller(ref, across);
    if (!box) return "nothing scrolls " + direction;
    const sign = direction === "up" || direction === "left" ? -1 : 1;
    const before = across ? box.scrollLeft : box.scrollTop;
    const by = sign * Math.max(40, Math.round((across ? box.clientWidth : box.clientHeight) * 0.8));
    box.scrollBy({ [across ? "left" : "top"]: by, behavior: "instant" });
    return (across ? box.scrollLeft : box.scrollTop) === before ? "already at the end of what scrolls " + direction : "";
  };

  // Let the page's time pass where it is ours to move. True when it was.
  const pass = (ms) => {
    window.__agentkit_settle.arm();
    return window.__agentkit_clock ? window.__agentkit_clock.skip(ms).then(() => true) : false;
  };

  Object.defineProperty(window, "__agentkit_acts", {
    value: Object.freeze({ __proto__: null, caretToEnd, choose, focus, pass, place, scroll, selectAll, setValue }),
  });
})();

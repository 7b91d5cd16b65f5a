// Evaluated in a page that BrowserGym has marked with `bid` and theirs.py with `data-heard`, and that has agentkit's outline
// script. Returns `outline`, agentkit's elements with the bid of each, and `heard`, the places that a person can act on.
() => {
  const seen = JSON.parse(__agentkit.observe({ scope: "page" }));
  const box = (el) => {
    const r = el.getBoundingClientRect();
    return [Math.round(r.left), Math.round(r.top), Math.round(r.width), Math.round(r.height)];
  };
  const outline = seen.rows.filter((row) => row[0]).map((row) => {
    const el = __agentkit.element(String(row[0]));
    return {
      ref: String(row[0]), role: row[1], tag: row[2], name: row[3], guessed: Boolean(row[4] & 2), box: box(el),
      bid: el.getAttribute("bid"), options: (row[12] || {}).options || [],
      within: [...function* () { for (let up = el; up; up = up.parentElement) yield up.getAttribute("bid"); }()],
    };
  });
  const words = new Set(["click", "dblclick", "mousedown", "mouseup", "pointerdown", "touchstart"]);
  // What jQuery UI drags and selects: the listener sits on a container, or on nothing yet.
  const HANDLES = ".ui-slider-handle, .ui-sortable-handle, .ui-draggable-handle, .ui-selectee";
  const pointer = (el) => getComputedStyle(el).cursor === "pointer";
  const scene = document.getElementById("area") || document.getElementById("wrap") || document.body;
  const whole = scene.getBoundingClientRect();
  const places = [];
  for (const el of document.body.querySelectorAll("*")) {
    const types = (el.dataset.heard || "").split(" ").filter((type) => words.has(type));
    const native = /^(a|button|input|select|textarea|option)$/.test(el.localName);
    const r = el.getBoundingClientRect();
    const style = getComputedStyle(el);
    const visible = r.width > 2 && r.height > 2 && style.visibility === "visible" && style.display !== "none" &&
      r.right > 0 && r.bottom > 0;
    // A listener on nearly the whole scene serves its insides; it is no place of its own.
    const wide = r.width * r.height > 0.6 * whole.width * whole.height && el.children.length > 0;
    if (el.matches(HANDLES)) types.push("handle");
    if (pointer(el) && !pointer(el.parentElement)) types.push("pointer");
    if (!types.length || native || !visible || wide) continue;
    places.push({
      tag: el.localName, types, class: el.getAttribute("class") || "", id: el.id, text: (el.textContent || "").trim().slice(0, 40),
      bid: el.getAttribute("bid"), box: box(el), ref: __agentkit.refOf(el),
      inside: [...el.querySelectorAll("*")].map((child) => __agentkit.refOf(child)).filter(Boolean),
    });
  }
  return { outline, places };
}

// Tells when a page has come to rest after an action. `settle.py` says what that means and holds the waiting together.
//
// Only what the action caused is waited for. Code runs in a "generation": 0 for event handlers and replies to requests,
// n for a timer set n timers deep, and FOREIGN for timers that were set before the action. What foreign code starts
// (polling, clocks, carousels) holds nobody up.
(() => {
  "use strict";
  if (window.__agentkit_settle) return;

  const SHORT_TIMER = 500; // ms; a timer up to this long is waited for: debounced input, delayed menus
  const DEPTH = 3; // timers set by timers set by timers
  const SHORT_INTERVAL = 100; // ms; animation by interval, as jQuery does it
  const CHURN = 1000; // ms after which a short interval is no animation but a clock
  const PATIENCE = 1500; // ms of changes and timers with nothing firmer pending; what still changes then is restless
  const SLOW_LOAD = 1500; // ms to wait for images and frames once the document itself is there
  const SAME_REQUEST = 2; // requests to one address in one window; more is polling
  const FRUITLESS = 2; // times that a timer which a click sets has to have done nothing, to be waited for no more
  const SAME_TIMER = 2; // runs of one callback in one window; more is a loop, while a debounced one is cleared unrun
  const FOREIGN = -1;

  const MOMENT = 100; // ms that a step takes at the least where time moves by steps only: what runs by itself goes on

  const paced = window.__agentkit_clock || null; // where the page's time is ours to move
  const clock = paced ? paced.now : performance.now.bind(performance);
  const stopwatch = paced ? paced.realNow : clock;
  const timeout = window.setTimeout, interval = window.setInterval, clearing = window.clearTimeout;
  const clearingInterval = window.clearInterval;
  const frameRequest = window.requestAnimationFrame;
  const listen = EventTarget.prototype.addEventListener;
  const apply = Reflect.apply;
  const Later = Promise, Channel = MessageChannel, Observer = MutationObserver;
  const send = XMLHttpRequest.prototype.send, open = XMLHttpRequest.prototype.open;
  const nativeFetch = window.fetch;
  const stringify = JSON.stringify;
  const sourceOf = Function.prototype.toString;
  const Stack = Error;

  let epoch = 1; // number of the present window, from one `arm` to the next; a page is born in its first
  let armed = true;
  let generation = 0;
  let leaving = ""; // where a navigation away is going to
  let loadGivenUp = false;
  let interactiveAt = 0;
  let changes = 0;
  const timers = new Set();
  const fired = new Map(); // source of a timer's callback -> times it has run in this window
  const fruitless = new Map(); // code that sets timers -> times in a row that nothing came of it
  const ticking = new Map(); // interval -> when it was set
  const requests = new Map(); // token -> address
  const asked = new Map(); // address -> times in this window
  const background = new Set(); // addresses asked for while nobody had acted
  const loading = new Set(); // scripts, style sheets and frames that were added and are on their way
  const restless = new WeakMap(); // node that never stops changing -> the last epoch it did so
  const givenUp = new WeakSet(); // frames and animations that outlasted a wait
  const churned = new Map(); // node -> changes in this wait
  const log = [];

  // ---- timers

  const within = (own, fn, self, args, bornIn) => {
    const before = generation;
    generation = bornIn === epoch && armed ? own : FOREIGN;
    try {
      return apply(fn, self, args);
    } finally {
      generation = before;
    }
  };
  const nextGeneration = () => (armed && generation !== FOREIGN ? generation + 1 : FOREIGN);

  window.setTimeout = function setTimeout(callback, delay, ...rest) {
    if (typeof callback !== "function") return apply(timeout, window, arguments);
    const own = nextGeneration(), bornIn = epoch;
    const counts = own > 0 && own <= DEPTH && !(delay > SHORT_TIMER);
    const source = counts ? apply(sourceOf, callback, []) : "";
    const site = counts && !typing() ? siteOf() : "";
    const id = timeout(function () {
      if (timers.delete(id)) fired.set(source, (fired.get(source) || 0) + 1);
      if (site) judge(site);
      return within(own, callback, this, arguments, bornIn);
    }, delay, ...rest);
    if (counts && (fired.get(source) || 0) < SAME_TIMER && (fruitless.get(site) || 0) < FRUITLESS) timers.add(id);
    return id;
  };
  // Which code sets a timer: menus, for one, set one at every click anywhere, which does nothing while they are closed.
  const siteOf = () => (new Stack().stack || "").slice(0, 1500);
  const typing = () => window.event instanceof KeyboardEvent || window.event instanceof InputEvent;
  // Called before a timer runs: learn whether it changes anything.
  const judge = (site) => {
    if (!armed || !observing) return;
    const during = epoch, before = count(), busyBefore = requests.size;
    timeout(() => {
      if (epoch !== during || !observing) return;
      const idle = count() === before && requests.size === busyBefore && !leaving;
      fruitless.set(site, idle ? (fruitless.get(site) || 0) + 1 : 0);
    }, 0);
  };
  window.setInterval = function setInterval(callback, delay, ...rest) {
    if (typeof callback !== "function") return apply(interval, window, arguments);
    const own = nextGeneration(), bornIn = epoch;
    const id = interval(function () {
      return within(own, callback, this, arguments, bornIn);
    }, delay, ...rest);
    if (own > 0 && own <= DEPTH && !(delay > SHORT_INTERVAL)) ticking.set(id, clock());
    return id;
  };
  window.clearTimeout = function clearTimeout(id) {
    timers.delete(id);
    ticking.delete(id);
    return apply(clearing, window, arguments);
  };
  window.clearInterval = function clearInterval(id) {
    timers.delete(id);
    ticking.delete(id);
    return apply(clearingInterval, window, arguments);
  };
  window.requestAnimationFrame = function requestAnimationFrame(callback) {
    if (typeof callback !== "function") return apply(frameRequest, window, arguments);
    const own = armed ? generation : FOREIGN, bornIn = epoch;
    return frameRequest(function () {
      return within(own, callback, this, arguments, bornIn);
    });
  };

  // ---- requests

  // True while the page handles something that a person did.
  const handlingInput = () => {
    const event = window.event;
    return !!event && event.isTrusted && (event instanceof UIEvent || event.type === "submit" || event.type === "change");
  };
  const begin = (address) => {
    if (!armed) {
      background.add(address);
      return null;
    }
    const times = (asked.get(address) || 0) + 1;
    asked.set(address, times);
    const wanted = generation !== FOREIGN && !background.has(address) && times <= SAME_REQUEST;
    if (!wanted && !handlingInput()) return null;
    const token = {};
    requests.set(token, address);
    return token;
  };
  const addressOf = (method, url) => {
    const text = "" + url;
    const end = text.search(/[?#]/);
    return method + " " + (end < 0 ? text : text.slice(0, end)).slice(0, 200);
  };

  if (nativeFetch) {
    window.fetch = function fetch(resource, options) {
      const method = (options && options.method) || (resource && resource.method) || "GET";
      const token = begin(addressOf(method, (resource && resource.url) || resource));
      const reply = apply(nativeFetch, this === undefined ? window : this, arguments);
      if (token) reply.then(() => requests.delete(token), () => requests.delete(token));
      return reply;
    };
    for (const name of ["arrayBuffer", "blob", "formData", "json", "text"]) {
      const read = Response.prototype[name];
      Response.prototype[name] = {
        [name]() {
          const body = apply(read, this, arguments);
          if (armed && generation !== FOREIGN) {
            const token = {};
            requests.set(token, "a reply");
            body.then(() => requests.delete(token), () => requests.delete(token));
          }
          return body;
        },
      }[name];
    }
  }
  const addresses = new WeakMap();
  XMLHttpRequest.prototype.open = function open_(method, url) {
    addresses.set(this, addressOf(method, url));
    return apply(open, this, arguments);
  };
  XMLHttpRequest.prototype.send = function send_() {
    const token = begin(addresses.get(this) || "");
    if (token) apply(listen, this, ["loadend", () => requests.delete(token)]);
    try {
      return apply(send, this, arguments);
    } catch (error) {
      requests.delete(token);
      throw error;
    }
  };

  // ---- changes

  const isLoadable = (node) => {
    const tag = node.localName;
    return (tag === "script" && !!node.src) || tag === "iframe" || (tag === "link" && node.rel === "stylesheet" && !!node.href);
  };
  const await_ = (node) => {
    if (!isLoadable(node)) return;
    loading.add(node);
    const done = () => loading.delete(node);
    apply(listen, node, ["load", done]);
    apply(listen, node, ["error", done]);
  };
  const note = (records) => {
    for (const record of records) {
      const target = record.target;
      const last = restless.get(target);
      if (last !== undefined) {
        if (epoch - last <= 1) {
          restless.set(target, epoch);
          continue;
        }
        restless.delete(target);
      }
      changes += 1;
      churned.set(target, (churned.get(target) || 0) + 1);
      for (const node of record.addedNodes) if (node.nodeType === 1) await_(node);
    }
  };
  const observer = new Observer(note);
  let observing = false;
  const watch = () => {
    if (observing) return;
    observer.observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
    observing = true;
  };
  const unwatch = () => {
    observer.disconnect();
    observing = false;
  };

  // ---- leaving

  if (window.navigation) {
    apply(listen, window.navigation, ["navigate", (event) => {
      const there = event.destination;
      if (there.sameDocument || event.downloadRequest !== null || /^(javascript|mailto|tel):/.test(there.url)) return;
      leaving = there.url;
    }]);
    const stayed = () => { leaving = ""; };
    apply(listen, window.navigation, ["navigatesuccess", stayed]);
    apply(listen, window.navigation, ["navigateerror", stayed]);
  }

  // ---- what went wrong

  const record = (text) => {
    if (log.length < 8) log.push(("" + text).slice(0, 300));
  };
  const complain = console.error;
  console.error = function error(...parts) {
    try {
      record("console error: " + parts.map((part) => (part instanceof Error ? "" + part : typeof part === "object" ?
        stringify(part) : "" + part)).join(" "));
    } catch {
      record("console error: something that cannot be printed");
    }
    return apply(complain, this, arguments);
  };
  apply(listen, window, ["error", (event) => {
    if (event.message) record("script error: " + event.message);
  }]);
  apply(listen, window, ["unhandledrejection", (event) => {
    let reason = "?";
    try {
      reason = "" + ((event.reason && event.reason.message) || event.reason);
    } catch {
      // a reason that cannot be made into text stays unknown
    }
    record("script error: unhandled rejection: " + reason);
  }]);

  // ---- waiting

  const inner = () => {
    const out = [];
    for (let i = 0; i < window.length; i++) {
      try {
        const own = window[i].__agentkit_settle;
        if (own) out.push(own);
      } catch {
        // a frame of another origin: its loading shows in the parent, its scripts are its own affair
      }
    }
    return out;
  };
  const MOVING = "an animation is running";
  const animating = (left) => {
    for (const animation of document.getAnimations()) {
      if (animation.playState !== "running" || animation.timeline !== document.timeline || givenUp.has(animation)) continue;
      const timing = animation.effect && animation.effect.getComputedTiming();
      const rest = timing ? (timing.endTime - (timing.localTime || 0)) / Math.abs(animation.playbackRate || 1) : Infinity;
      if (rest > 0 && rest < left) return true;
    }
    return false;
  };
  const stillLoading = (at) => {
    if (loadGivenUp || document.readyState === "complete") return false;
    if (document.readyState !== "interactive") return true;
    interactiveAt = interactiveAt || at;
    if (at - interactiveAt < SLOW_LOAD) return true;
    loadGivenUp = true;
    record("the page has not finished loading; some of its parts do not arrive");
    return false;
  };

  // Timers that are pending, in words; empty for none. They do not excuse endless changes, as what follows does.
  const ticks = (at) => {
    if (timers.size) return "a timer is running";
    for (const since of ticking.values()) if (at - since < CHURN) return "a timer is ticking";
    for (const frame of inner()) if (frame.ticks(at)) return frame.ticks(at);
    return "";
  };
  // What else is pending.
  const busy = (at, left) => {
    if (stillLoading(at)) return "the page is still loading";
    for (const address of requests.values()) return "a request is running: " + address;
    for (const node of loading) {
      if (node.isConnected && !givenUp.has(node)) return "a part is being loaded: " + (node.src || node.href || node.localName);
      loading.delete(node);
    }
    if (animating(left)) return MOVING;
    for (const frame of inner()) {
      const reason = frame.busy(at, left);
      if (reason) return "in a frame, " + reason;
    }
    return "";
  };
  const count = () => {
    if (observing) note(observer.takeRecords());
    let all = changes;
    for (const frame of inner()) all += frame.count();
    return all;
  };
  const arm = () => {
    epoch += 1;
    armed = true;
    generation = 0;
    changes = 0;
    timers.clear();
    ticking.clear();
    requests.clear();
    asked.clear();
    fired.clear();
    churned.clear();
    watch();
    for (const frame of inner()) frame.arm();
  };
  const rest = () => {
    armed = false;
    unwatch();
    for (const frame of inner()) frame.rest();
  };
  // After the cap: whatever held this wait up shall not hold up the next one.
  const giveUp = () => {
    loadGivenUp = loadGivenUp || document.readyState !== "complete";
    for (const address of requests.values()) background.add(address);
    for (const node of loading) givenUp.add(node);
    for (const animation of document.getAnimations()) givenUp.add(animation);
    for (const frame of inner()) frame.giveUp();
    calm();
  };
  const calm = () => {
    for (const [node, times] of churned) if (times > 2) restless.set(node, epoch);
    for (const frame of inner()) frame.calm();
  };

  // Calls back once, after the next frame is drawn, or soon where no frames are drawn.
  const afterFrame = (fn) => {
    let called = false;
    const once = () => {
      if (called) return;
      called = true;
      fn();
    };
    const later = paced ? paced.realTimeout : timeout;
    if (document.hidden) return void later(once, 5);
    const channel = new Channel();
    channel.port1.onmessage = once;
    (paced ? paced.realFrame : frameRequest)(() => channel.port2.postMessage(0));
    later(once, 60);
  };
  // Calls back when it is time to look again.
  const soon = (look, drawn, firm) => {
    if (paced && firm && firm !== MOVING) paced.realTimeout(() => paced.pass(10, look), 10); // what is loading takes its time
    else if (paced && firm) paced.pass(50, () => afterFrame(look)); // the browser tells of their end with a frame
    else if (paced) paced.pass(drawn ? 17 : 10, look);
    else if (drawn) afterFrame(look);
    else timeout(look, 10);
  };

  const wait = (limit) => new Later((resolve) => {
    const start = clock(), end = start + limit;
    watch();
    for (const frame of inner()) frame.watch();
    let seen = count(), firmAt = start, drawn = true;
    const finish = (why) => {
      if (why) giveUp();
      rest();
      const left = start + MOMENT - clock();
      if (paced && limit && left > 0) paced.pass(left, () => resolve(why));
      else resolve(why);
    };
    const look = () => {
      if (leaving) return resolve("");
      const at = clock(), all = count();
      const firm = busy(at, end - at), pending = firm || ticks(at);
      const moved = all !== seen;
      seen = all;
      if (firm) firmAt = at;
      if (!pending && !moved && drawn) return finish("");
      if (at - firmAt > PATIENCE) {
        calm();
        return finish("");
      }
      if (at >= end) return finish(pending || "the page keeps changing");
      drawn = !pending || moved; // while there is nothing to see, there is no need to draw; before the end, there is
      soon(look, drawn, firm);
    };
    afterFrame(look);
  });

  const takeLog = () => {
    const out = log.splice(0);
    for (const frame of inner()) for (const line of frame.takeLog()) if (out.length < 8) out.push(line);
    return out;
  };
  // The HTTP status of this document, told once.
  let statusTold = false;
  const status = () => {
    if (statusTold) return 0;
    statusTold = true;
    const entry = performance.getEntriesByType("navigation")[0];
    return (entry && entry.responseStatus) || 0;
  };
  const report = (why, probe, took) =>
    stringify({ why, leaving, status: leaving ? 0 : status(), log: takeLog(), probe, took }) + "\n";

  // One round trip: wait, then report and, unless the page is being left, observe. `probe` is a function or null.
  const waitAndObserve = (limit, options, probe) => wait(limit).then((why) => {
    if (leaving) return report(why, null, 0);
    const start = stopwatch();
    const seen = window.__agentkit.observe(options);
    return report(why, probe ? probe() : null, stopwatch() - start) + seen;
  });
  const stay = () => { leaving = ""; };

  Object.defineProperty(window, "__agentkit_settle", {
    value: Object.freeze({
      __proto__: null, arm, busy, calm, count, giveUp, report, rest, stay, takeLog, ticks, wait, waitAndObserve, watch,
    }),
  });
})();

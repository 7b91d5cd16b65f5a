// The page's time for suites that ask for it: it stands still, and moves only when it is told to, as fast as the page can.
//
// Timers, animation frames, `Date` and `performance.now` follow it, so that a fade of 300 ms takes as long as the work in
// it, and the same actions come to the same instant of the page every time. Everything else (loading, requests, events)
// keeps to real time. Only the top document has it: frames inside keep real time.
(() => {
  "use strict";
  if (window.__agentkit_clock || window !== window.top) return;

  const FRAME = 1000 / 60; // ms
  const NESTED = 5, CLAMP = 4; // timers set by timers that deep come after 4 ms at the soonest, as in every browser

  const realNow = performance.now.bind(performance), realTimeout = window.setTimeout.bind(window), realFrame = window.requestAnimationFrame.bind(window);
  const report = window.reportError.bind(window);
  const Real = Date, born = Real.now(), Later = Promise;
  const ground = Math.ceil, larger = Math.max;

  let at = 0; // ms since the document was born
  let depth = 0;
  let last = 0; // number given last
  const timers = new Map(); // number -> {due, run, every, depth}
  let frames = new Map(); // number -> callback
  let frameDue = Infinity;

  const turns = []; // what waits for a task of its own, so that promises and events come in between
  const channel = new MessageChannel();
  channel.port1.onmessage = () => turns.shift()();
  const inTurn = (fn) => {
    turns.push(fn);
    channel.port2.postMessage(0);
  };

  const guarded = (fn, self, args) => {
    try {
      Reflect.apply(fn, self, args);
    } catch (error) {
      report(error);
    }
  };
  const set = (callback, delay, rest, repeats) => {
    const run = typeof callback === "function" ? () => guarded(callback, window, rest) : () => guarded(eval, null, ["" + callback]);
    const least = depth >= NESTED ? CLAMP : 1;
    const every = larger(least, +delay || 0);
    timers.set(++last, { due: at + every, run, every: repeats ? every : 0, depth: depth + 1 });
    return last;
  };
  const clear = (number) => void timers.delete(+number);
  window.setTimeout = function setTimeout(callback, delay, ...rest) { return set(callback, delay, rest, false); };
  window.setInterval = function setInterval(callback, delay, ...rest) { return set(callback, delay, rest, true); };
  window.clearTimeout = function clearTimeout(number) { clear(number); };
  window.clearInterval = function clearInterval(number) { clear(number); };
  window.requestAnimationFrame = function requestAnimationFrame(callback) {
    if (!frames.size) frameDue = (ground(at / FRAME + 0.001)) * FRAME;
    frames.set(++last, callback);
    return last;
  };
  window.cancelAnimationFrame = function cancelAnimationFrame(number) {
    frames.delete(number);
    if (!frames.size) frameDue = Infinity;
  };
  performance.now = function now() { return at; };
  const now = () => born + ground(at);
  window.Date = new Proxy(Real, {
    construct: (target, list, own) => Reflect.construct(target, list.length ? list : [now()], own),
    apply: () => new Real(now()).toString(),
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });

  // ---- moving on

  const draw = () => {
    at = larger(at, frameDue);
    const due = frames;
    frames = new Map();
    frameDue = Infinity;
    for (const callback of due.values()) guarded(callback, window, [at]);
  };
  const fire = (number, timer) => {
    at = larger(at, timer.due);
    if (timer.every) timer.due = at + timer.every;
    else timers.delete(number);
    depth = timer.depth;
    timer.run();
    depth = 0;
  };
  // Transitions and animations of style sheets are the browser's: they are pushed on by hand.
  const push = (ms) => {
    for (const animation of document.getAnimations()) {
      if (animation.playState === "running" && animation.currentTime !== null) animation.currentTime += ms;
    }
  };
  // Let `ms` pass, everything that falls due in order, then call back.
  const pass = (ms, then) => {
    const end = at + ms;
    push(ms);
    const turn = () => {
      let due = Infinity, number = 0;
      for (const [one, timer] of timers) if (timer.due < due) [due, number] = [timer.due, one];
      if (frameDue <= end && frameDue <= due) draw();
      else if (due <= end) fire(number, timers.get(number));
      else {
        at = end;
        return then();
      }
      inTurn(turn);
    };
    inTurn(turn);
  };
  const skip = (ms) => new Later((resolve) => pass(ms, resolve));

  Object.defineProperty(window, "__agentkit_clock", {
    value: Object.freeze({ __proto__: null, now: () => at, pass, realFrame, realNow, realTimeout, skip }),
  });
})();

// What a scanner types. A keyboard wedge is a keyboard that is faster than a person: keys in a burst are a scan, with or
// without Enter, Tab or Ctrl D (EOT) behind them, whether a field has the focus or not. A person's keys stay theirs.

const FAST_MS = 50; // between two keys, on average; people take longer
const SILENCE_MS = 120; // ends a burst that nothing else ends
const SLOW_MS = 1_000; // outside of fields nobody types: there even a scanner that stutters is one
const LATE_END_MS = 400; // an Enter so soon after a scan belongs to it
const SHORTEST = 4;

let keys = [];
let times = []; // of each key
let values = []; // what the text field held before each key
let field = null; // the text field that got the keys
let lastAt = 0;
let since = 0; // how many of the keys came since the last silence
let endedAt = -LATE_END_MS;
let timer = 0;

const isText = (element) =>
  element instanceof HTMLTextAreaElement ||
  (element instanceof HTMLInputElement && !["radio", "checkbox", "button", "submit", "file"].includes(element.type));
const isEnd = (event) =>
  ["Enter", "Tab", "\u0004"].includes(event.key) || (event.ctrlKey && event.key.toLowerCase() === "d");
const isFast = (from = 0) => keys.length > from + 1 && (lastAt - times[from]) / (keys.length - 1 - from) <= FAST_MS;

// `scanned(code)` gets every scan; `known(code, field, from)` says whether a burst in a field is a code and not somebody's text;
// `whole(code)` whether nothing can follow, so that a burst need not be waited for any longer.
export function listen(scanned, known, whole) {
  function forget() {
    clearTimeout(timer);
    keys = [];
    times = [];
    values = [];
    field = null;
    since = 0;
  }

  // Where the scan begins: in a field, behind whatever somebody had just typed there.
  function begins() {
    if (keys.length < SHORTEST) return -1;
    if (!field) return 0;
    for (let from = 0; from <= keys.length - SHORTEST; from += 1) {
      if (keys[from] !== " " && isFast(from) && known(keys.slice(from).join(""), field, from)) return from;
    }
    return -1;
  }

  function finish() {
    const from = begins();
    const code = keys.slice(from).join("");
    if (field) {
      field.value = values[from];
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    forget();
    endedAt = performance.now();
    scanned(code);
  }

  const isScan = () => begins() >= 0;
  const isWhole = () => begins() >= 0 && whole(keys.slice(begins()).join(""));

  // A key that stays alone is a person's: whoever listens for keys gets it a little later.
  function silence() {
    if (isWhole()) { finish(); return; }
    if (!field && since === 1) {
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent("keydown", { key: keys.at(-1), bubbles: true, cancelable: true }));
    }
    since = 0;
    timer = setTimeout(() => {
      if (keys.length > SHORTEST && isFast(Math.max(begins(), 0)) && isScan()) finish();
      else forget();
    }, SLOW_MS - SILENCE_MS);
  }

  addEventListener("keydown", (event) => {
    if (!event.isTrusted || document.querySelector("dialog[open]")) return;
    const stop = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    if (isEnd(event)) {
      if (keys.length && isScan()) { stop(); finish(); }
      else if (performance.now() - endedAt < LATE_END_MS) stop();
      else if (event.key === "\u0004" || event.ctrlKey) stop();
      else forget();
      return;
    }
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    const text = isText(event.target) ? event.target : null;
    if (!text && event.key === " " && since === 0) return; // presses the button that has the focus
    if (keys.length && field !== text) forget();
    field = text;
    keys.push(event.key);
    times.push(event.timeStamp);
    values.push(text?.value ?? "");
    since += 1;
    lastAt = event.timeStamp;
    clearTimeout(timer);
    timer = setTimeout(silence, SILENCE_MS);
    if (!text) stop();
  }, true);

  // Some scanners put EOT into the field as a character.
  addEventListener("input", (event) => {
    if (!isText(event.target) || !event.target.value.includes("\u0004")) return;
    const code = event.target.value.replaceAll("\u0004", "");
    event.target.value = values[0] ?? "";
    forget();
    endedAt = performance.now();
    scanned(code);
  }, true);
}

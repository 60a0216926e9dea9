// What a scanner types. A keyboard wedge is a keyboard that is faster than a person: keys in a burst are a scan, with or
// without Enter, Tab or Ctrl D (EOT) behind them, whether a field has the focus or not. A person's keys stay theirs.

const FAST_MS = 50; // between two keys, on average; people take longer
const SILENCE_MS = 120; // ends a burst that nothing else ends
const SLOW_MS = 1_000; // outside of fields nobody types: there even a scanner that stutters is one
const LATE_END_MS = 400; // an Enter so soon after a scan belongs to it
const SHORTEST = 4;

let keys = [];
let field = null; // the text field that got the keys, as it was before them
let firstAt = 0;
let lastAt = 0;
let since = 0; // how many of the keys came since the last silence
let endedAt = -LATE_END_MS;
let timer = 0;

const isText = (element) =>
  element instanceof HTMLTextAreaElement ||
  (element instanceof HTMLInputElement && !["radio", "checkbox", "button", "submit", "file"].includes(element.type));
const isEnd = (event) =>
  ["Enter", "Tab", "\u0004"].includes(event.key) || (event.ctrlKey && event.key.toLowerCase() === "d");
const isFast = () => keys.length > 1 && (lastAt - firstAt) / (keys.length - 1) <= FAST_MS;

// `scanned(code)` gets every scan; `known(code)` says whether a burst in a field is a code and not somebody's text;
// `whole(code)` whether nothing can follow, so that a burst need not be waited for any longer.
export function listen(scanned, known, whole) {
  function forget() {
    clearTimeout(timer);
    keys = [];
    field = null;
    since = 0;
  }

  function finish() {
    const code = keys.join("");
    if (field) {
      field.element.value = field.value;
      field.element.dispatchEvent(new Event("input", { bubbles: true }));
    }
    forget();
    endedAt = performance.now();
    scanned(code);
  }

  const isScan = () => keys.length >= SHORTEST && (field ? isFast() && known(keys.join(""), field.element) : true);

  // A key that stays alone is a person's: whoever listens for keys gets it a little later.
  function silence() {
    if (whole(keys.join("")) && isScan()) { finish(); return; }
    if (!field && since === 1) {
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent("keydown", { key: keys.at(-1), bubbles: true, cancelable: true }));
    }
    since = 0;
    timer = setTimeout(() => {
      if (keys.length > SHORTEST && isFast() && isScan()) finish();
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
    if (keys.length && (field?.element ?? null) !== text) forget();
    if (keys.length === 0) {
      firstAt = event.timeStamp;
      field = text && { element: text, value: text.value };
    }
    keys.push(event.key);
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
    event.target.value = field?.value ?? "";
    forget();
    endedAt = performance.now();
    scanned(code);
  }, true);
}

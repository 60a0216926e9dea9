// What a desk can do beyond its links and forms: keys, a palette of everything on the page, and fresh content while
// somebody looks. Without it every page works the same, with a mouse and a reload.

document.documentElement.classList.add("script");

// Where letters are what somebody writes or chooses by; a tick takes none.
const typing = (element) =>
  element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") !== null;

// What was just said to somebody is where they are.
document.querySelector("[data-focus]")?.focus();

// What came of a form is said once: a reload, or the address kept for later, does not say it again.
if (document.querySelector("[data-said-once]")) {
  const address = new URL(location.href);
  address.searchParams.delete("done");
  history.replaceState(history.state, "", address);
}

// Keys: in a field, where letters are what somebody types, Alt and the letter. A list of choices leaves `?` free.
// What is printed on the key; where Alt makes another letter of it, as on a Mac, what stands there elsewhere.
function keyOf(event) {
  if (!event.altKey) return event.key;
  const printed = event.key.toLowerCase();
  return /^[a-z0-9]$/.test(printed) ? printed : event.code.replace(/^(Key|Digit)/, "").toLowerCase();
}

// A letter alone for what carries data-key, `g` and a letter for the desks, j and k through rows. ---------------

function activate(element) {
  const owner = element.closest("details");
  if (element.matches("summary")) {
    owner.open = true;
    owner.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
    return;
  }
  for (let at = owner; at; at = at.parentElement?.closest("details")) at.open = true;
  if (element.matches("input, select, textarea")) element.focus();
  else element.click();
}

let rowAt = -1;

function moveRow(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (rows.length === 0) return;
  rows[rowAt]?.removeAttribute("aria-selected");
  rowAt = Math.min(Math.max(rowAt + by, 0), rows.length - 1);
  rows[rowAt].setAttribute("aria-selected", "true");
  rows[rowAt].scrollIntoView({ block: "nearest" });
  (rows[rowAt].querySelector("a") ?? rows[rowAt]).focus();
}

let going = false;

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.key === "Escape" && typing(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
    return;
  }
  // Ctrl and Enter sends the form somebody types in.
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const form = event.target.closest("form");
    if (form) form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
  if (event.key === "?" && event.target.closest("select")) { event.preventDefault(); openKeys(); return; }
  if (typing(event.target) !== event.altKey) return;
  const key = keyOf(event);
  if (going) {
    going = false;
    const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  if (key === "g") { going = true; return; }
  if (key === "?") { event.preventDefault(); openKeys(); return; }
  if (key === "j") { moveRow(1); return; }
  if (key === "k") { moveRow(-1); return; }
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (target) { event.preventDefault(); activate(target); }
});

// The palette --------------------------------------------------------------------------------------------------------

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function everything() {
  const found = [];
  for (const link of document.querySelectorAll("[data-go]")) {
    found.push({ title: `Go to ${link.textContent.trim()}`, keys: `g ${link.dataset.go}`, run: () => link.click() });
  }
  for (const one of document.querySelectorAll("[data-command]")) {
    found.push({ title: one.dataset.command, keys: one.dataset.key ?? "", run: () => activate(one) });
  }
  for (const link of document.querySelectorAll("[data-row] a")) {
    found.push({ title: `Open ${link.textContent.trim()}`, keys: "", run: () => link.click() });
  }
  return found;
}

function openPalette() {
  document.querySelector("dialog.palette")?.remove();
  const dialog = make("dialog", "", { class: "palette", "aria-label": "Everything this page can do" });
  const field = make("p", "", { class: "field" });
  field.append(
    make("label", "What do you want to do?", { for: "palette-text" }),
    make("input", "", {
      id: "palette-text", autocomplete: "off", role: "combobox", "aria-expanded": "true",
      "aria-controls": "palette-list", "aria-autocomplete": "list",
    }),
  );
  const list = make("ul", "", { role: "listbox", id: "palette-list", "aria-label": "Commands" });
  dialog.append(field, list);
  document.body.append(dialog);
  const input = field.querySelector("input");
  const all = everything();
  let shown = [];
  let at = 0;

  function draw() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = all.filter((one) => words.every((word) => one.title.toLowerCase().includes(word)));
    if (input.value.trim()) {
      const text = input.value.trim();
      shown.push({
        title: `Find “${text}”`, keys: "",
        run: () => { location.href = `/desk/find?q=${encodeURIComponent(text)}`; },
      });
    }
    at = Math.min(at, Math.max(shown.length - 1, 0));
    list.replaceChildren(...shown.map((one, number) => {
      const item = make("li", "", { role: "option", id: `palette-${number}`, "aria-selected": String(number === at) });
      item.append(make("span", one.title), make("span", one.keys, { class: "quiet" }));
      item.addEventListener("click", () => choose(number));
      return item;
    }));
    input.setAttribute("aria-activedescendant", shown.length ? `palette-${at}` : "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function choose(number) {
    const one = shown[number];
    dialog.close();
    one?.run();
  }

  input.addEventListener("input", () => { at = 0; draw(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { at = Math.min(at + 1, shown.length - 1); draw(); event.preventDefault(); }
    if (event.key === "ArrowUp") { at = Math.max(at - 1, 0); draw(); event.preventDefault(); }
    if (event.key === "Enter") { event.preventDefault(); choose(at); }
  });
  dialog.addEventListener("close", () => dialog.remove());
  draw();
  dialog.showModal();
  input.focus();
}

function openKeys() {
  const dialog = make("dialog", "", { "aria-label": "Keys" });
  const list = make("dl");
  const rows = [
    ["Ctrl K", "everything this page can do"], ["/", "find"], ["j, k", "next, previous row"],
    ["Ctrl Enter", "send the form"], ["Esc", "leave a field"], ["Alt and a key", "the same while in a field"],
    ...[...document.querySelectorAll("[data-go]")].map((link) => [`g ${link.dataset.go}`, link.textContent.trim()]),
    ...[...document.querySelectorAll("[data-command][data-key]")].map((one) => [one.dataset.key, one.dataset.command]),
  ];
  for (const [keys, words] of rows) {
    const row = make("div");
    row.append(make("dt", keys), make("dd", words));
    list.append(row);
  }
  const close = make("button", "Close", { class: "button small" });
  close.addEventListener("click", () => dialog.close());
  dialog.append(make("h2", "Keys"), list, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Fresh content: elements with data-part are fetched anew when the page's stream says that something is new. ----------

function beingUsed(part) {
  const forms = [...part.querySelectorAll("form")];
  const dirty = forms.some((form) =>
    [...form.elements].some((field) => field.type !== "hidden" && (
      ("defaultValue" in field && field.value !== field.defaultValue) ||
      ("defaultChecked" in field && field.checked !== field.defaultChecked))));
  return dirty || (part.contains(document.activeElement) && typing(document.activeElement));
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || answer.status >= 500) return; // what is shown stays, and is fetched with the next event
  if (!answer.ok || answer.redirected) { location.reload(); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  let left = false;
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (!next || next.innerHTML === part.innerHTML) continue;
    if (beingUsed(part)) { left = true; continue; }
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    const focused = document.activeElement?.id;
    part.replaceWith(next);
    [...next.querySelectorAll("details")].forEach((one, number) => { one.open = open[number] ?? one.open; });
    if (focused) document.getElementById(focused)?.focus();
  }
  const shows = fresh.querySelector("[data-live]")?.dataset.seen;
  if (shows && listening) listening.dataset.seen = shows;
  if (left) sayStale();
  document.dispatchEvent(new CustomEvent("refreshed"));
}

function sayStale() {
  if (document.querySelector(".fresh")) return;
  const note = make("div", "Something changed here while you typed. What you typed is still there. ", { class: "note wait fresh", role: "status" });
  const link = make("a", "Show the page as it is now", { href: location.href });
  note.append(link);
  document.querySelector("main").prepend(note);
}

const listening = document.querySelector("[data-live]");
if (listening && "EventSource" in window) {
  let source = null;
  let waiting = null;
  const listen = () => {
    const address = new URL(listening.dataset.live, location.href);
    if (listening.dataset.seen) address.searchParams.set("seen", listening.dataset.seen);
    source = new EventSource(address);
    source.addEventListener("changed", () => {
      clearTimeout(waiting);
      waiting = setTimeout(refresh, 150);
    });
  };
  const stop = () => source?.close();
  document.addEventListener("visibilitychange", () => {
    stop();
    if (!document.hidden) listen();
  });
  addEventListener("pagehide", stop);
  listen();
}

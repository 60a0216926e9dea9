// The station for a hand with gloves on: scans go where they belong, buttons are kept until the shop has answered them,
// and the page stays useful while there is no connection. Without this script every form still works by itself.

import { drafts, fill } from "./station_drafts.js";
import { dropScan, keepScan, timeOf, toCount } from "./station_scans.js";
import { drop, entries, forgetParcels, keep, keepParcel, newKey, parcel, put } from "./station_queue.js";
import { listen } from "./station_keys.js";
import { isMuted, mute, tone } from "./station_sound.js";

const TWICE_MS = 2_000;
const ANSWER_MS = 20_000;
const AGAIN_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
const MISSING_MS = 3_000;
const PHOTO_PX = 2_000;
const THUMB_PX = 120;
const FRESH_MS = 10 * 60_000;
const KEPT_MS = 3 * 24 * 3_600_000;
const CODE_MAX = 200; // longer ones are nothing of ours, and an address has an end

const station = document.querySelector("#station");
const stand = document.querySelector("#stand");
const said = document.querySelector("#said");
const strip = document.querySelector("#strip");
const waiting = document.querySelector("#waiting");
const actor = station.dataset.actor;
const drafted = drafts(actor);
let csrf = station.dataset.csrf;

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Words, colour and a tone together; `how` is right, late (right, and urgent), wrong or quiet.
function say(words, how = "quiet") {
  said.textContent = words;
  said.className = `said ${{ right: "yes", late: "wait", wrong: "no", quiet: "wait" }[how]}`;
  said.dataset.how = how;
  if (how !== "quiet") tone(how !== "wrong");
}

const units = (count) => `${count} ${count === 1 ? "unit" : "units"}`;

// Codes ---------------------------------------------------------------------------------------------------------------

const ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

// As the shop reads it (domain/rma.py): any case, dashes and blanks do not matter, the check character has to fit.
function readRma(text) {
  let typed = text.replace(/[-\u2010-\u2014\u2212_./#: \t\r\n\u00a0]/g, "").toUpperCase();
  if (typed.length === 11 && typed.startsWith("RMA")) typed = typed.slice(3);
  const values = [...typed].map((character) => ALPHABET.indexOf(character));
  if (values.length !== 8 || values.includes(-1)) return null;
  const sum = values.reduce((total, value, at) => total + (19 - at) * value, 0);
  return sum % ALPHABET.length ? null : `RMA-${typed.slice(0, 4)}-${typed.slice(4)}`;
}

const isCommand = (code) => /^CMD-(?!TEST)/i.test(code);
let before = { code: "", at: -TWICE_MS };

function scanned(text) {
  const rma = readRma(text);
  const code = rma ?? text.trim();
  const now = performance.now();
  const isTwice = code === before.code && now - before.at < TWICE_MS;
  before = { code, at: now };
  if (isTwice && isCommand(code)) return say(`${code}: scanned twice at once, and heard once.`);
  if (isTwice) return say(`${code}: scanned twice, and opened once. Nothing is counted by scanning it.`);
  document.querySelector("#code").value = "";
  if (isCommand(code)) return press(code.toUpperCase());
  if (rma) return go(parcelUrl(rma, boxWith(rma)), { rma });
  return go(withBox(`/desk/station/scan?code=${encodeURIComponent(code.slice(0, CODE_MAX))}`));
}

listen(
  scanned,
  (code, element, from) => (element.id === "code" && from === 0) || readRma(code) !== null || /^CMD-/i.test(code),
  (code) => readRma(code) !== null,
);

// A command presses the button or answer that carries it: in the goods that are being inspected first.
function press(code) {
  const carriers = [...stand.querySelectorAll(`[data-scan="${CSS.escape(code)}"]`)];
  const target = carriers.find((one) => isThere(one));
  if (target) {
    target.click();
    if (target.matches("summary")) say("Is it so? Then scan the code again. Nothing is recorded yet.");
    if (target.matches("input")) say(target.closest("label").innerText.trim(), "right");
  } else if (code === "CMD-NEXT") {
    go("/desk/station");
  } else {
    say(`${code}: there is nothing here that it could do. Nothing was changed.`, "wrong");
  }
}

const isThere = (element) => {
  if (element.matches("details[open] > summary")) return false; // the question is asked already: the button below answers it
  const shown = element.matches("input") ? element.closest("label") : element;
  return !element.disabled && shown.getClientRects().length > 0;
};

// The box at hand: the returns in the page's own address, so that a reload shows the same. -----------------------------

const box = () => {
  const named = new URLSearchParams(location.search).get("box");
  if (named) return named.split(",");
  return stand.dataset.rma ? [stand.dataset.rma] : [];
};
// Those of whose goods some are waited for. Once all are counted the box is done, and what is scanned begins another.
let counting = new Set(stand.dataset.count?.split(",").filter(Boolean));
const boxWith = (rma) => {
  const all = box();
  return all.includes(rma) || all.some((one) => counting.has(one)) ? [...new Set([...all, rma])] : [rma];
};
const parcelUrl = (rma, all) => `/desk/station/${rma}${all.length > 1 ? `?box=${all.join(",")}` : ""}`;
const withBox = (url) => (box().length ? `${url}&box=${box().join(",")}` : url);

function drawStrip() {
  const all = box();
  strip.hidden = all.length < 2;
  const list = make("ul");
  for (const rma of all) {
    const item = make("li");
    const link = make("a", rma, { class: "code", href: parcelUrl(rma, all) });
    if (rma === stand.dataset.rma) link.setAttribute("aria-current", "page");
    item.append(link);
    list.append(item);
  }
  strip.replaceChildren(make("span", "In this box", { class: "strip-title" }), list);
}

// Going somewhere without leaving the page, so that it still works where there is no connection. ------------------------

let going = 0;

async function fetched(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(ANSWER_MS) });
  if (answer.status >= 502) throw new TypeError("nobody answers");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { page, url: answer.url, isLeft: !new URL(answer.url).pathname.startsWith("/desk/station") };
}

// `again`: it is tried once more by itself, so that it fails without a word.
async function go(url, { push = true, rma = null, quiet = false, again = false } = {}) {
  const mine = ++going;
  let found;
  try {
    found = await fetched(url);
  } catch {
    if (mine === going && !quiet && !again) await fromDevice(url, rma, push);
    lookAgain();
    return false;
  }
  if (mine !== going) return false;
  const { page } = found;
  const fresh = page.querySelector("#stand");
  if (!fresh && found.isLeft) { location.assign(url); return false; }
  if (!fresh) {
    // No page of the station: the hand stays where it is, and its next scan is heard.
    if (stand.dataset.missing) delete stand.dataset.missing;
    say(page.querySelector("h1 + p, .next, main p")?.textContent.trim() ?? "That leads nowhere. Scan the next one.", "wrong");
    return false;
  }
  csrf = page.querySelector("#station").dataset.csrf;
  if (push) history.pushState(null, "", found.url);
  document.title = page.title;
  counting = new Set(fresh.dataset.count?.split(",").filter(Boolean));
  if (fresh.dataset.rma && !counting.has(fresh.dataset.rma)) {
    dropScan(fresh.dataset.rma);
    draw();
  }
  const isBegun = await show(fresh.innerHTML, fresh.dataset.rma ?? null);
  const problem = page.querySelector("[role=alert]");
  document.querySelectorAll("#content > .alert, #content > .note, #content > [data-part=done]").forEach((one) => one.remove());
  if (problem) say(problem.querySelector("strong").textContent, "wrong");
  else if (stand.querySelector("[data-right]")) say("The scanner is right.", "right");
  else if (!quiet && stand.dataset.rma) sayParcel(isBegun);
  else if (!quiet) say(isBegun ? "What you wrote is here again; nobody was asked yet." : "Ready for the next one.");
  return true;
}

// Short: the page says below what is to be done.
function sayParcel(isBegun) {
  const next = stand.querySelector("#next");
  const begun = isBegun ? ". Your answers are here again; they are not recorded yet." : "";
  say(`${stand.dataset.rma}: ${next?.dataset.brief ?? "open"}${begun}`, next?.dataset.late === undefined ? "right" : "late");
}

// Where drafts of the page at hand are kept: by return, or by the page's address where there is none.
const place = () => stand.dataset.rma ?? `${location.pathname}?${new URLSearchParams(location.search).get("reference") ?? ""}`;
const draftForms = () => stand.querySelectorAll("form[data-draft]");

function keepDraft(form) {
  if (form?.dataset.draft && !form.inert) drafted.keep(place(), form.dataset.draft, new FormData(form));
}

async function show(html, rma) {
  if (rma) await keepParcel(rma, html);
  const all = await entries();
  // From here on nothing is waited for: a tap in between would be lost.
  if (rma) stand.dataset.rma = rma;
  else delete stand.dataset.rma;
  stand.innerHTML = html;
  delete stand.dataset.missing;
  listenForPhotos();
  assumeAll(all);
  const isBegun = takeUpDrafts(all);
  drawStrip();
  if (!rma) stock();
  return isBegun;
}

// A page that comes anew takes nothing out of anybody's hands: what was answered, and the photos taken, are still there.
function takeUpDrafts(all) {
  const begun = drafted.of(place());
  let isBegun = false;
  for (const form of draftForms()) {
    const fields = begun[form.dataset.draft];
    const card = form.closest("[data-inspect]");
    if (!fields || card?.hidden) continue;
    isBegun = fill(form, fields) || isBegun;
    for (const [name, key] of fields) {
      const photo = name === "photo_key" && all.find((entry) => entry.key === key);
      if (name === "photo_key" && photo?.state !== "refused") take(card, key, photo?.photo);
    }
    grade(form);
  }
  return isBegun;
}

// Without a connection: what this device has seen before, or a promise to open it.
async function fromDevice(url, rma, push) {
  if (push) history.pushState(null, "", url);
  const known = rma && await parcel(rma);
  if (known) {
    await show(known.html, rma);
    if (stand.querySelector("#receiving [data-expected]:not([data-expected='0'])")) counting.add(rma);
    say(`${rma}: no connection. Go on; what you record is kept on this device and sent later.`, "right");
    return;
  }
  if (rma) {
    keepScan(rma);
    counting.add(rma);
    await draw();
  }
  const words = rma
    ? `${rma} is not on this device. It is kept below as still to count, and opens when the connection is back. Scan the next one.`
    : "There is no connection to look that up. It opens by itself when it is back.";
  delete stand.dataset.rma;
  if (rma) stand.dataset.rma = rma;
  stand.dataset.missing = "yes";
  stand.replaceChildren(make("h1", rma ?? "No connection"), make("p", words, { class: "next" }));
  drawStrip();
  say(rma ? `${rma}: no connection. Kept as still to count.` : "No connection to look that up.", "wrong");
}

let looking = 0;

function lookAgain() {
  clearTimeout(looking);
  looking = setTimeout(() => {
    if (stand.dataset.missing) go(location.href, { push: false, rma: stand.dataset.rma ?? null, again: true });
  }, MISSING_MS);
}

// Parcels that will come are on the device before the connection is lost.
async function stock() {
  for (const link of stand.querySelectorAll("a[data-keep]")) {
    const rma = link.dataset.keep;
    const known = await parcel(rma);
    if (known && known.at > Date.now() - FRESH_MS) continue;
    try {
      const fresh = (await fetched(link.href)).page.querySelector("#stand");
      if (fresh) await keepParcel(rma, fresh.innerHTML);
    } catch {
      return;
    }
  }
}

// What is done here: kept first, then sent, in order. -------------------------------------------------------------------

// `onKept` is called before anybody can have answered.
async function enqueue(entry, onKept) {
  const kept = { key: newKey(), actor, state: "waiting", at: Date.now(), fields: [], ...entry };
  await keep(kept);
  onKept(kept);
  await draw();
  pump();
}

let pumping = false;
let again = false;
let tries = 0;
let timer = 0;

async function pump() {
  if (pumping) { again = true; return; }
  pumping = true;
  clearTimeout(timer);
  do {
    again = false;
    for (;;) {
      const next = (await entries()).find((entry) => entry.state === "waiting" && entry.actor === actor);
      if (!next) { tries = 0; break; }
      if (!(await deliver(next))) {
        timer = setTimeout(pump, AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
        tries += 1;
        again = false;
        break;
      }
      tries = 0;
    }
  } while (again);
  pumping = false;
  await draw();
}

function bodyOf(entry) {
  const body = entry.photo ? new FormData() : new URLSearchParams();
  for (const [name, value] of entry.fields) body.append(name, value);
  body.append("key", entry.key);
  if (entry.kind === "receipts") body.append("waited", Math.min(Math.max(Math.round((Date.now() - entry.at) / 1000), 0), 999_999_999));
  if (entry.photo) body.append("photo", entry.photo, "photo");
  return body;
}

const KEEPS_WAITING = new Set(["not_signed_in", "token_unknown", "forged_request", "password_must_change"]);

// True where it is answered, one way or the other.
async function deliver(entry) {
  let answer;
  try {
    answer = await fetch(entry.url, {
      method: "POST", body: bodyOf(entry), headers: { Accept: "application/json", "X-CSRF-Token": csrf },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch {
    return false;
  }
  const isJson = answer.headers.get("content-type")?.includes("json");
  const told = isJson ? await answer.json().catch(() => ({})) : {};
  if (answer.ok && isJson) {
    await drop(entry.number);
    await forgetRefusals(entry);
    await answered(entry, answer.status === 202);
    return true;
  }
  if (answer.status >= 500 || [408, 425, 429].includes(answer.status) || !isJson) return false;
  if (KEEPS_WAITING.has(told.code)) {
    say(told.code === "forged_request" ? "Load this page again: what waits here is sent then." :
      "You are not signed in any more. What waits here is kept: sign in, and it is sent.", "wrong");
    return false;
  }
  await put({ ...entry, state: "refused", sentence: told.detail ?? "It was refused." });
  if (entry.photo) await withoutPhoto(entry.rma, entry.key);
  else giveBack(entry, told.code);
  await refreshed(entry.rma);
  say(`${entry.title}: ${told.detail ?? "refused."}`, "wrong");
  await draw();
  return true;
}

// What was refused is in its form again, as it was answered; without photos that never arrived.
function giveBack(entry, code) {
  if (!entry.draft || drafted.of(entry.place)[entry.draft]) return;
  const fields = entry.fields.filter(([name]) => name !== "photo_key" || code !== "photo_not_found");
  drafted.keep(entry.place, entry.draft, fields);
}

// A refusal is over once the same thing was carried out.
async function forgetRefusals(done) {
  if (done.photo) return; // another photo is not the one that was refused
  const about = (entry) => ["line", "lot"].map((name) => entry.fields.find((field) => field[0] === name)?.[1] ?? "").join();
  for (const entry of await entries()) {
    const isSame = entry.kind === done.kind && entry.rma === done.rma && entry.place === done.place && about(entry) === about(done);
    if (entry.state === "refused" && isSame) await drop(entry.number);
  }
}

async function answered(entry, isPending) {
  await draw();
  if (entry.photo) { say("The photo is kept.", "right"); return; }
  const isShown = await refreshed(entry.rma);
  const next = isShown && !isPending ? ` ${stand.querySelector("#next")?.textContent.trim().replace(/\s+/g, " ") ?? ""}` : "";
  const isLate = isShown && stand.querySelector("#next")?.dataset.late !== undefined;
  if (isPending) say(`${entry.title}: written down, and carried out as soon as can be.`, "right");
  else if (entry.kind === "order") {
    say(`${entry.title}: written down.`, "right");
    if (stand.querySelector("[data-aside]")) await go("/desk/station?asked=yes", { quiet: true });
  }
  else say(`${entry.title}.${next}`, isLate ? "late" : "right");
}

// An inspection does without a photo that could not be kept.
async function withoutPhoto(rma, key) {
  for (const one of stand.querySelectorAll(`[name=photo_key][value="${CSS.escape(key)}"]`)) {
    const card = one.closest("[data-inspect]");
    one.remove();
    card.querySelector(`[data-thumb="${CSS.escape(key)}"]`)?.remove();
    drawTaken(card);
    keepDraft(factsOf(card));
  }
  const isOther = ([name, value]) => name !== "photo_key" || value !== key;
  for (const [form, fields] of Object.entries(drafted.of(rma))) {
    if (!fields.every(isOther)) drafted.keep(rma, form, fields.filter(isOther));
  }
  for (const entry of await entries()) {
    const fields = entry.fields.filter(isOther);
    if (fields.length < entry.fields.length) await put({ ...entry, fields });
  }
}

// Show the parcel as the shop has it, once nothing of it waits any more.
async function refreshed(rma) {
  if (!rma || stand.dataset.rma !== rma) return false;
  const left = (await entries()).some((entry) => entry.rma === rma && entry.state === "waiting");
  return !left && go(location.href, { push: false, quiet: true });
}

async function draw() {
  const all = await entries();
  const mine = all.filter((entry) => entry.state === "waiting" && entry.actor === actor);
  const others = all.filter((entry) => entry.state === "waiting" && entry.actor !== actor);
  const refused = all.filter((entry) => entry.state === "refused");
  const uncounted = toCount();
  waiting.hidden = all.length + uncounted.length === 0;
  waiting.replaceChildren();
  if (uncounted.length) {
    waiting.append(make("p", "Scanned without a connection, still to count", { class: "waiting-count", "data-to-count": uncounted.length }));
    const list = make("ul", "", { class: "to-count" });
    for (const { rma, at } of uncounted) {
      const item = make("li");
      item.append(
        make("a", rma, { class: "button plain code", href: `/desk/station/${rma}` }), make("span", `scanned at ${timeOf(at)}`),
        make("button", "Take it off", { type: "button", class: "button plain", "data-uncount": rma }),
      );
      list.append(item);
    }
    waiting.append(list);
  }
  if (mine.length) {
    waiting.append(make("p", `${mine.length} ${mine.length === 1 ? "waits" : "wait"} for the connection`, { class: "waiting-count", "data-waiting": mine.length }));
    const list = make("ul");
    for (const entry of mine) list.append(make("li", entry.title));
    waiting.append(list);
  }
  if (others.length) {
    const who = [...new Set(others.map((entry) => entry.actor))].join(", ");
    waiting.append(make("p", `${others.length} of ${who} ${others.length === 1 ? "waits" : "wait"} here until they sign in at this device.`));
  }
  for (const entry of refused) {
    const note = make("div", "", { class: "alert", role: "alert", "data-refused": entry.key });
    const dismiss = make("button", "I have seen it", { type: "button", class: "button plain", "data-dismiss": entry.number });
    const title = make("p");
    title.append(make("strong", entry.title));
    note.append(title, make("p", entry.sentence), dismiss);
    waiting.append(note);
  }
}

// What waits is shown as if it were done: the hand goes on. -------------------------------------------------------------

function assumeAll(all) {
  for (const entry of all) {
    if (entry.state === "waiting" && entry.rma === stand.dataset.rma) assume(entry);
  }
}

function assume(entry) {
  const value = (name) => entry.fields.find((field) => field[0] === name)?.[1];
  if (entry.kind === "receipts") {
    for (const [name, count] of entry.fields) {
      if (name.startsWith("line_") && Number(count) > 0) arrive(name.slice(5), Number(count));
    }
    stand.querySelectorAll("#receiving form").forEach((form) => { form.inert = true; });
    const note = make("p", "This parcel is recorded here and waits to be sent.", { class: "note wait" });
    stand.querySelector("#receiving")?.replaceChildren(note);
    stand.querySelector("#next").textContent = "Recorded on this device. Inspect what is here, or scan the next one.";
  } else if (entry.kind === "inspections") {
    arrive(value("line"), -Number(value("quantity")));
  } else {
    stand.querySelectorAll(`form[data-queue="${CSS.escape(entry.kind)}"]`).forEach((form) => {
      if (new URL(form.action).pathname !== entry.url) return;
      const lot = form.querySelector("input[type=hidden][name=lot]");
      if (!lot || lot.value === value("lot")) form.inert = true;
    });
  }
}

const factsOf = (card) => card.querySelector("form[data-queue]");

function arrive(line, count) {
  const card = stand.querySelector(`[data-inspect="${CSS.escape(line)}"]`);
  if (!card) return;
  const here = Math.max(Number(card.dataset.here) + count, 0);
  card.dataset.here = here;
  card.hidden = here === 0;
  card.querySelector("[data-left]").textContent = `${here} to inspect`;
  const form = factsOf(card);
  form.reset();
  forgetTaken(card);
  const quantity = card.querySelector("input[name=quantity]");
  quantity.max = here;
  quantity.value = here;
  grade(form);
  stand.querySelector("#inspecting").hidden = !stand.querySelector("[data-inspect]:not([hidden])");
}

// Forms ---------------------------------------------------------------------------------------------------------------

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id === "scan") {
    event.preventDefault();
    before.code = "";
    const code = form.elements.code.value;
    if (code.trim()) scanned(code);
    return;
  }
  if (form.matches("[data-photos]")) { event.preventDefault(); return; }
  if (!form.matches("form[data-queue]")) return;
  event.preventDefault();
  if (form.inert) return;
  form.inert = true; // a second tap on the same button is the same tap
  if (photographing.size) {
    await Promise.allSettled(photographing);
    if (!form.isConnected) return say("The page came anew meanwhile, with your answers. Press once more. Nothing is recorded yet.", "wrong");
  }
  const sent = new FormData(form, event.submitter);
  const fields = [...sent].filter(([name, value]) => typeof value === "string" && !["key", "csrf", "box"].includes(name));
  const counted = fields.filter(([name, value]) => name.startsWith("line_") && Number(value) > 0);
  const total = counted.reduce((sum, [, value]) => sum + Number(value), 0);
  const entry = {
    kind: form.dataset.queue, rma: stand.dataset.rma ?? null, url: new URL(form.action).pathname, fields,
    draft: form.dataset.draft, place: place(), title: titleOf(form, fields, total),
  };
  const wrong = complaint(entry, form);
  if (wrong) {
    form.inert = false;
    say(wrong, "wrong");
    return;
  }
  await enqueue(entry, () => {
    if (entry.draft) drafted.forget(entry.place, entry.draft);
    if (entry.kind === "receipts") isCounted(entry.rma);
    form.inert = false;
    if (entry.rma !== (stand.dataset.rma ?? null)) return; // another parcel is at hand by now
    if (entry.rma) assume(entry);
    else putAside();
  });
  if (!navigator.onLine) say(`${entry.title}: kept on this device; it is sent when the connection is back.`, "right");
});

// A parcel without a return is out of the hand: its form is gone, so that nobody sends it again.
function putAside() {
  const words = "Put the parcel on the shelf for parcels without a return, and scan the next one. A rep is asked.";
  stand.replaceChildren(make("h1", "Written down"), make("p", words, { class: "next", "data-aside": "" }));
}

function isCounted(rma) {
  counting.delete(rma);
  dropScan(rma);
  draw();
}

// What is recorded, in words: they are shown while it waits, when it is done, and when it is refused.
function titleOf(form, fields, total) {
  const value = (name) => fields.find((field) => field[0] === name)?.[1];
  const title = form.dataset.title;
  if (form.dataset.queue === "inspections") {
    const what = form.querySelector("[data-grade] strong")?.textContent;
    return `${title}: ${value("quantity")} × ${form.dataset.goods}${what ? `, ${what}` : ""}`;
  }
  if (form.dataset.queue === "dispositions") return `${title}: ${wordsOf(form, "disposition", value("disposition"))}`;
  if (form.dataset.queue === "goods-back") return `${title}: ${wordsOf(form, "way", value("way"))}`;
  if (!total) return title;
  const short = [...form.querySelectorAll("[data-expected]")].reduce((sum, line) =>
    sum + Math.max(Number(line.dataset.expected) - Number(line.querySelector("input[type=number]").value || 0), 0), 0);
  if (!short) return `${title}: ${units(total)}`;
  return `${title}: ${units(total)}; ${short} ${value("more_expected") ? "still to come" : short === 1 ? "is missing" : "are missing"}`;
}

const wordsOf = (form, name, value) =>
  form.querySelector(`[name=${name}][value="${CSS.escape(value ?? "")}"]`)?.textContent.replace(/^Yes, it was /, "") ?? value;

// What the shop would refuse at once is said at once, where it is to be answered.
function complaint(entry, form) {
  const has = (name) => entry.fields.some((field) => field[0] === name && field[1] && field[1] !== "0");
  const isAnyCounted = entry.fields.some(([name, value]) => name.startsWith("line_") && Number(value) > 0);
  if (entry.kind === "inspections") return inspectionComplaint(form);
  if (entry.kind === "order" && !isAnyCounted && !has("words")) {
    form.querySelector("[name=words]").focus();
    return "Count what is in it, or say in a few words what the parcel looks like. Nobody was asked yet.";
  }
  if (entry.kind === "goods-back" && entry.fields.some(([name, value]) => name === "way" && value === "sent_back")) {
    if (has("tracking") || has("untracked")) return null;
    if (form.dataset.asked) { entry.fields.push(["untracked", "yes"]); return null; }
    form.dataset.asked = "yes";
    form.querySelector("[name=tracking]").focus();
    return "Scan the tracking number first. Has it none? Then press “Sent back” again. Nothing is recorded yet.";
  }
  if (entry.kind !== "receipts") return null;
  if (has("wrong_quantity") && !has("wrong_words")) {
    form.querySelector("[name=wrong_words]").focus();
    return "Say in a few words what the other things are.";
  }
  if (!isAnyCounted && !has("wrong_quantity") && !has("empty")) {
    return "Nothing was counted. Count what was in the parcel, or press “The box is empty”.";
  }
  return null;
}

function inspectionComplaint(form) {
  const said = (name) => form.elements[name]?.value ?? "";
  const why = form.querySelector("[name=override_reason]")?.closest("fieldset");
  if (!why || !form.dataset.derived) return null;
  const [condition, packaging] = form.dataset.derived.split(" ");
  const isElse = (said("condition") || condition) !== condition || (said("own_packaging") || packaging) !== packaging;
  why.classList.toggle("unsaid", isElse && !said("override_reason"));
  if (!isElse || said("override_reason")) return null;
  why.closest("details").open = true;
  why.scrollIntoView({ block: "center" });
  why.querySelector("input").focus({ preventScroll: true });
  return `Your answers amount to condition ${condition}, packaging ${packaging}. Say why it is something else, or choose “As the answers say”. Nothing is recorded yet.`;
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("button, a");
  if (!target) return;
  if (target.dataset.step) stepBy(target, Number(target.dataset.step));
  if (target.dataset.set) setTo(target.closest(".step").querySelector("input"), Number(target.dataset.set));
  if (target.matches("[data-as-new]")) asNew(target.closest("form"));
  if (target.dataset.uncount) {
    dropScan(target.dataset.uncount);
    await draw();
  }
  if (target.dataset.dismiss) {
    await drop(Number(target.dataset.dismiss));
    await draw();
  }
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (target.matches("a") && isPlain && target.origin === location.origin && isInside(target)) {
    event.preventDefault();
    go(target.href, { rma: readRma(target.pathname.split("/").at(-1)) });
  }
});

// Sheets that are printed, and everything that is not the station, are pages of their own.
const isInside = (link) =>
  link.closest("#stand, #strip, #waiting") && link.pathname.startsWith("/desk/station") && !/\/(label|commands)$/.test(link.pathname);

function stepBy(button, by) {
  const input = button.closest(".step").querySelector("input");
  setTo(input, Number(input.value || 0) + by);
}

function setTo(input, value) {
  const least = Number(input.min || 0);
  const most = input.max === "" ? 1_000_000 : Number(input.max);
  input.value = Math.min(Math.max(value, least), most);
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

const AS_NEW = { opened: "no", marks: "none", damaged: "no", accessories: "complete", packaging: "original" };

function asNew(form) {
  for (const [name, value] of Object.entries(AS_NEW)) form.querySelector(`[name=${name}][value=${value}]`).checked = true;
  grade(form);
  keepDraft(form);
  const record = form.querySelector(".record");
  record.scrollIntoView({ block: "end" });
  record.querySelector("button").focus({ preventScroll: true });
  say("As it left us. Press “Record”: nothing is recorded yet.");
}

// The policy's grade: the page has it for each possible answer, in this order, so no rule is written twice.
const ANSWERS = [
  ["opened", ["no", "yes"]], ["marks", ["none", "light", "heavy"]], ["damaged", ["no", "yes"]],
  ["accessories", ["complete", "missing"]], ["packaging", ["original", "opened", "missing"]],
  ["works", ["yes", "no", "untested"]],
];
const CONDITIONS = ["original", "opened", "used", "damaged", "defective"];
const PACKAGINGS = ["original", "opened", "missing"];

function grade(form) {
  if (!form?.dataset.grades) return;
  const shown = form.querySelector("[data-grade]");
  let at = 0;
  for (const [name, values] of ANSWERS) {
    const answer = values.indexOf(form.elements[name].value);
    if (answer < 0) { shown.textContent = ""; delete form.dataset.derived; return; }
    at = at * values.length + answer;
  }
  const [condition, packaging] = form.dataset.grades.slice(2 * at, 2 * at + 2);
  form.dataset.derived = `${CONDITIONS[condition]} ${PACKAGINGS[packaging]}`;
  shown.replaceChildren("Amounts to: ", make("strong", `condition ${CONDITIONS[condition]}, packaging ${PACKAGINGS[packaging]}`));
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-photos] input[type=file]")) grade(event.target.closest("form[data-grades]"));
  keepDraft(event.target.form);
});
document.addEventListener("input", (event) => keepDraft(event.target.form));

// Photos: small before they travel, kept like everything else, named in the inspection by the key they are sent under. ---

// The camera may be open while the page comes anew, or another parcel is taken: its photo comes to a field that is on no
// page any more, and belongs to the parcel it was opened for.
function listenForPhotos() {
  const rma = stand.dataset.rma;
  for (const input of stand.querySelectorAll("[data-photos] input[type=file]")) {
    input.addEventListener("change", () => photograph(input, rma));
  }
}

const photographing = new Set();

async function photograph(input, rma) {
  const taken = takeIn(input, rma).finally(() => photographing.delete(taken));
  photographing.add(taken);
  await taken;
}

async function takeIn(input, rma) {
  const form = input.form;
  const begunOn = form.closest("[data-inspect]");
  const files = [...input.files];
  input.value = "";
  for (const file of files) {
    const photo = await small(file);
    await enqueue({ kind: "photo", rma, url: new URL(form.action).pathname, photo, title: `Photo of ${rma}` }, ({ key }) => {
      if (!begunOn) return; // of the return, and of no inspection
      const card = stand.dataset.rma === rma && stand.querySelector(`[data-inspect="${begunOn.dataset.inspect}"]`);
      if (card) {
        take(card, key, photo);
        keepDraft(factsOf(card));
      } else {
        const draft = factsOf(begunOn).dataset.draft;
        photosTaken.set(key, photo);
        drafted.keep(rma, draft, [...(drafted.of(rma)[draft] ?? []), ["photo_key", key]]);
      }
    });
  }
}

async function small(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, PHOTO_PX / Math.max(image.width, image.height));
    const canvas = make("canvas");
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => { canvas.toBlob((blob) => resolve(blob ?? file), "image/jpeg", 0.85); });
  } catch {
    return file; // the shop says what is wrong with it
  }
}

const photosTaken = new Map(); // while this page is open, also once they are sent

function take(card, key, photo) {
  if (card.querySelector(`[name=photo_key][value="${CSS.escape(key)}"]`)) return;
  factsOf(card).append(make("input", "", { type: "hidden", name: "photo_key", value: key }));
  const thumb = make("canvas", "", { "data-thumb": key, width: THUMB_PX, height: THUMB_PX, role: "img", "aria-label": "The photo" });
  card.querySelector("[data-thumbs]").append(thumb);
  if (photo) photosTaken.set(key, photo);
  if (photosTaken.has(key)) drawThumb(thumb, photosTaken.get(key));
  else thumb.remove();
  drawTaken(card);
}

async function drawThumb(canvas, photo) {
  try {
    const image = await createImageBitmap(photo, { imageOrientation: "from-image" });
    const side = Math.min(image.width, image.height);
    canvas.getContext("2d").drawImage(
      image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, THUMB_PX, THUMB_PX);
  } catch {
    canvas.remove(); // no photo: the shop says what is wrong with it
  }
}

function drawTaken(card) {
  const note = card.querySelector("[data-taken]");
  const count = card.querySelectorAll("[name=photo_key]").length;
  note.textContent = `${count} ${count === 1 ? "photo" : "photos"} taken for this inspection.`;
  note.hidden = count === 0;
}

function forgetTaken(card) {
  card.querySelectorAll("[name=photo_key]").forEach((one) => photosTaken.delete(one.value));
  card.querySelectorAll("[name=photo_key], [data-thumb]").forEach((one) => one.remove());
  card.querySelector("[data-taken]").hidden = true;
}

// The device ------------------------------------------------------------------------------------------------------------

function drawMute() {
  const button = document.querySelector("#mute");
  button.setAttribute("aria-pressed", String(isMuted()));
  button.textContent = isMuted() ? "Sound is off" : "Sound is on";
}

document.querySelector("#mute").addEventListener("click", () => {
  mute(!isMuted());
  drawMute();
});

function backAgain() {
  pump();
  if (stand.dataset.missing) go(location.href, { push: false, rma: stand.dataset.rma ?? null, again: true });
  else if (said.dataset.how === "quiet") say("The connection is back.");
}

addEventListener("online", backAgain);
addEventListener("offline", () => say("No connection. Go on: what you record is kept on this device and sent later."));
addEventListener("popstate", () => go(location.href, { push: false, rma: readRma(location.pathname.split("/").at(-1)) }));
document.addEventListener("visibilitychange", () => { if (!document.hidden) pump(); });

listenForPhotos();
drawMute();
await draw();
if (stand.dataset.rma) await keepParcel(stand.dataset.rma, stand.innerHTML);
const known = await entries();
assumeAll(known);
drafted.forgetOld(KEPT_MS);
if (takeUpDrafts(known)) say("Your answers are here again; they are not recorded yet.");
drawStrip();
pump();
await forgetParcels(KEPT_MS);
stock();

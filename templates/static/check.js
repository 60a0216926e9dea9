// A form that says what would come of it while somebody fills it in: it is sent to be looked at, and the answer's
// results take the place of the old ones. Without this the form's own button does the same.

const PAUSE_MS = 250;

for (const form of document.querySelectorAll("form[data-check]")) watch(form);
document.addEventListener("refreshed", () => {
  for (const form of document.querySelectorAll("form[data-check]:not([data-watched])")) watch(form);
});

function watch(form) {
  form.dataset.watched = "";
  let waiting = null;
  let asking = null;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE_MS);
  });

  async function look() {
    asking?.abort();
    asking = new AbortController();
    let answer;
    try {
      answer = await fetch(form.dataset.check, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/html" },
        signal: asking.signal,
      });
    } catch {
      return; // another question is on its way, or nobody answers: the button still does
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const result of document.querySelectorAll("[data-result]")) {
      const next = fresh.querySelector(`[data-result="${CSS.escape(result.dataset.result)}"]`);
      if (next) result.innerHTML = next.innerHTML;
    }
    for (const aside of document.querySelectorAll("[data-open-with]")) {
      if (document.querySelector(aside.dataset.openWith)) aside.open = true;
    }
  }
}

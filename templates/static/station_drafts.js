// Answers that are not recorded yet, on this device: they outlive the next scan, a refusal and a reload. By person, return
// and form; forgotten once they are recorded, and after three days.

const MARK = "returndesk-draft ";
const OWN = new Set(["key", "csrf", "box", "line", "by_facts", "reason"]);

const read = (name) => {
  try { return JSON.parse(localStorage.getItem(name)); } catch { return null; }
};

export function drafts(actor) {
  const nameOf = (place) => `${MARK}${actor} ${place}`;

  function write(place, forms) {
    if (Object.keys(forms).length) localStorage.setItem(nameOf(place), JSON.stringify({ at: Date.now(), forms }));
    else localStorage.removeItem(nameOf(place));
  }

  return {
    of: (place) => read(nameOf(place))?.forms ?? {},
    keep(place, form, fields) {
      const told = [...fields].filter(([name, value]) => !OWN.has(name) && typeof value === "string");
      write(place, { ...this.of(place), [form]: told });
    },
    forget(place, form) {
      const { [form]: _, ...others } = this.of(place);
      write(place, others);
    },
    forgetOld(olderThanMs) {
      for (const name of Object.keys(localStorage)) {
        if (name.startsWith(MARK) && !((read(name)?.at ?? 0) > Date.now() - olderThanMs)) localStorage.removeItem(name);
      }
    },
  };
}

// Put what was answered back into a form. True where anything was there to put back.
export function fill(form, fields) {
  for (const [name, value] of fields) {
    for (const element of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (element.matches("[type=radio], [type=checkbox]")) element.checked ||= element.value === value;
      else if (element.matches("button")) continue; // says what it does, whatever was pressed
      else if (name === "quantity") element.value = Math.min(Number(value), Number(element.max || value));
      else if (element.type !== "hidden") element.value = value;
    }
  }
  // The page has all goods ticked: those that were not stay without.
  const lots = fields.filter(([name]) => name === "lot").map(([, value]) => value);
  if (lots.length) form.querySelectorAll("[type=checkbox][name=lot]").forEach((one) => { one.checked = lots.includes(one.value); });
  // What was answered is seen: a fold that holds some of it is open.
  for (const fold of form.querySelectorAll("details")) {
    const isAnswered = [...fold.querySelectorAll("input, textarea")].some((one) =>
      one.type === "radio" || one.type === "checkbox" ? one.checked && one.value : one.type !== "hidden" && one.value !== one.defaultValue);
    if (isAnswered) fold.open = true;
  }
  return fields.length > 0;
}

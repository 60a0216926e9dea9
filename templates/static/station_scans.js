// Parcels that were scanned while there was no connection to look them up: each stays on this device, with when it was
// scanned, until it is counted or somebody takes it off.

const NAME = "returndesk-to-count";

export function toCount() {
  try { return JSON.parse(localStorage.getItem(NAME)) ?? []; } catch { return []; }
}

const write = (all) => localStorage.setItem(NAME, JSON.stringify(all));

export function keepScan(rma) {
  const all = toCount();
  if (!all.some((one) => one.rma === rma)) write([...all, { rma, at: Date.now() }]);
}

export const dropScan = (rma) => write(toCount().filter((one) => one.rma !== rma));

export const timeOf = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

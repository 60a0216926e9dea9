// What was done at this device and has no answer yet, in the browser's database: it is still there after a lost
// connection, a reload and a crash. Each entry has the key under which it is sent, however often, so it counts once.

const asPromise = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const opening = new Promise((resolve, reject) => {
  const request = indexedDB.open("returndesk-station", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("entries", { keyPath: "number", autoIncrement: true });
    request.result.createObjectStore("parcels", { keyPath: "rma" });
  };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function change(store, what) {
  const transaction = (await opening).transaction(store, "readwrite", { durability: "strict" });
  const request = what(transaction.objectStore(store));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  return request.result;
}

async function read(store, what) {
  return asPromise(what((await opening).transaction(store).objectStore(store)));
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `form-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

// Once this has resolved, the entry is on the disk.
export const keep = (entry) => change("entries", (store) => store.add(entry));
export const put = (entry) => change("entries", (store) => store.put(entry));
export const drop = (number) => change("entries", (store) => store.delete(number));
export const entries = () => read("entries", (store) => store.getAll());

export const keepParcel = (rma, html) => change("parcels", (store) => store.put({ rma, html, at: Date.now() }));
export const parcel = (rma) => read("parcels", (store) => store.get(rma));
export async function forgetParcels(olderThanMs) {
  const old = (await read("parcels", (store) => store.getAll())).filter((one) => one.at < Date.now() - olderThanMs);
  for (const one of old) await change("parcels", (store) => store.delete(one.rma));
}

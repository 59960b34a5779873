// The open folder of the server: stems, bounces and recorded sessions; and uploads into it.

import { el } from "./dom.js";

const FOLDER = "/panel/files/";

export class Files {
  #rows = [];
  #heard = [];

  /** Every file as `{name, kind, bytes, seconds, modified}`, the newest first. */
  get rows() {
    return this.#rows;
  }

  of(kind) {
    return this.#rows.filter((row) => row.kind === kind);
  }

  /** Call back whenever the list has been read again. */
  watch(heard) {
    this.#heard.push(heard);
  }

  /** Return the first name of no file that is there or among others; `named` makes it of "", " 2", " 3" .... */
  free(named, others = []) {
    const taken = new Set([...this.#rows.map((row) => row.name), ...others]);
    for (let count = 1; ; count += 1) {
      const name = named(count === 1 ? "" : ` ${count}`);
      if (!taken.has(name)) return name;
    }
  }

  /** Return the row of what a file was made of: it is named after it, in whichever panel. */
  sourceOf(row) {
    const sources = this.#rows.filter((other) => row.name.startsWith(`${stemOf(other)} - `));
    return sources.sort((a, b) => stemOf(b).length - stemOf(a).length)[0] ?? null;
  }

  /** Read the list again. */
  async refresh() {
    const response = await fetch(FOLDER);
    if (!response.ok) return;
    const rows = await response.json();
    this.#rows = rows.sort((a, b) => (b.modified ?? 0) - (a.modified ?? 0));
    for (const heard of this.#heard) heard();
  }
}

/** Return the address of a file's bytes. */
export function addressOf(name) {
  return FOLDER + name.split("/").map(encodeURIComponent).join("/");
}

/** Return a link that downloads a file. */
export function downloading(name) {
  return el(
    "a",
    { class: "button", href: addressOf(name), download: name, "aria-label": `Download ${name}` },
    "↓",
  );
}

/** Return the name of a source without what tells its format, and without what no file of Windows can have. */
export function stemOf(source) {
  const stem = source.kind === "session" ? source.name : source.name.replace(/\.[^.]+$/, "");
  return stem.replace(/[<>:"/\\|?*]/g, "_");
}

/** Send a file and return the name it has there, or reject with a sentence; `told` hears the part sent. */
export function upload(file, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    request.open("POST", addressOf(file.name));
    request.upload.addEventListener("progress", (event) => told(event.loaded / Math.max(1, event.total)));
    request.addEventListener("load", () => {
      const answer = answered(request.responseText);
      if (request.status === 201) resolve(answer.name);
      else reject(new Error(answer.error ?? `the server refused ${file.name} (${request.status})`));
    });
    request.addEventListener("error", () =>
      reject(new Error(`${file.name} was not sent, for the server is away; send it again`)),
    );
    request.send(file);
  });
}

function answered(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

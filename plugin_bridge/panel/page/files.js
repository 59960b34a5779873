// The open folder of the server: stems, bounces and recorded sessions; and uploads into it.

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

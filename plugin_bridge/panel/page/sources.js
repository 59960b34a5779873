// What a bounce starts from: a stem that is dropped, chosen or there already, or a recorded session.

import { byId, el, shown, write } from "./dom.js";
import { upload } from "./files.js";
import { clock } from "./recording.js";

/** Lets a person choose one; `chosen` is its row, or null. */
export class Sources extends EventTarget {
  #files;
  #log;
  #name = null;
  #failed = []; // files that were not sent, to be sent again

  constructor(files, log) {
    super();
    this.#files = files;
    this.#log = log;
    byId("stem-file").addEventListener("change", (event) => this.#sendAll([...event.target.files]));
    byId("send-again").addEventListener("click", () => this.#sendAll(this.#failed));
    for (const type of ["dragenter", "dragover"])
      window.addEventListener(type, (event) => hover(event, true));
    window.addEventListener("dragleave", (event) => hover(event, event.relatedTarget !== null));
    window.addEventListener("drop", (event) => {
      // wherever: a browser would leave the page for the file
      hover(event, false);
      if (!event.dataTransfer.files.length) return;
      location.hash = "bounce";
      this.#sendAll([...event.dataTransfer.files]);
    });
    files.watch(() => this.#show());
  }

  get chosen() {
    return this.#files.rows.find((row) => row.name === this.#name) ?? null;
  }

  choose(name) {
    this.#name = name;
    this.#show();
    this.dispatchEvent(new Event("chosen"));
  }

  async #sendAll(files) {
    this.#failed = [];
    for (const file of files) await this.#send(file);
    shown(byId("send-again"), this.#failed.length > 0);
    byId("stem-file").value = ""; // so that the same file can be chosen again
  }

  async #send(file) {
    const bar = byId("upload");
    shown(bar, true);
    bar.value = 0;
    write(byId("drop-words"), `Sending ${file.name}`);
    try {
      const name = await upload(file, (part) => (bar.value = part));
      await this.#files.refresh();
      write(byId("drop-words"), `${name} is there.`);
      this.choose(name);
    } catch (refusal) {
      this.#failed.push(file);
      write(byId("drop-words"), `${file.name} was not taken.`);
      this.#log.fault(refusal.message);
    }
    shown(bar, false);
  }

  #show() {
    this.#fill("stems", "stem", "No stem yet.");
    this.#fill("sessions", "session", "Nothing recorded yet.");
  }

  #fill(id, kind, none) {
    const rows = this.#files.of(kind);
    byId(id).replaceChildren(
      ...rows.map((row) => el("li", {}, this.#button(row))),
      ...(rows.length ? [] : [el("li", { class: "none" }, none)]),
    );
  }

  #button(row) {
    const facts = [row.seconds ? clock(row.seconds) : "", row.singer ?? ""].filter(Boolean).join(" · ");
    return el(
      "button",
      {
        type: "button",
        "aria-pressed": String(row.name === this.#name),
        onclick: () => this.choose(row.name),
      },
      el("span", { class: "file" }, row.name),
      el("span", { class: "facts" }, facts),
    );
  }
}

function hover(event, isOver) {
  if (!event.dataTransfer.types.includes("Files")) return; // words, into a field
  event.preventDefault();
  byId("drop").classList.toggle("over", isOver);
}

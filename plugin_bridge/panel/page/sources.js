// What a bounce starts from: a stem that is dropped or chosen, one that is there already, or a recorded session.

import { byId, el, shown, write } from "./dom.js";
import { upload } from "./files.js";
import { clock } from "./recording.js";

/** Lets a person choose one; `chosen` is its row, or null. */
export class Sources extends EventTarget {
  #files;
  #log;
  #name = null;
  #failed = null; // the file that was not sent, to be sent again

  constructor(files, log) {
    super();
    this.#files = files;
    this.#log = log;
    const zone = byId("drop");
    byId("stem-file").addEventListener("change", (event) => this.#send(event.target.files[0]));
    byId("send-again").addEventListener("click", () => this.#send(this.#failed));
    for (const type of ["dragenter", "dragover"]) zone.addEventListener(type, (event) => hover(event, true));
    zone.addEventListener("dragleave", (event) => hover(event, false));
    zone.addEventListener("drop", (event) => {
      hover(event, false);
      this.#send(event.dataTransfer.files[0]);
    });
    for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault()); // beside it: open nothing
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

  async #send(file) {
    if (!file) return;
    this.#failed = null;
    const bar = byId("upload");
    shown(byId("send-again"), false);
    shown(bar, true);
    bar.value = 0;
    write(byId("drop-words"), `Sending ${file.name}`);
    try {
      const name = await upload(file, (part) => (bar.value = part));
      await this.#files.refresh();
      write(byId("drop-words"), `${name} is there.`);
      this.choose(name);
    } catch (refusal) {
      this.#failed = file;
      shown(byId("send-again"), true);
      write(byId("drop-words"), `${file.name} was not taken.`);
      this.#log.fault(refusal.message);
    }
    shown(bar, false);
    byId("stem-file").value = ""; // so that the same file can be chosen again
  }

  #show() {
    this.#fill("stems", "stem", "No stem yet.");
    this.#fill("sessions", "session", "Nothing recorded yet.");
  }

  #fill(id, kind, none) {
    const rows = this.#files.of(kind);
    byId(id).replaceChildren(...rows.map((row) => el("li", {}, this.#button(row))), ...(rows.length ? [] : [el("li", { class: "none" }, none)]));
  }

  #button(row) {
    const facts = [row.seconds ? clock(row.seconds) : "", row.singer ?? ""].filter(Boolean).join(" · ");
    return el("button", { type: "button", "aria-pressed": String(row.name === this.#name), onclick: () => this.choose(row.name) }, el("span", { class: "file" }, row.name), el("span", { class: "facts" }, facts));
  }
}

function hover(event, isOver) {
  event.preventDefault();
  byId("drop").classList.toggle("over", isOver);
}

// Bounces: started with a preset or as it sounds now, followed with progress and time left, listed when done.

import { byId, el, fill, shown, write } from "./dom.js";
import { downloading, stemOf } from "./files.js";
import { Jobs } from "./jobs.js";
import { clock } from "./recording.js";

const NOW = ""; // instead of a preset: as it sounds now, or as a session was recorded

export class Bounces {
  #files;
  #sources;
  #log;
  #listen;
  #jobs;
  #own = new Set(); // outputs that this page asked for, to be heard when they are done

  /** `listen` is called with the row of a bounce, to compare it with its source. */
  constructor(link, { files, sources, presets, log, listen }) {
    this.#files = files;
    this.#sources = sources;
    this.#log = log;
    this.#listen = listen;
    this.#jobs = new Jobs(link, log, {
      path: "/bounce",
      place: "jobs",
      changed: () => this.#show(),
      ended: (output) => this.#ended(output),
    });
    byId("bounce-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    sources.addEventListener("chosen", () => this.#offer());
    presets.watch((names) =>
      fill(byId("bounce-preset"), [[NOW, "as it sounds now"], ...names.map((name) => [name, name])]),
    );
    files.watch(() => this.#show());
    this.#offer();
  }

  /** Name the singers that a bounce can be sung by. */
  set singers(names) {
    fill(byId("bounce-singer"), [["", "the singer of that sound"], ...names.map((name) => [name, name])]);
  }

  /** Ask the server which bounces there are. */
  refresh() {
    return this.#jobs.refresh();
  }

  #offer() {
    const source = this.#sources.chosen;
    byId("bounce-start").disabled = source === null;
    write(byId("bounce-source"), source ? source.name : "Choose a stem or a recording.");
    byId("bounce-preset").options[0].textContent =
      source?.kind === "session" ? "as it was recorded" : "as it sounds now";
  }

  async #start() {
    const source = this.#sources.chosen;
    const [preset, singer] = [byId("bounce-preset").value, byId("bounce-singer").value];
    const sound = [preset, singer].filter(Boolean).join(" ") || (source.kind === "session" ? "again" : "now");
    const base = `${stemOf(source)} - ${sound}`;
    const output = this.#files.free((count) => `${base}${count}.wav`, this.#jobs.outputs);
    const options = [...(preset ? ["preset", preset] : []), ...(singer ? ["singer", singer] : [])];
    try {
      this.#own.add(output);
      await this.#jobs.start(source.name, output, ...options);
    } catch (refusal) {
      this.#own.delete(output);
      this.#log.fault(refusal.message);
    }
  }

  async #ended(output) {
    await this.#files.refresh();
    const row = this.#files.rows.find(({ name }) => name === output);
    if (row && this.#own.delete(output)) this.#listen(row);
  }

  #show() {
    const done = this.#files.of("bounce");
    byId("bounced").replaceChildren(...done.map((row) => this.#result(row)));
    shown(byId("no-bounces"), this.#jobs.areOver && !done.length);
  }

  #result(row) {
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "open", onclick: () => this.#listen(row) },
        el("span", { class: "file" }, row.name),
        el("span", { class: "facts" }, row.seconds ? clock(row.seconds) : ""),
      ),
      downloading(row.name),
    );
  }
}

// Guides: a melody that fits a backing track, sung to it, as a vocal, as notes and as a mix.

import { byId, el, fill, write } from "./dom.js";
import { downloading, stemOf } from "./files.js";
import { Jobs } from "./jobs.js";

export class Guides {
  #files;
  #sources;
  #log;
  #listen;
  #jobs;
  #own = new Set(); // guides that this page asked for, to be heard when they are done

  /** `listen` is called with the row of a mix, to compare it with its backing track. */
  constructor(link, { files, sources, log, listen }) {
    this.#files = files;
    this.#sources = sources;
    this.#log = log;
    this.#listen = listen;
    this.#jobs = new Jobs(link, log, {
      path: "/guide",
      place: "guides",
      changed: () => {},
      ended: (output) => this.#ended(output),
    });
    byId("guide-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    sources.addEventListener("chosen", () => this.#offer());
    files.watch(() => this.#show());
    this.#offer();
  }

  /** Name the singers of the set. */
  set singers(names) {
    fill(byId("guide-singer"), [["", "the one that sings now"], ...names.map((name) => [name, name])]);
  }

  /** Name the keys and the styles, with what each sounds like, that a guide can have. */
  offer(keys, styles) {
    const modes = keys.flatMap((key) => ["major", "minor"].map((mode) => `${key} ${mode}`));
    fill(byId("guide-key"), [["", "as it is heard"], ...modes.map((name) => [name, name])]);
    const rows = Object.entries(styles).map(([name, about]) => [name, `${name}: ${about}`]);
    fill(byId("guide-style"), rows);
  }

  /** Ask the server which guides there are. */
  refresh() {
    return this.#jobs.refresh();
  }

  get #backing() {
    const source = this.#sources.chosen;
    return source?.kind === "stem" ? source : null;
  }

  #offer() {
    byId("guide-start").disabled = this.#backing === null;
    write(byId("guide-source"), this.#backing?.name ?? "Choose a backing track among the stems.");
  }

  async #start() {
    const backing = this.#backing;
    const base = `${stemOf(backing)} - guide`;
    const seed = byId("guide-seed").valueAsNumber;
    const output = this.#files.free((count) => `${base}${count}.wav`, this.#jobs.outputs);
    const name = output.replace(/\.wav$/, "");
    const options = ["singer", "style", "key"].flatMap((key) => {
      const { value } = byId(`guide-${key}`);
      return value ? [key, value] : [];
    });
    const numbers = ["seed", seed, "density", byId("guide-density").valueAsNumber];
    const also = ["midi", `${name}.mid`, "mix", `${name} mix.wav`];
    try {
      this.#own.add(output);
      await this.#jobs.start(backing.name, output, ...numbers, ...options, ...also);
      byId("guide-seed").value = seed + 1; // the next one is another melody
    } catch (refusal) {
      this.#own.delete(output);
      this.#log.fault(refusal.message);
    }
  }

  async #ended(output) {
    await this.#files.refresh();
    const mix = output.replace(/\.wav$/, " mix.wav");
    const row = this.#files.rows.find(({ name }) => name === mix);
    if (row && this.#own.delete(output)) this.#listen(row);
  }

  #show() {
    byId("guide-notes").replaceChildren(
      ...this.#files
        .of("notes")
        .map(({ name }) => el("li", { class: "job" }, el("span", { class: "file" }, name), downloading(name))),
    );
  }
}

// Enrolments: a singer made of the voice of a stem or a recording, and added to the set that plays.

import { byId, el, write } from "./dom.js";
import { Jobs } from "./jobs.js";

const SUFFIX = /\.onnx$/;

export class Enrolments {
  #link;
  #files;
  #sources;
  #log;
  #jobs;
  #singers = []; // of the set
  #adding = null;

  constructor(link, { files, sources, log }) {
    this.#link = link;
    this.#files = files;
    this.#sources = sources;
    this.#log = log;
    this.#jobs = new Jobs(link, log, {
      path: "/enrol",
      place: "enrolments",
      changed: () => {},
      ended: () => files.refresh(),
    });
    byId("enrol-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    sources.addEventListener("chosen", () => this.#offer());
    files.watch(() => this.#show());
    this.#offer();
  }

  /** Name the singers of the set. */
  set singers(names) {
    this.#singers = names;
    this.#show();
  }

  /** Ask the server which enrolments there are. */
  refresh() {
    return this.#jobs.refresh();
  }

  #offer() {
    const source = this.#sources.chosen;
    byId("enrol-start").disabled = source === null;
    write(byId("enrol-source"), source?.name ?? "Choose 10 to 120 s of one voice, dry and alone.");
  }

  async #start() {
    const field = (name) => byId(`enrol-${name}`).value.trim();
    const options = ["licence", "attribution"].flatMap((name) => [name, field(name)]);
    try {
      await this.#jobs.start(field("id"), this.#sources.chosen.name, ...options);
      byId("enrol-id").value = "";
    } catch (refusal) {
      this.#log.fault(refusal.message);
    }
  }

  #show() {
    byId("enrolled").replaceChildren(
      ...this.#files.of("singer").map(({ name }) => this.#row(name.replace(SUFFIX, ""))),
    );
  }

  #row(name) {
    const isThere = this.#singers.includes(name);
    const words = isThere ? "in the set" : this.#adding === name ? "getting ready" : "";
    const add = el(
      "button",
      {
        type: "button",
        "aria-label": `Add ${name} to the set`,
        title: "The sound is away for a moment",
        disabled: this.#adding !== null,
        onclick: () => this.#add(name),
      },
      "Add",
    );
    return el(
      "li",
      { class: "job" },
      el("span", { class: "file" }, name),
      isThere || this.#adding === name ? el("span", { class: "facts" }, words) : add,
    );
  }

  async #add(name) {
    this.#adding = name;
    this.#show();
    try {
      await this.#link.ask("/singer/add", name); // the namespace then tells of it
    } catch (refusal) {
      this.#log.fault(refusal.message);
    }
    this.#adding = null;
    this.#show();
  }
}

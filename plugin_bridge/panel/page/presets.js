// Presets: a touch loads one, a name saves the sound as it is now.

import { byId, el, write } from "./dom.js";

export class Presets {
  #link;
  #log;
  #names = [];
  #loaded = "";
  #heard = [];

  constructor(link, log) {
    this.#link = link;
    this.#log = log;
    const name = byId("preset-name");
    const save = byId("preset-save");
    const label = () => write(save, this.#names.includes(name.value.trim()) ? "Replace" : "Save");
    name.addEventListener("input", label);
    byId("preset-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#save(name.value.trim())) name.value = "";
      label();
    });
  }

  get names() {
    return this.#names;
  }

  /** Call back with the names whenever they change. */
  watch(heard) {
    this.#heard.push(heard);
    heard(this.#names);
  }

  /** Ask the server which there are. */
  async refresh() {
    this.#names = await this.#link.ask("/preset/list");
    this.#show();
    for (const heard of this.#heard) heard(this.#names);
  }

  #show() {
    byId("presets").replaceChildren(
      ...this.#names.map((name) =>
        el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              "aria-pressed": String(name === this.#loaded),
              onclick: () => this.#load(name),
            },
            name,
          ),
        ),
      ),
    );
  }

  async #load(name) {
    try {
      await this.#link.ask("/preset/load", name);
      this.#loaded = name;
      this.#show();
      [...byId("presets").querySelectorAll("button")].find((button) => button.textContent === name)?.focus();
    } catch (refusal) {
      this.#log.fault(refusal.message);
    }
  }

  async #save(name) {
    try {
      const replace = this.#names.includes(name) ? [true] : []; // false would be a button that is released
      await this.#link.ask("/preset/save", name, ...replace);
      this.#loaded = name;
      await this.refresh();
      return true;
    } catch (refusal) {
      this.#log.fault(refusal.message);
      return false;
    }
  }
}

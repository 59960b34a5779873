// The field of a number: typed with unit, comma or word; kept while it is typed; a refusal is said beside it.

import { el, shown, write } from "./dom.js";
import { stepOf, stepped, typed, written } from "./scaling.js";

/** The field of a number's row; `now` returns the value shown, `take` sends one, rejected with a sentence. */
export class Field {
  element;
  error;
  #row;
  #now;
  #take;
  #isTyped = false;
  #isSent = false; // and not yet answered

  constructor(row, { now, take }) {
    this.#row = row;
    this.#now = now;
    this.#take = take;
    this.error = el("p", { class: "error", id: `error-${row.id}`, role: "alert", hidden: true });
    this.element = el("input", {
      id: `field-${row.id}`,
      class: "field",
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": this.error.id,
      onfocus: () => this.element.select(),
      oninput: () => {
        this.#isTyped = true;
        this.#say("");
      },
      onblur: () => (this.error.hidden ? this.#enter() : this.#settle()),
      onkeydown: (event) => this.#press(event),
    });
  }

  /** Show the value, unless another is being typed. */
  show() {
    if (!this.#isTyped) this.element.value = written(this.#row, this.#now());
  }

  #press(event) {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") this.#enter().then(() => this.element.select());
    else if (event.key === "Escape") this.#settle();
    else if (way && typeof this.#now() === "number")
      this.#send(stepped(this.#row, this.#now() + way * stepOf(this.#row)));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async #enter() {
    if (!this.#isTyped || this.#isSent) return;
    const value = typed(this.#row, this.element.value);
    if (value !== null) {
      await this.#send(value);
      return;
    }
    const [low, high] = [written(this.#row, this.#row.low), written(this.#row, this.#row.high)];
    const others = this.#row.words.map((word) => ` or ${word}`).join("");
    this.#say(`“${this.element.value}” is no number; type ${low} to ${high}${others}`);
  }

  async #send(value) {
    this.#isSent = true;
    try {
      await this.#take(value);
      this.#settle();
    } catch (refusal) {
      this.#say(refusal.message);
    } finally {
      this.#isSent = false;
    }
  }

  #settle() {
    this.#isTyped = false;
    this.#say("");
    this.show();
  }

  #say(sentence) {
    write(this.error, sentence);
    shown(this.error, sentence !== "");
    this.element.setAttribute("aria-invalid", String(sentence !== ""));
  }
}

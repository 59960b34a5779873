// The log of events: what the server reports, now and before, and refuses; faults are shown for a while.

import { byId, el, shown, write } from "./dom.js";

const MAX_LINES = 200;
const SHOWN_MS = 7000;
const SAME_MS = 3000; // between when a page heard a report and when the server says it was

export class Log {
  #link;
  #list = byId("log");
  #toast = byId("toast");
  #timer = null;

  constructor(link) {
    this.#link = link;
    link.addEventListener(
      "heard",
      ({ detail }) => detail.address === "/report" && this.#add(String(detail.values[0]), "report", Date.now()),
    );
    link.addEventListener("refused", ({ detail }) => this.fault(detail.reason));
  }

  /** Ask the server for what it reported before this page heard it. */
  async refresh() {
    const cells = await this.#link.ask("/report/list");
    const now = Date.now();
    const heard = [...this.#list.querySelectorAll(".report")].reverse();
    for (let at = 0; at < cells.length; at += 2) {
      const [sentence, when] = [cells[at], now - cells[at + 1] * 1000];
      const known = heard.findIndex(
        (line) => line.lastChild.textContent === sentence && Math.abs(line.dataset.when - when) < SAME_MS,
      );
      if (known < 0) this.#add(sentence, "report", when);
      else heard.splice(known, 1);
    }
  }

  /** Note a sentence. */
  say(sentence) {
    this.#add(sentence, "", Date.now());
  }

  /** Note a sentence about what did not work, and show it over the page for a while. */
  fault(sentence) {
    this.#add(sentence, "fault", Date.now());
    this.show(sentence);
  }

  /** Show a sentence over the page for a while. */
  show(sentence) {
    write(this.#toast, sentence);
    shown(this.#toast, true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => shown(this.#toast, false), SHOWN_MS);
  }

  /** The newest stands on top. */
  #add(sentence, kind, when) {
    const time = new Date(when).toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hour12: false,
    });
    const line = el(
      "p",
      { class: `event ${kind}`, "data-when": String(when) },
      el("time", {}, time),
      el("span", {}, sentence),
    );
    const older = [...this.#list.children].find((other) => other.dataset.when <= when) ?? null;
    this.#list.insertBefore(line, older);
    while (this.#list.children.length > MAX_LINES) this.#list.lastChild.remove();
  }
}

// The log of events: what the server reports and refuses, what this page does; faults are shown for a while.

import { byId, el, shown, write } from "./dom.js";

const MAX_LINES = 200;
const SHOWN_MS = 7000;

export class Log {
  #list = byId("log");
  #toast = byId("toast");
  #timer = null;

  constructor(link) {
    link.addEventListener(
      "heard",
      ({ detail }) => detail.address === "/report" && this.say(String(detail.values[0])),
    );
    link.addEventListener("refused", ({ detail }) => this.fault(detail.reason));
  }

  /** Note a sentence. */
  say(sentence) {
    this.#add(sentence, "");
  }

  /** Note a sentence about what did not work, and show it over the page for a while. */
  fault(sentence) {
    this.#add(sentence, "fault");
    write(this.#toast, sentence);
    shown(this.#toast, true);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => shown(this.#toast, false), SHOWN_MS);
  }

  #add(sentence, kind) {
    const time = new Date().toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hour12: false,
    });
    this.#list.prepend(el("p", { class: `event ${kind}` }, el("time", {}, time), el("span", {}, sentence)));
    while (this.#list.children.length > MAX_LINES) this.#list.lastChild.remove();
  }
}

// Work beside the live sound, such as bounces: followed with progress and time left, and cancelled.

import { byId, el } from "./dom.js";
import { clock } from "./recording.js";

/** The jobs of one kind: `path` of their addresses, `place` where they are shown while they are not over. */
export class Jobs {
  #link;
  #log;
  #path;
  #place;
  #changed;
  #ended;
  #jobs = new Map(); // by number: {output, state, done, total, begun}

  /** `changed` is called whenever one stands otherwise; `ended` with the output of one that is done. */
  constructor(link, log, { path, place, changed, ended }) {
    this.#link = link;
    this.#log = log;
    this.#path = path;
    this.#place = place;
    this.#changed = changed;
    this.#ended = ended;
    link.addEventListener(
      "heard",
      ({ detail }) => detail.address === `${path}/progress` && this.#hear(detail.values),
    );
  }

  /** What all of them make or made. */
  get outputs() {
    return [...this.#jobs.values()].map(({ output }) => output);
  }

  /** Whether none is waiting or running. */
  get areOver() {
    return this.#running.length === 0;
  }

  /** Ask for one; rejects with the server's sentence. */
  async start(...values) {
    await this.#link.ask(`${this.#path}/start`, ...values);
    await this.refresh();
  }

  /** Ask the server which there are. */
  async refresh() {
    const cells = await this.#link.ask(`${this.#path}/list`);
    const known = new Map();
    for (let at = 0; at < cells.length; at += 4) {
      const [number, state, , output] = cells.slice(at, at + 4);
      known.set(number, {
        begun: performance.now(),
        done: 0,
        total: 0,
        ...this.#jobs.get(number),
        state,
        output,
      });
    }
    this.#jobs = known;
    this.#show();
  }

  get #running() {
    return [...this.#jobs].filter(([, job]) => job.state === "waiting" || job.state === "running").reverse();
  }

  async #hear([number, state, done, total]) {
    if (!this.#jobs.has(number)) await this.refresh().catch(() => {}); // another panel's, or told at once
    const job = this.#jobs.get(number);
    if (!job) return;
    if (job.state !== state) job.begun = performance.now();
    Object.assign(job, { state, done, total });
    if (state === "done") await this.#ended(job.output);
    else if (state.startsWith("failed")) this.#log.show(`${job.output}: ${state.replace("failed: ", "")}`);
    this.#show();
  }

  #show() {
    byId(this.#place).replaceChildren(...this.#running.map(([number, job]) => this.#row(number, job)));
    this.#changed();
  }

  #row(number, job) {
    const part = job.total ? job.done / job.total : 0;
    const elapsed = (performance.now() - job.begun) / 1000;
    const left =
      part > 0.02
        ? `${clock(Math.ceil((elapsed * (1 - part)) / part))} left`
        : job.state === "waiting"
          ? "waiting"
          : "starting";
    const cancel = () =>
      this.#link.ask(`${this.#path}/cancel`, number).catch((refusal) => this.#log.fault(refusal.message));
    return el(
      "li",
      { class: "job" },
      el("span", { class: "file" }, job.output),
      el("span", { class: "facts" }, left),
      el("progress", { max: "1", value: String(part), "aria-label": `Progress of ${job.output}` }),
      el("button", { type: "button", "aria-label": `Cancel ${job.output}`, onclick: cancel }, "Cancel"),
    );
  }
}

// Bounces: started with a preset or as it sounds now, followed with progress and time left, listed when done.

import { byId, el, shown, write } from "./dom.js";
import { addressOf } from "./files.js";
import { clock } from "./recording.js";

const NOW = ""; // instead of a preset: as it sounds now, or as a session was recorded

export class Bounces {
  #link;
  #files;
  #sources;
  #log;
  #listen;
  #jobs = new Map(); // by number: {output, state, done, total, begun}
  #own = new Set(); // outputs that this page asked for, to be heard when they are done

  /** `listen` is called with a bounce and the row of its source, to compare them. */
  constructor(link, { files, sources, presets, log, listen }) {
    this.#link = link;
    this.#files = files;
    this.#sources = sources;
    this.#log = log;
    this.#listen = listen;
    byId("bounce-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    sources.addEventListener("chosen", () => this.#offer());
    presets.watch((names) =>
      fill(byId("bounce-preset"), [[NOW, "as it sounds now"], ...names.map((name) => [name, name])]),
    );
    files.watch(() => this.#show());
    link.addEventListener(
      "heard",
      ({ detail }) => detail.address === "/bounce/progress" && this.#hear(detail.values),
    );
    this.#offer();
  }

  /** Name the singers that a bounce can be sung by. */
  set singers(names) {
    fill(byId("bounce-singer"), [["", "the singer of that sound"], ...names.map((name) => [name, name])]);
  }

  /** Ask the server which bounces there are. */
  async refresh() {
    const cells = await this.#link.ask("/bounce/list");
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
    const output = this.#free(`${stemOf(source)} - ${sound}`);
    const options = [...(preset ? ["preset", preset] : []), ...(singer ? ["singer", singer] : [])];
    try {
      this.#own.add(output);
      await this.#link.ask("/bounce/start", source.name, output, ...options);
      await this.refresh();
    } catch (refusal) {
      this.#own.delete(output);
      this.#log.fault(refusal.message);
    }
  }

  /** Return a name of no file that is there or on its way. */
  #free(base) {
    const taken = new Set([
      ...this.#files.rows.map((row) => row.name),
      ...[...this.#jobs.values()].map((job) => job.output),
    ]);
    for (let count = 1; ; count += 1) {
      const name = count === 1 ? `${base}.wav` : `${base} ${count}.wav`;
      if (!taken.has(name)) return name;
    }
  }

  async #hear([number, state, done, total]) {
    if (!this.#jobs.has(number)) await this.refresh().catch(() => {}); // another panel's, or told at once
    const job = this.#jobs.get(number);
    if (!job) return;
    if (job.state !== state) job.begun = performance.now();
    Object.assign(job, { state, done, total });
    if (state === "done") await this.#ended(job);
    else if (state.startsWith("failed")) this.#log.show(`${job.output}: ${state.replace("failed: ", "")}`);
    this.#show();
  }

  async #ended(job) {
    await this.#files.refresh();
    const row = this.#files.rows.find(({ name }) => name === job.output);
    if (row && this.#own.delete(job.output)) this.#compare(row);
  }

  /** A bounce is named after its source: find it again, in whichever panel and after a restart. */
  #compare(row) {
    const sources = this.#files.rows.filter((other) => row.name.startsWith(`${stemOf(other)} - `));
    sources.sort((a, b) => stemOf(b).length - stemOf(a).length);
    this.#listen(row, sources[0] ?? null);
  }

  #show() {
    const running = [...this.#jobs]
      .filter(([, job]) => job.state === "waiting" || job.state === "running")
      .reverse();
    const done = this.#files.of("bounce");
    byId("jobs").replaceChildren(...running.map(([number, job]) => this.#job(number, job)));
    byId("bounced").replaceChildren(...done.map((row) => this.#result(row)));
    shown(byId("no-bounces"), !running.length && !done.length);
  }

  #job(number, job) {
    const part = job.total ? job.done / job.total : 0;
    const elapsed = (performance.now() - job.begun) / 1000;
    const left =
      part > 0.02
        ? `${clock(Math.ceil((elapsed * (1 - part)) / part))} left`
        : job.state === "waiting"
          ? "waiting"
          : "starting";
    const cancel = () =>
      this.#link.ask("/bounce/cancel", number).catch((refusal) => this.#log.fault(refusal.message));
    return el(
      "li",
      { class: "job" },
      el("span", { class: "file" }, job.output),
      el("span", { class: "facts" }, left),
      el("progress", { max: "1", value: String(part), "aria-label": `Progress of ${job.output}` }),
      el("button", { type: "button", "aria-label": `Cancel ${job.output}`, onclick: cancel }, "Cancel"),
    );
  }

  #result(row) {
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "open", onclick: () => this.#compare(row) },
        el("span", { class: "file" }, row.name),
        el("span", { class: "facts" }, row.seconds ? clock(row.seconds) : ""),
      ),
      el(
        "a",
        {
          class: "button",
          href: addressOf(row.name),
          download: row.name,
          "aria-label": `Download ${row.name}`,
        },
        "↓",
      ),
    );
  }
}

/** Return the name of a source without what tells its format, and without what no file of Windows can have. */
function stemOf(source) {
  const stem = source.kind === "session" ? source.name : source.name.replace(/\.[^.]+$/, "");
  return stem.replace(/[<>:"/\\|?*]/g, "_");
}

function fill(select, rows) {
  const kept = select.value;
  select.replaceChildren(...rows.map(([value, words]) => el("option", { value }, words)));
  if (rows.some(([value]) => value === kept)) select.value = kept;
}

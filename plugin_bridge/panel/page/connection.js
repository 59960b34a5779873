// The one WebSocket to the server: OSC both ways, answers matched to requests, found again when it is lost.

import { bundle, message, read } from "./osc.js";

const FIRST_DELAY_MS = 400;
const LAST_DELAY_MS = 3000;
const SILENCE_MS = 4000; // then the server is asked for a sign of life
const PATIENCE_MS = 4000; // and then given up
const AWAY = "The server is away; this was not sent. It is looked for again.";

/**
 * Tells, as events: `open`, `lost`, `heard` (detail: address and values, of what comes unasked and of answers
 * that nobody awaits, which have `isAnswer`), `refused` (detail: address and reason, where nobody awaits the answer) and `changed`
 * (detail: the path of the namespace that changed).
 */
export class Connection extends EventTarget {
  #address;
  #socket = null;
  #waiting = new Map();
  #count = 0;
  #delay = FIRST_DELAY_MS;
  #heardAt = 0;

  constructor(address) {
    super();
    this.#address = address;
    setInterval(() => this.#watch(), 1000);
    window.addEventListener("online", () => this.#reopen());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    const socket = new WebSocket(this.#address);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#delay = FIRST_DELAY_MS;
      this.#heardAt = performance.now();
      this.#tell("open");
    });
    socket.addEventListener("message", (event) => this.#hear(event.data));
    socket.addEventListener("close", () => this.#lost(socket));
    this.#socket = socket;
  }

  /** Send a message that nobody waits for; returns whether it went. */
  send(address, ...values) {
    return this.#throw(message(address, ...values));
  }

  /** Send messages that act together, each an array of address and values. */
  sendTogether(messages) {
    return this.#throw(bundle(messages.map((row) => message(...row))));
  }

  /** Send a request and return the values of its answer; rejects with the server's sentence. */
  ask(address, ...values) {
    this.#count += 1;
    const id = `#${this.#count}`;
    return new Promise((resolve, reject) => {
      if (!this.send(address, ...values, id)) {
        reject(new Error(AWAY));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #throw(packet) {
    if (!this.isOpen) return false;
    this.#socket.send(packet);
    return true;
  }

  #hear(data) {
    this.#heardAt = performance.now();
    if (typeof data === "string") {
      const { COMMAND, DATA } = JSON.parse(data);
      if (/^PATH_(CHANGED|ADDED|REMOVED)$/.test(COMMAND)) this.#tell("changed", DATA);
      return;
    }
    for (const { address, values } of read(data)) {
      if (address === "/done" || address === "/fail") this.#answer(address === "/done", values);
      else this.#tell("heard", { address, values });
    }
  }

  #answer(done, [address, ...values]) {
    const id = values.at(-1);
    const asked = this.#waiting.get(id);
    if (asked) {
      this.#waiting.delete(id);
      values.pop();
      if (done) asked.resolve(values);
      else asked.reject(new Error(String(values[0])));
    } else if (done) this.#tell("heard", { address, values, isAnswer: true });
    else this.#tell("refused", { address, reason: String(values[0]) });
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    for (const { reject } of this.#waiting.values()) reject(new Error(AWAY));
    this.#waiting.clear();
    this.#tell("lost");
    setTimeout(() => this.#reopen(), this.#delay);
    this.#delay = Math.min(LAST_DELAY_MS, this.#delay * 1.5);
  }

  #reopen() {
    if (this.#socket === null) this.open();
  }

  /** A network that goes away closes nothing: ask for a sign of life, and hang up where there is none. */
  #watch() {
    if (!this.isOpen) return;
    const silence = performance.now() - this.#heardAt;
    if (silence > SILENCE_MS + PATIENCE_MS) this.#socket.close();
    else if (silence > SILENCE_MS) this.send("/version", "#alive");
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

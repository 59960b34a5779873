// The values of the server by address: those it sent, those moved here, and those that wait for its return.

const ECHO_MS = 250; // while a hand moves a control, echoes of where it was do not pull it back

export class Store {
  #link;
  #server = new Map(); // as last heard
  #shown = new Map(); // as shown: the server's, or what this page has just moved
  #movedAt = new Map();
  #pending = new Map(); // moved while the server was away
  #unanswered = new Map(); // how many moves the server has not answered yet: what it told before is old
  #watchers = new Map();
  #echo = null;
  #begun = null; // what the watchers of a builder end by

  constructor(link) {
    this.#link = link;
    link.addEventListener("heard", ({ detail }) => {
      if (detail.isAnswer) this.#answered(detail.address);
      this.#hear(detail.address, detail.values[0]);
    });
    link.addEventListener("refused", ({ detail }) => {
      if (detail.address) this.#answered(detail.address);
      else this.#unanswered.clear(); // a packet as a whole
      this.#refused(detail.address);
    });
    link.addEventListener("lost", () => this.#unanswered.clear());
    link.addEventListener("open", () => this.#sendPending());
  }

  get(address) {
    return this.#shown.get(address);
  }

  /** Whether a value that was moved here waits for the server's return. */
  isPending(address) {
    return this.#pending.has(address);
  }

  /** Call back with the value, now if it is known, and whenever it changes. */
  watch(address, heard) {
    if (!this.#watchers.has(address)) this.#watchers.set(address, new Set());
    this.#watchers.get(address).add(heard);
    this.#begun?.push(() => this.#watchers.get(address).delete(heard));
    if (this.#shown.has(address)) heard(this.#shown.get(address));
  }

  /** Call back when any of several changes. */
  watchAll(addresses, heard) {
    for (const address of addresses) this.watch(address, heard);
  }

  /** Run a builder and return what ends all that it watches. */
  watching(build) {
    const begun = (this.#begun = []);
    build();
    this.#begun = null;
    return () => begun.forEach((end) => end());
  }

  /** Move a value, shown at once; while the server is away it waits and is sent on its return. */
  move(address, value) {
    this.moveTogether([[address, value]]);
  }

  /** Move several values on the same sample. */
  moveTogether(rows) {
    const away = !this.#link.isOpen;
    const changed = rows.filter(([address, value]) => this.#shown.get(address) !== value);
    for (const [address, value] of rows) {
      if (away) this.#pending.set(address, value);
      else this.#asked(address);
      this.#movedAt.set(address, performance.now());
      this.#shown.set(address, value);
    }
    if (!away) this.#link.sendTogether(rows);
    for (const [address, value] of changed) this.#tell(address, value); // once all of them are as they shall be
    this.#settleLater();
  }

  /** Move a value and wait for the answer; rejects with the server's sentence. */
  async moveChecked(address, value) {
    if (!this.#link.isOpen) {
      this.move(address, value);
      return;
    }
    this.#movedAt.set(address, performance.now());
    this.#show(address, value);
    this.#asked(address);
    try {
      const [taken] = await this.#link.ask(address, value);
      this.#answered(address);
      this.#hear(address, taken);
    } catch (refusal) {
      this.#answered(address);
      this.#refused(address);
      throw refusal;
    }
  }

  #hear(address, value) {
    this.#server.set(address, value);
    if (this.#pending.has(address) || this.#unanswered.has(address)) return;
    if (performance.now() - (this.#movedAt.get(address) ?? -ECHO_MS) < ECHO_MS) this.#settleLater();
    else this.#show(address, value);
  }

  #asked(address) {
    this.#unanswered.set(address, (this.#unanswered.get(address) ?? 0) + 1);
  }

  #answered(address) {
    const left = (this.#unanswered.get(address) ?? 0) - 1;
    if (left > 0) this.#unanswered.set(address, left);
    else this.#unanswered.delete(address);
  }

  #refused(address) {
    if (!this.#server.has(address) || this.#unanswered.has(address)) return;
    this.#movedAt.delete(address);
    this.#show(address, this.#server.get(address));
  }

  /** Once a hand rests and all is answered, show what the server holds. */
  #settleLater() {
    clearTimeout(this.#echo);
    this.#echo = setTimeout(() => {
      for (const address of this.#movedAt.keys()) {
        if (this.#unanswered.has(address)) continue;
        this.#movedAt.delete(address);
        if (!this.#pending.has(address) && this.#server.has(address))
          this.#show(address, this.#server.get(address));
      }
    }, ECHO_MS);
  }

  #sendPending() {
    const rows = [...this.#pending];
    this.#pending.clear();
    if (rows.length) this.moveTogether(rows);
    for (const [address, value] of rows) this.#tell(address, value); // no longer pending
  }

  #show(address, value) {
    if (this.#shown.get(address) === value) return;
    this.#shown.set(address, value);
    this.#tell(address, value);
  }

  #tell(address, value) {
    for (const heard of this.#watchers.get(address) ?? []) heard(value);
  }
}

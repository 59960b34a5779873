// Level meters of source and output with peak hold, and a lamp that stays on after a clip.

import { byId, el, write } from "./dom.js";

const FLOOR_DB = -60;
const TOP_DB = 6;
const HOLD_MS = 1500;
const FALL_DB = 24; // a second, once the hold is over
const SPOKEN_MS = 1000; // screen readers hear a level no more often

/** A meter in the element of an id; call `draw` as often as it shall move. */
export class Meter {
  #store;
  #path;
  #place;
  #bar = el("span", { class: "level" });
  #mark = el("span", { class: "hold" });
  #number = el("button", { type: "button", class: "peak", onclick: () => this.#forget() });
  #hold = { db: FLOOR_DB, at: 0 };
  #peak = -Infinity;
  #drawnAt = 0;
  #spokenAt = -SPOKEN_MS;

  constructor(id, name, path, store) {
    this.#store = store;
    this.#path = path;
    const scale = [0, -6, -12, -24, -48].map((db) => {
      const tick = el("span", { class: "tick", "aria-hidden": "true" }, String(db).replace("-", "−"));
      tick.style.bottom = `${part(db) * 100}%`;
      return tick;
    });
    this.#place = el(
      "div",
      {
        class: "column",
        role: "meter",
        "aria-label": `Level of the ${name}, dBFS`,
        "aria-valuemin": FLOOR_DB,
        "aria-valuemax": TOP_DB,
        "aria-valuenow": FLOOR_DB,
      },
      this.#bar,
      this.#mark,
    );
    byId(id).replaceChildren(
      this.#number,
      el("div", { class: "gauge" }, this.#place, ...scale),
      el("span", { class: "which" }, name),
    );
    this.#forget();
  }

  /** Show the level now, or none while nothing is heard of it. */
  draw(now, isAway) {
    const db = isAway ? -Infinity : (this.#store.get(this.#path) ?? -Infinity);
    const fallen =
      this.#hold.db - (now - this.#hold.at > HOLD_MS ? (FALL_DB * (now - this.#drawnAt)) / 1000 : 0);
    if (db >= fallen) this.#hold = { db, at: now };
    else this.#hold.db = fallen;
    this.#drawnAt = now;
    this.#bar.style.clipPath = `inset(${(1 - part(db)) * 100}% 0 0 0)`;
    this.#mark.style.bottom = `${part(this.#hold.db) * 100}%`;
    if (db > this.#peak) this.#show(db);
    if (now - this.#spokenAt < SPOKEN_MS) return;
    this.#spokenAt = now;
    this.#place.setAttribute("aria-valuenow", String(Math.round(Math.max(FLOOR_DB, Math.min(TOP_DB, db)))));
  }

  #show(db) {
    this.#peak = db;
    const words = db <= FLOOR_DB ? "−∞" : db.toFixed(1).replace("-", "−");
    write(this.#number, words);
    this.#number.setAttribute("aria-label", `Highest peak ${words} dBFS; press to forget it`);
    this.#number.classList.toggle("clipped", db > 0);
  }

  #forget() {
    this.#show(-Infinity);
    this.#hold = { db: FLOOR_DB, at: 0 };
  }
}

function part(db) {
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (TOP_DB - FLOOR_DB)));
}

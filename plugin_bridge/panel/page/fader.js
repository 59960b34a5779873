// A fader: dragged from where it stands, wheeled, moved by keys, and read out as a slider.

import { el } from "./dom.js";
import { positionOf, stepOf, stepped, valueAt, written } from "./scaling.js";

const FINE = 0.1; // of the hand's way, with Shift
const PAGE_STEPS = 10;
const TWICE_MS = 400; // from one tap to the next; browsers make no double-click of them
const SURE = 8; // pixels after which a finger is known to move the fader, not to scroll the page

/** The fader of a number's row; `now` returns the number, `move` takes another, `reset` the default. */
export class Fader {
  element;
  #row;
  #now;
  #move;
  #reset;
  #zero; // position where its fill begins
  #fill = el("span", { class: "fill" });
  #thumb = el("span", { class: "thumb" });
  #hand = null; // where a drag has come to
  #tapped = -TWICE_MS; // when a finger last did so

  constructor(row, { now, move, reset }) {
    this.#row = row;
    this.#now = now;
    this.#move = (value, fine) => move(stepped(row, value, fine));
    this.#reset = reset;
    this.#zero = row.low < 0 && row.high > 0 ? positionOf(row, 0) : 0;
    this.element = el(
      "div",
      {
        class: "fader",
        role: "slider",
        tabindex: "0",
        "aria-label": row.name,
        "aria-valuemin": row.low,
        "aria-valuemax": row.high,
        "aria-description": `${row.description} Double-click or Delete for the default.`,
        onpointerdown: (event) => this.#take(event),
        onpointermove: (event) => this.#drag(event),
        onpointerup: (event) => this.#lift(event),
        onpointercancel: () => this.#leave(),
        ondblclick: reset,
        onkeydown: (event) => this.#press(event),
      },
      el("span", { class: "groove" }, this.#fill),
      this.#thumb,
    );
    this.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** Show a number, or the word that stands in its place. */
  show(value) {
    const position = positionOf(this.#row, this.#now());
    this.#thumb.style.left = `${position * 100}%`;
    this.#fill.style.left = `${Math.min(this.#zero, position) * 100}%`;
    this.#fill.style.width = `${Math.abs(position - this.#zero) * 100}%`;
    const words = typeof value === "number" ? `${written(this.#row, value)} ${this.#row.unit}`.trim() : value;
    this.element.setAttribute("aria-valuenow", String(this.#now()));
    this.element.setAttribute("aria-valuetext", words);
  }

  #take(event) {
    if (event.button !== 0) return;
    const [x, y] = [event.clientX, event.clientY];
    const isSure = event.pointerType === "mouse";
    this.#hand = { x, y, isSure, from: this.#now(), position: positionOf(this.#row, this.#now()) };
    this.element.setPointerCapture(event.pointerId);
  }

  /** Relative to where it began, so that a touch alone moves nothing. */
  #drag(event) {
    if (this.#hand === null || event.clientX === this.#hand.x) return;
    const [across, along] = [event.clientX - this.#hand.x, event.clientY - this.#hand.y];
    this.#hand.isSure ||= Math.abs(across) >= SURE && Math.abs(across) > Math.abs(along);
    if (!this.#hand.isSure) return;
    this.#hand.x = event.clientX;
    this.#hand.position += (across / this.element.clientWidth) * (event.shiftKey ? FINE : 1);
    const position = Math.min(1, Math.max(0, this.#hand.position));
    this.#move(valueAt(this.#row, position), event.shiftKey);
  }

  #lift(event) {
    if (this.#hand && !this.#hand.isSure) {
      const isSecond = event.timeStamp - this.#tapped < TWICE_MS;
      this.#tapped = isSecond ? -TWICE_MS : event.timeStamp;
      if (isSecond) this.#reset();
    }
    this.#hand = null;
  }

  /** The browser scrolls with the finger: put back what it has moved on its way. */
  #leave() {
    if (this.#hand?.isSure) this.#move(this.#hand.from);
    this.#hand = null;
  }

  /** Where the page itself scrolls, only the fader that has the focus is wheeled. */
  #wheel(event) {
    const scrolls = document.documentElement.scrollHeight > window.innerHeight;
    if (scrolls && document.activeElement !== this.element) return;
    event.preventDefault();
    this.#step(-Math.sign(event.deltaY || event.deltaX), event.shiftKey);
  }

  #press(event) {
    const { key, shiftKey } = event;
    const steps = {
      ArrowUp: 1,
      ArrowRight: 1,
      ArrowDown: -1,
      ArrowLeft: -1,
      PageUp: PAGE_STEPS,
      PageDown: -PAGE_STEPS,
    };
    const ends = { Home: this.#row.low, End: this.#row.high };
    if (key in steps) this.#step(steps[key], shiftKey);
    else if (key in ends) this.#move(ends[key]);
    else if (key === "Delete" || key === "Backspace") this.#reset();
    else return;
    event.preventDefault();
  }

  #step(count, fine) {
    this.#move(this.#now() + count * stepOf(this.#row) * (fine ? FINE : 1), fine);
  }
}

// The pitch of source and output, scrolling over a grid of notes in which those of the scale stand out.

import { byId, fitted, write } from "./dom.js";
import { nameOf, noteOf, spelled } from "./notes.js";

const SECONDS = 8; // from edge to edge
const VOICED = 0.5;
const MIN_SPAN = 19; // semitones shown at least
const MARGIN = 2.5;
const GUTTER = 46; // pixels for the names of notes
const FOLLOW = 0.06; // of the way to a new range, each frame
const LABEL_ROOM = 13; // pixels

/** A view; `scales` is semitones by name, `keys` the names of keynotes. Call `draw` to move it on. */
export class PitchView {
  #store;
  #scales;
  #keys;
  #past = []; // {time, source, output}: MIDI notes, null where unvoiced
  #range = { low: 50, high: 50 + MIN_SPAN };
  #canvas = byId("pitch");

  constructor(store, scales, keys) {
    this.#store = store;
    this.#scales = scales;
    this.#keys = keys;
  }

  /** Take what is sung now, or that nothing is heard of it, and draw. */
  draw(now, isAway) {
    this.#take(now, isAway);
    this.#follow();
    const { context, width, height } = fitted(this.#canvas);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name);
    context.clearRect(0, 0, width, height);
    context.font = "600 13px system-ui, sans-serif";
    const place = {
      context,
      width,
      height,
      y: (note) => height - ((note - this.#range.low) / (this.#range.high - this.#range.low)) * height,
    };
    this.#grid(place, colour);
    const x = (time) => width - ((now - time) / 1000 / SECONDS) * (width - GUTTER);
    this.#line(place, x, "output", colour("--accent"), 5);
    this.#line(place, x, "source", colour("--source"), 2.2); // on top: both are seen where they are one
  }

  #take(now, isAway) {
    const value = (path) => (isAway ? 0 : (this.#store.get(path) ?? 0));
    const isVoiced = value("/meter/voicing") >= VOICED;
    const note = (hertz) => (isVoiced && hertz > 0 ? noteOf(hertz) : null);
    const [source, output] = [value("/meter/f0"), value("/meter/f0_out")];
    this.#past.push({ time: now, source: note(source), output: note(output) });
    while (this.#past[0].time < now - SECONDS * 1000) this.#past.shift();
    this.#say("source", isVoiced && source > 0 ? source : null);
    this.#say("output", isVoiced && output > 0 ? output : null);
    const voicing = byId("voicing");
    voicing.style.transform = `scaleX(${value("/meter/voicing")})`;
  }

  #say(which, hertz) {
    const note = hertz ? spelled(hertz) : { name: "–", cents: "" };
    write(byId(`${which}-note`), note.name);
    write(byId(`${which}-cents`), note.cents && `${note.cents} ct`);
    write(byId(`${which}-hertz`), hertz ? `${hertz.toFixed(0)} Hz` : "");
  }

  /** Move the range shown towards what was sung lately. */
  #follow() {
    const sung = this.#past.flatMap(({ source, output }) => [source, output]).filter((note) => note !== null);
    if (!sung.length) return;
    let [low, high] = [Math.min(...sung) - MARGIN, Math.max(...sung) + MARGIN];
    const spare = Math.max(0, MIN_SPAN - (high - low)) / 2;
    [low, high] = [low - spare, high + spare];
    this.#range.low += (low - this.#range.low) * FOLLOW;
    this.#range.high += (high - this.#range.high) * FOLLOW;
  }

  #grid({ context, width, height, y }, colour) {
    const keynote = this.#keys.indexOf(this.#store.get("/param/key"));
    const steps = this.#scales[this.#store.get("/param/scale")] ?? [];
    const inScale = new Set(steps.map((step) => (step + keynote) % 12));
    const row = height / (this.#range.high - this.#range.low);
    const every = row >= LABEL_ROOM ? 1 : row * 2 >= LABEL_ROOM ? 2 : 12;
    context.textBaseline = "middle";
    for (let note = Math.floor(this.#range.low); note <= this.#range.high + 1; note += 1) {
      const step = ((note % 12) + 12) % 12;
      const isOwn = inScale.has(step);
      const top = y(note + 0.5);
      context.fillStyle = colour(step === keynote ? "--keynote" : isOwn ? "--scale-note" : "--other-note");
      context.fillRect(GUTTER, top + 0.5, width - GUTTER, row - 1);
      const isWhole = y(note) > LABEL_ROOM / 2 && y(note) < height - LABEL_ROOM / 2;
      if (
        isWhole &&
        (isOwn || !inScale.size) &&
        (every === 1 || (step - Math.max(0, keynote) + 12) % every === 0)
      ) {
        context.fillStyle = colour(step === keynote ? "--text" : "--muted");
        context.fillText(nameOf(note), 6, y(note));
      }
    }
  }

  #line({ context, y }, x, which, colour, thickness) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.lineJoin = context.lineCap = "round";
    context.beginPath();
    let isDown = false;
    for (const point of this.#past) {
      const place = x(point.time);
      if (point[which] === null || place < GUTTER) isDown = false;
      else if (isDown) context.lineTo(place, y(point[which]));
      else context.moveTo(place, y(point[which]));
      isDown = point[which] !== null && place >= GUTTER;
    }
    context.stroke();
  }
}

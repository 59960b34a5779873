// The controls of parameters: a fader with a field for numbers, a switch, a choice; each made from its row.

import { el, shown, write } from "./dom.js";
import { positionOf, stepOf, stepped, typed, valueAt, written } from "./scaling.js";

const FINE = 0.1; // of the hand's way, with Shift
const PAGE_STEPS = 10;
const SHORT_UNITS = { semitones: "st", cents: "ct", "dB/octave": "dB/oct" };

/** Return the control of a parameter, kept in step with the store. */
export function control(row, store) {
  const make = { number: numberControl, switch: switchControl, choice: choiceControl }[row.kind];
  const cell = el("div", { class: `control ${row.kind}`, "data-id": row.id, title: row.description });
  make(cell, row, store);
  return cell;
}

function numberControl(cell, row, store) {
  const label = el("label", { class: "name", for: `field-${row.id}` }, row.name);
  const field = el("input", {
    id: `field-${row.id}`,
    class: "field",
    type: "text",
    inputmode: "text",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": `error-${row.id}`,
  });
  const unit = el("span", { class: "unit", title: row.unit }, SHORT_UNITS[row.unit] ?? row.unit);
  const word = row.words.map((name) =>
    el("button", { type: "button", class: "word", "aria-pressed": "false", onclick: () => pick(name) }, name),
  );
  const fill = el("span", { class: "fill" });
  const thumb = el("span", { class: "thumb" });
  const fader = el(
    "div",
    {
      class: "fader",
      role: "slider",
      tabindex: "0",
      "aria-label": row.name,
      "aria-valuemin": row.low,
      "aria-valuemax": row.high,
      "aria-description": `${row.description} Double-click or Delete for the default.`,
    },
    el("span", { class: "groove" }, fill),
    thumb,
  );
  const error = el("p", { class: "error", id: `error-${row.id}`, role: "alert", hidden: true });
  cell.append(
    el("div", { class: "head" }, label, el("span", { class: "value" }, field, unit)),
    el("div", { class: "slide" }, fader, ...word),
    error,
  );

  const zero = row.low < 0 && row.high > 0 ? positionOf(row, 0) : 0;
  const number = () =>
    typeof store.get(row.path) === "number" ? store.get(row.path) : Math.min(row.high, Math.max(row.low, 0));
  const move = (value, fine) => store.move(row.path, stepped(row, value, fine));

  store.watch(row.path, (value) => {
    if (document.activeElement !== field || !field.dataset.typing) field.value = written(row, value);
    cell.classList.toggle("pending", store.isPending(row.path));
    const isWord = typeof value !== "number";
    const position = positionOf(row, isWord ? number() : value);
    cell.classList.toggle("worded", isWord);
    for (const button of word) button.setAttribute("aria-pressed", String(button.textContent === value));
    thumb.style.left = `${position * 100}%`;
    fill.style.left = `${Math.min(zero, position) * 100}%`;
    fill.style.width = `${Math.abs(position - zero) * 100}%`;
    fader.setAttribute("aria-valuenow", String(isWord ? number() : value));
    fader.setAttribute("aria-valuetext", isWord ? value : `${written(row, value)} ${row.unit}`.trim());
  });

  const say = (sentence) => {
    write(error, sentence);
    shown(error, sentence !== "");
    field.setAttribute("aria-invalid", String(sentence !== ""));
  };
  const settle = () => {
    delete field.dataset.typing;
    field.value = written(row, store.get(row.path));
    say("");
  };
  const take = async (value) => {
    try {
      await store.moveChecked(row.path, value);
      settle();
    } catch (refusal) {
      say(refusal.message);
    }
  };
  const pick = (name) => take(store.get(row.path) === name ? number() : name);
  const enter = () => {
    if (!field.dataset.typing) return;
    const value = typed(row, field.value);
    if (value === null) {
      const words = row.words.length ? ` or ${row.words.join(", ")}` : "";
      say(
        `“${field.value}” is not a number; type ${written(row, row.low)} to ${written(row, row.high)}${words}`,
      );
    } else take(value);
  };
  field.addEventListener("focus", () => field.select());
  field.addEventListener("input", () => {
    field.dataset.typing = "true";
    say("");
  });
  field.addEventListener("blur", () => (error.hidden ? enter() : settle()));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") enter();
    else if (event.key === "Escape") settle();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown")
      move(number() + (event.key === "ArrowUp" ? 1 : -1) * stepOf(row));
    else return;
    if (event.key !== "Enter") event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") field.select();
  });

  const reset = () => row.initial !== undefined && take(row.initial);
  dragged(
    fader,
    () => positionOf(row, number()),
    (position, fine) => move(valueAt(row, position), fine),
  );
  fader.addEventListener("dblclick", reset);
  fader.addEventListener(
    "wheel",
    (event) => {
      const scrolls = document.documentElement.scrollHeight > window.innerHeight;
      if (scrolls && document.activeElement !== fader) return; // the page scrolls, and moves nothing on its way
      event.preventDefault();
      move(
        number() - Math.sign(event.deltaY || event.deltaX) * stepOf(row) * (event.shiftKey ? FINE : 1),
        event.shiftKey,
      );
    },
    { passive: false },
  );
  fader.addEventListener("keydown", (event) => {
    const step = stepOf(row) * (event.shiftKey ? FINE : 1);
    const keys = {
      ArrowUp: () => number() + step,
      ArrowRight: () => number() + step,
      ArrowDown: () => number() - step,
      ArrowLeft: () => number() - step,
      PageUp: () => number() + PAGE_STEPS * step,
      PageDown: () => number() - PAGE_STEPS * step,
      Home: () => row.low,
      End: () => row.high,
    };
    if (event.key === "Delete" || event.key === "Backspace") reset();
    else if (event.key in keys) move(keys[event.key](), event.shiftKey);
    else return;
    event.preventDefault();
  });
}

/** Let a hand drag along an element: relative to where it began, so that a touch alone moves nothing. */
function dragged(element, position, move) {
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, position: position() };
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (from === null || event.clientX === from.x) return;
    const way = ((event.clientX - from.x) / element.clientWidth) * (event.shiftKey ? FINE : 1);
    from = { x: event.clientX, position: from.position + way };
    move(Math.min(1, Math.max(0, from.position)), event.shiftKey);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    element.addEventListener(end, () => (from = null));
}

function switchControl(cell, row, store) {
  const state = el("span", { class: "state" });
  const button = el(
    "button",
    {
      type: "button",
      class: "toggle",
      role: "switch",
      "aria-label": row.name,
      "aria-description": row.description,
      onclick: () => store.move(row.path, !store.get(row.path)),
    },
    el("span", { class: "knob" }),
  );
  cell.append(el("div", { class: "head" }, el("span", { class: "name" }, row.name), state), button);
  store.watch(row.path, (value) => {
    button.setAttribute("aria-checked", String(Boolean(value)));
    cell.classList.toggle("pending", store.isPending(row.path));
    write(state, value ? "on" : "off");
  });
}

function choiceControl(cell, row, store) {
  const options = row.words.map((word) =>
    el("option", { value: word }, word === "" ? "none" : word.replaceAll("_", " ")),
  );
  const select = el(
    "select",
    {
      id: `field-${row.id}`,
      "aria-description": row.description,
      onchange: () => store.move(row.path, select.value),
    },
    ...options,
  );
  cell.append(el("div", { class: "head" }, el("label", { class: "name", for: select.id }, row.name)), select);
  cell.addEventListener("dblclick", () => row.initial !== undefined && store.move(row.path, row.initial));
  store.watch(row.path, (value) => {
    select.value = value;
    cell.classList.toggle("pending", store.isPending(row.path));
  });
}

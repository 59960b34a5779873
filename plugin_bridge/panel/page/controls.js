// The control of a parameter, made from its row: a fader with a field for numbers, a switch, a choice.

import { el, write } from "./dom.js";
import { Fader } from "./fader.js";
import { Field } from "./field.js";

const SHORT_UNITS = { semitones: "st", cents: "ct", "dB/octave": "dB/oct" };

/** Return the control of a parameter, kept in step with the store; `said` takes what went wrong. */
export function control(row, store, said) {
  const fill = { number: numberControl, switch: switchControl, choice: choiceControl }[row.kind];
  const cell = el("div", { class: `control ${row.kind}`, "data-id": row.id, title: row.description });
  const show = fill(cell, row, store, said);
  store.watch(row.path, (value) => {
    cell.classList.toggle("pending", store.isPending(row.path));
    show(value);
  });
  return cell;
}

function numberControl(cell, row, store, said) {
  const value = () => store.get(row.path);
  // Where a word such as auto stands in its place, the fader begins at the number nearest to 0.
  const now = () => (typeof value() === "number" ? value() : Math.min(row.high, Math.max(row.low, 0)));
  const take = (wanted) => store.moveChecked(row.path, wanted);
  const attempt = (wanted) => take(wanted).catch((refusal) => said(refusal.message));
  const reset = () => row.initial !== undefined && attempt(row.initial);
  const fader = new Fader(row, { now, move: (wanted) => store.move(row.path, wanted), reset });
  const field = new Field(row, { now: value, take });
  const words = row.words.map((word) =>
    el(
      "button",
      { type: "button", class: "word", onclick: () => attempt(value() === word ? now() : word) },
      word,
    ),
  );
  const unit = el("span", { class: "unit", title: row.unit }, SHORT_UNITS[row.unit] ?? row.unit);
  const label = el("label", { class: "name", for: field.element.id }, row.name);
  cell.append(
    el("div", { class: "head" }, label, el("span", { class: "value" }, field.element, unit)),
    el("div", { class: "slide" }, fader.element, ...words),
    field.error,
  );
  return (shown) => {
    field.show();
    fader.show(shown);
    cell.classList.toggle("worded", typeof shown !== "number");
    for (const button of words) button.setAttribute("aria-pressed", String(button.textContent === shown));
  };
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
  return (value) => {
    button.setAttribute("aria-checked", String(Boolean(value)));
    write(state, value ? "on" : "off");
  };
}

function choiceControl(cell, row, store) {
  const options = row.words.map((word) => el("option", { value: word }, word.replaceAll("_", " ") || "none"));
  const select = el(
    "select",
    {
      id: `field-${row.id}`,
      "aria-description": row.description,
      onchange: () => store.move(row.path, select.value),
    },
    ...options,
  );
  const reset = () => row.initial !== undefined && store.move(row.path, row.initial);
  const label = el("label", { class: "name", for: select.id, ondblclick: reset }, row.name);
  cell.append(el("div", { class: "head" }, label), select);
  return (value) => (select.value = value);
}

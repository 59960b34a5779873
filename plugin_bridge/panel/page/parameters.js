// All parameters in their groups, as the namespace lists them, and MIDI learn on each of them.

import { control } from "./controls.js";
import { byId, el, shown, write } from "./dom.js";
import { spoken } from "./namespace.js";

const ELSEWHERE = new Set(["singer", "morph_singer", "morph", "bypass"]); // have controls of their own
const ROWS = 5; // of one column
const LEARNING = "/status/learning";

/** Fill the place of the parameters. */
export function buildParameters(rows, store, said) {
  const groups = Map.groupBy(
    rows.filter((row) => !ELSEWHERE.has(row.id)),
    (row) => row.group,
  );
  byId("parameters").replaceChildren(
    ...[...groups].map(([name, members]) => group(name, members, store, said)),
  );
}

function group(name, rows, store, said) {
  const columns = Math.ceil(rows.length / ROWS);
  const lines = Math.ceil(rows.length / columns);
  const title = el("h3", {}, spoken(name || "parameters"));
  const place = el(
    "div",
    { class: "group", role: "group", "aria-label": title.textContent },
    title,
    ...rows.map((row) => control(row, store, said)),
  );
  place.style.setProperty("--columns", columns);
  place.style.setProperty("--lines", lines);
  return place;
}

/** Let a button begin MIDI learn: a touch chooses a parameter, and the next control that moves is its own. */
export function buildLearning(link, store, log) {
  const button = byId("learn");
  const hint = byId("learn-hint");
  const place = byId("parameters");
  let chosen = "";

  const choose = async (id) => {
    try {
      await link.ask("/midi/learn", id);
      heard(id);
    } catch (refusal) {
      log.fault(refusal.message);
    }
  };
  const begin = () => {
    place.classList.add("learning");
    for (const cell of place.querySelectorAll(".control")) {
      const target = el("button", {
        type: "button",
        class: "target",
        onclick: () => choose(cell.dataset.id),
        "aria-label": `Learn ${spoken(cell.dataset.id)}`,
      });
      cell.append(target);
    }
    heard(chosen);
    place.querySelector(".target")?.focus();
  };
  const end = () => {
    place.classList.remove("learning");
    for (const target of place.querySelectorAll(".target")) target.remove();
    if (chosen) link.ask("/midi/learn/stop").catch((refusal) => log.fault(refusal.message));
    heard("");
  };
  const heard = (id) => {
    const learned = chosen && !id;
    chosen = id;
    const isOn = place.classList.contains("learning");
    for (const cell of place.querySelectorAll(".control"))
      cell.classList.toggle("chosen", id !== "" && cell.dataset.id === id);
    button.setAttribute("aria-pressed", String(isOn || id !== ""));
    write(
      hint,
      id
        ? `Move a control for ${spoken(id)}.`
        : isOn
          ? learned
            ? "Learned. Touch the next parameter."
            : "Touch a parameter."
          : "",
    );
    shown(hint, hint.textContent !== "");
  };
  button.addEventListener("click", () => (place.classList.contains("learning") ? end() : begin()));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && place.classList.contains("learning")) end();
  });
  store.watch(LEARNING, heard);
}

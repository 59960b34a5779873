// Read the OSCQuery namespace: every parameter and figure of the status, with range, unit and description.

/** From OSCQuery's names. */
const UNITS = { "gain.db": "dB", "time.hz": "Hz", "time.ms": "ms", "time.cents": "cents" };

/** Fetch the namespace and return its parameters and its figures, each in the server's order. */
export async function fetchNamespace() {
  const response = await fetch("/");
  if (!response.ok) throw new Error(`the server does not tell its parameters (${response.status})`);
  const { CONTENTS: root } = await response.json();
  return {
    parameters: rows(root.param).map(parameter),
    figures: rows(root.status).map(figure),
  };
}

function rows(container) {
  return Object.values(container?.CONTENTS ?? {}).filter((node) => node.TYPE);
}

function figure(node) {
  return {
    path: node.FULL_PATH,
    id: lastPart(node),
    name: spoken(lastPart(node)),
    unit: unitOf(node),
    description: node.DESCRIPTION,
  };
}

function parameter(node) {
  const [range = {}] = node.RANGE ?? [];
  const words = node.WORDS ?? range.VALS ?? [];
  const id = lastPart(node);
  return {
    path: node.FULL_PATH,
    id,
    name: spoken(id),
    description: node.DESCRIPTION.replaceAll("`", ""),
    group: node.TAGS?.[0] ?? "",
    kind: node.TYPE === "f" ? "number" : node.TYPE === "s" ? "choice" : "switch",
    unit: unitOf(node),
    low: range.MIN,
    high: range.MAX,
    curve: node.CURVE ?? 1,
    words,
    initial: node.DEFAULT_VALUE?.[0],
  };
}

function lastPart(node) {
  return node.FULL_PATH.split("/").at(-1);
}

function unitOf(node) {
  const [unit = ""] = node.UNIT ?? [];
  return UNITS[unit] ?? unit;
}

/** Return an id as words: "fine_tune" as "Fine tune". */
export function spoken(id) {
  const words = id.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

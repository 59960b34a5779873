// One accent colour per singer, and their mixture while two are heard.

const COLOURS = [
  "#4fd6c4",
  "#b9a2ff",
  "#ff9db5",
  "#8fd07a",
  "#6fbdff",
  "#ff9d78",
  "#e3d268",
  "#e59bea",
  "#c9d3df",
];

/** Return the colour of a singer by its place in the set. */
export function accentOf(index) {
  return COLOURS[Math.max(0, index) % COLOURS.length];
}

/** Return the mixture of two colours, `#rrggbb` each; 0 is the first. */
export function mixed(first, second, part) {
  const [a, b] = [first, second].map((colour) =>
    [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) ** 2),
  );
  const bytes = a.map((value, index) => Math.round(Math.sqrt(value + (b[index] - value) * part)));
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

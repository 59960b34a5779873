// Numbers of parameters: from a fader's 0..1 to the range and back, in steps, as written, and as typed.

/** Return the value at a fader's position, 0..1. */
export function valueAt({ low, high, curve }, position) {
  return low + (high - low) * position ** curve;
}

/** Return a fader's position, 0..1, for a value. */
export function positionOf({ low, high, curve }, value) {
  return Math.min(1, Math.max(0, (value - low) / (high - low))) ** (1 / curve);
}

/** Return the step of a parameter: about a hundredth of its range, whole semitones beyond two octaves. */
export function stepOf({ low, high, unit }) {
  if (unit === "semitones" && high - low > 24) return 1;
  return 10 ** Math.floor(Math.log10((high - low) / 99));
}

/** Return a value within the range, on a step; `fine` takes a tenth of it. */
export function stepped(parameter, value, fine = false) {
  const step = stepOf(parameter) / (fine ? 10 : 1);
  const rounded = Number((Math.round(value / step) * step).toPrecision(12));
  return Math.min(parameter.high, Math.max(parameter.low, rounded));
}

/** Return a value as it is shown: no more digits than a fine step has, and a true minus sign. */
export function written(parameter, value) {
  if (typeof value !== "number") return String(value ?? "");
  const digits = Math.max(0, 1 - Math.floor(Math.log10(stepOf(parameter))));
  const plain = Number(value.toFixed(digits)).toString();
  return plain.replace("-", "−").replace(/^−0$/, "0");
}

/** Return the number or word that was typed, null for neither; numbers may have a comma, − and the unit. */
export function typed(parameter, words) {
  const plain = words.trim().replace("−", "-").replace(",", ".");
  const known = parameter.words.find((word) => word.toLowerCase() === plain.toLowerCase());
  if (known !== undefined) return known;
  const number = plain.toLowerCase().endsWith(parameter.unit.toLowerCase())
    ? plain.slice(0, plain.length - parameter.unit.length)
    : plain;
  return number.trim() !== "" && Number.isFinite(Number(number)) ? Number(number) : null;
}

// Hertz as notes: numbers of MIDI, names, cents.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** Return a pitch as a MIDI note with fractions; 69 is 440 Hz. */
export function noteOf(hertz) {
  return 69 + 12 * Math.log2(hertz / 440);
}

/** Return the name of a whole note: "A4" for 69. */
export function nameOf(note) {
  return `${NAMES[((note % 12) + 12) % 12]}${Math.floor(note / 12) - 1}`;
}

/** Return the nearest note and how far the pitch is from it: "A4" and "+12". */
export function spelled(hertz) {
  const note = noteOf(hertz);
  const nearest = Math.round(note);
  const cents = Math.round((note - nearest) * 100);
  return { name: nameOf(nearest), cents: `${cents < 0 ? "−" : "+"}${Math.abs(cents)}` };
}

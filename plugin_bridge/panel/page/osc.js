// Read and write binary OSC: messages, bundles, and the argument types that the server uses.

const BUNDLE = "#bundle";
const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Return a packet of one message. Numbers go as doubles, so that 0.1 stays 0.1; booleans as T and F. */
export function message(address, ...values) {
  const tags = values.map(tagOf);
  const parts = [padded(address), padded(`,${tags.join("")}`)];
  values.forEach((value, index) => {
    if (tags[index] === "s") parts.push(padded(value));
    if (tags[index] === "d") {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setFloat64(0, value);
      parts.push(bytes);
    }
  });
  return joined(parts);
}

/** Return a packet whose messages act together, at once. */
export function bundle(messages) {
  const head = new Uint8Array(16);
  head.set(utf8.encode(BUNDLE));
  head[15] = 1; // the time tag "now"
  return joined([head, ...messages.flatMap((packet) => [sized(packet.length), packet])]);
}

/** Return the messages of a packet and its bundles as `{address, values}`; throws where it is malformed. */
export function read(buffer) {
  const data = new DataView(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
  const found = [];
  readElement(data, 0, data.byteLength, found);
  return found;
}

function readElement(data, start, end, found) {
  const reader = { data, at: start, end };
  const address = readText(reader);
  if (address !== BUNDLE) {
    found.push({ address, values: readValues(reader) });
    return;
  }
  let at = start + 16;
  while (at < end) {
    const size = data.getInt32(at);
    if (size <= 0 || at + 4 + size > end)
      throw new RangeError("an element of a bundle is longer than the bundle");
    readElement(data, at + 4, at + 4 + size, found);
    at += 4 + size;
  }
}

const NUMBERS = { i: ["getInt32", 4], f: ["getFloat32", 4], d: ["getFloat64", 8], h: ["getBigInt64", 8] };
const CONSTANTS = { T: true, F: false, I: true, N: null };

function readValues(reader) {
  if (reader.at >= reader.end) return [];
  return [...readText(reader).slice(1)].map((tag) => {
    if (tag in CONSTANTS) return CONSTANTS[tag];
    if (tag === "s" || tag === "S") return readText(reader);
    if (!(tag in NUMBERS))
      throw new RangeError(`an argument has the type ${tag}, which the panel does not read`);
    const [get, size] = NUMBERS[tag];
    const value = Number(reader.data[get](reader.at));
    reader.at += size;
    return value;
  });
}

function readText(reader) {
  let end = reader.at;
  while (reader.data.getUint8(end) !== 0) end += 1;
  const found = text.decode(
    new Uint8Array(reader.data.buffer, reader.data.byteOffset + reader.at, end - reader.at),
  );
  reader.at += (end - reader.at + 4) & ~3;
  return found;
}

function tagOf(value) {
  if (typeof value === "boolean") return value ? "T" : "F";
  return typeof value === "string" ? "s" : "d";
}

function padded(words) {
  const bytes = utf8.encode(words);
  const room = new Uint8Array((bytes.length + 4) & ~3);
  room.set(bytes);
  return room;
}

function sized(length) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

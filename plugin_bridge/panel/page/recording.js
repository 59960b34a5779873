// Record a session and stop it.

import { byId, shown, write } from "./dom.js";

const RECORDING = "/status/recording";

/** Join the button to the server. `done` is called when a recording has ended, on whichever panel. */
export function buildRecording(link, store, log, done) {
  const button = byId("record");
  const name = byId("record-name");
  let since = 0;

  const toggle = async () => {
    try {
      if (store.get(RECORDING)) await link.ask("/record/stop");
      else {
        await link.ask("/record/start", name.value.trim() || takeName(new Date()));
        name.value = "";
      }
    } catch (refusal) {
      log.fault(refusal.message);
    }
  };
  const show = (current) => {
    if (!current && since) done();
    since = current ? since || Date.now() : 0;
    button.setAttribute("aria-pressed", String(Boolean(current)));
    write(byId("record-word"), current ? "Stop" : "Record");
    write(byId("record-what"), current || "");
    shown(name, !current);
    tick();
  };
  const tick = () => write(byId("record-time"), since ? clock((Date.now() - since) / 1000) : "");
  button.addEventListener("click", toggle);
  store.watch(RECORDING, show);
  setInterval(tick, 500);
}

/** Return minutes and seconds: "1:05". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Return a name by the local time: "take 2026-11-30 07.23.52". */
function takeName(now) {
  const local = new Date(now - now.getTimezoneOffset() * 60_000);
  return `take ${local.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".")}`;
}

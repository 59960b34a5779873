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
    if (current && !since) log.say(`Session ${current} is being recorded.`);
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

function takeName(now) {
  const two = (number) => String(number).padStart(2, "0");
  return `take ${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}.${two(now.getMinutes())}.${two(now.getSeconds())}`;
}

// Play two tracks in step and switch between them without a gap or a click.

const FADE_SECONDS = 0.004; // time constant; a switch is over in 20 ms
const END_SECONDS = 0.04; // until a faded run is taken away

export class Player {
  #context;
  #tracks = []; // AudioBuffer or null
  #run = null; // {sources, gains, out, begun}
  #from = 0;
  #chosen = 0;

  /** `context` is an AudioContext, or an OfflineAudioContext to hear it as samples. */
  constructor(context) {
    this.#context = context;
  }

  /** Take two tracks, from their beginning; one may be null. */
  load(tracks) {
    this.pause();
    this.#tracks = tracks;
    this.#from = 0;
  }

  get duration() {
    return Math.max(0, ...this.#tracks.map((track) => track?.duration ?? 0));
  }

  get isPlaying() {
    return this.#run !== null;
  }

  get chosen() {
    return this.#chosen;
  }

  /** Seconds from the beginning. */
  get position() {
    const passed = this.#run ? this.#context.currentTime - this.#run.begun : 0;
    return Math.min(this.duration, this.#from + passed);
  }

  play() {
    if (this.#run) return;
    if (this.#from >= this.duration) this.#from = 0;
    const now = this.#context.currentTime;
    const out = this.#gain(0, this.#context.destination);
    out.gain.setTargetAtTime(1, now, FADE_SECONDS);
    const gains = this.#tracks.map((_, index) => this.#gain(index === this.#chosen ? 1 : 0, out));
    const sources = this.#tracks.map((track, index) => {
      const source = new AudioBufferSourceNode(this.#context, { buffer: track });
      source.connect(gains[index]);
      source.start(now, this.#from);
      return source;
    });
    this.#run = { sources, gains, out, begun: now };
  }

  pause() {
    if (!this.#run) return;
    this.#from = this.position;
    const { sources, out } = this.#run;
    const now = this.#context.currentTime;
    out.gain.setTargetAtTime(0, now, FADE_SECONDS);
    for (const source of sources) source.stop(now + END_SECONDS);
    this.#run = null;
  }

  /** Go to a place, in seconds. */
  seek(seconds) {
    const wasPlaying = this.isPlaying;
    this.pause();
    this.#from = Math.min(this.duration, Math.max(0, seconds));
    if (wasPlaying) this.play();
  }

  /** Hear the first track (0) or the second (1), from the same place. */
  choose(index) {
    this.#chosen = index;
    const now = this.#context.currentTime;
    this.#run?.gains.forEach((gain, track) =>
      gain.gain.setTargetAtTime(track === index ? 1 : 0, now, FADE_SECONDS),
    );
  }

  #gain(value, target) {
    const node = new GainNode(this.#context, { gain: value });
    node.connect(target);
    return node;
  }
}

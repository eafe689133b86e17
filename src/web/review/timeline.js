// SPDX-License-Identifier: MPL-2.0
// The recording and its timeline: playing, the waveform, and the edges of what is published.

import { arrange, byId, clock, h, readClock, shortcut, withKey } from "./model.js";

const KINDS = { cut: "Cut out", mute: "Silence the sound", cover: "Hide the picture" };
const SHORTEST = 100;
const COPY_POLL = 700;

const video = byId("video");

/** The position in milliseconds. */
export const now = () => Math.round(video.currentTime * 1000);

export function seek(millis) {
  video.currentTime = millis / 1000;
}

/** Plays a passage and stops at its end. */
export function playPassage(start, end) {
  seek(start);
  stopAt = end;
  video.play().catch(() => {});
}

let stopAt = null;

/** A text field for a time; `set` is called with milliseconds. */
export function timeField(label, value, set) {
  const field = h("input", {
    type: "text", className: "time", inputMode: "decimal", autocomplete: "off", value: clock(value), "aria-label": label,
    onchange: () => {
      const millis = readClock(field.value);
      field.setAttribute("aria-invalid", String(millis === null));
      if (millis !== null) set(millis);
    },
    onkeydown: (event) => {
      if (event.key === "Enter") field.dispatchEvent(new Event("change"));
    },
  });
  return field;
}

export class Timeline {
  constructor(model) {
    this.model = model;
    this.mark = null;
    this.edges = new Map();
    this.rows = new Map();
    this.buildPanel();
    this.player();
    model.addEventListener("change", (event) => event.detail === model.trim.file && this.show());
    new ResizeObserver(() => this.draw()).observe(byId("timeline"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  get passages() {
    return this.model.trim.items;
  }

  /** The cut before the class, and the one after it. */
  get first() {
    return this.passages.find(({ kind, start }) => kind === "cut" && start === 0);
  }

  get last() {
    const end = this.model.duration - 1;
    return this.passages.find((passage) => passage.kind === "cut" && passage.end >= end && passage !== this.first);
  }

  get start() {
    return this.first?.end ?? 0;
  }

  get end() {
    return this.last?.start ?? this.model.duration;
  }

  change(items, merge) {
    this.model.change(this.model.trim.file, items, merge);
  }

  /** Moves an edge: the start or end of a passage. A person's edge needs no second look. */
  move(passage, changes, merge) {
    const known = { ...passage, ...changes, confidence: undefined, speech: undefined, review: false };
    this.change(this.passages.map((other) => (other.key === passage.key ? known : other)), merge);
  }

  setStart(millis, merge) {
    const start = Math.max(0, Math.min(millis, this.end - SHORTEST));
    const { first } = this;
    if (start === 0) {
      if (first) this.change(this.passages.filter((other) => other !== first), merge);
    } else if (first) this.move(first, { end: start }, merge);
    else this.change([withKey({ kind: "cut", start: 0, end: start, reason: "before the class" }), ...this.passages], merge);
  }

  setEnd(millis, merge) {
    const { last } = this;
    const { duration } = this.model;
    const end = Math.min(duration, Math.max(millis, this.start + SHORTEST));
    if (end === duration) {
      if (last) this.change(this.passages.filter((other) => other !== last), merge);
    } else if (last) this.move(last, { start: end }, merge);
    else this.change([...this.passages, withKey({ kind: "cut", start: end, end: duration, reason: "after the class" })], merge);
  }

  /** All edges that can be moved: label, value, limits, and what moves it. */
  allEdges() {
    const { duration } = this.model;
    const edges = [
      { id: "start", label: "Start of the class", at: this.start, low: 0, high: this.end - SHORTEST, set: (at, merge) => this.setStart(at, merge) },
      { id: "end", label: "End of the class", at: this.end, low: this.start + SHORTEST, high: duration, set: (at, merge) => this.setEnd(at, merge) },
    ];
    this.inner().forEach((passage, index) => {
      const name = `${KINDS[passage.kind]}, part ${index + 1}`;
      const current = () => this.passages.find(({ key }) => key === passage.key);
      edges.push({
        id: `${passage.key}-from`, label: `${name}: from`, at: passage.start, low: 0, high: passage.end - SHORTEST,
        set: (start, merge) => this.move(current(), { start }, merge),
      });
      edges.push({
        id: `${passage.key}-to`, label: `${name}: to`, at: passage.end, low: passage.start + SHORTEST, high: duration,
        set: (end, merge) => this.move(current(), { end }, merge),
      });
    });
    return edges;
  }

  inner() {
    const { first, last } = this;
    return this.passages.filter((passage) => passage !== first && passage !== last);
  }

  buildPanel() {
    this.startField = timeField("Start of the class", 0, (at) => this.setStart(at));
    this.endField = timeField("End of the class", 0, (at) => this.setEnd(at));
    this.why = h("p", { className: "hint", dir: "auto" });
    this.list = h("ul", { className: "rows" });
    this.marking = h("button", { type: "button", onclick: () => this.markHere() });
    byId("panel-trim").append(
      h("p", { className: "hint" }, "Viewers see what lies between start and end. Nothing is lost: the recording stays as it is."),
      h("div", { className: "line" }, h("span", {}, "Start"), this.startField,
        h("button", { type: "button", onclick: () => this.setStart(now()) }, "Start here ", h("kbd", {}, "i"))),
      h("div", { className: "line" }, h("span", {}, "End"), this.endField,
        h("button", { type: "button", onclick: () => this.setEnd(now()) }, "End here ", h("kbd", {}, "o"))),
      this.why,
      h("h2", {}, "Parts inside"),
      h("p", { className: "hint" }, "Cut out a break, silence a name, or hide a picture: press at its beginning, then at its end."),
      this.marking,
      this.list,
    );
    shortcut("1", "Start and end", () => byId("tab-trim").click());
    shortcut("i", "The class starts here", () => this.setStart(now()));
    shortcut("o", "The class ends here", () => this.setEnd(now()));
    shortcut("x", "Mark a part: its beginning, then its end", () => this.markHere());
  }

  markHere() {
    if (this.mark === null) this.mark = now();
    else {
      const [start, end] = [Math.min(this.mark, now()), Math.max(this.mark, now())];
      this.mark = null;
      if (end - start >= SHORTEST) this.change([...this.passages, withKey({ kind: "cut", start, end, reason: "" })]);
    }
    this.show();
  }

  player() {
    const playing = () => (byId("play").firstChild.data = video.paused ? "Play " : "Pause ");
    const toggle = () => {
      stopAt = null;
      if (video.paused) video.play().catch(() => {});
      else video.pause();
    };
    const step = (by) => seek(Math.max(0, Math.min(this.model.duration, now() + by)));
    byId("play").addEventListener("click", toggle);
    byId("back").addEventListener("click", () => step(-5000));
    byId("forward").addEventListener("click", () => step(5000));
    for (const event of ["play", "pause"]) video.addEventListener(event, playing);
    for (const event of ["timeupdate", "seeking", "loadedmetadata"]) video.addEventListener(event, () => this.playhead());
    shortcut("k", "Play or pause (also Space)", toggle);
    shortcut("j", "5 seconds back", () => step(-5000));
    shortcut("l", "5 seconds on", () => step(5000));
    shortcut(",", "A tenth of a second back", () => step(-100));
    shortcut(".", "A tenth of a second on", () => step(100));
    shortcut("s", "Skip what is cut", () => byId("skip").click());
    this.source();
    byId("timeline").addEventListener("pointerdown", (event) => {
      if (event.target.closest("[role=slider]")) return;
      const box = byId("timeline").getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width) * this.model.duration);
    });
  }

  /** Plays the recording, or a copy of it where the browser cannot play the recording. */
  source() {
    const say = (text) => {
      byId("no-video").hidden = false;
      if (byId("no-video-text").textContent !== text) byId("no-video-text").textContent = text;
    };
    const still = "You can still correct times and texts.";
    if (this.model.playable === undefined) return say(`The recording is not here, so it cannot be played. ${still}`);
    const copy = async (method) => {
      const response = await fetch("api/copy", { method, cache: "no-store" }).catch(() => null);
      if (!response?.ok) return say(`The recording cannot be played: ${response ? await response.text() : "the program does not answer"}. ${still}`);
      const { state, percent, error } = await response.json();
      const progress = byId("no-video-progress");
      progress.hidden = state !== "running";
      if (state === "done") {
        byId("no-video").hidden = true;
        video.src = "copy";
        return undefined;
      }
      if (state === "failed") return say(`The recording cannot be played: ${error}. ${still}`);
      progress.value = percent ?? 0;
      say(`A copy of the recording is being made for this browser. ${still}`);
      return setTimeout(() => copy("GET"), COPY_POLL);
    };
    video.addEventListener("error", () => {
      if (video.src.endsWith("/copy")) say(`This browser cannot play the recording. ${still}`);
      else copy("POST");
    });
    if (this.model.playable === "unsure") return copy("POST");
    video.src = "media";
    return undefined;
  }

  playhead() {
    const at = now();
    if (stopAt !== null && at >= stopAt) {
      stopAt = null;
      video.pause();
    }
    const cut = byId("skip").checked && !video.paused && !video.seeking
      && this.passages.find(({ kind, start, end }) => kind === "cut" && start <= at && at < end);
    if (cut) {
      if (cut.end >= this.model.duration - 1) video.pause();
      else seek(cut.end);
    }
    byId("time").textContent = `${clock(at)} of ${clock(this.model.duration)}`;
    byId("playhead").style.left = `${(100 * at) / this.model.duration}%`;
    this.model.tell("position", at);
  }

  show() {
    const { startField, endField } = this;
    if (document.activeElement !== startField) startField.value = clock(this.start);
    if (document.activeElement !== endField) endField.value = clock(this.end);
    this.why.textContent = [this.first, this.last].filter((cut) => cut?.reason).map((cut) => {
      const sure = cut.confidence === undefined ? "" : ` (the program is ${Math.round(cut.confidence * 100)} % sure)`;
      const check = cut.review ? " Please check it." : "";
      return `${cut === this.first ? "Cut before" : "Cut after"}: ${cut.reason}${sure}.${check}`;
    }).join(" ");
    const text = this.mark === null ? "The part begins here " : `The part that began at ${clock(this.mark)} ends here `;
    this.marking.replaceChildren(text, h("kbd", {}, "x"));
    this.showRows();
    this.showEdges();
    this.draw();
    this.playhead();
  }

  showRows() {
    const before = this.rows;
    this.rows = new Map();
    const rows = this.inner().map((passage, index) => {
      const old = before.get(passage.key);
      const row = old && (old.passage === passage || old.element.contains(document.activeElement)) ? old : this.row(passage, index);
      row.passage = passage;
      row.update?.(passage);
      this.rows.set(passage.key, row);
      return row.element;
    });
    arrange(this.list, rows);
  }

  row(passage, index) {
    const current = () => this.passages.find(({ key }) => key === passage.key);
    const name = `part ${index + 1}`;
    const from = timeField(`From, ${name}`, passage.start, (start) => start < current().end && this.move(current(), { start }));
    const to = timeField(`To, ${name}`, passage.end, (end) => end > current().start && this.move(current(), { end: Math.min(end, this.model.duration) }));
    const kind = h("select", { "aria-label": `What happens to ${name}`, onchange: () => this.move(current(), { kind: kind.value }) },
      ...Object.entries(KINDS).map(([value, text]) => h("option", { value, selected: value === passage.kind }, text)));
    const reason = h("input", {
      type: "text", dir: "auto", value: passage.reason, placeholder: "Reason", "aria-label": `Reason, ${name}`,
      oninput: () => this.move(current(), { reason: reason.value.replace(/\s+/g, " ") }, `reason ${passage.key}`),
    });
    const check = passage.review ? h("strong", {}, "Please check. ") : null;
    const element = h("li", {}, h("div", { className: "line" }, kind, from, "to", to, reason,
      h("button", { type: "button", "aria-label": `Play ${name}`, onclick: () => playPassage(current().start - 1000, current().end + 1000) }, "Play"),
      h("button", { type: "button", "aria-label": `Keep it: ${name}`, onclick: () => this.change(this.passages.filter(({ key }) => key !== passage.key)) }, "Keep it"),
      check));
    const update = ({ start, end }) => {
      if (document.activeElement !== from) from.value = clock(start);
      if (document.activeElement !== to) to.value = clock(end);
    };
    return { element, update };
  }

  showEdges() {
    const edges = this.allEdges();
    const seen = new Set(edges.map(({ id }) => id));
    for (const [id, handle] of this.edges) {
      if (seen.has(id)) continue;
      handle.element.remove();
      this.edges.delete(id);
    }
    for (const edge of edges) {
      let handle = this.edges.get(edge.id);
      if (!handle) {
        handle = { element: this.handle(edge.id) };
        this.edges.set(edge.id, handle);
        byId("handles").append(handle.element);
      }
      handle.edge = edge;
      const { element } = handle;
      element.style.left = `${(100 * edge.at) / this.model.duration}%`;
      element.setAttribute("aria-label", edge.label);
      element.setAttribute("aria-valuemin", String(edge.low / 1000));
      element.setAttribute("aria-valuemax", String(edge.high / 1000));
      element.setAttribute("aria-valuenow", String(edge.at / 1000));
      element.setAttribute("aria-valuetext", clock(edge.at));
    }
  }

  handle(id) {
    const edge = () => this.edges.get(id).edge;
    const set = (at) => {
      const { low, high } = edge();
      const millis = Math.round(Math.min(high, Math.max(low, at)));
      edge().set(millis, `edge ${id}`);
      seek(millis);
    };
    const element = h("span", { role: "slider", tabIndex: 0, className: `handle ${id === "start" || id === "end" ? id : "inner"}` });
    element.addEventListener("keydown", (event) => {
      const small = event.shiftKey ? 100 : 1000;
      const steps = { ArrowLeft: -small, ArrowDown: -small, ArrowRight: small, ArrowUp: small, PageDown: -10000, PageUp: 10000 };
      const at = event.key === "Home" ? edge().low : event.key === "End" ? edge().high : edge().at + (steps[event.key] ?? NaN);
      if (Number.isNaN(at)) return;
      event.preventDefault();
      set(at);
    });
    element.addEventListener("blur", () => this.model.endMerge());
    element.addEventListener("focus", () => seek(edge().at));
    element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const box = byId("timeline").getBoundingClientRect();
      set(((event.clientX - box.left) / box.width) * this.model.duration);
    });
    element.addEventListener("pointerup", () => this.model.endMerge());
    return element;
  }

  /** Loads the loudness over time, which may take a while to measure. */
  async loadPeaks() {
    for (;;) {
      const response = await fetch("api/peaks", { cache: "no-store" }).catch(() => null);
      if (response?.status === 200) {
        this.peaks = new Uint8Array(await response.arrayBuffer());
        return this.draw();
      }
      if (response?.status !== 202) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  draw() {
    const { duration } = this.model;
    const percent = (millis) => `${(100 * Math.max(0, millis)) / duration}%`;
    byId("parts").replaceChildren(...this.passages.map(({ kind, start, end }) => {
      const part = h("div", { className: `part ${kind}` });
      part.style.left = percent(start);
      part.style.width = percent(end - start);
      return part;
    }));
    const canvas = byId("waveform");
    const scale = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
    if (!width || !height) return;
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(canvas).color;
    const { peaks } = this;
    if (!peaks?.length) return;
    const perPixel = duration / 100 / width;
    for (let x = 0; x < width; x++) {
      let peak = 0;
      const to = Math.max(Math.floor((x + 1) * perPixel), Math.floor(x * perPixel) + 1);
      for (let i = Math.floor(x * perPixel); i < to && i < peaks.length; i++) peak = Math.max(peak, peaks[i]);
      const tall = Math.max(1, (Math.sqrt(peak / 255)) * height);
      context.fillRect(x, (height - tall) / 2, 1, tall);
    }
  }
}

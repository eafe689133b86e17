// SPDX-License-Identifier: MPL-2.0
// The drafts in the browser: changes, undo, and saving.

/** Makes an element; `properties` are set, those that contain a hyphen or are "role" as attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Shows `elements` in `list`; does nothing if they are there, so that the focus stays. */
export function arrange(list, elements) {
  const there = list.children.length === elements.length && elements.every((element, index) => list.children[index] === element);
  if (!there) list.replaceChildren(...elements);
}

/** Formats milliseconds as 1:02:03.4. */
export function clock(millis) {
  const tenths = Math.round(millis / 100);
  const [hours, minutes, seconds] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const rest = `${seconds < 10 ? "0" : ""}${seconds.toFixed(1)}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Reads 1:02:03.4, 2:03 or 75.5 as milliseconds; null if it is none. */
export function readClock(text) {
  const parts = text.trim().replace(",", ".").split(":");
  if (parts.length > 3 || !parts.every((part) => /^\d+(\.\d+)?$/.test(part))) return null;
  return Math.round(parts.reduce((sum, part) => sum * 60 + Number(part), 0) * 1000);
}

const SAVE_AFTER = 500;
const RETRY_AFTER = 3000;
let keys = 0;

/** Gives each item a key of its own, which stays while it is edited. */
export const withKey = (item) => ({ ...item, key: ++keys });

const withoutKey = ({ key, ...item }) => item;

export class Model extends EventTarget {
  drafts = new Map();
  undoable = [];
  redoable = [];
  trouble = "";

  async load() {
    const response = await fetch("api/class", { cache: "no-store" });
    if (!response.ok) throw new Error(await response.text());
    const loaded = await response.json();
    Object.assign(this, { name: loaded.name, duration: loaded.duration, playable: loaded.playable, listed: loaded.listed });
    for (const shown of loaded.drafts) this.take(shown);
  }

  /** Takes a draft as the server has it. */
  take(shown) {
    const type = Object.keys(shown.content)[0];
    const items = shown.content[type].map(withKey);
    const draft = { ...shown, type, items, saved: items, findings: this.drafts.get(shown.file)?.findings ?? null };
    delete draft.content;
    this.drafts.set(shown.file, draft);
    return draft;
  }

  of(kind) {
    return [...this.drafts.values()].filter((draft) => draft.kind === kind);
  }

  get trim() {
    return this.of("trim")[0];
  }

  get chapters() {
    return this.of("chapters")[0];
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Replaces the items of a draft. Changes with the same `merge` in a row are undone together. */
  change(file, items, merge = null) {
    const draft = this.drafts.get(file);
    if (draft.problems.length) return;
    const last = this.undoable.at(-1);
    if (merge && last?.merge === merge && last.file === file) last.after = items;
    else this.undoable.push({ file, before: draft.items, after: items, merge });
    if (this.undoable.length > 300) this.undoable.shift();
    this.redoable = [];
    this.set(draft, items);
  }

  /** Ends a series of changes that are undone together. */
  endMerge() {
    const last = this.undoable.at(-1);
    if (last) last.merge = null;
  }

  set(draft, items) {
    draft.items = items;
    this.schedule(draft);
    this.tell("change", draft.file);
  }

  undo() {
    const step = this.undoable.pop();
    if (!step) return;
    this.redoable.push(step);
    this.set(this.drafts.get(step.file), step.before);
  }

  redo() {
    const step = this.redoable.pop();
    if (!step) return;
    this.undoable.push({ ...step, merge: null });
    this.set(this.drafts.get(step.file), step.after);
  }

  schedule(draft, after = SAVE_AFTER) {
    clearTimeout(draft.timer);
    draft.timer = setTimeout(() => this.save(draft), after);
    this.tell("status");
  }

  /** Saves a draft; whoever calls it while it is being saved waits for the next saving, too. */
  async save(draft, keepalive = false) {
    clearTimeout(draft.timer);
    draft.timer = null;
    if (draft.saving) {
      await draft.saving;
      return this.save(draft, keepalive);
    }
    if (draft.items === draft.saved || draft.theirs) return;
    const items = draft.items;
    draft.saving = this.put(draft, items, keepalive).finally(() => (draft.saving = null));
    this.tell("status");
    await draft.saving;
    this.tell("status");
  }

  async put(draft, items, keepalive) {
    const sorted = [...items].sort((a, b) => a.start - b.start);
    const body = JSON.stringify({ base: draft.version, content: { [draft.type]: sorted.map(withoutKey) } });
    // A browser sends at most 64 kB after its page is gone.
    const options = { method: "PUT", body, keepalive: keepalive && body.length < 60000 };
    const response = await fetch(`api/draft/${draft.file}`, options).catch(() => null);
    if (!response) return this.retry(draft, "the program does not answer");
    if (response.ok) {
      const shown = await response.json();
      const { version, approved, by, on, signed } = shown;
      Object.assign(draft, { version, approved, by, on, signed, saved: items, wrong: null });
      this.trouble = "";
      this.tell("saved", draft.file);
    } else if (response.status === 409) {
      this.conflict(draft, await response.json());
    } else if (response.status === 422) {
      draft.wrong = (await response.json()).join(" ");
    } else {
      const text = await response.text();
      if (response.status === 401) this.trouble = text;
      else this.retry(draft, text);
    }
  }

  retry(draft, why) {
    this.trouble = why;
    this.schedule(draft, RETRY_AFTER);
  }

  conflict(draft, theirs) {
    draft.theirs = theirs;
    this.tell("conflict", draft.file);
  }

  /** Ends a conflict with one of the versions. Undo brings the other one back. */
  settle(draft, mine) {
    const { theirs } = draft;
    draft.theirs = null;
    const items = draft.items;
    const taken = this.take(theirs);
    this.undoable = this.undoable.filter((step) => step.file !== draft.file);
    this.redoable = [];
    const [before, after] = mine ? [taken.items, items] : [items, taken.items];
    this.undoable.push({ file: draft.file, before, after, merge: null });
    this.set(taken, after);
    this.tell("saved", draft.file);
  }

  /** Saves everything now; resolves to whether that worked. */
  async flush() {
    for (const draft of this.drafts.values()) await this.save(draft);
    return [...this.drafts.values()].every((draft) => draft.items === draft.saved);
  }

  /** Sends what is not saved when the page goes away. */
  leave() {
    for (const draft of this.drafts.values()) if (draft.items !== draft.saved && !draft.saving) this.save(draft, true);
  }

  get status() {
    const drafts = [...this.drafts.values()];
    const closed = drafts.find(({ problems }) => problems.length);
    if (closed) return `Cannot be edited here until somebody corrects the file: ${closed.file}, ${closed.problems[0]}`;
    const wrong = drafts.find((draft) => draft.wrong);
    if (wrong) return `Not saved: ${wrong.wrong}`;
    if (this.trouble) return `Not saved: ${this.trouble}`;
    if (drafts.some((draft) => draft.items !== draft.saved)) return "Saving…";
    return "All changes are saved";
  }

  async approve(draft, by, signed) {
    const now = new Date();
    const on = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    const body = JSON.stringify({ base: draft.version, by, on, signed });
    const response = await fetch(`api/approve/${draft.file}`, { method: "POST", body }).catch(() => null);
    if (!response) return "The program does not answer.";
    if (response.status === 409) {
      this.conflict(draft, await response.json());
      return "Somebody else changed it. Look at it again.";
    }
    if (!response.ok) return response.status === 422 ? (await response.json()).join(" ") : response.text();
    const { version, approved, by: name, on: date, signed: words } = await response.json();
    Object.assign(draft, { version, approved, by: name, on: date, signed: words });
    this.tell("saved", draft.file);
    return "";
  }

  /** Asks for the findings of captions. */
  async check(draft) {
    const response = await fetch(`api/findings/${draft.file}`, { cache: "no-store" }).catch(() => null);
    if (!response?.ok) return;
    const found = await response.json();
    // They are about the saved cues, in the order of their times.
    const saved = [...draft.saved].sort((a, b) => a.start - b.start);
    draft.findings = found.map((finding) => ({ ...finding, key: saved[finding.cue]?.key ?? null }));
    this.tell("findings", draft.file);
  }
}

const shortcuts = [];

export const keysEnabled = () => localStorage.getItem("single-keys") !== "off";

/** Adds a single key; it works outside of text fields, unless single keys are turned off. */
export function shortcut(key, label, run) {
  shortcuts.push({ key, label, run });
}

export const allShortcuts = () => shortcuts;

const TYPED = "textarea, select, input:not([type=checkbox])";

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest?.(TYPED);
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    const name = key === "y" || (key === "z" && event.shiftKey) ? "r" : key === "z" ? "u" : null;
    if (!name || typing) return;
    event.preventDefault();
    shortcuts.find((known) => known.key === name)?.run();
    return;
  }
  if (typing || !keysEnabled()) return;
  if (event.key === " " && event.target !== document.body) return;
  const found = shortcuts.find((known) => known.key === (event.key === " " ? "k" : event.key));
  if (!found) return;
  event.preventDefault();
  found.run();
});

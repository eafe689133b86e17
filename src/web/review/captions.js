// SPDX-License-Identifier: MPL-2.0
// The captions: rows of text, one of them open for editing, the findings beside them.

import { arrange, byId, clock, h, shortcut, withKey } from "./model.js";
import { draftTitle } from "./names.js";
import { now, playPassage, seek, timeField } from "./timeline.js";

/** Rows of a section, which the browser lays out only when it is near. */
const SECTION = 100;
/** Characters of a caption that are shown while it is not open. */
const SHOWN = 2000;

const RULES = {
  overlap: "Shown at the same time as another caption",
  lines: "Too many lines",
  "line-length": "A line is too long",
  "too-short": "Shown too briefly",
  "too-long": "Shown too long",
  "reading-speed": "Too fast to read",
  gap: "Too close to the next caption",
  offset: "The captions are early or late",
  drift: "The captions run away from the speech",
  uncaptioned: "Speech without a caption",
  "over-silence": "A caption while nobody speaks",
  "no-speaker": "The speaker is not named",
  "no-sound-label": "A sound is not named",
};

/** The finding in the words of the page; the rules speak of cues and of their profile. */
export function explain({ rule, text }) {
  const plain = text.replace(/; \S+ allows /, "; at most ").replace(/; \S+ requires /, "; at least ").replace(/\bcue/g, "caption");
  return `${RULES[rule] ?? rule}: ${plain}`;
}

export class Captions {
  constructor(model) {
    this.model = model;
    this.rows = new Map();
    this.open = null;
    this.file = (model.of("captions")[0] ?? model.of("descriptions")[0] ?? model.of("slides")[0])?.file;
    this.build();
    model.addEventListener("change", (event) => event.detail === this.file && this.show());
    model.addEventListener("findings", (event) => event.detail === this.file && this.showFindings());
    model.addEventListener("saved", (event) => this.checkSoon(event.detail));
    for (const draft of model.of("captions")) model.check(draft);
  }

  get draft() {
    return this.model.drafts.get(this.file);
  }

  get items() {
    return this.draft?.items ?? [];
  }

  change(items, merge) {
    this.model.change(this.file, items, merge);
  }

  /** Asks for the findings after a pause. Another trim changes them, too. */
  checkSoon(file) {
    const { kind } = this.model.drafts.get(file);
    if (kind !== "captions" && kind !== "trim") return;
    clearTimeout(this.checking);
    this.checking = setTimeout(() => this.model.of("captions").forEach((draft) => this.model.check(draft)), 300);
  }

  build() {
    const panel = byId("panel-captions");
    shortcut("3", "Captions", () => byId("tab-captions").click());
    if (!this.file) {
      panel.append(h("p", {}, "This class has no captions. Ask whoever sent the link to add some."));
      return;
    }
    this.find = h("input", { type: "text", dir: "auto", onkeydown: (event) => this.findKey(event) });
    this.replacement = h("input", { type: "text", dir: "auto" });
    this.result = h("span", { role: "status", className: "hint" });
    this.general = h("ul", { className: "findings" });
    this.list = h("div", { className: "cues", role: "list", "aria-label": "Captions", onkeydown: (event) => this.listKey(event) });
    const drafts = [...this.model.of("captions"), ...this.model.of("descriptions"), ...this.model.of("slides")];
    const which = h("select", { "aria-label": "Which captions", onchange: () => this.choose(which.value) },
      ...drafts.map((draft) => h("option", { value: draft.file }, draftTitle(draft))));
    panel.append(
      drafts.length > 1 ? which : h("p", { className: "hint" }, draftTitle(drafts[0])),
      h("div", { className: "line" },
        h("label", {}, "Find ", this.find), h("kbd", {}, "f"),
        h("button", { type: "button", onclick: () => this.findNext() }, "Next"),
        h("label", {}, "Replace with ", this.replacement),
        h("button", { type: "button", onclick: () => this.replaceAll() }, "Replace all"), this.result),
      h("div", { className: "line" },
        h("button", { type: "button", onclick: () => this.nextProblem() }, "Next problem ", h("kbd", {}, "e")),
        h("button", { type: "button", onclick: () => this.editCurrent() }, "Edit the caption at this position ", h("kbd", {}, "c")),
        h("button", { type: "button", onclick: () => this.add() }, "New caption here ", h("kbd", {}, "w")),
        h("button", { type: "button", onclick: () => this.divide() }, "Divide long captions ", h("kbd", {}, "d"))),
      this.general, this.list);
    shortcut("f", "Find in the captions", () => this.focusFind());
    shortcut("e", "Next problem in the captions", () => this.nextProblem());
    shortcut("c", "Edit the caption at this position", () => this.editCurrent());
    shortcut("w", "New caption here", () => this.add());
    shortcut("d", "Divide long captions at clauses and move them to the speech", () => this.divide());
  }

  choose(file) {
    this.close();
    this.file = file;
    this.rows.clear();
    this.list.replaceChildren();
    this.show();
  }

  focusFind() {
    byId("tab-captions").click();
    this.find.focus();
    this.find.select();
  }

  findKey(event) {
    if (event.key !== "Enter") return;
    // The key would go to the caption that is opened.
    event.preventDefault();
    this.findNext();
  }

  show() {
    if (!this.file) return;
    const before = this.rows;
    this.rows = new Map();
    const elements = this.items.map((cue) => {
      const row = before.get(cue.key) ?? { element: h("div", { role: "listitem", className: "cue", tabIndex: -1 }), cue: null };
      if (row.cue !== cue) {
        row.cue = cue;
        if (this.open?.key === cue.key) this.open.update(cue);
        else this.fill(row);
      }
      this.rows.set(cue.key, row);
      return row.element;
    });
    this.sections(elements);
    const active = this.list.querySelector("[tabindex='0']");
    if (!active && elements.length) elements[0].tabIndex = 0;
    this.showFindings();
  }

  /** Puts rows into sections; only sections in which something changed are touched. */
  sections(elements) {
    const count = Math.ceil(elements.length / SECTION);
    while (this.list.children.length > count) this.list.lastChild.remove();
    for (let index = 0; index < count; index++) {
      const section = this.list.children[index] ?? this.list.appendChild(h("div", { role: "presentation", className: "section" }));
      arrange(section, elements.slice(index * SECTION, (index + 1) * SECTION));
    }
  }

  fill(row) {
    const { cue, element } = row;
    const shown = cue.text.length > SHOWN ? `${cue.text.slice(0, SHOWN)}…` : cue.text;
    row.notes = h("ul", { className: "findings" });
    element.replaceChildren(
      h("button", { type: "button", tabIndex: -1, className: "at", "aria-label": `Play from ${clock(cue.start)}`, onclick: () => playPassage(cue.start, cue.end) }, clock(cue.start)),
      h("div", { className: "words", dir: "auto", onclick: () => this.edit(cue.key) }, cue.speaker ? h("b", {}, `${cue.speaker}: `) : null, shown),
      row.notes);
    this.notes(row);
  }

  notes(row) {
    const found = this.byCue?.get(row.cue.key) ?? [];
    row.notes?.replaceChildren(...found.map((finding) => h("li", { className: finding.fails ? "fails" : "" }, explain(finding))));
    row.element.classList.toggle("fails", found.some(({ fails }) => fails));
  }

  showFindings() {
    if (!this.general) return;
    const found = this.draft.findings ?? [];
    this.byCue = new Map();
    for (const finding of found) {
      if (finding.key === null) continue;
      if (!this.byCue.has(finding.key)) this.byCue.set(finding.key, []);
      this.byCue.get(finding.key).push(finding);
    }
    for (const row of this.rows.values()) {
      const count = this.byCue.get(row.cue.key)?.length ?? 0;
      if (count || row.notes?.childElementCount) this.notes(row);
    }
    const general = found.filter(({ key }) => key === null);
    this.general.replaceChildren(...general.map((finding) => h("li", { className: finding.fails ? "fails" : "" },
      `${clock(finding.start)} to ${clock(finding.end)}: ${explain(finding)} `,
      h("button", { type: "button", onclick: () => playPassage(finding.start, finding.end) }, "Play"),
      finding.rule === "uncaptioned"
        ? h("button", { type: "button", onclick: () => this.add(finding.start, finding.end) }, "Add a caption") : null)));
  }

  focusRow(key) {
    const row = this.rows.get(key);
    if (!row) return;
    for (const active of this.list.querySelectorAll("[tabindex='0'].cue")) active.tabIndex = -1;
    row.element.tabIndex = 0;
    row.element.scrollIntoView({ block: "nearest" });
    row.element.focus({ preventScroll: true });
  }

  listKey(event) {
    const element = event.target;
    if (!element.classList.contains("cue")) return;
    const index = this.items.findIndex(({ key }) => this.rows.get(key).element === element);
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: this.items.length - 1 }[event.key];
    if (event.key === "Enter") this.edit(this.items[index].key);
    else if (to !== undefined && this.items[to]) this.focusRow(this.items[to].key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  close() {
    if (!this.open) return;
    const row = this.rows.get(this.open.key);
    this.open = null;
    this.model.endMerge();
    if (row) this.fill(row);
  }

  /** Opens a caption for editing; `selection` is a part of its text. */
  edit(key, selection = null) {
    byId("tab-captions").click();
    this.close();
    const row = this.rows.get(key);
    if (!row) return;
    this.open = { key, ...this.editor(row) };
    for (const active of this.list.querySelectorAll("[tabindex='0'].cue")) active.tabIndex = -1;
    row.element.tabIndex = 0;
    if (Math.abs(now() - row.cue.start) > 50 && !(now() >= row.cue.start && now() < row.cue.end)) seek(row.cue.start);
    const { area } = this.open;
    area.focus();
    if (selection) area.setSelectionRange(...selection);
    row.element.scrollIntoView({ block: "nearest" });
  }

  replace(key, changes, merge) {
    this.change(this.items.map((cue) => (cue.key === key ? { ...cue, ...changes } : cue)), merge);
  }

  editor(row) {
    const { key } = row.cue;
    const current = () => this.items.find((cue) => cue.key === key);
    const words = () => this.replace(key, { text: area.value }, `words ${key}`);
    const area = h("textarea", { dir: "auto", rows: 3, value: row.cue.text, "aria-label": "Caption", oninput: words, onkeydown: (event) => this.editorKey(event, key, area) });
    const speaker = h("input", {
      type: "text", dir: "auto", value: row.cue.speaker ?? "", placeholder: "Nobody named", "aria-label": "Speaker", disabled: Boolean(row.cue.marked),
      oninput: () => this.replace(key, { speaker: speaker.value }, `speaker ${key}`),
    });
    const start = timeField("Caption from", row.cue.start, (at) => at < current().end && this.sorted(key, { start: at }));
    const end = timeField("Caption to", row.cue.end, (at) => at > current().start && this.sorted(key, { end: at }));
    row.notes = h("ul", { className: "findings" });
    row.element.replaceChildren(h("div", { className: "editor" },
      h("div", { className: "line" }, start, "to", end, h("label", {}, "Speaker ", speaker)),
      area,
      row.cue.marked ? h("p", { className: "hint" }, "Words between < and > set the look of this caption. Leave them as they are.") : null,
      h("div", { className: "line" },
        h("button", { type: "button", onclick: () => playPassage(current().start, current().end) }, "Play"),
        h("button", { type: "button", onclick: () => this.split(key, area) }, "Split here ", h("kbd", {}, "Ctrl+Shift+Enter")),
        h("button", { type: "button", onclick: () => this.join(key) }, "Join to the next"),
        h("button", { type: "button", onclick: () => this.remove(key) }, "Delete"),
        h("button", { type: "button", onclick: () => this.next(key) }, "Next ", h("kbd", {}, "Ctrl+Enter")),
        h("button", { type: "button", onclick: () => this.done(key) }, "Done ", h("kbd", {}, "Esc"))),
      row.notes));
    this.notes(row);
    const update = (cue) => {
      if (area.value !== cue.text) area.value = cue.text;
      if (speaker.value !== (cue.speaker ?? "")) speaker.value = cue.speaker ?? "";
      if (document.activeElement !== start) start.value = clock(cue.start);
      if (document.activeElement !== end) end.value = clock(cue.end);
    };
    return { area, update };
  }

  editorKey(event, key, area) {
    if (event.key === "Escape") this.done(key);
    else if (event.key === "Enter" && event.ctrlKey && event.shiftKey) this.split(key, area);
    else if (event.key === "Enter" && event.ctrlKey) this.next(key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  done(key) {
    this.close();
    this.focusRow(key);
  }

  next(key) {
    const following = this.items[this.items.findIndex((cue) => cue.key === key) + 1];
    if (following) this.edit(following.key);
    else this.done(key);
  }

  sorted(key, changes) {
    const items = this.items.map((cue) => (cue.key === key ? { ...cue, ...changes } : cue));
    this.change(items.sort((a, b) => a.start - b.start));
  }

  /** Splits a caption where the cursor stands; the time is shared by the lengths of the texts. */
  split(key, area) {
    const cue = this.items.find((other) => other.key === key);
    const at = area.selectionStart;
    const [before, after] = [cue.text.slice(0, at).trim(), cue.text.slice(at).trim()];
    if (!before || !after || cue.marked) return;
    const share = before.length / (before.length + after.length);
    const middle = Math.round(cue.start + share * (cue.end - cue.start));
    const added = withKey({ ...cue, id: undefined, written: undefined, start: middle, text: after });
    this.change(this.items.flatMap((other) => (other === cue ? [{ ...cue, end: middle, text: before }, added] : [other])));
    this.edit(added.key, [0, 0]);
  }

  join(key) {
    const index = this.items.findIndex((cue) => cue.key === key);
    const [cue, following] = [this.items[index], this.items[index + 1]];
    if (!following || Boolean(cue.marked) !== Boolean(following.marked)) return;
    const joined = { ...cue, end: Math.max(cue.end, following.end), text: `${cue.text.trim()} ${following.text.trim()}` };
    this.change(this.items.filter((other) => other !== following).map((other) => (other === cue ? joined : other)));
  }

  remove(key) {
    const index = this.items.findIndex((cue) => cue.key === key);
    this.open = null;
    this.change(this.items.filter((cue) => cue.key !== key));
    const following = this.items[index] ?? this.items[index - 1];
    if (following) this.focusRow(following.key);
  }

  add(from = now(), to = null) {
    if (!this.file) return;
    const following = this.items.find(({ start }) => start > from);
    const end = to ?? Math.min(from + 3000, following?.start ?? Infinity, this.model.duration);
    if (end <= from) return;
    const added = withKey({ start: from, end, text: "" });
    this.change([...this.items, added].sort((a, b) => a.start - b.start));
    this.edit(added.key);
  }

  /** Takes over captions that the program divided; every word stays, and one undo brings the old ones back. */
  async divide() {
    const { draft } = this;
    byId("tab-captions").click();
    if (draft.kind !== "captions" || !(await this.model.flush())) return;
    const items = draft.items;
    const response = await fetch(`api/divided/${draft.file}`, { cache: "no-store" }).catch(() => null);
    const cues = response?.ok ? await response.json() : [];
    if (!cues.length || draft.items !== items) return;
    this.close();
    this.change(cues.map(withKey));
    this.result.textContent = `${items.length} captions became ${cues.length}. Undo brings the old ones back.`;
  }

  editCurrent() {
    const at = now();
    const cue = this.items.filter(({ start, end }) => start <= at && at < end).at(-1) ?? this.items.find(({ start }) => start >= at) ?? this.items.at(-1);
    if (cue) this.edit(cue.key);
  }

  nextProblem() {
    if (!this.byCue) return;
    const after = this.items.findIndex(({ key }) => key === this.open?.key);
    const order = [...this.items.slice(after + 1), ...this.items.slice(0, after + 1)];
    const cue = order.find(({ key }) => this.byCue.has(key));
    if (cue) this.edit(cue.key);
    else byId("tab-captions").click();
    this.result.textContent = cue ? "" : "No caption has a problem";
  }

  findNext() {
    const wanted = this.find.value.toLowerCase();
    if (!wanted) return;
    const open = this.items.findIndex(({ key }) => key === this.open?.key);
    const order = [...this.items.slice(open + 1), ...this.items.slice(0, open + 1)];
    const cue = order.find(({ text }) => text.toLowerCase().includes(wanted));
    this.result.textContent = cue ? "" : "Not found";
    if (!cue) return;
    const at = cue.text.toLowerCase().indexOf(wanted);
    this.edit(cue.key, [at, at + wanted.length]);
  }

  replaceAll() {
    const wanted = this.find.value;
    if (!wanted) return;
    let count = 0;
    const items = this.items.map((cue) => {
      const parts = cue.text.split(wanted);
      if (parts.length === 1) return cue;
      count += parts.length - 1;
      return { ...cue, text: parts.join(this.replacement.value) };
    });
    if (count) this.change(items);
    this.result.textContent = count === 1 ? "Replaced once" : `Replaced ${count} times`;
  }
}

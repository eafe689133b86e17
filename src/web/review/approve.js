// SPDX-License-Identifier: MPL-2.0
// Approval by name, what is left, and the package.

import { byId, h, shortcut } from "./model.js";
import { draftTitle } from "./names.js";

/** What a person may sign for captions. */
const SIGNED = {
  words: "The words are what is said",
  names: "Names and terms are spelled right",
  speakers: "Speakers are named where that matters",
  sounds: "Sounds that matter are named, such as [applause]",
  "nothing-to-describe": "Everything that is shown is also said, so nobody needs a description of the picture",
};
const POLL = 700;

export class Approve {
  constructor(model) {
    this.model = model;
    this.build();
    for (const event of ["change", "saved", "findings"]) model.addEventListener(event, () => this.show());
    this.poll();
  }

  build() {
    this.name = h("input", {
      type: "text", autocomplete: "name", dir: "auto", required: true, value: localStorage.getItem("name") ?? "",
      oninput: () => localStorage.setItem("name", this.name.value),
    });
    this.left = h("p", { role: "status" });
    this.list = h("ul", { className: "rows" });
    this.answer = h("p", { role: "alert", className: "problem" });
    this.boxes = Object.entries(SIGNED).map(([word, text]) => {
      const box = h("input", { type: "checkbox", value: word });
      return { box, label: h("label", { className: "box" }, box, text) };
    });
    this.progress = h("progress", { max: 100, value: 0, hidden: true, "aria-label": "Progress of the package" });
    this.state = h("p", { role: "status" });
    this.missing = h("ul", { className: "findings" });
    byId("panel-approve").append(
      h("div", { className: "line" }, h("label", {}, "Your name ", this.name)),
      h("fieldset", {}, h("legend", {}, "I checked the captions (tick what you did)"), ...this.boxes.map(({ label }) => label)),
      this.left, this.list,
      h("button", { type: "button", onclick: () => this.approveAll() }, "Approve everything ", h("kbd", {}, "a")),
      this.answer,
      h("h2", {}, "Package"),
      h("p", { className: "hint" }, "The package is what viewers get. Making it takes some minutes; you may close this page meanwhile."),
      h("button", { type: "button", onclick: () => this.package() }, "Make the package now ", h("kbd", {}, "g")),
      this.progress, this.state, this.missing);
    shortcut("4", "Approve", () => byId("tab-approve").click());
    shortcut("a", "Approve everything", () => this.approveAll());
    shortcut("g", "Make the package now", () => this.package());
  }

  get waiting() {
    return [...this.model.drafts.values()].filter((draft) => !draft.approved && draft.version !== "");
  }

  show() {
    const drafts = [...this.model.drafts.values()].filter(({ version }) => version !== "");
    const left = this.waiting.length;
    this.left.textContent = left ? `${left} of ${drafts.length} still to approve` : "Everything is approved";
    this.list.replaceChildren(...drafts.map((draft) => this.row(draft)));
    byId("tab-approve").firstChild.data = left ? `Approve (${left} left) ` : "Approve ";
    const failing = this.model.of("captions").flatMap(({ findings }) => findings ?? []).filter(({ fails }) => fails).length;
    byId("tab-captions").firstChild.data = failing ? `Captions (${failing} ${failing === 1 ? "problem" : "problems"}) ` : "Captions ";
  }

  row(draft) {
    const facts = {
      trim: () => "",
      chapters: () => `${draft.items.length} chapters`,
      captions: () => {
        const fails = (draft.findings ?? []).filter((finding) => finding.fails).length;
        return fails ? `${fails} ${fails === 1 ? "problem stops" : "problems stop"} publishing` : `${draft.items.length} captions`;
      },
      descriptions: () => "",
      slides: () => `${draft.items.length} slides; viewers find them by a search`,
    };
    const state = draft.approved ? `Approved by ${draft.by ?? "somebody"}${draft.on ? ` on ${draft.on}` : ""}` : "Not approved yet";
    const title = draftTitle(draft);
    return h("li", {}, h("div", { className: "line" }, h("strong", {}, title), h("span", {}, state), h("span", { className: "hint" }, facts[draft.kind]()),
      draft.approved ? null : h("button", { type: "button", "aria-label": `Approve: ${title}`, onclick: () => this.approve([draft.file]) }, "Approve")),
    ...draft.problems.map((problem) => h("p", { className: "problem" }, problem)));
  }

  approveAll() {
    byId("tab-approve").click();
    return this.approve(this.waiting.map(({ file }) => file));
  }

  async approve(files) {
    this.answer.textContent = "";
    if (!this.name.value.trim()) {
      this.answer.textContent = "Write your name first.";
      this.name.focus();
      return;
    }
    if (!(await this.model.flush())) {
      this.answer.textContent = "Not everything is saved yet. Look at the top of the page.";
      return;
    }
    const signed = this.boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    const inList = document.activeElement && this.list.contains(document.activeElement);
    for (const file of files) {
      const draft = this.model.drafts.get(file);
      const text = await this.model.approve(draft, this.name.value, draft.kind === "captions" ? signed : []);
      if (text) this.answer.textContent = `${draftTitle(draft)}: ${text}`;
    }
    // The button that was pressed is gone.
    if (inList) this.name.focus();
  }

  async package() {
    byId("tab-approve").click();
    if (!(await this.model.flush())) {
      this.answer.textContent = "Not everything is saved yet. Look at the top of the page.";
      return;
    }
    const response = await fetch("api/package", { method: "POST" }).catch(() => null);
    if (!response?.ok) this.state.textContent = response ? await response.text() : "The program does not answer.";
    else this.poll();
  }

  async poll() {
    clearTimeout(this.polling);
    const response = await fetch("api/package", { cache: "no-store" }).catch(() => null);
    if (!response?.ok) return;
    const { job, missing } = await response.json();
    const running = job.state === "running";
    this.progress.hidden = !running;
    if (running) this.progress.value = job.percent;
    const text = { idle: "", running: "The package is being made…", done: "The package is ready.", failed: `The package was not made: ${job.error}` }[job.state];
    if (this.state.textContent !== text) this.state.textContent = text;
    const lacks = job.state === "done" && missing ? missing : [];
    this.missing.replaceChildren(...lacks.map((lack) => h("li", {}, `Before it can be published: ${lack}`)));
    if (running) this.polling = setTimeout(() => this.poll(), POLL);
  }
}

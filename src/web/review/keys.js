// SPDX-License-Identifier: MPL-2.0
// The list of keys, and the choice to do without them.

import { allShortcuts, byId, h, keysEnabled, shortcut } from "./model.js";

/** Sets up the dialog with the keys. */
export function help() {
  const dialog = byId("keys");
  const box = byId("single-keys");
  const use = () => document.body.classList.toggle("no-keys", !keysEnabled());
  box.checked = keysEnabled();
  box.addEventListener("change", () => {
    localStorage.setItem("single-keys", box.checked ? "on" : "off");
    use();
  });
  const show = () => {
    byId("keys-list").replaceChildren(...allShortcuts().map(({ key, label }) =>
      h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, label))));
    dialog.showModal();
  };
  byId("help").addEventListener("click", show);
  shortcut("?", "This list", show);
  use();
}

// SPDX-License-Identifier: MPL-2.0
// Names of drafts for people.

const KINDS = { trim: "Start and end", chapters: "Chapters", captions: "Captions", descriptions: "Spoken descriptions", slides: "Text of the slides" };

function languageName(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** The name of a draft, such as "Captions: English". */
export const draftTitle = ({ kind, language }) => KINDS[kind] + (language ? `: ${languageName(language)}` : "");

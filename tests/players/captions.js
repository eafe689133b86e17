// SPDX-License-Identifier: MPL-2.0
// What a viewer with captions gets of a package that hls.js plays in `page`.

import { join } from "node:path";

/** Shows every caption rendition at many times. Resolves to a line. */
export async function checkCaptions(page, manifest, expect, shots) {
  const captions = manifest.captions ?? [];
  const listed = await page.evaluate(() =>
    hls.subtitleTracks.map(({ name, lang, default: isDefault, autoselect }) => ({ name, lang, isDefault, autoselect })),
  );
  expect(listed.length === captions.length, `hls.js lists ${listed.length} of ${captions.length} caption renditions`);
  const shown = [];
  for (const [index, { label, language, file }] of captions.entries()) {
    const { name, lang, isDefault, autoselect } = listed[index] ?? {};
    expect(name === label && lang === language, `captions "${label}" (${language}) are listed as "${name}" (${lang})`);
    expect(!isDefault && autoselect, `captions "${label}" are chosen by themselves, or cannot be`);
    const moments = await page.evaluate(
      async ([index, file]) => {
        const words = (cue) => {
          const holder = document.createElement("div");
          holder.append(cue.getCueAsHTML());
          return holder.textContent.replace(/\s+/g, " ").trim();
        };
        // The browser's own reading of the whole file says what is to be shown.
        const track = Object.assign(document.createElement("track"), { kind: "captions", src: `/package/${file}` });
        const read = new Promise((resolve, reject) => {
          track.addEventListener("load", resolve);
          track.addEventListener("error", () => reject(new Error(`${file} is not read`)));
        });
        const other = document.createElement("video");
        other.append(track);
        track.track.mode = "hidden";
        await read;
        const cues = [...track.track.cues];
        hls.subtitleTrack = index;
        hls.subtitleDisplay = true;
        video.pause();
        const ends = cues.flatMap(({ startTime, endTime }) => [startTime + 0.15, (startTime + endTime) / 2, endTime + 0.15]);
        const step = Math.max(1, Math.floor(ends.length / 24));
        const times = ends.filter((time, at) => at % step === 0 && time < video.duration - 0.2);
        const moments = [];
        for (const time of times) {
          const due = cues.filter((cue) => cue.startTime <= time && time < cue.endTime).map(words).sort();
          video.currentTime = time;
          const found = () => {
            const showing = [...video.textTracks].find((track) => track.mode === "showing");
            return [...(showing?.activeCues ?? [])].map(words).sort();
          };
          const is = () => !video.seeking && JSON.stringify(found()) === JSON.stringify(due);
          const limit = performance.now() + 10000;
          while (!is() && performance.now() < limit) await new Promise((r) => setTimeout(r, 20));
          moments.push({ time, due, found: found(), is: is() });
        }
        return moments;
      },
      [index, file],
    );
    const wrong = moments.filter(({ is }) => !is);
    wrong.forEach(({ time, due, found }) =>
      expect(false, `captions "${label}" at ${time.toFixed(2)} s: ${JSON.stringify(found)}, not ${JSON.stringify(due)}`),
    );
    shown.push(`${language} ${moments.length - wrong.length}/${moments.length}`);
    const spoken = moments.find(({ due }) => due.length);
    if (shots && spoken) {
      await page.evaluate(async (time) => {
        const sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
        video.currentTime = time;
        await sought;
        await new Promise((r) => setTimeout(r, 300));
      }, spoken.time);
      await page.screenshot({ path: join(shots, `captions-${language}.png`) });
    }
  }
  await page.evaluate(() => (hls.subtitleTrack = -1));
  return shown.join(", ");
}

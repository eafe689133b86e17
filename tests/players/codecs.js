// SPDX-License-Identifier: MPL-2.0
// Plays a package in several codecs with hls.js in headless Chromium: in AV1, and as a browser does that plays H.264 only.
//
//     node tests/players/codecs.js PACKAGE
//
// Prints one line; the exit status is 1 and every fault is listed when something does not play.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serve, withPage } from "./browser.js";

const [, , folder] = process.argv;
if (!folder) {
  console.error("usage: codecs.js PACKAGE");
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const faults = [];

const PAGE = `<!doctype html><title>player</title><video id=video muted width=1280 height=720></video>
<script src="/modules/hls.js/dist/hls.js"></script>`;

/** An older browser: it has never heard of other codecs than H.264 and AAC. */
function forget() {
  const isKnown = (type) => !/av01|hvc1|hev1/.test(type);
  const supports = MediaSource.isTypeSupported.bind(MediaSource);
  MediaSource.isTypeSupported = (type) => isKnown(type) && supports(type);
  const add = MediaSource.prototype.addSourceBuffer;
  MediaSource.prototype.addSourceBuffer = function (type) {
    if (!isKnown(type)) throw new DOMException(`${type} is not known`, "NotSupportedError");
    return add.call(this, type);
  };
}

/** Plays to the end in renditions of this codec; resolves to what was seen. */
async function play(codec) {
  const errors = [];
  const hls = new Hls();
  const codecs = new Set();
  hls.on(Hls.Events.ERROR, (_, data) => data.fatal && errors.push(`${data.details} ${data.error ?? ""}`));
  hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => frag.type === "main" && codecs.add(hls.levels[frag.level].videoCodec.slice(0, 4)));
  const parsed = new Promise((resolve) => hls.on(Hls.Events.MANIFEST_PARSED, resolve));
  hls.loadSource("/package/master.m3u8");
  await parsed;
  const offered = [...new Set(hls.levels.map(({ videoCodec }) => videoCodec.slice(0, 4)))];
  hls.startLevel = hls.levels.findIndex(({ videoCodec }) => videoCodec.startsWith(codec));
  hls.attachMedia(video);
  video.playbackRate = 4;
  await video.play().catch((error) => errors.push(String(error)));
  const limit = performance.now() + 60000;
  while (!video.ended && !errors.length && performance.now() < limit) await new Promise((r) => setTimeout(r, 100));
  const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
  return { offered, codecs: [...codecs], errors, ended: video.ended, at: video.currentTime, frames };
}

const server = await serve({ "/package/": resolve(folder), "/modules/": join(here, "node_modules") }, { "/": PAGE });
const said = [];
for (const [who, codec, prepare] of [["a browser of today", "av01"], ["a browser with H.264 only", "avc1", forget]]) {
  await withPage(async (page, complaints) => {
    if (prepare) await page.addInitScript(prepare);
    await page.goto(server.url);
    const seen = await page.evaluate(play, codec);
    const fault = (what) => faults.push(`${who}: ${what}`);
    if (!seen.ended) fault(`stopped at ${seen.at.toFixed(1)} s`);
    if (!seen.frames) fault("no picture was decoded");
    if (String(seen.codecs) !== codec) fault(`played ${seen.codecs} and not ${codec}`);
    if (prepare && String(seen.offered) !== codec) fault(`was offered ${seen.offered}`);
    [...seen.errors, ...complaints].forEach(fault);
    said.push(`${who} plays ${seen.codecs}, ${seen.frames} pictures`);
  });
}
server.missing.forEach((path) => faults.push(`asks for ${path}, which is not in the package`));
server.close();
console.log(said.join("; "));
faults.forEach((fault) => console.error(`${folder}: ${fault}`));
process.exit(faults.length ? 1 : 0);

// SPDX-License-Identifier: MPL-2.0
// Plays an encrypted package with hls.js in headless Chromium: with its key, and without.
//
//     node tests/publish/encrypted.mjs PACKAGE KEY

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serve, withPage } from "../players/browser.js";

const [, , folder, keyFile] = process.argv;
const modules = join(dirname(fileURLToPath(import.meta.url)), "../players/node_modules");
const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
const key = await readFile(keyFile);
const faults = [];
const expect = (holds, what) => holds || faults.push(what);

const PAGE = `<!doctype html><title>player</title>
<video id=video muted width=640 height=360></video>
<script src="/modules/hls.js/dist/hls.js"></script>`;
const server = await serve({ "/package/": resolve(folder), "/modules/": modules }, { "/": PAGE });

async function play(given) {
  return withPage(async (page) => {
    const headers = { "access-control-allow-origin": "*" };
    await page.route(manifest.encryption["key-uri"], (route) =>
      given ? route.fulfill({ body: given, headers }) : route.fulfill({ status: 403, headers }));
    await page.goto(server.url);
    return page.evaluate(async () => {
      let fatal = null;
      const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) fatal ??= data.details; });
      hls.loadSource("/package/master.m3u8");
      hls.attachMedia(video);
      video.playbackRate = 8;
      const limit = performance.now() + 40000;
      const wait = () => new Promise((r) => setTimeout(r, 50));
      while (!video.readyState && !fatal && performance.now() < limit) await wait();
      hls.subtitleTrack = 0;
      if (!fatal) await video.play();
      while (!video.ended && !fatal && performance.now() < limit) await wait();
      const words = [...video.textTracks].flatMap((track) => [...(track.cues ?? [])].map((cue) => cue.text));
      return {
        fatal, ended: video.ended, at: video.currentTime, words: words.length,
        frames: video.getVideoPlaybackQuality().totalVideoFrames, sound: video.webkitAudioDecodedByteCount,
      };
    });
  });
}

const played = await play(key);
expect(played.ended && !played.fatal, `with the key: ${JSON.stringify(played)}`);
expect(Math.abs(played.at - manifest.duration) < 0.5, `it ends at ${played.at} s of ${manifest.duration} s`);
expect(played.frames > 0 && played.sound > 0, `nothing was decoded: ${JSON.stringify(played)}`);
expect(played.words > 0, "no captions were decrypted");
for (const [what, given] of [["without the key", null], ["with another key", Buffer.alloc(16, 7)]]) {
  const refused = await play(given);
  expect(refused.fatal && !refused.frames, `${what}: ${JSON.stringify(refused)}`);
}
server.close();
for (const fault of faults) console.error(fault);
console.log(`${folder}: ${played.frames} frames, ${played.words} cues decrypted; refused without the key`);
process.exitCode = faults.length ? 1 : 0;

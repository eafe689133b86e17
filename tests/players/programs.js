// SPDX-License-Identifier: MPL-2.0
// Plays a package with VLC and GStreamer, and has ffmpeg and Shaka Packager read all of it.
//
//     node tests/players/programs.js PACKAGE
//
// Prints a line a program; the exit status is 1 and every fault is listed when one cannot do its part.

import { spawn } from "node:child_process";
import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./browser.js";

const [, , folder] = process.argv;
if (!folder) {
  console.error("usage: programs.js PACKAGE");
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
const faults = [];
const expect = (holds, what) => holds || faults.push(what);
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const chapters = manifest.chapters ?? [];
const captions = manifest.captions ?? [];
const renditions = [...manifest.video, ...manifest.audio];
const descriptions = manifest.audio.filter(({ role }) => role === "description");

/** Runs a program to its end: what it writes, and whether it ended well. */
async function run(program, words, seconds = 60) {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (data) => (said.out += data));
  child.stderr.on("data", (data) => (said.err += data));
  const limit = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  const status = await new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  clearTimeout(limit);
  return { ...said, done: status === 0 };
}

/** The packets of the streams of a file or URL as ffprobe counts them: picture, then sound. */
async function packets(source, ...more) {
  const words = ["-v", "error", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets", "-of", "json"];
  const { out, err } = await run("ffprobe", [...words, ...more, source]);
  expect(!err, `ffprobe ${source}: ${err}`);
  return JSON.parse(out || "{}").streams?.map(({ nb_read_packets: count }) => +count) ?? [];
}

async function ffmpeg(url) {
  const playlists = [...renditions, ...captions].map(({ playlist }) => playlist);
  const scans = manifest.video.map(({ playlist }) => `${dirname(playlist)}/iframes.m3u8`);
  const sources = [manifest.playlist, manifest.dash, manifest.mp4?.file, ...playlists, ...scans].filter(Boolean);
  // Its reader of HLS knows no captions, and its reader of captions that a cue stands in each segment that it touches.
  const known = [/^\[hls @ \w+\] Can't support the subtitle\(uri: \S+\)$/, /^\[webvtt @ \w+\] Dropping \d+ duplicated subtitle events$/];
  for (const source of sources) {
    const words = ["-nostdin", "-v", "warning", "-i", `${url}/package/${source}`, "-map", "0", "-c", "copy", "-f", "null", "-"];
    const { err, done } = await run("ffmpeg", words);
    const told = err.split("\n").filter((line) => line && !known.some((one) => one.test(line)));
    expect(done && !told.length, `ffmpeg, ${source}: ${told.join("; ") || "fails"}`);
  }
  for (const scan of scans) {
    const named = (await readFile(join(folder, scan), "utf8")).match(/^#EXTINF:/gm).length;
    const [read] = await packets(`${url}/package/${scan}`);
    expect(read === named, `${scan} names ${named} pictures, and ${read} are read`);
  }
  for (const { playlist } of manifest.video) {
    // The same packets, whichever playlist leads to them.
    const counts = [await packets(`${url}/package/${playlist}`)];
    for (const whole of [manifest.playlist, manifest.dash]) {
      const { out } = await run("ffprobe", ["-v", "error", "-select_streams", "v", "-show_entries", "stream=index,height", "-of", "json", `${url}/package/${whole}`]);
      const { height } = manifest.video.find((video) => video.playlist === playlist);
      const { index } = JSON.parse(out).streams.find((stream) => stream.height === height);
      counts.push(await packets(`${url}/package/${whole}`, "-select_streams", index));
    }
    expect(new Set(counts.map(String)).size === 1, `${playlist} has ${counts.join(", ")} pictures by itself, HLS and DASH`);
  }
  let told = [];
  if (manifest.mp4) {
    const { out } = await run("ffprobe", ["-v", "error", "-show_chapters", "-of", "json", join(folder, manifest.mp4.file)]);
    told = JSON.parse(out).chapters.map(({ start_time: start, tags }) => [+start, tags?.title]);
    expect(
      told.length === chapters.length &&
        told.every(([start, title], at) => Math.abs(start - chapters[at].start) < 0.002 && title === chapters[at].title),
      `ffprobe finds the chapters ${JSON.stringify(told)}`,
    );
  }
  return `${sources.length} playlists and files read, ${told.length} chapters`;
}

/** An old and a new reader of each protocol are in GStreamer 1.22. Sinks without a clock: as fast as it decodes. */
async function gstreamer(url) {
  const sources = [manifest.mp4?.file, manifest.playlist, manifest.dash].filter(Boolean);
  for (const source of sources) {
    // With captions of DASH in one file playbin3 waits for more of them in 1.22, and does not go on.
    for (const more of source === manifest.dash ? [[]] : [[], ["--use-playbin3"]]) {
      const sinks = ["--no-interactive", "--videosink=fakesink", "--audiosink=fakesink"];
      const { out, err, done } = await run("gst-play-1.0", [...sinks, ...more, `${url}/package/${source}`]);
      const name = `gst-play ${more} ${source}`;
      const told = `${out}\n${err}`.split(/[\r\n]+/).filter((line) => /warning|error|critical/i.test(line));
      expect(done && !told.length, `${name}: ${told.join("; ") || "fails"}`);
      const [h, m, s] = [...out.matchAll(/(\d+):(\d+):([\d.]+) \/ \d/g)].at(-1)?.slice(1).map(Number) ?? [0, 0, 0];
      const at = h * 3600 + m * 60 + s;
      expect(out.includes("Reached end of play list") && Math.abs(at - manifest.duration) < 0.5, `${name} stops at ${at} s`);
    }
  }
  return `${sources.join(", ")} play to the end`;
}

/** It reads files: a rendition's segments behind their initialization segment, and the one MP4. */
async function shakaPackager(work) {
  const words = [];
  const written = [];
  const add = (file, stream, name) => {
    written.push([file, join(work, `${name}.mp4`), stream]);
    words.push(`in=${file},stream=${stream},output=${join(work, `${name}.mp4`)}`);
  };
  for (const [at, { playlist }] of renditions.entries()) {
    const text = await readFile(join(folder, playlist), "utf8");
    const names = [/EXT-X-MAP:URI="([^"]*)"/.exec(text)[1], ...text.split("\n").filter((line) => line && !line.startsWith("#"))];
    const parts = await Promise.all(names.map((name) => readFile(join(folder, dirname(playlist), name))));
    const file = join(work, `joined-${at}.mp4`);
    await writeFile(file, Buffer.concat(parts));
    add(file, at < manifest.video.length ? "video" : "audio", `rendition-${at}`);
  }
  if (manifest.mp4) {
    const movie = resolve(folder, manifest.mp4.file);
    if (manifest.video.length) add(movie, "video", "movie-video");
    if (manifest.audio.length) add(movie, "audio", "movie-audio");
  }
  const packager = join(here, "node_modules/shaka-packager/index.js");
  const { err, done } = await run(process.execPath, [packager, ...words]);
  const told = err.split("\n").filter((line) => /^[WEF]\d{4} /.test(line));
  expect(done && !told.length, `Shaka Packager: ${told.join("; ") || err}`);
  for (const [from, to, stream] of done ? written : []) {
    const [had, has] = [await packets(from, "-select_streams", stream[0]), await packets(to, "-select_streams", stream[0])];
    expect(String(had) === String(has), `Shaka Packager writes ${has} of ${had} packets of ${from}`);
  }
  return `${words.length} streams packaged again`;
}

/** Plays in VLC over its remote control, which says what it plays and where it is. */
async function vlc(source, work, control) {
  // VLC refuses to be run by root.
  const user = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
  const home = await mkdtemp(join(work, "vlc-"));
  if (user.uid) await chown(home, user.uid, user.gid);
  const words = ["--intf", "oldrc", "--rc-fake-tty", "--no-interact", "--play-and-exit", "--no-video-title-show"];
  const sinks = ["--vout", "dummy", "--aout", "dummy", "--no-drop-late-frames", "--no-skip-frames"];
  const child = spawn("vlc", [...words, ...sinks, source], { ...user, cwd: "/", env: { ...process.env, HOME: home }, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  let told = "";
  let ended = false;
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (told += data));
  child.stdin.on("error", () => {});
  const closed = new Promise((resolve) => child.on("close", resolve).on("error", resolve)).then(() => (ended = true));
  const limit = setTimeout(() => child.kill("SIGKILL"), 60000);
  /** Types a command: what is answered within a time that VLC needs. */
  const ask = async (command, pattern) => {
    const from = said.length;
    child.stdin.write(`${command}\n`);
    for (let waited = 0; waited < 3000 && !ended; waited += 20) {
      const found = pattern.exec(said.slice(from));
      if (found) return found;
      await sleep(20);
    }
    return [];
  };
  const time = async () => +((await ask("get_time", /^(\d+)\s*$/m))[1] ?? NaN);
  try {
    for (let waited = 0; waited < 20000 && !ended && !((await time()) >= 1); waited += 100) await sleep(100);
    const seen = await control(ask, time);
    // From the beginning, as fast as it can.
    await ask("seek 0", /seek: returned/);
    for (let rate = 0; rate < 5; rate++) await ask("faster", /faster: returned/);
    let last = 0;
    let stats = "";
    while (!ended) {
      last = (await time()) || last;
      stats = (await ask("stats", /begin of statistical info[^]*end of statistical info/))[0] ?? stats;
      await sleep(50);
    }
    const count = (name) => +(new RegExp(`${name} *: *(\\d+)`).exec(stats)?.[1] ?? NaN);
    return { ...seen, last, shown: count("frames displayed"), lost: count("frames lost"), corrupted: count("demux corrupted"), told };
  } finally {
    if (!ended) child.kill("SIGKILL");
    await closed;
    clearTimeout(limit);
  }
}

async function vlcPlays(source, work, control) {
  const name = `VLC, ${source.slice(source.lastIndexOf("/") + 1)}`;
  const played = await vlc(source, work, (ask, time) => control(ask, time, (holds, what) => expect(holds, `${name}: ${what}`)));
  // It says whole seconds, and eight of them pass in one.
  expect(played.last > manifest.duration - 8, `${name}: the last that is played is ${played.last} s of ${manifest.duration} s: ${played.told}`);
  expect(played.corrupted === 0, `${name}: ${played.corrupted} packets are corrupted`);
  const pictures = manifest.video.length ? manifest.duration * manifest.video[0]["frame-rate"] : 0;
  const seen = played.shown + played.lost;
  // What is shown in the last moment is not told any more; what was shown before the seek to the beginning is.
  expect(seen > pictures * 0.9, `${name}: ${seen} pictures of ${pictures} are decoded`);
  return `${name.slice(5)} plays to ${played.last} s, ${played.shown} pictures, ${played.lost} late`;
}

async function chaptersInVlc(ask, time, expect) {
  for (const [at, { start }] of chapters.entries()) {
    await ask(`chapter ${at}`, /chapter: returned/);
    let now = NaN;
    for (let tries = 0; tries < 40 && !(now >= Math.floor(start) && now <= start + 4); tries++) {
      await sleep(50);
      now = await time();
    }
    expect(now >= Math.floor(start) && now <= start + 4, `chapter ${at} leads to ${now} s, not ${start} s`);
    const [, is, of] = await ask("chapter", /Currently playing chapter (\d+)\/(\d+)/);
    expect(+is === at && +of === chapters.length, `is in chapter ${is} of ${of} after going to ${at} of ${chapters.length}`);
  }
}

async function tracksInVlc(ask, time, expect) {
  for (const [command, wanted] of [["atrack", descriptions], ["strack", captions]]) {
    const [list = ""] = await ask(command, new RegExp(`\\+----\\[[^]*${command}: returned`));
    for (const { label } of wanted) {
      const [, id] = new RegExp(`^\\| (\\d+) - (?=.*${label.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")})`, "m").exec(list) ?? [];
      expect(id, `${command} does not list "${label}": ${list}`);
      if (!id) continue;
      await ask(`${command} ${id}`, new RegExp(`${command}: returned`));
      await sleep(500);
      const [chosen = ""] = await ask(command, new RegExp(`\\+----\\[[^]*${command}: returned`));
      expect(new RegExp(`^\\| ${id} - .*\\*`, "m").test(chosen), `"${label}" cannot be chosen: ${chosen}`);
    }
  }
}

const work = await mkdtemp(join(tmpdir(), "lecture-programs-"));
await run("chmod", ["755", work]);
const server = await serve({ "/package/": resolve(folder) });
const parts = {
  VLC: async () => {
    const runs = [vlcPlays(`${server.url}/package/${manifest.playlist}`, work, tracksInVlc)];
    if (manifest.mp4) runs.push(vlcPlays(`${server.url}/package/${manifest.mp4.file}`, work, chaptersInVlc));
    return (await Promise.all(runs)).join("; ");
  },
  GStreamer: () => gstreamer(server.url),
  ffmpeg: () => ffmpeg(server.url),
  "Shaka Packager": () => shakaPackager(work),
};
for (const [name, part] of Object.entries(parts)) {
  try {
    console.log(`${name}: ${await part()}`);
  } catch (error) {
    faults.push(`${name}: ${error.stack}`);
  }
}
server.missing.forEach((path) => faults.push(`asked for ${path}, which is not in the package`));
server.close();
await rm(work, { recursive: true, force: true });
faults.forEach((fault) => console.error(`${folder}: ${fault}`));
process.exit(faults.length ? 1 : 0);

// SPDX-License-Identifier: MPL-2.0
// Seeks in a package with FFmpeg's programs and mpv, in every rendition over HLS and DASH, and compares the frame
// and the samples that come first with those that a program gets there without seeking.
//
//     node tests/players/seeks.js PACKAGE [FFMPEG…]     FFMPEG is another version than the installed one
//
// Every frame of the package must differ from the others. Prints a line a program with the largest error; the exit
// status is 1 and every fault is listed when a seek does not land on the first frame at or after its time.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { serve } from "./browser.js";

const [, , folder, ...others] = process.argv;
if (!folder) {
  console.error("usage: seeks.js PACKAGE [FFMPEG…]");
  process.exit(2);
}
const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
const faults = [];
const RATE = 48000;
/** Of a frame as it is compared where programs convert colours in their own ways. */
const SMALL = [80, 45];

/** Runs a program to its end: what it writes, and whether it ended well. */
async function run(program, words) {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  const out = [];
  let err = "";
  child.stdout.on("data", (data) => out.push(data));
  child.stderr.on("data", (data) => (err += data));
  const limit = setTimeout(() => child.kill("SIGKILL"), 120000);
  const status = await new Promise((done) => child.on("close", done).on("error", done));
  clearTimeout(limit);
  return { out: Buffer.concat(out), err, done: status === 0 };
}

/** The hashes of decoded frames, from `time` on where there is one. */
async function hashes(program, source, stream, time, ...more) {
  const seek = time === undefined ? [] : ["-ss", `${time}`];
  const words = ["-v", "error", ...seek, "-i", source, "-map", stream, "-fps_mode", "passthrough", ...more];
  const { out } = await run(program, [...words, "-f", "framemd5", "-"]);
  const lines = out.toString().split("\n").filter((line) => line && !line.startsWith("#"));
  return lines.map((line) => line.split(/,\s*/)[5]);
}

/** All frames of a source with one video stream, without a seek: the hash and the time of each. */
async function frames(program, source) {
  const words = ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
  const { out } = await run("ffprobe", [...words, source]);
  const times = out.toString().split("\n").filter(Boolean).map(parseFloat).sort((one, other) => one - other);
  const found = await hashes(program, source, "0:v");
  if (found.length !== times.length) faults.push(`${basename(program)}, ${source}: ${found.length} frames of ${times.length} packets`);
  return found.map((hash, at) => ({ hash, time: times[at] }));
}

async function samples(program, source, time, seconds) {
  const seek = time === undefined ? [] : ["-ss", `${time}`, "-t", `${seconds}`];
  const words = ["-v", "error", ...seek, "-i", source, "-map", "0:a:0", "-ac", "1", "-ar", `${RATE}`, "-f", "s16le", "-"];
  const { out } = await run(program, words);
  return new Int16Array(out.buffer, out.byteOffset, Math.floor(out.length / 2));
}

/** Where all of `part` is found in `whole`, nearest to `near`, in samples; NaN where it is not. */
function find(part, whole, near) {
  const alike = (at) => part.every((sample, index) => Math.abs(sample - whole[at + index]) <= 200);
  for (let off = 0; off <= RATE; off++) {
    for (const at of [near + off, near - off]) if (at >= 0 && at + part.length <= whole.length && alike(at)) return at - near;
  }
  return NaN;
}

/** Whether a version of FFmpeg can seek in HLS of fragmented MP4 at all: in what it writes itself. */
async function seeksInItsOwn(program, work) {
  const list = join(work, "own.m3u8");
  const input = ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=9", "-g", "75", "-bf", "0"];
  const output = ["-hls_segment_type", "fmp4", "-hls_time", "3", "-hls_list_size", "0", "-hls_fmp4_init_filename", "own.mp4"];
  await run(program, [...input, "-f", "hls", ...output, list]);
  const all = await frames(program, list);
  const [first] = await hashes(program, list, "0:v", 7, "-frames:v", "1");
  const wanted = all.find(({ time }) => time - all[0].time >= 7 - 1e-4);
  return Boolean(first) && first === wanted?.hash;
}

/** Times around the starts of segments and of key frames, in the middle, and at the end. */
const TIMES = [0, 1.5, 2.02, 3.31, 5.5, 5.95, 6, 6.05, 7.9, 11.8, 12.02, 13.5, 17.7, 18, 20.3].filter((time) => time < manifest.duration - 0.5);
TIMES.push(manifest.duration - 0.5);

async function ffmpeg(program, url, work) {
  const hls = await seeksInItsOwn(program, work);
  let worst = 0;
  let checked = 0;
  for (const [at, { playlist, name }] of manifest.video.entries()) {
    // What it gets without seeking, by the times of the package.
    const all = await frames(program, `${url}/${playlist}`);
    const start = all[0]?.time ?? NaN;
    const sources = [[manifest.dash, `0:v:${at}`]];
    if (hls) sources.push([playlist, "0:v"], [manifest.playlist, `0:v:${at}`]);
    for (const [source, stream] of sources) {
      for (const time of TIMES) {
        const [first] = await hashes(program, `${url}/${source}`, stream, time, "-frames:v", "1");
        const wanted = all.find((frame) => frame.time - start >= time - 1e-4);
        checked++;
        if (first && first === wanted?.hash) {
          worst = Math.max(worst, wanted.time - start - time);
          continue;
        }
        const landed = all.find(({ hash }) => hash === first);
        const there = landed ? `the frame of ${(landed.time - start).toFixed(2)} s` : "no frame";
        faults.push(`${basename(program)}, ${source} (${name}): a seek to ${time} s shows ${there}`);
      }
    }
  }
  const heard = [manifest.dash, ...(hls ? [manifest.playlist] : [])];
  for (const source of manifest.audio.length ? heard : []) {
    const whole = await samples(program, `${url}/${source}`);
    for (const time of TIMES) {
      // A decoder that begins anew fades in.
      const part = (await samples(program, `${url}/${source}`, time, 0.2)).slice(RATE * 0.1, RATE * 0.15);
      const off = part.length ? find(part, whole, Math.round((time + 0.1) * RATE)) / RATE : NaN;
      checked++;
      if (!(Math.abs(off) < 0.03)) faults.push(`${basename(program)}, ${source}: the sound after a seek to ${time} s is off by ${off} s`);
    }
  }
  return `${checked} seeks, at most ${worst.toFixed(3)} s to the next frame${hls ? "" : "; it cannot seek in HLS of fragmented MP4, not in its own either"}`;
}

/** The small grey frames of a source, or of a picture. */
async function small(source, ...map) {
  const [width, height] = SMALL;
  const { out } = await run("ffmpeg", ["-v", "error", "-i", source, ...map, "-vf", `scale=${width}:${height},format=gray`, "-f", "rawvideo", "-"]);
  const count = Math.floor(out.length / width / height);
  return Array.from({ length: count }, (_, at) => out.subarray(at * width * height, (at + 1) * width * height));
}

/** mpv reads with the FFmpeg that it is linked with, which is the installed one. */
async function mpv(url, work) {
  const hls = await seeksInItsOwn("ffmpeg", work);
  const sources = [manifest.dash, ...(hls ? [manifest.playlist] : [])];
  const [{ playlist }] = manifest.video;
  const all = await small(`${url}/${playlist}`, "-fps_mode", "passthrough");
  const times = (await frames("ffmpeg", `${url}/${playlist}`)).map(({ time }) => time);
  for (const source of sources) {
    for (const time of TIMES) {
      const target = await mkdtemp(join(work, "mpv-"));
      const words = ["--no-config", "--really-quiet", `--start=${time}`, "--frames=1", "--ao=null", "--hwdec=no", "--vo=image", "--vo-image-format=png"];
      await run("mpv", [...words, `--vo-image-outdir=${target}`, `${url}/${source}`]);
      const [picture] = await readdir(target);
      const [shown] = picture ? await small(join(target, picture)) : [];
      const apart = (frame) => frame.reduce((sum, level, at) => sum + Math.abs(level - shown[at]), 0);
      const nearest = shown && all.reduce((best, frame, at) => (apart(frame) < apart(all[best]) ? at : best), 0);
      const off = times[nearest] - times[0] - time;
      if (!(Math.abs(off) <= 1 / manifest.video[0]["frame-rate"] + 0.001)) faults.push(`mpv, ${source}: a seek to ${time} s is off by ${off} s`);
    }
  }
  return `${sources.length * TIMES.length} seeks`;
}

const work = await mkdtemp(join(tmpdir(), "lecture-seeks-"));
const server = await serve({ "/package/": resolve(folder) });
const url = `${server.url}/package`;
for (const program of ["ffmpeg", ...others]) console.log(`${basename(program)}: ${await ffmpeg(program, url, work)}`);
console.log(`mpv: ${await mpv(url, work)}`);
server.missing.forEach((path) => faults.push(`asked for ${path}, which is not in the package`));
server.close();
await rm(work, { recursive: true, force: true });
faults.forEach((fault) => console.error(`${folder}: ${fault}`));
process.exit(faults.length ? 1 : 0);

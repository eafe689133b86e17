// SPDX-License-Identifier: MPL-2.0
// Records WebM files as a browser's MediaRecorder writes them: no duration, no cues, irregular frames, and a picture
// that changes its size in the middle.
//
//     node tests/players/record-webm.js OUT [SECONDS]     OUT gets vp8.webm and vp9.webm
//
// What is seen: pages with a number that change every 3 s. What is heard: recorded voice, and a tone while it pauses.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serve, withPage } from "./browser.js";

const [, , out, seconds = "12"] = process.argv;
if (!out) {
  console.error("usage: record-webm.js OUT [SECONDS]");
  process.exit(2);
}
await mkdir(out, { recursive: true });
const server = await serve({ "/voice/": "/usr/share/asterisk/sounds/en_US_f_Allison" }, { "/": "<canvas id=canvas>" });
await withPage(async (page) => {
  for (const codec of ["vp8", "vp9"]) {
    await page.goto(server.url);
    const bytes = await page.evaluate(
      async ([codec, seconds]) => {
        const sound = new AudioContext();
        const heard = sound.createMediaStreamDestination();
        const voice = await (await fetch("/voice/demo-instruct.wav")).arrayBuffer();
        const speech = new AudioBufferSourceNode(sound, { buffer: await sound.decodeAudioData(voice) });
        const tone = new OscillatorNode(sound, { frequency: 440 });
        const quiet = new GainNode(sound, { gain: 0.02 });
        speech.connect(heard);
        tone.connect(quiet).connect(heard);

        const pen = canvas.getContext("2d");
        const began = performance.now();
        const draw = () => {
          const time = (performance.now() - began) / 1000;
          const [width, height] = time < seconds / 2 ? [1280, 720] : [960, 540];
          // Setting the size clears the canvas, so only when it changes.
          if (canvas.width !== width) Object.assign(canvas, { width, height });
          pen.fillStyle = "#fbfbf8";
          pen.fillRect(0, 0, width, height);
          pen.fillStyle = "#224a7c";
          pen.font = `${height / 6}px sans-serif`;
          pen.fillText(`Page ${1 + Math.floor(time / 3)}`, width / 10, height / 2);
          pen.fillRect(width * (0.5 + 0.4 * Math.sin(time)), height * 0.8, 40, 40);
        };
        draw();
        const stream = canvas.captureStream();
        heard.stream.getAudioTracks().forEach((track) => stream.addTrack(track));
        const recorder = new MediaRecorder(stream, {
          mimeType: `video/webm;codecs=${codec},opus`,
          videoBitsPerSecond: 600_000,
        });
        const chunks = [];
        recorder.ondataavailable = ({ data }) => chunks.push(data);
        const stopped = new Promise((resolve) => (recorder.onstop = resolve));
        recorder.start(1000);
        speech.start();
        tone.start();
        const until = began + seconds * 1000;
        for (let frame = 0; performance.now() < until; frame++) {
          draw();
          await new Promise((resolve) => setTimeout(resolve, frame % 20 === 19 ? 220 : 40 + (frame % 3) * 20));
        }
        recorder.stop();
        await stopped;
        const whole = new Uint8Array(await new Blob(chunks).arrayBuffer());
        let text = "";
        for (let at = 0; at < whole.length; at += 8192) text += String.fromCharCode(...whole.subarray(at, at + 8192));
        return btoa(text);
      },
      [codec, Number(seconds)],
    );
    const file = join(out, `${codec}.webm`);
    await writeFile(file, Buffer.from(bytes, "base64"));
    console.log(file);
  }
});
server.close();

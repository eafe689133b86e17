# SPDX-License-Identifier: MPL-2.0
"""Builds the recording of a class whose truth is known: what is heard, what is shown, and when.

Sound is one float array at 48 kHz; the picture is a list of pages with the time each appears, over which a webcam
corner and a cursor move. `write` encodes both with ffmpeg and writes the truth beside them. Needs numpy, Pillow, ffmpeg.
"""

import json
import subprocess

import numpy as np
from PIL import Image, ImageDraw, ImageFont

RATE = 48000
FONTS = "/usr/share/fonts/truetype/dejavu/DejaVuSans"


# ---------------------------------------------------------------- sound


def decode(path):
    """The samples of a sound file: mono, 48 kHz, -1 to 1."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    return np.frombuffer(raw, dtype=np.float32).copy()


def active_spans(samples, below_peak_db=35, join=0.3):
    """Where there is energy, as (start, end) in seconds: 20 ms steps, pauses shorter than `join` seconds closed."""
    step = RATE // 50
    count = len(samples) // step
    if count == 0:
        return []
    level = np.sqrt(np.mean(samples[: count * step].reshape(count, step) ** 2, axis=1))
    loud = level > max(level.max() * 10 ** (-below_peak_db / 20), 1e-4)
    spans = []
    for index in np.flatnonzero(loud):
        start, end = index / 50, (index + 1) / 50
        if spans and start - spans[-1][1] < join:
            spans[-1][1] = end
        else:
            spans.append([start, end])
    return spans


def clip(path):
    """A recorded utterance without the silence around it, at one loudness, and where it is speech."""
    samples = decode(path)
    spans = active_spans(samples)
    if not spans:
        return samples[:0], []
    first, last = spans[0][0], spans[-1][1]
    samples = samples[int(first * RATE) : int(last * RATE)]
    loud = np.sqrt(np.mean(samples**2))
    return samples * (0.08 / max(loud, 1e-6)), [(a - first, b - first) for a, b in spans]


def filtered(samples, low=None, high=None):
    """Keeps the band from `low` to `high` Hz (soft edges)."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    if high:
        spectrum *= 1 / np.sqrt(1 + (hz / high) ** 8)
    if low:
        spectrum *= 1 / np.sqrt(1 + (low / np.maximum(hz, 1e-3)) ** 8)
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def reverberated(samples, seconds, wet, rng):
    """A room: decaying noise after the direct sound. The result is `seconds` longer."""
    tail = int(seconds * RATE)
    room = rng.standard_normal(tail).astype(np.float32) * np.exp(-6.9 * np.arange(tail) / tail)
    room *= wet / np.sqrt(np.sum(room**2))
    room[0] += 1
    size = len(samples) + tail
    mixed = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(room, size), size)
    return mixed.astype(np.float32)


def resampled(samples, factor):
    """Spoken faster and higher (factor above 1) or slower and lower: another person's voice."""
    at = np.arange(0, len(samples) - 1, factor)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def noise(seconds, slope, rng):
    """Room noise of RMS 1: white (slope 0), pink (1), brown (2)."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20)
    shaped = np.fft.irfft(spectrum / hz ** (slope / 2), count)
    return (shaped / np.sqrt(np.mean(shaped**2))).astype(np.float32)


def click(rng):
    """A mouse or key click."""
    count = int(RATE * rng.uniform(0.004, 0.012))
    return (rng.standard_normal(count) * np.exp(-6 * np.arange(count) / count)).astype(np.float32)


def tone(hz, seconds, partials=(1, 0.5, 0.25, 0.12), attack=0.01, decay=None):
    """One note."""
    at = np.arange(int(seconds * RATE)) / RATE
    wave = sum(level * np.sin(2 * np.pi * hz * (n + 1) * at) for n, level in enumerate(partials))
    shape = np.minimum(1, at / attack) * np.minimum(1, (seconds - at) / 0.03)
    if decay:
        shape = shape * np.exp(-at / decay)
    return (wave * shape).astype(np.float32)


def music(seconds, rng, beat=0.5, drums=False, minor=False):
    """Lobby music: chords, a melody, drums if wanted. RMS about 1."""
    out = np.zeros(int((seconds + 4) * RATE), dtype=np.float32)
    scale = [0, 2, 3, 5, 7, 8, 10] if minor else [0, 2, 4, 5, 7, 9, 11]
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    note = lambda degree: root * 2 ** (scale[degree % 7] / 12 + degree // 7)
    walk, step = 14, 0
    while step * beat < seconds:
        at = int(step * beat * RATE)
        if step % 4 == 0:
            chord = int(rng.choice([0, 3, 4, 5]))
            for degree in (chord, chord + 2, chord + 4):
                held = tone(note(degree), 4 * beat, (1, 0.3, 0.1), 0.08)
                out[at : at + len(held)] += 0.4 * held
        if rng.random() < 0.8:
            walk = int(np.clip(walk + rng.integers(-2, 3), 7, 21))
            struck = tone(note(walk), beat * rng.choice([1, 2]), decay=0.4)
            out[at : at + len(struck)] += 0.7 * struck
        if drums:
            hit = noise(0.12, 0 if step % 2 else 2, rng) * np.exp(-np.arange(int(0.12 * RATE)) / (0.03 * RATE))
            out[at : at + len(hit)] += 0.8 * hit
        step += 1
    out = out[: int(seconds * RATE)]
    return out / np.sqrt(np.mean(out**2))


def sung(samples, rng, beat=0.5, drums=False, minor=False):
    """An utterance as it would be sung: its vowels and consonants on the notes of a melody, slower. RMS 1."""
    samples = np.interp(np.arange(0, len(samples) - 1, 0.6), np.arange(len(samples)), samples)
    scale = [0, 2, 3, 5, 7, 8, 10] if minor else [0, 2, 4, 5, 7, 9, 11]
    root, size = 110 * 2 ** (rng.integers(0, 12) / 12), 2048
    hz = np.zeros(len(samples))
    for start in range(0, len(samples), int(beat * RATE)):
        degree = int(rng.integers(7, 15))
        hz[start : start + int(beat * RATE)] = root * 2 ** (scale[degree % 7] / 12 + degree // 7)
    hz *= 1 + 0.012 * np.sin(2 * np.pi * 5.5 * np.arange(len(hz)) / RATE)
    phase = np.cumsum(hz) / RATE
    carrier = 2 * (phase % 1) - 1 + rng.normal(0, 0.05, len(phase))
    window, out = np.hanning(size), np.zeros(len(samples))
    for start in range(0, len(samples) - size, size // 4):
        part = slice(start, start + size)
        voice, note = np.fft.rfft(window * samples[part]), np.fft.rfft(window * carrier[part])
        smooth = np.convolve(np.abs(voice), np.ones(16) / 16, "same")
        flat = np.convolve(np.abs(note), np.ones(16) / 16, "same") + 1e-6
        out[part] += window * np.fft.irfft(note * smooth / flat, size)
    return (out / np.sqrt(np.mean(out**2) + 1e-12)).astype(np.float32)


class Sound:
    """What is heard: utterances and noises put at a time, and where the speech is."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.samples = np.zeros(int(seconds * RATE), dtype=np.float32)

    def add(self, at, samples, gain=1.0):
        start = int(at * RATE)
        part = samples[: max(0, len(self.samples) - start)]
        self.samples[start : start + len(part)] += gain * part


# ---------------------------------------------------------------- picture


def font(size, bold=False):
    return ImageFont.truetype(FONTS + ("-Bold.ttf" if bold else ".ttf"), size)


def planes(image):
    """An RGB picture as I420 planes (BT.709, limited range)."""
    rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    y = 16 + 219 / 255 * (0.2126 * r + 0.7152 * g + 0.0722 * b)
    half = lambda p: p.reshape(p.shape[0] // 2, 2, p.shape[1] // 2, 2).mean(axis=(1, 3))
    luma = (y - 16) * 255 / 219
    u = 128 + 224 / 255 * half((b - luma) / 1.8556)
    v = 128 + 224 / 255 * half((r - luma) / 1.5748)
    return [np.clip(p + 0.5, 0, 255).astype(np.uint8) for p in (y, u, v)]


def paste(frame, part, x, y):
    """Puts a part over a frame, both I420, at even x and y."""
    for index, (plane, over) in enumerate(zip(frame, part)):
        left, top = (x, y) if index == 0 else (x // 2, y // 2)
        height = min(over.shape[0], plane.shape[0] - top)
        width = min(over.shape[1], plane.shape[1] - left)
        plane[top : top + height, left : left + width] = over[:height, :width]


class Webcam:
    """A person before a camera: shoulders and a head that sways, a mouth that follows the voice, sensor noise."""

    def __init__(self, x, y, width, height, rng, grain=2.0):
        self.at, self.size, self.rng, self.grain = (x, y), (width, height), rng, grain
        room = Image.new("RGB", self.size, tuple(int(c) for c in rng.integers(60, 200, 3)))
        draw = ImageDraw.Draw(room)
        for _ in range(14):
            left, top = rng.integers(0, width), rng.integers(0, height)
            box = (left, top, left + rng.integers(8, width // 3), top + rng.integers(8, height // 2))
            draw.rectangle([int(v) for v in box], fill=tuple(int(c) for c in rng.integers(30, 220, 3)))
        self.room = room
        self.skin = [(224, 180, 150), (150, 105, 80), (190, 140, 110)][rng.integers(0, 3)]
        self.cloth = tuple(int(c) for c in rng.integers(20, 160, 3))
        self.phase = rng.uniform(0, 6, 4)
        # A few noise pictures are enough: drawn again in random order they never look still.
        self.noise = [rng.normal(0, grain, (height, width)) for _ in range(7)]

    def frame(self, time, voice):
        width, height = self.size
        image = self.room.copy()
        draw = ImageDraw.Draw(image)
        p = self.phase
        x = width / 2 + width * (0.05 * np.sin(0.7 * time + p[0]) + 0.02 * np.sin(2.9 * time + p[1]))
        y = height * (0.45 + 0.02 * np.sin(1.3 * time + p[2]) + 0.015 * np.sin(4.1 * time + p[3]))
        r = height * 0.2
        draw.ellipse((x - 2.2 * r, y + 1.3 * r, x + 2.2 * r, y + 6 * r), fill=self.cloth)
        draw.ellipse((x - r, y - 1.3 * r, x + r, y + 1.3 * r), fill=self.skin)
        draw.pieslice((x - 1.05 * r, y - 1.4 * r, x + 1.05 * r, y + 0.6 * r), 180, 360, fill=(50, 35, 25))
        for side in (-1, 1):
            eye = x + side * 0.4 * r
            draw.ellipse((eye - 0.1 * r, y - 0.2 * r, eye + 0.1 * r, y), fill=(20, 20, 20))
        open_ = 0.05 + 0.25 * min(1, voice * 8)
        draw.ellipse((x - 0.35 * r, y + (0.6 - open_) * r, x + 0.35 * r, y + (0.6 + open_) * r), fill=(120, 40, 45))
        part = planes(image)
        grain = self.noise[self.rng.integers(0, len(self.noise))]
        part[0] = np.clip(part[0] + grain, 16, 235).astype(np.uint8)
        return part


class Cursor:
    """A mouse pointer that rests and now and then moves."""

    def __init__(self, width, height, rng, until):
        self.stops = [(0.0, width * 0.6, height * 0.6)]
        time = 0.0
        while time < until:
            time += rng.uniform(2, 14)
            _, x, y = self.stops[-1]
            self.stops.append((time, x, y))
            time += rng.uniform(0.3, 1.5)
            self.stops.append((time, rng.uniform(0.05, 0.9) * width, rng.uniform(0.05, 0.9) * height))
        image = Image.new("L", (14, 20), 0)
        ImageDraw.Draw(image).polygon([(0, 0), (0, 16), (4, 12), (7, 19), (9, 18), (6, 11), (12, 11)], fill=255)
        self.mask = np.asarray(image) > 0

    def draw(self, frame, time):
        times, xs, ys = zip(*self.stops)
        x, y = int(np.interp(time, times, xs)), int(np.interp(time, times, ys))
        region = frame[0][y : y + 20, x : x + 14]
        mask = self.mask[: region.shape[0], : region.shape[1]]
        region[mask] = 235
        edge = mask & ~(np.roll(mask, 1, 1) & np.roll(mask, -1, 1))
        region[edge] = 20


class Picture:
    """What is shown: pages in order, each from its time on; a `fade` longer than 0 blends it in over that time,
    or pushes the page before out, or wipes it away."""

    def __init__(self, width, height, fps):
        self.size, self.fps = (width, height), fps
        self.pages = []
        self.pushes = False
        self.wipes = False
        self.webcams = []
        self.cursor = None
        self.live = []
        self.over = []

    def show(self, at, image, fade=0.0):
        """The first frame at or after `at` shows the page; returns that frame's time."""
        first = int(np.ceil(at * self.fps - 1e-6))
        self.pages.append((first / self.fps, planes(image), fade))
        return first / self.fps

    def webcam(self, start, end, webcam):
        self.webcams.append((start, end, webcam))

    def moving(self, start, end, frames, at=(0, 0)):
        """From start to end `frames(time)` gives a part of the picture as I420 planes: a video that is played."""
        self.live.append((start, end, frames, at))

    def frames(self, seconds, loudness):
        """Every frame of the recording as bytes; `loudness(time)` moves the mouths."""
        index = 0
        for number in range(int(round(seconds * self.fps))):
            time = number / self.fps
            while index + 1 < len(self.pages) and self.pages[index + 1][0] <= time + 1e-6:
                index += 1
            since, page, fade = self.pages[index]
            if index and time - since < fade:
                mix = (time - since + 1 / self.fps) / (fade + 1 / self.fps)
                old = self.pages[index - 1][1]
                if self.pushes:
                    # The new page pushes the old one out to the left.
                    gone = [int(mix * plane.shape[1]) for plane in old]
                    frame = [np.hstack([a[:, n:], b[:, :n]]) for a, b, n in zip(old, page, gone)]
                elif self.wipes:
                    gone = [int(mix * plane.shape[1]) for plane in old]
                    frame = [np.hstack([b[:, :n], a[:, n:]]) for a, b, n in zip(old, page, gone)]
                else:
                    frame = [(a * (1 - mix) + b * mix).astype(np.uint8) for a, b in zip(old, page)]
            else:
                frame = [plane.copy() for plane in page]
            for start, end, play, at in self.live:
                if start <= time < end:
                    paste(frame, play(time - start), *at)
            for start, end, webcam in self.webcams:
                if start <= time < end:
                    paste(frame, webcam.frame(time, loudness(time)), *webcam.at)
            for over in self.over:
                over.draw(frame, time)
            if self.cursor:
                self.cursor.draw(frame, time)
            yield b"".join(plane.tobytes() for plane in frame)


# ---------------------------------------------------------------- file


def round_spans(spans):
    return [[round(a, 3), round(b, 3)] for a, b in spans]


def merged(spans, join=0.25):
    """Speech spans in order, those closer than `join` seconds joined."""
    out = []
    for a, b in sorted(spans):
        if out and a - out[-1][1] < join:
            out[-1][1] = max(out[-1][1], b)
        else:
            out.append([a, b])
    return round_spans(out)


def write(path, sound, picture, truth, video_options, audio_options):
    """Encodes the recording to `path` (the name says the container) and the truth to PATH.truth.json beside it."""
    voice = np.abs(sound.samples)
    step = RATE // picture.fps if RATE % picture.fps == 0 else int(RATE / picture.fps)
    level = voice[: len(voice) // step * step].reshape(-1, step).mean(axis=1)
    loudness = lambda time: float(level[min(int(time * picture.fps), len(level) - 1)])
    pcm = path.with_suffix(".pcm")
    np.clip(sound.samples, -1, 1).astype("<f4").tofile(pcm)
    width, height = picture.size
    command = ["ffmpeg", "-v", "error", "-y"]
    command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", str(picture.fps), "-i", "-"]
    command += ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", str(pcm)]
    command += ["-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-color_range", "tv", "-colorspace", "bt709"]
    command += ["-color_primaries", "bt709", "-color_trc", "bt709", *video_options, *audio_options]
    command += ["-map_metadata", "-1", "-fflags", "+bitexact", str(path)]
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    for frame in picture.frames(sound.seconds, loudness):
        encoder.stdin.write(frame)
    encoder.stdin.close()
    if encoder.wait() != 0:
        raise SystemExit(f"{path}: ffmpeg failed")
    pcm.unlink()
    path.with_name(path.stem + ".truth.json").write_text(json.dumps(truth, indent=1) + "\n")

# SPDX-License-Identifier: MPL-2.0
"""What is in a recorded track: frames, colours, tones, flashes and beeps, all in session time."""
import json, statistics, subprocess
import numpy

RATE = 16000


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout


def probe(file, *words):
    return json.loads(run('ffprobe', '-v', 'error', '-of', 'json', *words, str(file)))


def times(file):
    """Times of the packets in seconds."""
    packets = probe(file, '-show_entries', 'packet=pts_time')['packets']
    return [float(packet['pts_time']) for packet in packets]


def pictures(file):
    """Times and pictures of 32x18 pixels, of every frame that can be decoded."""
    frames = probe(file, '-select_streams', 'v', '-show_entries', 'frame=pts_time')['frames']
    at = numpy.array([float(frame['pts_time']) for frame in frames])
    raw = run('ffmpeg', '-v', 'error', '-copyts', '-i', str(file), '-fps_mode', 'passthrough', '-vf', 'scale=32:18:flags=area',
              '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-')
    shown = numpy.frombuffer(raw, numpy.uint8).reshape(-1, 18, 32, 3)
    assert len(shown) == len(at), (file, len(shown), len(at))
    return at, shown


def sound(file):
    """Samples of the sound; the first is at time 0 of the session."""
    raw = run('ffmpeg', '-v', 'error', '-copyts', '-i', str(file), '-vn', '-af', 'aresample=async=1:first_pts=0', '-ac', '1',
              '-ar', str(RATE), '-f', 'f32le', '-')
    return numpy.frombuffer(raw, numpy.float32)


def tone(samples):
    """The strongest frequency in Hz."""
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
    return float(numpy.argmax(spectrum)) * RATE / len(samples)


def starts(at, is_on):
    """The times at which something begins."""
    on = numpy.asarray(is_on)
    return [float(at[n]) for n in range(1, len(on)) if on[n] and not on[n - 1]]


def flashes(file):
    at, shown = pictures(file)
    return starts(at, shown[:, 2:5].mean(axis=(1, 2, 3)) > 200)


def beeps(samples):
    step = RATE // 200
    level = numpy.abs(samples[:len(samples) // step * step]).reshape(-1, step).max(axis=1)
    level = level > .1
    # A tone has zero crossings, but no 50 ms without sound.
    on = [bool(level[max(0, n - 10):n + 1].any()) for n in range(len(level))]
    return starts(numpy.arange(len(on)) * step / RATE, on)


def sync(video, audio):
    """Offsets in ms of each beep to its flash; a positive one is a late picture."""
    heard = beeps(sound(audio))
    found = []
    for flash in flashes(video):
        near = min(heard, key=lambda beep: abs(beep - flash), default=None)
        if near is not None and abs(near - flash) < .3:
            found.append((flash - near) * 1000)
    return found


def p95(values):
    ordered = sorted(abs(value) for value in values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * .95))]


def summary(offsets):
    return f'{len(offsets)} events, median {statistics.median(offsets):.0f} ms, p95 {p95(offsets):.0f} ms'

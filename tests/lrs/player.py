#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""A video player that knows nothing of xapitap but its name and properties: playbin with the tap
as audio-filter. A scripted viewer watches; what the player itself knows of that is written to a
file.

player.py VIEWER URI FACTS PROPERTY=VALUE...

VIEWER is `session` (ten seconds, a pause, back, faster to the end), `background` (to the end in a
hidden window), or `most` (four fifths, and the check passed)."""

import json
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
viewer, uri, facts_path, *properties = sys.argv[1:]

tap = Gst.ElementFactory.make("xapitap", None)
for item in properties:
    name, value = item.split("=", 1)
    Gst.util_set_object_arg(tap, name, value)

play = Gst.ElementFactory.make("playbin", None)
play.props.uri = uri
play.props.connection_speed = 100000
play.props.audio_filter = tap
for sink in ("audio-sink", "video-sink"):
    fake = Gst.ElementFactory.make("fakesink", None)
    fake.props.sync = True
    play.set_property(sink, fake)
bus = play.get_bus()
facts = {"statements": [], "deliveries": []}


def listen(message):
    if message.type == Gst.MessageType.ERROR:
        sys.exit(message.parse_error()[0].message)
    structure = message.get_structure()
    if message.type == Gst.MessageType.ELEMENT and structure.has_name("xapitap-statement"):
        facts["statements"].append(json.loads(structure.get_string("json")))
    if message.type == Gst.MessageType.ELEMENT and structure.has_name("xapitap-delivery"):
        facts["deliveries"].append(structure.get_string("state"))
    return message.type == Gst.MessageType.EOS


def position():
    return play.query_position(Gst.Format.TIME)[1] / Gst.SECOND


def state(wanted):
    play.set_state(wanted)
    play.get_state(20 * Gst.SECOND)


def watch(until):
    """Plays on up to a position, or to the end."""
    while True:
        message = bus.timed_pop(20 * Gst.MSECOND)
        if message and listen(message):
            return
        if until is not None and position() >= until:
            return


def seek(rate, target):
    play.seek(
        rate, Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE,
        Gst.SeekType.SET, int(target * Gst.SECOND), Gst.SeekType.NONE, 0,
    )
    play.get_state(20 * Gst.SECOND)


def session():
    watch(10)
    state(Gst.State.PAUSED)
    facts["paused"] = position()
    time.sleep(1)
    seek(1.0, 4)
    state(Gst.State.PLAYING)
    watch(6)
    facts["faster"] = position()
    seek(1.5, facts["faster"])
    watch(None)


def background():
    hidden = "player, full-screen=(boolean)false, playback-size=(string)0x0"
    tap.emit("interacted", Gst.Structure.from_string(hidden)[0])
    watch(None)


def most():
    watch(0.8 * facts["length"])
    tap.emit("check-passed")


state(Gst.State.PLAYING)
facts["length"] = play.query_duration(Gst.Format.TIME)[1] / Gst.SECOND
{"session": session, "background": background, "most": most}[viewer]()
state(Gst.State.READY)
# What was posted while the pipeline was going down; the last step throws it away.
while message := bus.pop():
    listen(message)
facts["stats"] = tap.get_property("stats").to_string()
state(Gst.State.NULL)
with open(facts_path, "w", encoding="utf-8") as file:
    json.dump(facts, file)

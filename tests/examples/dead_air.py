#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Prints the dead air of a recording: dead_air.py FILE. GST_PLUGIN_PATH leads to the plugin."""
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

LINE = "filesrc name=file ! decodebin ! audio/x-raw ! queue ! silencetrim mode=detect ! fakesink"


def main(path):
    Gst.init(None)
    pipeline = Gst.parse_launch(LINE)
    pipeline.get_by_name("file").set_property("location", path)
    bus = pipeline.get_bus()
    pipeline.set_state(Gst.State.PLAYING)
    wanted = Gst.MessageType.ELEMENT | Gst.MessageType.EOS | Gst.MessageType.ERROR
    status = 0
    while message := bus.timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted):
        if message.type == Gst.MessageType.ERROR:
            print(message.parse_error().gerror.message, file=sys.stderr)
            status = 1
        if message.type != Gst.MessageType.ELEMENT:
            break
        cut = message.get_structure()
        if cut.get_name() == "silencetrim-cut":
            start, end = (cut.get_value(field) / Gst.SECOND for field in ("start", "end"))
            print(f"{start:.2f} {end:.2f} {cut.get_value('reason')}")
    pipeline.set_state(Gst.State.NULL)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

// SPDX-License-Identifier: MPL-2.0

//! Language tags of streams whose container names no language.

use gst::prelude::*;
use gstlecture::language::UNDETERMINED;
use gstlecture::record::inside;

use super::{open, reader};

/// Makes the language of each stream undetermined that has none in its container: the demuxers of
/// Matroska and MP4 tag it as English.
///
/// decodebin hands the tags that a demuxer has sent on to parsers by itself, so that the pads of
/// `source` are the first place that all of them pass.
pub(super) fn forget_defaults(source: &gst::Element) {
    let file = reader(source).and_then(|reader| open(&reader));
    let Some(named) = file.and_then(|mut file| inside::languages(&mut file)) else {
        return;
    };
    source.connect_pad_added(move |_, pad| {
        let named = named.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            let id = pad.stream_id();
            let track = id.and_then(|id| inside::track_number(&id));
            if track.is_some_and(|track| named.get(&track) == Some(&None))
                && let Some(gst::PadProbeData::Event(event)) = &mut info.data
            {
                forget(event);
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Makes the language in an event undetermined, if it is one with tags.
fn forget(event: &mut gst::Event) {
    if let gst::EventView::Tag(tag) = event.view() {
        let mut tags = tag.tag_owned();
        let change = tags.make_mut();
        change.remove::<gst::tags::LanguageName>();
        // Matroska without a language means English again.
        if change.get::<gst::tags::LanguageCode>().is_some() {
            change.add::<gst::tags::LanguageCode>(&UNDETERMINED, gst::TagMergeMode::Replace);
        }
        *event = gst::event::Tag::builder(tags)
            .seqnum(event.seqnum())
            .build();
    }
}

// SPDX-License-Identifier: MPL-2.0

//! The elements. None of them imports another; they meet only in a pipeline.

mod catalogsink;
mod chapterdetect;
mod cue_meta;
mod lock;
mod silencetrim;
mod slide_event;
mod splice_event;
mod webvttchaptermux;
mod webvttparse;
mod xapitap;

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    cue_meta::register();
    silencetrim::register(plugin)?;
    chapterdetect::register(plugin)?;
    webvttparse::register(plugin)?;
    webvttchaptermux::register(plugin)?;
    catalogsink::register(plugin)?;
    xapitap::register(plugin)
}

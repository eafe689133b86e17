// SPDX-License-Identifier: MPL-2.0

//! The elements. None of them imports another; they meet only in a pipeline.

mod captioncheck;
mod catalogsink;
mod chapterdetect;
mod mjrdemux;
mod mp4editsrc;
mod roomcompositor;
mod sessionsink;
mod shared;
mod silencetrim;
mod webvttchaptermux;
mod webvttparse;
mod xapitap;

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    shared::cue_meta::register();
    mp4editsrc::register(plugin)?;
    silencetrim::register(plugin)?;
    chapterdetect::register(plugin)?;
    captioncheck::register(plugin)?;
    webvttparse::register(plugin)?;
    webvttchaptermux::register(plugin)?;
    catalogsink::register(plugin)?;
    mjrdemux::register(plugin)?;
    roomcompositor::register(plugin)?;
    sessionsink::register(plugin)?;
    xapitap::register(plugin)
}

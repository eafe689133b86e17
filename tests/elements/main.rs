// SPDX-License-Identifier: MPL-2.0

//! Tests of the elements, in pipelines and in GStreamer's test harness.

mod captioncheck;
mod catalogsink;
mod chapterdetect;
mod harness;
mod mjrdemux;
mod roomcompositor;
mod sessionsink;
mod silencetrim;
mod webvttchaptermux;
mod webvttparse;
mod xapi_delivery;
mod xapitap;
mod xapitap_trouble;

// SPDX-License-Identifier: MPL-2.0

//! Tests of the elements, in pipelines and in GStreamer's test harness.

mod catalogsink;
mod chapterdetect;
mod harness;
mod mjrdemux;
mod roomcompositor;
mod silencetrim;
mod webvttchaptermux;
mod webvttparse;
mod xapi_delivery;
mod xapitap;
mod xapitap_trouble;

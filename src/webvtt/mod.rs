// SPDX-License-Identifier: MPL-2.0

//! WebVTT: reading (on webvtt-parser), writing, checking.

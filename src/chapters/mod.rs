// SPDX-License-Identifier: MPL-2.0

//! Slide changes, pauses and topic boundaries weighed together into chapters.

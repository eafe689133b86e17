// SPDX-License-Identifier: MPL-2.0

//! A transcript to topic boundaries and titles.

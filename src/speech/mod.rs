// SPDX-License-Identifier: MPL-2.0

//! Audio samples to speech activity and loudness.

// SPDX-License-Identifier: MPL-2.0

//! Pictures to lasting changes of static content.

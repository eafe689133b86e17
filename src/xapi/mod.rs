// SPDX-License-Identifier: MPL-2.0

//! xAPI Video Profile: statements, progress, the completion rule, validation.

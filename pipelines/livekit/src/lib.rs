// SPDX-License-Identifier: MPL-2.0

//! Nothing: only the dependency is built.

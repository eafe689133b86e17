// SPDX-License-Identifier: MPL-2.0

//! Locks that are taken even where a thread that had one has panicked: what they guard is whole after
//! every statement, and a later stream shall go on.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

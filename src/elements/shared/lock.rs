// SPDX-License-Identifier: MPL-2.0

//! Locks that ignore poisoning: the guarded data is consistent after every statement, and a later
//! stream must be able to continue after a thread has panicked.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

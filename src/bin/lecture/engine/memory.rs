// SPDX-License-Identifier: MPL-2.0

//! Control of how the C library handles freed memory.

/// Returns freed memory to the system. Frames of earlier pipelines, tens of megabytes, stay in
/// heaps of threads that have ended. Gaps between the small allocations of a long run would also
/// add up over hours.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the function takes no pointer and may be called from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A guard: while it lives, frames are allocated separately and their memory goes back to the
/// system when they are freed. By default, the C library takes the first freed frame as a sign that
/// more will follow and puts those into its heaps. Small long-lived allocations then end up between
/// them. That is faster for code that makes many frames, as a scaler does; the frames of an
/// analysis come from pools and are few.
pub struct PicturesApart(());

/// Threshold in bytes; a frame of 640x360 is larger.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const PICTURE: libc::c_int = 256 << 10;
/// Largest threshold that the C library chooses by itself, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGEST: libc::c_int = 32 << 20;

impl PicturesApart {
    pub fn new() -> Self {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        apart_from(PICTURE);
        PicturesApart(())
    }
}

impl Drop for PicturesApart {
    fn drop(&mut self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        apart_from(LARGEST);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn apart_from(bytes: libc::c_int) {
    // SAFETY: the function takes no pointer and may be called from any thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
    }
}

// SPDX-License-Identifier: MPL-2.0

//! What the C library does with memory that is freed.

/// Gives back to the system what is freed: pictures of pipelines before this one, tens of megabytes
/// that the C library keeps in heaps of threads that are no more, and what lies between the small
/// things that a long run keeps, which would add up over hours.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the function takes no pointer, and may be called from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// For as long as it lives, pictures have memory of their own, which goes back to the system when
/// they are freed. The C library takes the first one that is freed for a sign that more come, and puts
/// those into its heaps, where small things that stay come to lie between them. That is faster for
/// who makes many, as a scaler does: those of an analysis come from pools and are few.
pub struct PicturesApart(());

/// A picture of 640x360 takes more bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const PICTURE: libc::c_int = 256 << 10;
/// What the C library comes to by itself at most, in bytes.
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
    // SAFETY: the function takes no pointer, and may be called from any thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
    }
}

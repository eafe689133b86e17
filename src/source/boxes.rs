// SPDX-License-Identifier: MPL-2.0

//! The boxes of a movie header (ISO/IEC 14496-12, 4.2) as a tree that can be changed and written.

/// Boxes that hold boxes, as far as edit lists need them.
const PARENTS: [&[u8; 4]; 6] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"];

/// The deepest nesting that is read; a movie header needs six levels.
const DEEPEST: usize = 8;

/// One box.
#[derive(Clone, PartialEq, Debug)]
pub struct Atom {
    pub kind: [u8; 4],
    pub content: Content,
}

/// The content of a box.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    Boxes(Vec<Atom>),
}

impl Atom {
    /// Makes a box that holds bytes.
    pub fn leaf(kind: &[u8; 4], bytes: Vec<u8>) -> Self {
        Atom {
            kind: *kind,
            content: Content::Bytes(bytes),
        }
    }

    /// Makes a box that holds boxes.
    pub fn parent(kind: &[u8; 4], boxes: Vec<Atom>) -> Self {
        Atom {
            kind: *kind,
            content: Content::Boxes(boxes),
        }
    }

    /// Returns the boxes in this one; none for a box that holds bytes.
    pub fn boxes(&self) -> &[Atom] {
        match &self.content {
            Content::Boxes(boxes) => boxes,
            Content::Bytes(_) => &[],
        }
    }

    /// Returns the bytes of this box; none for a box that holds boxes.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Boxes(_) => &[],
        }
    }

    /// Finds a box by the kinds on the way to it.
    pub fn find(&self, path: &[&[u8; 4]]) -> Option<&Atom> {
        path.iter().try_fold(self, |at, kind| {
            at.boxes().iter().find(|child| child.kind == **kind)
        })
    }

    /// Finds a box by the kinds on the way to it, to change it.
    pub fn find_mut(&mut self, path: &[&[u8; 4]]) -> Option<&mut Atom> {
        path.iter()
            .try_fold(self, |at, kind| match &mut at.content {
                Content::Boxes(boxes) => boxes.iter_mut().find(|child| child.kind == **kind),
                Content::Bytes(_) => None,
            })
    }

    /// Writes the box at the end of `out`; `None` if it is larger than 4 GiB.
    pub fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        out.extend([0; 4]);
        out.extend(self.kind);
        match &self.content {
            Content::Bytes(bytes) => out.extend(bytes),
            Content::Boxes(boxes) => boxes.iter().try_for_each(|child| child.write(out))?,
        }
        let size = u32::try_from(out.len() - start).ok()?;
        out.get_mut(start..start + 4)?
            .copy_from_slice(&size.to_be_bytes());
        Some(())
    }
}

/// Reads the boxes that fill `bytes`; `None` if one of them is broken.
pub fn read(bytes: &[u8]) -> Option<Vec<Atom>> {
    read_level(bytes, 0)
}

fn read_level(mut bytes: &[u8], depth: usize) -> Option<Vec<Atom>> {
    let mut boxes = Vec::new();
    // QuickTime ends some lists with four zeros.
    while bytes.len() >= 8 {
        let (kind, header, size) = header(bytes)?;
        let size = match size {
            0 => bytes.len(),
            size => usize::try_from(size).ok()?,
        };
        let content = bytes.get(header..size)?;
        let content = match PARENTS.contains(&&kind) && depth < DEEPEST {
            true => Content::Boxes(read_level(content, depth + 1)?),
            false => Content::Bytes(content.to_vec()),
        };
        boxes.push(Atom { kind, content });
        bytes = bytes.get(size..)?;
    }
    Some(boxes)
}

/// Reads the header of a box: its kind, the header's length and the length of the whole, which is 0
/// for a box that lasts to the end of its file.
pub fn header(bytes: &[u8]) -> Option<([u8; 4], usize, u64)> {
    let kind = *bytes.get(4..)?.first_chunk()?;
    match u32::from_be_bytes(*bytes.first_chunk()?) {
        1 => {
            let size = u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
            (size >= 16).then_some((kind, 16, size))
        }
        0 => Some((kind, 8, 0)),
        size => (size >= 8).then_some((kind, 8, u64::from(size))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_written_as_they_were_read() {
        let bytes = b"\0\0\0\x1cmoov\0\0\0\x14trak\0\0\0\x0ctkhdabcd\0\0\0\x09freeX";
        let boxes = read(bytes).expect("whole boxes");
        let moov = boxes.first().expect("a movie");
        let header = moov.find(&[b"trak", b"tkhd"]).expect("a track header");
        assert_eq!(header.bytes(), b"abcd");
        let mut written = Vec::new();
        for atom in &boxes {
            atom.write(&mut written).expect("small");
        }
        assert_eq!(written, bytes);
    }

    #[test]
    fn broken_boxes_are_refused() {
        for bytes in [
            &b"\0\0\0\x07moovabc"[..],
            b"\0\0\0\x20moov\0\0\0\0",
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x01",
            b"\0\0\0\x10moov\0\0\0\x20trak",
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}

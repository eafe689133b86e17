// SPDX-License-Identifier: MPL-2.0

//! A Janus recording: read whole and in pieces, with the times and events that follow from it.

use gstlecture::record::mjr::{self, Clock, Scanner, Timeline};

pub fn run(file: &[u8]) {
    let whole = mjr::read(file);
    let mut scanner = Scanner::default();
    let in_pieces = file
        .chunks(97)
        .try_for_each(|piece| scanner.push(piece))
        .and_then(|()| scanner.finish());
    assert_eq!(in_pieces.is_ok(), whole.is_ok());
    let (Ok(recording), Ok(again)) = (whole, in_pieces) else {
        return;
    };
    assert_eq!(again.packets(), recording.packets());
    for clock in [Clock::Rtp, Clock::Arrival] {
        let timeline = Timeline::new(&recording, clock);
        let packets = recording.packets();
        for index in 0..packets.len() {
            let _ = timeline.time(index, packets);
        }
        let _ = recording.losses(&timeline);
        let _ = recording.rotations(&timeline);
        let _ = recording.speaking(&timeline);
        let _ = recording.seek_point(&timeline, timeline.duration());
    }
    for packet in recording.packets() {
        let start = usize::try_from(packet.offset).expect("it is in memory");
        let payload = file.get(start..start + usize::from(packet.length));
        let _ = recording.rtp_packet(packet, payload.expect("a packet lies in the file"));
    }
}

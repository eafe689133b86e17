// SPDX-License-Identifier: MPL-2.0

//! The director: events in, pictures out.

use std::sync::Arc;

use super::arrange::arrange;
use super::canvas::{Cast, MAX_INTERPRETERS, Pages};
use super::floor::{Floor, SwitchRules, by_order};
use super::room::{Change, Event, Person, Role, Room, Track};
use super::{
    Color, Decision, Kind, LayoutDraft, LayoutFile, LayoutName, Picture, ScreenChoice, Size,
};
use crate::timeline::Time;

/// Decides at each time who is seen where.
#[derive(Clone, Debug)]
pub struct Director {
    size: Size,
    layout: LayoutName,
    file: Option<Arc<LayoutFile>>,
    rules: SwitchRules,
    draft: Option<Arc<LayoutDraft>>,
    room: Room,
    floor: Floor,
    pages: Pages,
    /// The places before the present time. What happens at one time is one change: who goes and comes
    /// back within it keeps the place.
    earlier_pages: Pages,
    settled_at: Time,
    /// Whose screen comes first as long as it is shared.
    screen: Option<String>,
    now: Time,
    picture: Picture,
}

impl Director {
    /// Starts with an empty room at time zero.
    pub fn new(layout: LayoutName, size: Size) -> Self {
        let mut director = Director {
            size,
            layout,
            file: None,
            rules: SwitchRules::default(),
            draft: None,
            room: Room::default(),
            floor: Floor::default(),
            pages: Pages::default(),
            earlier_pages: Pages::default(),
            settled_at: Time::ZERO,
            screen: None,
            now: Time::ZERO,
            picture: Picture {
                layout,
                speaker: None,
                screen: None,
                background: Color::BLACK,
                tiles: Vec::new(),
            },
        };
        director.settle();
        director
    }

    /// Sets the file of the layout `custom`. Without one, `custom` is shown as `speaker`.
    #[must_use]
    pub fn with_file(mut self, file: Arc<LayoutFile>) -> Self {
        self.file = Some(file);
        self.settle();
        self
    }

    #[must_use]
    pub fn with_rules(mut self, rules: SwitchRules) -> Self {
        self.rules = rules;
        self
    }

    /// Follows a corrected draft wherever it decides something that the room can show.
    #[must_use]
    pub fn following(mut self, draft: Arc<LayoutDraft>) -> Self {
        self.draft = Some(draft);
        self.settle();
        self
    }

    /// The picture at the time of the last event or [`Director::advance`].
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Applies an event and returns the picture if it changed. Events come in the order of their
    /// times; a time before the last one counts as the last one.
    pub fn handle(&mut self, event: &Event) -> Option<&Picture> {
        let is_due = self.run_until(event.time);
        if let Change::Layout(layout) = event.change {
            self.layout = layout;
        }
        self.room.apply(self.now, &event.change);
        let is_changed = self.settle();
        (is_due || is_changed).then_some(&self.picture)
    }

    /// Applies everything due until `now` and returns the picture if it changed.
    pub fn advance(&mut self, now: Time) -> Option<&Picture> {
        self.run_until(now).then_some(&self.picture)
    }

    /// The next time at which the picture may change without an event, for [`Director::advance`].
    pub fn deadline(&self) -> Option<Time> {
        let floor = self.floor.deadline(&self.room, self.now, &self.rules);
        let draft = self
            .draft
            .as_ref()
            .and_then(|draft| draft.next_boundary(self.now));
        floor.into_iter().chain(draft).min()
    }

    fn run_until(&mut self, time: Time) -> bool {
        let mut is_changed = false;
        while let Some(deadline) = self.deadline().filter(|deadline| *deadline <= time) {
            self.now = deadline;
            is_changed |= self.settle();
        }
        self.now = self.now.max(time);
        is_changed
    }

    /// Makes the picture of now. Returns whether it differs from the last one.
    fn settle(&mut self) -> bool {
        if self.now > self.settled_at {
            self.settled_at = self.now;
            self.earlier_pages = self.pages.clone();
        } else {
            self.pages = self.earlier_pages.clone();
        }
        let draft = self.draft.as_ref();
        let decision = draft
            .map(|draft| draft.decision_at(self.now))
            .unwrap_or_default();
        let layout = decision.layout.unwrap_or(self.layout);
        let file = self.file.as_deref().filter(|_| layout.kind == Kind::Custom);
        let reserved = file
            .map(|file| file.reserved(&self.room))
            .unwrap_or_default();
        self.floor
            .settle(&mut self.room, self.now, &self.rules, &reserved);
        let first_screen = first_screen(&self.room, self.screen.take());
        let cast = cast(
            &self.room,
            &decision,
            self.floor.holder(),
            first_screen,
            &reserved,
        );
        let tiles = arrange(layout.kind, file, self.size, &cast, &mut self.pages);
        let owner = |track: &Track<'_>| track.participant.to_owned();
        let picture = Picture {
            layout,
            speaker: cast.speaker.as_ref().map(owner),
            screen: cast.screens.first().map(owner),
            background: match file {
                Some(file) => file.background,
                None if layout.light => Color::WHITE,
                None => Color::BLACK,
            },
            tiles,
        };
        self.screen = first_screen.map(str::to_owned);
        let is_changed = picture != self.picture;
        self.picture = picture;
        is_changed
    }
}

/// Whose screen comes first: the one that already did, as long as it is shared.
fn first_screen(room: &Room, last: Option<String>) -> Option<&str> {
    let mut screens = room.people.iter().filter_map(Person::screen);
    let stays = screens
        .clone()
        .find(|screen| Some(screen.participant) == last.as_deref());
    stays
        .or_else(|| screens.next())
        .map(|screen| screen.participant)
}

/// Sorts everybody who can be shown. What the decision names and the room lacks has no effect.
fn cast<'a>(
    room: &'a Room,
    decision: &Decision,
    holder: Option<&str>,
    first_screen: Option<&str>,
    reserved: &[String],
) -> Cast<'a> {
    let mut interpreters: Vec<&Person> = room.people.iter().collect();
    interpreters.retain(|person| person.role == Role::Interpreter && person.camera().is_some());
    interpreters.truncate(MAX_INTERPRETERS);
    let is_placed = |person: &Person| {
        let is_interpreter = interpreters.iter().any(|other| other.id == person.id);
        is_interpreter || person.camera().is_none()
    };
    let mut people: Vec<&Person> = room.people.iter().filter(|p| !is_placed(p)).collect();
    people.sort_by(|a, b| by_order(a, b));
    let may_speak = |person: &&&Person| person.role != Role::Interpreter;
    let chosen = people
        .iter()
        .filter(may_speak)
        .find(|person| decision.speaker.as_ref() == Some(&person.id));
    let speaker = chosen.or_else(|| {
        let mut free = people.iter().filter(may_speak);
        free.find(|person| Some(person.id.as_str()) == holder)
    });
    let speaker = speaker.map(|person| person.id.as_str());
    people.sort_by_key(|person| Some(person.id.as_str()) != speaker);
    let mut screens: Vec<Track<'_>> = room.people.iter().filter_map(Person::screen).collect();
    screens.sort_by_key(|screen| Some(screen.participant) != first_screen);
    match &decision.screen {
        Some(ScreenChoice::Hidden) => screens.clear(),
        Some(ScreenChoice::Of(owner)) => screens.sort_by_key(|s| s.participant != owner),
        None => {}
    }
    let tracks = |people: &[&'a Person]| -> Vec<Track<'a>> {
        people.iter().filter_map(|person| person.camera()).collect()
    };
    let (held, free): (Vec<&Person>, Vec<&Person>) = people
        .iter()
        .partition(|person| reserved.contains(&person.id));
    let speaker = people
        .iter()
        .find(|person| Some(person.id.as_str()) == speaker);
    Cast {
        interpreters: tracks(&interpreters),
        screens,
        speaker: speaker.and_then(|person| person.camera()),
        people: tracks(&free),
        reserved: tracks(&held),
    }
}

/// Runs a director over events that are sorted by time. Returns each picture with the time from
/// which it is shown, the first from zero.
pub fn pictures(mut director: Director, events: &[Event]) -> Vec<(Time, Picture)> {
    let mut shown = vec![(Time::ZERO, director.picture().clone())];
    let mut show = |time: Time, picture: &Picture| {
        shown.retain(|(start, _)| *start < time);
        if shown.last().is_none_or(|(_, last)| last != picture) {
            shown.push((time, picture.clone()));
        }
    };
    for event in events.iter().map(Some).chain([None]) {
        let time = event.map_or(Time::MAX, |event| event.time);
        while let Some(deadline) = director.deadline().filter(|deadline| *deadline < time) {
            if let Some(picture) = director.advance(deadline) {
                show(deadline, picture);
            }
        }
        if let Some(picture) = event.and_then(|event| director.handle(event)) {
            show(event.map_or(Time::MAX, |event| event.time), picture);
        }
    }
    shown
}

//! Every state with every input: what follows, and what is to be done.

use super::*;
use SlotAction::{Close, Discard, Forget, Notify, Open, Run};
use SlotInput::{Ended, ListChanged, Need, OpenFailed, Opened, Release, Select};
use SlotState::{Failed, Off, Opening, Running, Waiting};
use confab_ipc::ErrorReason;
use confab_media::Device;
use confab_testkit::sentences::sentence;

const BUSY: ErrorCode = ErrorCode::MicrophoneFailed;
const MISSING: ErrorCode = ErrorCode::MicrophoneMissing;
const LIFE: Duration = Duration::from_secs(2);

fn list(ids: &[&str]) -> DeviceList {
    let device = |id: &&str| Device { id: (*id).to_owned(), name: id.to_uppercase() };
    DeviceList { microphones: ids.iter().map(device).collect(), ..DeviceList::default() }
}

fn opened(id: &str, ids: &[&str]) -> SlotInput {
    let device = Device { id: id.to_owned(), name: id.to_uppercase() };
    Opened(Found { device: Some(device), list: list(ids) })
}

fn select(id: &str) -> SlotInput {
    Select(Some(id.to_owned()))
}

fn open(selected: &str) -> SlotAction {
    Open(OpenRequest { selected: Some(selected.to_owned()), ..OpenRequest::default() })
}

fn take_over(selected: &str) -> SlotAction {
    Open(OpenRequest { selected: Some(selected.to_owned()), takes_over: true, refresh: false })
}

/// The notice that reads `text`.
fn notify(error: UserError, text: &str) -> SlotAction {
    assert_eq!(sentence(&error), text);
    Notify(error)
}

fn device_changed(reason: ErrorReason, device: &str) -> UserError {
    UserError::from(reason).param("device", device)
}

/// A slot whose person selected `a`, after these inputs, each with this list and `passed` after the one before.
struct Slot {
    machine: SlotMachine,
    now: Instant,
}

impl Slot {
    fn new(follows: bool) -> Self {
        let config = SlotConfig { kind: DeviceKind::Microphone, follows, refusal: None, shortest_life: LIFE };
        Self { machine: SlotMachine::new(config, Some("a".to_owned())), now: Instant::now() }
    }

    fn after(inputs: Vec<SlotInput>) -> Self {
        let mut slot = Self::new(true);
        for input in inputs {
            slot.take(input, &["a", "b"]);
        }
        slot
    }

    fn take(&mut self, input: SlotInput, ids: &[&str]) -> Vec<SlotAction> {
        self.machine.handle(input, &list(ids), self.now)
    }

    fn state(&self) -> SlotState {
        self.machine.state().clone()
    }
}

type Row = (SlotInput, &'static [&'static str], SlotState, Vec<SlotAction>);

/// Each row begins where `inputs` have led.
fn table(name: &str, inputs: &[SlotInput], rows: Vec<Row>) {
    for (input, ids, state, actions) in rows {
        let mut slot = Slot::after(inputs.to_vec());
        let what = format!("{name}, {input:?} with {ids:?}");
        assert_eq!(slot.take(input, ids), actions, "{what}");
        assert_eq!(slot.state(), state, "{what}");
    }
}

#[test]
fn off() {
    table(
        "off",
        &[],
        vec![
            (Need, &["a"], Opening, vec![open("a")]),
            (Release, &["a"], Off, vec![]),
            (select("b"), &["a", "b"], Off, vec![]),
            (ListChanged, &["a"], Off, vec![]),
            (Ended(1, BUSY.into()), &["a"], Off, vec![]),
        ],
    );
}

#[test]
fn opening() {
    table(
        "opening",
        &[Need],
        vec![
            (Need, &["a"], Opening, vec![]),
            (Release, &["a"], Off, vec![]),
            (select("b"), &["a", "b"], Opening, vec![]),
            (ListChanged, &[], Opening, vec![]),
            (opened("a", &["a"]), &["a"], Running, vec![Run(1)]),
            (OpenFailed(BUSY.into()), &["a"], Failed(BUSY.into()), vec![]),
            (OpenFailed(MISSING.into()), &[], Waiting(MISSING.into()), vec![]),
        ],
    );
    table(
        "released while it opens",
        &[Need, Release],
        vec![
            (Need, &["a"], Opening, vec![]),
            (opened("a", &["a"]), &["a"], Off, vec![Discard]),
            (OpenFailed(BUSY.into()), &["a"], Off, vec![]),
        ],
    );
    table(
        "needed again while it opens",
        &[Need, Release, Need],
        vec![(opened("a", &["a"]), &["a"], Running, vec![Run(1)])],
    );
    let not_connected = || device_changed(ErrorReason::MicrophoneNotConnected, "B");
    let stands_in = "The microphone you chose is not connected. Others hear you through B now.";
    table(
        "unplugged while it opens",
        &[Need, ListChanged],
        vec![
            (opened("a", &["a"]), &[], Waiting(MISSING.into()), vec![Run(1), Close, Notify(MISSING.into())]),
            (opened("a", &["a", "b"]), &["b"], Running, vec![Run(1), take_over("a")]),
            (OpenFailed(BUSY.into()), &["b"], Opening, vec![open("a")]),
            (opened("b", &["b"]), &["b"], Running, vec![Run(1), notify(not_connected(), stands_in)]),
        ],
    );
    table(
        "another selected while it opens",
        &[Need, select("b")],
        vec![
            (opened("a", &["a", "b"]), &["a", "b"], Running, vec![Run(1), take_over("b")]),
            (OpenFailed(BUSY.into()), &["a", "b"], Opening, vec![open("b")]),
        ],
    );
}

#[test]
fn running() {
    let error = device_changed(ErrorReason::MicrophoneUnplugged, "B").param("previous", "A");
    let unplugged = "A was unplugged. Others hear you through B now.";
    table(
        "running",
        &[Need, opened("a", &["a", "b"])],
        vec![
            (Need, &["a"], Running, vec![]),
            (Release, &["a"], Off, vec![Close]),
            (select("a"), &["a", "b"], Running, vec![]),
            (select("b"), &["a", "b"], Running, vec![take_over("b")]),
            (ListChanged, &["a", "c"], Running, vec![]),
            (ListChanged, &["b"], Running, vec![take_over("a")]),
            (ListChanged, &[], Waiting(MISSING.into()), vec![Close, Notify(MISSING.into())]),
            (Ended(0, BUSY.into()), &["a"], Running, vec![]),
            (Ended(1, BUSY.into()), &["a"], Failed(BUSY.into()), vec![Forget, Notify(BUSY.into())]),
        ],
    );
    table(
        "another is to take over",
        &[Need, opened("a", &["a", "b"]), select("b")],
        vec![
            (opened("b", &["a", "b"]), &["a", "b"], Running, vec![Run(2)]),
            (OpenFailed(BUSY.into()), &["a", "b"], Running, vec![Notify(BUSY.into())]),
            (Release, &["a", "b"], Off, vec![Close]),
            (select("a"), &["a", "b"], Running, vec![]),
        ],
    );
    table(
        "the selection is taken back while another is to take over",
        &[Need, opened("a", &["a", "b"]), select("b"), select("a")],
        vec![
            (opened("b", &["a", "b"]), &["a", "b"], Running, vec![Discard]),
            (OpenFailed(BUSY.into()), &["a", "b"], Running, vec![Notify(BUSY.into())]),
        ],
    );
    let mut slot = Slot::after(vec![Need, opened("a", &["a", "b"])]);
    assert_eq!(slot.take(ListChanged, &["b"]), [take_over("a")]);
    assert_eq!(slot.take(opened("b", &["b"]), &["b"]), [Run(2), notify(error, unplugged)]);
    assert_eq!(slot.take(ListChanged, &["a", "b"]), [take_over("a")]);
    let back = device_changed(ErrorReason::MicrophoneBack, "A");
    let back = notify(back, "A is back. Others hear you through A now.");
    assert_eq!(slot.take(opened("a", &["a", "b"]), &["a", "b"]), [Run(3), back]);
    assert_eq!(slot.take(Ended(2, BUSY.into()), &["a", "b"]), [], "one that ran before");
}

#[test]
fn a_device_that_ran_is_opened_again_when_it_ends() {
    let mut slot = Slot::after(vec![Need, opened("a", &["a", "b"])]);
    slot.now += LIFE;
    let refresh = OpenRequest { selected: Some("a".to_owned()), refresh: true, takes_over: false };
    assert_eq!(slot.take(Ended(1, BUSY.into()), &["a"]), [Forget, Open(refresh)]);
    assert_eq!(slot.state(), Opening);
    assert_eq!(slot.take(OpenFailed(MISSING.into()), &[]), [Notify(MISSING.into())]);
    assert_eq!(slot.state(), Waiting(MISSING.into()));
}

#[test]
fn failed_and_waiting() {
    let failed = [Need, OpenFailed(BUSY.into())];
    table(
        "failed",
        &failed,
        vec![
            (Need, &["a"], Opening, vec![open("a")]),
            (Release, &["a"], Off, vec![]),
            (select("b"), &["a", "b"], Opening, vec![open("b")]),
            (select("b"), &[], Failed(BUSY.into()), vec![]),
            (ListChanged, &["a"], Opening, vec![open("a")]),
            (ListChanged, &[], Failed(BUSY.into()), vec![]),
            (Ended(1, BUSY.into()), &["a"], Failed(BUSY.into()), vec![]),
        ],
    );
    let waiting = [Need, opened("a", &["a"]), ListChanged];
    let mut slot = Slot::after(waiting[..2].to_vec());
    slot.take(ListChanged, &[]);
    assert_eq!(slot.state(), Waiting(MISSING.into()));
    assert_eq!(slot.take(ListChanged, &[]), [], "still none");
    assert_eq!(slot.take(ListChanged, &["b"]), [open("a")], "it resumes when one is plugged in");
    assert_eq!(slot.state(), Opening);
    let mut slot = Slot::after(vec![Need]);
    slot.take(OpenFailed(MISSING.into()), &[]);
    assert_eq!(slot.take(Need, &[]), [open("a")], "an unmute tries it again");
    assert_eq!(slot.take(Release, &[]), []);
    assert_eq!(slot.state(), Off);
}

#[test]
fn of_several_openings_the_outcome_of_the_last_is_told() {
    let all = ["a", "b", "c"];
    let mut slot = Slot::after(vec![Need]);
    slot.take(opened("a", &all), &all);
    assert_eq!(slot.take(select("b"), &all), [take_over("b")]);
    assert_eq!(slot.take(select("c"), &all), []);
    assert_eq!(slot.take(opened("b", &all), &all), [Run(2), take_over("c")]);
    assert_eq!(slot.take(OpenFailed(MISSING.into()), &all), [Notify(MISSING.into())], "c was selected and fails");
    assert_eq!(slot.take(ListChanged, &all), [take_over("c")]);
    assert_eq!(slot.take(OpenFailed(MISSING.into()), &all), [], "nobody asked again");
}

#[test]
fn a_device_that_is_back_while_another_stands_in_for_it_is_taken() {
    let mut slot = Slot::after(vec![Need, opened("a", &["a", "b"])]);
    assert_eq!(slot.take(ListChanged, &["b"]), [take_over("a")]);
    assert_eq!(slot.take(ListChanged, &["a", "b"]), [], "one at a time");
    let error = device_changed(ErrorReason::MicrophoneUnplugged, "B").param("previous", "A");
    let unplugged = notify(error, "A was unplugged. Others hear you through B now.");
    // What runs is not kept: its stream may be another's.
    assert_eq!(slot.take(opened("b", &["b"]), &["a", "b"]), [Run(2), take_over("a"), unplugged]);
}

#[test]
fn a_selection_during_the_first_opening_is_no_news() {
    let all = ["a", "b"];
    let mut slot = Slot::after(vec![Need, select("b")]);
    assert_eq!(slot.take(opened("a", &all), &all), [Run(1), take_over("b")], "b is there");
    assert_eq!(slot.take(opened("b", &all), &all), [Run(2)], "b was not away");
}

#[test]
fn what_is_no_device_is_not_followed() {
    let mut slot = Slot::new(false);
    assert_eq!(slot.take(Need, &[]).len(), 1);
    assert_eq!(slot.take(Opened(Found::default()), &[]), [Run(1)]);
    assert_eq!(slot.take(ListChanged, &[]), []);
    assert_eq!(slot.take(select("b"), &["b"]), []);
    slot.now += LIFE;
    assert_eq!(slot.take(Ended(1, BUSY.into()), &[]), [Forget, Notify(BUSY.into())]);
    assert_eq!(slot.state(), Failed(BUSY.into()));
}

#[test]
fn what_cannot_be_opened_fails_at_once() {
    let mut slot = Slot::new(false);
    slot.machine.config.refusal = Some(MISSING.into());
    assert_eq!(slot.take(Need, &[]), []);
    assert_eq!(slot.state(), Failed(MISSING.into()));
}

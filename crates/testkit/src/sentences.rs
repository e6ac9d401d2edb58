//! The sentences that the window shows for errors, read from `ui/src/i18n/en.ts`.

use confab_ipc::{MAX_VOLUME, UserError};
use confab_wire::limits;
use std::collections::HashMap;
use std::sync::LazyLock;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/i18n/en.ts");

static TABLES: LazyLock<[HashMap<String, String>; 2]> = LazyLock::new(|| {
    let text = std::fs::read_to_string(FILE).unwrap_or_default();
    ["errors", "reasons"].map(|name| table(&text, name))
});

/// What the window says of an error to somebody in a call. Panics where it has no sentence for it.
pub fn sentence(error: &UserError) -> String {
    let (table, key) = error.reason().map_or((0, error.code.to_string()), |reason| (1, reason.to_string()));
    let Some(text) = TABLES[table].get(&key) else { panic!("{FILE} has no sentence for {key}") };
    let limits =
        [("nameChars", limits::NAME_CHARS), ("chatChars", limits::CHAT_CHARS), ("maxVolume", MAX_VOLUME.into())];
    let own = error.params.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let params = limits.into_iter().map(|(name, limit)| (name, limit.to_string())).chain(own);
    params.fold(text.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &value))
}

/// The lines `key: 'text',` of an exported table, without their quotes.
fn table(text: &str, name: &str) -> HashMap<String, String> {
    let begin = format!("export const {name}: ");
    let lines = text.lines().skip_while(|line| !line.starts_with(&begin)).skip(1).take_while(|line| *line != "};");
    let entries = lines.filter_map(|line| line.trim().strip_suffix(',')?.split_once(": "));
    entries.map(|(key, text)| (unquoted(key), unquoted(text).replace("\\'", "'"))).collect()
}

fn unquoted(text: &str) -> String {
    let inner = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner('\'').or_else(|| inner('"')).unwrap_or(text).to_owned()
}

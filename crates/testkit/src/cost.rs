//! What a process and its children cost: CPU time and memory, from Linux's `/proc` (proc(5)).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// Clock ticks per second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux platform we build for.
const TICKS_PER_SECOND: f64 = 100.0;

/// A reading of a process tree.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// CPU time so far, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Proportional set size in MB (10⁶ bytes).
    pub pss_mb: f64,
}

/// Ids of `root` and all its descendants, `root` first.
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Some(parent) = process(id).and_then(|(_, fields)| fields.get(1)?.parse().ok())
        {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(id) = found.get(next) {
        found.extend(children.remove(id).unwrap_or_default());
        next += 1;
    }
    found
}

/// What the processes `ids` cost so far. Those that are gone count nothing.
pub fn measure(ids: &[u32]) -> Cost {
    ids.iter().fold(Cost::default(), |sum, id| Cost {
        cpu_seconds: sum.cpu_seconds + cpu_seconds(*id).unwrap_or_default(),
        pss_mb: sum.pss_mb + pss_mb(*id).unwrap_or_default(),
    })
}

/// Proportional set size of the processes `ids`, in MB (10⁶ bytes), by program.
pub fn programs(ids: &[u32]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for id in ids {
        let Some((program, _)) = process(*id) else { continue };
        *sums.entry(program).or_default() += pss_mb(*id).unwrap_or_default();
    }
    sums
}

/// CPU time so far of the threads of the processes `ids`, in seconds, by `process/thread`. Threads of one name are one.
pub fn threads(ids: &[u32]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for id in ids {
        let Some((program, _)) = process(*id) else { continue };
        for thread in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
            let Some((name, fields)) = stat(&thread.path()) else { continue };
            *sums.entry(format!("{program}/{name}")).or_default() += seconds(&fields).unwrap_or_default();
        }
    }
    sums
}

fn process(id: u32) -> Option<(String, Vec<String>)> {
    stat(Path::new(&format!("/proc/{id}")))
}

/// The name in the file `stat` of a process or a thread, and the fields behind it: state, parent, … The name may hold
/// blanks and brackets.
fn stat(dir: &Path) -> Option<(String, Vec<String>)> {
    let text = fs::read_to_string(dir.join("stat")).ok()?;
    let (head, fields) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    Some((name.to_owned(), fields.split_whitespace().map(str::to_owned).collect()))
}

fn cpu_seconds(id: u32) -> Option<f64> {
    seconds(&process(id)?.1)
}

fn seconds(fields: &[String]) -> Option<f64> {
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

fn pss_mb(id: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let me = std::process::id();
        assert_eq!(tree(me)[0], me);
        assert!(measure(&[me]).pss_mb > 0.1);
        assert_eq!(measure(&[u32::MAX]), Cost::default());
    }

    #[test]
    fn a_thread_that_works_is_found_by_its_name() {
        let busy = std::thread::Builder::new().name("busy bee".into()).spawn(|| {
            let mine = || threads(&[std::process::id()]).into_iter().find(|(name, _)| name.ends_with("/busy bee"));
            loop {
                if let Some((_, seconds)) = mine().filter(|(_, seconds)| *seconds > 0.0) {
                    return seconds;
                }
            }
        });
        assert!(busy.unwrap().join().unwrap() >= 0.01);
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(tree(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

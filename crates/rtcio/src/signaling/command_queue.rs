//! Commands for the task of signaling, in order.

use super::command::Command;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Commands that wait for the task.
const COMMANDS: usize = 1024;

/// A queue and its two ends.
pub(super) fn command_queue() -> (CommandSender, CommandReceiver) {
    let (sender, queue) = mpsc::channel(COMMANDS);
    let overflow = Arc::<Overflow>::default();
    let sender = CommandSender { queue: sender, overflow: Arc::clone(&overflow) };
    (sender, CommandReceiver { queue, overflow, aside: VecDeque::new() })
}

/// Commands that neither wait nor may be lost, where the queue is full: the newest of each kind, which makes those before it
/// of no account.
#[derive(Debug, Default)]
struct Overflow {
    commands: Mutex<VecDeque<Command>>,
    added: Notify,
}

impl Overflow {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, command: Command) {
        push_newest(&mut self.lock(), command);
        self.added.notify_one();
    }

    /// Puts commands that are older than all here before them.
    fn put_before(&self, mut older: VecDeque<Command>) {
        let mut commands = self.lock();
        for newer in std::mem::take(&mut *commands) {
            push_newest(&mut older, newer);
        }
        *commands = older;
        self.added.notify_one();
    }

    async fn recv(&self) -> Command {
        loop {
            let next = self.lock().pop_front();
            match next {
                Some(command) => return command,
                None => self.added.notified().await,
            }
        }
    }
}

/// Puts a command behind the others, in place of the one before it that it makes of no account.
fn push_newest(commands: &mut VecDeque<Command>, mut command: Command) {
    let replaces = |old: &Command| match (old, &command) {
        (Command::Connect | Command::Disconnect, Command::Connect | Command::Disconnect) => true,
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    if let Some(index) = commands.iter().position(replaces) {
        let old = commands.remove(index);
        if let (Some(Command::AddressesChanged { stranded: true }), Command::AddressesChanged { stranded }) =
            (old, &mut command)
        {
            *stranded = true;
        }
    }
    commands.push_back(command);
}

/// The sending end.
#[derive(Debug, Clone)]
pub(super) struct CommandSender {
    queue: mpsc::Sender<Command>,
    overflow: Arc<Overflow>,
}

impl CommandSender {
    /// Queues a command; waits while the queue is full. False if the task is gone.
    pub(super) async fn send(&self, command: Command) -> bool {
        if matches!(command, Command::Disconnect) {
            // It comes after a wish to connect, which must not overtake it.
            self.overflow.lock().retain(|waiting| !matches!(waiting, Command::Connect));
        }
        self.queue.send(command).await.is_ok()
    }

    /// Queues a command without waiting. It is one of those of which the newest of its kind counts.
    pub(super) fn send_now(&self, command: Command) {
        if !self.overflow.lock().is_empty() {
            self.overflow.push(command);
        } else if let Err(mpsc::error::TrySendError::Full(command)) = self.queue.try_send(command) {
            self.overflow.push(command);
        }
    }
}

/// The task's end.
#[derive(Debug)]
pub(super) struct CommandReceiver {
    queue: mpsc::Receiver<Command>,
    overflow: Arc<Overflow>,
    aside: VecDeque<Command>,
}

impl CommandReceiver {
    /// The next command; `None` if nobody can send one any more. Nothing is lost when this is dropped half-way.
    pub(super) async fn recv(&mut self) -> Option<Command> {
        let queue_is_empty = self.queue.is_empty();
        tokio::select! {
            biased;
            command = self.queue.recv() => command,
            command = self.overflow.recv(), if queue_is_empty => Some(command),
        }
    }

    /// Puts a command of which the newest of its kind counts aside, until [`Self::resume`].
    pub(super) fn put_aside(&mut self, command: Command) {
        push_newest(&mut self.aside, command);
    }

    /// Those that were put aside come again, behind the queue.
    pub(super) fn resume(&mut self) {
        if !self.aside.is_empty() {
            self.overflow.put_before(std::mem::take(&mut self.aside));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_full_queue_costs_no_task_a_command_and_loses_none_that_counts() {
        let (sender, mut receiver) = command_queue();
        for _ in 0..COMMANDS {
            assert!(sender.send(Command::Emit { event: "e".into(), args: Vec::new() }).await);
        }
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        sender.send_now(Command::AddressesChanged { stranded: true });
        for number in 0..10_000 {
            sender.send_now(Command::Doubt);
            sender.send_now(Command::Release { source: number.to_string() });
            sender.send_now(Command::AddressesChanged { stranded: false });
        }
        sender.send_now(Command::Connect);
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), tasks);
        for _ in 0..COMMANDS {
            assert!(matches!(receiver.recv().await, Some(Command::Emit { .. })));
        }
        // What is polled only once must not lack the budget of the task.
        tokio::task::yield_now().await;
        let mut rest = Vec::new();
        while let Some(Some(command)) = receiver.recv().now_or_never() {
            rest.push(command);
        }
        let [
            Command::Doubt,
            Command::Release { source },
            Command::AddressesChanged { stranded: true },
            Command::Connect,
        ] = rest.as_slice()
        else {
            panic!("{rest:?}")
        };
        assert_eq!(source, "9999");
    }

    #[tokio::test]
    async fn what_was_put_aside_comes_again_unless_something_newer_counts() {
        let (sender, mut receiver) = command_queue();
        for command in [Command::Connect, Command::Doubt, Command::Disconnect, Command::Release { source: "a".into() }]
        {
            receiver.put_aside(command);
        }
        sender.send(Command::Emit { event: "e".into(), args: Vec::new() }).await;
        receiver.overflow.push(Command::Release { source: "b".into() });
        receiver.resume();
        let mut rest = Vec::new();
        while let Some(Some(command)) = receiver.recv().now_or_never() {
            rest.push(command);
        }
        let [Command::Emit { .. }, Command::Doubt, Command::Disconnect, Command::Release { source }] = rest.as_slice()
        else {
            panic!("{rest:?}")
        };
        assert_eq!(source, "b");
    }

    #[tokio::test]
    async fn the_last_wish_about_the_connection_is_the_last_that_comes() {
        let (sender, mut receiver) = command_queue();
        for _ in 0..COMMANDS {
            sender.send(Command::Emit { event: "e".into(), args: Vec::new() }).await;
        }
        sender.send_now(Command::Connect);
        let read = async {
            while !matches!(receiver.recv().await, Some(Command::Disconnect)) {}
            tokio::task::yield_now().await;
            receiver.recv().now_or_never().is_none()
        };
        let (sent, nothing_after) = tokio::join!(sender.send(Command::Disconnect), read);
        assert!(sent && nothing_after);
    }
}

//! The shell of Confab: the window, its commands, the socket that carries pictures to it, the tray icon and links.
//!
//! Everything a call does lives in `confab-call`; here is what only a desktop program needs, and all that knows Tauri.
//!
//! # The way of a command
//!
//! The window invokes it by name. `permissions/call.toml` grants the names, `commands.rs` has a function for each, which bounds
//! the wait and answers or fails with `{ code, message, detail? }`.
//! - What concerns the running call, mute as much as chat: [`App::call`] (`app/handle.rs`) reads the handle of the call where it is
//!   published, and the command goes to the call's own task in `confab-call`. The app's task is not asked.
//! - What changes whether there is a call, and the rest: a `Command` (`app/command.rs`) to the app's task (`app/task.rs`), which
//!   owns the state and awaits nothing but the next thing to do. It begins what takes long as tasks of their own: joining
//!   (`app/join.rs`), leaving (`app/call_phase.rs`), writing the settings (`settings/writer.rs`), the embedded server
//!   (`hosting/task.rs`). So mute, camera and leave are answered while a disk or a server hangs (`app/hang_tests.rs`).
//!
//! # The way of an event
//!
//! A call, and a rehearsal outside of one, have a bounded queue of events. The app's task takes them (`app/call_phase.rs`,
//! `app/rehearsal.rs`), keeps what it must know, as the end of the call, and sends them to the windows that subscribed
//! (`app/subscribers.rs`), each over the Tauri channel of its `subscribe` (`commands.rs`). A window that loads again gets a
//! snapshot first, and then what is newer.
//!
//! # The way of a picture
//!
//! Encoded frames do not pass the app's task. A window asks for an address of the media socket (`media/tokens.rs`) and connects;
//! `media/socket.rs` reads the frames of what runs now (`media/source.rs`) into a bounded queue per connection
//! (`media/frame_queue.rs`). The sizes at which tracks are drawn come back on the same socket (`media/drawn_tracks.rs`).

pub mod app;
mod commands;
pub mod hosting;
mod logging;
pub mod media;
pub mod options;
pub mod settings;
#[cfg(test)]
mod test_gate;
pub mod window;

use app::{App, Sources};
use media::MediaSocket;
use options::Options;
use settings::Store;
use std::process::ExitCode;
use tauri::{Manager, RunEvent, Runtime, WindowEvent};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use window::{links, main_window, page_process, quit, renderer, sharing_bar, tray};

/// Why the app could not start or had to end.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    /// The threads of the backend.
    #[error("the backend can't start: {0}")]
    Runtime(#[from] std::io::Error),
    /// Neither an X server nor a Wayland compositor takes a window.
    #[error("there is no display to open a window on; in a terminal, use confab-peer")]
    NoDisplay,
    /// What belongs to the window.
    #[error("the window can't be opened: {0}")]
    Window(#[from] tauri::Error),
}

/// Runs the app until its window is closed. `renderer` is what [`renderer::prepare`] found.
pub fn run(options: Options, renderer: Option<renderer::Reason>) -> ExitCode {
    logging::start();
    if let Some(reason) = renderer {
        info!(?reason, "WebKitGTK's older renderer is used");
    }
    match start(options) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("confab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: Options) -> Result<i32, Fatal> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("confab").build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let mut builder = tauri::Builder::default();
    // Apps with a folder of their own run beside others: for tests, and for two people at one computer.
    if options.data_dir.is_none() {
        builder = builder.plugin(links::single_instance());
    }
    let builder = builder
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_clipboard_manager::init())
        .invoke_handler(tauri::generate_handler![
            commands::subscribe,
            commands::media_socket,
            commands::start_call,
            commands::join_call,
            commands::leave_call,
            commands::find_room,
            commands::peek_room,
            commands::check_server,
            commands::list_devices,
            commands::start_rehearsal,
            commands::stop_rehearsal,
            commands::play_test_sound,
            commands::set_mic,
            commands::set_camera,
            commands::list_share_sources,
            commands::start_share,
            commands::stop_share,
            commands::send_chat,
            commands::set_peer_volume,
            commands::set_muted_for_me,
            commands::copy_link,
            commands::open_external,
            commands::save_settings,
            commands::set_zoom,
        ])
        .setup(move |app| {
            // An error that is returned here is a panic of Tauri's.
            if let Err(error) = set_up(app, options) {
                eprintln!("confab: {}", Fatal::from(error));
                app.handle().exit(1);
            }
            Ok(())
        })
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event
                && window.label() == main_window::MAIN
            {
                api.prevent_close();
                // Hidden at once; leaving the call takes a moment.
                let _ = window.hide();
                quit::quit(window.app_handle());
            }
        });
    let app = without_panic(|| builder.build(tauri::generate_context!())).ok_or(Fatal::NoDisplay)??;
    let code = app.run_return(|_, event| {
        if let RunEvent::Exit = event {
            info!("bye");
        }
    });
    runtime.shutdown_background();
    Ok(code)
}

/// `None` if `task` panicked: GTK's binding does, where it finds no display. The person gets a sentence instead.
fn without_panic<T>(task: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| tracing::debug!(%panic, "no window")));
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
    std::panic::set_hook(hook);
    done.ok()
}

fn set_up<R: Runtime>(tauri: &mut tauri::App<R>, options: Options) -> tauri::Result<()> {
    let data_dir = match &options.data_dir {
        Some(dir) => dir.clone(),
        None => tauri.path().app_data_dir()?,
    };
    let (store, problem) = Store::open(&data_dir);
    let sources =
        Sources { video: options.video.clone(), audio: options.audio.clone(), speaker: options.speaker.clone() };
    let (app, task, calls) = App::new(store, sources, &data_dir);
    tauri::async_runtime::spawn(task.run());
    let address = tauri::async_runtime::block_on(async {
        match MediaSocket::bind(main_window::origins(), calls).await {
            Ok((socket, address)) => {
                tokio::spawn(socket.run(CancellationToken::new()));
                Some(address)
            }
            Err(error) => {
                warn!(%error, "no media socket: nobody will be seen");
                None
            }
        }
    });
    tauri.manage(app.clone());
    tauri.manage(address);
    let handle = tauri.handle().clone();
    links::listen(&handle);
    tray::add(&handle);
    let window = main_window::open(tauri, options.data_dir.as_deref())?;
    if let Err(error) = page_process::keep(&window) {
        warn!(%error, "a page whose process ends is not loaded again");
    }
    tauri::async_runtime::spawn(sharing_bar::keep(handle.clone(), options.data_dir.clone(), app.sharing()));
    tauri::async_runtime::spawn(quit::quit_on_signal(handle));
    tauri::async_runtime::spawn(start_from_command_line(app, options, problem));
    Ok(())
}

/// Does what the command line asked for.
async fn start_from_command_line(app: App, options: Options, problem: Option<confab_ipc::UserError>) {
    if let Some(problem) = problem {
        app.notice(problem).await;
    }
    if let Some(text) = &options.open {
        app.open(text).await;
    }
    if (options.join.is_some() || options.start) && app.window().await {
        app.begin(options.join, options.name, options.token).await;
    }
}

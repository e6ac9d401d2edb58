//! Which windows are those of applications, and which are parts of the desktop: panels, menus, notifications.

use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, Window};

use super::desktop::Desktop;
use super::error::failed;
use crate::error::Error;

/// Types and states of a window that are read.
const MOST_ATOMS: u32 = 32;

/// True for a window that a person takes for one: not a dock, the desktop itself, a menu or a tip, and none that keeps out of
/// the list of windows.
pub(super) fn is_application(desktop: &Desktop, window: Window) -> Result<bool, Error> {
    let atoms = &desktop.atoms;
    let [types, states] = [atoms._NET_WM_WINDOW_TYPE, atoms._NET_WM_STATE].map(|name| {
        desktop.connection.get_property(false, window, name, AtomEnum::ATOM, 0, MOST_ATOMS).map_err(failed)
    });
    // A window that has gone meanwhile is none.
    let (Ok(types), Ok(states)) = (types?.reply(), states?.reply()) else { return Ok(false) };
    let list = |reply: &x11rb::protocol::xproto::GetPropertyReply| -> Vec<Atom> {
        reply.value32().map(Iterator::collect).unwrap_or_default()
    };
    let (applications, parts) = (
        [atoms._NET_WM_WINDOW_TYPE_NORMAL, atoms._NET_WM_WINDOW_TYPE_DIALOG, atoms._NET_WM_WINDOW_TYPE_UTILITY],
        [
            atoms._NET_WM_WINDOW_TYPE_DESKTOP,
            atoms._NET_WM_WINDOW_TYPE_DOCK,
            atoms._NET_WM_WINDOW_TYPE_TOOLBAR,
            atoms._NET_WM_WINDOW_TYPE_MENU,
            atoms._NET_WM_WINDOW_TYPE_SPLASH,
            atoms._NET_WM_WINDOW_TYPE_DROPDOWN_MENU,
            atoms._NET_WM_WINDOW_TYPE_POPUP_MENU,
            atoms._NET_WM_WINDOW_TYPE_TOOLTIP,
            atoms._NET_WM_WINDOW_TYPE_NOTIFICATION,
            atoms._NET_WM_WINDOW_TYPE_COMBO,
            atoms._NET_WM_WINDOW_TYPE_DND,
        ],
    );
    // The first that is known counts; a window that says none is one of an application.
    let known = list(&types).into_iter().find(|kind| applications.contains(kind) || parts.contains(kind));
    Ok(known.is_none_or(|kind| applications.contains(&kind))
        && !list(&states).contains(&atoms._NET_WM_STATE_SKIP_TASKBAR))
}

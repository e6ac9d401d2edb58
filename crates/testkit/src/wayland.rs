//! A Wayland desktop without a screen: a compositor, a session bus, PipeWire and the portal that shares screens, all its own.

mod relay;

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use tempfile::TempDir;

/// How long a part of it may take to start.
const START: Duration = Duration::from_secs(60);
/// The one screen.
const OUTPUT: &str = "HEADLESS-1";
/// Where the system says how services of a session's bus are started.
const SERVICES: &str = "/usr/share/dbus-1/services";
/// The services that this bus starts. Not the portal's store of documents: it mounts a file system.
const STARTED: [&str; 3] = [
    "org.freedesktop.portal.Desktop.service",
    "org.freedesktop.impl.portal.desktop.wlr.service",
    "org.freedesktop.impl.portal.PermissionStore.service",
];
/// The compositor's part of the portal. It starts before the rest: a question that comes while it starts waits for the next.
const BACKEND: &str = "org.freedesktop.impl.portal.desktop.wlr";
/// The user and the group that own nothing.
const NOBODY: u32 = 65_534;

/// What the person does whom the portal asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Chooses the screen at once.
    Chooses,
    /// Closes the dialog.
    Cancels,
    /// Does not answer.
    Waits,
}

/// See the module. Everything is killed on drop.
#[derive(Debug)]
pub struct Stage {
    bus: Bus,
    compositor: Group,
    _media: [Group; 2],
}

impl Stage {
    /// Starts a desktop with one screen of this size (pixels) and colour (0xRRGGBB).
    pub fn start((width, height): (u32, u32), colour: u32, person: Person) -> io::Result<Self> {
        let bus = Bus::start(&STARTED)?;
        let dir = bus.dir.path();
        fs::create_dir_all(dir.join("config/xdg-desktop-portal-wlr"))?;
        fs::write(dir.join("config/xdg-desktop-portal-wlr/config"), portal_config(dir, person))?;
        let output = format!("output {OUTPUT} mode {width}x{height}\noutput {OUTPUT} bg #{colour:06x} solid_color\n");
        fs::write(dir.join("sway.conf"), output)?;
        let compositor = compositor(&bus)?;
        wait_for("the compositor", || sway(dir, "get_outputs", &[]).is_ok())?;
        relay::listen(&dir.join("wayland"), dir.join("sway/wayland-1"))?;
        let pipewire = Group::start(&mut bus.command("pipewire"))?;
        wait_for("PipeWire", || dir.join("pipewire-0").exists())?;
        let manager = Group::start(&mut bus.command("wireplumber"))?;
        // Its own entry: without it nothing is connected to anything.
        wait_for("PipeWire's manager", || objects(&bus, "Metadata").is_ok_and(|all| all.contains("\"default\"")))?;
        let stage = Self { bus, compositor, _media: [pipewire, manager] };
        stage.bus.start_service(BACKEND)?;
        wait_for("the portal", || stage.has_portal())?;
        Ok(stage)
    }

    /// Address of its session bus.
    pub fn bus(&self) -> String {
        self.bus.address()
    }

    /// What leads a program to this desktop.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.bus.environment()
    }

    /// Fills the screen with a colour (0xRRGGBB).
    pub fn paint(&self, colour: u32) -> io::Result<()> {
        self.set_output(&["bg", &format!("#{colour:06x}"), "solid_color"])
    }

    /// Gives the screen another size in pixels.
    pub fn resize(&self, width: u32, height: u32) -> io::Result<()> {
        self.set_output(&["mode", "--custom", &format!("{width}x{height}")])
    }

    /// Kills the compositor as if it had crashed.
    pub fn kill_compositor(&mut self) {
        self.compositor.kill();
    }

    /// Whether a person who waits was asked.
    pub fn has_asked(&self) -> bool {
        asked(self.bus.dir.path()).exists()
    }

    /// How many screens are given to somebody at this moment.
    pub fn shared(&self) -> io::Result<usize> {
        Ok(objects(&self.bus, "Node")?.matches("\"Video/Source\"").count())
    }

    fn set_output(&self, change: &[&str]) -> io::Result<()> {
        sway(self.bus.dir.path(), "command", &[&["output", OUTPUT], change].concat())
    }

    fn has_portal(&self) -> bool {
        let property = ["string:org.freedesktop.portal.ScreenCast", "string:AvailableSourceTypes"];
        let (object, get) = ("/org/freedesktop/portal/desktop", "org.freedesktop.DBus.Properties.Get");
        self.bus.ask("org.freedesktop.portal.Desktop", object, get, &property).is_ok()
    }
}

/// A session bus with nothing on it but what it starts by itself. Killed on drop, with what it started.
#[derive(Debug)]
pub struct Bus {
    _daemon: Group,
    dir: TempDir,
}

impl Bus {
    /// Starts a bus without any service.
    pub fn bare() -> io::Result<Self> {
        Self::start(&[])
    }

    fn start(services: &[&str]) -> io::Result<Self> {
        let dir = TempDir::new()?;
        // The compositor may be another user's: see `compositor`.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(dir.path().join("services"))?;
        for service in services {
            symlink(Path::new(SERVICES).join(service), dir.path().join("services").join(service))?;
        }
        let config = dir.path().join("bus.conf");
        fs::write(&config, bus_config(dir.path()))?;
        let mut daemon = command(dir.path(), "dbus-daemon");
        daemon.arg("--nofork").arg("--config-file").arg(&config);
        let daemon = Group::start(&mut daemon)?;
        let bus = Self { _daemon: daemon, dir };
        wait_for("the bus", || bus.dir.path().join("bus").exists())?;
        Ok(bus)
    }

    /// Its address.
    pub fn address(&self) -> String {
        address(self.dir.path())
    }

    /// What leads a program to it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(self.dir.path())
    }

    fn start_service(&self, name: &str) -> io::Result<()> {
        let start = "org.freedesktop.DBus.StartServiceByName";
        let arguments = [format!("string:{name}"), "uint32:0".to_owned()];
        self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", start, &arguments.each_ref().map(String::as_str))
    }

    fn ask(&self, name: &str, object: &str, method: &str, arguments: &[&str]) -> io::Result<()> {
        let mut ask = self.command("dbus-send");
        ask.args(["--session", "--print-reply"]).arg(format!("--dest={name}")).args([object, method]).args(arguments);
        let status = ask.status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{name} {method}: {status}"))) }
    }

    fn command(&self, program: &str) -> Command {
        command(self.dir.path(), program)
    }
}

/// A program, and what it started; killed on drop.
#[derive(Debug)]
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> io::Result<Self> {
        let started = command.process_group(0).spawn();
        started.map(Self).map_err(|error| io::Error::other(format!("{:?}: {error}", command.get_program())))
    }

    fn kill(&mut self) {
        // One that has ended already is as good.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// PipeWire's objects of a kind, with their properties.
fn objects(bus: &Bus, kind: &str) -> io::Result<String> {
    let listed = bus.command("pw-cli").args(["list-objects", kind]).stdout(Stdio::piped()).output()?;
    Ok(String::from_utf8_lossy(&listed.stdout).into_owned())
}

/// A program of the desktop in `dir`, quiet.
fn command(dir: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.envs(environment(dir)).env_remove("DISPLAY");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn environment(dir: &Path) -> Vec<(&'static str, String)> {
    let path = |part: &str| dir.join(part).to_string_lossy().into_owned();
    vec![
        ("DBUS_SESSION_BUS_ADDRESS", address(dir)),
        ("HOME", path("")),
        ("WAYLAND_DISPLAY", path("wayland")),
        ("XDG_CONFIG_HOME", path("config")),
        ("XDG_CURRENT_DESKTOP", "sway".to_owned()),
        ("XDG_DATA_HOME", path("data")),
        ("XDG_RUNTIME_DIR", path("")),
        ("XDG_SESSION_TYPE", "wayland".to_owned()),
        ("XDG_STATE_HOME", path("state")),
    ]
}

fn address(dir: &Path) -> String {
    format!("unix:path={}", dir.join("bus").display())
}

/// Starts sway. It refuses to be root's, so then it is nobody's, in a folder of its own.
fn compositor(bus: &Bus) -> io::Result<Group> {
    let dir = bus.dir.path();
    let own: PathBuf = dir.join("sway");
    fs::create_dir(&own)?;
    let mut sway = bus.command("sway");
    sway.arg("--config").arg(dir.join("sway.conf"));
    sway.env("HOME", &own).env("XDG_RUNTIME_DIR", &own).env("SWAYSOCK", own.join("ipc")).env_remove("WAYLAND_DISPLAY");
    sway.envs([("WLR_BACKENDS", "headless"), ("WLR_RENDERER", "pixman"), ("WLR_LIBINPUT_NO_DEVICES", "1")]);
    if geteuid().is_root() {
        chown(&own, Some(NOBODY), Some(NOBODY))?;
        sway.uid(NOBODY).gid(NOBODY);
    }
    Group::start(&mut sway)
}

/// Runs `swaymsg` against the compositor in `dir`.
fn sway(dir: &Path, kind: &str, message: &[&str]) -> io::Result<()> {
    let mut told = command(dir, "swaymsg");
    let status = told.arg("--socket").arg(dir.join("sway/ipc")).args(["--type", kind, "--"]).args(message).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("swaymsg {kind} {message:?}: {status}"))) }
}

/// Is there when a person who waits was asked.
fn asked(dir: &Path) -> PathBuf {
    dir.join("asked")
}

fn portal_config(dir: &Path, person: Person) -> String {
    let chooser = match person {
        Person::Chooses => format!("chooser_type=none\noutput_name={OUTPUT}"),
        Person::Cancels => "chooser_type=simple\nchooser_cmd=true".to_owned(),
        Person::Waits => format!("chooser_type=simple\nchooser_cmd=touch {} && sleep 600", asked(dir).display()),
    };
    format!("[screencast]\nmax_fps=30\n{chooser}\n")
}

fn bus_config(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={dir}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{dir}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#
    )
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) -> io::Result<()> {
    let deadline = Instant::now() + START;
    while !is_there() {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} does not start")));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

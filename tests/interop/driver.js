/**
 * Drives Chromium for tests in other languages: one JSON command a line on standard input, one JSON answer a line on
 * standard output (`{ id, value }` or `{ id, error }`), everything that the pages say on standard error. It ends with
 * its input, and takes the browser along.
 *
 *   { id, do: "open", page }                    a page of its own, served from here; another origin than the server's
 *   { id, do: "eval", page, script }            the body of an async function; answers with what it returns
 *   { id, do: "wait", page, script, timeout }   an expression, again and again until it is truthy
 *   { id, do: "shot", page, path }              a screenshot
 *   { id, do: "close", page }                   closes the page, as a person does
 *   { id, do: "crash", page }                   ends the page's process, as nobody does
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = fileURLToPath(new URL(".", import.meta.url));
const socketIo = join(here, "node_modules/socket.io-client/dist/socket.io.esm.min.js");
// The peer under the names of rtc.io; the stock library has the same, and can be tried in its place.
const rtcio = process.env.CONFAB_RTCIO_JS ?? join(here, "page/rtcio.js");
const metered = join(here, "node_modules/@metered-ca/realtime/dist/index.mjs");
// The stock client of PeerJS.
const peerjs = join(here, "node_modules/peerjs/dist");
const served = {
  "/socket.io.js": socketIo,
  "/rtcio.js": rtcio,
  "/metered-sdk.js": metered,
  "/peerjs.js": join(peerjs, "peerjs.min.js"),
  "/peerjs.msgpack.mjs": join(peerjs, "serializer.msgpack.mjs"),
};
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Pages that are not in front have to send and receive as well.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--autoplay-policy=no-user-gesture-required",
  // A page that may use the camera is told its own addresses. These never ask for one, and would get .local names.
  "--disable-features=WebRtcHideLocalIpsWithMdns",
  "--allow-loopback-in-peer-connection",
];

// With the devices of the sound server of the environment; else there is no sound card and none is needed: the pages listen to
// samples.
const sound = Boolean(process.env.CONFAB_CHROMIUM_SOUND);
if (!sound) flags.push("--disable-audio-output", "--use-fake-device-for-media-stream");

// Pages that ask for a screen get all of the display. The person who is played otherwise, and allows everything, chooses none.
const screen = Boolean(process.env.CONFAB_CHROMIUM_SCREEN);
flags.push(screen ? "--auto-select-desktop-capture-source=Entire screen" : "--use-fake-ui-for-media-stream");

const web = createServer(async (request, response) => {
  const path = new URL(request.url, "http://page").pathname;
  const file = served[path] ?? join(here, normalize(path));
  const type = types[extname(file)];
  try {
    if (!type) throw new Error("not a page");
    const body = await readFile(file);
    response.writeHead(200, { "content-type": type }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${web.address().port}`;

// "1280x800": with a head, on the display of the environment, and pages of that size.
const [width, height] = (process.env.CONFAB_CHROMIUM_WINDOW ?? "").split("x").map(Number);
const browser = await chromium.launch({
  executablePath: process.env.CONFAB_CHROMIUM ?? "/usr/bin/chromium",
  headless: !width,
  args: [...flags, ...(process.env.CONFAB_CHROMIUM_SWITCHES ?? "").split(" ").filter(Boolean)],
  // Playwright's own choice for browsers without a head.
  ignoreDefaultArgs: sound ? ["--mute-audio"] : [],
  handleSIGINT: false,
  handleSIGTERM: false,
});
const pages = new Map();

const commands = {
  async open({ page: name }) {
    // A window of its own: tabs in the background are painted never.
    const page = await (await browser.newContext(width ? { viewport: { width, height } } : {})).newPage();
    page.on("console", (message) => console.error(`[${name}] ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => console.error(`[${name}] ${error.stack}`));
    await page.goto(`${origin}/page/index.html`);
    await page.waitForFunction("window.call && window.peer");
    pages.set(name, page);
  },
  eval: ({ page, script }) => find(page).evaluate(`(async () => { ${script} })()`),
  async wait({ page, script, timeout }) {
    const handle = await find(page).waitForFunction(script, undefined, { timeout, polling: 100 });
    return handle.jsonValue();
  },
  async shot({ page, path }) {
    await find(page).screenshot({ path });
  },
  close: ({ page }) => find(page).context().close(),
  async crash({ page }) {
    const session = await find(page).context().newCDPSession(find(page));
    // The answer to this never comes from a process that is gone.
    session.send("Page.crash").catch(() => {});
    await find(page).waitForEvent("crash");
  },
};

function find(name) {
  const page = pages.get(name);
  if (!page) throw new Error(`there is no page ${name}`);
  return page;
}

async function run(line) {
  const command = JSON.parse(line);
  try {
    const value = (await commands[command.do](command)) ?? null;
    console.log(JSON.stringify({ id: command.id, value }));
  } catch (error) {
    console.log(JSON.stringify({ id: command.id, error: String(error) }));
  }
}

const input = createInterface({ input: process.stdin });
input.on("line", run);
input.on("close", async () => {
  // A browser that does not end in order is killed by the end of its pipe.
  setTimeout(() => process.exit(1), 5_000).unref();
  await browser.close();
  process.exit(0);
});

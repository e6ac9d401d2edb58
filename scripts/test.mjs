#!/usr/bin/env node
// Everything that must hold, quick checks first: `make test`, and with `--all` also what takes long: `make test-all`. Goes on
// after a failure. At its end it says how long everything took, then `FAILED name` and `FLAKY name (n tries)`, and on the
// last line "N passed, N failed"; the exit code is 0 only if nothing failed.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildOf, hashOf, Passed } from './testing/passed.mjs';
import { timings, warned } from './testing/reports.mjs';
import { command, Run } from './testing/run.mjs';
import { CargoTest, Nextest, Vitest } from './testing/suites.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

/** The package of end-to-end tests. */
const END_TO_END = 'package(confab-tests)';
/** Its tests of the long forms: a call over each kind of network. */
const LONG = 'test(/^network::matrix::/)';
/**
 * Tests that wait for timeouts, networks and browsers nearly all of their time, and measure neither pictures nor sound: three
 * for each core run at a time.
 */
const WAITING =
  '(package(/^confab-(rtcio|transport)$/) and binary(it) and not test(/^(degradation|statistics)::/)) or ' +
  '(package(confab-tests) and test(/^conformance::/) and not test(/^conformance::(asleep|encoding|levels|ours_media|stats)::/)) or ' +
  '(package(confab-tests) and test(/^network::(faults|matrix|profiles)::/))';

/** Crates whose tests start no other program of ours and read no file of the repository but `inputs`. */
const SELF_CONTAINED = ['confab-wire', 'confab-rtp', 'confab-transport', 'confab-rtcio', 'confab-media', 'confab-server'];

const long = process.argv.includes('--all');
const runs = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const ownTests = readdirSync('scripts/testing').filter((name) => name.endsWith('.test.mjs')).map((name) => join('scripts/testing', name));
const run = new Run();

await rules();
process.exitCode = run.end();

async function rules() {
  if (!(await run.check('what building and testing need', 'scripts/setup', 'test'))) return;
  await run.check('the test run itself', process.execPath, '--test', '--test-reporter=dot', ...ownTests);
  await run.check('Rust: format', 'cargo', 'fmt', '--all', '--check');
  await run.check('user interface: types', 'npm', '--prefix', 'ui', 'run', '--silent', 'check');
  const workspace = metadata();
  const passed = new Passed(join(workspace.target_directory, 'confab-passed.json'));
  await userInterface(passed, 'user interface: unit tests', 'test');
  await run.check('user interface: build', 'npm', '--prefix', 'ui', 'run', '--silent', 'build');
  // Waits for a browser half of its time: the compiler runs beside it.
  const behaviour = userInterface(passed, 'user interface: behaviour and accessibility in a browser', 'test:browser');
  if (runs('cargo', 'deny', '--version')) await run.check('Rust: cargo-deny', 'cargo', 'deny', '--log-level', 'error', 'check', 'licenses', 'bans', 'sources');
  else console.log('\ncargo-deny is not installed: licences are tested by the house rules');
  const options = ['--workspace', ...fuzzing(workspace)];
  const compiled = await compile(workspace, options);
  await behaviour;
  if (compiled) await rust(workspace, options, passed);
  if (long) await longForms();
}

/** One of vitest's suites, unless nothing below `ui` changed since it passed. */
async function userInterface(passed, name, script) {
  const state = `${process.version} ${hashOf(['ui'], ['node_modules', 'dist'])}`;
  if (!long && passed.has(name, state)) return run.unchanged(name);
  const suite = new Vitest(join(root, 'ui'), script);
  const groups = await run.suite(name, suite);
  if (groups.length > 0 && groups.length === suite.groups) passed.add(name, state);
}

/** What the fuzz targets reach is looked at, too: the targets themselves are built by `make fuzz` only. */
function fuzzing({ packages, workspace_members: members }) {
  const with_ = packages.filter(({ id, features }) => members.includes(id) && features.fuzzing).map(({ name }) => `${name}/fuzzing`);
  return with_.length > 0 ? ['--features', with_.join()] : [];
}

/**
 * Everything is compiled once, and clippy looks on: it is the compiler of our own crates, with lints. A `cargo clippy` of its
 * own would check all third-party crates a second time.
 */
async function compile(workspace, options) {
  const clippy = runs('clippy-driver', '--version');
  if (clippy) process.env.RUSTC_WORKSPACE_WRAPPER = 'clippy-driver';
  const warnings = new Set();
  const onLine = (line) => {
    const crate = warned(line);
    if (crate) warnings.add(crate);
    return !/^ *(Compiling|Downloaded) /.test(line);
  };
  const what = 'Rust: compiling everything, with clippy';
  const compiled = await run.stage(what, async () => {
    return (await command('cargo', ['build', ...options, '--all-targets', '--timings', '--color', 'never'], { onLine })) === 0;
  });
  run.count('Rust: compiles', compiled);
  run.count(`Rust: clippy without warnings${clippy ? [...warnings].map((crate) => ` ${crate}`) : ': it is not installed'}`, clippy && warnings.size === 0);
  if (!compiled) return false;
  const own = new Set(workspace.packages.map(({ name }) => name));
  const page = readFileSync(join(workspace.target_directory, 'cargo-timings/cargo-timing.html'), 'utf8');
  for (const [kind, units, seconds] of timings(page, (name) => own.has(name))) run.part(kind, seconds, `${units} units`);
  return true;
}

async function rust({ target_directory: target }, options, passed) {
  if (runs('cargo', 'nextest', '--version')) {
    const nextest = (filter, ...more) => new Nextest(options, filter, target, more);
    // What these tests read that is not in their program: pages of the browsers, and what was found by fuzzing.
    const inputs = hashOf(['tests/interop', 'fuzz/corpus'], ['node_modules']);
    const programs = nextest('all()').programs().filter(({ crate }) => SELF_CONTAINED.includes(crate));
    const states = new Map(programs.map(({ id, path }) => [id, `${buildOf(path)} ${inputs}`]));
    const same = [...states].filter(([id, state]) => !long && passed.has(id, state)).map(([id]) => id);
    same.forEach((id) => run.unchanged(id));
    const left = same.map((id) => ` and not binary_id(=${id})`).join('') + (long ? '' : ` and not (${END_TO_END} and ${LONG})`);
    const suite = async (name, filter, ...more) => {
      const groups = await run.suite(name, nextest(`(${filter})${left}`, ...more));
      for (const id of groups) if (states.has(id)) passed.add(id, states.get(id));
    };
    await suite('Rust: every crate', `not ${END_TO_END} and not (${WAITING})`);
    await suite('Rust: connections, ours and those of browsers', WAITING, '--test-threads', String(3 * availableParallelism()));
    await suite('end to end: headless peers, sound, screens, networks, windows', `${END_TO_END} and not (${WAITING})`);
    // Which nextest leaves out.
    await run.check('Rust: examples of the documentation', 'cargo', 'test', ...options, '--doc', '--quiet');
  } else {
    await run.suite('Rust: every crate, end to end, examples of the documentation', new CargoTest(options));
  }
}

/** What takes long and is seldom broken by a change. */
async function longForms() {
  // Not what is measured or shipped.
  delete process.env.RUSTC_WORKSPACE_WRAPPER;
  await run.check('long: rustdoc without warnings', 'env', 'RUSTDOCFLAGS=-D warnings', 'cargo', 'doc', '--workspace', '--no-deps', '--quiet');
  await run.check('long: endurance', 'make', 'endurance');
  await run.check('long: fuzz', 'scripts/fuzz');
  await run.check('long: packages', 'scripts/try-packages');
}

/** The workspace, without what it is built from. */
function metadata() {
  const { stdout } = spawnSync('cargo', ['metadata', '--format-version', '1', '--no-deps'], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

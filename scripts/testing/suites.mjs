// The suites of a run: how each is started, and how one test of it is run again alone.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cargoTest, junit, vitest } from './reports.mjs';
import { command } from './run.mjs';

const read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** vitest in the folder `root` by one of its npm scripts. */
export class Vitest {
  constructor(root, script) {
    this.root = root;
    this.script = script;
  }

  async #run(report, args) {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile=${report}`];
    return command('npm', ['--prefix', this.root, 'run', '--silent', this.script, '--', ...reporters, ...args]);
  }

  async #report(args) {
    const folder = mkdtempSync(join(tmpdir(), 'confab-vitest-'));
    const code = await this.#run(join(folder, 'report.json'), args);
    const json = read(join(folder, 'report.json'));
    rmSync(folder, { recursive: true });
    return { passed: code === 0, tests: json ? vitest(json, this.root) : [] };
  }

  async run() {
    const report = await this.#report([]);
    /** How many files of tests there are, if all is well beside them. */
    this.groups = report.passed ? new Set(report.tests.map(({ group }) => group)).size : undefined;
    return report;
  }

  async again({ file, name }) {
    const { passed, tests } = await this.#report([file, '-t', `^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`]);
    return passed && tests.length > 0;
  }
}

/** Rust tests by cargo-nextest: those that `filter` chooses of what `options` build; `more` are options of nextest. */
export class Nextest {
  constructor(options, filter, targetFolder, more = []) {
    this.build = options;
    this.options = ['nextest', 'run', ...options, '--color', 'never', '--no-fail-fast', '--status-level', 'slow', '--final-status-level', 'fail'];
    this.filter = filter;
    this.more = more;
    this.report = join(targetFolder, 'nextest/default/junit.xml');
  }

  /** Programs of tests by nextest's id, once they are built. */
  programs() {
    const { stdout } = spawnSync('cargo', ['nextest', 'list', ...this.build, '--list-type', 'binaries-only', '--message-format', 'json'], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const list = Object.values(JSON.parse(stdout || '{}')['rust-binaries'] ?? {});
    return list.map((program) => ({ id: program['binary-id'], crate: program['package-name'] ?? program['binary-id'].split('::')[0], path: program['binary-path'] }));
  }

  async run() {
    rmSync(this.report, { force: true });
    const code = await command('cargo', [...this.options, ...this.more, '-E', this.filter]);
    return { passed: code === 0, tests: junit(read(this.report)) };
  }

  async again({ group, name }) {
    return (await command('cargo', [...this.options, '--test-threads', '1', '-E', `binary_id(=${group}) & test(=${name})`])) === 0;
  }
}

/**
 * All Rust tests by cargo itself, one after the other: it can't choose some packages without building their dependencies
 * once more with other features.
 */
export class CargoTest {
  constructor(options) {
    this.options = ['test', ...options];
  }

  async #run(args) {
    const lines = [];
    const code = await command('cargo', [...this.options, ...args], { onLine: (line) => lines.push(line) });
    return { code, ...cargoTest(lines.join('\n')) };
  }

  async run() {
    const { code, passed, failed } = await this.#run(['--no-fail-fast', '--', '--test-threads', '1']);
    const tests = failed.map((name) => ({ name, group: 'cargo test', seconds: 0, passed: false }));
    return { passed: code === 0, unnamed: passed, tests };
  }

  async again({ name }) {
    const { code, passed } = await this.#run(['--', '--exact', name, '--test-threads', '1']);
    return code === 0 && passed > 0;
  }
}

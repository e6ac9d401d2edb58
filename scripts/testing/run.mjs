// A run of stages, most of them one after the other: counts what passed and failed, measures how long everything took, runs
// failed tests again, and says all that at its end.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How often a failed test is run again, alone. */
const AGAIN = 2;
/** With more failures than this in one suite it is not tests that are unreliable. */
const AT_MOST = 20;
/** How many of the slowest tests are listed. */
const SLOWEST = 20;

/**
 * Runs a program; answers with its exit code. With `onLine`, each line that it writes is given to that; where that answers
 * false, the line is not shown.
 */
export function command(program, args, { env, onLine } = {}) {
  return new Promise((resolve) => {
    const stdio = onLine ? ['inherit', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(program, args, { stdio, env: { ...process.env, ...env } });
    if (onLine) {
      for (const output of [child.stdout, child.stderr]) {
        createInterface({ input: output }).on('line', (line) => onLine(line) !== false && console.log(line));
      }
    }
    child.on('error', (error) => {
      console.log(`${program}: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

export class Run {
  #passed = 0;
  #failed = [];
  #flaky = [];
  #unchanged = [];
  /** @type {[name: string, seconds: number, note: string][]} */
  #times = [];
  #tests = [];
  #begun = performance.now();
  #write;

  constructor(write = console.log) {
    this.#write = write;
  }

  get hasFailed() {
    return this.#failed.length > 0;
  }

  /** Does `work` and measures it. */
  async stage(name, work) {
    this.#write(`\n== ${name}`);
    const begun = performance.now();
    const result = await work();
    this.#times.push([name, (performance.now() - begun) / 1000, '']);
    return result;
  }

  /** A part of the stage before; its seconds are a sum over what ran at the same time. */
  part(name, seconds, note) {
    this.#times.push([`    ${name}`, seconds, note]);
  }

  count(name, passed) {
    if (passed) this.#passed += 1;
    else this.#failed.push(name);
  }

  /** A command that passes or fails. */
  async check(name, program, ...args) {
    const passed = await this.stage(name, async () => (await command(program, args)) === 0);
    this.count(name, passed);
    return passed;
  }

  /**
   * Tests that are counted one by one. `suite.run` answers with its tests, how many passed beside them, and whether all of it
   * did; `suite.again` runs one test alone and answers whether it passed. Answers with the groups that passed at once.
   */
  async suite(name, suite) {
    const tests = await this.stage(name, async () => {
      const { tests, unnamed = 0, passed } = await suite.run();
      const failed = tests.filter((test) => !test.passed);
      this.#passed += unnamed + tests.length - failed.length;
      // What fails without a failed test did not come to its tests.
      if (!passed && failed.length === 0) this.#failed.push(name);
      if (failed.length > AT_MOST) this.#write(`${failed.length} tests failed: too many to run them again`);
      for (const test of failed) await this.#again(suite, test, failed.length > AT_MOST);
      return tests;
    });
    this.#tests.push(...tests);
    for (const group of new Set(tests.map(({ group }) => group))) {
      const its = tests.filter((test) => test.group === group);
      this.part(group, its.reduce((sum, { seconds }) => sum + seconds, 0), `${its.length} tests`);
    }
    const failed = new Set(tests.filter(({ passed }) => !passed).map(({ group }) => group));
    return [...new Set(tests.map(({ group }) => group))].filter((group) => !failed.has(group));
  }

  /** Something that passed before and is the same still. */
  unchanged(name) {
    this.#unchanged.push(name);
  }

  async #again(suite, test, tooMany) {
    const name = `${test.group} ${test.name}`;
    for (let tries = 2; tries <= 1 + AGAIN && !tooMany; tries += 1) {
      this.#write(`\n-- again, alone: ${name}`);
      if (await suite.again(test)) {
        this.#flaky.push(`FLAKY ${name} (${tries} tries)`);
        this.#passed += 1;
        return;
      }
    }
    this.#failed.push(name);
  }

  /** Says what happened; answers with the exit code. */
  end() {
    const row = (name, seconds, note) => this.#write(`${name.padEnd(64)} ${seconds.toFixed(1).padStart(8)} s  ${note}`.trimEnd());
    this.#write('\n== times (indented: sums over what ran at the same time)');
    for (const time of this.#times) row(...time);
    row('in all', (performance.now() - this.#begun) / 1000, '');
    const slowest = this.#tests.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
    if (slowest.length > 0) this.#write('\n== the slowest tests');
    for (const { group, name, seconds } of slowest) this.#write(`${seconds.toFixed(1).padStart(8)} s  ${group} ${name}`);
    this.#write('');
    for (const name of this.#unchanged) this.#write(`unchanged since it passed, not run again: ${name}`);
    for (const name of this.#failed) this.#write(`FAILED ${name}`);
    for (const line of this.#flaky) this.#write(line);
    this.#write(`${this.#passed} passed, ${this.#failed.length} failed`);
    return this.hasFailed ? 1 : 0;
  }
}

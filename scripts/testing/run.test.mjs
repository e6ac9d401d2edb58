import assert from 'node:assert/strict';
import { test } from 'node:test';
import { command, Run } from './run.mjs';

const outcome = (name, passed) => ({ name, group: 'crate', seconds: 1, passed });

/** A suite whose failed tests pass at the given tries; counts how often each is run again. */
function suite(tests, passed, passesAt = {}) {
  const tries = {};
  return {
    tries,
    run: async () => ({ tests, passed }),
    again: async ({ name }) => {
      tries[name] = (tries[name] ?? 1) + 1;
      return tries[name] === passesAt[name];
    },
  };
}

async function lines(...suites) {
  const written = [];
  const run = new Run((line) => written.push(line));
  for (const [index, one] of suites.entries()) await run.suite(`suite ${index}`, one);
  return { code: run.end(), last: written.slice(written.lastIndexOf('') + 1), written };
}

test('what passes is counted', async () => {
  const { code, last } = await lines(suite([outcome('a', true), outcome('b', true)], true));
  assert.deepEqual([code, last], [0, ['2 passed, 0 failed']]);
});

test('a failed test that passes when it is run again is green, and named before the last line', async () => {
  const shaky = suite([outcome('a', true), outcome('b', false), outcome('c', false)], false, { b: 2, c: 3 });
  const { code, last } = await lines(shaky);
  assert.deepEqual([code, last], [0, ['FLAKY crate b (2 tries)', 'FLAKY crate c (3 tries)', '3 passed, 0 failed']]);
});

test('a test that fails three times has failed', async () => {
  const broken = suite([outcome('a', true), outcome('b', false)], false, { b: 4 });
  const { code, last } = await lines(broken);
  assert.deepEqual([code, last, broken.tries], [1, ['FAILED crate b', '1 passed, 1 failed'], { b: 3 }]);
});

test('a suite that fails without a failed test is one failure', async () => {
  const { code, last } = await lines(suite([], false), suite([outcome('a', true)], true));
  assert.deepEqual([code, last], [1, ['FAILED suite 0', '1 passed, 1 failed']]);
});

test('where very many fail, none is run again', async () => {
  const broken = suite(Array.from({ length: 21 }, (_, index) => outcome(`t${index}`, false)), false, { t0: 2 });
  const { code, last } = await lines(broken);
  assert.deepEqual([code, last.at(-1), broken.tries], [1, '0 passed, 21 failed', {}]);
});

test('the slowest tests and the sums of each group are listed', async () => {
  const { written } = await lines(suite([outcome('a', true), { ...outcome('b', true), seconds: 12 }], true));
  assert.ok(written.includes('    12.0 s  crate b'));
  assert.ok(written.some((line) => /^ {4}crate +13\.0 s {2}2 tests$/.test(line)));
});

test('groups that passed at once are told, and what was left out is named', async () => {
  const written = [];
  const run = new Run((line) => written.push(line));
  const tests = [outcome('a', true), { ...outcome('b', true), group: 'other' }, { ...outcome('c', false), group: 'other' }];
  assert.deepEqual(await run.suite('suite', suite(tests, false, { c: 2 })), ['crate']);
  run.unchanged('unit tests');
  run.end();
  assert.deepEqual(written.slice(-3), ['unchanged since it passed, not run again: unit tests', 'FLAKY other c (2 tries)', '3 passed, 0 failed']);
});

test('a check is a command that ends well', async () => {
  const run = new Run(() => {});
  assert.equal(await run.check('yes', 'true'), true);
  assert.equal(await run.check('no', 'false'), false);
  assert.equal(run.end(), 1);
});

test('lines of a command are seen, and a program that is not there fails', async (context) => {
  const log = context.mock.method(console, 'log', () => {});
  const seen = [];
  assert.equal(await command('sh', ['-c', 'echo a; echo b >&2; exit 3'], { onLine: (line) => (seen.push(line), line !== 'a') }), 3);
  assert.deepEqual(seen.sort(), ['a', 'b']);
  assert.deepEqual(log.mock.calls.map(({ arguments: [line] }) => line), ['b']);
  assert.equal(await command('/does/not/exist', []), 127);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cargoTest, junit, timings, vitest, warned } from './reports.mjs';

test('of a JUnit report each test is read with its time', () => {
  const xml = `<?xml version="1.0"?><testsuites><testsuite name="confab-call::it" tests="3">
    <testcase name="call::a" classname="confab-call::it" timestamp="x" time="1.250">
    </testcase>
    <testcase name="call::b&lt;u8&gt;" classname="confab-call::it" time="0.5">
      <failure message="panicked at a &gt; b" type="test failure">thread &apos;b&apos;</failure>
      <system-out>says &lt;failure</system-out>
    </testcase>
    <testcase name="call::c" classname="confab-call::it" time="60"><error type="test timeout"/></testcase>
    <testcase name="call::d" classname="confab-call::it" time="0"/></testsuite></testsuites>`;
  assert.deepEqual(junit(xml), [
    { name: 'call::a', group: 'confab-call::it', seconds: 1.25, passed: true },
    { name: 'call::b<u8>', group: 'confab-call::it', seconds: 0.5, passed: false },
    { name: 'call::c', group: 'confab-call::it', seconds: 60, passed: false },
    { name: 'call::d', group: 'confab-call::it', seconds: 0, passed: true },
  ]);
  assert.deepEqual(junit(''), []);
});

test('of cargo test the sums and the failed names are read', () => {
  const output = `
running 3 tests
test a::b ... ok
test a::c ... said something without an end
FAILED
test a::d ... FAILED

failures:

---- a::c stdout ----
    indented, and no name
thread 'a::c' panicked

failures:
    a::c
    a::d

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out

running 2 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out
`;
  assert.deepEqual(cargoTest(output), { passed: 3, failed: ['a::c', 'a::d'] });
});

test('of vitest each test is read, without what was skipped', () => {
  const json = JSON.stringify({
    testResults: [
      {
        name: '/root/ui/browser/lobby.test.ts',
        assertionResults: [
          { fullName: 'lobby keeps', status: 'failed', duration: 1500 },
          { fullName: 'lobby other', status: 'skipped' },
          { fullName: 'lobby passes', status: 'passed', duration: 20 },
        ],
      },
    ],
  });
  const [group, file] = ['browser/lobby.test.ts', '/root/ui/browser/lobby.test.ts'];
  assert.deepEqual(vitest(json, '/root/ui'), [
    { name: 'lobby keeps', group, file, seconds: 1.5, passed: false },
    { name: 'lobby passes', group, file, seconds: 0.02, passed: true },
  ]);
});

test('crates with warnings are found', () => {
  assert.equal(warned('warning: `confab-call` (lib) generated 1 warning'), '`confab-call` (lib)');
  assert.equal(warned('warning: `confab` (bin "confab" test) generated 12 warnings (1 duplicate)'), '`confab` (bin "confab" test)');
  assert.equal(warned('warning: equality checks against true are unnecessary'), undefined);
});

test('compile times are summed by kind', () => {
  const units = [
    { name: 'itoa', mode: 'todo', target: '', duration: 1 },
    { name: 'itoa', mode: 'run-custom-build', target: ' build script (run)', duration: 2 },
    { name: 'confab-call', mode: 'todo', target: '', duration: 4 },
    { name: 'confab-call', mode: 'todo', target: ' it "test" (test)', duration: 8 },
    { name: 'confab-call', mode: 'todo', target: ' (test)', duration: 16 },
    { name: 'confab', mode: 'todo', target: ' confab "bin"', duration: 32 },
  ];
  const html = `<script>const UNIT_DATA = ${JSON.stringify(units, null, 2)};</script>`;
  assert.deepEqual(timings(html, (name) => name.startsWith('confab')), [
    ['third-party crates', 2, 3],
    ['own libraries', 1, 4],
    ['own programs and tests, with linking', 3, 56],
  ]);
  assert.deepEqual(timings('another page', () => true), []);
});

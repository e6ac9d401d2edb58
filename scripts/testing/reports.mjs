// Reads what test programs and cargo write: each function takes a text and answers with what happened.

/**
 * A test that ran.
 * @typedef {{ name: string, group: string, seconds: number, passed: boolean, file?: string }} Test
 */

const ENTITIES = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const unescape = (text) => text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name) => ENTITIES[name]);

/**
 * nextest's JUnit report. The group is nextest's binary id (`confab-call::it`).
 * @returns {Test[]}
 */
export function junit(xml) {
  const tests = [];
  for (const [, attributes, , content = ''] of xml.matchAll(/<testcase\b((?:[^>"]|"[^"]*")*?)(\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const value = (key) => unescape(new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? '');
    const passed = !/<(failure|error)\b/.test(content);
    tests.push({ name: value('name'), group: value('classname'), seconds: Number(value('time')), passed });
  }
  return tests;
}

/**
 * The output of `cargo test`, which names only what failed: how many passed, and the failed ones.
 * @returns {{ passed: number, failed: string[] }}
 */
export function cargoTest(output) {
  let passed = 0;
  const failed = [];
  let listing = false;
  for (const line of output.split('\n')) {
    const result = /^test result: .*?(\d+) passed; (\d+) failed/.exec(line);
    if (result) passed += Number(result[1]);
    // Twice: what the failed ones said, then their names, indented.
    if (line === 'failures:') listing = true;
    else if (listing && line.startsWith('    ')) failed.push(line.trim());
    else listing = false;
  }
  return { passed, failed };
}

/**
 * vitest's JSON report. The group is the test file's path below `root`.
 * @returns {Test[]}
 */
export function vitest(json, root) {
  return JSON.parse(json).testResults.flatMap((file) =>
    file.assertionResults
      .filter(({ status }) => status === 'passed' || status === 'failed')
      .map(({ fullName, status, duration }) => ({
        name: fullName,
        group: file.name.replace(`${root}/`, ''),
        seconds: (duration ?? 0) / 1000,
        passed: status === 'passed',
        file: file.name,
      })),
  );
}

/** Crates that had warnings, of a line of cargo's output; also of crates that were compiled by an earlier run. */
export const warned = (line) => /^warning: (`.*?` \(.*?\)) generated \d+ warning/.exec(line)?.[1];

/**
 * What compiling took, of the page that `cargo build --timings` writes: seconds of all compilers together, by kind of unit.
 * A program or a test is linked in the same unit.
 * @returns {[kind: string, units: number, seconds: number][]}
 */
export function timings(html, isOwn) {
  const text = /const UNIT_DATA = (\[[\s\S]*?\n\]);/.exec(html)?.[1];
  const sums = { 'third-party crates': [], 'own libraries': [], 'own programs and tests, with linking': [] };
  const kinds = Object.keys(sums);
  for (const { name, mode, target, duration } of JSON.parse(text ?? '[]')) {
    const linked = /"(bin|test|example)"|\(test\)/.test(target) && mode !== 'run-custom-build';
    sums[kinds[!isOwn(name) ? 0 : linked ? 2 : 1]].push(duration);
  }
  return kinds.filter((kind) => sums[kind].length > 0).map((kind) => [kind, sums[kind].length, sums[kind].reduce((a, b) => a + b, 0)]);
}

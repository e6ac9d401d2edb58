import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildOf, hashOf, Passed } from './passed.mjs';

function folder(context) {
  const path = mkdtempSync(join(tmpdir(), 'confab-passed-'));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a hash tells contents and names, and leaves out what is not looked at', (context) => {
  const root = folder(context);
  mkdirSync(join(root, 'src/dist'), { recursive: true });
  writeFileSync(join(root, 'src/a'), 'one');
  const hash = () => hashOf([root], ['dist']);
  const first = hash();
  writeFileSync(join(root, 'src/dist/built'), 'built');
  assert.equal(hash(), first);
  writeFileSync(join(root, 'src/a'), 'two');
  const second = hash();
  assert.notEqual(second, first);
  writeFileSync(join(root, 'src/b'), '');
  assert.notEqual(hash(), second);
});

test('a program that was written anew is another one', (context) => {
  const program = join(folder(context), 'program');
  writeFileSync(program, 'x');
  const build = buildOf(program);
  assert.equal(buildOf(program), build);
  utimesSync(program, 1, 2);
  assert.notEqual(buildOf(program), build);
});

test('what passed is known to the next run, in the state in which it passed', (context) => {
  const path = join(folder(context), 'target/passed.json');
  assert.equal(new Passed(path).has('a', 's1'), false);
  new Passed(path).add('a', 's1');
  assert.deepEqual([new Passed(path).has('a', 's1'), new Passed(path).has('a', 's2'), new Passed(path).has('b', 's1')], [true, false, false]);
  writeFileSync(path, 'rubbish');
  assert.equal(new Passed(path).has('a', 's1'), false);
});

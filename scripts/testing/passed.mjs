// What passed before and can't have changed: a run after a small change leaves it out. Kept beside what is compiled, so that
// a fresh clone and a cleaned folder know nothing.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A hash of all files below some folders, names and contents; not of those in folders that are called as `without` says. */
export function hashOf(folders, without = []) {
  const hash = createHash('sha256');
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (without.includes(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) hash.update(`${path}\0`).update(readFileSync(path)).update('\0');
    }
  };
  folders.forEach(walk);
  return hash.digest('hex');
}

/** What tells one build of a program from another: cargo writes it anew each time. */
export function buildOf(program) {
  const { size, mtimeMs } = statSync(program);
  return `${program} ${size} ${mtimeMs}`;
}

export class Passed {
  #path;
  #known;

  constructor(path) {
    this.#path = path;
    try {
      this.#known = JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      this.#known = {};
    }
  }

  /** Whether `name` passed when what it depends on was `state`. */
  has(name, state) {
    return this.#known[name] === state;
  }

  add(name, state) {
    this.#known[name] = state;
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify(this.#known, null, 1));
  }
}

import { isTauri } from '@tauri-apps/api/core';
import type { Backend } from './door';
import { tauri } from './tauri';

export type { Backend } from './door';
export { toUserError } from './door';

/** The backend of this window; in a plain browser during development, a script that plays scenes. */
export async function openBackend(): Promise<Backend> {
  if (import.meta.env.DEV && !isTauri()) return (await import('../dev/fixture')).fixture;
  return tauri;
}

import { isTauri } from '@tauri-apps/api/core';
import type { Backend } from './backend';
import { tauri } from './tauri/backend';

/** The backend of this window; in a plain browser during development, a script that plays scenes. */
export async function openBackend(): Promise<Backend> {
  if (import.meta.env.DEV && !isTauri()) return (await import('../dev/scene-backend')).sceneBackend;
  return tauri;
}

import { toUserError, type Backend } from '../backend/backend';
import type { RoomTarget, UserError } from '../backend/types';

/** What a text leads to: a room, or why to none. */
export interface Found {
  text: string;
  room: RoomTarget | null;
  error: UserError | null;
}

/** Asks the backend, which alone knows what a link is. */
export async function findRoom(backend: Pick<Backend, 'findRoom'>, text: string): Promise<Found> {
  try {
    return { text, room: await backend.findRoom(text), error: null };
  } catch (cause) {
    return { text, room: null, error: toUserError(cause) };
  }
}

/** True if a server refused because of the token, or because there was none. */
export function asksForToken(error: UserError | null): boolean {
  return error?.params?.reason?.startsWith('token-') ?? false;
}

import type { UserError } from '../backend/types';
import type { Key, Params } from '../i18n';
import { errorText } from '../i18n/errors';
import type { Announcement, AppState, NoticeItem } from './model';
import { outsideCall } from './outside-call';

/** Announcements kept for the live regions; older ones have been read. */
const KEPT = 8;
/** Notices kept; of more the oldest that is not urgent goes first. */
const NOTICES = 4;
/** Messages that come closer together than this are read out as a number (a late joiner receives the whole history). */
const BURST = 1_500;

type How = { urgent?: boolean; visible?: boolean };

/** Adds a sentence for screen readers. */
export function announce(state: AppState, now: number, key: Key, params: Params = {}, how: How = {}): AppState {
  const item: Announcement = {
    id: state.nextId,
    urgent: how.urgent ?? false,
    visible: how.visible ?? false,
    key,
    params,
    at: now,
  };
  return { ...state, nextId: state.nextId + 1, announcements: [...state.announcements, item].slice(-KEPT) };
}

/** Announces a message; a burst of them becomes one number. */
export function announceMessage(state: AppState, now: number, name: string, text: string): AppState {
  const last = state.announcements.at(-1);
  const burst = last && now - last.at < BURST && (last.key === 'say.message' || last.key === 'say.messages');
  const how = { visible: state.panel !== 'chat' };
  if (!burst) return announce(state, now, 'say.message', { name, text }, how);
  const n = last.key === 'say.messages' ? Number(last.params.n) + 1 : 2;
  return announce({ ...state, announcements: state.announcements.slice(0, -1) }, now, 'say.messages', { n }, how);
}

/** Shows an error. The same one is not shown twice at once. */
export function notify(state: AppState, cause: UserError, urgent: boolean): AppState {
  const error = state.call ? cause : outsideCall(cause);
  const same = (item: NoticeItem) => item.error.code === error.code && errorText(item.error) === errorText(error);
  const item: NoticeItem = { id: state.nextId, urgent, error };
  const notices = [...state.notices.filter((notice) => !same(notice)), item];
  while (notices.length > NOTICES) {
    const calm = notices.findIndex((notice) => !notice.urgent);
    notices.splice(Math.max(0, calm), 1);
  }
  return { ...state, nextId: state.nextId + 1, notices };
}

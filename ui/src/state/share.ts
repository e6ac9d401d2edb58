import type { ShareView } from '../backend/types';
import { t } from '../i18n';

/** How one's share stands, in a sentence. */
export function shareSentence({ title, capture, paused, sound }: ShareView): string {
  if (capture.state === 'starting') return t('share.starting', { title });
  if (paused) return t('share.paused', { title });
  return t(sound ? 'share.on.sound' : 'share.on', { title });
}

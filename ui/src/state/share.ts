import type { ShareView } from '../backend/types';
import { t } from '../i18n';

/** How one's share stands, in a sentence. */
export function shareSentence({ title, capture, paused }: ShareView): string {
  if (capture.state === 'starting') return t('share.starting', { title });
  return t(paused ? 'share.paused' : 'share.on', { title });
}

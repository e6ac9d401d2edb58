import type { ShareView } from '../backend/types';
import { t } from '../i18n';
import { shortened } from './format';

/** Letters of a title that are shown: the end of the sentence is what matters. */
const TITLE = 40;

/** How one's share stands, in a sentence. */
export function shareSentence({ title: whole, capture, paused, sound }: ShareView): string {
  const title = shortened(whole, TITLE);
  if (capture.state === 'starting') return t('share.starting', { title });
  if (paused) return t('share.paused', { title });
  return t(sound ? 'share.on.sound' : 'share.on', { title });
}

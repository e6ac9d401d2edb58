import type { RoomPeek } from '../backend/types';
import { t } from '../i18n';
import { shortened } from './format';

/** Who is in the call that the lobby leads to, in a sentence. */
export function insideSentence({ count, names }: RoomPeek): string {
  if (count === 0) return t('lobby.inside.nobody');
  const [first, second] = names.map((name) => shortened(name));
  if (first === undefined) return t('lobby.inside.count', { n: count });
  if (count === 1) return t('lobby.inside.one', { first });
  if (second === undefined) return t('lobby.inside.count', { n: count });
  if (count === 2) return t('lobby.inside.two', { first, second });
  return t('lobby.inside.more', { first, second, n: count - 2 });
}

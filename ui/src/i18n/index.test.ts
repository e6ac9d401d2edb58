import { describe, expect, it } from 'vitest';
import { t } from './index';

describe('t', () => {
  it('fills in parameters, and text that looks like one stays as it is', () => {
    expect(t('say.joined', { name: 'Ben' })).toBe('Ben joined');
    expect(t('say.message', { name: 'Ben', text: 'see {name}' })).toBe('Ben: see {name}');
  });

  it('knows every limit by its name', () => {
    expect(t('home.name.missing')).toBe('Tell the others who you are: enter a name of 1 to 64 characters.');
  });

  it('picks the plural', () => {
    expect(t('say.messages', { n: 1 })).toBe('1 new message');
    expect(t('say.messages', { n: 12 })).toBe('12 new messages');
    expect(t('time.days', { n: 1 })).toBe('yesterday');
  });
});

import { describe, expect, it } from 'vitest';
import { LatestWins } from './latest';

describe('the latest value', () => {
  it('is sent when the one before is done, and all who wanted one are answered then', async () => {
    const sent: number[] = [];
    const latest = new LatestWins<number>(async (value) => {
      sent.push(value);
      await Promise.resolve();
    });
    await Promise.all([latest.want(1), latest.want(2), latest.want(3)]);
    expect(sent).toEqual([1, 3]);
  });

  it('is sent anew once everything is done, unless it is known to be so', async () => {
    const sent: number[] = [];
    const command = async (value: number) => void sent.push(value);
    const forgets = new LatestWins<number>(command);
    await forgets.want(1);
    await forgets.want(1);
    const remembers = new LatestWins<number>(command, 2);
    await remembers.want(2);
    await remembers.want(3);
    await remembers.want(3);
    expect(sent).toEqual([1, 1, 3]);
  });
});

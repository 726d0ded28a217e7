import { describe, expect, it } from 'vitest';
import { LiveView, progressBar, sparkline } from '../../../src/pktgen/live.ts';

describe('the live display', () => {
  it('draws', () => {
    expect(sparkline([0, 1, 4, 8])).toBe('▁▁▄█');
    expect(sparkline([0, 0])).toBe('▁▁');
    expect(progressBar(0.5, 8)).toBe('[####----]');
    expect(progressBar(2, 4)).toBe('[####]');
  });

  it('shows the rates, the loss and the latency of the last moment, and the time left', () => {
    const view = new LiveView();
    view.begin();
    const first = { elapsedS: 1, durationS: 10, tx: 1e6, rx: 9e5, latency: { count: 10, meanNs: 10_000 } };
    expect(view.sample(first, 0)).toEqual([
      'sent 1.00 Mpps, received 900.0 kpps, missing 0.00 %',
      'latency █ 10.0 µs mean',
      '[##----------------------] 9 s left',
    ]);
    // Twenty packets more at a mean of 70 us: 30 at 50 us in all.
    const next = { elapsedS: 2, durationS: 10, tx: 3e6, rx: 9.5e5, latency: { count: 30, meanNs: 50_000 } };
    expect(view.sample(next, 1000)).toEqual([
      'sent 2.00 Mpps, received 50.0 kpps, missing 5.00 %',
      'latency ▂█ 70.0 µs mean',
      '[#####-------------------] 8 s left',
    ]);
  });

  it('estimates what is left of a search', () => {
    const view = new LiveView();
    view.begin();
    view.overall({ trials: 0, doneS: 0, leftS: 9, next: { load: 1e6, durationS: 1 } }, 0);
    const s = { elapsedS: 0.5, durationS: 1, tx: 10, rx: 10, latency: null };
    expect(view.sample(s, 500).at(-1)).toBe('[------------------------] trial 1 at 1.00 Mpps');
    // 4 s in trials took 30 s, 12 are to come.
    view.overall({ trials: 4, doneS: 4, leftS: 12, next: { load: 2e6, durationS: 1 } }, 30_000);
    // Another trial: time begins anew.
    expect(view.sample({ ...s, elapsedS: 0.2 }, 30_000)).toEqual([
      'sent 50 pps, received 50 pps, missing 0.00 %',
      '[######------------------] trial 5 at 2.00 Mpps, about 1 min 30 s left',
    ]);
  });
});

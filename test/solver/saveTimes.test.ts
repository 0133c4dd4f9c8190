/** Save times against the times of what was saved, and trajectories with many against those with few. */
import { expect, it } from 'vitest';
import { method } from '../../src/method/methods.js';
import { judge, newTrack, plan } from '../../src/method/track.js';
import { until } from './support.js';
import { saveTimesOn } from './on/saveTimes.js';
import { eachEngine, quickEngines } from '../engines.js';

eachEngine(quickEngines, 'save times by %s', saveTimesOn);

it('save times of a fixed step are hit after a million steps', () => {
  const how = method('rk4', { step: 1e-3 });
  const stop = until([1000], { maxSteps: Infinity });
  const track = newTrack<null>(0, 1, how);
  const measured = { size: 1, rate: 1, errorRate: 0, radius: NaN };
  for (let hit = false; !hit;) {
    const step = plan(track, how, stop);
    judge(track, step, measured, how, stop);
    hit = step.hit;
  }
  expect(track.accepted).toBe(1_000_000);
  expect(track.tau).toBe(1000);
});
